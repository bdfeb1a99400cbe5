//! What other sites show of ours: frames, badges, pictures, and the words beside a link.

use crate::client::Site;
use crate::sample;

const PAIR: &str = "rtx-3090/llama-3.1-8b";
const QUERY: &str = "?quant=q4_k_m&context=1024";

/// Width and height of a PNG, out of its header.
fn dimensions(png: &[u8]) -> (u32, u32) {
    assert_eq!(png[1..4], *b"PNG");
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    (number(16), number(20))
}

#[tokio::test]
async fn a_frame_may_stand_on_any_site_and_does_nothing_but_show() {
    let site = Site::open(&[]).await;
    let frame = site.get(&format!("/embed/{PAIR}{QUERY}")).await;
    assert_eq!(frame.status, 200);
    let policy = frame.header("content-security-policy");
    assert!(policy.contains("frame-ancestors *") && policy.starts_with("default-src 'none'"), "{policy}");
    assert!(!policy.contains("script-src") && !frame.text().contains("<script"), "{policy}");
    assert_eq!(frame.header("cross-origin-resource-policy"), "cross-origin");
    assert_eq!(frame.header("cache-control"), "public, max-age=3600");
    let api =
        site.get("/api/v1/estimate?hardware=rtx-3090&model=llama-3.1-8b&quant=q4_k_m&context=1024").await;
    let low = api.json()["decode_tps"]["low"].as_f64().unwrap();
    assert!(frame.text().contains(&format!("<b>{low:.0}–")), "{low}: {}", frame.text());
    assert!(frame.text().contains("target=\"_blank\"") && frame.text().len() < 6000);
    // Every other page still refuses.
    for page in ["/", "/embed", "/m/llama-3.1-8b", "/embed/none"] {
        let answer = site.get(page).await;
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{page}");
    }
}

#[tokio::test]
async fn names_are_found_and_what_is_wrong_is_said() {
    let site = Site::open(&[]).await;
    let named = site.get("/embed/NVIDIA%20GeForce%20RTX%203090/Llama-3.1-8B?quant=Q4_K_M&context=1k").await;
    assert_eq!((named.status.as_u16(), named.text().contains("/m/llama-3.1-8b?")), (200, true));
    for (address, status) in [
        ("/embed/none/llama-3.1-8b", 404),
        ("/embed/rtx-3090/none", 404),
        ("/badge/rtx-3090/llama-3.1-8b.png", 404),
        ("/badge/rtx-3090/none.svg", 404),
        ("/social/rtx-3090/none.png", 404),
        ("/social/rtx-3090/llama-3.1-8b.jpg", 404),
        ("/social/r/none.png", 404),
        ("/embed/rtx-3090/llama-3.1-8b?quant=q99", 400),
        ("/embed/rtx-3090/llama-3.1-8b?context=x", 400),
        ("/social/rtx-3090/llama-3.1-8b.png?context=x", 400),
    ] {
        let answer = site.get(address).await;
        assert_eq!(answer.status, status, "{address}: {}", answer.text());
        assert_eq!(answer.header("cache-control"), "no-store", "{address}");
    }
}

#[tokio::test]
async fn a_frame_says_what_is_wrong_inside_the_frame_and_a_picture_in_the_picture() {
    let site = Site::open(&[]).await;
    for (address, says) in [
        ("/embed/rtx-3091/llama-3.1-8b", "We do not know “rtx-3091”"),
        ("/embed/rtx-3090/llama-3.1-9b", "We do not know “llama-3.1-9b”"),
        ("/embed/rtx-3090/llama-3.1-8b?context=x", "context: &#34;x&#34; is no whole number"),
    ] {
        let frame = site.get(address).await;
        let policy = frame.header("content-security-policy");
        assert!(
            policy.contains("frame-ancestors *") && !policy.contains("script-src"),
            "{address}: {policy}"
        );
        assert!(frame.text().contains(says), "{address}: {}", frame.text());
        assert!(frame.text().contains("class=\"framed\"") && frame.text().len() < 3000, "{address}");
        assert_eq!(frame.header("cross-origin-resource-policy"), "cross-origin");
    }
    let near = site.get("/embed/rtx-3091/llama-3.1-8b").await;
    assert!(near.text().contains("href=\"/d/rtx-3090\""), "{}", near.text());
    for address in ["/badge/rtx-3091/llama-3.1-8b.svg", "/badge/rtx-3090/llama-3.1-8b.svg?context=x"] {
        let badge = site.get(address).await;
        assert_eq!(badge.header("content-type"), "image/svg+xml", "{address}");
        assert!(badge.text().contains(">unknown<") && badge.text().contains("#5c6470"), "{}", badge.text());
    }
    let picture = site.get("/social/rtx-3091/llama-3.1-8b.png").await;
    assert_eq!((picture.status.as_u16(), picture.header("content-type")), (404, "image/png"));
    assert_eq!(dimensions(&picture.body), (1200, 630));
}

