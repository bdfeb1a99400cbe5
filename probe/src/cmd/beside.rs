//! The estimate beside each measured number: the same engine as page and API, asked about this machine.

use data::Engine;
use data::answer::{Answer, Verdict};
use data::fingerprint::Fingerprint;
use data::machine::{self, ThisMachine};
use data::query::Params;
use data::subject::Subject;

use crate::driver::ModelRef;
use crate::names;
use crate::plan::{Point, Speed};

/// Estimates for one model on this machine.
pub struct Beside {
    engine: Engine<'static>,
    pairs: Vec<(&'static str, String)>,
    /// Id of the model in the catalogue.
    pub model: Option<String>,
    /// The model as its own file describes it, which is exact.
    subject: Option<Subject>,
    /// Whether the runtime computes on this machine; nothing is estimated for another one.
    is_here: bool,
}

/// This machine by its published parameters, with remarks.
pub fn this_machine(engine: &Engine<'_>, fingerprint: &Fingerprint) -> ThisMachine {
    machine::in_catalog(engine.catalog, fingerprint)
}

impl Beside {
    /// For a model as its runtime names it; `is_here` says whether that runs on this machine.
    pub fn new(fingerprint: &Fingerprint, backend: &str, model: &ModelRef, is_here: bool) -> Beside {
        let engine = Engine::embedded();
        let mut pairs = this_machine(&engine, fingerprint).pairs;
        let name = names::last_part(&model.id);
        let name = name.rsplit('/').next().unwrap_or(&name);
        let name = name.strip_suffix(".gguf").unwrap_or(name);
        let id = engine.catalog.model(name).ok().map(|row| row.id.clone());
        if let Some(id) = &id {
            pairs.push(("model", id.clone()));
        }
        let quant = model.quant.as_deref().unwrap_or(name);
        if let Ok(row) = engine.catalog.quant(quant) {
            pairs.push(("quant", row.id.clone()));
        }
        if data::row::Runtime::ALL.iter().any(|runtime| runtime.name() == backend) {
            pairs.push(("runtime", backend.to_owned()));
        }
        let shape = super::bench::identify::shape(model).ok().flatten();
        let subject = shape.and_then(|shape| Subject::of_file(&shape, name, engine.catalog).ok());
        Beside { engine, pairs, model: id, subject, is_here }
    }

    /// The rates that are estimated for a point; none for a model that is neither a file nor in the catalogue.
    pub fn speed(&self, point: &Point) -> Option<Speed> {
        let together = self.answer(point, point.streams)?;
        let prefill_tps = self.answer(point, 1)?.prefill_tps?;
        Some(Speed { decode_tps: together.decode_tps?, prefill_tps, ttft_ms: together.ttft_ms })
    }

    /// Whether a point's model and cache are estimated to need more memory than there is; false where nobody knows.
    pub fn is_too_big(&self, point: &Point) -> bool {
        self.answer(point, point.streams).is_some_and(|answer| answer.placement == Verdict::TooBig)
    }

    fn answer(&self, point: &Point, streams: u32) -> Option<Answer> {
        self.is_here.then_some(())?;
        let context = (point.prompt_tokens + point.output_tokens / 2).to_string();
        let prompt = point.prompt_tokens.to_string();
        let streams = streams.to_string();
        let own = self.pairs.iter().map(|(name, value)| (*name, value.as_str()));
        let job = [("context", context.as_str()), ("prompt", &prompt), ("streams", &streams)];
        let params = Params::read(own.chain(job)).ok()?;
        let (rig, job) = self.engine.read(&params).ok()?;
        if let Some(subject) = &self.subject {
            return Some(self.engine.answer_subject(&rig, &job, subject));
        }
        self.pairs.iter().find(|(name, _)| *name == "quant")?;
        let chosen = self.engine.choose(&params, &rig, &job).ok()?;
        Some(self.engine.answer(&rig, &job, &chosen))
    }
}
