//! Which quantisation of a model is meant where none is named, and what would make one run that does not.

use alloc::borrow::ToOwned;
use alloc::vec::{self, Vec};

use estimator::units::GIB;
use estimator::{CacheType, CacheTypes, Placement};

use crate::answer::Remedy;
use crate::asking::Asking;
use crate::engine::{Brief, Engine};
use crate::lookup::quant::nearest;
use crate::messages::WORDS;
use crate::query::{FieldError, Job, Params, Rig, cache_type_name};
use crate::row::{MatrixFormat, ModelRow, QuantGroup, QuantRow, Runtime};
use crate::shortlist::{Wanted, take};
use crate::subject::{Matter, Subject, shape};

/// Below this a shorter context is no help to anybody.
const SHORTEST_USEFUL_CONTEXT: u32 = 1024;

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
                    errors.push(FieldError::new("model", WORDS.query.model_wanted.to_owned()));
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
                let none = || alloc::vec![FieldError::new("quant", WORDS.query.none_like_it.to_owned())];
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
                    alloc::vec![FieldError::new("runtime", WORDS.query.no_quant.to_owned())]
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
            .find(|quant| holds(&asking.brief(&Matter::of(model, shape, quant, job.runtime))))
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
