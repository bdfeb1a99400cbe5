//! One question, one answer: rows, rules and fitted constants brought to the estimator, and its result to words.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::{self, Vec};

use estimator::inverse::{Needed, longest_context, most_streams};
use estimator::units::GIB;
use estimator::{CacheType, CacheTypes, Estimate, Footprint, Placement, Spill, estimate};

use crate::answer::{Answer, Asked, EvidenceByFigure, FootprintGib, Inverse, Remedy, SpillAnswer, Verdict};
use crate::asking::Asking;
use crate::catalog::Catalog;
use crate::constants::Fitted;
use crate::flags::flags;
use crate::lookup::quant::nearest;
use crate::query::{FieldError, Job, Params, Rig, cache_type_name};
use crate::row::{MatrixFormat, ModelRow, QuantGroup, QuantRow, Runtime};
use crate::rules::Rules;
use crate::shortlist::{Wanted, take};
use crate::subject::{Matter, Subject, shape};

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

/// A model and a quantisation that were asked for, found in the catalogue.
#[derive(Clone, Debug, PartialEq)]
pub struct Chosen<'c> {
    /// The model.
    pub model: &'c ModelRow,
    /// The quantisation that is estimated.
    pub quant: &'c QuantRow,
    /// The one that was asked for, where the runtime does not load it.
    pub asked: Option<&'c QuantRow>,
}

impl<'c> Engine<'c> {
    /// Machine and job from the parameters; all errors at once.
    pub fn read(&self, params: &Params) -> Result<(Rig<'c>, Job), Vec<FieldError>> {
        let rig = Rig::read(params, self.catalog, self.rules)?;
        let job = Job::read(params, &rig, self.rules)?;
        Ok((rig, job))
    }

    /// Model and quantisation from the parameters; all errors at once.
    ///
    /// Without `quant`, the one that the list of all models takes at the usual minimum speed.
    pub fn choose(&self, params: &Params, rig: &Rig<'_>, job: &Job) -> Result<Chosen<'c>, Vec<FieldError>> {
        let mut errors = Vec::new();
        let model =
            match params.get("model").map(|text| self.catalog.model(text).map_err(|e| e.at("model", text))) {
                Some(Ok(row)) => Some(row),
                Some(Err(error)) => {
                    errors.push(error);
                    None
                }
                None => {
                    errors.push(FieldError::new(
                        "model",
                        "Name a model: an id such as llama-3.1-8b-instruct.".to_owned(),
                    ));
                    None
                }
            };
        let quant = params.get("quant").map(|text| self.catalog.quant(text).map_err(|e| e.at("quant", text)));
        let quant = quant.transpose().unwrap_or_else(|error| {
            errors.push(error);
            None
        });
        let Some(model) = model.filter(|_| errors.is_empty()) else { return Err(errors) };
        match quant {
            Some(asked) if asked.runtimes.contains(&job.runtime) => {
                Ok(Chosen { model, quant: asked, asked: None })
            }
            Some(asked) => {
                let none =
                    || alloc::vec![FieldError::new("quant", "This runtime loads none like it.".to_owned())];
                let instead = self.quants_of(rig, job.runtime, model);
                let quant = nearest(instead, asked, &self.rules.rows.stand_in).ok_or_else(none)?;
                Ok(Chosen { model, quant, asked: Some(asked) })
            }
            None => {
                let minimum_tps = self.rules.rows.defaults.minimum_tps;
                let taken = take(
                    self,
                    rig,
                    job,
                    model,
                    Wanted { minimum_tps, whole: false },
                    &mut Asking::new(self, rig, job),
                );
                let (quant, _) = taken.ok_or_else(|| {
                    let message = "No quantisation is known for this runtime.".to_owned();
                    alloc::vec![FieldError::new("runtime", message)]
                })?;
                Ok(Chosen { model, quant, asked: None })
            }
        }
    }

    /// The quantisations of a model that a runtime loads, best first: its published form, and what is narrower. Four-bit
    /// floats are offered where the devices multiply them, and where the model was published in them: elsewhere files
    /// of them are hardly made, and are no faster than others.
    // Collected, so that the search is in the WebAssembly package once and not at each of its callers.
    pub fn quants_of(
        &self,
        rig: &Rig<'_>,
        runtime: Runtime,
        model: &ModelRow,
    ) -> vec::IntoIter<&'c QuantRow> {
        let native = model.native_quant.as_deref().unwrap_or("bf16");
        let native = self.catalog.quants().iter().find(|quant| quant.id == native);
        let (id, bits) =
            native.map_or(("", f64::INFINITY), |quant| (quant.id.as_str(), quant.bits_per_weight));
        let loads = move |quant: &&QuantRow| quant.runtimes.contains(&runtime);
        let published = native.into_iter().filter(loads);
        // An eight-bit file of a model published in eight bits is a few per cent larger, and as good.
        let fp4 = rig.devices.iter().all(|device| device.device.compute.fp4_tflops.is_some());
        let narrower = move |quant: &&QuantRow| {
            // Ternary files exist only of models that were trained so, and MXFP4 is a format for experts.
            let made = match quant.group {
                QuantGroup::Ternary => false,
                QuantGroup::Mxfp => model.experts.is_some(),
                _ => true,
            };
            made && quant.id != id
                && quant.bits_per_weight <= bits * 1.05
                && (fp4 || quant.matrix_format != MatrixFormat::Fp4)
        };
        let all: Vec<_> =
            published.chain(self.catalog.quants_by_quality().filter(loads).filter(narrower)).collect();
        all.into_iter()
    }

