//! From facts to plain numbers: what the estimator multiplies with, and what each figure rests on.

use estimator::cache;
use estimator::decode::attention_flops;
use estimator::{
    CacheTypes, ComputeFormat, DecodeConstants, Device, DeviceConstants, ExchangeConstants, HardwareClass,
    Host, Model, OffloadConstants, PrefillConstants, Spread, Workload,
};

use super::facts::{rate_name, tier};
use super::memo::{Known, Memo, part};
use super::{Factor, Facts, Figure, Fitted, Group, Part, Term, device_key, reference};
use crate::answer::{Evidence, EvidenceByFigure, Scope};
use crate::backend::Backend;
use crate::row::{HardwareRow, MatrixFormat, Runtime};

const MS: f64 = 1e-3;

/// One device of the machine.
#[derive(Clone, Copy, Debug)]
pub struct DeviceFacts<'a> {
    /// Its row, unless its figures were typed in.
    pub row: Option<&'a HardwareRow>,
    /// Its figures.
    pub device: &'a Device,
}

/// Everything that constants may depend on.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// What was looked up for the machine before.
    pub memo: &'a Memo,
    /// The devices, at least one.
    pub devices: &'a [DeviceFacts<'a>],
    /// The rest of the machine.
    pub host: Host,
    /// What drives the devices.
    pub backend: Backend,
    /// The runtime.
    pub runtime: Runtime,
    /// The quantisation's family, by which kernels differ.
    pub family: &'static str,
    /// The format that its weights can be multiplied in.
    pub matrix_format: MatrixFormat,
    /// Operations of one token for each byte of weights that it reads.
    pub weight_flops_per_byte: f64,
    /// The model.
    pub model: &'a Model,
    /// Types of the cache.
    pub cache: CacheTypes,
    /// The job.
    pub workload: Workload,
}

/// A sum of effects: how much faster than the terms say, and how far off that may be.
#[derive(Clone, Debug, PartialEq)]
pub struct Effects {
    /// Natural log of the factor on speed.
    pub value: f64,
    /// The same for one part of the time alone.
    pub on_terms: Vec<(Term, f64)>,
    /// Variance of one measurement around it, in squared logs.
    pub variance: f64,
    /// What the nearest effect rests on.
    pub evidence: Evidence,
}

impl Effects {
    /// What a term's constant is multiplied with.
    #[must_use]
    pub fn slower(&self, term: Term) -> f64 {
        let own: f64 = self.on_terms.iter().filter(|(on, _)| *on == term).map(|(_, value)| value).sum();
        libm::exp(-(self.value + own))
    }
}

impl Part {
    /// The effects that `facts` are under.
    #[must_use]
    pub fn effects_of(&self, facts: &Facts<'_>) -> Effects {
        let mut sum = Effects {
            value: 0.0,
            on_terms: Vec::new(),
            variance: self.noise_sd * self.noise_sd,
            evidence: Evidence { rows: self.rows, scope: Scope::Class },
        };
        let mut class_is_known = self.group == facts.group || facts.group == Group::Any;
        for effect in &self.effects {
            let level = facts.level(effect.factor).and_then(|name| effect.levels.get(name.as_ref()));
            if let Some(term) = effect.term {
                // How far off a part of the time may be is in the interval's ends, which come from held-out rows.
                sum.on_terms.extend(level.map(|level| (term, f64::from(level.0))));
                continue;
            }
            match level {
                Some(level) => {
                    sum.value += f64::from(level.0);
                    sum.variance += f64::from(level.1 * level.1);
                    let scope = match effect.factor {
                        Factor::Group if sum.evidence.scope == Scope::Class => Scope::Class,
                        Factor::Device => Scope::Device,
                        Factor::Generation if sum.evidence.scope != Scope::Device => Scope::Generation,
                        _ => continue,
                    };
                    class_is_known = true;
                    sum.evidence = Evidence { rows: level.2, scope };
                }
                None if facts.is_baseline(effect.factor) => {}
                None => sum.variance += effect.sd * effect.sd,
            }
        }
        if !class_is_known {
            sum.evidence.scope = Scope::Uncalibrated;
        }
        sum
    }

