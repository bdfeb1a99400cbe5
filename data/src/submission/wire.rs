//! What goes over the wire around a run: requests to the server, and what it answers.
//!
//! Whatever is sent to be kept travels as text inside text (an envelope's payload, or the string of a request): its
//! exact bytes are what is signed, what proof of work is bound to by their SHA-256, and what is stored. A proof of work
//! has the form of ALTCHA's version 2; its type is the caller's, since this crate does none.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

/// Longest text of a paste request, in bytes.
pub const PASTE_LIMIT_BYTES: usize = 256 << 10;

/// Longest raw timings that are taken for a dispute, in bytes.
pub const EVIDENCE_LIMIT_BYTES: usize = 2 << 20;

/// Longest sentence of a dispute, an answer or a withdrawal, in characters.
pub const SENTENCE_LIMIT: usize = 2000;

/// Reports by different submitters from which a median is shown.
pub const MEDIAN_FROM: u32 = 3;

/// `POST /api/v1/runs`; the proof of work is bound to the digest of the envelope's payload.
#[cfg(feature = "envelope")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RunRequest<P> {
    /// The signed run.
    pub envelope: crate::envelope::Envelope,
    /// Proof of work.
    pub pow: P,
}

/// `POST /api/v1/withdraw`, `answers` and `profile/machines`: the key is proof enough.
#[cfg(feature = "envelope")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SignedRequest {
    /// A signed [`Withdrawal`], [`DisputeAnswer`] or [`MachineClaim`].
    pub envelope: crate::envelope::Envelope,
}

/// `POST /api/v1/pastes` and `POST /api/v1/disputes`; the proof of work is bound to the digest of `text`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TextRequest<P> {
    /// JSON of a [`Paste`] or a [`Dispute`].
    pub text: String,
    /// Proof of work.
    pub pow: P,
}

/// What a runtime printed, and where it ran.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Paste {
    /// The timing lines of one run as [`crate::paste`] keeps them, and nothing else of what was pasted.
    pub lines: String,
    /// The device, or several separated by commas: as the parameter `hardware`.
    pub hardware: String,
    /// How many of it; one where not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub devices: Option<u32>,
    /// Memory of a device that is sold with several sizes, in GiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_gib: Option<f64>,
    /// The model, as the parameter `model`.
    pub model: String,
    /// Its quantisation, as the parameter `quant`.
    pub quant: String,
    /// The runtime, where the lines leave it open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
}

/// Doubt about a result, by anyone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Dispute {
    /// Id of the result.
    pub result: String,
    /// What is doubted, and why.
    pub says: String,
}

/// What the submitter says to a dispute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DisputeAnswer {
    /// Id of the result.
    pub result: String,
    /// Number of the dispute.
    pub dispute: u64,
    /// The answer.
    pub says: String,
    /// Id of a later result by the same setup that gives the same speed: the server looks whether it does, and says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reproduces: Option<String>,
    /// Moment of signing, milliseconds since 1970 (UTC): an old answer cannot be sent again.
    pub at_ms: i64,
}

/// The submitter takes a result back. It stays visible as withdrawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Withdrawal {
    /// Id of the result.
    pub result: String,
    /// Why; may be empty.
    pub says: String,
    /// Moment of signing, milliseconds since 1970 (UTC).
    pub at_ms: i64,
}

/// `POST /api/v1/profile/machines`: whoever holds the key of a result says that its machine is theirs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MachineClaim {
    /// Id of a result of that machine.
    pub result: String,
    /// Name of the profile that it is for: whoever else comes by this message gains nothing by it.
    pub profile: String,
    /// Moment of signing, milliseconds since 1970 (UTC).
    pub at_ms: i64,
}

/// `POST /api/v1/evidence`: the raw timings of a disputed run, byte for byte as their digest was signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Evidence<P> {
    /// Id of the result.
    pub result: String,
    /// JSON text of the raw timings.
    pub raw_timings: String,
    /// Proof of work, bound to the digest of `raw_timings`.
    pub pow: P,
}

/// Where a result stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Counts.
    Accepted,
    /// Shown with a remark; does not count.
    Flagged,
    /// Waits for a maintainer; does not count.
    Held,
    /// It counts, and somebody doubts it.
    Disputed,
    /// Taken back; a tombstone.
    Withdrawn,
    /// Counts again after it was held, flagged or withdrawn.
    Reinstated,
}

impl State {
    /// All of them.
    pub const ALL: [State; 6] =
        [State::Accepted, State::Flagged, State::Held, State::Disputed, State::Withdrawn, State::Reinstated];

    /// The word on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            State::Accepted => "accepted",
            State::Flagged => "flagged",
            State::Held => "held",
            State::Disputed => "disputed",
            State::Withdrawn => "withdrawn",
            State::Reinstated => "reinstated",
        }
    }

    /// From the word on the wire.
    #[must_use]
    pub fn from_name(text: &str) -> Option<State> {
        State::ALL.into_iter().find(|state| state.name() == text)
    }
}

/// How a result is backed, strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum EvidenceClass {
    /// A signed run whose model is identified by a digest.
    Signed,
    /// Lines that a runtime printed.
    Pasted,
    /// A signed run whose model is known by name only.
    Unverified,
}

impl EvidenceClass {
    /// All of them.
    pub const ALL: [EvidenceClass; 3] =
        [EvidenceClass::Signed, EvidenceClass::Pasted, EvidenceClass::Unverified];

