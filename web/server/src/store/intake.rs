//! Submissions on their way in: one task writes, and takes all that wait in one transaction, so that one write to the
//! disk acknowledges many. In each: limit, proof of work, what is known, the last word, and the result itself.

use std::collections::{BTreeMap, BTreeSet};

use data::merkle::Edge;
use data::row::PlausibilityRow;
use data::submission::{Receipt, State};
use sqlx::{Any, AnyConnection, Row, Transaction};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::change::{self, Actor, Change, EventKind};
use super::{Secrets, Store, StoreError, cells, ledger};
use crate::gate::day::DAY_MS;
use crate::gate::judge::{self, KeyUse, Known};
use crate::gate::{Because, Candidate, Point, Refusal};

/// Submissions in one transaction at most.
const AT_ONCE: usize = 64;
/// Submissions that may wait; more are told to come back.
const WAITING: usize = 512;

/// How often one network address may submit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Milliseconds that each submission takes of what is allowed.
    pub each_ms: i64,
    /// Submissions that may come at once after a pause.
    pub burst: i64,
}

impl Limit {
    /// So many an hour, a third of them at once.
    pub fn an_hour(count: u32) -> Self {
        let count = i64::from(count.max(1));
        Limit { each_ms: (3_600_000 / count).max(1), burst: (count / 3).max(1) }
    }
}

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
    /// Starts the task that writes; it ends when every [`Intake`] is gone, after the last one that waits.
    pub fn start(store: Store, judging: Judging) -> (Self, JoinHandle<()>) {
        let (door, mut waiting) = mpsc::channel::<Waiting>(WAITING);
        let task = tokio::spawn(async move {
            let mut batch = Vec::with_capacity(AT_ONCE);
            while waiting.recv_many(&mut batch, AT_ONCE).await > 0 {
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
            let mut refusal = Refusal::new(
                Because::TooOften,
                "More submissions are waiting than the server takes; try again.",
            );
            refusal.retry_after_s = Some(5);
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
            forget(&mut line, first.at_ms).await?;
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

    /// How many submissions an address has used up of late: what the work for the next one goes by.
    pub async fn used(&self, address: &str, limit: Limit, now_ms: i64) -> Result<u32, StoreError> {
        let row = sqlx::query("SELECT tat_ms FROM bucket WHERE key = $1")
            .bind(address)
            .fetch_optional(&self.pool)
            .await?;
        let until: i64 = row.map(|row| row.try_get("tat_ms")).transpose()?.unwrap_or(0);
        Ok(((until - now_ms).max(0) / limit.each_ms).min(64) as u32)
    }

    /// Takes one from what a key may, of anything that is not a submission; milliseconds to wait where nothing is left.
    pub async fn spend(&self, key: &str, limit: Limit, now_ms: i64) -> Result<Result<(), i64>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        charge(&mut connection, key, limit, now_ms).await
    }
}

/// Deletes what has served its time.
async fn forget(line: &mut Transaction<'static, Any>, now_ms: i64) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM nonce WHERE expires_at_ms < $1").bind(now_ms).execute(&mut **line).await?;
    sqlx::query("DELETE FROM bucket WHERE tat_ms < $1").bind(now_ms - DAY_MS).execute(&mut **line).await?;
    Ok(())
}

/// The generic cell rate algorithm in one statement: it moves the moment until which a key has used up its share, unless
/// that lies too far ahead; then no row comes back, and nothing has changed.
async fn charge(
    connection: &mut AnyConnection,
    key: &str,
    limit: Limit,
    now_ms: i64,
) -> Result<Result<(), i64>, StoreError> {
    let row = sqlx::query(
        "INSERT INTO bucket (key, tat_ms) VALUES ($1, $2 + $3)
         ON CONFLICT (key) DO UPDATE SET
             tat_ms = CASE WHEN bucket.tat_ms > $2 THEN bucket.tat_ms ELSE $2 END + $3
         WHERE bucket.tat_ms <= $2 + $4
         RETURNING tat_ms",
    )
    .bind(key)
    .bind(now_ms)
    .bind(limit.each_ms)
    .bind(limit.each_ms * (limit.burst - 1))
    .fetch_optional(&mut *connection)
    .await?;
    if row.is_some() {
        return Ok(Ok(()));
    }
    let row =
        sqlx::query("SELECT tat_ms FROM bucket WHERE key = $1").bind(key).fetch_optional(connection).await?;
    let until: i64 = row.map(|row| row.try_get("tat_ms")).transpose()?.unwrap_or(now_ms);
    Ok(Err((until - limit.each_ms * (limit.burst - 1) - now_ms).max(1)))
}

/// The tag as it is kept, and the name under which the candidate votes.
fn names(candidate: &Candidate, id: &str, secrets: &Secrets) -> (String, String) {
    match candidate.signer.as_ref().and_then(|signer| signer.tag.as_deref()) {
        Some(tag) => {
            let tag = secrets.stored_tag(tag);
            (tag.clone(), tag)
        }
        // Nobody is behind it twice: it votes for itself.
        None => (String::new(), format!("r{id}")),
    }
}

async fn take_one(
    line: &mut Transaction<'static, Any>,
    edge: &mut Edge,
    arrival: &Arrival,
    judging: &Judging,
) -> Result<Result<Receipt, Refusal>, StoreError> {
    let candidate = &arrival.candidate;
    if let Err(wait_ms) = charge(line, &arrival.address, judging.limit, arrival.at_ms).await? {
        let seconds = u32::try_from(wait_ms.div_euclid(1000) + 1).unwrap_or(u32::MAX);
        let says = format!("Too many submissions from this network address; try again in {seconds} s.");
        let mut refusal = Refusal::new(Because::TooOften, says);
        refusal.retry_after_s = Some(seconds);
        return Ok(Err(refusal));
    }
    let (tag, voter) = names(candidate, &arrival.id, &judging.secrets);
    let known = known(line, candidate, &voter).await?;
    let (state, reasons) = match judge::judge(candidate, &tag, &known, &judging.rules) {
        Ok(decided) => decided,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let log_index = ledger::append(line, edge, &candidate.digest).await?;
    keep_names(line, candidate, &known, &tag, &voter).await?;
    keep_run(line, arrival, &voter, log_index).await?;
    keep_points(line, arrival, &voter).await?;

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
        let rows = sqlx::query(
            "SELECT model, COUNT(*) AS submitters FROM model_file WHERE digest = $1 GROUP BY model ORDER BY model",
        )
        .bind(&candidate.subject.model_digest)
        .fetch_all(&mut *connection)
        .await?;
        for row in rows {
            let submitters: i64 = row.try_get("submitters")?;
            known.digest_claims.push((row.try_get("model")?, submitters as u32));
        }
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

/// Keeps what keys, tags, files and proofs of work are tied to from now on.
async fn keep_names(
    line: &mut Transaction<'static, Any>,
    candidate: &Candidate,
    known: &Known,
    tag: &str,
    voter: &str,
) -> Result<(), StoreError> {
    if let Some((nonce, expires_at_ms)) = &candidate.nonce {
        sqlx::query("INSERT INTO nonce (nonce, expires_at_ms) VALUES ($1, $2)")
            .bind(nonce)
            .bind(expires_at_ms)
            .execute(&mut **line)
            .await?;
    }
    if let (Some(signer), None) = (&candidate.signer, &known.key) {
        sqlx::query("INSERT INTO signing_key (key, hardware, month, tag) VALUES ($1, $2, $3, $4)")
            .bind(&signer.key)
            .bind(&signer.hardware)
            .bind(&signer.month)
            .bind(tag)
            .execute(&mut **line)
            .await?;
    }
    if let (Some(signer), None, false) = (&candidate.signer, &known.tag_hardware, tag.is_empty()) {
        sqlx::query("INSERT INTO machine_tag (tag, hardware) VALUES ($1, $2)")
            .bind(tag)
            .bind(&signer.hardware)
            .execute(&mut **line)
            .await?;
    }
    if candidate.subject.model_digest.is_empty() {
        return Ok(());
    }
    let claimed = sqlx::query("SELECT voter FROM model_file WHERE digest = $1 AND model = $2 AND voter = $3")
        .bind(&candidate.subject.model_digest)
        .bind(&candidate.subject.model)
        .bind(voter);
    if claimed.fetch_optional(&mut **line).await?.is_none() {
        sqlx::query("INSERT INTO model_file (digest, model, voter) VALUES ($1, $2, $3)")
            .bind(&candidate.subject.model_digest)
            .bind(&candidate.subject.model)
            .bind(voter)
            .execute(&mut **line)
            .await?;
    }
    Ok(())
}

async fn keep_run(
    line: &mut Transaction<'static, Any>,
    arrival: &Arrival,
    voter: &str,
    log_index: u64,
) -> Result<(), StoreError> {
    let candidate = &arrival.candidate;
    let subject = &candidate.subject;
    sqlx::query("INSERT INTO payload (digest, bytes, signatures) VALUES ($1, $2, $3)")
        .bind(&candidate.digest)
        .bind(&candidate.payload[..])
        .bind(&candidate.signatures)
        .execute(&mut **line)
        .await?;
    sqlx::query(
        "INSERT INTO run (id, digest, log_index, kind, evidence, received_at_ms, measured_on, suite, signing_key,
                          voter, device, devices, memory_gib, power_share, model, quant, size_bytes, model_digest,
                          runtime, runtime_version, backend, offloaded, raw_timings)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,
                 NULLIF($13, CAST(-1 AS DOUBLE PRECISION)), NULLIF($14, CAST(-1 AS DOUBLE PRECISION)),
                 $15, $16, $17, $18, $19, $20, $21, $22, $23)",
    )
    .bind(&arrival.id)
    .bind(&candidate.digest)
    .bind(log_index as i64)
    .bind(candidate.kind.name())
    .bind(candidate.evidence.name())
    .bind(arrival.at_ms)
    .bind(&candidate.measured_on)
    .bind(&candidate.suite)
    .bind(candidate.signer.as_ref().map_or("", |signer| signer.key.as_str()))
    .bind(voter)
    .bind(&subject.device)
    .bind(i64::from(subject.devices))
    .bind(cells::present(subject.memory_gib))
    .bind(cells::present(subject.power_share))
    .bind(&subject.model)
    .bind(&subject.quant)
    .bind(subject.size_bytes.and_then(|bytes| i64::try_from(bytes).ok()).unwrap_or(-1))
    .bind(&subject.model_digest)
    .bind(&subject.runtime)
    .bind(&subject.runtime_version)
    .bind(&subject.backend)
    .bind(subject.offloaded.map_or(-1, i64::from))
    .bind(&candidate.raw_timings_sha256)
    .execute(&mut **line)
    .await?;
    Ok(())
}

/// Keeps the points. A point counts unless the same address was counted in its cell today for somebody else: so many
/// tags behind one address are one.
async fn keep_points(
    line: &mut Transaction<'static, Any>,
    arrival: &Arrival,
    voter: &str,
) -> Result<(), StoreError> {
    let mut counted: BTreeMap<String, bool> = BTreeMap::new();
    for (number, point) in arrival.candidate.points.iter().enumerate() {
        let cell = arrival.candidate.cell(point);
        let counts = match counted.get(&cell) {
            Some(counts) => *counts,
            None => {
                let counts = first_today(line, arrival, &cell, voter).await?;
                counted.insert(cell.clone(), counts);
                counts
            }
        };
        keep_point(line, &arrival.id, number, point, &cell, voter, counts).await?;
    }
    Ok(())
}

async fn first_today(
    line: &mut Transaction<'static, Any>,
    arrival: &Arrival,
    cell: &str,
    voter: &str,
) -> Result<bool, StoreError> {
    let day = arrival.at_ms.div_euclid(DAY_MS);
    let seen = sqlx::query("SELECT voter FROM seen WHERE day = $1 AND address = $2 AND cell = $3")
        .bind(day)
        .bind(&arrival.address)
        .bind(cell)
        .fetch_optional(&mut **line)
        .await?;
    if let Some(row) = seen {
        return Ok(row.try_get::<String, _>("voter")? == voter);
    }
    sqlx::query("INSERT INTO seen (day, address, cell, voter) VALUES ($1, $2, $3, $4)")
        .bind(day)
        .bind(&arrival.address)
        .bind(cell)
        .bind(voter)
        .execute(&mut **line)
        .await?;
    Ok(true)
}

async fn keep_point(
    line: &mut Transaction<'static, Any>,
    run: &str,
    number: usize,
    point: &Point,
    cell: &str,
    voter: &str,
    counts: bool,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO metric (run, point, cell, voter, counts, workload, prompt_tokens, cached_tokens, output_tokens,
                             streams, decode_tps, prefill_tps, ttft_ms, estimate_tps, flags)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,
                 NULLIF($11, CAST(-1 AS DOUBLE PRECISION)), NULLIF($12, CAST(-1 AS DOUBLE PRECISION)),
                 NULLIF($13, CAST(-1 AS DOUBLE PRECISION)), NULLIF($14, CAST(-1 AS DOUBLE PRECISION)), $15)",
    )
    .bind(run)
    .bind(number as i64)
    .bind(cell)
    .bind(voter)
    .bind(i64::from(counts))
    .bind(&point.workload)
    .bind(i64::from(point.prompt_tokens))
    .bind(i64::from(point.cached_tokens))
    .bind(i64::from(point.output_tokens))
    .bind(i64::from(point.streams))
    .bind(cells::present(point.decode_tps))
    .bind(cells::present(point.prefill_tps))
    .bind(cells::present(point.ttft_ms))
    .bind(cells::present(point.expected_decode.map(|expected| expected.mid)))
    .bind(&point.flags)
    .execute(&mut **line)
    .await?;
    Ok(())
}
