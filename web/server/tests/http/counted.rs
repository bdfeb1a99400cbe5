//! What counts, how often, and what is said of it, on both databases.

use data::digest::digest;
use serde_json::{Value, json};

use crate::both::on_both;
use crate::client::{Answer, Site as Own};
use crate::results::{doubt, taken};
use crate::sample;

fn fair() -> f64 {
    sample::estimated("rtx-3090")
}

/// The one cell of the sample's machine.
async fn cell(own: &Own) -> Value {
    let medians = own.get("/api/v1/medians").await.json();
    assert_eq!(medians["cells"].as_array().unwrap().len(), 1, "{medians}");
    medians["cells"][0].clone()
}

/// The timing lines of llama.cpp at this speed, tokens a second, sent as people paste them.
async fn paste(own: &Own, decode_tps: f64, from: &str) -> Answer {
    let each_ms = 1000.0 / decode_tps;
    let printed = format!(
        "llama_perf_context_print: prompt eval time =     123.32 ms /   512 tokens (    0.24 ms per token,  4151.80 tokens per second)\n\
         llama_perf_context_print:        eval time =  {:.2} ms /   255 runs   ( {each_ms:.2} ms per token,   {decode_tps:.2} tokens per second)\n",
        255.0 * each_ms
    );
    let reading = data::paste::read(printed.as_bytes());
    let lines = reading.timing_lines(0).expect("timing lines");
    let text = json!({ "lines": lines, "hardware": "RTX 3090", "model": "llama-3.1-8b", "quant": "Q4_K_M" })
        .to_string();
    let pow = own.work(&digest(text.as_bytes())).await;
    own.post("/api/v1/pastes", from, &json!({ "text": text, "pow": pow })).await
}

