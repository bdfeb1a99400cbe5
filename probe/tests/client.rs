//! Uploading, signing in and updating, each against a local server that plays every answer there is.

mod common;
#[path = "support/submission.rs"]
mod sample;

use std::sync::atomic::{AtomicU32, Ordering};

use common::{Asked, Script, Server};
use data::digest::digest;
use data::envelope::Envelope;
use probe::client::login::{Granted, LoginError, Service};
use probe::client::update::{self, Known, Manifest, Program, UpdateError};
use probe::client::{Client, Sent};
use probe::http::Url;
use probe::runs::SavedRun;
use serde_json::{Value, json, value::RawValue};

fn saved() -> SavedRun {
    let raw = RawValue::from_string("[]".to_owned()).unwrap();
    let submission = sample::unmeasured(raw.get());
    SavedRun::new("abcdefghij", &submission, raw, &[5; 32]).unwrap()
}

const SECRET: &str = "of the server";

fn challenge(bound_to: &str) -> Script {
    let challenge = altcha::create_challenge(altcha::CreateChallengeOptions {
        cost: 2,
        data: Some([("digest".to_owned(), Value::from(bound_to))].into()),
        hmac_signature_secret: Some(SECRET.to_owned()),
        ..Default::default()
    });
    Script::json(&serde_json::to_string(&challenge.unwrap()).unwrap())
}

/// Checks what a server checks, then answers with `answer`.
fn results_server(answer: Script) -> Server {
    Server::start(move |asked| match asked.line.split_once("?digest=") {
        Some(("GET /api/v1/challenge", digest)) => challenge(digest),
        _ => {
            assert_eq!(asked.line, "POST /api/v1/runs");
            let body: Value = serde_json::from_str(&asked.body).unwrap();
            let envelope: Envelope = serde_json::from_value(body["envelope"].clone()).unwrap();
            let payload = envelope.open().unwrap();
            let pow: altcha::Payload = serde_json::from_value(body["pow"].clone()).unwrap();
            let bound = pow.challenge.parameters.data.as_ref().unwrap()["digest"].clone();
            assert_eq!(bound, digest(&payload));
            let options = altcha::VerifySolutionOptions::new(&pow.challenge, &pow.solution, SECRET);
            assert!(altcha::verify_solution(options).unwrap().verified);
            answer.clone()
        }
    })
}

#[test]
fn a_run_is_sent_with_its_proof_of_work() {
    let receipt = json!({"id": "r1", "url": "/r/r1", "digest": "00", "state": "accepted", "reasons": [], "log_index": 7});
    let server = results_server(Script::status(201, &receipt.to_string()));
    let client = Client::new(Some(&server.url)).unwrap();
    let Sent::Taken(taken) = client.send(&saved()).unwrap() else { panic!("it was new") };
    assert_eq!((taken.url.as_deref(), taken.log_index), (Some("/r/r1"), Some(7)));
    assert_eq!(client.page("/r/r1"), format!("{}/r/r1", server.url));
}

#[test]
fn what_the_server_has_already_is_no_failure() {
    let problem = r#"{"type":"/problems/duplicate","status":409,"detail":"It is here.","instance":"/r/old"}"#;
    let server = results_server(Script::status(409, problem));
    let sent = Client::new(Some(&server.url)).unwrap().send(&saved()).unwrap();
    assert_eq!(sent, Sent::Known(Some("/r/old".to_owned())));
}

#[test]
fn a_refusal_is_told_in_the_servers_words() {
    let problem = r#"{"type":"/problems/suite","status":422,"detail":"suite-v0 is not known here."}"#;
    let server = results_server(Script::status(422, problem));
    let error = Client::new(Some(&server.url)).unwrap().send(&saved()).unwrap_err().to_string();
    assert!(error.contains("suite-v0 is not known here."), "{error}");
}

