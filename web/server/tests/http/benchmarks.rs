//! The table of runs over the wire: sorted, filtered, paged, as a page, as JSON and as CSV.

use serde_json::Value;

use crate::client::{BEHIND, Site};
use crate::sample;

async fn rows(site: &Site, query: &str) -> Vec<Value> {
    let answer = site.get(&format!("/benchmarks.json?{query}")).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.text());
    answer.json()["rows"].as_array().unwrap().clone()
}

#[tokio::test]
async fn the_published_table_is_there_without_a_single_submission() {
    let site = Site::open(&[]).await;
    let page = site.get("/benchmarks").await;
    assert_eq!(page.status, 200);
    let html = page.text();
    for text in
        ["206.5–216.7", "llama.cpp 59778f0 (cuda)", "56 runs published", "granite-4.1", "Rows not published"]
    {
        assert!(html.contains(text), "{text}");
    }
    assert!(html.contains("<a href=\"/benchmarks\" aria-current=\"page\">"), "it is in the menu");
    let list = site.get("/api/v1/benchmarks").await.json();
    assert!(list["total"].as_u64().unwrap() >= 47);
    assert!(list["report_card"]["rows"].as_u64().unwrap() >= 41);
}

#[tokio::test]
async fn rows_are_filtered_sorted_and_paged() {
    let site = Site::open(&[]).await;
    let capped = rows(&site, "hardware=rtx-3090&from=curated&q=qwen3.6").await;
    assert_eq!(capped.len(), 6);
    assert!(capped.iter().all(|row| row["power_limit_w"] == 200 && row["family"] == "Qwen3.6"));
    let ratios: Vec<f64> = rows(&site, "family=LFM2&sort=-ratio")
        .await
        .iter()
        .map(|row| row["ratio"].as_f64().unwrap())
        .collect();
    assert!(ratios.len() >= 10 && ratios.is_sorted(), "{ratios:?}");

    let total = site.get("/benchmarks.json").await.json()["total"].as_u64().unwrap() as usize;
    let mut found = Vec::new();
    for page in 1..=total.div_ceil(7) {
        let page = rows(&site, &format!("per_page=7&page={page}")).await;
        assert!(page.len() <= 7);
        found.extend(page);
    }
    assert_eq!(found, rows(&site, "per_page=1000").await, "pages part the table");

    let first = site.get("/benchmarks?per_page=10&backend=cuda").await;
    let next =
        first.text().split("rel=\"next\" href=\"").nth(1).expect("a next page").split('"').next().unwrap();
    let second = site.get(&next.replace("&#38;", "&")).await;
    assert!(second.text().contains("rel=\"prev\""), "{next}");
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_in_data_and_told_on_the_page() {
    let site = Site::open(&[]).await;
    for query in [
        "per_page=1001",
        "sort=colour",
        "shape=round",
        "nonsense=1",
        "from=me",
        "page=%zz",
        "after=5",
        "before=the-last-one",
        "after=0123456789ABCDEF",
        "after=0123456789abcdef01234",
    ] {
        for path in ["/benchmarks.json", "/benchmarks.csv", "/api/v1/benchmarks"] {
            let answer = site.get(&format!("{path}?{query}")).await;
            assert_eq!(answer.status, 400, "{path} {query}");
            assert_eq!(answer.header("content-type"), "application/problem+json", "{path} {query}");
            assert!(answer.json()["detail"].as_str().unwrap().ends_with('.'), "{path} {query}");
        }
    }
    let says = site.get("/benchmarks.json?after=5").await.json()["detail"].as_str().unwrap().to_owned();
    assert!(says.starts_with("after: \"5\" is no row's key"), "{says}");
    for key in ["after=5", "before=the-last-one", "after=0123456789ABCDEF"] {
        let page = site.get(&format!("/benchmarks?{key}")).await;
        assert_eq!(
            (page.status.as_u16(), page.header("content-type")),
            (400, "text/html; charset=utf-8"),
            "{key}"
        );
        assert!(page.text().contains("is no row&#39;s key: write it as `next`"), "{key}: {}", page.text());
    }
    // A key whose row is gone is still one: the page that its number names is given.
    assert_eq!(site.get("/benchmarks.json?after=0123456789abcdef").await.status, 200);
    let page = site.get("/benchmarks?sort=colour&shape=round").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.text().matches("<li><b>").count(), 2, "both are told");
    assert!(page.text().contains("sort=ratio"), "with what may have been meant");
}

