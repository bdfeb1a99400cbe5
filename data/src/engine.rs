//! One question, one answer: rows, rules and fitted constants brought to the estimator, and its result to words.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use estimator::inverse::{Needed, longest_context, most_streams};
use estimator::units::GIB;
use estimator::{Estimate, Footprint, Placement, Spill, Split, estimate};

use crate::answer::{Answer, Asked, EvidenceByFigure, FootprintGib, Inverse, SpillAnswer, Verdict};
use crate::asking::Asking;
use crate::catalog::Catalog;
use crate::choice::Chosen;
use crate::constants::Fitted;
use crate::flags::flags;
use crate::messages::WORDS;
use crate::query::{FieldError, Job, Params, Rig, cache_type_name, is_even};
use crate::rules::Rules;
use crate::subject::Subject;

/// Everything that answers need.
#[derive(Clone, Copy, Debug)]
pub struct Engine<'c> {
    /// Devices, models, quantisations.
    pub catalog: &'c Catalog,
    /// Rules of thumb.
    pub rules: &'c Rules,
    /// Fitted constants.
    pub fitted: &'c Fitted,
}

/// An estimate with what it rests on, before it is put into words.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Brief {
    /// The estimate.
    pub estimate: Estimate,
    /// What its figures rest on.
    pub evidence: EvidenceByFigure,
}

impl Brief {
    /// The middle of the decode range; 0 when it does not run.
    #[must_use]
    pub fn decode_tps(&self) -> f64 {
        self.estimate.speeds.map_or(0.0, |speeds| speeds.decode_tps.mid)
    }
}

impl<'c> Engine<'c> {
    /// Machine and job from the parameters; all errors at once.
    pub fn read(&self, params: &Params) -> Result<(Rig<'c>, Job), Vec<FieldError>> {
        let mut rig = Rig::read(params, self.catalog, self.rules)?;
        let job = Job::read(params, &rig, self.rules)?;
        if self.rules.runtime_row(job.runtime).tensor_split && params.get("split").is_none() && is_even(&rig)
        {
            rig.split = Split::Tensor;
        }
        Ok((rig, job))
    }

    /// The estimate alone.
    #[must_use]
    pub fn brief(&self, rig: &Rig<'_>, job: &Job, subject: &Subject) -> Brief {
        Asking::new(self, rig, job).brief(&subject.matter())
    }

    /// The longest context that fits.
    #[must_use]
    pub fn longest_context(&self, rig: &Rig<'_>, job: &Job, subject: &Subject) -> Option<u32> {
        Asking::new(self, rig, job).longest_context(&subject.matter())
    }

    /// The whole answer for a row of the catalogue.
    #[must_use]
    pub fn answer(&self, rig: &Rig<'_>, job: &Job, chosen: &Chosen<'_>) -> Answer {
        let subject = Subject::of_row(chosen.model, chosen.quant, job.runtime);
        let mut answer = self.answer_subject(rig, job, &subject);
        answer.setup.quant_asked = chosen.asked.map(|quant| quant.id.clone());
        let whole = |brief: &Brief| brief.estimate.placement == Placement::Whole;
        answer.inverse.best_quant =
            self.best_quant(rig, job, chosen.model, &whole).map(|quant| quant.id.clone());
        if answer.placement == Verdict::TooBig {
            answer.remedy = Some(self.remedy(rig, job, &subject, Some(chosen.model)));
        }
        answer
    }

