//! What is said about a result after it came, one event after the other, and where that leaves it.

use data::submission::State;
use sqlx::any::AnyRow;
use sqlx::{Any, Row, Transaction};

use super::{Store, StoreError, cells, files, keep, ledger};

/// Who says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Who holds the key that signed.
    Submitter,
    /// The gate.
    Server,
    /// Who runs the server.
    Maintainer,
    /// Whoever came by.
    Anyone,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// It counts.
    Accepted,
    /// It is shown and does not count.
    Flagged,
    /// It waits for a maintainer.
    Held,
    /// It was taken back.
    Withdrawn,
    /// It counts again.
    Reinstated,
    /// Somebody doubts it.
    Disputed,
    /// Somebody answers a dispute.
    Answered,
    /// A dispute is over.
    Settled,
    /// Raw timings came and were checked.
    Evidence,
    /// A remark of the gate.
    Remark,
}

macro_rules! words {
    ($type:ident, $($variant:ident = $word:literal),+ $(,)?) => {
        impl $type {
            /// The word that is stored.
            pub const fn name(self) -> &'static str {
                match self { $($type::$variant => $word),+ }
            }

            /// From the word that is stored.
            pub fn from_name(text: &str) -> Option<Self> {
                match text { $($word => Some($type::$variant),)+ _ => None }
            }
        }
    };
}

words!(Actor, Submitter = "submitter", Server = "server", Maintainer = "maintainer", Anyone = "anyone");
words!(
    EventKind,
    Accepted = "accepted",
    Flagged = "flagged",
    Held = "held",
    Withdrawn = "withdrawn",
    Reinstated = "reinstated",
    Disputed = "disputed",
    Answered = "answered",
    Settled = "settled",
    Evidence = "evidence",
    Remark = "remark",
);

impl EventKind {
    /// The state that a result is in after it; none where it leaves that as it was.
    pub fn base(self) -> Option<State> {
        match self {
            EventKind::Accepted => Some(State::Accepted),
            EventKind::Flagged => Some(State::Flagged),
            EventKind::Held => Some(State::Held),
            EventKind::Withdrawn => Some(State::Withdrawn),
            EventKind::Reinstated => Some(State::Reinstated),
            _ => None,
        }
    }

    /// The event that the gate's decision is.
    pub fn of_state(state: State) -> Self {
        match state {
            State::Flagged => EventKind::Flagged,
            State::Held => EventKind::Held,
            // The gate knows no other state.
            _ => EventKind::Accepted,
        }
    }
}

/// Something new about a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What happens.
    pub kind: EventKind,
    /// Who does it.
    pub actor: Actor,
    /// The dispute that it belongs to: the number of its first event.
    pub dispute: Option<u64>,
    /// A word for programs.
    pub code: String,
    /// A sentence.
    pub says: String,
}

/// Something that was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its number within the result, from 0.
    pub number: u64,
    /// When, in milliseconds since 1970 (UTC).
    pub at_ms: i64,
    /// What.
    pub change: Change,
}

/// Where a result stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Leaving disputes out.
    pub base: State,
    /// Open disputes.
    pub disputes: u32,
    /// Events so far.
    pub events: u64,
}

impl Standing {
    /// As it is shown: one that counts and is in doubt is disputed. A dispute takes nothing from what stands against a
    /// result already: one that is held stays held, and [`in_doubt`](Standing::in_doubt) tells the rest.
    pub fn state(&self) -> State {
        if self.in_doubt() && counts(self.base) { State::Disputed } else { self.base }
    }

    /// Whether a dispute is open; what was taken back is in no doubt.
    pub fn in_doubt(&self) -> bool {
        self.disputes > 0 && self.base != State::Withdrawn
    }

    /// Where these events leave a result.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut standing = Standing { base: State::Held, disputes: 0, events: 0 };
        for event in events {
            standing.after(event.change.kind);
        }
        standing
    }

    fn after(&mut self, kind: EventKind) {
        self.base = kind.base().unwrap_or(self.base);
        match kind {
            EventKind::Disputed => self.disputes += 1,
            EventKind::Settled => self.disputes = self.disputes.saturating_sub(1),
            _ => {}
        }
        self.events += 1;
    }
}

