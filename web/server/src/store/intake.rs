//! Submissions on their way in: one task writes, and takes all that wait in one transaction, so that one write to the
//! disk acknowledges many. In each: limit, proof of work, what is known, the last word, and the result itself.

use std::collections::{BTreeMap, BTreeSet};

use data::merkle::Edge;
use data::plausibility::PlausibilityRow;
use data::submission::{Receipt, State};
use page::messages::EN;
use sqlx::{Any, AnyConnection, Row, Transaction};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Duration, Instant, timeout_at};

use super::change::{self, Actor, Change, EventKind};
use super::limit::{self, Limit};
use super::results::anonymous;
use super::{Secrets, Store, StoreError, cells, files, keep, ledger};
use crate::gate::judge::{self, KeyUse, Known};
use crate::gate::{Because, Candidate, Refusal};

/// Submissions in one transaction at most.
const AT_ONCE: usize = 64;
/// Submissions that may wait; more are told to come back.
const WAITING: usize = 512;
/// When they may come back, seconds.
const BUSY_S: u32 = 5;

/// How often what is kept for a day is looked after.
const FORGETS: Duration = Duration::from_secs(3600);

/// What decisions are made with.
#[derive(Clone, Debug)]
pub struct Judging {
    /// When a report is doubted.
    pub rules: PlausibilityRow,
    /// The site's keys.
    pub secrets: Secrets,
    /// How often.
    pub limit: Limit,
}

/// A submission that arrived.
#[derive(Debug)]
pub struct Arrival {
    /// What it is.
    pub candidate: Candidate,
    /// Key of the address that it came from.
    pub address: String,
    /// When, in milliseconds since 1970 (UTC).
    pub at_ms: i64,
    /// The id that it will have: nobody can guess it.
    pub id: String,
}

/// What is said to it.
pub type Outcome = Result<Result<Receipt, Refusal>, StoreError>;

struct Waiting {
    arrival: Arrival,
    answer: oneshot::Sender<Outcome>,
}

/// The way in. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Intake {
    door: mpsc::Sender<Waiting>,
}

impl Intake {
    /// Starts the task that writes; it ends when every [`Intake`] is gone, after the last one that waits. By this `clock`
    /// (milliseconds since 1970) it forgets what is kept for a day alone, from time to time.
    pub fn start(store: Store, judging: Judging, clock: fn() -> i64) -> (Self, JoinHandle<()>) {
        Intake::forgetting_each(FORGETS, store, judging, clock)
    }

    /// The same at another pace.
    pub(super) fn forgetting_each(
        pace: Duration,
        store: Store,
        judging: Judging,
        clock: fn() -> i64,
    ) -> (Self, JoinHandle<()>) {
        let (door, mut waiting) = mpsc::channel::<Waiting>(WAITING);
        let task = tokio::spawn(async move {
            let mut batch = Vec::with_capacity(AT_ONCE);
            let mut next = Instant::now() + pace;
            loop {
                let received = timeout_at(next, waiting.recv_many(&mut batch, AT_ONCE)).await;
                // Also where something always waits, or a busy server would never forget.
                if Instant::now() >= next {
                    if let Err(error) = store.forget_days(clock()).await {
                        tracing::warn!(%error, "keys of days gone by could not be deleted");
                    }
                    next = Instant::now() + pace;
                }
                match received {
                    Ok(0) => break,
                    Ok(_) => {}
                    Err(_) => continue,
                }
                let (arrivals, answers): (Vec<_>, Vec<_>) =
                    batch.drain(..).map(|one| (one.arrival, one.answer)).unzip();
                match store.take(&arrivals, &judging).await {
                    Ok(outcomes) => {
                        for (answer, outcome) in answers.into_iter().zip(outcomes) {
                            // Whoever no longer listens has its result all the same.
                            let _ = answer.send(Ok(outcome));
                        }
                    }
                    Err(error) => {
                        tracing::error!(%error, count = arrivals.len(), "submissions could not be written");
                        for answer in answers {
                            let _ = answer.send(Err(StoreError::Stopped));
                        }
                    }
                }
            }
        });
        (Intake { door }, task)
    }

