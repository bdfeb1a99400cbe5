//! What a fit may know about a row or a setup, as the names of effect levels.

use alloc::borrow::Cow;

use estimator::{Compute, ComputeFormat};

use super::{Factor, Group};
use crate::backend::Backend;
use crate::row::{DeviceClass, HardwareRow, MadeFor, MatrixFormat, QuantGroup, Runtime};

/// Facts about one measurement or one question. Empty text is "not known".
#[derive(Clone, Debug, PartialEq)]
pub struct Facts<'a> {
    /// Devices that share terms with this one.
    pub group: Group,
    /// Who makes the device.
    pub vendor: &'a str,
    /// Whether its memory is stacked.
    pub stacked: bool,
    /// Apple's tier.
    pub tier: &'a str,
    /// Its generation.
    pub generation: &'a str,
    /// Its key, see [`device_key`].
    pub device: &'a str,
    /// What drives it.
    pub backend: Backend,
    /// The runtime's name.
    pub runtime: &'a str,
    /// The quantisation's family, see [`family`].
    pub family: &'a str,
    /// When it was measured.
    pub era: &'a str,
    /// The same in half years; empty for now.
    pub period: &'a str,
    /// Where the figure comes from.
    pub origin: &'a str,
    /// The operating system.
    pub system: &'a str,
    /// Whether the model routes to experts.
    pub experts: bool,
}

impl Facts<'_> {
    /// Whether these facts are what an effect is measured from: llama.cpp, today, by a benchmark tool.
    #[must_use]
    pub fn is_baseline(&self, factor: Factor) -> bool {
        match factor {
            Factor::Runtime | Factor::RuntimeGeneration => self.runtime == "llama.cpp",
            Factor::Origin => self.origin == "tool",
            Factor::Era => self.era == "now",
            Factor::BackendPeriod => self.period.is_empty(),
            Factor::System => self.system.is_empty(),
            _ => false,
        }
    }

    /// The name of the level of `factor` that these facts are under; `None` where one of them is not known, and
    /// for the baseline.
    #[must_use]
    pub fn level(&self, factor: Factor) -> Option<Cow<'_, str>> {
        if self.is_baseline(factor) {
            return None;
        }
        let one = |text| Some(text).filter(|text: &&str| !text.is_empty()).map(Cow::Borrowed);
        let two = |a: &str, b: &str| (!a.is_empty() && !b.is_empty()).then(|| Cow::Owned(format!("{a}|{b}")));
        let backend = self.backend.name();
        match factor {
            Factor::Group => one(self.group.name()),
            Factor::Vendor if self.group != Group::Cpu => one(self.vendor),
            // Of processors the instructions matter, not who makes them.
            Factor::Vendor => one(match self.vendor {
                "" => "",
                "amd" | "intel" | "x86" | "zhaoxin" | "generic" => "x86",
                "riscv" => "riscv",
                _ => "arm",
            }),
            Factor::VendorFamily => self.level(Factor::Vendor).and_then(|vendor| two(&vendor, self.family)),
            Factor::RuntimeGeneration => two(self.runtime, self.generation),
            Factor::Memory => one(if self.stacked { "stacked" } else { "plain" }),
            Factor::Tier => one(self.tier),
            Factor::Generation => one(self.generation),
            Factor::Device => one(self.device),
            Factor::Backend => one(backend),
            Factor::GenerationBackend => two(self.generation, backend),
            Factor::Runtime => one(self.runtime),
            Factor::RuntimeBackend => two(self.runtime, backend),
            Factor::Family => one(self.family),
            Factor::GenerationFamily => two(self.generation, self.family),
            Factor::BackendFamily => two(backend, self.family),
            Factor::RuntimeFamily => two(self.runtime, self.family),
            Factor::Era => one(self.era),
            Factor::BackendPeriod => two(backend, self.period),
            Factor::Origin => one(self.origin),
            Factor::System => one(self.system),
            Factor::Routing => one(if self.experts { "experts" } else { "dense" }),
        }
    }
}

