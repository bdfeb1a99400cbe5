//! What whoever runs a server does: commands, figures, and the documents that say how.

use std::collections::BTreeMap;
use std::process::Command;

use axum::body::Body;
use axum::http::Request;
use clap::{CommandFactory, Parser};
use http_body_util::BodyExt;
use server::Args;
use tower::ServiceExt;

use crate::client::Site;
use crate::program::{Place, Program, ask};
use crate::sample;

const OPERATIONS: &str = include_str!("../../../../OPERATIONS.md");

#[tokio::test]
async fn a_maintainer_holds_releases_settles_and_erases() {
    let site = Site::open(&["--trusted-proxies", "1"]).await;
    let run = sample::run(1, sample::estimated("rtx-3090"));
    let receipt = site.submit(1, &run, "192.0.2.1").await.json();
    let id = receipt["id"].as_str().unwrap();
    let says = async |words: &[&str]| site.command(words).await;
    assert_eq!(says(&["admin", "hold", id, "--says", "a look"]).await.unwrap(), format!("{id}: held\n"));
    let page = site.get(&format!("/r/{id}")).await;
    assert!(page.text().contains("a look") && page.text().contains("a maintainer"), "{}", page.text());
    assert_eq!(
        says(&["admin", "release", id, "--says", "fine"]).await.unwrap(),
        format!("{id}: reinstated\n")
    );
    assert!(
        says(&["admin", "settle", id, "99", "--says", "x"]).await.unwrap_err().contains("no such dispute")
    );
    for (empty, part) in [("", "empty"), (" \n", "empty"), ("a\u{202e}b", "U+202E"), ("bell\u{7}", "U+0007")]
    {
        for act in [&["admin", "hold", id][..], &["admin", "erase", id], &["admin", "settle", id, "1"]] {
            let refused = says(&[act, &["--says", empty]].concat()).await.unwrap_err();
            assert!(refused.contains(part), "{act:?} {empty:?}: {refused}");
        }
    }
    assert!(says(&["admin", "hold", "none", "--says", "x"]).await.unwrap_err().contains("no result"));
    assert!(says(&["admin", "ban-key", "me", "--says", "x"]).await.unwrap_err().contains("no key"));
    let key = &sample::sealed(1, &run).signatures[0].keyid;
    says(&["admin", "ban-key", key, "--says", "forged"]).await.unwrap();
    let mut more = run.clone();
    more.backend.version = "b2".into();
    assert_eq!(site.submit(1, &more, "192.0.2.1").await.status, 403);
    assert!(says(&["admin", "erase", id, "--says", "asked for"]).await.unwrap().contains("erased"));
    let page = site.get(&format!("/r/{id}")).await;
    assert!(
        page.text().contains("erased on request") && page.text().contains("asked for"),
        "{}",
        page.text()
    );
    let events = site.get(&format!("/api/v1/results/{id}")).await.json()["events"].clone();
    let codes: Vec<&str> =
        events.as_array().unwrap().iter().filter_map(|event| event["code"].as_str()).collect();
    assert!(codes.contains(&"key_banned") && codes.contains(&"erased"), "every act is an event: {events}");

    let export = says(&["export", "--form", "csv"]).await.unwrap();
    assert_eq!(export.lines().count(), 2, "{export}");
    let note = says(&["checkpoint"]).await.unwrap();
    assert!(note.starts_with("llm-speed/log\n1\n"), "{note}");
}

