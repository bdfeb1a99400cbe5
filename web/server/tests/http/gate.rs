//! What the gate promises, as a client meets it, on both databases: one test for each sentence.

use data::digest::digest;
use data::fingerprint::PowerSource;
use data::submission::{Identity, Submission};
use serde_json::{Value, json};
use server::gate::day;
use server::submit::now_ms;

use crate::both::on_both;
use crate::client::{Answer, Site as Own, refused};
use crate::sample;

fn fair() -> f64 {
    sample::estimated("rtx-3090")
}

/// A fair run of machine number `who` that is like no other of its `build`.
fn run(who: u8, build: &str) -> Submission {
    let mut run = sample::run(who, fair());
    run.backend.version = build.into();
    run
}

/// The day so many days from now.
fn in_days(days: i64) -> String {
    day::of_ms(now_ms() + days * day::DAY_MS)
}

/// A run with its work done.
async fn worked(own: &Own, who: u8, run: &Submission) -> Value {
    let pow = own.work(&digest(&serde_json::to_vec(run).unwrap())).await;
    json!({ "envelope": sample::sealed(who, run), "pow": pow })
}

/// The state that a receipt tells, and the words of its reasons.
fn judged(answer: &Answer) -> (String, Vec<String>) {
    assert_eq!(answer.status, 201, "{}", answer.text());
    let receipt = answer.json();
    let codes = receipt["reasons"].as_array().unwrap().iter();
    let codes = codes.map(|reason| reason["code"].as_str().unwrap().to_owned()).collect();
    (receipt["state"].as_str().unwrap().to_owned(), codes)
}

