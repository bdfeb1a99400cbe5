//! The last word: a candidate against what is known already. Called within the transaction that keeps it, so that two
//! submissions at once cannot both be the first.

use std::collections::BTreeMap;

use data::plausibility::PlausibilityRow;
use data::submission::{Reason, State};
use page::messages::EN;

use super::plausible::{Opinion, opinion, same_again, times};
use super::{Because, Candidate, Refusal, reason};

/// What is known that bears on a candidate.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known {
    /// Id of the result with the same payload.
    pub same_payload: Option<String>,
    /// Id of the paste that says the same.
    pub same_said: Option<String>,
    /// Whether the proof of work was spent.
    pub nonce_spent: bool,
    /// What the signing key was used for before.
    pub key: Option<KeyUse>,
    /// Whether the key is banned.
    pub key_banned: bool,
    /// Hardware that the tag was seen with.
    pub tag_hardware: Option<String>,
    /// Models in their quantisations (see [`known_as`]) that the file's digest is said to be by results that count, each with the number of tagged submitters.
    pub digest_claims: Vec<(String, u32)>,
    /// Reports by others, and by the same submitter, by cell.
    pub cells: BTreeMap<String, Reports>,
}

/// What a key was used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUse {
    /// SHA-256 of the hardware descriptor.
    pub hardware: String,
    /// The month.
    pub month: String,
    /// The tag, as it is stored.
    pub tag: String,
}

/// Reports of one cell, tokens a second.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reports {
    /// Decode, one for each other submitter.
    pub decode_tps: Vec<f64>,
    /// Prefill, one for each other submitter who tells it.
    pub prefill_tps: Vec<f64>,
    /// The same submitter's decode so far.
    pub own_decode_tps: Option<f64>,
}

/// Where a candidate stands, and why. `stored_tag` is its tag as the store keeps tags.
///
/// # Errors
/// Why it is not taken.
pub fn judge(
    candidate: &Candidate,
    stored_tag: &str,
    known: &Known,
    rules: &PlausibilityRow,
) -> Result<(State, Vec<Reason>), Refusal> {
    if let Some(id) = &known.same_payload {
        let mut refusal = Refusal::new(Because::Repeated, EN.gate.same_payload);
        refusal.instance = Some(format!("/r/{id}"));
        return Err(refusal);
    }
    if let Some(id) = &known.same_said {
        let says = EN.gate.same_said;
        let mut refusal = Refusal::new(Because::Repeated, says);
        refusal.instance = Some(format!("/r/{id}"));
        return Err(refusal);
    }
    if known.nonce_spent {
        return Err(Refusal::new(Because::Proof, EN.gate.nonce_spent));
    }
    keys(candidate, stored_tag, known)?;
    let mut judged = candidate.clone();
    model_file(&mut judged, known, rules.known_from);
    for point in &candidate.points {
        let nothing = Reports::default();
        let reports = known.cells.get(&candidate.cell(point)).unwrap_or(&nothing);
        let where_ = if point.workload.is_empty() { String::new() } else { format!("{}: ", point.workload) };
        for (what, speed, expected, others) in [
            ("decode", point.decode_tps, point.expected_decode, &reports.decode_tps),
            ("prefill", point.prefill_tps, point.expected_prefill, &reports.prefill_tps),
        ] {
            let Some(speed) = speed else { continue };
            let spoken = match opinion(speed, expected, others, rules) {
                Opinion::Fine => continue,
                Opinion::Impossible(ratio) => (
                    State::Held,
                    reason("above_roofline", EN.gate.above_roofline(&where_, &times(ratio), what)),
                ),
                Opinion::Far { of_others, of_estimate } => {
                    (State::Flagged, far(&where_, what, others.len(), of_others, of_estimate))
                }
            };
            judged.lower(spoken.0, spoken.1);
        }
        if let (Some(speed), Some(own)) = (point.decode_tps, reports.own_decode_tps)
            && !same_again(speed, own, rules)
        {
            let says = EN.gate.differs_from_own(&where_, &times(speed / own));
            judged.lower(State::Held, reason("differs_from_own", says));
        }
    }
    Ok((judged.state, judged.reasons))
}

fn far(where_: &str, what: &str, count: usize, of_others: Option<f64>, of_estimate: Option<f64>) -> Reason {
    let estimate = of_estimate.map(|ratio| EN.gate.of_estimate(&times(ratio)));
    let others = of_others.map(|ratio| EN.gate.of_others(&count.to_string(), &times(ratio)));
    let code = if others.is_some() { "far_from_others" } else { "far_from_estimate" };
    let told = match (others, estimate) {
        (Some(others), Some(estimate)) => EN.gate.of_both(&estimate, &others),
        (others, estimate) => others.or(estimate).unwrap_or_default(),
    };
    reason(code, EN.gate.far(where_, &told, what))
}

fn keys(candidate: &Candidate, stored_tag: &str, known: &Known) -> Result<(), Refusal> {
    let Some(signer) = &candidate.signer else { return Ok(()) };
    let refused = |says: &str| Err(Refusal::new(Because::Signature, says));
    if known.key_banned {
        return refused(EN.gate.key_banned);
    }
    if let Some(before) = &known.key {
        if before.hardware != signer.hardware {
            return refused(EN.gate.key_hardware);
        }
        if before.month != signer.month || before.tag != stored_tag {
            return refused(EN.gate.key_month);
        }
    }
    if known.tag_hardware.as_ref().is_some_and(|hardware| *hardware != signer.hardware) {
        return refused(EN.gate.tag_hardware);
    }
    Ok(())
}

/// What a file is known as: a model in its quantisation, of which a file holds one.
pub fn known_as(model: &str, quant: &str) -> String {
    format!("{model} in {quant}")
}

/// What is known of the model's file. Where submitters call it different models, the report waits for a maintainer: whoever
/// lies first must not lock the others out of their own file.
fn model_file(judged: &mut Candidate, known: &Known, known_from: u32) {
    if judged.subject.model_digest.is_empty() {
        return;
    }
    let this = &known_as(&judged.subject.model, &judged.subject.quant);
    let own = known.digest_claims.iter().find(|(model, _)| model == this).map_or(0, |(_, count)| *count);
    let other = known.digest_claims.iter().filter(|(model, _)| model != this).max_by_key(|(_, count)| *count);
    match other {
        Some((model, count)) if own < known_from || own <= *count => {
            let says = if *count >= known_from {
                EN.gate.file_known(model, this)
            } else {
                EN.gate.file_called(model)
            };
            judged.lower(State::Held, reason("file_disputed", says));
        }
        None if own < known_from => {
            let says = EN.gate.file_unverified;
            judged.reasons.push(reason("file_unverified", says));
        }
        _ => {}
    }
}
