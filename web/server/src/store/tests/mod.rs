//! The store, on both databases: every test is written once and run twice.

mod backup;
#[path = "../../../tests/support/both.rs"]
mod both;
mod clock;
mod counted;
mod intake;
mod laws;
mod migrate;
#[path = "../../../tests/support/postgres.rs"]
mod postgres;
mod profiles;
#[path = "../../../tests/support/sample.rs"]
mod sample;
mod sqlite;

use data::Engine;
use data::submission::Submission;
use tempfile::TempDir;

use super::{Arrival, Judging, Limit, Secrets, Store};
use crate::gate::{Candidate, proof, run};
use both::on_both;

/// The moment at which tests take place: the clock that runs are dated by.
pub(super) fn now_ms() -> i64 {
    crate::submit::now_ms()
}

/// A store of its own, with the folder that it lies in.
pub(super) struct Own {
    pub store: Store,
    pub url: Option<String>,
    pub dir: TempDir,
}

impl Own {
    pub async fn sqlite() -> Option<Own> {
        let dir = tempfile::tempdir().unwrap();
        Some(Own { store: Store::open(dir.path()).await.unwrap(), url: None, dir })
    }

    pub async fn postgres(test: &str) -> Option<Own> {
        let url = postgres::database(test)?;
        let store = Store::open_url(&url).await.unwrap();
        Some(Own { store, url: Some(url), dir: tempfile::tempdir().unwrap() })
    }

    /// Another process on the same database.
    pub async fn another(&self) -> Store {
        match &self.url {
            Some(url) => Store::open_url(url).await.unwrap(),
            None => Store::open(self.dir.path()).await.unwrap(),
        }
    }

    /// Lets go of the database.
    pub async fn close(&self) {
        self.store.close().await;
    }

    pub async fn judging(&self, an_hour: u32) -> Judging {
        let secrets = self.store.secrets().await.unwrap();
        let rules = *data::plausibility::PlausibilityRow::embedded();
        Judging { rules, secrets, limit: Limit::an_hour(an_hour) }
    }
}

/// A run as a candidate, without proof of work.
pub(super) fn candidate(who: u8, run: &Submission) -> Candidate {
    let secret = proof::Secret { challenge: "a".into(), key: "b".into() };
    let engine = Engine::embedded();
    let around = run::Around {
        engine: &engine,
        rules: data::plausibility::PlausibilityRow::embedded(),
        secret: &secret,
        now_ms: now_ms(),
        dry: true,
    };
    let body = serde_json::json!({ "envelope": sample::sealed(who, run), "pow": null });
    run::candidate(body.to_string().as_bytes(), &around).unwrap()
}

/// It arrives from an address.
pub(super) fn arrival(candidate: Candidate, address: &str, id: &str) -> Arrival {
    Arrival { candidate, address: address.into(), at_ms: now_ms(), id: id.into() }
}

/// How a machine's tag is kept.
pub(super) fn tag_of(secrets: &Secrets, who: u8) -> String {
    secrets.stored_tag(&data::digest::digest(&[who]))
}
