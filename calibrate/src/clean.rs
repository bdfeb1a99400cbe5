//! Which rows a fit may use, decided by columns and notes alone, before anything is fitted.

use serde::Serialize;

use crate::row::MeasurementRow;
use crate::text::{number_after, occurs};

/// Why a row is not a clean measurement of one stream on one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Nothing tells the device's bandwidth.
    UnknownDevice,
    /// Nothing tells the model's size.
    UnknownModel,
    /// Nothing tells the quantisation.
    UnknownQuant,
    /// Nothing tells the quantisation; the runtime's usual one is taken for predictions.
    GuessedQuant,
    /// More than one device works on it.
    SeveralDevices,
    /// More than one stream; the figure is their aggregate.
    SeveralStreams,
    /// Output tokens over the whole time, prompt included, or a wall-clock rate.
    EndToEnd,
    /// Part of the weights lies in RAM, stated.
    PartialOffload,
    /// The weights do not fit the card's memory, so part of them must lie in RAM.
    ExceedsMemory,
    /// Speculative decoding.
    Speculative,
    /// A stated power cap, or throttling.
    PowerCap,
    /// A fork or a program with kernels of its own.
    Fork,
    /// One-bit, ternary and other formats whose kernels are all their own.
    ExoticQuant,
    /// A host or link that holds the card back.
    HostLimited,
    /// Marked doubtful by those who collected it.
    Suspect,
    /// One end of a published range.
    RangeEnd,
    /// A micro-batch test.
    MicroBatchTest,
    /// A prompt rate from people's own runs: what a prefix cache served is not stated.
    SelfReportedPrompt,
    /// Whether the graphics or the processor did it is not stated.
    PlaceUnknown,
    /// Fewer threads than the machine has, by choice.
    FewThreads,
    /// A cache format that only a fork knows.
    ExoticCache,
    /// A runtime whose own fit it enters, not llama.cpp's.
    OtherRuntime,
    /// A backend that is none of the device's usual ones.
    ForeignBackend,
    /// Attention was asked to be fused where this backend could not yet, and fell back to the processor.
    NotYetFused,
}

impl Reason {
    /// Whether it keeps a row out of the rows of one stream on one device, of which nine in ten must be scored: nothing
    /// else may be dropped for being hard.
    #[must_use]
    pub const fn excludes(self) -> bool {
        matches!(
            self,
            Reason::UnknownDevice
                | Reason::UnknownModel
                | Reason::UnknownQuant
                | Reason::SeveralDevices
                | Reason::SeveralStreams
                | Reason::EndToEnd
                | Reason::PartialOffload
                | Reason::Speculative
                | Reason::PowerCap
                | Reason::Fork
                | Reason::ExoticQuant
                | Reason::HostLimited
                | Reason::Suspect
                | Reason::MicroBatchTest
        )
    }

    /// Words for the report.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Reason::UnknownDevice => "device not known and no bandwidth stated",
            Reason::UnknownModel => "model not known and no size stated",
            Reason::UnknownQuant => "quantisation of no known kind",
            Reason::GuessedQuant => "quantisation not stated",
            Reason::SeveralDevices => "several devices",
            Reason::SeveralStreams => "several streams, aggregate",
            Reason::EndToEnd => "end to end, prompt included",
            Reason::PartialOffload => "partial offload stated",
            Reason::ExceedsMemory => "weights exceed the card's memory",
            Reason::Speculative => "speculative decoding",
            Reason::PowerCap => "power cap or throttling stated",
            Reason::Fork => "fork",
            Reason::ExoticQuant => "one-bit, ternary or other exotic quantisation",
            Reason::HostLimited => "host or link holds the card back",
            Reason::Suspect => "marked doubtful by its collector",
            Reason::RangeEnd => "one end of a published range",
            Reason::SelfReportedPrompt => "self-reported prompt rate, prefix cache not stated",
            Reason::MicroBatchTest => "micro-batch test",
            Reason::PlaceUnknown => "graphics or processor not stated",
            Reason::FewThreads => "few threads by choice",
            Reason::ExoticCache => "cache format of a fork",
            Reason::OtherRuntime => "runtime other than llama.cpp",
            Reason::ForeignBackend => "backend foreign to the device",
            Reason::NotYetFused => "fused attention before the backend had it",
        }
    }
}