#[tokio::test]
async fn pictures_are_drawn_once_and_known_again() {
    let site = Site::open(&[]).await;
    let address = format!("/social/{PAIR}.png{QUERY}");
    let picture = site.get(&address).await;
    assert_eq!((picture.status.as_u16(), picture.header("content-type")), (200, "image/png"));
    assert_eq!(dimensions(&picture.body), (1200, 630));
    assert_eq!(picture.header("cross-origin-resource-policy"), "cross-origin");
    let again = site.ask("GET", &address, &[("if-none-match", picture.header("etag"))]).await;
    assert_eq!(again.status, 304);
    assert_eq!(site.get(&address).await.body, picture.body);
    let other = site.get("/social/m4-max-40-core/llama-3.1-8b.png").await;
    assert_ne!(other.body, picture.body);
    // What is too big has a picture too.
    assert_eq!(site.get("/social/rtx-3090/deepseek-r1.png").await.status, 200);
}

#[tokio::test]
async fn three_reports_turn_an_estimate_into_a_measurement_everywhere() {
    let site = Site::open(&["--trusted-proxies", "1", "--submissions-per-hour", "300"]).await;
    let [badge, frame, picture] = [
        format!("/badge/{PAIR}.svg{QUERY}"),
        format!("/embed/{PAIR}{QUERY}"),
        format!("/social/{PAIR}.png{QUERY}"),
    ];
    let before = site.get(&picture).await;
    assert!(site.get(&badge).await.text().contains('–'), "a range");
    assert!(site.get(&frame).await.text().contains("estimated"));
    let mut id = String::new();
    for who in 1_u8..=3 {
        let run = sample::run(who, sample::estimated("rtx-3090"));
        let sent = site.submit(who, &run, &format!("192.0.2.{who}")).await;
        id = sent.json()["id"].as_str().unwrap().to_owned();
    }
    let speed = format!("{:.0} tok/s", sample::estimated("rtx-3090"));
    let svg = site.get(&badge).await;
    assert_eq!(svg.header("content-type"), "image/svg+xml");
    assert!(svg.text().contains(&speed) && !svg.text().contains('–'), "{}", svg.text());
    assert!(site.get(&frame).await.text().contains("measured, median of 3"));
    assert_ne!(site.get(&picture).await.body, before.body);
    // A result has its own.
    let own = site.get(&format!("/social/r/{id}.png")).await;
    assert_eq!(dimensions(&own.body), (1200, 630));
    let page = site.get(&format!("/r/{id}")).await;
    let meta = format!("<meta property=\"og:image\" content=\"/social/r/{id}.png\">");
    assert!(page.text().contains(&meta) && page.text().contains("og:title"), "{}", page.text());
}

#[tokio::test]
async fn a_link_is_shown_with_the_picture_of_its_pair_under_the_public_address() {
    let site = Site::open(&["--public-url", "https://speed.example"]).await;
    let page = site.get("/m/llama-3.1-8b?hardware=rtx-3090&quant=q4_k_m&context=1024&q=x").await;
    let image = page.text().split("og:image\" content=\"").nth(1).unwrap().split('"').next().unwrap();
    let image = image.replace("&#38;", "&");
    let path = image.strip_prefix("https://speed.example").expect("an absolute address");
    assert_eq!(path, "/social/rtx-3090/llama-3.1-8b.png?context=1024&quant=q4_k_m");
    assert_eq!(site.get(path).await.status, 200);
    // No pair, no picture.
    for page in ["/m/llama-3.1-8b", "/m/llama-3.1-8b?hardware=rtx-3090&devices=2", "/", "/d/rtx-3090"] {
        let answer = site.get(page).await;
        assert!(answer.text().contains("og:title") && !answer.text().contains("og:image"), "{page}");
    }
}

#[tokio::test]
async fn the_page_of_snippets_hands_out_what_works() {
    let site = Site::open(&["--public-url", "https://speed.example"]).await;
    let page = site.get("/embed?hardware=rtx-3090&model=llama-3.1-8b&quant=q4_k_m").await;
    assert!(page.header("content-security-policy").contains("frame-src 'self'"));
    let html =
        page.text().replace("&#34;", "\"").replace("&#60;", "<").replace("&#62;", ">").replace("&#38;", "&");
    let html = html.replace("&amp;", "&");
    let mut handed = 0;
    for rest in html.split("https://speed.example").skip(1) {
        let address: String = rest.chars().take_while(|c| !matches!(c, '"' | ')' | '<' | '\n')).collect();
        assert_eq!(site.get(&address).await.status, 200, "{address}");
        handed += 1;
    }
    assert!(handed >= 6, "{handed}: {html}");
    assert!(
        html.contains("<can-it-run device=\"rtx-3090\" model=\"llama-3.1-8b\" quant=\"q4_k_m\">"),
        "{html}"
    );
    let element = site.get("/embed/can-it-run.js").await;
    assert_eq!(element.header("access-control-allow-origin"), "*");
    assert!(element.header("content-type").starts_with("text/javascript"));
    // Without a machine it shows an example; with one that nobody knows it says so.
    assert!(site.get("/embed").await.text().contains("&#60;can-it-run"));
    let wrong = site.get("/embed?hardware=rtx-3091&model=llama-3.1-8b").await;
    assert!(wrong.status == 200 && wrong.text().contains("hardware=rtx-3090"), "{}", wrong.text());
}