    /// Submits, and waits until it is on disk or refused.
    pub async fn submit(&self, arrival: Arrival) -> Outcome {
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting { arrival, answer };
        if self.door.try_send(waiting).is_err() {
            let mut refusal = Refusal::new(Because::Busy, EN.problem.many_waiting(&BUSY_S.to_string()));
            refusal.retry_after_s = Some(BUSY_S);
            return Ok(Err(refusal));
        }
        answered.await.unwrap_or(Err(StoreError::Stopped))
    }
}

impl Store {
    /// Takes submissions in one transaction, each answered by itself.
    pub async fn take(
        &self,
        arrivals: &[Arrival],
        judging: &Judging,
    ) -> Result<Vec<Result<Receipt, Refusal>>, StoreError> {
        let mut line = self.begin().await?;
        let mut edge = ledger::stand_in_line(&mut line).await?.edge;
        let size = edge.size;
        let mut outcomes = Vec::with_capacity(arrivals.len());
        if let Some(first) = arrivals.first() {
            limit::forget(&mut line, first.at_ms).await?;
        }
        for arrival in arrivals {
            outcomes.push(take_one(&mut line, &mut edge, arrival, judging).await?);
        }
        if edge.size > size {
            ledger::keep_edge(&mut line, &edge).await?;
        }
        line.commit().await?;
        Ok(outcomes)
    }

    /// What would be said to a submission, with nothing kept.
    pub async fn try_on(&self, candidate: &Candidate, judging: &Judging) -> Outcome {
        let mut connection = self.pool.acquire().await?;
        let (tag, voter) = names(candidate, "", &judging.secrets);
        let known = known(&mut connection, candidate, &voter).await?;
        Ok(judge::judge(candidate, &tag, &known, &judging.rules).map(|(state, reasons)| Receipt {
            id: None,
            url: None,
            digest: candidate.digest.clone(),
            state,
            reasons,
            log_index: None,
        }))
    }
}

/// The tag as it is kept, and the name under which the candidate votes.
fn names(candidate: &Candidate, id: &str, secrets: &Secrets) -> (String, String) {
    match candidate.signer.as_ref().and_then(|signer| signer.tag.as_deref()) {
        Some(tag) => {
            let tag = secrets.stored_tag(tag);
            (tag.clone(), tag)
        }
        // Nobody is behind it twice: it votes for itself.
        None => (String::new(), anonymous(id)),
    }
}

