//! The rules that hold for every address.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::Request;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use server::headers::Reach;
use server::representation::{Representation, TEXT};
use server::{App, Limits, under_rules};
use tokio::sync::Notify;

use crate::client::Site;

const OWN: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
                   connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Routes that misbehave in every way that a handler can.
fn misbehaving(app: &App, limits: Limits) -> Router {
    let routes = Router::new()
        .route("/panics", get(async || -> &'static str { panic!("a planted panic: do not tell") }))
        .route("/api/panics", get(async || -> &'static str { panic!("a planted panic: do not tell") }))
        .route(
            "/api/sleeps",
            get(async || {
                tokio::time::sleep(Duration::from_secs(60)).await;
                "never"
            }),
        )
        .route("/api/reads", post(async |body: Bytes| Representation::new(TEXT, body.len().to_string())))
        .route("/text", get(async || Representation::new(TEXT, "tokens per second ".repeat(100))))
        .route(
            "/reaches",
            get(async || {
                let mut response = Representation::new(TEXT, "far").into_response();
                response.extensions_mut().insert(Reach::AnyHttps);
                response
            }),
        );
    under_rules(routes, app, limits)
}

async fn site(limits: Limits) -> Site {
    Site::with_routes(&[], limits, misbehaving).await
}

#[tokio::test]
async fn every_answer_carries_the_headers_whatever_happens() {
    let site = site(Limits::default()).await;
    for path in ["/text", "/nowhere", "/api/nowhere", "/panics", "/api/panics"] {
        let answer = site.get(path).await;
        assert_eq!(answer.header("content-security-policy"), OWN, "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin", "{path}");
        assert!(answer.header("permissions-policy").contains("geolocation=()"), "{path}");
        assert!(!answer.headers.contains_key("server"), "{path}");
        assert!(!answer.headers.contains_key("set-cookie"), "{path}");
        // Other sites may read the API, and nothing else.
        let shared = path.starts_with("/api/");
        assert_eq!(answer.header("access-control-allow-origin"), if shared { "*" } else { "" }, "{path}");
        let policy = if shared { "cross-origin" } else { "same-origin" };
        assert_eq!(answer.header("cross-origin-resource-policy"), policy, "{path}");
        assert!(!answer.headers.contains_key("access-control-allow-credentials"), "{path}");
    }
}

#[tokio::test]
async fn only_a_page_that_asks_reaches_other_sites_and_a_flag_adds_an_origin() {
    let flags = ["--connect-src", "http://127.0.0.1:9000"];
    let site = Site::with_routes(&flags, Limits::default(), misbehaving).await;
    let own = OWN.replace("connect-src 'self'", "connect-src 'self' http://127.0.0.1:9000");
    assert_eq!(site.get("/text").await.header("content-security-policy"), own);
    let far = OWN.replace("connect-src 'self'", "connect-src 'self' https: http://127.0.0.1:9000");
    assert_eq!(site.get("/reaches").await.header("content-security-policy"), far);
}

#[tokio::test]
async fn a_panic_is_an_answer_that_tells_nothing() {
    let site = site(Limits::default()).await;
    let answer = site.get("/api/panics").await;
    assert_eq!(answer.status, 500);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.json()["type"], "/problems/internal");
    assert!(!answer.text().contains("planted"), "{}", answer.text());

    let page = site.get("/panics").await;
    assert_eq!(page.status, 500);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(!page.text().contains("planted"), "{}", page.text());
}

#[tokio::test]
async fn a_handler_that_takes_too_long_is_ended() {
    let site = site(Limits { handling: Duration::from_millis(100), ..Limits::default() }).await;
    let answer = site.get("/api/sleeps").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["type"], "/problems/timed-out");
}

#[tokio::test]
async fn more_requests_than_places_are_turned_away_and_places_come_back() {
    let (entered, leave) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let handler = {
        let (entered, leave) = (Arc::clone(&entered), Arc::clone(&leave));
        move || async move {
            entered.notify_one();
            leave.notified().await;
            Representation::new(TEXT, "done")
        }
    };
    let limits = Limits { in_flight: 1, ..Limits::default() };
    let routes = move |app: &App, limits: Limits| {
        under_rules(Router::new().route("/api/held", get(handler.clone())), app, limits)
    };
    let site = Arc::new(Site::with_routes(&[], limits, routes).await);

    let first = tokio::spawn({
        let site = Arc::clone(&site);
        async move { site.get("/api/held").await }
    });
    entered.notified().await;
    let second = site.get("/api/held").await;
    assert_eq!(second.status, 503);
    assert_eq!(second.header("retry-after"), "1");
    assert_eq!(second.json()["type"], "/problems/overloaded");

    leave.notify_one();
    assert_eq!(first.await.unwrap().status, 200);
    leave.notify_one();
    assert_eq!(site.get("/api/held").await.status, 200);
}

#[tokio::test]
async fn what_is_too_large_is_refused_before_it_is_read() {
    let site = site(Limits { url_bytes: 100, body_bytes: 1000, ..Limits::default() }).await;
    let answer = site.get(&format!("/api/nowhere?{}", "x".repeat(100))).await;
    assert_eq!(answer.status, 414);
    assert_eq!(answer.json()["type"], "/problems/too-large");
    assert!(answer.json()["detail"].as_str().unwrap().contains("we read up to 100"));

    let send = async |bytes: usize, is_announced: bool| {
        let request = Request::builder().method("POST").uri("/api/reads");
        let body = vec![b'a'; bytes];
        let request = if is_announced { request.header("content-length", bytes) } else { request };
        // Unannounced, only reading tells.
        let request = request.body(Body::from(body));
        site.send(request.unwrap()).await
    };
    assert_eq!(send(1000, true).await.text(), "1000");
    for is_announced in [true, false] {
        let answer = send(1001, is_announced).await;
        assert_eq!(answer.status, 413, "announced: {is_announced}");
        assert_eq!(answer.json()["type"], "/problems/too-large");
    }
}

#[tokio::test]
async fn wrong_methods_and_addresses_say_so_to_programs_and_people() {
    let site = site(Limits::default()).await;
    let answer = site.ask("DELETE", "/api/reads", &[]).await;
    assert_eq!(answer.status, 405);
    assert_eq!(answer.header("allow"), "POST");
    assert_eq!(answer.json()["type"], "/problems/method");

    let answer = site.get("/api/nowhere").await;
    assert_eq!((answer.status.as_u16(), answer.json()["status"].as_u64()), (404, Some(404)));
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(site.get("/nowhere").await.header("content-type"), "text/html; charset=utf-8");
}

#[tokio::test]
async fn answers_are_packed_as_the_client_likes() {
    let site = site(Limits::default()).await;
    let plain = site.get("/text").await;
    assert_eq!(plain.header("content-encoding"), "");
    for (accept, coding) in
        [("gzip", "gzip"), ("gzip, deflate, br", "br"), ("identity", ""), ("br;q=0,gzip", "gzip")]
    {
        let packed = site.ask("GET", "/text", &[("accept-encoding", accept)]).await;
        assert_eq!(packed.header("content-encoding"), coding);
        assert_eq!(packed.header("vary"), "accept-encoding");
        assert_eq!(packed.header("content-length"), packed.body.len().to_string());
        assert_eq!(packed.header("etag"), plain.header("etag"));
        assert_eq!(packed.decoded(), plain.body, "{accept}");
        assert!(coding.is_empty() || packed.body.len() < plain.body.len() / 10);
    }
}

#[tokio::test]
async fn a_known_tag_saves_the_body() {
    let site = site(Limits::default()).await;
    let first = site.get("/text").await;
    let tag = first.header("etag").to_owned();
    assert!(tag.starts_with("W/\"") && first.header("cache-control") == "no-cache");
    let strong = tag.trim_start_matches("W/").to_owned();
    for known in [tag.as_str(), "*", &format!("\"old\", {tag}"), &strong] {
        let again = site.ask("GET", "/text", &[("if-none-match", known)]).await;
        assert_eq!(again.status, 304, "{known}");
        assert!(again.body.is_empty() && again.header("content-type").is_empty());
        assert_eq!((again.header("etag"), again.header("cache-control")), (tag.as_str(), "no-cache"));
        assert_eq!(again.header("content-security-policy"), OWN);
    }
    for unknown in ["W/\"old\"", "", "nonsense"] {
        assert_eq!(site.ask("GET", "/text", &[("if-none-match", unknown)]).await.status, 200, "{unknown}");
    }
    // An error is never "what you have already".
    assert_eq!(site.ask("GET", "/nowhere", &[("if-none-match", "*")]).await.status, 404);
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let site = site(Limits::default()).await;
    for headers in [&[][..], &[("accept-encoding", "br")], &[("if-none-match", "*")]] {
        for path in ["/text", "/nowhere", "/api/nowhere"] {
            let get = site.ask("GET", path, headers).await;
            let head = site.ask("HEAD", path, headers).await;
            assert_eq!((head.status, &head.headers), (get.status, &get.headers), "{path}");
            assert!(head.body.is_empty());
        }
    }
}

/// A dump reads the whole database: so many at once, and whoever comes then is told when to come back.
#[tokio::test]
async fn dumps_are_few_at_once() {
    let site = Site::open(&[]).await;
    let places: Vec<_> = std::iter::from_fn(|| site.app.dumps().take()).collect();
    assert_eq!(places.len(), 2);
    for address in ["/dump/results.csv", "/dump/results.jsonl", "/api/v1/export"] {
        let answer = site.get(address).await;
        crate::client::refused(&answer, 503, "dumps are being read");
        assert_eq!(answer.header("retry-after"), "60");
    }
    drop(places);
    assert_eq!(site.get("/dump/results.csv").await.status, 200);
}