    /// The whole answer for any subject, a file's too.
    #[must_use]
    pub fn answer_subject(&self, rig: &Rig<'_>, job: &Job, subject: &Subject) -> Answer {
        let mut asking = Asking::new(self, rig, job);
        let matter = subject.matter();
        let needed = asking.bandwidth_for(&matter, job.target_tps);
        let (setup, constants, mut evidence) = asking.about(&matter);
        let estimated = estimate(setup, constants);
        let spill = spill(&estimated.placement);
        if spill.is_none() {
            evidence.offload = None;
        }
        let placement = verdict(&estimated.placement);
        let speeds = estimated.speeds;
        let (held, native) = (job.workload.held_tokens(), subject.model.native_context);
        let mut notes = Vec::new();
        if native > 0 && held > f64::from(native) {
            notes.push(WORDS.answer.beyond_native(&held.to_string(), &native.to_string()));
        }
        let remedy = (placement == Verdict::TooBig).then(|| self.remedy(rig, job, subject, None));
        let row_notes = rig.devices.iter().filter_map(|d| d.row.and_then(|row| row.unverified.clone()));
        let mut unverified: Vec<String> = row_notes.chain(subject.unverified.iter().cloned()).collect();
        unverified.dedup();
        Answer {
            setup: asked(rig, job, subject),
            decode_tps: speeds.map(|s| s.decode_tps),
            aggregate_tps: speeds.map(|s| s.aggregate_tps),
            prefill_tps: speeds.map(|s| s.prefill_tps),
            ttft_ms: speeds.map(|s| s.ttft_ms),
            placement,
            spill,
            footprint_gib: footprint_gib(&estimated.footprint),
            bound_by: speeds.map(|s| s.bound_by),
            flags: flags(rig, job, &subject.model, &estimated.placement),
            inverse: Inverse {
                longest_context: longest_context(setup, constants),
                most_streams: most_streams(setup, constants, self.rules.rows.defaults.most_streams),
                best_quant: None,
                bandwidth_needed_gb_s: match needed {
                    Some(Needed::Bandwidth(gb_s)) => Some(gb_s),
                    _ => None,
                },
                no_bandwidth: match needed {
                    Some(Needed::Never(most)) => Some(never(job.target_tps, most)),
                    _ => None,
                },
                target_tps: job.target_tps,
            },
            remedy,
            evidence,
            notes,
            unverified,
        }
    }
}

/// Why no memory is fast enough.
fn never(target_tps: f64, most_tps: f64) -> String {
    WORDS.answer.no_bandwidth(&format!("{most_tps:.1}"), &target_tps.to_string())
}

/// The verdict, as the API spells it.
#[must_use]
pub fn verdict(placement: &Placement) -> Verdict {
    match placement {
        Placement::Whole => Verdict::Whole,
        Placement::Offloaded(_) => Verdict::Offloaded,
        Placement::TooBig => Verdict::TooBig,
    }
}

/// What lies in RAM, as the API spells it.
#[must_use]
pub fn spill(placement: &Placement) -> Option<SpillAnswer> {
    match *placement {
        Placement::Offloaded(Spill::Layers { on_device, on_host }) => {
            Some(SpillAnswer::Layers { on_device, on_host })
        }
        Placement::Offloaded(Spill::Experts { on_host, of }) => Some(SpillAnswer::Experts { on_host, of }),
        _ => None,
    }
}

/// Memory by part in GiB.
#[must_use]
pub fn footprint_gib(footprint: &Footprint) -> FootprintGib {
    FootprintGib {
        weights: footprint.weights / GIB,
        kv_cache: footprint.kv_cache / GIB,
        compute_buffer: footprint.compute_buffer / GIB,
        runtime: footprint.runtime / GIB,
        total: footprint.total() / GIB,
        host: footprint.host / GIB,
        usable: footprint.usable / GIB,
    }
}