async fn take_one(
    line: &mut Transaction<'static, Any>,
    edge: &mut Edge,
    arrival: &Arrival,
    judging: &Judging,
) -> Result<Result<Receipt, Refusal>, StoreError> {
    let candidate = &arrival.candidate;
    if let Err(wait_ms) = limit::charge(line, &arrival.address, judging.limit, arrival.at_ms).await? {
        let seconds = u32::try_from(wait_ms.div_euclid(1000) + 1).unwrap_or(u32::MAX);
        let says = EN.problem.many_submissions(&seconds.to_string());
        let mut refusal = Refusal::new(Because::TooOften, says);
        refusal.retry_after_s = Some(seconds);
        return Ok(Err(refusal));
    }
    let (tag, voter) = names(candidate, &arrival.id, &judging.secrets);
    let known = known(line, candidate, &voter).await?;
    let (state, mut reasons) = match judge::judge(candidate, &tag, &known, &judging.rules) {
        Ok(decided) => decided,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let log_index = ledger::append(line, edge, &candidate.digest).await?;
    keep::names(line, candidate, &known, &tag).await?;
    keep::run(line, arrival, &voter, log_index).await?;
    let counted = keep::points(line, arrival, &voter, state).await?;
    reasons.extend(keep::same_address(counted, candidate.points.len()));

    let decision = Change {
        kind: EventKind::of_state(state),
        actor: Actor::Server,
        dispute: None,
        code: String::new(),
        says: String::new(),
    };
    let remarks = reasons.iter().map(|reason| Change {
        kind: EventKind::Remark,
        code: reason.code.clone(),
        says: reason.says.clone(),
        ..decision.clone()
    });
    let changes: Vec<Change> = std::iter::once(decision.clone()).chain(remarks).collect();
    for (number, change) in changes.iter().enumerate() {
        change::record(line, &arrival.id, number as u64, arrival.at_ms, change).await?;
    }
    sqlx::query("INSERT INTO standing (run, base, disputes, events) VALUES ($1, $2, 0, $3)")
        .bind(&arrival.id)
        .bind(state.name())
        .bind(changes.len() as i64)
        .execute(&mut **line)
        .await?;
    if state == State::Accepted {
        for (cell, voter) in cells::cells_of(line, &arrival.id).await? {
            cells::recount(line, &cell, &voter).await?;
        }
        files::recount(line, &arrival.id).await?;
    }
    Ok(Ok(Receipt {
        id: Some(arrival.id.clone()),
        url: Some(format!("/r/{}", arrival.id)),
        digest: candidate.digest.clone(),
        state,
        reasons,
        log_index: Some(log_index),
    }))
}

/// Looks up all that bears on a candidate.
async fn known(
    connection: &mut AnyConnection,
    candidate: &Candidate,
    voter: &str,
) -> Result<Known, StoreError> {
    let mut known = Known::default();
    let same = sqlx::query("SELECT id FROM run WHERE digest = $1").bind(&candidate.digest);
    known.same_payload =
        same.fetch_optional(&mut *connection).await?.map(|row| row.try_get("id")).transpose()?;
    if !candidate.said.is_empty() {
        let said = sqlx::query("SELECT run FROM paste_said WHERE digest = $1").bind(&candidate.said);
        known.same_said =
            said.fetch_optional(&mut *connection).await?.map(|row| row.try_get("run")).transpose()?;
    }
    if let Some((nonce, _)) = &candidate.nonce {
        let spent = sqlx::query("SELECT nonce FROM nonce WHERE nonce = $1").bind(nonce);
        known.nonce_spent = spent.fetch_optional(&mut *connection).await?.is_some();
    }
    if let Some(signer) = &candidate.signer {
        let key =
            sqlx::query("SELECT hardware, month, tag FROM signing_key WHERE key = $1").bind(&signer.key);
        if let Some(row) = key.fetch_optional(&mut *connection).await? {
            known.key = Some(KeyUse {
                hardware: row.try_get("hardware")?,
                month: row.try_get("month")?,
                tag: row.try_get("tag")?,
            });
        }
        let banned = sqlx::query("SELECT key FROM banned_key WHERE key = $1").bind(&signer.key);
        known.key_banned = banned.fetch_optional(&mut *connection).await?.is_some();
        if signer.tag.is_some() {
            // A tag votes under its own stored form.
            let tag = sqlx::query("SELECT hardware FROM machine_tag WHERE tag = $1").bind(voter);
            let row = tag.fetch_optional(&mut *connection).await?;
            known.tag_hardware = row.map(|row| row.try_get("hardware")).transpose()?;
        }
    }
    if !candidate.subject.model_digest.is_empty() {
        known.digest_claims = files::claims(&mut *connection, &candidate.subject.model_digest).await?;
    }
    let keys: BTreeSet<String> = candidate.points.iter().map(|point| candidate.cell(point)).collect();
    let mut reports = BTreeMap::new();
    for key in keys {
        let found = cells::reports(&mut *connection, &key, voter).await?;
        reports.insert(key, found);
    }
    known.cells = reports;
    Ok(known)
}