    /// The constant of a term; 0 where the part has none.
    #[must_use]
    pub fn term(&self, term: Term) -> f64 {
        self.terms.get(&term).copied().unwrap_or(0.0)
    }

    /// Half-widths of a 90 % interval around a figure of a group's device with this variance.
    #[must_use]
    pub fn spread(&self, group: Group, variance: f64) -> Spread {
        let sd = libm::sqrt(variance);
        let [low, high] = self.ends.get(&group).copied().unwrap_or([self.low, self.high]);
        Spread { down: low * sd, up: high * sd }
    }

    /// Share of its peak rate that a card's power allows; 1 where its power is not known.
    #[must_use]
    pub fn sustained(&self, class: HardwareClass, peak_tflops: f64, watts: Option<f64>) -> f64 {
        sustained(self.picojoules, class, peak_tflops, watts)
    }

    /// Operations for each byte of bandwidth, for a device whose compute is not known.
    #[must_use]
    pub fn flop_per_byte(&self, generation: &str) -> f64 {
        self.flop_per_byte.get(generation).or_else(|| self.flop_per_byte.get("*")).copied().unwrap_or(1.0)
    }
}

impl Fitted {
    /// Writes the constants of a situation's devices to `devices`, which are as many; what their figures rest on.
    ///
    /// # Panics
    ///
    /// Never for constants that `calibrate refit` wrote: a check holds that each figure has a fit for any device.
    pub fn resolve(&self, situation: &Situation<'_>, devices: &mut [DeviceConstants]) -> EvidenceByFigure {
        // The first device tells what the answer rests on.
        let (first, mut evidence) = self.device(situation, &situation.devices[0]);
        devices[0] = first;
        for (constants, facts) in devices.iter_mut().zip(situation.devices).skip(1) {
            *constants = self.device(situation, facts).0;
        }
        let offload = self.for_any(Figure::Offload);
        evidence.offload = Some(Evidence { rows: offload.rows, scope: Scope::Class });
        evidence
    }

    /// The constants of work left to the host.
    #[must_use]
    pub fn offload(&self) -> OffloadConstants {
        let part = self.for_any(Figure::Offload);
        // What is left to a processor goes no faster than where it has all the work.
        let processors =
            self.part(Figure::Decode, Group::Cpu).map_or(1.0, |part| part.term(Term::Weights).max(1.0));
        OffloadConstants {
            host_efficiency: share(processors + part.term(Term::Host)),
            split_overhead_s: part.term(Term::Crossing) * MS,
            link_efficiency: share(part.term(Term::Link)),
            spread: widened(part),
        }
    }

    /// The constants of several devices' exchange.
    #[must_use]
    pub fn exchange(&self) -> ExchangeConstants {
        let part = self.for_any(Figure::Exchange);
        ExchangeConstants {
            latency_s: part.term(Term::Crossing) * MS,
            all_reduce_s: part.term(Term::AllReduce) * MS,
            link_efficiency: share(part.term(Term::Link)),
            spread: widened(part),
        }
    }

    fn for_any(&self, figure: Figure) -> &Part {
        self.part(figure, Group::Any).expect("refit writes a part for every figure")
    }