fn asked(rig: &Rig<'_>, job: &Job, subject: &Subject) -> Asked {
    let first = &rig.first().device;
    Asked {
        hardware: rig.devices.iter().map(|d| d.id().to_owned()).collect(),
        model: subject.model_id.clone(),
        quant: subject.quant_id.clone(),
        quant_asked: None,
        context: job.workload.context_tokens,
        prompt: job.workload.prompt_tokens,
        cached: job.workload.cached_tokens,
        kv: cache_type_name(job.cache.k).to_owned(),
        kv_v: cache_type_name(job.cache.v).to_owned(),
        streams: job.workload.streams,
        runtime: job.runtime.name().to_owned(),
        backend: job.backend.name().to_owned(),
        host_ram_gib: rig.host.memory_gib,
        host_bandwidth_gb_s: rig.host.bandwidth_gb_s,
        memory_gib: rig.devices.iter().map(|d| d.device.memory_gib).sum(),
        bandwidth_gb_s: rig.devices.iter().map(|d| d.device.bandwidth_gb_s).collect(),
        power: first.power_share,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Remedy;

    #[test]
    fn a_context_beyond_the_models_own_is_told() {
        let engine = Engine::embedded();
        for (context, told) in [("4096", false), ("128k", true)] {
            let pairs = [
                ("hardware", "rtx-3090"),
                ("model", "llama-2-7b"),
                ("quant", "q4_k_m"),
                ("context", context),
            ];
            let params = Params::read(pairs).unwrap();
            let (rig, job) = engine.read(&params).unwrap();
            let notes = engine.answer(&rig, &job, &engine.choose(&params, &rig, &job).unwrap()).notes;
            assert_eq!(notes.iter().any(|note| note.contains("Made for 4096 tokens")), told, "{notes:?}");
        }
    }

    /// vLLM shares every matrix of two, four or eight alike; who asks for a split gets that.
    #[test]
    fn several_devices_share_a_model_as_the_runtime_does() {
        let engine = Engine::embedded();
        for (hardware, devices, runtime, split, tensor) in [
            ("rtx-3090", "2", "vllm", None, true),
            ("h100-80gb-sxm", "8", "vllm", None, true),
            ("rtx-3090", "3", "vllm", None, false),
            ("rtx-3090", "1", "vllm", None, false),
            ("rtx-3090,rtx-4090", "2", "vllm", None, false),
            ("rtx-3090", "2", "vllm", Some("layers"), false),
            ("rtx-3090", "2", "llama.cpp", None, false),
            ("rtx-3090", "2", "llama.cpp", Some("tensor"), true),
        ] {
            let split = split.map(|split| ("split", split));
            let pairs = [("hardware", hardware), ("devices", devices), ("runtime", runtime)];
            let (rig, _) = engine.read(&Params::read(pairs.into_iter().chain(split)).unwrap()).unwrap();
            assert_eq!(rig.split == Split::Tensor, tensor, "{devices} {hardware} {runtime} {split:?}");
        }
    }

    /// What is offered against too little memory is a cache that the runtime keeps.
    #[test]
    fn a_smaller_cache_is_one_that_the_runtime_keeps() {
        let engine = Engine::embedded();
        for (runtime, hardware) in [("vllm", "rtx-3090"), ("ollama", "rtx-3090"), ("mlx", "m4-max-40-core")] {
            let runtime_row = |job: &Job| engine.rules.runtime_row(job.runtime).cache.clone();
            let mut offered = 0;
            for context in ["8k", "128k", "160k", "192k", "384k", "512k", "1m"] {
                let pairs = [
                    ("hardware", hardware),
                    ("model", "llama-3.1-8b"),
                    ("runtime", runtime),
                    ("context", context),
                    ("host_ram_gib", "16"),
                ];
                let params =
                    Params::read(pairs.iter().copied().take(if hardware == "rtx-3090" { 5 } else { 4 }))
                        .unwrap();
                let (rig, job) = engine.read(&params).unwrap();
                let chosen = engine.choose(&params, &rig, &job).unwrap();
                if let Some(Remedy::CacheType { kv }) = engine.answer(&rig, &job, &chosen).remedy {
                    offered += 1;
                    assert!(runtime_row(&job).split(' ').any(|name| name == kv), "{runtime}: {kv}");
                }
            }
            assert!(offered > 0, "{runtime}");
        }
    }
}
