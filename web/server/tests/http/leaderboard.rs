//! Leaderboards: one workload of one suite, the fastest first, with places from three submitters on.

use crate::client::{BEHIND, Site};
use crate::measured::taken;
use crate::sample;

/// The rows of a board: place, machine, decode and submitters, as the table's file has them.
async fn rows(site: &Site, query: &str) -> Vec<serde_json::Value> {
    let answer = site.get(&format!("/api/v1/tables/leaderboard.json{query}")).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.text());
    answer.json().as_array().unwrap().clone()
}

/// One run of machine `who` on another card, faster or slower than expected there.
async fn on(site: &Site, who: u8, card: &str, factor: f64) {
    let hardware = if card.ends_with("4090") { "rtx-4090" } else { "rtx-3090" };
    let mut run = sample::run(who, sample::estimated(hardware) * factor);
    run.fingerprint.gpus[0].name = card.into();
    run.fingerprint.gpus[0].power_limit_w = None;
    run.fingerprint.gpus[0].power_limit_default_w = None;
    let sent = site.submit(who, &run, &format!("192.0.2.{who}")).await;
    assert_eq!(sent.json()["state"], "accepted", "{}", sent.text());
}

#[tokio::test]
async fn a_place_takes_three_and_the_fastest_comes_first() {
    let site = Site::open(BEHIND).await;
    taken(&site, 1..=3).await;
    on(&site, 11, "NVIDIA GeForce RTX 4090", 1.0).await;
    on(&site, 12, "NVIDIA GeForce RTX 4090", 1.02).await;
    let two = rows(&site, "").await;
    assert_eq!(two.len(), 2, "{two:?}");
    assert_eq!(
        (&two[0]["device"], &two[0]["place"], &two[0]["count"]),
        (&"rtx-3090".into(), &1.into(), &3.into())
    );
    assert_eq!(
        (&two[1]["device"], &two[1]["place"]),
        (&"rtx-4090".into(), &serde_json::Value::Null),
        "too few"
    );
    on(&site, 13, "NVIDIA GeForce RTX 4090", 0.99).await;
    // A board is a moment old at most.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let three = rows(&site, "").await;
    assert_eq!((&three[0]["device"], &three[0]["place"]), (&"rtx-4090".into(), &1.into()), "{three:?}");
    assert_eq!(three[1]["place"], 2);
    let fastest = three[0]["decode_tps"].as_f64().unwrap();
    assert!((fastest / sample::estimated("rtx-4090") - 1.0).abs() < 1e-6, "the median of three");

    let page = site.get("/leaderboard").await;
    assert!(page.text().contains("GeForce RTX 4090") && page.text().contains("3 submitters, 3 signed"));
    let report = page.text().split("href=\"/r/").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(site.get(&format!("/r/{report}")).await.status, 200);
}

#[tokio::test]
async fn boards_are_chosen_sorted_and_filtered_by_the_query() {
    let site = Site::open(BEHIND).await;
    taken(&site, 1..=3).await;
    for who in 11..=13 {
        on(&site, who, "NVIDIA GeForce RTX 4090", 0.95).await;
    }
    // Only what ran a workload stands on its board.
    assert_eq!(rows(&site, "?workload=W3").await.len(), 1);
    assert_eq!(rows(&site, "?workload=w4&streams=8").await.len(), 1);
    let one = rows(&site, "?workload=W4").await[0]["decode_tps"].as_f64().unwrap();
    let many = rows(&site, "?workload=W4&streams=16").await[0]["decode_tps"].as_f64().unwrap();
    assert!(many < one, "{many} each of sixteen, {one} alone");
    assert_eq!(rows(&site, "?workload=W2").await, Vec::<serde_json::Value>::new());
    assert_eq!(rows(&site, "?class=apple").await.len(), 0);
    assert_eq!(rows(&site, "?class=discrete_gpu&model=Llama-3.1-8B").await.len(), 2);
    assert_eq!(rows(&site, "?model=qwen3-8b").await.len(), 0);
    // The 4090 is faster; against what was expected of it, the 3090 is.
    assert_eq!(rows(&site, "").await[0]["device"], "rtx-4090");
    assert_eq!(rows(&site, "?sort=ratio").await[0]["device"], "rtx-3090");
    for (query, field) in [
        ("?suite=suite-v9", "suite"),
        ("?workload=W9", "workload"),
        ("?workload=W1&prompt=5", "prompt"),
        ("?streams=3", "streams"),
        ("?sort=colour", "sort"),
        ("?model=no-such-model", "model"),
        ("?class=zzz", "class"),
    ] {
        let answer = site.get(&format!("/api/v1/tables/leaderboard.csv{query}")).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["field"]), (400, &field.into()), "{query}");
        // People get the board that they would have got without it, the choices, and what is wrong.
        let page = site.get(&format!("/leaderboard{query}")).await;
        assert_eq!(page.status, 200, "{query}");
        assert!(page.text().contains(&format!("<b>{field}</b>: ")), "{query}: {}", page.text());
        assert!(
            page.text().contains("GeForce RTX 4090") && page.text().contains("class=\"choices\""),
            "{query}"
        );
        let data = page.text().split("href=\"/api/v1/tables/leaderboard.csv").nth(1).unwrap().to_owned();
        let data = data.split('"').next().unwrap().replace("&#38;", "&");
        let file = site.get(&format!("/api/v1/tables/leaderboard.csv{data}")).await;
        assert_eq!(file.status, 200, "{query}: {data}");
    }
    let near = site.get("/leaderboard?class=zzz").await;
    assert!(near.text().contains("href=\"/leaderboard?class=apple\""), "{}", near.text());
    let page = site.get("/leaderboard?page=zz&utm=1").await;
    assert!(page.text().contains("<b>page</b>: Write a whole number"), "{}", page.text());
    assert!(page.text().contains("\"/api/v1/tables/leaderboard.csv\""), "no parameter that the file refuses");
    let shapes = site.get("/leaderboard?suite=shapes-v1").await;
    assert!(shapes.text().contains("llm-speed-probe bench --shapes"), "{}", shapes.text());
    let soonest = site.get("/leaderboard?sort=ttft").await;
    assert!(soonest.text().contains("aria-sort=\"ascending\""), "{}", soonest.text());
    let unknown = site.get("/api/v1/tables/leaderboard.csv?colour=red").await;
    assert_eq!(unknown.status, 400, "a parameter that is passed over would look as if it had worked");
}

#[tokio::test]
async fn a_withdrawn_result_loses_its_place() {
    let site = Site::open(BEHIND).await;
    taken(&site, 1..=3).await;
    let before = rows(&site, "").await;
    assert_eq!(before[0]["place"], 1);
    let id = before[0]["newest_result"].as_str().unwrap();
    site.command(&["admin", "withdraw", id, "--says", "a test"]).await.unwrap();
    // Boards are at most a second old.
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let after = rows(&site, "").await;
    assert_eq!((&after[0]["place"], &after[0]["count"]), (&serde_json::Value::Null, &2.into()));
    assert_ne!(after[0]["newest_result"], id);
}