    /// The constants of one device, and what they rest on.
    #[must_use]
    pub fn device(
        &self,
        situation: &Situation<'_>,
        facts: &DeviceFacts<'_>,
    ) -> (DeviceConstants, EvidenceByFigure) {
        let row = facts.row;
        let vendor = row.map_or("", |row| row.vendor.as_str());
        let generation = row.and_then(|row| row.generation.as_deref()).unwrap_or_default();
        let group = Group::of(facts.device.class, vendor, situation.backend);
        let family = situation.family;
        let experts = situation.model.experts.is_some();
        let place = row.map_or(0, |row| core::ptr::from_ref(row).addr());
        let key = (place, facts.device.class, situation.backend, situation.runtime, family, experts);
        let known = situation.memo.effects(self, key, || Facts {
            group,
            vendor,
            stacked: row.is_some_and(is_stacked),
            tier: row.map_or("", tier),
            generation,
            device: row.map_or("", device_key),
            backend: situation.backend,
            runtime: situation.runtime.name(),
            family,
            era: "now",
            period: "",
            origin: "tool",
            system: "",
            experts,
        });
        let watts = row.and_then(|row| row.tdp_w).map(f64::from);
        let (decode, prefill) = (part(self, Figure::Decode, group), part(self, Figure::Prefill, group));
        let streams = part(self, Figure::Streams, group);
        // What the graphics beside a processor could do does not help it: only a processor's own row tells its cores' rate.
        let cores =
            (facts.device.class == HardwareClass::Cpu).then_some(facts.device.compute.f16_tflops).flatten();
        let on_cores = cores.map(|tflops| tflops * 1e3 / facts.device.bandwidth_gb_s);
        let own = Own { group, rate_name: rate_name(group, generation), on_cores, known: &known };
        let decoding = decode_constants(decode, streams, &own, situation);
        let prefilling = prefill_constants(prefill, &own, situation, facts.device, watts);
        let several = situation.workload.streams > 1;
        let runtime_rows = |part: &Part| {
            let effect = part.effects.iter().find(|effect| effect.factor == Factor::Runtime)?;
            effect.levels.get(situation.runtime.name()).map(|level| level.2)
        };
        let runtime = (situation.runtime != Runtime::LlamaCpp).then(|| match runtime_rows(decode) {
            Some(rows) => Evidence { rows, scope: Scope::Class },
            None => Evidence { rows: 0, scope: Scope::Uncalibrated },
        });
        let evidence = EvidenceByFigure {
            decode: known.decode.effects.evidence,
            prefill: known.prefill.effects.evidence,
            runtime,
            streams: several.then_some(Evidence {
                rows: streams.rows,
                scope: if streams.group == group { Scope::Class } else { Scope::Uncalibrated },
            }),
            offload: None,
        };
        (DeviceConstants { decode: decoding, prefill: prefilling }, evidence)
    }
}

/// Share of a peak rate that a card's power allows when an operation takes so many picojoules: the time that the units
/// need and the time that the power needs add up. 1 for anything but a card, and where its power is not known.
#[must_use]
pub fn sustained(picojoules: f64, class: HardwareClass, peak_tflops: f64, watts: Option<f64>) -> f64 {
    match watts {
        Some(watts) if class == HardwareClass::DiscreteGpu => 1.0 / (1.0 + picojoules * peak_tflops / watts),
        _ => 1.0,
    }
}

/// Whether memory is stacked beside the chip (HBM): many channels, hard to keep all of them busy.
#[must_use]
pub fn is_stacked(row: &HardwareRow) -> bool {
    row.memory_kind.as_deref().is_some_and(|kind| kind.starts_with("HBM"))
}

/// The spread of one measurement, where no effect tells devices apart.
fn widened(part: &Part) -> Spread {
    part.spread(Group::Any, part.noise_sd * part.noise_sd)
}

/// What the constants of one device go by.
struct Own<'a> {
    group: Group,
    rate_name: &'a str,
    /// Operations of a processor's cores for each byte of its bandwidth, where they are known.
    on_cores: Option<f64>,
    known: &'a Known,
}

impl Own<'_> {
    /// Operations for each byte of bandwidth, where no rate of graphics is asked for.
    fn flop_per_byte(&self, part: &Part) -> f64 {
        self.on_cores.unwrap_or_else(|| part.flop_per_byte(self.rate_name))
    }
}

