//! What search engines find.

use std::collections::BTreeSet;

use crate::client::{BEHIND, Site};
use crate::measured::taken;

fn locations(xml: &str) -> Vec<String> {
    xml.split("<loc>").skip(1).map(|rest| rest.split("</loc>").next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_page_of_a_row_and_every_result_is_in_the_sitemap_and_is_there() {
    let site = Site::open(&[BEHIND, &["--public-url", "https://speed.example"]].concat()).await;
    taken(&site, 1..=2).await;
    let answer = site.get("/sitemap.xml").await;
    assert_eq!(answer.header("content-type"), "application/xml; charset=utf-8");
    let all = locations(answer.text());
    let unique: BTreeSet<&String> = all.iter().collect();
    assert_eq!(unique.len(), all.len());
    let catalog = site.app.catalog();
    let of = |folder: &str| all.iter().filter(|address| address.contains(folder)).count();
    assert_eq!(of("/m/"), catalog.models().len());
    assert_eq!(of("/d/"), catalog.devices().len());
    assert_eq!(of("/r/"), 2);
    // Every fortieth of the rows, and all others.
    for (at, address) in all.iter().enumerate() {
        let path = address.strip_prefix("https://speed.example").expect("the public address");
        if at % 40 == 0 || !(path.starts_with("/m/") || path.starts_with("/d/")) {
            assert_eq!(site.get(path).await.status, 200, "{path}");
        }
    }
    // In parts, as when there are more than fit into one.
    let parts: Vec<String> = [site.get("/sitemap/0.xml").await, site.get("/sitemap/1.xml").await]
        .iter()
        .flat_map(|part| locations(part.text()))
        .collect();
    assert_eq!(parts, all);
    for none in [
        "/sitemap/2.xml",
        "/sitemap/x.xml",
        "/sitemap/1",
        "/sitemap/-1.xml",
        "/sitemap/99999999999999999999.xml",
    ] {
        assert_eq!(site.get(none).await.status, 404, "{none}");
    }
}

#[tokio::test]
async fn without_a_public_address_the_one_that_was_asked_is_named_and_nothing_else() {
    let site = Site::open(&[]).await;
    let robots = site.ask("GET", "/robots.txt", &[("host", "127.0.0.1:8787")]).await;
    assert!(robots.text().contains("Sitemap: http://127.0.0.1:8787/sitemap.xml"), "{}", robots.text());
    assert!(robots.text().contains("Disallow: /api/"));
    let behind =
        site.ask("GET", "/robots.txt", &[("host", "a.example"), ("x-forwarded-proto", "https")]).await;
    assert!(behind.text().contains("Sitemap: https://a.example/sitemap.xml"), "{}", behind.text());
    let hostile = site.ask("GET", "/sitemap.xml", &[("host", "a.example/<script>")]).await;
    assert!(!hostile.text().contains("script"), "a host is a host");
    // What one request says of itself is not kept for another.
    let page = site.ask("GET", "/embed", &[("host", "a.example")]).await;
    assert!(page.text().contains("http://a.example/embed/can-it-run.js"), "{}", page.text());
    let other = site.ask("GET", "/embed", &[("host", "b.example")]).await;
    assert!(other.text().contains("http://b.example/") && !other.text().contains("a.example"));
    for page in ["/m/llama-3.1-8b?hardware=rtx-3090", "/about"] {
        assert!(
            !site.ask("GET", page, &[("host", "a.example")]).await.text().contains("a.example"),
            "{page}"
        );
    }
}