    /// The best quantisation of a model for which `holds`.
    pub fn best_quant(
        &self,
        rig: &Rig<'_>,
        job: &Job,
        model: &ModelRow,
        holds: &dyn Fn(&Brief) -> bool,
    ) -> Option<&'c QuantRow> {
        let mut asking = Asking::new(self, rig, job);
        let shape = shape(model);
        self.quants_of(rig, job.runtime, model)
            .find(|quant| holds(&asking.brief(&Matter::of(model, shape, quant))))
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
        let subject = Subject::of_row(chosen.model, chosen.quant);
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
            notes.push(format!(
                "Made for {native} tokens of context: at {held} it answers badly unless it is stretched (YaRN)."
            ));
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

    /// The smallest change that would make it run: a smaller cache, a smaller quantisation (of a row), a shorter
    /// context, more memory.
    #[must_use]
    pub fn remedy(&self, rig: &Rig<'_>, job: &Job, subject: &Subject, row: Option<&ModelRow>) -> Remedy {
        let runs = |job: &Job, subject: &Subject| {
            self.brief(rig, job, subject).estimate.placement != Placement::TooBig
        };
        let kept = &self.rules.runtime_row(job.runtime).cache;
        for kind in [CacheType::Q8_0, CacheType::Fp8, CacheType::Q4_0] {
            let kv = cache_type_name(kind);
            if !kept.split(' ').any(|name| name == kv) {
                continue;
            }
            let bytes = |cache: CacheTypes| (cache.k.bytes_per_element(), cache.v.bytes_per_element());
            let smaller = Job { cache: CacheTypes { k: kind, v: kind }, ..*job };
            let (less, now) = (bytes(smaller.cache), bytes(job.cache));
            let narrows = less.0 <= now.0 && less.1 <= now.1 && less != now;
            if narrows && runs(&smaller, subject) {
                return Remedy::CacheType { kv: kv.to_owned() };
            }
        }
        let best = row.and_then(|row| {
            self.best_quant(rig, job, row, &|brief| brief.estimate.placement != Placement::TooBig)
        });
        if let Some(quant) = best {
            return Remedy::Quant { quant: quant.id.clone() };
        }
        if let Some(context) = self.longest_context(rig, job, subject)
            && context >= SHORTEST_USEFUL_CONTEXT.min(job.workload.context_tokens)
        {
            return Remedy::Context { context };
        }
        let footprint = self.brief(rig, job, subject).estimate.footprint;
        let missing = (footprint.total() - footprint.usable) / GIB;
        let memory: f64 = rig.devices.iter().map(|d| d.device.memory_gib).sum();
        let usable_share = footprint.usable / GIB / memory;
        Remedy::Memory { memory_gib: libm::ceil(memory + missing / usable_share.max(0.1)) }
    }
}

/// Why no memory is fast enough.
fn never(target_tps: f64, most_tps: f64) -> String {
    format!(
        "No bandwidth gives {target_tps} tok/s: what does not wait for memory (arithmetic, fixed costs, RAM, links) allows \
         {most_tps:.1}."
    )
}

/// Below this a shorter context is no help to anybody.
const SHORTEST_USEFUL_CONTEXT: u32 = 1024;

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
