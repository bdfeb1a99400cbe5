//! One model on all machines, and all its quantisations on one.

use std::slice::from_ref;

use data::Engine;
use data::choice::Chosen;
use data::engine::Brief;
use data::messages::WORDS;
use data::query::{Fits, Job, Rig};
use data::row::{Capability, HardwareRow, Mixer, ModelRow, QuantRow};
use data::shortlist;
use data::subject::{self, Subject};
use estimator::units::GIB;
use estimator::{HardwareClass, Placement};

use super::{
    Asked, CLASSES, asked, chart_verdict, class_name, curve, machine_note, model_note, names_a_machine,
    outcome, readable, sources, wanted,
};
use crate::card::{JOB, SETUP};
use crate::query::Query;
use crate::view::{
    Card, DeviceNote, LayerKind, ModelFacts, ModelView, PER_PAGE, Pages, Problem, QuantLine,
    Subject as About, Wanted,
};

/// A model's view by its id; `None` where no model has it.
#[must_use]
pub fn model(engine: &Engine<'_>, id: &str, query: &Query) -> Option<ModelView> {
    let row = engine.catalog.models().iter().find(|row| row.id == id)?;
    let mut problems = Vec::new();
    let quant = quant(engine, query, &mut problems);
    let (asked, left) = if names_a_machine(query) {
        let (asked, left, wrong) = readable(engine, query);
        problems.extend(wrong);
        (asked, left)
    } else {
        (None, query.clone())
    };
    let (wanted, machines) = machines(engine, row, quant, &left, &mut problems);
    let running = machines.iter().filter(|m| m.brief.estimate.placement != Placement::TooBig).count();
    let pages = Pages::asked(query.get("page"), machines.len());
    let cards = machines.iter().skip(pages.first()).take(PER_PAGE).map(|machine| machine.card(engine, row));
    let on_machine = asked.as_ref().map(|asked| Picked::new(engine, row, quant, asked)).unwrap_or_default();
    Some(ModelView {
        model: model_note(row),
        facts: facts(engine, row),
        wanted,
        quant: quant.map(|quant| quant.name.clone()).unwrap_or_default(),
        counts: (machines.len(), running),
        cards: cards.collect(),
        pages,
        machine: asked.as_ref().map(|asked| machine_note(engine, &asked.rig)),
        quants: on_machine.quants,
        curves: on_machine.curves,
        longest_context: on_machine.longest_context,
        problems,
    })
}

/// A model on every machine that the filters let through, in the order of its page: the first so many of all its pages.
///
/// # Errors
/// What of the query could not be read.
#[cfg(feature = "full")]
pub fn model_everywhere(
    engine: &Engine<'_>,
    id: &str,
    query: &Query,
    most: usize,
) -> Result<Vec<Card>, Vec<Problem>> {
    let Some(row) = engine.catalog.models().iter().find(|row| row.id == id) else { return Ok(Vec::new()) };
    let mut problems = Vec::new();
    let quant = quant(engine, query, &mut problems);
    let (_, machines) = machines(engine, row, quant, query, &mut problems);
    if problems.is_empty() {
        Ok(machines.iter().take(most).map(|machine| machine.card(engine, row)).collect())
    } else {
        Err(problems)
    }
}

/// The quantisation that is asked for, where one is.
fn quant<'c>(engine: &Engine<'c>, query: &Query, problems: &mut Vec<Problem>) -> Option<&'c QuantRow> {
    match query.get("quant") {
        "" => None,
        text => engine.catalog.quant(text).map_err(|lookup| problems.push(lookup.at("quant", text))).ok(),
    }
}

/// The model on one machine of the catalogue.
struct OnMachine<'c> {
    row: &'c HardwareRow,
    rig: Rig<'c>,
    job: Job,
    quant: &'c QuantRow,
    brief: Brief,
    minimum_tps: f64,
}

impl OnMachine<'_> {
    fn card(&self, engine: &Engine<'_>, model: &ModelRow) -> Card {
        let device = &self.rig.first().device;
        let chosen = Chosen { model, quant: self.quant, asked: None };
        Card {
            subject: About::Device(DeviceNote {
                id: self.row.id.clone(),
                name: self.row.name.clone(),
                class: class_name(self.row).to_owned(),
                memory_gib: device.memory_gib,
                bandwidth_gb_s: device.bandwidth_gb_s,
            }),
            quant: self.quant.name.clone(),
            answer: engine.answer(&self.rig, &self.job, &chosen),
            fast_enough: self.brief.decode_tps() >= self.minimum_tps,
            measured: None,
        }
    }
}