/// Whether results in this state count.
pub(super) fn counts(state: State) -> bool {
    matches!(state, State::Accepted | State::Reinstated)
}

/// Writes an event down.
pub(super) async fn record(
    line: &mut Transaction<'static, Any>,
    run: &str,
    number: u64,
    at_ms: i64,
    change: &Change,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO event (run, number, at_ms, kind, actor, dispute, code, says)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(run)
    .bind(number as i64)
    .bind(at_ms)
    .bind(change.kind.name())
    .bind(change.actor.name())
    .bind(change.dispute.map_or(-1, |number| number as i64))
    .bind(&change.code)
    .bind(&change.says)
    .execute(&mut **line)
    .await?;
    Ok(())
}

pub(super) fn standing(row: &AnyRow) -> Result<Standing, StoreError> {
    let base: String = row.try_get("base")?;
    Ok(Standing {
        base: State::from_name(&base).ok_or(StoreError::Broken("an unknown state"))?,
        disputes: row.try_get::<i64, _>("disputes")? as u32,
        events: row.try_get::<i64, _>("events")? as u64,
    })
}

/// What came of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It was written down under this number, and the result stands here now.
    Done(u64, Standing),
    /// The very same was written down before, under this number.
    Repeated(u64),
    /// The submitter took the result back, which is the last word on whether it counts.
    TakenBack,
    /// There is no such result, or no such dispute that is open.
    Unknown,
}

impl Store {
    /// Adds an event. One with a code is written down once: a replay of it changes nothing.
    pub async fn change(&self, run: &str, change: &Change, at_ms: i64) -> Result<Changed, StoreError> {
        let mut line = self.begin().await?;
        ledger::stand_in_line(&mut line).await?;
        let changed = apply(&mut line, run, change, at_ms).await?;
        if matches!(changed, Changed::Done(..)) {
            ledger::touch(&mut line).await?;
            line.commit().await?;
        }
        Ok(changed)
    }

    /// Erases the bytes of a result, and leaves the reason beside it; the log keeps its leaf. False where there are no such
    /// bytes.
    pub async fn erase(&self, run: &str, says: &str, at_ms: i64) -> Result<bool, StoreError> {
        let mut line = self.begin().await?;
        ledger::stand_in_line(&mut line).await?;
        let there = sqlx::query(
            "SELECT payload.digest FROM payload JOIN run ON run.digest = payload.digest WHERE run.id = $1",
        )
        .bind(run)
        .fetch_optional(&mut *line)
        .await?;
        let Some(row) = there else { return Ok(false) };
        let digest: String = row.try_get("digest")?;
        sqlx::query("INSERT INTO erasure (digest, at_ms, says) VALUES ($1, $2, $3)")
            .bind(&digest)
            .bind(at_ms)
            .bind(says)
            .execute(&mut *line)
            .await?;
        sqlx::query("DELETE FROM payload WHERE digest = $1").bind(&digest).execute(&mut *line).await?;
        apply(&mut line, run, &Change::of_maintainer("erased", says), at_ms).await?;
        ledger::touch(&mut line).await?;
        line.commit().await?;
        Ok(true)
    }

    /// Bans a key; what it signed before stays as it is, with a remark. How many results that are.
    pub async fn ban_key(&self, key: &str, says: &str, at_ms: i64) -> Result<usize, StoreError> {
        let mut line = self.begin().await?;
        ledger::stand_in_line(&mut line).await?;
        let there = sqlx::query("SELECT key FROM banned_key WHERE key = $1").bind(key);
        if there.fetch_optional(&mut *line).await?.is_none() {
            sqlx::query("INSERT INTO banned_key (key, at_ms, says) VALUES ($1, $2, $3)")
                .bind(key)
                .bind(at_ms)
                .bind(says)
                .execute(&mut *line)
                .await?;
        }
        let signed = sqlx::query("SELECT id FROM run WHERE signing_key = $1 ORDER BY log_index")
            .bind(key)
            .fetch_all(&mut *line)
            .await?;
        let remark = Change::of_maintainer("key_banned", says);
        for row in &signed {
            apply(&mut line, &row.try_get::<String, _>("id")?, &remark, at_ms).await?;
        }
        ledger::touch(&mut line).await?;
        line.commit().await?;
        Ok(signed.len())
    }
}

