//! Every model on one machine: for each, the quantisation to take, and all in order.
//!
//! The rule: the highest-quality quantisation that lies whole on the device at the asked context and reaches the
//! minimum speed; where none does, the fastest way in which it runs at all. A model that only fits at a quantisation
//! of severe loss stands behind those that run well: its capability score is that of the published weights.

use alloc::vec::Vec;
use core::cmp::Ordering;

use estimator::Placement;

use crate::answer::Remedy;
use crate::asking::Asking;
use crate::engine::{Brief, Engine};
use crate::query::{Filters, Fits, Job, Rig, Sort};
use crate::row::{ModelRow, QuantLoss, QuantRow};
use crate::subject::{Matter, Subject, shape};

/// How well a model runs; better ones first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Whole on the device, at the minimum speed or above, at a quantisation without severe loss.
    Well,
    /// Runs, but slower than the minimum, partly in RAM, or at a quantisation of severe loss.
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
    let mut asking = Asking::new(engine, rig, job);
    let mut cards: Vec<Card<'c>> = engine
        .catalog
        .models()
        .iter()
        .filter(|row| filters.admit(row))
        .filter_map(|row| card_of(engine, rig, job, row, filters.min_tps, &mut asking))
        .filter(|card| match filters.fits {
            Fits::Whole => {
                card.brief.estimate.placement == Placement::Whole
                    && card.brief.decode_tps() >= filters.min_tps
            }
            Fits::Runs => card.tier != Tier::Not,
            Fits::All => true,
        })
        .collect();
    cards.sort_unstable_by(|a, b| order(a, b, filters));
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
    card_of(engine, rig, job, model, min_tps, &mut Asking::new(engine, rig, job))
}

fn card_of<'c>(
    engine: &Engine<'c>,
    rig: &Rig<'_>,
    job: &Job,
    model: &'c ModelRow,
    min_tps: f64,
    asking: &mut Asking<'_>,
) -> Option<Card<'c>> {
    let shape = shape(model);
    let mut fallback: Option<(&'c QuantRow, Brief)> = None;
    let mut chosen = None;
    for quant in engine.quants_of(job.runtime, model) {
        let brief = asking.brief(&Matter::of(model, shape, quant));
        if brief.estimate.placement == Placement::Whole && brief.decode_tps() >= min_tps {
            let tier = if quant.loss == QuantLoss::Severe { Tier::Somehow } else { Tier::Well };
            chosen = Some((quant, brief, tier));
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
            let brief = if runs { brief } else { asking.brief(&Matter::of(model, shape, quant)) };
            (quant, brief, if runs { Tier::Somehow } else { Tier::Not })
        }
    };
    let remedy = || engine.remedy(rig, job, &Subject::of_row(model, quant), None);
    Some(Card {
        model,
        quant,
        brief,
        tier,
        longest_context: asking.longest_context(&Matter::of(model, shape, quant)),
        remedy: (tier == Tier::Not).then(remedy),
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
        Sort::Name => a.model.name.to_ascii_lowercase().cmp(&b.model.name.to_ascii_lowercase()),
        Sort::Newest => b.model.released.cmp(&a.model.released),
    };
    let family = if filters.by_family { a.model.family.cmp(&b.model.family) } else { Ordering::Equal };
    family.then(wanted).then_with(|| a.model.id.cmp(&b.model.id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Params;

    fn list(pairs: &[(&str, &str)]) -> Vec<Card<'static>> {
        let engine = Engine::embedded();
        let params = Params::read_page(pairs.iter().copied()).unwrap();
        let (rig, job) = engine.read(&params).unwrap();
        shortlist(&engine, &rig, &job, &Filters::read(&params, engine.rules).unwrap())
    }

    #[test]
    fn the_best_quantisation_that_fits_and_is_fast_enough_is_taken() {
        let engine = Engine::embedded();
        let params = Params::read_page([("hardware", "rtx-3090")]).unwrap();
        let (rig, job) = engine.read(&params).unwrap();
        for card in list(&[("hardware", "rtx-3090"), ("fits", "whole")]) {
            assert!(card.brief.decode_tps() >= 10.0);
            // Every better quantisation fails at one of the two.
            for better in
                engine.quants_of(job.runtime, card.model).take_while(|quant| quant.id != card.quant.id)
            {
                let brief = engine.brief(&rig, &job, &Subject::of_row(card.model, better));
                let fits = brief.estimate.placement == Placement::Whole;
                assert!(!fits || brief.decode_tps() < 10.0, "{} at {}", card.model.id, better.id);
            }
        }
    }

    #[test]
    fn capability_leads_within_each_tier() {
        let cards = list(&[("hardware", "rtx-3090")]);
        assert!(cards.len() > 200);
        for pair in cards.windows(2) {
            assert!(pair[0].tier <= pair[1].tier);
            if pair[0].tier == pair[1].tier {
                assert!(pair[0].model.capability.score() >= pair[1].model.capability.score());
            }
        }
    }

    #[test]
    fn what_does_not_run_says_what_would_help() {
        let not: Vec<_> = list(&[("hardware", "rtx-3060-12gb"), ("host_ram_gib", "8")])
            .into_iter()
            .filter(|c| c.tier == Tier::Not)
            .collect();
        assert!(!not.is_empty());
        assert!(not.iter().all(|card| card.remedy.is_some()));
    }

    #[test]
    fn filters_leave_out_what_they_say() {
        for card in
            list(&[("hardware", "rtx-4090"), ("family", "Qwen3"), ("min_score", "50"), ("fits", "runs")])
        {
            assert_eq!(card.model.family, "Qwen3");
            assert!(card.model.capability.score() >= 50.0);
            assert_ne!(card.brief.estimate.placement, Placement::TooBig);
        }
        let by_speed = list(&[("hardware", "rtx-4090"), ("sort", "speed"), ("fits", "whole")]);
        assert!(by_speed.windows(2).all(|pair| pair[0].brief.decode_tps() >= pair[1].brief.decode_tps()));
    }
}