/// The model on every machine that the filters let through, at the asked quantisation or each machine's best; and the job and
/// speed that all of them were chosen for, which no machine needs to be named for.
fn machines<'c>(
    engine: &Engine<'c>,
    model: &'c ModelRow,
    quant: Option<&'c QuantRow>,
    query: &Query,
    problems: &mut Vec<Problem>,
) -> (Wanted, Vec<OnMachine<'c>>) {
    // The job and the filters are read for a machine on which every runtime runs; which one is told by none of them.
    let of_machine = |name: &str| SETUP.contains(&name) && !JOB.contains(&name);
    let any = engine.catalog.devices().iter().find(|row| row.class == HardwareClass::Apple);
    let any = query.keeping(&|name| !of_machine(name)).with("hardware", any.map_or("", |row| &row.id));
    let (read, left, wrong) = readable(engine, &any);
    problems.extend(wrong);
    let wanted = wanted(engine, read.as_ref());
    let Some(Asked { filters, .. }) = read else { return (wanted, Vec::new()) };
    let job_only = left.only(JOB);
    let rows = engine.catalog.devices().iter();
    let mut kind = query.get("kind");
    if !kind.is_empty() && !CLASSES.contains(&kind) {
        let near = CLASSES.iter().map(ToString::to_string).collect();
        problems.push(Problem::with_near("kind", WORDS.query.no_class.to_owned(), near));
        kind = "";
    }
    let mut machines: Vec<OnMachine<'c>> = rows
        .filter(|row| kind.is_empty() || class_name(row) == kind)
        .filter(|row| {
            filters.finds(&[from_ref(&row.name), from_ref(&row.id), &row.aliases, &row.shared_names])
        })
        .filter_map(|row| {
            // A job that a machine cannot have, such as MLX on a PC, leaves that machine out.
            let query = job_only.with("hardware", &row.id);
            let Asked { rig, job, .. } = asked(engine, &query).ok()?;
            let (quant, brief) = match quant {
                Some(quant) if quant.runtimes.contains(&job.runtime) => {
                    (quant, engine.brief(&rig, &job, &Subject::of_row(model, quant, job.runtime)))
                }
                Some(_) => return None,
                None => {
                    let card = shortlist::card(engine, &rig, &job, model, filters.min_tps)?;
                    (card.quant, card.brief)
                }
            };
            let minimum_tps = filters.min_tps;
            Some(OnMachine { row, rig, job, quant, brief, minimum_tps })
        })
        .filter(|machine| match filters.fits {
            Fits::All => true,
            Fits::Runs => machine.brief.estimate.placement != Placement::TooBig,
            Fits::Whole => {
                machine.brief.estimate.placement == Placement::Whole
                    && machine.brief.decode_tps() >= filters.min_tps
            }
        })
        .collect();
    machines.sort_unstable_by(|a, b| {
        b.brief.decode_tps().total_cmp(&a.brief.decode_tps()).then_with(|| a.row.id.cmp(&b.row.id))
    });
    (wanted, machines)
}

/// What is shown for the picked machine alone.
#[derive(Default)]
struct Picked {
    quants: Vec<QuantLine>,
    curves: Vec<crate::view::Curve>,
    longest_context: Option<u32>,
}

impl Picked {
    fn new(engine: &Engine<'_>, model: &ModelRow, quant: Option<&QuantRow>, asked: &Asked<'_>) -> Picked {
        let Asked { rig, job, filters } = asked;
        let mut best: Option<&QuantRow> = None;
        let quants = engine
            .quants_of(rig, job.runtime, model)
            .map(|row| {
                let subject = Subject::of_row(model, row, job.runtime);
                let brief = engine.brief(rig, job, &subject);
                let fast = brief.decode_tps() >= filters.min_tps;
                if chart_verdict(&brief.estimate.placement, fast) == chart::Verdict::Runs {
                    best = best.or(Some(row));
                }
                QuantLine {
                    id: row.id.clone(),
                    name: row.name.clone(),
                    bits_per_weight: subject.bits_per_weight,
                    weights_gib: brief.estimate.footprint.weights / GIB,
                    loss: row.loss.word().to_owned(),
                    outcome: outcome(&brief, filters.min_tps),
                    evidence: brief.evidence,
                }
            })
            .collect();
        let charted = quant.or(best);
        Picked {
            quants,
            curves: charted
                .map(|quant| curve(engine, rig, job, model, quant, &quant.name))
                .filter(|curve| !curve.points.is_empty())
                .into_iter()
                .collect(),
            longest_context: charted.and_then(|quant| {
                engine.longest_context(rig, job, &Subject::of_row(model, quant, job.runtime))
            }),
        }
    }
}

/// What a model's figures were read in, and what its score rests on.
fn cited(row: &ModelRow) -> Vec<String> {
    let (Capability::Arena { source, .. } | Capability::Editorial { source, .. }) = &row.capability;
    let mut cited = row.sources.clone();
    if !cited.contains(source) {
        cited.push(source.clone());
    }
    cited
}

fn facts(engine: &Engine<'_>, row: &ModelRow) -> ModelFacts {
    let f16 = estimator::CacheTypes { k: estimator::CacheType::F16, v: estimator::CacheType::F16 };
    ModelFacts {
        native_context_tokens: row.native_context_tokens,
        layers: row
            .layers
            .iter()
            .filter(|group| !group.parallel)
            .map(|group| (group.count, kind(group.mixer)))
            .collect(),
        experts: row.experts.map(|experts| (experts.active, experts.total)),
        kv_bytes_per_token: estimator::cache::growth_bytes_per_token(&subject::shape(row), f16),
        released: row.released.clone(),
        license: row.license.clone(),
        hf_repo: row.hf_repo.clone(),
        sources: sources(engine, &cited(row)),
        unverified: row.unverified.clone(),
    }
}

fn kind(mixer: Mixer) -> LayerKind {
    match mixer {
        Mixer::Full { kv_heads, .. } => LayerKind::Full(kv_heads),
        Mixer::Window { window, .. } => LayerKind::Window(window),
        Mixer::Latent { .. } => LayerKind::Latent,
        Mixer::Recurrent { .. } => LayerKind::Recurrent,
        Mixer::FeedForward => LayerKind::FeedForward,
    }
}
