//! Every model on one machine: for each, the quantisation to take, and all in order.
//!
//! The rule: the highest-quality quantisation that lies whole on the device at the asked context and reaches the
//! minimum speed; where none does, the fastest way in which it runs at all.

use alloc::vec::Vec;
use core::cmp::Ordering;

use estimator::Placement;

use crate::answer::Remedy;
use crate::engine::{Brief, Engine};
use crate::query::{Filters, Fits, Job, Rig, Sort};
use crate::row::{ModelRow, QuantRow};
use crate::subject::Subject;

/// How well a model runs; better ones first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Whole on the device, at the minimum speed or above.
    Well,
    /// Runs, but slower than the minimum, or partly in RAM.
    Somehow,
    /// Does not run.
    Not,
}

/// One model on the machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Card<'c> {
    /// The model.
    pub model: &'c ModelRow,
    /// The quantisation taken.
    pub quant: &'c QuantRow,
    /// Its estimate.
    pub brief: Brief,
    /// How well it runs.
    pub tier: Tier,
    /// The longest context with which it lies whole on the device.
    pub longest_context: Option<u32>,
    /// What would make it run, where it does not.
    pub remedy: Option<Remedy>,
}

/// All models that pass the filters, in order.
#[must_use]
pub fn shortlist<'c>(engine: &Engine<'c>, rig: &Rig<'_>, job: &Job, filters: &Filters) -> Vec<Card<'c>> {
    let mut cards: Vec<Card<'c>> = engine
        .catalog
        .models()
        .iter()
        .filter(|row| filters.admit(row))
        .filter_map(|row| card(engine, rig, job, row, filters.min_tps))
        .filter(|card| match filters.fits {
            Fits::Whole => card.tier == Tier::Well,
            Fits::Runs => card.tier != Tier::Not,
            Fits::All => true,
        })
        .collect();
    cards.sort_by(|a, b| order(a, b, filters));
    cards
}

/// One model: the quantisation by the rule above. None where the runtime loads no quantisation.
#[must_use]
pub fn card<'c>(
    engine: &Engine<'c>,
    rig: &Rig<'_>,
    job: &Job,
    model: &'c ModelRow,
    min_tps: f64,
) -> Option<Card<'c>> {
    let mut fallback: Option<(&'c QuantRow, Brief)> = None;
    let mut chosen = None;
    for quant in engine.quants_of(job.runtime, model) {
        let brief = engine.brief(rig, job, &Subject::of_row(model, quant));
        if brief.estimate.placement == Placement::Whole && brief.decode_tps() >= min_tps {
            chosen = Some((quant, brief, Tier::Well));
            break;
        }
        // Strictly faster, so that of equals the better quality stays.
        if fallback.as_ref().is_none_or(|(_, best)| brief.decode_tps() > best.decode_tps()) {
            fallback = Some((quant, brief));
        }
    }
    let (quant, brief, tier) = match chosen {
        Some(chosen) => chosen,
        None => {
            let (quant, brief) = fallback?;
            let runs = brief.estimate.placement != Placement::TooBig;
            // What does not run at all is shown at its smallest.
            let quant = if runs { quant } else { engine.quants_of(job.runtime, model).last()? };
            let brief = if runs { brief } else { engine.brief(rig, job, &Subject::of_row(model, quant)) };
            (quant, brief, if runs { Tier::Somehow } else { Tier::Not })
        }
    };
    let subject = Subject::of_row(model, quant);
    Some(Card {
        model,
        quant,
        brief,
        tier,
        longest_context: engine.longest_context(rig, job, &subject),
        remedy: (tier == Tier::Not).then(|| engine.remedy(rig, job, &subject, None)),
    })
}

fn order(a: &Card<'_>, b: &Card<'_>, filters: &Filters) -> Ordering {
    let down = |x: f64, y: f64| y.total_cmp(&x);
    let capability = || down(a.model.capability.score(), b.model.capability.score());
    let speed = || down(a.brief.decode_tps(), b.brief.decode_tps());
    let ttft = |card: &Card<'_>| card.brief.estimate.speeds.map_or(f64::INFINITY, |s| s.ttft_ms.mid);
    let wanted = match filters.sort {
        Sort::Capability => a.tier.cmp(&b.tier).then_with(capability).then_with(speed),
        Sort::Speed => speed(),
        Sort::Ttft => ttft(a).total_cmp(&ttft(b)),
        Sort::Size => down(a.model.params_b, b.model.params_b),
        Sort::Name => a.model.name.to_lowercase().cmp(&b.model.name.to_lowercase()),
        Sort::Newest => b.model.released.cmp(&a.model.released),
    };
    let family = if filters.by_family { a.model.family.cmp(&b.model.family) } else { Ordering::Equal };
    family.then(wanted).then_with(|| a.model.id.cmp(&b.model.id))
}
