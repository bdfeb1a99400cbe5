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

fn signed(who: u8, of_type: &str, message: &Value) -> Value {
    json!({ "envelope": seal_as(of_type, message.to_string().as_bytes(), &sample::seed(who)) })
}

fn now_ms() -> i64 {
    server::submit::now_ms()
}

#[tokio::test]
async fn three_reports_are_a_median_on_the_card_and_a_forged_fourth_is_not() {
    let site = Site::open(BEHIND).await;
    let card = "/?hardware=rtx-3090&context=1024&q=llama-3.1-8b&quant=q4_k_m";
    assert!(!site.get(card).await.text().contains("measured"));
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
    assert_eq!(post("/api/v1/answers", answer(1, now_ms())).await.status, 201);

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
        ..data::timings::Timings::default()
    };
    let raw = json!([{ "workload": "W1", "prompt_tokens": 128, "streams": 1, "round": 0, "timings": timings, "extras": {} }]).to_string();
    for (who, factor, agrees) in [(1_u8, 1.0, true), (2, 1.1, false)] {
        let mut run = sample::run(who, speed * factor);
        run.raw_timings_sha256 = digest(raw.as_bytes());
        let id = site.submit(who, &run, &format!("192.0.2.{who}")).await.json()["id"].clone();
        let pow = site.work(&digest(raw.as_bytes())).await;
        let sent = site
            .post("/api/v1/evidence", "192.0.2.1", &json!({ "result": id, "raw_timings": raw, "pow": pow }))
            .await;
        assert_eq!(sent.json()["agrees"], agrees, "{}", sent.text());
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
        rows.iter()
            .all(|row| row.counts() && row.device == "rtx-3090" && row.devices == 1 && row.backend == "cuda")
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
