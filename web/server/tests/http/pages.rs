//! The pages.

use crate::client::Site;

/// Every page that a person can ask for.
const PAGES: &[&str] = &[
    "/",
    "/?hardware=rtx-3090&context=32k",
    "/?bandwidth_gb_s=500&memory_gib=12&class=discrete_gpu&compute_f16_tflops=40",
    "/?hardware=rtx-9999",
    "/m/qwen3-30b-a3b",
    "/m/qwen3-30b-a3b?hardware=rtx-3090",
    "/d/rtx-3090",
    "/d/rtx-3090?context=32k",
    "/compare",
    "/compare?hardware1=rtx-3090&model1=llama-3.1-8b&hardware2=m4-max-40-core&model2=llama-3.1-8b",
    "/gguf",
    "/embed",
    "/leaderboard",
    "/leaderboard?workload=W3&prompt=65280&class=apple&sort=ttft",
    "/methodology",
    "/about",
];

#[tokio::test]
async fn every_page_is_html_and_loads_only_what_is_there() {
    let site = Site::open(&[]).await;
    for page in PAGES {
        let answer = site.get(page).await;
        assert_eq!(answer.status, 200, "{page}");
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8", "{page}");
        assert_eq!(answer.header("cache-control"), "no-cache", "{page}");
        let html = answer.text();
        assert!(html.starts_with("<!doctype html>") && html.trim_end().ends_with("</html>"), "{page}");
        // The policy stops both, so a page that needs one is broken.
        assert!(!html.contains(" style=\"") && !html.contains(" onclick"), "{page}");
        for attribute in ["src=\"", "<link rel=\"icon\" href=\"", "<link rel=\"stylesheet\" href=\""] {
            for rest in html.split(attribute).skip(1) {
                let address = rest.split('"').next().unwrap().replace("&amp;", "&");
                assert!(address.starts_with('/'), "{page} loads {address}");
                assert_eq!(site.get(&address).await.status, 200, "{page} loads {address}");
            }
        }
    }
}

/// Links from page to page, followed one step.
#[tokio::test]
async fn links_lead_somewhere() {
    let site = Site::open(&[]).await;
    for page in ["/", "/?hardware=rtx-3090", "/m/llama-3.1-8b", "/compare", "/about"] {
        let html = site.get(page).await.text().to_owned();
        let links =
            html.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap().replace("&amp;", "&"));
        let ours: std::collections::BTreeSet<String> = links.filter(|link| link.starts_with('/')).collect();
        assert!(ours.len() >= 5, "{page}: {ours:?}");
        // Every tenth of many: they are made alike.
        for link in ours.iter().step_by(ours.len().div_ceil(20)) {
            assert_eq!(site.get(link).await.status, 200, "{page} links to {link}");
        }
    }
}

#[tokio::test]
async fn only_the_page_that_reads_files_may_fetch_from_elsewhere() {
    let site = Site::open(&[]).await;
    for page in PAGES {
        let policy = site.get(page).await.header("content-security-policy").to_owned();
        let reaches = policy.contains("connect-src 'self' https:;");
        assert_eq!(reaches, page.starts_with("/gguf"), "{page}: {policy}");
        assert!(reaches || policy.contains("connect-src 'self';"), "{page}: {policy}");
    }
    // Kept or made anew, packed or not: the policy is the page's.
    for _ in 0..2 {
        let again = site.ask("GET", "/gguf", &[("accept-encoding", "br")]).await;
        assert!(again.header("content-security-policy").contains("https:"));
    }
}

#[tokio::test]
async fn a_plain_page_is_kept_and_a_question_is_not() {
    let site = Site::open(&[]).await;
    let made = site.ask("GET", "/d/rtx-3090", &[("accept-encoding", "br")]).await;
    assert!(site.app.shelf().kept("/d/rtx-3090").is_some());
    let kept = site.ask("GET", "/d/rtx-3090", &[("accept-encoding", "br")]).await;
    assert_eq!((made.decoded(), made.header("etag")), (kept.decoded(), kept.header("etag")));
    assert_eq!(site.ask("GET", "/d/rtx-3090", &[("if-none-match", kept.header("etag"))]).await.status, 304);

    let other = site.get("/d/rtx-3090?context=32k").await;
    assert_ne!(other.header("etag"), kept.header("etag"));
    // A query of names that the page does not read is the same page, but it is not kept under another address.
    site.get("/about?utm_source=x").await;
    assert!(site.app.shelf().kept("/about").is_none());
    // An answer with an error is never kept.
    site.get("/d/nothing").await;
    assert!(site.app.shelf().kept("/d/nothing").is_none());
}

#[tokio::test]
async fn another_name_of_a_row_leads_to_its_page() {
    let site = Site::open(&[]).await;
    let answer = site.get("/d/NVIDIA%20GeForce%20RTX%203090?context=8k").await;
    assert_eq!(answer.status, 308);
    assert_eq!(answer.header("location"), "/d/rtx-3090?context=8k");
    assert!(answer.header("content-security-policy").starts_with("default-src 'none'"));

    let answer = site.get("/m/Qwen3-30B-A3B").await;
    assert_eq!(answer.header("location"), "/m/qwen3-30b-a3b");
}

#[tokio::test]
async fn what_is_not_there_offers_what_is_near() {
    let site = Site::open(&[]).await;
    let answer = site.get("/d/rtx-3091").await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(
        answer.text().contains("rtx-3091") && answer.text().contains("href=\"/d/rtx-3090\""),
        "{}",
        answer.text()
    );
    let answer = site.get("/m/lama-3.1-8b").await;
    assert!(answer.text().contains("href=\"/m/llama-3.1-8b\""), "{}", answer.text());
    let answer = site.get("/no-such-page").await;
    assert_eq!(answer.status, 404);
    assert!(answer.text().contains("<h1>"), "{}", answer.text());
}

#[tokio::test]
async fn a_page_passes_over_what_it_does_not_know_and_names_what_it_cannot_read() {
    let site = Site::open(&[]).await;
    let with = site.get("/?hardware=rtx-3090&utm_source=news").await;
    assert_eq!(with.status, 200);
    assert!(with.text().contains("GeForce RTX 3090"));
    let wrong = site.get("/?hardware=rtx-3091").await;
    assert!(wrong.text().contains("hardware=rtx-3090"), "the near match is a link");
    let wrong = site.get("/m/llama-3.1-8b?hardware=rtx-3090&context=x").await;
    assert!(wrong.text().contains("no whole number"), "{}", wrong.text());
}

#[tokio::test]
async fn methods_and_heads() {
    let site = Site::open(&[]).await;
    for page in PAGES {
        assert_eq!(site.ask("POST", page, &[]).await.status, 405, "{page}");
        assert_eq!(site.ask("POST", page, &[]).await.header("allow"), "GET,HEAD", "{page}");
        let (get, head) = (site.get(page).await, site.ask("HEAD", page, &[]).await);
        assert_eq!((head.status, &head.headers), (get.status, &get.headers), "{page}");
        assert!(head.body.is_empty());
    }
}
