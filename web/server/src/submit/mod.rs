//! The way in for submissions: from the bytes of a request to what the store is asked to do.
//!
//! Handlers (`api`) hand over bytes and an address, and get a receipt or a problem.

use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use data::plausibility::PlausibilityRow;
use data::submission::Receipt;
use page::messages::EN;

use crate::app::App;
use crate::args::Args;
use crate::gate::{Candidate, Refusal, paste, run};
use crate::problem::{Kind, Problem};
use crate::store::{Addresses, Arrival, Intake, Judging, Limit, Store, StoreError};

/// What submissions need.
#[derive(Debug)]
pub struct Submissions {
    /// The one who writes.
    pub intake: Intake,
    /// What decisions are made with.
    pub judging: Judging,
    /// Network addresses as keys.
    pub addresses: Addresses,
    /// Proxies in front of us.
    pub proxies: usize,
    /// Tries that the usual proof of work takes.
    pub work: u32,
}

/// What kind of submission a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// A signed run.
    Run,
    /// Pasted lines.
    Paste,
}

/// Challenges that one address may ask for, of each submission that it may make.
const CHALLENGES_EACH: u32 = 4;

impl Submissions {
    /// Reads the site's keys and starts the one who writes.
    pub async fn open(store: &Store, args: &Args) -> Result<Self, StoreError> {
        store.forget_days(now_ms()).await?;
        let judging = Judging {
            rules: *PlausibilityRow::embedded(),
            secrets: store.secrets().await?,
            limit: Limit::an_hour(args.submissions_per_hour),
        };
        let (intake, _) = Intake::start(store.clone(), judging.clone(), now_ms);
        Ok(Submissions {
            intake,
            judging,
            addresses: Addresses::default(),
            proxies: args.trusted_proxies,
            work: args.work,
        })
    }
}

/// The server's clock, milliseconds since 1970 (UTC).
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// An id of a hundred bits, in letters and digits that are not taken for one another.
fn new_id() -> Result<String, Problem> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut bytes = [0_u8; 20];
    getrandom::fill(&mut bytes).map_err(|_| ours("no randomness"))?;
    Ok(bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect())
}

/// A fault of ours: the log gets the cause, the client a sentence.
pub fn ours(cause: impl std::fmt::Display) -> Problem {
    tracing::error!(%cause, "a submission could not be handled");
    Problem::new(Kind::Internal, Kind::Internal.explanation())
}

/// It stands on every address, and where the answer to a commit was lost nobody knows what was taken: so it promises only what
/// holds in each case.
const DATABASE_AWAY: &str = EN.problem.database_away;

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let cause = &error as &dyn std::error::Error;
        tracing::error!(error = cause, "the database failed a request");
        Problem::new(Kind::NotReady, DATABASE_AWAY).retry_after_s(5)
    }
}

/// A body as a candidate, made beside the threads that serve connections: signatures and estimates take milliseconds.
async fn candidate(app: &App, body: Vec<u8>, what: Body, dry: bool) -> Result<Candidate, Problem> {
    let app = app.clone();
    let made = tokio::task::spawn_blocking(move || -> Result<Candidate, Refusal> {
        let around = run::Around {
            engine: app.engine(),
            rules: &app.submissions().judging.rules,
            secret: &app.submissions().judging.secrets.proof,
            now_ms: now_ms(),
            dry,
        };
        match what {
            Body::Run => run::candidate(&body, &around),
            Body::Paste => paste::candidate(&body, &around),
        }
    });
    let made = made.await.unwrap_or_else(|gone| std::panic::resume_unwind(gone.into_panic()));
    Ok(made?)
}

/// Takes a submission, or says what would be said to it where it is `dry`.
pub async fn submit(
    app: &App,
    body: Vec<u8>,
    what: Body,
    from: IpAddr,
    dry: bool,
) -> Result<Receipt, Problem> {
    let submissions = app.submissions();
    if dry {
        // It costs as much to look at as a real one, and nothing was worked for it.
        limited(app, from, "dry", 1).await?;
    }
    let candidate = candidate(app, body, what, dry).await?;
    let outcome = if dry {
        app.store().try_on(&candidate, &submissions.judging).await
    } else {
        let at_ms = now_ms();
        let address = submissions.addresses.key(app.store(), from, at_ms).await?;
        submissions.intake.submit(Arrival { candidate, address, at_ms, id: new_id()? }).await
    };
    let receipt = outcome??;
    if !dry {
        app.touch();
    }
    Ok(receipt)
}

/// A challenge for a payload, as hard as the address is busy.
pub async fn challenge(app: &App, digest: &str, from: IpAddr) -> Result<altcha::Challenge, Problem> {
    let submissions = app.submissions();
    limited(app, from, "challenge", CHALLENGES_EACH).await?;
    let now = now_ms();
    let address = submissions.addresses.key(app.store(), from, now).await?;
    let used = app.store().used(&address, submissions.judging.limit, now).await?;
    let mut chance = [0; 4];
    getrandom::fill(&mut chance).map_err(|_| ours("no randomness"))?;
    let secret = &submissions.judging.secrets.proof;
    let chance = u32::from_le_bytes(chance);
    crate::gate::proof::challenge(secret, digest, now, submissions.work, used, chance).map_err(ours)
}

/// Takes one of what an address may do of a kind: `times` as much as it may submit.
pub async fn limited(app: &App, from: IpAddr, what: &str, times: u32) -> Result<(), Problem> {
    let submissions = app.submissions();
    let now = now_ms();
    let address = submissions.addresses.key(app.store(), from, now).await?;
    let limit = submissions.judging.limit;
    let wider =
        Limit { each_ms: (limit.each_ms / i64::from(times)).max(1), burst: limit.burst * i64::from(times) };
    match app.store().spend(&format!("{what}:{address}"), wider, now).await? {
        Ok(()) => Ok(()),
        Err(wait_ms) => {
            let seconds = u32::try_from(wait_ms / 1000 + 1).unwrap_or(u32::MAX);
            let detail = EN.problem.too_many_of_a_kind(&seconds.to_string());
            Err(Problem::new(Kind::TooOften, detail).retry_after_s(seconds))
        }
    }
}
