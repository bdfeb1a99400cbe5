//! Every model on one machine: for each, the quantisation to take, and all in order.
//!
//! The rule: the highest-quality quantisation without severe loss that lies whole on the device at the asked context and
//! reaches the minimum speed; else the highest-quality one that reaches it with a part in RAM, or with severe loss; else the
//! fastest without severe loss; else the fastest. A model that runs in another way than the first stands behind those that
//! run well: its capability score is that of the published weights.

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

/// What a quantisation is taken by.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// The least decode speed, tokens a second.
    pub minimum_tps: f64,
    /// Whether it must lie whole on the device: then severe loss counts as no reason to leave it there.
    pub whole: bool,
}

/// All models that pass the filters, in order.
#[must_use]
pub fn shortlist<'c>(engine: &Engine<'c>, rig: &Rig<'_>, job: &Job, filters: &Filters) -> Vec<Card<'c>> {
    let mut asking = Asking::new(engine, rig, job);
    let wanted = Wanted { minimum_tps: filters.min_tps, whole: filters.fits == Fits::Whole };
    let mut cards: Vec<Card<'c>> = engine
        .catalog
        .models()
        .iter()
        .filter(|row| filters.admit(row))
        .filter_map(|row| card_of(engine, rig, job, row, wanted, &mut asking))
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
    let wanted = Wanted { minimum_tps: min_tps, whole: false };
    card_of(engine, rig, job, model, wanted, &mut Asking::new(engine, rig, job))
}

/// The quantisation by the rule above, and what to expect of it. None where the runtime loads none.
pub fn take<'c>(
    engine: &Engine<'c>,
    rig: &Rig<'_>,
    job: &Job,
    model: &ModelRow,
    wanted: Wanted,
    asking: &mut Asking<'_>,
) -> Option<(&'c QuantRow, Brief)> {
    let shape = shape(model);
    let mut best: Option<(u8, &'c QuantRow, Brief)> = None;
    for quant in engine.quants_of(rig, job.runtime, model) {
        let brief = asking.brief(&Matter::of(model, shape, quant, job.runtime));
        let tps = brief.decode_tps();
        let whole = brief.estimate.placement == Placement::Whole;
        let gentle = quant.loss != QuantLoss::Severe;
        let rank = match tps >= wanted.minimum_tps {
            _ if brief.estimate.placement == Placement::TooBig => 0,
            true if whole && (gentle || wanted.whole) => return Some((quant, brief)),
            true => 3,
            false if gentle => 2,
            false => 1,
        };
        let better = best.as_ref().is_none_or(|(before, _, than)| match rank.cmp(before) {
            // What does not run at all is shown at its smallest. Of equally fast ones the better quality stays.
            Ordering::Equal => rank == 0 || (rank < 3 && tps > than.decode_tps()),
            order => order == Ordering::Greater,
        });
        if better {
            best = Some((rank, quant, brief));
        }
    }
    best.map(|(_, quant, brief)| (quant, brief))
}

fn card_of<'c>(
    engine: &Engine<'c>,
    rig: &Rig<'_>,
    job: &Job,
    model: &'c ModelRow,
    wanted: Wanted,
    asking: &mut Asking<'_>,
) -> Option<Card<'c>> {
    let (quant, brief) = take(engine, rig, job, model, wanted, asking)?;
    let tier = match brief.estimate.placement {
        Placement::TooBig => Tier::Not,
        Placement::Whole if brief.decode_tps() >= wanted.minimum_tps && quant.loss != QuantLoss::Severe => {
            Tier::Well
        }
        _ => Tier::Somehow,
    };
    let remedy = || engine.remedy(rig, job, &Subject::of_row(model, quant, job.runtime), None);
    Some(Card {
        model,
        quant,
        brief,
        tier,
        longest_context: asking.longest_context(&Matter::of(model, shape(model), quant, job.runtime)),
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
                engine.quants_of(&rig, job.runtime, card.model).take_while(|quant| quant.id != card.quant.id)
            {
                let brief = engine.brief(&rig, &job, &Subject::of_row(card.model, better, job.runtime));
                let fits = brief.estimate.placement == Placement::Whole;
                assert!(!fits || brief.decode_tps() < 10.0, "{} at {}", card.model.id, better.id);
            }
        }
    }

    /// The rule once more, in other words: for every model on a card that many do not fit, by looking at all.
    #[test]
    fn what_does_not_fit_whole_keeps_its_quality() {
        let engine = Engine::embedded();
        let params = Params::read_page([("hardware", "rtx-3090")]).unwrap();
        let (rig, job) = engine.read(&params).unwrap();
        let mut offloaded = 0;
        for card in list(&[("hardware", "rtx-3090"), ("fits", "runs")]) {
            if card.brief.estimate.placement == Placement::Whole {
                continue;
            }
            offloaded += 1;
            let others: Vec<(&QuantRow, Brief)> = engine
                .quants_of(&rig, job.runtime, card.model)
                .map(|quant| {
                    (quant, engine.brief(&rig, &job, &Subject::of_row(card.model, quant, job.runtime)))
                })
                .collect();
            let name = format!("{} at {}", card.model.id, card.quant.id);
            let reaches = |brief: &Brief| brief.decode_tps() >= 10.0;
            if reaches(&card.brief) {
                let best = others.iter().find(|(_, brief)| reaches(brief)).map(|(quant, _)| &quant.id);
                assert_eq!(best, Some(&card.quant.id), "{name}");
            } else {
                assert!(!others.iter().any(|(_, brief)| reaches(brief)), "{name}");
                let gentle = |quant: &QuantRow| quant.loss != QuantLoss::Severe;
                let runs = others.iter().filter(|(_, brief)| brief.decode_tps() > 0.0);
                let gentle_runs = runs.clone().any(|(quant, _)| gentle(quant));
                assert_eq!(gentle(card.quant), gentle_runs, "{name}");
                let faster = runs.filter(|(quant, _)| gentle(quant) == gentle_runs);
                for (quant, brief) in faster {
                    assert!(brief.decode_tps() <= card.brief.decode_tps(), "{name}: {} is faster", quant.id);
                }
            }
        }
        assert!(offloaded > 20, "{offloaded}");
    }

    /// What is estimated where nobody names a quantisation is what the list shows.
    #[test]
    fn without_a_quantisation_the_list_and_the_single_answer_agree() {
        let engine = Engine::embedded();
        for card in list(&[("hardware", "rtx-4090"), ("context", "8k")]) {
            let asked = [("hardware", "rtx-4090"), ("context", "8k"), ("model", &card.model.id)];
            let params = Params::read(asked).unwrap();
            let (rig, job) = engine.read(&params).unwrap();
            assert_eq!(
                engine.choose(&params, &rig, &job).unwrap().quant.id,
                card.quant.id,
                "{}",
                card.model.id
            );
        }
    }

    #[test]
    fn four_bit_floats_are_offered_where_they_are_multiplied_or_published() {
        let fp4 = |hardware| {
            let cards = list(&[("hardware", hardware), ("runtime", "vllm"), ("fits", "runs")]);
            let of =
                cards.into_iter().filter(|card| card.quant.matrix_format == crate::row::MatrixFormat::Fp4);
            of.map(|card| card.model.native_quant.as_deref().unwrap_or("")).collect::<Vec<_>>()
        };
        let on_3090 = fp4("rtx-3090");
        assert!(!on_3090.is_empty() && on_3090.iter().all(|native| *native == "mxfp4"), "{on_3090:?}");
        assert!(fp4("rtx-5090").iter().any(|native| *native != "mxfp4"));
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