impl Change {
    /// What a maintainer did to a result that leaves where it stands as it was.
    fn of_maintainer(code: &str, says: &str) -> Self {
        Change {
            kind: EventKind::Remark,
            actor: Actor::Maintainer,
            dispute: None,
            code: code.to_owned(),
            says: says.to_owned(),
        }
    }
}

async fn apply(
    line: &mut Transaction<'static, Any>,
    run: &str,
    change: &Change,
    at_ms: i64,
) -> Result<Changed, StoreError> {
    let row = sqlx::query("SELECT base, disputes, events FROM standing WHERE run = $1")
        .bind(run)
        .fetch_optional(&mut **line)
        .await?;
    let Some(row) = row else { return Ok(Changed::Unknown) };
    let before = standing(&row)?;
    if let Some(number) = said_before(line, run, change).await? {
        return Ok(Changed::Repeated(number));
    }
    if let Some(dispute) = change.dispute
        && !is_open(line, run, dispute).await?
    {
        return Ok(Changed::Unknown);
    }
    if change.kind.base().is_some() && is_taken_back(line, run).await? {
        return Ok(Changed::TakenBack);
    }
    let mut after = before;
    after.after(change.kind);
    record(line, run, before.events, at_ms, change).await?;
    sqlx::query("UPDATE standing SET base = $1, disputes = $2, events = $3 WHERE run = $4")
        .bind(after.base.name())
        .bind(i64::from(after.disputes))
        .bind(after.events as i64)
        .bind(run)
        .execute(&mut **line)
        .await?;
    if counts(before.base) != counts(after.base) {
        for (cell, voter) in cells::cells_of(line, run).await? {
            cells::recount(line, &cell, &voter).await?;
            if counts(after.base) {
                keep::settle(line, &cell, &voter).await?;
            } else if is_last_word(change) {
                keep::free(line, &cell, &voter).await?;
            }
        }
        files::recount(line, run).await?;
    }
    Ok(Changed::Done(before.events, after))
}

/// Whether nobody can make the result count again: until then its place of the day stays its own, or another from its
/// address would be counted beside it.
fn is_last_word(change: &Change) -> bool {
    change.kind == EventKind::Withdrawn && change.actor == Actor::Submitter
}

/// The number under which the very same was written down; what has no code is never the same.
async fn said_before(
    line: &mut Transaction<'static, Any>,
    run: &str,
    change: &Change,
) -> Result<Option<u64>, StoreError> {
    if change.code.is_empty() {
        return Ok(None);
    }
    let row =
        sqlx::query("SELECT number FROM event WHERE run = $1 AND kind = $2 AND code = $3 ORDER BY number")
            .bind(run)
            .bind(change.kind.name())
            .bind(&change.code)
            .fetch_optional(&mut **line)
            .await?;
    Ok(row.map(|row| row.try_get::<i64, _>("number")).transpose()?.map(|number| number as u64))
}

async fn is_taken_back(line: &mut Transaction<'static, Any>, run: &str) -> Result<bool, StoreError> {
    let row = sqlx::query(
        "SELECT number FROM event WHERE run = $1 AND kind = 'withdrawn' AND actor = 'submitter' LIMIT 1",
    )
    .bind(run)
    .fetch_optional(&mut **line)
    .await?;
    Ok(row.is_some())
}

/// Whether a dispute was opened and is not settled.
async fn is_open(line: &mut Transaction<'static, Any>, run: &str, dispute: u64) -> Result<bool, StoreError> {
    let row = sqlx::query(
        "SELECT COUNT(CASE WHEN kind = 'disputed' AND number = $2 THEN 1 END) AS opened,
                COUNT(CASE WHEN kind = 'settled' AND dispute = $2 THEN 1 END) AS settled
         FROM event WHERE run = $1",
    )
    .bind(run)
    .bind(dispute as i64)
    .fetch_one(&mut **line)
    .await?;
    Ok(row.try_get::<i64, _>("opened")? == 1 && row.try_get::<i64, _>("settled")? == 0)
}
