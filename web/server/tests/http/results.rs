//! What becomes of submissions: medians, pages, disputes, the dump.

use data::digest::digest;
use data::dump::DumpRow;
use data::envelope::{ANSWER_TYPE, WITHDRAWAL_TYPE, seal_as};
use serde_json::{Value, json};

use crate::client::{Answer, BEHIND, Site};
use crate::sample;
use crate::schema::departures;

fn fair() -> f64 {
    sample::estimated("rtx-3090")
}

/// Sends one run of each of these machines; returns their ids.
pub async fn taken(site: &Site, who: std::ops::RangeInclusive<u8>) -> Vec<String> {
    let mut ids = Vec::new();
    for who in who {
        let speed = fair() * (0.97 + 0.01 * f64::from(who));
        let answer = site.submit(who, &sample::run(who, speed), &format!("192.0.2.{who}")).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        ids.push(answer.json()["id"].as_str().unwrap().to_owned());
    }
    ids
}

pub async fn doubt(site: &Site, result: &str, says: &str) -> Answer {
    let text = json!({ "result": result, "says": says }).to_string();
    let pow = site.work(&digest(text.as_bytes())).await;
    site.post("/api/v1/disputes", "192.0.2.77", &json!({ "text": text, "pow": pow })).await
}

#[tokio::test]
async fn a_page_takes_doubts_with_scripts_and_without() {
    let site = Site::open(BEHIND).await;
    let id = taken(&site, 1..=1).await.remove(0);
    let page = site.get(&format!("/r/{id}")).await;
    let html = page.text();
    // The form waits for its script; without one, the probe's command is there.
    assert!(html.contains(&format!("<form id=\"dispute\" data-result=\"{id}\" hidden>")), "{html}");
    assert!(html.contains(&format!(
        "<noscript><p>Without scripts, the probe sends it: <code>llm-speed-probe dispute {id} "
    )));
    let script = html.split("src=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    assert!(script.starts_with("/assets/dispute.js?v="), "{script}");
    let script = site.get(script).await;
    assert!(
        script.text().contains("/assets/proof.js") && script.header("cache-control").contains("immutable")
    );
    assert_eq!(site.get("/assets/proof.js").await.status, 200);

    for (says, status) in
        [("", 400), (" \n ", 400), (&"x".repeat(2001), 413), ("<b>Twice</b> what\nI get.", 201)]
    {
        let answer = doubt(&site, &id, says).await;
        assert_eq!(answer.status, status, "{says:?}: {}", answer.text());
    }
    let page = site.get(&format!("/r/{id}")).await;
    let html = page.text();
    assert!(html.contains("&#60;b&#62;Twice&#60;/b&#62; what") && html.contains("· open"), "{html}");
    let number = html.split("id=\"dispute-").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    assert!(html.contains(&format!("llm-speed-probe answer RUN_ID --dispute {number} ")), "{html}");
    site.command(&["admin", "answer", &id, number, "--says", "<i>Looked at.</i>"]).await.unwrap();
    site.command(&["admin", "settle", &id, number, "--says", "It is right."]).await.unwrap();
    let page = site.get(&format!("/r/{id}")).await;
    assert!(
        page.text().contains("&#60;i&#62;Looked at.") && !page.text().contains("· open"),
        "{}",
        page.text()
    );
}

pub fn signed(who: u8, of_type: &str, message: &Value) -> Value {
    json!({ "envelope": seal_as(of_type, message.to_string().as_bytes(), &sample::seed(who)) })
}

fn now_ms() -> i64 {
    server::submit::now_ms()
}

#[tokio::test]
async fn three_reports_are_a_median_on_the_card_and_a_forged_fourth_is_not() {
    let site = Site::open(BEHIND).await;
    let card = "/?hardware=rtx-3090&context=1024&q=llama-3.1-8b&quant=q4_k_m";
    assert!(!site.get(card).await.text().contains("measured, median"));
    taken(&site, 1..=1).await;
    let medians = site.get("/api/v1/medians").await.json();
    assert_eq!(
        (&medians["cells"][0]["count"], &medians["cells"][0]["decode_tps"]),
        (&json!(1), &Value::Null)
    );
    taken(&site, 2..=3).await;
    let medians = site.get("/api/v1/medians").await.json();
    let median = medians["cells"][0]["decode_tps"].as_f64().unwrap();
    assert!((median - fair() * 0.99).abs() < 1e-6, "{medians}");

    // The model's page lists machines; the card of this one shows what was measured, whatever the job's other parts.
    let page = site.page_with("rtx-3090", "/m/llama-3.1-8b?quant=q4_k_m&context=1024").await;
    assert!(page.text().contains("measured, median of 3"), "{}", page.text());
    // Another context is another cell.
    let deep = site.page_with("rtx-3090", "/m/llama-3.1-8b?quant=q4_k_m&context=32k").await;
    assert!(!deep.text().contains("measured, median"));

    let forged = site.submit(4, &sample::run(4, fair() * 2.0), "192.0.2.4").await;
    let state = forged.json()["state"].as_str().unwrap().to_owned();
    assert!(state == "flagged" || state == "held", "{}", forged.text());
    let report = site.get(forged.json()["url"].as_str().unwrap()).await;
    assert!(
        report.text().contains("the estimate") || report.text().contains("at its peak"),
        "{}",
        report.text()
    );
    assert_eq!(site.get("/api/v1/medians").await.json()["cells"][0]["decode_tps"], median);
}

#[tokio::test]
async fn a_result_has_a_page_a_badge_and_json_as_described() {
    let site = Site::open(BEHIND).await;
    let ids = taken(&site, 1..=3).await;
    let page = site.get(&format!("/r/{}", ids[0])).await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    for part in
        ["RTX 3090", "Llama", "reproduced by three or more", "W1", "b7000", "suite-v1", "Proof of inclusion"]
    {
        assert!(page.text().contains(part), "{part}: {}", page.text());
    }
    let badge = site.get(&format!("/badge/{}.svg", ids[0])).await;
    assert_eq!(badge.header("content-type"), "image/svg+xml");
    assert!(badge.text().contains("tok/s"));
    let answer = site.get(&format!("/api/v1/results/{}", ids[0])).await;
    let body = answer.json();
    assert!(body["sent"]["tag"].is_null() && body["sent"]["suite"] == "suite-v1");
    let tag = sample::run(1, 1.0).tag.unwrap();
    assert!(!answer.text().contains(&tag) && !page.text().contains(&tag), "the tag stays with us");
    let document = site.get("/api/v1/openapi.json").await.json();
    let schema = &document["paths"]["/api/v1/results/{id}"]["get"]["responses"]["200"]["content"]["application/json"]
        ["schema"];
    assert_eq!(departures(&document, schema, &body), Vec::<String>::new());
    for path in ["/r/none", "/badge/none.svg", "/badge/none.png", "/api/v1/results/none"] {
        assert_eq!(site.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_dispute_is_opened_answered_and_the_result_withdrawn_by_its_key() {
    let site = Site::open(BEHIND).await;
    let ids = taken(&site, 1..=3).await;
    let id = &ids[0];
    assert_eq!(doubt(&site, "none", "no").await.status, 404);
    let opened = doubt(&site, id, "This card is <b>overclocked</b>.").await;
    assert_eq!(opened.status, 201, "{}", opened.text());
    let number = opened.json()["dispute"].as_u64().unwrap();
    assert_eq!(site.get(&format!("/api/v1/results/{id}")).await.json()["state"], "disputed");
    let page = site.get(&format!("/r/{id}")).await;
    assert!(
        page.text().contains(&format!("id=\"dispute-{number}\"")) && !page.text().contains("<b>overclocked")
    );

    let answer = |who: u8, at_ms: i64| {
        let message = json!({ "result": id, "dispute": number, "says": "It is stock.", "at_ms": at_ms });
        signed(who, ANSWER_TYPE, &message)
    };
    let post = async |path: &str, body: Value| site.post(path, "192.0.2.1", &body).await;
    assert_eq!(post("/api/v1/answers", answer(2, now_ms())).await.status, 403, "another key");
    assert_eq!(post("/api/v1/answers", answer(1, now_ms() - 700_000)).await.status, 403, "an old one");
    let said = answer(1, now_ms());
    assert_eq!(post("/api/v1/answers", said.clone()).await.status, 201);
    let again = post("/api/v1/answers", said).await;
    assert_eq!((again.status.as_u16(), &again.json()["instance"]), (409, &json!(format!("/r/{id}"))));
    let shown = site.get(&format!("/r/{id}")).await;
    assert_eq!(shown.text().matches("It is stock.").count(), 1, "a replay is no second answer");

    // Raw timings: their digest was signed, and what they give is said in public.
    let raw = async |text: &str| {
        let pow = site.work(&digest(text.as_bytes())).await;
        post("/api/v1/evidence", json!({ "result": id, "raw_timings": text, "pow": pow })).await
    };
    assert_eq!(raw("[1]").await.status, 422);
    let sent = raw(sample::RAW).await;
    assert_eq!((sent.status.as_u16(), &sent.json()["agrees"]), (201, &json!(false)), "{}", sent.text());

    let back = |who: u8| {
        signed(who, WITHDRAWAL_TYPE, &json!({ "result": id, "says": "wrong card", "at_ms": now_ms() }))
    };
    assert_eq!(post("/api/v1/withdraw", back(2)).await.status, 403);
    // A signature of one kind is none of another.
    let crossed = signed(1, ANSWER_TYPE, &json!({ "result": id, "says": "", "at_ms": now_ms() }));
    assert_eq!(post("/api/v1/withdraw", crossed).await.status, 403);
    let receipt = post("/api/v1/withdraw", back(1)).await;
    assert_eq!((receipt.status.as_u16(), &receipt.json()["state"]), (200, &json!("withdrawn")));
    let tombstone = site.get(&format!("/r/{id}")).await;
    assert_eq!(tombstone.status, 200);
    assert!(tombstone.text().contains("Withdrawn") && tombstone.text().contains("wrong card"));
    assert_eq!(site.get("/api/v1/medians").await.json()["cells"][0]["count"], 2);
    assert_eq!(site.app.store().head().await.unwrap().edge.size, 3, "the log keeps it");
}

#[tokio::test]
async fn timings_that_give_other_rates_say_so() {
    let site = Site::open(BEHIND).await;
    let speed = fair();
    let chunks: Vec<Value> =
        (0..101).map(|i| json!({ "at_ms": 40.0 + f64::from(i) * 1000.0 / speed, "tokens": 1 })).collect();
    let timings = data::timings::Timings {
        chunks: serde_json::from_value(json!(chunks)).unwrap(),
        prompt_tokens: 128,
        output_tokens: 101,
        wall_ms: 2000.0,
        cached_tokens: Some(0),
        ..data::timings::Timings::default()
    };
    let raw = json!([{ "workload": "W1", "prompt_tokens": 128, "streams": 1, "round": 0, "timings": timings, "extras": {} }]).to_string();
    for (who, factor, ttft_ms, prefill_tps, agrees, part) in [
        (1_u8, 1.0, 40.0, Some(3200.0), true, "Speeds, gaps between tokens and times to the first follow"),
        (2, 1.1, 40.0, None, false, "the run says"),
        (3, 1.0, 60.0, None, false, "first token 40.00 ms, the run says 60.00"),
        (4, 1.0, 40.0, Some(3000.0), false, "prefill 3200.00 tok/s, the run says 3000.00"),
        (5, 1.0, 40.0, None, false, "95 % of the gaps"),
    ] {
        let mut run = sample::run(who, speed * factor);
        (run.workloads[0].ttft_ms, run.workloads[0].prefill_tps) = (Some(ttft_ms), prefill_tps);
        run.workloads[0].decode_p95_latency_ms = Some(if who == 5 { 8000.0 } else { 1000.0 } / speed);
        run.raw_timings_sha256 = digest(raw.as_bytes());
        let id = site.submit(who, &run, &format!("192.0.2.{who}")).await.json()["id"].clone();
        let id = id.as_str().unwrap();
        let send = async || {
            let pow = site.work(&digest(raw.as_bytes())).await;
            let body = json!({ "result": id, "raw_timings": raw, "pow": pow });
            site.post("/api/v1/evidence", "192.0.2.1", &body).await
        };
        let sent = send().await;
        assert_eq!((sent.status.as_u16(), &sent.json()["agrees"]), (201, &json!(agrees)), "{}", sent.text());
        assert!(sent.text().contains("not computed: decode_tps_interval"), "{}", sent.text());
        // The same once more gives the same, and is no event of its own; nobody signed it.
        let again = send().await;
        assert_eq!((again.status.as_u16(), again.json()), (200, sent.json()));
        let result = site.get(&format!("/api/v1/results/{id}")).await.json();
        let events = result["events"].as_array().unwrap().iter().filter(|event| event["kind"] == "evidence");
        let events: Vec<&Value> = events.collect();
        assert_eq!((events.len(), &events[0]["actor"]), (1, &json!("anyone")));
        assert!(events[0]["says"].as_str().unwrap().contains(part), "{}", events[0]);
    }
}

#[tokio::test]
async fn the_dump_is_what_refit_reads() {
    let site = Site::open(BEHIND).await;
    let ids = taken(&site, 1..=3).await;
    let jsonl = site.get("/dump/results.jsonl").await;
    let rows: Vec<DumpRow> = jsonl.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.iter().map(|row| row.run.clone()).collect::<Vec<_>>(), ids);
    assert!(
        rows.iter().all(|row| row.is_vote()
            && row.device == "rtx-3090"
            && row.devices == 1
            && row.backend == "cuda")
    );
    let csv = site.get("/dump/results.csv").await;
    let mut lines = csv.text().lines();
    assert_eq!(lines.next().unwrap(), DumpRow::COLUMNS.join(","));
    assert_eq!(lines.count(), 3);
    for (asked, dump) in [("", "jsonl"), ("?form=jsonl", "jsonl"), ("?form=csv", "csv")] {
        let export = site.get(&format!("/api/v1/export{asked}")).await;
        assert_eq!(export.text(), site.get(&format!("/dump/results.{dump}")).await.text(), "{asked}");
    }
    assert_eq!(site.get("/api/v1/export?form=xml").await.status, 400);
    assert_eq!(site.get("/dump/secret.csv").await.status, 404);
}

/// What was taken before its figures were bounded stays; no page breaks on it.
#[tokio::test]
async fn no_stored_figure_breaks_a_page() {
    let site = Site::open(BEHIND).await;
    for (who, wall_ms) in [(1_u8, -7.0), (2, 1e308), (3, 0.0)] {
        let mut run = sample::full_run(who, 1.0);
        let made = {
            let (engine, judging) = (site.app.engine(), &site.app.submissions().judging);
            let (rules, secret) = (&judging.rules, &judging.secrets.proof);
            let around = server::gate::run::Around { engine, rules, secret, now_ms: now_ms(), dry: true };
            let body = json!({ "envelope": sample::sealed(who, &run), "pow": null }).to_string();
            server::gate::run::candidate(body.as_bytes(), &around).unwrap()
        };
        // The same with bytes that the gate would refuse today.
        for result in &mut run.workloads {
            (result.ttft_ms, result.aggregate_tps, result.answer_tps) =
                (Some(-1e308), Some(-1.0), Some(1e308));
            (result.reasoning_tokens, result.first_answer_ms) = (Some(u32::MAX), Some(-1.0));
        }
        let turns = run.workloads.last_mut().unwrap().turns.as_mut().unwrap();
        (turns.p50_ms, turns.p95_ms, turns.count) = (-1.0, 1e308, u32::MAX);
        for turn in &mut turns.timeline {
            (turn.wall_ms, turn.ttft_ms) = (wall_ms, Some(1e308));
        }
        let gpu = &mut run.fingerprint.gpus[0];
        (gpu.memory_gib, gpu.power_limit_w, gpu.power_limit_default_w) =
            (Some(-1.0), Some(1e308), Some(-0.0));
        run.fingerprint.ram.total_gib = -1e308;
        let payload = serde_json::to_vec(&run).unwrap();
        let mut points = made.points.clone();
        points[0].ttft_ms = Some(1e308);
        (points[0].prefill_tps, points[0].expected_prefill) = (Some(1e-300), None);
        let candidate = server::gate::Candidate { digest: digest(&payload), payload, points, ..made };
        let arrival = server::store::Arrival {
            candidate,
            address: format!("address {who}"),
            at_ms: now_ms(),
            id: format!("stored{who}"),
        };
        let judging = &site.app.submissions().judging;
        let taken = site.app.store().take(&[arrival], judging).await.unwrap().remove(0).unwrap();
        assert_eq!(taken.state, data::submission::State::Accepted, "{taken:?}");
    }
    site.app.touch();
    for path in [
        "/m/llama-3.1-8b?hardware=rtx-3090",
        "/m/llama-3.1-8b",
        "/d/rtx-3090",
        "/d/rtx-3090?model=llama-3.1-8b&quant=q4_k_m",
        "/leaderboard",
        "/benchmarks",
        "/r/stored1",
        "/r/stored2",
        "/r/stored3",
        "/badge/stored1.svg",
        "/social/r/stored2.png",
        "/api/v1/results/stored2",
        "/api/v1/medians",
        "/api/v1/benchmarks",
        "/dump/results.csv",
    ] {
        let answer = site.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
    }
    let page = site.get("/m/llama-3.1-8b?hardware=rtx-3090").await;
    assert!(page.text().contains("Agent trace, turn by turn"), "the traces are shown: {}", page.text());
}

/// The ladder counts machines, and runs without a tag are none.
#[tokio::test]
async fn a_run_without_a_tag_reproduces_nothing() {
    let site = Site::open(BEHIND).await;
    let id = taken(&site, 1..=1).await.remove(0);
    let page = async || site.get(&format!("/r/{id}")).await.text().to_owned();
    for who in 2..=4 {
        let mut anonymous = sample::run(who, fair());
        anonymous.tag = None;
        assert_eq!(site.submit(who, &anonymous, &format!("192.0.2.{who}")).await.status, 201);
    }
    assert!(page().await.contains("not reproduced yet"), "{}", page().await);
    assert_eq!(site.submit(5, &sample::run(5, fair()), "192.0.2.5").await.status, 201);
    assert!(page().await.contains("reproduced by a second machine"), "{}", page().await);
}

/// An answer may name a later result: the server compares, and says what it found.
#[tokio::test]
async fn an_answer_may_name_a_run_that_reproduces() {
    let site = Site::open(BEHIND).await;
    let ids = taken(&site, 1..=2).await;
    let mut deeper = sample::full_run(3, 1.0);
    deeper.workloads.drain(..1);
    let other = site.submit(3, &deeper, "192.0.2.3").await.json()["id"].as_str().unwrap().to_owned();
    let number = doubt(&site, &ids[0], "Really?").await.json()["dispute"].as_u64().unwrap();
    let answer = async |reproduces: &str| {
        let message = json!({ "result": ids[0], "dispute": number, "says": "See the other one.", "reproduces": reproduces, "at_ms": now_ms() });
        site.post("/api/v1/answers", "192.0.2.1", &signed(1, ANSWER_TYPE, &message)).await
    };
    for (wrong, part) in [
        ("none", "There is no result none"),
        (ids[0].as_str(), "came before this one"),
        (other.as_str(), "of another device, model, quantisation, runtime or length"),
    ] {
        let refused = answer(wrong).await;
        assert!(refused.status == 422 && refused.text().contains(part), "{part}: {}", refused.text());
    }
    let taken = answer(&ids[1]).await;
    assert_eq!(taken.status, 201, "{}", taken.text());
    let page = site.get(&format!("/r/{}", ids[0])).await;
    assert!(page.text().contains(&format!("Reproduced by /r/{}: W1 ", ids[1])), "{}", page.text());
}

/// What other sites show beside a link to a result is about that result.
#[tokio::test]
async fn a_link_to_a_result_is_described_by_it() {
    let site = Site::open(BEHIND).await;
    let id = taken(&site, 1..=1).await.remove(0);
    let page = site.get(&format!("/r/{id}")).await;
    for name in ["name=\"description\"", "property=\"og:description\""] {
        let content =
            page.text().split(&format!("{name} content=\"")).nth(1).and_then(|rest| rest.split('"').next());
        let content = content.unwrap();
        assert!(
            content.contains("tok/s") && content.contains("RTX 3090") && content.contains("b7000"),
            "{content}"
        );
    }
    let home = site.get("/").await;
    assert!(!home.text().contains("content=\"\""), "a page without its own has the site's");
}