fn decode_constants(
    part: &Part,
    streams: &Part,
    own: &Own<'_>,
    situation: &Situation<'_>,
) -> DecodeConstants {
    let of = |term: Term| own.known.decode.term(term);
    let of_streams = |term: Term| own.known.streams.term(term);
    // A weight's operations, in the time of its bytes.
    let flop_per_byte = own.flop_per_byte(part);
    let arithmetic = of(Term::Arithmetic) * situation.weight_flops_per_byte / flop_per_byte;
    let weights = of(Term::Weights) + arithmetic;
    // Attention's operations go with the bytes of the cache that they are done on.
    let context = f64::from(situation.workload.context_tokens);
    let cache_bytes = cache::read_bytes(situation.model, situation.cache, context).max(1.0);
    let attention =
        of(Term::Attention) * attention_flops(situation.model, context) / (cache_bytes * flop_per_byte);
    DecodeConstants {
        bandwidth_efficiency: share(weights),
        expert_bandwidth_efficiency: share(weights.max(1.0) + of(Term::Experts)),
        cache_efficiency: share(of(Term::Cache) + attention),
        step_overhead_s: of(Term::Step) * MS,
        layer_overhead_s: of(Term::Layer) * MS,
        expert_layer_overhead_s: of(Term::ExpertLayer) * MS,
        recurrent_layer_overhead_s: of(Term::RecurrentLayer) * MS,
        latent_layer_overhead_s: of(Term::LatentLayer) * MS,
        stream_overhead_s: of_streams(Term::Stream) * MS,
        compute_efficiency: share(of_streams(Term::Compute)),
        power_draw: part.term(Term::Power),
        spread: part.spread(own.group, own.known.decode.effects.variance),
        streams_spread: streams.spread(own.group, own.known.streams.effects.variance),
    }
}

fn prefill_constants(
    part: &Part,
    own: &Own<'_>,
    situation: &Situation<'_>,
    device: &Device,
    watts: Option<f64>,
) -> PrefillConstants {
    let of = |term: Term| own.known.prefill.term(term);
    let compute = of(Term::Compute);
    let reached = 1.0 / compute;
    let known = reference(&device.compute, situation.runtime, situation.matrix_format);
    let fallback_tflops = device.bandwidth_gb_s * own.flop_per_byte(part) / 1e3;
    let sustained = known.map_or(1.0, |known| match own.group {
        // A processor's rate is its cores', known or not, never that of the graphics beside them.
        Group::Cpu => fallback_tflops / known.tflops,
        _ => part.sustained(device.class, known.tflops, watts),
    });
    PrefillConstants {
        format: known.map_or(ComputeFormat::F16, |known| known.format),
        compute_efficiency: reached * sustained * known.map_or(1.0, |known| known.scale),
        fallback_tflops: fallback_tflops * reached,
        attention_efficiency: compute / of(Term::Attention),
        saturation_tokens: 100.0 * of(Term::Saturation) / compute,
        expert_saturation_tokens: of(Term::ExpertSaturation) / compute,
        layer_overhead_s: of(Term::Layer) * MS,
        recurrent_layer_overhead_s: of(Term::RecurrentLayer) * MS,
        bandwidth_efficiency: 1.0 / of(Term::Weights),
        power_draw: part.term(Term::Power),
        spread: part.spread(own.group, own.known.prefill.effects.variance),
    }
}

/// An efficiency from its inverse: above 0, at most 1.
fn share(inverse: f64) -> f64 {
    if inverse > 1.0 { 1.0 / inverse } else { 1.0 }
}

/// The hardware class, for those who have a row but no device.
#[must_use]
pub fn class(row: &HardwareRow) -> HardwareClass {
    use crate::row::DeviceClass;
    match row.class {
        DeviceClass::Apple => HardwareClass::Apple,
        DeviceClass::DiscreteGpu => HardwareClass::DiscreteGpu,
        DeviceClass::Unified => HardwareClass::Unified,
        DeviceClass::Cpu => HardwareClass::Cpu,
        DeviceClass::Mobile => HardwareClass::Mobile,
    }
}
