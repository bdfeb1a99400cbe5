//! Signing in against an identity service on this machine, which plays everything that the flow knows; claiming a machine,
//! the pages about it, and taking it all away.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::routing::{get, post};
use data::envelope::{self, CLAIM_TYPE};
use data::submission::{MachineClaim, SignedRequest};
use serde_json::{Value, json};

use crate::client::{Answer, Site};
use crate::sample;

/// What the service answers and was asked.
#[derive(Debug, Default)]
struct Played {
    /// Answers to questions for the token, the last one again and again.
    answers: Vec<&'static str>,
    turn: AtomicUsize,
    /// Account number and name.
    account: Mutex<(u64, String)>,
    /// Every form and every bearer that came.
    heard: Mutex<Vec<String>>,
}

/// A service that plays these answers for an account; its address.
async fn service(answers: &[&'static str], number: u64, name: &str) -> (String, Arc<Played>) {
    let played = Arc::new(Played {
        answers: answers.to_vec(),
        account: Mutex::new((number, name.to_owned())),
        ..Played::default()
    });
    let invite = async |State(played): State<Arc<Played>>, form: String| {
        played.heard.lock().unwrap().push(form);
        r#"{"device_code":"dev 1","user_code":"ABCD-1234","verification_uri":"https://id.example/device","expires_in":900,"interval":5}"#
    };
    let token = async |State(played): State<Arc<Played>>, form: String| {
        played.heard.lock().unwrap().push(form);
        let turn = played.turn.fetch_add(1, Ordering::SeqCst);
        let answer = played.answers[turn.min(played.answers.len() - 1)];
        // As RFC 8628 has it: "not yet" is a refusal.
        (if answer.contains("error") { StatusCode::BAD_REQUEST } else { StatusCode::OK }, answer)
    };
    let user = async |State(played): State<Arc<Played>>, headers: HeaderMap| {
        played.heard.lock().unwrap().push(headers["authorization"].to_str().unwrap().to_owned());
        let (id, login) = played.account.lock().unwrap().clone();
        json!({ "id": id, "login": login, "email": "private@example.org" }).to_string()
    };
    let router = Router::new()
        .route("/login/device/code", post(invite))
        .route("/login/oauth/access_token", post(token))
        .route("/user", get(user))
        .with_state(played.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, played)
}

const TOKEN: &str = r#"{"access_token":"gho_secret","token_type":"bearer","scope":"read:user"}"#;
const PENDING: &str = r#"{"error":"authorization_pending"}"#;
const FORM: &str =
    "client_id=other&device_code=dev%201&grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code";

async fn site(address: &str) -> Site {
    let user = format!("{address}/user");
    let flags = ["--identity-client-id", "Iv1.ours", "--identity-url", address, "--identity-user-url", &user];
    Site::open(&[&flags[..], &["--trusted-proxies", "1"]].concat()).await
}

async fn form(site: &Site, path: &str, form: &str) -> Answer {
    let request = Request::builder().method("POST").uri(path);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    site.send(request.body(Body::from(form.to_owned())).unwrap()).await
}

async fn ask_token(site: &Site) -> Value {
    let answer = form(site, "/api/v1/login/oauth/access_token", FORM).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// Signs in; the token.
async fn signed_in(site: &Site) -> String {
    ask_token(site).await["access_token"].as_str().unwrap().to_owned()
}

async fn with_token(site: &Site, method: &str, path: &str, token: &str, body: String) -> Answer {
    let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    let request = request.header("authorization", format!("Bearer {token}"));
    site.send(request.body(Body::from(body)).unwrap()).await
}

/// Shows that the machine of a result is one's own, with the key of machine number `who`.
async fn claim(site: &Site, token: &str, who: u8, result: &str, profile: &str) -> Answer {
    let at_ms = server::submit::now_ms();
    let message = MachineClaim { result: result.into(), profile: profile.into(), at_ms };
    let envelope = envelope::seal_as(CLAIM_TYPE, &serde_json::to_vec(&message).unwrap(), &sample::seed(who));
    let body = serde_json::to_string(&SignedRequest { envelope }).unwrap();
    with_token(site, "POST", "/api/v1/profile/machines", token, body).await
}

async fn sent(site: &Site, who: u8, version: &str) -> String {
    let mut run = sample::run(who, sample::estimated("rtx-3090"));
    run.backend.version = version.into();
    let answer = site.submit(who, &run, &format!("192.0.2.{who}")).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["id"].as_str().unwrap().to_owned()
}

/// A site with a run of a machine that somebody showed to be his; the run's id.
pub async fn with_a_profile() -> (Site, String) {
    let (address, _) = service(&[TOKEN], 7, "Octo-Cat").await;
    let site = site(&address).await;
    let run = sent(&site, 1, "b1").await;
    let token = signed_in(&site).await;
    assert_eq!(claim(&site, &token, 1, &run, "Octo-Cat").await.status, 200);
    (site, run)
}

#[tokio::test]
async fn nobody_signs_in_where_it_is_not_set_up() {
    let site = Site::open(&[]).await;
    for path in ["/u/octocat", "/contributors", "/api/v1/profiles/octocat", "/api/v1/contributors"] {
        assert_eq!(site.get(path).await.status, 404, "{path}");
    }
    let refused = form(&site, "/api/v1/login/device/code", "").await;
    assert_eq!(refused.status, 404);
    assert!(refused.text().contains("not set it up"), "{}", refused.text());
    assert!(!site.get("/privacy").await.text().contains("--unlink"));
}

#[tokio::test]
async fn the_flow_passes_on_what_the_service_says() {
    const SLOW: &str = r#"{"error":"slow_down","interval":10}"#;
    let (address, played) = service(&[PENDING, SLOW, PENDING, TOKEN], 7, "Octo-Cat").await;
    let site = site(&address).await;
    let invitation = form(&site, "/api/v1/login/device/code", "client_id=other&scope=repo").await.json();
    assert_eq!(invitation["user_code"], "ABCD-1234");
    assert_eq!(invitation["device_code"], "dev 1");
    assert_eq!(ask_token(&site).await, json!({ "error": "authorization_pending" }));
    assert_eq!(ask_token(&site).await, json!({ "error": "slow_down", "interval": 10.0 }));
    assert_eq!(ask_token(&site).await["error"], "authorization_pending");
    let granted = ask_token(&site).await;
    assert_eq!(granted["profile"], "Octo-Cat");
    let token = granted["access_token"].as_str().unwrap();
    assert!(token.starts_with("lsp_") && token.len() > 60, "{token}");
    let heard = played.heard.lock().unwrap().join("\n");
    assert!(heard.contains("client_id=Iv1.ours") && !heard.contains("client_id=other"), "{heard}");
    assert!(heard.contains("scope=read%3Auser") && !heard.contains("repo"), "{heard}");
    assert!(heard.contains("device_code=dev") && heard.ends_with("Bearer gho_secret"), "{heard}");
    // Neither token is in the database: the service's nowhere, ours as a digest.
    let note = site.command(&["checkpoint"]).await;
    assert!(note.is_ok());
    let file = site.database();
    for secret in ["gho_secret", token, "private@example.org"] {
        assert!(!contains(&file, secret.as_bytes()), "{secret} is in the file");
    }
    assert!(contains(&file, data::digest::digest(token.as_bytes()).as_bytes()));
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[tokio::test]
async fn what_ends_the_flow_is_told_and_makes_no_profile() {
    for (answer, error) in [
        (r#"{"error":"access_denied"}"#, "access_denied"),
        (r#"{"error":"expired_token"}"#, "expired_token"),
        (r#"{"error":"incorrect_device_code"}"#, "incorrect_device_code"),
    ] {
        let (address, _) = service(&[answer], 7, "octocat").await;
        let site = site(&address).await;
        assert_eq!(ask_token(&site).await, json!({ "error": error }));
        assert_eq!(site.get("/u/octocat").await.status, 404);
    }
    // What is no answer of the protocol is the service's fault, and nothing of it is passed on.
    for answer in ["<script>alert(1)</script>", "{}", r#"{"error":"<script>"}"#, r#"{"access_token":""}"#] {
        let (address, _) = service(&[answer], 7, "octocat").await;
        let site = site(&address).await;
        let refused = form(&site, "/api/v1/login/oauth/access_token", FORM).await;
        assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (503, "10"), "{answer}");
        assert!(!refused.text().contains("script"), "{}", refused.text());
    }
    for name in ["../admin", "", "a b", "<b>", "e\u{301}"] {
        let (address, _) = service(&[TOKEN], 7, name).await;
        let site = site(&address).await;
        assert_eq!(form(&site, "/api/v1/login/oauth/access_token", FORM).await.status, 503, "{name:?}");
    }
    let site = site("http://127.0.0.1:9").await;
    assert_eq!(form(&site, "/api/v1/login/device/code", "").await.status, 503, "nobody is there");
    assert_eq!(form(&site, "/api/v1/login/oauth/access_token", "device_code=a").await.status, 400);
}

#[tokio::test]
async fn a_machine_is_claimed_shown_and_given_back() {
    let (address, _) = service(&[TOKEN], 7, "Octo-Cat").await;
    let site = site(&address).await;
    let (first, second, others) =
        (sent(&site, 1, "b1").await, sent(&site, 1, "b2").await, sent(&site, 2, "b1").await);
    let token = signed_in(&site).await;
    assert!(site.get("/u/octo-cat").await.text().contains("No run of these machines"));

    // Another's machine, another profile's name, no token, another token.
    assert_eq!(claim(&site, &token, 1, &others, "Octo-Cat").await.status, 403);
    assert_eq!(claim(&site, &token, 1, &first, "somebody").await.status, 403);
    assert_eq!(claim(&site, "", 1, &first, "Octo-Cat").await.status, 401);
    assert_eq!(claim(&site, &format!("{token}0"), 1, &first, "Octo-Cat").await.status, 401);
    let mut anonymous = sample::run(3, sample::estimated("rtx-3090"));
    anonymous.tag = None;
    let anonymous = site.submit(3, &anonymous, "192.0.2.3").await.json();
    let refused = claim(&site, &token, 3, anonymous["id"].as_str().unwrap(), "Octo-Cat").await;
    assert_eq!(refused.status, 422, "{}", refused.text());

    let claimed = claim(&site, &token, 1, &first, "Octo-Cat").await;
    assert_eq!(claimed.status, 200, "{}", claimed.text());
    assert_eq!(claimed.json()["results"], 2);
    assert_eq!(claimed.json()["setups"], 1);
    assert_eq!(claim(&site, &token, 1, &first, "Octo-Cat").await.json(), claimed.json(), "twice is once");

    let page = site.get("/u/OCTO-CAT").await;
    assert!([&first, &second].iter().all(|id| page.text().contains(&format!("/r/{id}"))), "{}", page.text());
    assert!(!page.text().contains(&others));
    assert!(site.get(&format!("/r/{second}")).await.text().contains("href=\"/u/Octo-Cat\""));
    assert!(!site.get(&format!("/r/{others}")).await.text().contains("/u/"));
    assert_eq!(site.get(&format!("/api/v1/results/{second}")).await.json()["profile"], "Octo-Cat");
    assert!(site.get("/contributors").await.text().contains("href=\"/u/Octo-Cat\""));
    assert_eq!(site.get("/api/v1/contributors").await.json()[0]["machines"], 1);
    let table = site.get("/api/v1/tables/contributors.csv").await;
    let mut lines = table.text().lines();
    assert_eq!(lines.next(), Some("name,setups,results,machines,since"));
    assert!(lines.next().unwrap().starts_with("Octo-Cat,"), "{}", table.text());
    let profile = site.get("/api/v1/profiles/octo-cat").await.json();
    assert_eq!(profile["newest"], json!([second, first]));
    assert!(site.get("/privacy").await.text().contains("login --unlink"));
    // A later run of the machine needs no second claim.
    let third = sent(&site, 1, "b3").await;
    assert!(site.get("/u/octo-cat").await.text().contains(&third));

    assert_eq!(with_token(&site, "DELETE", "/api/v1/profile", "lsp_other", String::new()).await.status, 401);
    let gone = with_token(&site, "DELETE", "/api/v1/profile", &token, String::new()).await;
    assert_eq!((gone.status.as_u16(), gone.json()), (200, json!({ "name": "Octo-Cat" })));
    assert_eq!(site.get("/u/octo-cat").await.status, 404);
    assert_eq!(site.get(&format!("/r/{first}")).await.status, 200, "the result stays");
    assert!(!site.get(&format!("/r/{first}")).await.text().contains("/u/"));
    assert_eq!(claim(&site, &token, 1, &first, "Octo-Cat").await.status, 401, "the token went with it");
    for part in ["Octo-Cat", "octo-cat"] {
        assert!(site.command(&["admin", "unlink", part]).await.is_err(), "nothing is left");
    }
}

#[tokio::test]
async fn a_name_that_changed_hands_goes_to_who_has_it_now() {
    let (address, played) = service(&[TOKEN], 7, "octocat").await;
    let site = site(&address).await;
    let run = sent(&site, 1, "b1").await;
    let token = signed_in(&site).await;
    assert_eq!(claim(&site, &token, 1, &run, "octocat").await.status, 200);
    *played.account.lock().unwrap() = (8, "Octocat".into());
    signed_in(&site).await;
    let page = site.get("/u/octocat").await;
    assert!(!page.text().contains(&run), "another's runs are not the new one's: {}", page.text());
    // The first one signs in again under a new name, and has what was his.
    *played.account.lock().unwrap() = (7, "renamed".into());
    signed_in(&site).await;
    assert!(site.get("/u/renamed").await.text().contains(&run));
    // A maintainer takes a profile away on request.
    assert!(site.command(&["admin", "unlink", "renamed"]).await.is_ok());
    assert_eq!(site.get("/u/renamed").await.status, 404);
}
