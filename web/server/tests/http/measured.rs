//! What people measured, on the pages of models, devices and comparisons.

use crate::client::{BEHIND, Site};
use crate::sample;

pub const MODEL: &str = "/m/llama-3.1-8b?hardware=rtx-3090";

/// Full runs of these machines.
pub async fn taken(site: &Site, who: std::ops::RangeInclusive<u8>) {
    for who in who {
        let run = sample::full_run(who, 0.97 + 0.01 * f64::from(who));
        let answer = site.submit(who, &run, &format!("192.0.2.{who}")).await;
        assert_eq!(answer.json()["state"], "accepted", "{}", answer.text());
    }
}

/// The section of a page.
async fn section(site: &Site, page: &str) -> String {
    let answer = site.get(page).await;
    assert_eq!(answer.status, 200, "{page}");
    let section = answer.text().split_once("<section id=\"measured\"").expect("a section").1;
    section.split_once("</section>").expect("closed").0.to_owned()
}

#[tokio::test]
async fn where_nothing_is_measured_the_command_is_told() {
    let site = Site::open(BEHIND).await;
    for page in [MODEL, "/d/rtx-3090", "/compare?hardware1=rtx-3090&model1=llama-3.1-8b"] {
        let section = section(&site, page).await;
        assert!(
            section.contains("llm-speed-probe bench") && !section.contains("<table"),
            "{page}: {section}"
        );
    }
    assert!(section(&site, MODEL).await.contains("--model Llama-3.1-8B"));
}

#[tokio::test]
async fn reports_become_medians_strips_and_curves() {
    let site = Site::open(BEHIND).await;
    taken(&site, 1..=3).await;
    for page in [
        MODEL,
        "/m/llama-3.1-8b",
        "/d/rtx-3090",
        "/compare?hardware1=rtx-3090&model1=llama-3.1-8b&quant1=q4_k_m",
    ] {
        let section = section(&site, page).await;
        assert!(section.contains("3 submitters, 3 signed"), "{page}: {section}");
        let pictures = section.matches("role=\"img\"").count();
        assert_eq!(pictures, 5, "{page}: strips, depth, streams, all together, trace");
        for id in ["c-reports-d", "c-decay-d", "c-streams-d", "c-aggregate-d", "c-trace-d"] {
            assert!(section.contains(&format!("<desc id=\"{id}\">")), "{page}: {id} is told in words");
        }
        // The curves in figures: context of both depths, all counts of requests, the trace's own figures.
        for figure in [
            "<td class=\"num\">32k</td>",
            "<td class=\"num\">64k</td>",
            "<td class=\"num\">16</td>",
            "2.4",
            "86 %",
        ] {
            assert!(section.contains(figure), "{page} lacks {figure}: {section}");
        }
        assert!(!section.contains("Not measured yet"), "{page}");
        let report = section.split("href=\"/r/").nth(1).unwrap().split('"').next().unwrap();
        assert_eq!(site.get(&format!("/r/{report}")).await.status, 200);
    }
    // Another machine, another quantisation: none of it.
    for page in [
        "/m/llama-3.1-8b?hardware=rtx-4090",
        "/d/rtx-4090",
        "/compare?hardware1=rtx-3090&model1=llama-3.1-8b&quant1=q8_0",
    ] {
        assert!(!section(&site, page).await.contains("<table"), "{page}");
    }
}

#[tokio::test]
async fn a_page_that_renders_itself_asks_for_the_medians_of_what_it_is_about() {
    let site = Site::open(BEHIND).await;
    taken(&site, 1..=3).await;
    for about in ["path=/&hardware=RTX+3090", "path=/m/llama-3.1-8b", "path=/d/rtx-3090"] {
        let answer = site.get(&format!("/medians.lines?{about}")).await;
        assert_eq!(answer.status, 200, "{about}");
        let line =
            answer.text().lines().find(|line| line.starts_with("rtx-3090|llama-3.1-8b|q4_k_m|llama.cpp|"));
        let line = line.expect("a line of the cell").to_owned();
        assert!(line.contains("\t3\t3\t"), "{about}: {line}");
    }
    for other in [
        "",
        "path=/&hardware=rtx-4090",
        "path=/&hardware=rtx-3090&power=0.6",
        "path=/m/none",
        "path=/d/rtx-30",
    ] {
        assert_eq!(site.get(&format!("/medians.lines?{other}")).await.text(), "", "{other}");
    }
}

#[tokio::test]
async fn a_kept_page_takes_up_a_new_report_and_an_old_one_is_not_shown_twice() {
    let site = Site::open(BEHIND).await;
    taken(&site, 1..=1).await;
    let dots = |html: &str| html.matches("class=\"thin c0\"").count();
    let before = section(&site, "/d/rtx-3090").await;
    assert!(before.contains("1 report so far"), "{before}");
    assert!(site.app.shelf().kept("/d/rtx-3090", site.app.medians().latest().version()).is_some());
    taken(&site, 2..=2).await;
    let after = section(&site, "/d/rtx-3090").await;
    assert!(dots(&after) > dots(&before), "{} then {}", dots(&before), dots(&after));
}