on_both! {
    /// A run is read up to 64 KiB, a paste up to 256 KiB, and its form is strict.
    async fn size_and_form_are_bounded(own: &Own) {
        let post = async |path: &str, body: &Value| own.post(path, "192.0.2.1", body).await;
        let raw = |text: &str| json!({ "envelope": data::envelope::seal(text.as_bytes(), &sample::seed(1)), "pow": null });
        let sound = serde_json::to_string(&run(1, "b1")).unwrap();
        let padded = |bytes: usize| format!("{sound}{}", " ".repeat(bytes - sound.len()));
        let dry = "/api/v1/runs?dry_run=1";
        assert_eq!(post(dry, &raw(&padded(64 << 10))).await.status, 200, "the most that is read");
        refused(&post(dry, &raw(&padded((64 << 10) + 1))).await, 413, "65537 bytes; 65536 are read");
        let paste = |bytes: usize| json!({ "text": " ".repeat(bytes), "pow": null });
        let pasted = async |bytes: usize| post("/api/v1/pastes?dry_run=1", &paste(bytes)).await;
        refused(&pasted(256 << 10).await, 400, "the paste");
        refused(&pasted((256 << 10) + 1).await, 413, "262145 bytes; 262144 are read");

        for (from, to, part) in [
            ("\"suite\":", "\"colour\":1,\"suite\":", "colour"),
            ("\"suite\":", "\"suite\":\"suite-v1\",\"suite\":", "twice"),
            ("\"wall_ms\":", "\"wall_ms\":1e999,\"x\":", "finite"),
            ("\"wall_ms\":", "\"wall_ms\":NaN,\"x\":", "finite"),
            ("\"b1\"", "\"b\\u0007\"", "U+0007"),
            ("\"b1\"", "\"b\\u202e1\"", "U+202E"),
        ] {
            let changed = sound.replacen(from, to, 1);
            assert_ne!(changed, sound, "{from}");
            refused(&post(dry, &raw(&changed)).await, 400, part);
        }
        refused(&post(dry, &raw(&sound.replacen("suite-v1", "suite-v9", 1))).await, 422, "knows no suite");
        assert_eq!(own.app.store().head().await.unwrap().edge.size, 0, "nothing of it was kept");
    }

    /// A token is good once and for its own bytes, an envelope once.
    async fn a_replay_is_refused(own: &Own) {
        let post = async |body: &Value| own.post("/api/v1/runs", "192.0.2.1", body).await;
        let sent = worked(own, 1, &run(1, "b1")).await;
        let first = post(&sent).await;
        assert_eq!(first.status, 201, "{}", first.text());
        let again = post(&sent).await;
        refused(&again, 409, "before");
        assert_eq!(again.json()["instance"], first.json()["url"]);
        // The same envelope with work of its own.
        let fresh = worked(own, 1, &run(1, "b1")).await;
        refused(&post(&fresh).await, 409, "before");
        // The same work for other bytes, and work that was changed.
        let other = worked(own, 1, &run(1, "b2")).await;
        let with = |pow: &Value| json!({ "envelope": other["envelope"], "pow": pow });
        refused(&post(&with(&sent["pow"])).await, 403, "other bytes");
        let mut later = other["pow"].clone();
        let expires = later["challenge"]["parameters"]["expiresAt"].as_i64().unwrap();
        later["challenge"]["parameters"]["expiresAt"] = json!(expires - 1);
        refused(&post(&with(&later)).await, 403, "wrong");
        refused(&post(&with(&Value::Null)).await, 403, "missing");
        // The work that was not spent by any of this is good.
        assert_eq!(post(&other).await.status, 201);
        assert_eq!(own.app.store().head().await.unwrap().edge.size, 2);
    }

    /// A nonce is spent with the run that it came with, or not at all.
    async fn a_refused_run_spends_no_work(own: &Own) {
        let post = async |body: &Value| own.post("/api/v1/runs", "192.0.2.1", body).await;
        assert_eq!(post(&worked(own, 1, &run(1, "b1")).await).await.status, 201);
        // The key of machine 1 for machine 2: the work is right, and the run is not taken.
        let stolen = worked(own, 1, &run(2, "b2")).await;
        refused(&post(&stolen).await, 403, "other hardware");
        let honest = json!({ "envelope": sample::sealed(2, &run(2, "b2")), "pow": stolen["pow"] });
        assert_eq!(post(&honest).await.status, 201, "the same bytes, signed by their own key");
    }

    async fn the_work_grows_with_use_and_ends_in_a_pause(own: &Own) {
        let site = own.again(&["--submissions-per-hour", "9"]).await;
        let tries = async || {
            let zeros = "0".repeat(64);
            let challenge = site.get(&format!("/api/v1/challenge?digest={zeros}")).await.json();
            let challenge: altcha::Challenge = serde_json::from_value(challenge).unwrap();
            altcha::solve_challenge(altcha::SolveChallengeOptions::new(&challenge)).unwrap().unwrap().counter
        };
        let before = tries().await;
        assert!((200..400).contains(&before));
        for number in 0..3 {
            // The header is no proxy's: whoever writes it is one and the same.
            let answer = site.submit(1, &run(1, &format!("b{number}")), &format!("192.0.2.{number}")).await;
            assert_eq!(answer.status, 201, "{}", answer.text());
        }
        let after = tries().await;
        assert!(after >= 800, "{before} tries before, {after} after three submissions");
        let refusal = site.submit(1, &run(1, "b9"), "192.0.2.99").await;
        refused(&refusal, 429, "try again in");
        assert!(refusal.header("retry-after").parse::<u32>().unwrap() > 60);
        site.close().await;
    }

    /// Of a network address nothing is kept that it could be read from.
    async fn an_address_is_not_kept(own: &Own) {
        for (who, address) in [(1, "203.0.113.77"), (2, "2001:db8:7:7::77")] {
            assert_eq!(own.submit(who, &run(who, "b1"), address).await.status, 201);
        }
        let kept = own.everything().await;
        assert!(kept.contains("rtx-3090"), "what was sent is there");
        for trace in ["203.0.113", "2001:db8", "cb00714d", "20010db800070007"] {
            assert!(!kept.to_lowercase().contains(trace), "{trace}");
        }
    }

    /// Days that have not come, days long gone, and statements of another hour.
    async fn travel_in_time_is_refused(own: &Own) {
        let on = async |who: u8, day: String| {
            let mut run = run(who, "b1");
            run.measured_on = day;
            own.submit(who, &run, "192.0.2.1").await
        };
        refused(&on(1, in_days(2)).await, 422, "has not come");
        refused(&on(1, in_days(-500)).await, 422, "older than 400 days");
        refused(&on(1, "tomorrow".into()).await, 422, "a day is written");
        let taken = on(1, in_days(-1)).await;
        assert_eq!(taken.status, 201, "{}", taken.text());
        for hour in [-1, 1] {
            let message = json!({ "result": taken.json()["id"], "says": "mine", "at_ms": now_ms() + hour * 3_600_000 });
            let of_type = data::envelope::WITHDRAWAL_TYPE;
            let envelope = data::envelope::seal_as(of_type, message.to_string().as_bytes(), &sample::seed(1));
            assert_eq!(own.post("/api/v1/withdraw", "192.0.2.1", &json!({ "envelope": envelope })).await.status, 403);
        }
    }

    /// A key and a tag belong to the hardware that they first came from, and a key to its month.
    async fn keys_and_tags_stay_with_their_hardware(own: &Own) {
        assert_eq!(own.submit(1, &run(1, "b1"), "192.0.2.1").await.status, 201);
        refused(&own.submit(1, &run(2, "b1"), "192.0.2.2").await, 403, "other hardware");
        let mut stolen = run(2, "b1");
        stolen.tag = run(1, "b1").tag;
        refused(&own.submit(2, &stolen, "192.0.2.2").await, 403, "tag belongs to other hardware");
        let mut untagged = run(1, "b2");
        untagged.tag = None;
        refused(&own.submit(1, &untagged, "192.0.2.1").await, 403, "another tag");
        let mut old = run(1, "b2");
        old.measured_on = in_days(-40);
        refused(&own.submit(1, &old, "192.0.2.1").await, 403, "another month");
        let key = sample::sealed(1, &run(1, "b2")).signatures[0].keyid.clone();
        own.command(&["admin", "ban-key", &key, "--says", "forged"]).await.unwrap();
        refused(&own.submit(1, &run(1, "b2"), "192.0.2.1").await, 403, "may not submit");
    }

    /// The file's own figures must be those of the model that is named, and a file that two know is no other model.
    async fn a_file_is_the_model_that_it_is_said_to_be(own: &Own) {
        let claims = |who: u8, reference: &str, params: u64, bytes: u64| {
            let mut run = sample::run(who, 110.0);
            run.model.reference = reference.into();
            (run.model.params, run.model.size_bytes) = (Some(params), Some(bytes));
            run
        };
        let llama = |who: u8| claims(who, "Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf", 8_030_261_312, 4_920_734_272);
        let qwen = |who: u8| claims(who, "Qwen3-8B-Q4_K_M.gguf", 8_190_735_360, 5_027_783_488);
        let send = async |who: u8, run: &Submission| own.submit(who, run, &format!("192.0.2.{who}")).await;
        let renamed = claims(9, "Qwen3-8B-Q4_K_M.gguf", 3_212_749_888, 5_027_783_488);
        refused(&send(9, &renamed).await, 422, "another model");
        let fatter = claims(9, "Qwen3-8B-Q4_K_M.gguf", 8_190_735_360, 8_709_518_112);
        refused(&send(9, &fatter).await, 422, "another quantisation");

        let (_, reasons) = judged(&send(1, &qwen(1)).await);
        assert!(reasons.contains(&"file_unverified".to_owned()), "nobody else knows it: {reasons:?}");
        let mut held = Vec::new();
        for who in [2, 3] {
            let answer = send(who, &llama(who)).await;
            held.push(answer.json()["id"].as_str().unwrap().to_owned());
            let (state, reasons) = judged(&answer);
            assert_eq!((state.as_str(), reasons.contains(&"file_disputed".to_owned())), ("held", true), "{reasons:?}");
        }
        for id in held {
            own.command(&["admin", "release", &id, "--says", "looked at"]).await.unwrap();
        }
        assert_ne!(judged(&send(4, &llama(4)).await).0, "held");
        let last = send(5, &qwen(5)).await;
        let (state, reasons) = judged(&last);
        assert_eq!((state.as_str(), reasons.contains(&"file_disputed".to_owned())), ("held", true), "{reasons:?}");
        assert!(last.text().contains("known as llama-3.1-8b"), "{}", last.text());
    }

    /// Signed above pasted above a model by its name, and each says which it is.
    async fn evidence_has_classes(own: &Own) {
        let mut named = run(1, "b1");
        named.model.identity = Identity::Unverified;
        (named.model.digest, named.model.params) = (None, None);
        // The word of a run that its model was hashed is no digest.
        let with = |who: u8, identity: Identity, digest: Option<&str>| {
            let mut run = run(who, "b1");
            (run.model.identity, run.model.digest) = (identity, digest.map(str::to_owned));
            run
        };
        let told = Some(sample::FILE);
        for (who, run, class) in [
            (1, named, "unverified"),
            (2, run(2, "b1"), "signed"),
            (3, with(3, Identity::File, None), "unverified"),
            (4, with(4, Identity::Runtime, Some("latest")), "unverified"),
            (5, with(5, Identity::Header, Some("")), "unverified"),
            (6, with(6, Identity::Unverified, told), "unverified"),
            (7, with(7, Identity::Runtime, told), "signed"),
        ] {
            let receipt = own.submit(who, &run, &format!("192.0.2.{who}")).await.json();
            let result = own.get(&format!("/api/v1/results/{}", receipt["id"].as_str().unwrap())).await.json();
            assert_eq!(result["evidence_class"], class);
            let page = own.get(receipt["url"].as_str().unwrap()).await;
            let words = if class == "signed" { "signed run" } else { "signed, model by name only" };
            assert!(page.text().contains(words), "{}", page.text());
        }
    }

    /// Above the roofline: held. Far from what is expected, with nobody else there: flagged. Unlike itself: held. All of it
    /// is kept, and says why.
    async fn what_is_not_plausible_is_kept_and_says_so(own: &Own) {
        let send = async |who: u8, factor: f64, build: &str| {
            let mut run = sample::run(who, fair() * factor);
            run.backend.version = build.into();
            own.submit(who, &run, &format!("192.0.2.{who}")).await
        };
        let (state, reasons) = judged(&send(1, 9.0, "b1").await);
        assert_eq!((state.as_str(), reasons.contains(&"above_roofline".to_owned())), ("held", true), "{reasons:?}");
        let (state, reasons) = judged(&send(2, 0.2, "b1").await);
        assert_eq!((state.as_str(), reasons.contains(&"far_from_estimate".to_owned())), ("flagged", true), "{reasons:?}");
        for who in 3..=5 {
            assert_eq!(judged(&send(who, 1.0, "b1").await).0, "accepted");
        }
        let (state, reasons) = judged(&send(6, 0.55, "b1").await);
        assert_eq!((state.as_str(), reasons.contains(&"far_from_others".to_owned())), ("flagged", true), "{reasons:?}");
        let (state, reasons) = judged(&send(3, 0.55, "b2").await);
        assert_eq!((state.as_str(), reasons.contains(&"differs_from_own".to_owned())), ("held", true), "{reasons:?}");
        assert_eq!(own.app.store().head().await.unwrap().edge.size, 7, "none was dropped");
        assert_eq!(own.get("/api/v1/medians").await.json()["cells"][0]["count"], 3);
    }

    /// What no cell has a vote on is judged as well: it is published with the result and in curves.
    async fn figures_without_a_vote_are_judged_too(own: &Own) {
        let send = async |who: u8, change: &dyn Fn(&mut Submission)| {
            let mut run = sample::full_run(who, 1.0);
            change(&mut run);
            judged(&own.submit(who, &run, &format!("192.0.2.{who}")).await)
        };
        assert_eq!(send(1, &|_| {}).await.0, "accepted");
        type Changes<'a> = &'a [(&'a str, &'a dyn Fn(&mut Submission), &'a str)];
        let changes: Changes<'_> = &[
            ("held", &|run| run.workloads[4].aggregate_tps = Some(90_000.0), "above_roofline"),
            ("held", &|run| run.workloads[1].ttft_ms = Some(1.0), "above_roofline"),
            ("held", &|run| run.workloads[4].prefill_tps = Some(9e6), "above_roofline"),
            ("held", &|run| run.workloads[0].answer_tps = Some(9000.0), "above_roofline"),
            ("flagged", &|run| run.workloads[4].aggregate_tps = Some(1.0), "figures_disagree"),
            ("flagged", &|run| run.workloads[0].first_answer_ms = Some(0.5), "figures_disagree"),
        ];
        for (who, (state, change, code)) in (2..).zip(changes) {
            let (is, reasons) = send(who, change).await;
            assert_eq!(is, *state, "{who}: {reasons:?}");
            assert!(reasons.contains(&(*code).to_owned()), "{who}: {reasons:?}");
        }
    }

    /// Figures that cannot be are refused with their name, before anything is kept.
    async fn figures_that_cannot_be_are_refused(own: &Own) {
        let send = async |change: &dyn Fn(&mut Submission)| {
            let mut run = sample::full_run(1, 1.0);
            change(&mut run);
            let body = json!({ "envelope": sample::sealed(1, &run), "pow": null });
            own.post("/api/v1/runs?dry_run=true", "192.0.2.1", &body).await
        };
        assert_eq!(send(&|_| {}).await.status, 200);
        let turns = |run: &mut Submission| run.workloads.last_mut().unwrap().turns.take().unwrap();
        refused(&send(&|run| {
            let mut told = turns(run);
            told.timeline[2].wall_ms = -7.0;
            run.workloads.last_mut().unwrap().turns = Some(told);
        }).await, 422, "W5: turn 3: wall_ms is -7");
        refused(&send(&|run| {
            let told = turns(run);
            run.workloads.last_mut().unwrap().turns = Some(data::submission::Turns { count: 3, ..told });
        }).await, 422, "10 turns in the timeline of 3");
        refused(&send(&|run| run.fingerprint.gpus[0].power_limit_w = Some(0.0)).await, 422, "power_limit_w");
        refused(&send(&|run| run.fingerprint.ram.read_gb_s = Some(-1.0)).await, 422, "read_gb_s");
        refused(&send(&|run| run.calibration.latency_ms = -1.0).await, 422, "calibration.latency_ms");
    }

    /// A name with a slip in it is answered with what comes near, and a runtime that there is not with those that there are.
    async fn names_that_lead_nowhere_are_told(own: &Own) {
        let lines = "llama_perf_context_print: prompt eval time =     521.12 ms /   128 tokens (    4.07 ms per token,   245.62 tokens per second)\n\
            llama_perf_context_print:        eval time =    4310.00 ms /   127 runs   (   33.94 ms per token,    29.47 tokens per second)\n";
        let reading = data::paste::read(lines.as_bytes());
        let lines = reading.timing_lines(0).unwrap();
        let post = async |model: &str, quant: &str, runtime: &str| {
            let text = json!({ "lines": lines, "hardware": "rtx-3090", "model": model, "quant": quant, "runtime": runtime });
            let body = json!({ "text": text.to_string(), "pow": null });
            own.post("/api/v1/pastes?dry_run=1", "192.0.2.1", &body).await
        };
        assert_eq!(post("llama-3.1-8b", "q4_k_m", "llama.cpp").await.status, 200);
        refused(&post("llama-3.1-8bb", "q4_k_m", "llama.cpp").await, 422, "Nearest to it: llama-3.1-8b");
        refused(&post("qqqqzzzz", "q4_k_m", "llama.cpp").await, 422, "\"qqqqzzzz\" is not in the catalogue.");
        refused(&post("llama-3.1-8b", "q4_k_n", "llama.cpp").await, 422, "q4_k_m");
        refused(&post("llama-3.1-8b", "q4_k_m", "nope").await, 422, "runtime is \"nope\"; it is one of llama.cpp");
    }

    /// Whoever writes `dry_run` in a way that is not read must not submit by it.
    async fn a_dry_run_keeps_nothing(own: &Own) {
        let body = worked(own, 1, &run(1, "b1")).await;
        let post = async |query: &str| own.post(&format!("/api/v1/runs?dry_run={query}"), "192.0.2.1", &body).await;
        for dry in ["1", "true"] {
            assert_eq!(post(dry).await.status, 200, "{dry}");
        }
        for other in ["yes", "TRUE", "", "2"] {
            let answer = post(other).await;
            assert_eq!(answer.status, 400, "{other}: {}", answer.text());
            assert!(answer.text().contains("1 or true, 0 or false"), "{}", answer.text());
        }
        assert_eq!(own.app.store().head().await.unwrap().edge.size, 0, "nothing was kept");
        assert_eq!(post("false").await.status, 201);
    }

    /// Battery, heat and a power cap are told with the result.
    async fn the_state_of_the_machine_travels_along(own: &Own) {
        let mut tired = run(1, "b1");
        tired.before.power = Some(PowerSource::Battery);
        tired.after.cpu_speed_limit_percent = Some(60);
        let receipt = own.submit(1, &tired, "192.0.2.1").await;
        let (state, reasons) = judged(&receipt);
        assert_eq!(state, "accepted", "{reasons:?}");
        assert!(reasons.contains(&"on_battery".to_owned()) && reasons.contains(&"cpu_thermal_limit".to_owned()), "{reasons:?}");
        let page = own.get(receipt.json()["url"].as_str().unwrap()).await;
        assert!(page.text().contains("ran on its battery") && page.text().contains("Heat slowed"), "{}", page.text());
        let mut capped = run(2, "b1");
        capped.fingerprint.gpus[0].power_limit_w = Some(175.0);
        let receipt = own.submit(2, &capped, "192.0.2.2").await;
        let result = own.get(&format!("/api/v1/results/{}", receipt.json()["id"].as_str().unwrap())).await.json();
        assert_eq!(result["device"], "rtx-3090@50%", "a cell of its own");
    }
}