#[tokio::test]
async fn csv_holds_the_same_rows() {
    let site = Site::open(&[]).await;
    let answer = site.get("/benchmarks.csv?family=Qwen3.6").await;
    assert!(answer.header("content-type").starts_with("text/csv"));
    let lines: Vec<&str> = answer.text().lines().collect();
    let json = rows(&site, "family=Qwen3.6").await;
    assert_eq!(lines.len(), json.len() + 1);
    assert!(lines[0].starts_with("family,variant,model,quant,"));
    for (line, row) in lines[1..].iter().zip(&json) {
        let speed = format!(",{},{},", row["gen_tps_low"], row["gen_tps_high"]);
        assert!(line.contains(&speed), "{line} {speed}");
    }
    assert_eq!(site.get("/benchmarks.csv?per_page=3&page=2").await.text().lines().count(), 4);
}

#[tokio::test]
async fn a_submission_stands_beside_the_campaigns_and_says_so() {
    let site = Site::open(BEHIND).await;
    assert!(rows(&site, "from=community").await.is_empty());
    let run = sample::full_run(1, 1.0);
    let taken = site.submit(1, &run, "192.0.2.1").await.json();
    assert_eq!(taken["state"], "accepted");
    let mine = rows(&site, "from=community").await;
    let id = taken["url"].as_str().unwrap().rsplit('/').next().unwrap();
    assert!(!mine.is_empty() && mine.iter().all(|row| row["source"] == id && row["origin"] == "signed"));
    let one = mine.iter().find(|row| row["concurrency"] == 1).expect("one stream");
    assert!(one["ratio"].as_f64().unwrap() > 0.5, "the estimate stands beside: {one}");
    assert!(one["figures"].as_array().unwrap().iter().any(|figure| figure["workload"] == "chat-short"));
    let short = rows(&site, "from=community&shape=chat-short&concurrency=1").await;
    assert_eq!(short[0]["gen_tps_low"], short[0]["gen_tps_high"], "one workload, one figure");

    let page = site.get("/benchmarks?from=community").await;
    assert!(page.text().contains(&format!("<a href=\"/r/{id}\">community, signed</a>")));
    assert!(!page.text().contains("Rows not published"), "headings without rows of it are left out");
}

#[tokio::test]
async fn reasoning_and_answer_stand_apart_where_a_run_tells_both() {
    let site = Site::open(BEHIND).await;
    let plain = site.submit(1, &sample::full_run(1, 1.0), "192.0.2.1").await.json();
    let told = site.submit(2, &sample::reasoned(sample::full_run(2, 1.0)), "192.0.2.2").await.json();
    assert_eq!((&plain["state"], &told["state"]), (&"accepted".into(), &"accepted".into()), "{told}");
    let id = told["url"].as_str().unwrap().rsplit('/').next().unwrap();
    let short = rows(&site, "from=community&shape=chat-short&concurrency=1").await;
    assert_eq!(short.len(), 2);
    for row in &short {
        let is_told = row["source"] == id;
        assert_eq!(row["reasoning_tps_low"].is_null(), !is_told, "{row}");
        if is_told {
            let tps = |name: &str| row[name].as_f64().expect("a speed");
            assert!((tps("reasoning_tps_high") / tps("gen_tps_low") - 0.8).abs() < 1e-9, "{row}");
            assert_eq!(tps("answer_tps_low"), tps("gen_tps_low"));
            assert_eq!(row["figures"][0]["reasoning_tps"], row["reasoning_tps_low"]);
        }
    }
    let csv = site.get("/benchmarks.csv?from=community").await;
    assert!(
        csv.text().lines().next().unwrap().contains(",reasoning_tps_low,reasoning_tps_high,answer_tps_low,")
    );
    let page = site.get("/benchmarks?from=community").await;
    assert!(page.text().contains(" reasoning, "), "{}", page.text());
}

#[tokio::test]
async fn the_whole_table_travels_to_browsers() {
    let site = Site::open(&[]).await;
    let answer = site.get("/benchmarks.rows").await;
    assert_eq!(answer.header("content-type"), "application/octet-stream");
    let table = data::table::from_bytes(&answer.body).expect("a table");
    assert!(table.rows.len() >= 47);
}

