//! The last word: a candidate against what is known already. Called within the transaction that keeps it, so that two
//! submissions at once cannot both be the first.

use std::collections::BTreeMap;

use data::plausibility::PlausibilityRow;
use data::submission::{Reason, State};

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
        let mut refusal = Refusal::new(Because::Repeated, "These very bytes were taken before.");
        refusal.instance = Some(format!("/r/{id}"));
        return Err(refusal);
    }
    if let Some(id) = &known.same_said {
        let says =
            "These lines were taken before, for the same machine, model and runtime. Paste another run.";
        let mut refusal = Refusal::new(Because::Repeated, says);
        refusal.instance = Some(format!("/r/{id}"));
        return Err(refusal);
    }
    if known.nonce_spent {
        return Err(Refusal::new(Because::Proof, "This proof of work was spent; solve a new challenge."));
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
                    reason(
                        "above_roofline",
                        format!(
                            "{where_}{what} is {} what this hardware can move at its peak.",
                            times(ratio)
                        ),
                    ),
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
            let says = format!(
                "{where_}decode is {} what the same machine reported before; a maintainer looks at it.",
                times(speed / own)
            );
            judged.lower(State::Held, reason("differs_from_own", says));
        }
    }
    Ok((judged.state, judged.reasons))
}

fn far(where_: &str, what: &str, count: usize, of_others: Option<f64>, of_estimate: Option<f64>) -> Reason {
    let estimate = of_estimate.map(|ratio| format!("{} the estimate", times(ratio)));
    let others = of_others.map(|ratio| {
        let reports = if count == 1 { "1 other report".to_owned() } else { format!("{count} other reports") };
        format!("{} the median of {reports}", times(ratio))
    });
    let code = if others.is_some() { "far_from_others" } else { "far_from_estimate" };
    let told: Vec<String> = others.into_iter().chain(estimate).collect();
    reason(code, format!("{where_}{what} is {}.", told.join(" and ")))
}

fn keys(candidate: &Candidate, stored_tag: &str, known: &Known) -> Result<(), Refusal> {
    let Some(signer) = &candidate.signer else { return Ok(()) };
    let refused = |says: &str| Err(Refusal::new(Because::Signature, says));
    if known.key_banned {
        return refused("This key may not submit any more; its results were found to be false.");
    }
    if let Some(before) = &known.key {
        if before.hardware != signer.hardware {
            return refused("This key signed runs of other hardware; each machine has a key of its own.");
        }
        if before.month != signer.month || before.tag != stored_tag {
            return refused("This key belongs to another month or another tag; make a new one.");
        }
    }
    if known.tag_hardware.as_ref().is_some_and(|hardware| *hardware != signer.hardware) {
        return refused("This tag belongs to other hardware; a machine that changed has a new tag.");
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
                format!("This file is known as {model}, and the run says {this}; a maintainer looks at it.")
            } else {
                format!("Somebody else called the same file {model}; a maintainer looks at it.")
            };
            judged.lower(State::Held, reason("file_disputed", says));
        }
        None if own < known_from => {
            let says = "Fewer than two others had reported this file of the model when it came.";
            judged.reasons.push(reason("file_unverified", says));
        }
        _ => {}
    }
}