    /// The word on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            EvidenceClass::Signed => "signed",
            EvidenceClass::Pasted => "pasted",
            EvidenceClass::Unverified => "unverified",
        }
    }

    /// From the word on the wire.
    #[must_use]
    pub fn from_name(text: &str) -> Option<EvidenceClass> {
        EvidenceClass::ALL.into_iter().find(|class| class.name() == text)
    }
}

/// Why a result stands where it does, or a remark beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reason {
    /// A word for programs: `above_roofline`, `far_from_estimate`, `far_from_others`, `on_battery` …
    pub code: String,
    /// A sentence for people.
    pub says: String,
}

/// What the server answers to a submission that it took, or with `dry_run=1` would take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Receipt {
    /// The result's id; none of a dry run, like `url` and `log_index`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The result's page, relative to the server: `/r/<id>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// SHA-256 of the payload: its leaf in the log.
    pub digest: String,
    /// Where it stands.
    pub state: State,
    /// Why, and remarks.
    pub reasons: Vec<Reason>,
    /// Its place in the transparency log, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_index: Option<u64>,
}

/// One cell of `GET /api/v1/medians`: reports of one device, model, quantisation and runtime at one depth.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MedianCell {
    /// Device ids joined by `+`, one for each device of the machine.
    pub device: String,
    /// Model id.
    pub model: String,
    /// Quantisation id.
    pub quant: String,
    /// The runtime's name.
    pub runtime: String,
    /// Longest context of this depth bucket, in tokens.
    pub depth_tokens: u32,
    /// Streams at once.
    pub streams: u32,
    /// Whether a draft model or other speculation was on.
    pub speculative: bool,
    /// Submitters that count.
    pub count: u32,
    /// Those of them with a signed run.
    pub signed: u32,
    /// Median of decode, tokens a second and stream; none below [`MEDIAN_FROM`] submitters.
    pub decode_tps: Option<f64>,
    /// Lowest and highest submitter.
    pub decode_range: Option<[f64; 2]>,
    /// Median of prefill, tokens a second; none below [`MEDIAN_FROM`] submitters who tell it.
    pub prefill_tps: Option<f64>,
}

impl MedianCell {
    /// The order of setups for readers: names as text, depths and streams as numbers, so that 2k comes before 128k.
    #[must_use]
    pub fn by_setup(&self, other: &Self) -> core::cmp::Ordering {
        let MedianCell { device, model, quant, runtime, speculative, depth_tokens, streams, .. } = self;
        (device, model, quant, runtime, speculative, depth_tokens, streams).cmp(&(
            &other.device,
            &other.model,
            &other.quant,
            &other.runtime,
            &other.speculative,
            &other.depth_tokens,
            &other.streams,
        ))
    }
}

/// `GET /api/v1/medians`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Medians {
    /// Every cell that has a report.
    pub cells: Vec<MedianCell>,
}

/// Longest contexts of the depth buckets, in tokens: a measurement belongs to the first that holds it.
const DEPTHS: [u32; 5] = [2048, 8192, 32_768, 131_072, 1_048_576];

/// The bucket of a context, by its longest; the last one takes what is beyond.
#[must_use]
pub fn depth_bucket(context_tokens: u32) -> u32 {
    DEPTHS.into_iter().find(|longest| context_tokens <= *longest).unwrap_or(DEPTHS[DEPTHS.len() - 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lead_back() {
        for state in State::ALL {
            assert_eq!(State::from_name(state.name()), Some(state));
            assert_eq!(serde_json::to_value(state).unwrap(), state.name());
        }
        for class in EvidenceClass::ALL {
            assert_eq!(EvidenceClass::from_name(class.name()), Some(class));
            assert_eq!(serde_json::to_value(class).unwrap(), class.name());
        }
    }

    #[test]
    fn depths_are_upper_bounds() {
        let buckets = [0, 2048, 2049, 32_768, 131_073, u32::MAX].map(depth_bucket);
        assert_eq!(buckets, [2048, 2048, 8192, 32_768, 1_048_576, 1_048_576]);
    }

    #[test]
    fn setups_come_by_name_and_depths_as_numbers() {
        let cell = |device: &str, depth_tokens, streams| MedianCell {
            device: device.into(),
            model: "m".into(),
            quant: "q".into(),
            runtime: "llama.cpp".into(),
            depth_tokens,
            streams,
            ..MedianCell::default()
        };
        let mut cells = [cell("b", 2048, 1), cell("a", 131_072, 1), cell("a", 2048, 16), cell("a", 2048, 2)];
        cells.sort_by(MedianCell::by_setup);
        let order = cells.map(|cell| (cell.device, cell.depth_tokens, cell.streams));
        let device = |name: &str, depth, streams| (String::from(name), depth, streams);
        assert_eq!(
            order,
            [device("a", 2048, 2), device("a", 2048, 16), device("a", 131_072, 1), device("b", 2048, 1)]
        );
    }

    #[test]
    fn unknown_fields_are_refused() {
        let right = r#"{"result":"a","says":"b"}"#;
        assert!(serde_json::from_str::<Dispute>(right).is_ok());
        assert!(serde_json::from_str::<Dispute>(r#"{"result":"a","says":"b","as":"admin"}"#).is_err());
    }
}
