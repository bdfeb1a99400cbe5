//! A server with an empty database, and requests to it.

use std::io::Read;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use clap::Parser;
use http_body_util::BodyExt;
use server::{App, Args, Limits};
use tempfile::TempDir;
use tower::ServiceExt;

use crate::postgres;

/// One proxy in front, whose word about addresses is taken, and room for many submissions.
pub const BEHIND: &[&str] = &["--trusted-proxies", "1", "--submissions-per-hour", "300"];

/// A server that is asked without a network.
pub struct Site {
    pub app: App,
    router: Router,
    data: Arc<TempDir>,
    /// The PostgreSQL database; a file in `data` without.
    url: Option<String>,
}

/// An answer, its body read whole.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// A server's arguments, with a database of its own.
pub fn args(data: &TempDir, more: &[&str]) -> Args {
    let data_dir = data.path().to_str().unwrap();
    Args::parse_from(["llm-speed-server", "--addr", "127.0.0.1:0", "--data-dir", data_dir].iter().chain(more))
}

impl Site {
    pub async fn open(more: &[&str]) -> Self {
        Site::with_routes(more, Limits::default(), server::router).await
    }

    /// A site whose routes and rules a test makes itself.
    pub async fn with_routes(more: &[&str], limits: Limits, router: impl Fn(&App, Limits) -> Router) -> Self {
        let data = Arc::new(tempfile::tempdir().unwrap());
        let app = App::open(&args(&data, more)).await.unwrap();
        Site { router: router(&app, limits), app, data, url: None }
    }

    /// Behind a proxy, on a file.
    pub async fn sqlite() -> Option<Self> {
        Some(Site::open(BEHIND).await)
    }

    /// Behind a proxy, on a PostgreSQL database of its own.
    pub async fn postgres(test: &str) -> Option<Self> {
        let url = Some(postgres::database(test)?);
        Some(Site::on(Arc::new(tempfile::tempdir().unwrap()), url, BEHIND).await)
    }

    async fn on(data: Arc<TempDir>, url: Option<String>, more: &[&str]) -> Self {
        let database: Vec<&str> = url.iter().flat_map(|url| ["--database-url", url]).collect();
        let app = App::open(&args(&data, &[more, &database].concat())).await.unwrap();
        Site { router: server::router(&app, Limits::default()), app, data, url }
    }

    /// Another server on the same database, with other flags.
    pub async fn again(&self, more: &[&str]) -> Self {
        Site::on(Arc::clone(&self.data), self.url.clone(), more).await
    }

    /// Lets go of the database.
    pub async fn close(&self) {
        self.app.store().close().await;
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[]).await
    }

    /// The page of a list on which a machine's card stands.
    pub async fn page_with(&self, machine: &str, list: &str) -> Answer {
        for number in 1..=30 {
            let page = self.get(&format!("{list}&page={number}")).await;
            if page.text().contains(&format!("/d/{machine}?")) {
                return page;
            }
        }
        panic!("{machine} is on none of the pages of {list}");
    }

    pub async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// Runs a command of the program on this site's database; what it prints, or why it failed.
    pub async fn command(&self, words: &[&str]) -> Result<String, String> {
        let database = self.url.iter().flat_map(|url| ["--database-url", url]);
        let args = args(&self.data, &words.iter().copied().chain(database).collect::<Vec<_>>());
        let mut out = Vec::new();
        let command = args.command.clone().expect("a command");
        let done = server::commands::run(&command, &args, &mut out).await;
        done.map(|()| String::from_utf8(out).unwrap()).map_err(|error| format!("{error:#}"))
    }

    /// Every byte of the database, what is still in its log included.
    pub fn database(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.data.path()).unwrap();
        files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
    }

    /// Every row of the database as text, what is bytes in it once more as hexadecimal digits; what was deleted is not there.
    pub async fn everything(&self) -> String {
        if let Some(url) = &self.url {
            let dump = postgres::dump(url);
            // Bytes are printed as \\x7b22…; they are JSON for the most part.
            let blobs = dump.split("\\\\x").skip(1).map(|rest| {
                let digits = rest.bytes().take_while(u8::is_ascii_hexdigit).collect::<Vec<_>>();
                let pairs = digits.chunks_exact(2).filter_map(|pair| std::str::from_utf8(pair).ok());
                pairs.filter_map(|pair| u8::from_str_radix(pair, 16).ok()).collect::<Vec<u8>>()
            });
            let read: Vec<String> = blobs.map(|blob| String::from_utf8_lossy(&blob).into_owned()).collect();
            return format!("{dump}\n{}", read.join("\n"));
        }
        let copy = tempfile::tempdir().unwrap().path().with_extension("sqlite");
        self.command(&["backup", copy.to_str().unwrap()]).await.unwrap();
        let bytes = std::fs::read(&copy).unwrap();
        std::fs::remove_file(&copy).unwrap();
        format!("{}\n{}", String::from_utf8_lossy(&bytes), data::digest::hex(&bytes))
    }

    /// Posts JSON from an address, as a proxy in front tells it.
    pub async fn post(&self, path: &str, from: &str, body: &serde_json::Value) -> Answer {
        let request = Request::builder()
            .method("POST")
            .uri(path)
            .header("content-type", "application/json")
            .header("x-forwarded-for", from)
            .body(Body::from(body.to_string()))
            .unwrap();
        self.send(request).await
    }

    /// Proof of work for a digest: asked for and done.
    pub async fn work(&self, digest: &str) -> altcha::Payload {
        let answer = self.get(&format!("/api/v1/challenge?digest={digest}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let challenge: altcha::Challenge = serde_json::from_slice(&answer.body).unwrap();
        let options = altcha::SolveChallengeOptions::new(&challenge);
        let solution = altcha::solve_challenge(options).unwrap().expect("solved in time");
        altcha::Payload { challenge, solution }
    }

    /// Sends a run of machine number `who` as a probe does, from an address.
    pub async fn submit(&self, who: u8, run: &data::submission::Submission, from: &str) -> Answer {
        let payload = serde_json::to_vec(run).unwrap();
        let pow = self.work(&data::digest::digest(&payload)).await;
        let body = serde_json::json!({ "envelope": crate::sample::sealed(who, run), "pow": pow });
        self.post("/api/v1/runs", from, &body).await
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }
}

/// The answer is a problem with this status, and its sentence has this part.
#[track_caller]
pub fn refused(answer: &Answer, status: u16, part: &str) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains(part), "{part}: {detail}");
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The body without its content coding.
    pub fn decoded(&self) -> Vec<u8> {
        let mut plain = Vec::new();
        let packed = self.body.as_slice();
        match self.header("content-encoding") {
            "" => plain.extend_from_slice(packed),
            "gzip" => drop(flate2::read::GzDecoder::new(packed).read_to_end(&mut plain).unwrap()),
            "br" => drop(brotli::Decompressor::new(packed, 4096).read_to_end(&mut plain).unwrap()),
            other => panic!("unasked coding {other}"),
        }
        plain
    }
}