#[test]
fn work_for_something_else_is_not_done() {
    let server = Server::start(|_| challenge("another digest"));
    let error = Client::new(Some(&server.url)).unwrap().send(&saved()).unwrap_err().to_string();
    assert!(error.contains("another payload"), "{error}");
    assert_eq!(server.asked().len(), 1, "the run was not sent");
}

#[test]
fn a_changed_run_does_not_leave() {
    let server = results_server(Script::json("{}"));
    let mut changed = saved();
    changed.backend.version = "b2".to_owned();
    let error = Client::new(Some(&server.url)).unwrap().send(&changed).unwrap_err().to_string();
    assert!(error.contains("backend differs"), "{error}");
    assert!(server.asked().is_empty());
}

/// A sign-in service that answers the questions for a token one after the other.
fn identity_server(answers: &'static [&'static str], expires_s: u32) -> Server {
    let asked_for_token = AtomicU32::new(0);
    Server::start(move |asked: &Asked| match asked.line.as_str() {
        "POST /login/device/code" => {
            assert!(asked.body.contains("client_id=Iv1.test"), "{}", asked.body);
            assert!(asked.headers.contains("Accept: application/json"));
            Script::json(&format!(
                r#"{{"device_code":"d 1","user_code":"ABCD-1234","verification_uri":"https://github.com/login/device","expires_in":{expires_s},"interval":0.01}}"#
            ))
        }
        _ => {
            assert!(asked.body.contains("device_code=d%201&grant_type=urn%3Aietf"), "{}", asked.body);
            let turn = asked_for_token.fetch_add(1, Ordering::SeqCst) as usize;
            Script::json(answers[turn.min(answers.len() - 1)])
        }
    })
}

fn sign_in(server: &Server) -> Result<Granted, LoginError> {
    let service = Service::new(&server.url, "Iv1.test").unwrap();
    let invitation = service.invite()?;
    assert_eq!(invitation.user_code, "ABCD-1234");
    service.wait(&invitation)
}

const PENDING: &str = r#"{"error":"authorization_pending"}"#;