#[tokio::test]
async fn figures_are_on_a_router_of_their_own() {
    let site = Site::open(&[]).await;
    assert_eq!(site.get("/metrics").await.status, 404, "not on the site");
    site.get("/about").await;
    let figures = server::metrics::router(&site.app);
    let request = Request::builder().uri("/metrics").body(Body::empty()).unwrap();
    let body = figures.oneshot(request).await.unwrap().into_body().collect().await.unwrap().to_bytes();
    let text = std::str::from_utf8(&body).unwrap();
    for part in [
        "llm_speed_request_seconds_count{route=\"/about\",status=\"200\"} 1",
        "llm_speed_database_up 1",
        "llm_speed_log_size 0",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[tokio::test]
async fn privacy_says_every_field() {
    let site = Site::open(&[]).await;
    let page = site.get("/privacy").await;
    assert!(page.status == 200 && page.text().contains("fingerprint.gpus.driver"));
    for field in
        ["paste.lines", "dispute.says", "evidence.raw_timings", "withdrawal.says", "answer.reproduces"]
    {
        assert!(page.text().contains(field), "{field}");
    }
    let json = site.get("/privacy.json").await.json();
    assert!(json["raw_timings_sha256"].is_string(), "{json}");
}

/// What stands between fences of this language.
fn block(language: &str) -> &'static str {
    let (_, rest) = OPERATIONS.split_once(&format!("```{language}\n")).expect("a block");
    rest.split_once("```").expect("its end").0
}

/// The part of a compose file that ours uses; anything else is a slip of the pen.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Compose {
    services: BTreeMap<String, Service>,
    volumes: BTreeMap<String, BTreeMap<String, String>>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Service {
    image: String,
    #[serde(default)]
    command: Vec<String>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    #[serde(default)]
    volumes: Vec<String>,
    #[serde(default)]
    ports: Vec<String>,
    #[serde(default)]
    depends_on: Vec<String>,
}

#[test]
fn the_documented_services_fit_together() {
    let compose: Compose = serde_saphyr::from_str(block("yaml")).unwrap();
    let (server, database) = (&compose.services["server"], &compose.services["database"]);
    assert!(compose.services.values().all(|service| !service.image.is_empty()));
    let args = Args::try_parse_from(std::iter::once("x").chain(server.command.iter().map(String::as_str)));
    // Behind a proxy on the same machine, on the port that is passed on.
    let args = args.unwrap();
    assert_eq!(args.trusted_proxies, 1);
    let inside = args.addr.to_string().rsplit(':').next().unwrap().to_owned();
    assert!(server.ports.iter().all(|port| port.starts_with("127.0.0.1:") && port.ends_with(&inside)));
    // The server's address of the database is that database.
    let of = |name: &str| database.environment[name].as_str();
    let url = format!(
        "postgres://{}:{}@database/{}",
        of("POSTGRES_USER"),
        of("POSTGRES_PASSWORD"),
        of("POSTGRES_DB")
    );
    assert_eq!(server.environment["LLM_SPEED_DATABASE_URL"], url);
    assert_eq!(server.depends_on, ["database"]);
    for volume in &database.volumes {
        assert!(compose.volumes.contains_key(volume.split(':').next().unwrap()), "{volume}");
    }
}

#[test]
fn the_documented_unit_and_service_start() {
    let unit = block("ini");
    let start = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    let args = Args::try_parse_from(start.split(' ')).unwrap();
    assert_eq!((args.trusted_proxies, args.metrics_addr.is_some()), (1, true));
    let sections: Vec<&str> = unit.lines().filter(|line| line.starts_with('[')).collect();
    assert_eq!(sections, ["[Unit]", "[Service]", "[Install]"]);
    assert!(
        unit.lines().all(|line| line.is_empty() || line.starts_with('[') || line.contains('=')),
        "{unit}"
    );

    let start = block("dockerfile").lines().find_map(|line| line.strip_prefix("ENTRYPOINT ")).unwrap();
    Args::try_parse_from(serde_json::from_str::<Vec<String>>(start).unwrap()).unwrap();
    let commands: Vec<Vec<&str>> = OPERATIONS
        .split('`')
        .skip(1)
        .step_by(2)
        .filter_map(|code| code.strip_prefix("llm-speed-server "))
        .map(|words| words.split(' ').collect())
        .collect();
    assert!(commands.len() > 15, "{commands:?}");
    for words in commands {
        let words: Vec<&str> = words.iter().map(|word| if *word == "NUMBER" { "1" } else { word }).collect();
        Args::try_parse_from(std::iter::once("x").chain(words.iter().copied()))
            .unwrap_or_else(|error| panic!("{words:?}: {error}"));
    }
    // Flags in running text exist too.
    for code in OPERATIONS.split('`').skip(1).step_by(2).filter(|code| code.starts_with("--")) {
        let flag = code.split(' ').next().unwrap_or_default();
        let known = Args::command();
        let all = std::iter::once(&known).chain(
            known
                .get_subcommands()
                .flat_map(|command| std::iter::once(command).chain(command.get_subcommands())),
        );
        let mut flags = all.flat_map(|command| command.get_arguments().filter_map(|one| one.get_long()));
        assert!(flags.any(|long| Some(long) == flag.strip_prefix("--")), "{code}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_says_what_was_done_and_neither_by_whom_nor_about_what() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let mut command = Command::new(env!("CARGO_BIN_EXE_llm-speed-server"));
    command.env("LLM_SPEED_LOG", "info,sqlx=warn").stderr(std::fs::File::create(&log).unwrap());
    let place = Place { dir: dir.path(), url: None };
    let program = Program::start_by(command, place, &["--trusted-proxies", "1"]);
    let zeros = "0".repeat(64);
    for asked in [
        "GET /?q=private-words",
        "GET /api/v1/estimate?hardware=private-words",
        &format!("GET /api/v1/challenge?digest={zeros}"),
    ] {
        // The head's next line is whose word about addresses is taken.
        let head = format!("{asked} HTTP/1.1\r\nX-Forwarded-For: 203.0.113.77\r\nX-Rest:");
        assert!(ask(&program.address, &head, "").await.is_some(), "{asked}");
    }
    drop(program);
    let told = std::fs::read_to_string(&log).unwrap();
    for part in ["/api/v1/challenge", "/api/v1/estimate", "\"status\":400", "\"status\":200"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    for private in ["203.0.113", "private-words", &zeros] {
        assert!(!told.contains(private), "{private}: {told}");
    }
}
