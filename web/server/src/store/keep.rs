//! A submission that was taken, row by row: what it ties names to, its facts, its points.

use std::collections::BTreeMap;

use data::submission::{Reason, State};
use page::messages::EN;
use sqlx::{Any, Row, Transaction};

use super::intake::Arrival;
use super::{StoreError, cells};
use crate::gate::day::DAY_MS;
use crate::gate::judge::Known;
use crate::gate::{Candidate, Point, reason};

/// Keeps what keys, tags and proofs of work are tied to from now on.
pub(super) async fn names(
    line: &mut Transaction<'static, Any>,
    candidate: &Candidate,
    known: &Known,
    tag: &str,
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
    Ok(())
}

pub(super) async fn run(
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
    if !candidate.said.is_empty() {
        sqlx::query("INSERT INTO paste_said (digest, run) VALUES ($1, $2)")
            .bind(&candidate.said)
            .bind(&arrival.id)
            .execute(&mut **line)
            .await?;
    }
    Ok(())
}

/// Keeps the points; how many of them count, as far as the address goes. A point counts unless the same address was counted
/// in its cell today for somebody else: so many tags behind one address are one.
pub(super) async fn points(
    line: &mut Transaction<'static, Any>,
    arrival: &Arrival,
    voter: &str,
    state: State,
) -> Result<usize, StoreError> {
    let mut counted: BTreeMap<String, bool> = BTreeMap::new();
    let mut count = 0;
    for (number, measured) in arrival.candidate.points.iter().enumerate() {
        let cell = arrival.candidate.cell(measured);
        let counts = match counted.get(&cell) {
            Some(counts) => *counts,
            None => {
                let counts = first_today(line, arrival, &cell, voter, state).await?;
                counted.insert(cell.clone(), counts);
                counts
            }
        };
        count += usize::from(counts);
        point(line, &arrival.id, number, measured, &cell, voter, counts).await?;
    }
    Ok(count)
}

/// Points that do not count for their address are told: nobody must wonder where they went.
pub(super) fn same_address(counted: usize, points: usize) -> Option<Reason> {
    let left_out = points - counted;
    let which = match left_out {
        0 => return None,
        _ if counted == 0 => EN.gate.nothing_counts.to_owned(),
        _ => EN.gate.some_do_not_count(&left_out.to_string(), &points.to_string()),
    };
    let says = EN.gate.same_address(&which);
    Some(reason("same_address", says))
}

/// Whether the address's place in this cell today is free or this submitter's own. Only what is accepted takes it: a report
/// that is doubted must not use it up for those that are not. Of those that are doubted the first may take it yet, when a
/// maintainer lets it count; any more behind one address would be one submitter under many names.
async fn first_today(
    line: &mut Transaction<'static, Any>,
    arrival: &Arrival,
    cell: &str,
    voter: &str,
    state: State,
) -> Result<bool, StoreError> {
    let place = Place { day: arrival.at_ms.div_euclid(DAY_MS), address: &arrival.address };
    if let Some(holder) = place.holder(line, cell).await? {
        return Ok(holder == voter);
    }
    if state == State::Accepted {
        place.take(line, cell, voter).await?;
        return Ok(true);
    }
    let waiting = waiting(cell);
    if let Some(holder) = place.holder(line, &waiting).await? {
        return Ok(holder == voter);
    }
    place.take(line, &waiting, voter).await?;
    Ok(true)
}

/// Under which name the place of a cell is kept for a report that is doubted. No cell's key has a space.
fn waiting(cell: &str) -> String {
    format!("{cell} in doubt")
}

/// What one address is given of a day.
struct Place<'a> {
    day: i64,
    address: &'a str,
}

impl Place<'_> {
    /// Who has it in a cell.
    async fn holder(
        &self,
        line: &mut Transaction<'static, Any>,
        cell: &str,
    ) -> Result<Option<String>, StoreError> {
        let row = sqlx::query("SELECT voter FROM seen WHERE day = $1 AND address = $2 AND cell = $3")
            .bind(self.day)
            .bind(self.address)
            .bind(cell)
            .fetch_optional(&mut **line)
            .await?;
        Ok(row.map(|row| row.try_get("voter")).transpose()?)
    }

    /// Gives it to a submitter, where nobody has it.
    async fn take(
        &self,
        line: &mut Transaction<'static, Any>,
        cell: &str,
        voter: &str,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO seen (day, address, cell, voter) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        )
        .bind(self.day)
        .bind(self.address)
        .bind(cell)
        .bind(voter)
        .execute(&mut **line)
        .await?;
        Ok(())
    }
}

/// Takes the places of a cell that were kept for this submitter while a report was doubted: it counts now.
pub(super) async fn settle(
    line: &mut Transaction<'static, Any>,
    cell: &str,
    voter: &str,
) -> Result<(), StoreError> {
    let kept = sqlx::query("SELECT day, address FROM seen WHERE cell = $1 AND voter = $2")
        .bind(waiting(cell))
        .bind(voter)
        .fetch_all(&mut **line)
        .await?;
    for row in kept {
        let address: String = row.try_get("address")?;
        Place { day: row.try_get("day")?, address: &address }.take(line, cell, voter).await?;
    }
    Ok(())
}

/// Frees the places that a submitter's address took in a cell, where nothing of theirs counts there any more.
pub(super) async fn free(
    line: &mut Transaction<'static, Any>,
    cell: &str,
    voter: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM seen WHERE cell = $1 AND voter = $2
         AND NOT EXISTS (SELECT 1 FROM vote WHERE vote.cell = $1 AND vote.voter = $2)",
    )
    .bind(cell)
    .bind(voter)
    .execute(&mut **line)
    .await?;
    Ok(())
}

async fn point(
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
    if let Some(apart) = &point.apart {
        sqlx::query("INSERT INTO apart (run, point, reasoning_tps, answer_tps) VALUES ($1, $2, $3, $4)")
            .bind(run)
            .bind(number as i64)
            .bind(apart.reasoning_tps)
            .bind(apart.answer_tps)
            .execute(&mut **line)
            .await?;
    }
    Ok(())
}