#[test]
fn signing_in_waits_as_long_as_it_is_told() {
    const SLOW: &str = r#"{"error":"slow_down","interval":0.02}"#;
    let server = identity_server(
        &[PENDING, SLOW, PENDING, r#"{"access_token":"lsp_1","token_type":"bearer","profile":"someone"}"#],
        60,
    );
    assert_eq!(sign_in(&server).unwrap(), Granted { token: "lsp_1".into(), profile: "someone".into() });
    assert_eq!(server.asked().len(), 5);
}

#[test]
fn signing_in_ends_when_it_must() {
    let denied = identity_server(&[PENDING, r#"{"error":"access_denied"}"#], 60);
    assert!(matches!(sign_in(&denied), Err(LoginError::Denied)));
    let expired = identity_server(&[r#"{"error":"expired_token"}"#], 60);
    assert!(matches!(sign_in(&expired), Err(LoginError::Expired)));
    let forgotten = identity_server(&[PENDING], 0);
    assert!(matches!(sign_in(&forgotten), Err(LoginError::Expired)));
    let other = identity_server(
        &[r#"{"error":"incorrect_client_credentials","error_description":"The client_id is wrong."}"#],
        60,
    );
    assert_eq!(sign_in(&other).unwrap_err().to_string(), "the sign-in service says: The client_id is wrong.");
}

/// Someone who publishes updates.
struct Publisher {
    keys: minisign::KeyPair,
}

impl Publisher {
    fn new() -> Publisher {
        Publisher { keys: minisign::KeyPair::generate_unencrypted_keypair().unwrap() }
    }

    fn key(&self) -> String {
        self.keys.pk.to_base64()
    }

    fn sign(&self, bytes: &[u8]) -> String {
        minisign::sign(None, &self.keys.sk, bytes, None, None).unwrap().into_string()
    }
}

const PROGRAM: &[u8] = b"#!/bin/sh\necho newer\n";

fn offer(serial: u64, expires: &str, sha256: String) -> Vec<u8> {
    let program = Program { target: update::target(), path: "0.2.0/probe".into(), sha256 };
    let manifest = Manifest {
        serial,
        expires: expires.into(),
        version: "0.2.0".into(),
        programs: vec![program],
        suites: Vec::new(),
    };
    serde_json::to_vec(&manifest).unwrap()
}

fn update_server(manifest: Vec<u8>, signature: String) -> Server {
    Server::start(move |asked| match asked.line.as_str() {
        "GET /update/manifest.json" => Script { pieces: vec![(0, manifest.clone())], ..Script::json("") },
        "GET /update/manifest.json.minisig" => Script::json(&signature),
        "GET /update/0.2.0/probe" => Script { pieces: vec![(0, PROGRAM.to_vec())], ..Script::json("") },
        _ => Script::status(404, "no such file"),
    })
}

fn believe(server: &Server, keys: &[&str], folder: &std::path::Path) -> Result<Manifest, UpdateError> {
    let known = Known { keys, folder, today: "2026-11-22" };
    update::manifest(&Url::parse(&server.url).unwrap(), &known)
}

#[test]
fn a_signed_update_takes_the_programs_place() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second, stranger) = (Publisher::new(), Publisher::new(), Publisher::new());
    let keys = [first.key(), second.key()];
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let manifest = offer(7, "2026-12-31", digest(PROGRAM));
    for publisher in [&first, &second] {
        let server = update_server(manifest.clone(), publisher.sign(&manifest));
        let believed = believe(&server, &keys, folder.path()).unwrap();
        let program = folder.path().join("probe");
        std::fs::write(&program, "old").unwrap();
        update::install(&Url::parse(&server.url).unwrap(), &believed, &program).unwrap();
        assert_eq!(std::fs::read(&program).unwrap(), PROGRAM);
    }
    let server = update_server(manifest.clone(), stranger.sign(&manifest));
    assert!(matches!(believe(&server, &keys, folder.path()), Err(UpdateError::Signature)));
}

#[test]
fn what_is_wrong_with_an_update_is_told_and_nothing_changes() {
    let folder = tempfile::tempdir().unwrap();
    let publisher = Publisher::new();
    let key = publisher.key();
    let check = |manifest: Vec<u8>, signature: String| {
        believe(&update_server(manifest, signature), &[&key], folder.path())
    };
    let good = offer(7, "2026-11-22", digest(PROGRAM));
    assert!(check(good.clone(), publisher.sign(&good)).is_ok(), "its last day counts");

    let older = offer(6, "2026-12-31", digest(PROGRAM));
    let rollback = check(older.clone(), publisher.sign(&older)).unwrap_err();
    assert!(matches!(rollback, UpdateError::Rollback { offered: 6, seen: 7 }), "{rollback}");

    let stale = offer(9, "2026-11-21", digest(PROGRAM));
    assert!(matches!(check(stale.clone(), publisher.sign(&stale)), Err(UpdateError::Stale(_))));

    let cut = good[..good.len() - 1].to_vec();
    assert!(matches!(check(cut, publisher.sign(&good)), Err(UpdateError::Signature)));
    let signature = publisher.sign(&good);
    let cut_signature = signature[..signature.len() / 2].to_owned();
    assert!(matches!(check(good.clone(), cut_signature), Err(UpdateError::Signature)));

    let junk = b"{\"serial\": 8}".to_vec();
    assert!(matches!(check(junk.clone(), publisher.sign(&junk)), Err(UpdateError::Manifest(_))));

    let program = folder.path().join("probe");
    std::fs::write(&program, "old").unwrap();
    let other = offer(8, "2026-12-31", digest(b"another program"));
    let server = update_server(other.clone(), publisher.sign(&other));
    let believed = believe(&server, &[&key], folder.path()).unwrap();
    let replaced = update::install(&Url::parse(&server.url).unwrap(), &believed, &program);
    assert!(matches!(replaced, Err(UpdateError::Archive)));
    assert_eq!(std::fs::read(&program).unwrap(), b"old");
}