#[tokio::test]
async fn one_model_or_family_alone_can_be_asked_for_and_left_again() {
    let site = Site::open(&[]).await;
    let all = rows(&site, "per_page=1000").await;
    let mine = rows(&site, "model=gemma-3-270m").await;
    assert!(!mine.is_empty() && mine.len() < all.len());
    assert!(mine.iter().all(|row| row["model"] == "gemma-3-270m"), "{mine:?}");
    let page = site.get("/benchmarks?model=gemma-3-270m&sort=quant").await;
    let html = page.text();
    assert!(html.contains("only gemma-3-270m (<a href=\"/benchmarks?sort=quant\">all</a>)"), "{html}");
    assert!(
        html.contains("<input type=\"hidden\" name=\"model\" value=\"gemma-3-270m\">"),
        "a form without script keeps it"
    );
    let none = site.get("/benchmarks.json?model=nothing").await;
    assert_eq!((none.status.as_u16(), &none.json()["field"]), (400, &"model".into()), "{}", none.text());
}

/// What the trend's section of a page holds.
async fn trend(site: &Site, address: &str) -> String {
    let answer = site.get(address).await;
    assert_eq!(answer.status, 200, "{address}");
    let section = answer.text().split_once("<section class=\"part\" id=\"trend\">").expect("a section").1;
    section.split_once("</section>").expect("closed").0.to_owned()
}

#[tokio::test]
async fn the_seed_has_a_trend_that_its_rows_lead_to() {
    let site = Site::open(&[]).await;
    let page = site.get("/benchmarks?model=gemma-3-270m").await;
    let link =
        page.text().split("<a href=\"").find(|link| link.contains("#trend")).expect("a row leads there");
    let link = link.split('"').next().unwrap().replace("&#38;", "&");
    let address = link.split('#').next().unwrap();
    assert!(address.contains("trend=epyc-vm,gemma-3-270m,q4_k_m"), "{address}");
    let section = trend(&site, address).await;
    for told in [
        "<svg",
        "2026.4.8929",
        "2026.10.11549",
        "2026-11-22",
        "2026-11-23",
        "within noise",
        "llama.cpp (cpu), 4 at once",
    ] {
        assert!(section.contains(told), "{told}: {section}");
    }
    let json = site.get("/api/v1/tables/trends.json?trend=epyc-vm,gemma-3-270m,q4_k_m").await.json();
    assert!(json.as_array().unwrap().iter().filter(|step| !step["change"].is_null()).count() >= 2, "{json}");
}

#[tokio::test]
async fn runs_of_two_versions_that_people_sent_are_a_trend_and_a_change_beyond_noise_is_marked() {
    let site = Site::open(BEHIND).await;
    for (who, version, factor) in [(1, "b7000", 0.9), (2, "b8000", 0.918), (3, "b9000", 1.074)] {
        let mut run = sample::run(who, factor * sample::estimated("rtx-3090"));
        run.backend.version = version.into();
        let taken = site.submit(who, &run, &format!("192.0.2.{who}")).await.json();
        assert_eq!(taken["state"], "accepted", "{version}: {taken}");
    }
    let page = site.get("/benchmarks?from=community").await;
    let address = "/benchmarks?from=community&trend=rtx-3090,llama-3.1-8b,q4_k_m";
    let link = address.replace('&', "&#38;");
    assert!(page.text().contains(&format!("<a href=\"{link}#trend\">over time</a>")), "{}", page.text());
    let section = trend(&site, address).await;
    let lines: Vec<&str> = section.split("<tr").filter(|line| line.contains("<th scope=\"row\">")).collect();
    assert_eq!(lines.len(), 3, "{section}");
    for (line, version, change, verdict) in [
        (lines[0], "b7000", "<td class=\"num\"></td>", "first of its kind"),
        (lines[1], "b8000", "+2 %", "within noise"),
        (lines[2], "b9000", "+17 %", "<b>beyond noise</b>"),
    ] {
        assert!(line.contains(version) && line.contains(change) && line.contains(verdict), "{line}");
    }
    assert!(section.contains("<svg") && section.contains("+17 %</text>"), "the picture marks it: {section}");
}