/// Under which name operations for each byte of bandwidth are kept: the generation's, and one for all processors.
pub(super) fn rate_name(group: Group, generation: &str) -> &str {
    if group == Group::Cpu { group.name() } else { generation }
}

/// The name under which a device's measurements count as one device's: without core count and memory size.
#[must_use]
pub fn device_key(row: &HardwareRow) -> &str {
    let mut key = row.id.as_str();
    if row.class == DeviceClass::Apple
        && let Some((name, _)) = key.strip_suffix("-core").and_then(|rest| rest.rsplit_once('-'))
    {
        key = name;
    }
    if let Some((name, size)) = key.rsplit_once('-')
        && size.strip_suffix("gb").is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
    {
        key = name;
    }
    key
}

/// Apple's tier by its device's key; on other unified machines, whether the memory is wider than the 128 bits of a
/// processor with graphics; of processors, what they are made for; empty for cards.
#[must_use]
pub fn tier(row: &HardwareRow) -> &'static str {
    if row.class == DeviceClass::Unified {
        // 128 bits of the fastest memory of 2026 (LPDDR5X-9600) carry 154 GB/s.
        return if row.bandwidth_gb_s > 160.0 { "wide" } else { "narrow" };
    }
    if row.class != DeviceClass::Apple {
        return row.made_for.map_or("", MadeFor::name);
    }
    ["ultra", "max", "pro"]
        .into_iter()
        .find(|tier| row.id.split('-').any(|part| part == *tier))
        .unwrap_or("base")
}

/// Quantisations whose kernels are alike.
#[must_use]
pub fn family(group: QuantGroup, bits_per_weight: f64) -> &'static str {
    match group {
        QuantGroup::Float => "float",
        QuantGroup::BrainFloat => "bf16",
        QuantGroup::Legacy if bits_per_weight > 7.0 => "q8",
        QuantGroup::Legacy => "legacy",
        // Dynamic mixes are of codebook types at the low end and of K types above.
        QuantGroup::Ud if bits_per_weight < 3.2 => "iq",
        QuantGroup::K | QuantGroup::Ud => "k",
        QuantGroup::Iq | QuantGroup::IkLlama => "iq",
        QuantGroup::Ternary => "ternary",
        QuantGroup::Mxfp | QuantGroup::Nvfp4 => "fp4",
        QuantGroup::Fp8 => "fp8",
        QuantGroup::Int if bits_per_weight > 7.0 => "fp8",
        QuantGroup::Int | QuantGroup::Awq | QuantGroup::Gptq => "int4",
        QuantGroup::Exl2 | QuantGroup::Exl3 => "exl",
        QuantGroup::Mlx => "mlx",
    }
}

/// The peak rate that efficiencies of prefill refer to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reference {
    /// The format of the peak.
    pub format: ComputeFormat,
    /// The rate, in 10¹² operations a second.
    pub tflops: f64,
    /// The rate over the peak in that format.
    pub scale: f64,
}

/// The reference rate of a device; `None` where its compute is not known.
///
/// It is the f16 rate, or a quarter of the int8 rate where that is more (Pascal has int8 units, but next to no f16).
/// FP8 and FP4 rates count only where the runtime multiplies in that format.
#[must_use]
pub fn reference(compute: &Compute, runtime: Runtime, wanted: MatrixFormat) -> Option<Reference> {
    let at = |format: ComputeFormat, scale: f64| {
        compute.peak_tflops(format).map(|peak| Reference { format, tflops: peak * scale, scale })
    };
    let native = match (runtime, wanted) {
        (Runtime::Vllm, MatrixFormat::Fp8) => at(ComputeFormat::Fp8, 1.0),
        (Runtime::Vllm, MatrixFormat::Int8) => at(ComputeFormat::Int8, 1.0),
        (Runtime::Vllm, MatrixFormat::Fp4) => at(ComputeFormat::Fp4, 1.0),
        _ => None,
    };
    let plain = [at(ComputeFormat::F16, 1.0), at(ComputeFormat::Int8, 0.25)];
    native.or_else(|| plain.into_iter().flatten().reduce(|a, b| if b.tflops > a.tflops { b } else { a }))
}