on_both! {
    /// A space more, or another name of the same machine, makes no other report.
    async fn a_paste_says_its_own_once(own: &Own) {
        let first = paste(own, fair(), "192.0.2.1").await;
        assert_eq!(first.status, 201, "{}", first.text());
        let text = |change: &dyn Fn(&mut Value)| {
            let each_ms = 1000.0 / fair();
            let printed = format!(
                "llama_perf_context_print: prompt eval time =     123.32 ms /   512 tokens (    0.24 ms per token,  4151.80 tokens per second)\n\
                 llama_perf_context_print:        eval time =  {:.2} ms /   255 runs   ( {each_ms:.2} ms per token,   {:.2} tokens per second)\n",
                255.0 * each_ms,
                fair()
            );
            let reading = data::paste::read(printed.as_bytes());
            let mut sent = json!({ "lines": reading.timing_lines(0).unwrap(), "hardware": "rtx-3090", "model": "llama-3.1-8b", "quant": "q4_k_m" });
            change(&mut sent);
            sent.to_string()
        };
        let spaced = |sent: &mut Value| sent["lines"] = format!("{}\n\n", sent["lines"].as_str().unwrap()).into();
        for (number, text) in [text(&|_| {}), text(&spaced), format!("{} ", text(&|_| {}))].iter().enumerate() {
            let pow = own.work(&digest(text.as_bytes())).await;
            let again = own.post("/api/v1/pastes", &format!("192.0.2.{}", 10 + number), &json!({ "text": text, "pow": pow })).await;
            crate::client::refused(&again, 409, "taken before");
            assert_eq!(again.json()["instance"], first.json()["url"]);
        }
        let other = text(&|sent| sent["hardware"] = "rtx-3090-ti".into());
        let pow = own.work(&digest(other.as_bytes())).await;
        assert_eq!(own.post("/api/v1/pastes", "192.0.2.20", &json!({ "text": other, "pow": pow })).await.status, 201);
    }

    /// Whoever makes up machines behind one address is one submitter.
    async fn several_tags_behind_one_key_in_a_day_count_as_one(own: &Own) {
        for who in 1..=3 {
            let answer = own.submit(who, &sample::run(who, fair()), "192.0.2.1").await;
            assert_eq!(answer.json()["state"], "accepted", "{}", answer.text());
        }
        let one = cell(own).await;
        assert_eq!((&one["count"], &one["decode_tps"]), (&json!(1), &Value::Null));
        // A subscriber of IPv6 has many addresses, and is one too.
        for (who, address) in [(4, "2001:db8:1:2::1"), (5, "2001:db8:1:2:ffff::9")] {
            assert_eq!(own.submit(who, &sample::run(who, fair()), address).await.status, 201);
        }
        assert_eq!(cell(own).await["count"], 2);
        assert_eq!(own.submit(6, &sample::run(6, fair()), "192.0.2.6").await.status, 201);
        let three = cell(own).await;
        assert_eq!(three["count"], 3);
        assert!(three["decode_tps"].is_number(), "{three}");
    }

    /// One machine is one submitter from wherever it sends.
    async fn one_machine_counts_once(own: &Own) {
        for number in 1..=4 {
            let mut run = sample::run(1, fair());
            run.backend.version = format!("b{number}");
            assert_eq!(own.submit(1, &run, &format!("192.0.2.{number}")).await.status, 201);
        }
        assert_eq!(cell(own).await["count"], 1);
    }

    /// A run without a tag and a paste count by their address: one a cell and day.
    async fn what_has_no_tag_counts_by_its_address(own: &Own) {
        for who in 1..=3 {
            let mut anonymous = sample::run(who, fair());
            anonymous.tag = None;
            let from = if who == 3 { "192.0.2.2" } else { "192.0.2.1" };
            assert_eq!(own.submit(who, &anonymous, from).await.status, 201);
        }
        assert_eq!(cell(own).await["count"], 2, "two came from one address");
    }

    /// A median that rests on pastes alone is allowed, and says so.
    async fn a_median_of_pastes_alone_says_so(own: &Own) {
        for (number, factor) in [(1, 0.99), (2, 1.0), (3, 1.01), (3, 1.02)] {
            let answer = paste(own, fair() * factor, &format!("192.0.2.{number}")).await;
            assert_eq!(answer.status, 201, "{}", answer.text());
            assert_eq!(answer.json()["state"], "accepted", "{}", answer.text());
        }
        let pasted = cell(own).await;
        assert_eq!((&pasted["count"], &pasted["signed"]), (&json!(3), &json!(0)), "{pasted}");
        assert!(pasted["decode_tps"].is_number(), "{pasted}");
        let list = "/m/llama-3.1-8b?quant=q4_k_m&context=1024";
        let page = own.page_with("rtx-3090", list).await;
        assert!(page.text().contains("pasted by 3, none signed"), "{}", page.text());
        assert_eq!(own.submit(1, &sample::run(1, fair()), "192.0.2.9").await.status, 201);
        let page = own.page_with("rtx-3090", list).await;
        assert!(!page.text().contains("none signed") && page.text().contains("median of 4"), "{}", page.text());
    }

    /// Who asks for it has his bytes taken out; the leaf stays, and what was proven is proven still.
    async fn erasure_keeps_the_leaf(own: &Own) {
        let ids = taken(own, 1..=3).await;
        let sent = own.get(&format!("/api/v1/results/{}", ids[1])).await.json();
        let proof = format!("/api/v1/log/inclusion?digest={}", sent["digest"].as_str().unwrap());
        let before = (own.get("/log/checkpoint").await.text().to_owned(), own.get(&proof).await.json());
        assert!(own.everything().await.contains("Test Processor 2"));
        own.command(&["admin", "erase", &ids[1], "--says", "asked for"]).await.unwrap();
        let after = (own.get("/log/checkpoint").await.text().to_owned(), own.get(&proof).await.json());
        assert_eq!(after, before, "checkpoint and proof");
        let left = own.get(&format!("/api/v1/results/{}", ids[1])).await.json();
        assert_eq!((&left["sent"], &left["digest"], &left["log_index"]), (&Value::Null, &sent["digest"], &json!(1)));
        assert!(own.get(&format!("/r/{}", ids[1])).await.text().contains("erased on request"));
        let kept = own.everything().await;
        assert!(!kept.contains("Test Processor 2") && kept.contains("Test Processor 1"), "no row and no backup has it any more");
    }

    /// A doubt takes nothing from what stands against a result already: both are shown, and none of it counts.
    async fn what_is_held_and_disputed_says_both(own: &Own) {
        let id = taken(own, 1..=1).await.remove(0);
        let admin = async |act: &str, more: &[&str]| {
            own.command(&[&["admin", act, &id], more, &["--says", "so it is"]].concat()).await.unwrap()
        };
        assert_eq!(admin("hold", &[]).await, format!("{id}: held\n"));
        let opened = doubt(own, &id, "Which card is this?").await.json()["dispute"].as_u64().unwrap().to_string();
        let shown = async || {
            let result = own.get(&format!("/api/v1/results/{id}")).await.json();
            let page = own.get(&format!("/r/{id}")).await.text().to_owned();
            let lead = page.split("<p class=\"lead\"><b>").nth(1).and_then(|rest| rest.split("</b>").next());
            (result["state"].as_str().unwrap().to_owned(), result["open_disputes"].clone(), lead.unwrap().to_owned())
        };
        let held = "Held: a maintainer looks at it";
        assert_eq!(shown().await, ("held".into(), json!(1), format!("{held} · In doubt")));
        let badge = own.get(&format!("/badge/{id}.svg")).await;
        assert!(badge.text().contains("Held") && !badge.text().contains("tok/s"), "no speed that does not count");
        assert!(own.get("/dump/results.jsonl").await.text().contains("\"state\":\"held\""));
        // Released, it counts, and is in doubt still.
        assert_eq!(admin("release", &[]).await, format!("{id}: disputed, open disputes: 1\n"));
        assert_eq!(shown().await, ("disputed".into(), json!(1), "In doubt".into()));
        assert_eq!(cell(own).await["count"], 1);
        admin("settle", &[&opened]).await;
        assert_eq!(shown().await, ("reinstated".into(), json!(0), "Reinstated".into()));
    }

    /// Several cards, and tokens guessed ahead, are cells of their own: no median mixes them with plain runs.
    async fn several_cards_and_speculation_form_cells_of_their_own(own: &Own) {
        let plain = sample::run(1, fair());
        let mut two_cards = sample::run(2, fair());
        two_cards.fingerprint.gpus.push(two_cards.fingerprint.gpus[0].clone());
        let mut guessed = sample::run(3, fair() * 1.3);
        guessed.workloads[0].flags.push("speculative".into());
        for (who, run) in [(1, plain), (2, two_cards), (3, guessed)] {
            let answer = own.submit(who, &run, &format!("192.0.2.{who}")).await;
            assert_eq!(answer.status, 201, "{}", answer.text());
        }
        // A run that says of itself that it ran elsewhere, or was cut short, counts nowhere.
        for (who, flag) in [(4, "remote"), (5, "quick")] {
            let mut run = sample::run(who, fair());
            run.workloads[0].flags.push(flag.into());
            let receipt = own.submit(who, &run, &format!("192.0.2.{who}")).await.json();
            assert_eq!((&receipt["state"], &receipt["reasons"][0]["code"]), (&json!("flagged"), &json!(flag)), "{receipt}");
        }
        let medians = own.get("/api/v1/tables/medians.json").await.json();
        let mut cells: Vec<_> = medians.as_array().unwrap().iter().map(|cell| (cell["device"].clone(), cell["speculative"].clone(), cell["count"].clone())).collect();
        cells.sort_by_key(|cell| format!("{cell:?}"));
        let counted = |device: &str, speculative: bool| (json!(device), json!(speculative), json!(1));
        assert_eq!(cells, [counted("rtx-3090", false), counted("rtx-3090", true), counted("rtx-3090+rtx-3090", false)]);
    }
}