/// Reasons that columns and notes alone give.
#[must_use]
pub fn reasons(row: &MeasurementRow) -> Vec<Reason> {
    let notes = row.notes.to_lowercase();
    let engine = row.engine.to_lowercase();
    let has = |word: &str| notes.contains(word);
    let mut found = Vec::new();
    let mut when = |holds: bool, reason: Reason| {
        if holds {
            found.push(reason);
        }
    };
    let batch = row.batch.unwrap_or(1.0);
    when(
        row.n_devices.is_some_and(|n| n > 1.0)
            || has("rpc")
            || row.backend.to_lowercase().contains("rpc")
            || has("two gpu")
            || has("2 gpus"),
        Reason::SeveralDevices,
    );
    when(
        batch > 1.0 || has("possibly multi-stream") || (has("aggregate over") && row.batch.is_none()),
        Reason::SeveralStreams,
    );
    when(has("e2e") || has("llmfit bench") || has("wall-clock") || has("wall clock"), Reason::EndToEnd);
    when(is_partial(&notes), Reason::PartialOffload);
    let speculative = ["spec_decode", "mtp", "draft", "speculative", "e2b-spec"];
    when(speculative.iter().any(|word| has(word)) || engine.contains("spec"), Reason::Speculative);
    let capped = [
        "power_limit",
        "power limit",
        "power-limited",
        "power capped",
        "capped at",
        "throttl",
        "power_share=",
        "on_battery",
        "profile=quiet",
    ];
    when(capped.iter().any(|word| has(word)) || watts(&notes), Reason::PowerCap);
    let forks = ["fork", "ik_llama", "ipex", "hipfire", "turboquant"];
    when(forks.iter().any(|name| engine.contains(name)) || engine == "ds4", Reason::Fork);
    when(exotic(row), Reason::ExoticQuant);
    let limited =
        ["raspberry pi /", "host-limited", "low-lane", "egpu", "slow link", "pcie x1", "pcie host is"];
    when(limited.iter().any(|word| has(word)), Reason::HostLimited);
    when(has("suspect") || has("outlier") || has("implausib"), Reason::Suspect);
    when(has("range_low") || has("range_high"), Reason::RangeEnd);
    when(number_after(&notes, "n_ubatch=").is_some_and(|n| n <= 8.0), Reason::MicroBatchTest);
    when(has("cpu fallback unclear") || has("offload state not recorded"), Reason::PlaceUnknown);
    when(has("few threads") || has("not the max-thread"), Reason::FewThreads);
    let kv = row.kv_type.to_lowercase();
    let plain =
        ["", "f16", "fp16", "bf16", "auto", "auto (bf16)", "bfloat16", "f16/f16", "fp8", "fp8_e4m3", "f32"];
    when(
        !plain.contains(&kv.as_str())
            && !["q8_0", "q4_0", "q8", "q5_0", "q5_1", "q4_1", "iq4_nl"].iter().any(|t| kv.contains(t)),
        Reason::ExoticCache,
    );
    found
}

fn is_partial(notes: &str) -> bool {
    let stated = ["partial_offload", "n_cpu_moe=", "override_tensor", "runs_on=gpu/cpu", "cpu_buffer_mib"];
    stated.iter().any(|word| notes.contains(word))
        || number_after(notes, "ngl=").is_some_and(|layers| layers > 0.0 && layers < 25.0)
}

/// A stated limit in watts ("85 W profile", "limited to 200 W").
fn watts(notes: &str) -> bool {
    let unit =
        occurs(notes, "## w") || occurs(notes, "### w") || occurs(notes, "##w") || occurs(notes, "###w");
    unit && ["limit", "cap", "profile"].iter().any(|word| notes.contains(word))
}

fn exotic(row: &MeasurementRow) -> bool {
    let quant = row.quant.to_lowercase();
    let model = row.model.to_lowercase();
    let low = [
        "tq1", "tq2", "tq3", "q1_0", "q2_0", "ternary", "iq1", "1-bit", "avq", "mq4", "xs-pro", "jangtq",
        "dflash", "gsq", "int2",
    ];
    low.iter().any(|word| quant.contains(word)) || model.contains("bonsai") || model.contains("bitnet")
}
