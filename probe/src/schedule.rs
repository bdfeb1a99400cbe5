//! What time allows: which points run, how often, and what is left out with its reason.
//!
//! Repeats are cut first, those of the dearest point before the others'; then the largest contexts of W3; then whatever
//! is dearest. The first point always stays: without it there is no answer at all.

use crate::plan::Point;

/// What a point costs, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Once: a server that is started, the warm-up.
    pub once_s: f64,
    /// Each repeat.
    pub repeat_s: f64,
}

impl Cost {
    /// Seconds with so many repeats.
    pub fn seconds(self, repeats: u32) -> f64 {
        self.once_s + self.repeat_s * f64::from(repeats)
    }
}

/// What becomes of a point.
#[derive(Clone, Debug, PartialEq)]
pub enum Slot {
    /// It runs with so many repeats at least.
    Runs(u32),
    /// It is left out, and why.
    LeftOut(String),
}

impl Slot {
    /// Repeats; none for a point that is left out.
    pub fn repeats(&self) -> u32 {
        match self {
            Slot::Runs(repeats) => *repeats,
            Slot::LeftOut(_) => 0,
        }
    }
}

/// Fits points into a time. `costs` are none where nothing is known yet: such a point counts nothing and runs, and the
/// schedule is made again when more is known. Without a budget everything runs.
pub fn fit(points: &[Point], costs: &[Option<Cost>], repeats: u32, budget_s: Option<f64>) -> Vec<Slot> {
    let mut slots: Vec<Slot> = points.iter().map(|_| Slot::Runs(repeats)).collect();
    let Some(budget_s) = budget_s else { return slots };
    let cost = |at: usize, slots: &[Slot]| match &slots[at] {
        Slot::LeftOut(_) => 0.0,
        Slot::Runs(repeats) => costs[at].map_or(0.0, |cost| cost.seconds(*repeats)),
    };
    let total = |slots: &[Slot]| (0..slots.len()).map(|at| cost(at, slots)).sum::<f64>();
    while total(&slots) > budget_s {
        let dearest = (0..slots.len())
            .filter(|at| slots[*at].repeats() > 1)
            .max_by(|a, b| cost(*a, &slots).total_cmp(&cost(*b, &slots)));
        if let Some(at) = dearest {
            slots[at] = Slot::Runs(slots[at].repeats() - 1);
            continue;
        }
        let running = || (1..slots.len()).filter(|at| slots[*at].repeats() > 0);
        let largest_context =
            running().filter(|at| points[*at].workload == "W3").max_by_key(|at| points[*at].prompt_tokens);
        let victim = largest_context
            .or_else(|| running().max_by(|a, b| cost(*a, &slots).total_cmp(&cost(*b, &slots))));
        let Some(at) = victim else { break };
        slots[at] = Slot::LeftOut(reason(&points[at], cost(at, &slots)));
    }
    slots
}

fn reason(point: &Point, seconds: f64) -> String {
    format!(
        "it would take about {seconds:.0} s, more than the run's time has room for; --full or --workload {} runs it",
        point.workload
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{self, Extent};
    use data::Catalog;
    use proptest::prelude::*;

    fn points() -> Vec<Point> {
        plan::points(suite(), &[], Extent::Default).unwrap()
    }

    fn suite() -> &'static data::row::SuiteRow {
        Catalog::embedded().suites().iter().find(|suite| suite.id == "suite-v1").unwrap()
    }

    fn costs(points: &[Point], prefill_tps: f64, decode_tps: f64) -> Vec<Option<Cost>> {
        let cost = |point: &Point| Cost {
            once_s: point.warm_up_s(prefill_tps, decode_tps),
            repeat_s: point.repeat_s(prefill_tps, decode_tps),
        };
        points.iter().map(|point| Some(cost(point))).collect()
    }

    fn seconds(costs: &[Option<Cost>], slots: &[Slot]) -> f64 {
        let of = |(cost, slot): (&Option<Cost>, &Slot)| match slot {
            Slot::Runs(repeats) => cost.map_or(0.0, |cost| cost.seconds(*repeats)),
            Slot::LeftOut(_) => 0.0,
        };
        costs.iter().zip(slots).map(of).sum()
    }

    #[test]
    fn a_fast_machine_runs_everything_three_times() {
        let points = points();
        let slots = fit(&points, &costs(&points, 200_000.0, 3000.0), 3, Some(115.0));
        assert!(slots.iter().all(|slot| *slot == Slot::Runs(3)), "{slots:?}");
    }

    #[test]
    fn repeats_go_first_then_the_largest_contexts() {
        let points = points();
        let costs = costs(&points, 8000.0, 120.0);
        let slots = fit(&points, &costs, 3, Some(115.0));
        assert!(slots.iter().any(|slot| slot.repeats() == 1), "{slots:?}");
        let tight = fit(&points, &costs, 3, Some(60.0));
        let left_out: Vec<u32> = points
            .iter()
            .zip(&tight)
            .filter(|(_, slot)| slot.repeats() == 0)
            .map(|(point, _)| point.prompt_tokens)
            .collect();
        assert_eq!(left_out, [65_280, 130_816], "{tight:?}");
        assert!(tight.iter().all(|slot| slot.repeats() <= 1));
        let Some(Slot::LeftOut(reason)) = tight.last() else { panic!("{tight:?}") };
        assert!(reason.contains("--full"), "{reason}");
    }

    #[test]
    fn without_a_budget_nothing_is_cut_and_what_is_unknown_runs() {
        let points = points();
        assert!(fit(&points, &costs(&points, 1.0, 1.0), 5, None).iter().all(|slot| slot.repeats() == 5));
        let unknown = vec![None; points.len()];
        assert!(fit(&points, &unknown, 3, Some(0.0)).iter().all(|slot| slot.repeats() == 3));
    }

    proptest! {
        /// Whatever the machine, the plan keeps its time, and the first point stays.
        #[test]
        fn a_plan_keeps_its_time(prefill in 1.0f64..100_000.0, decode in 0.1f64..2000.0, budget in 1.0f64..600.0) {
            let points = points();
            let costs = costs(&points, prefill, decode);
            let slots = fit(&points, &costs, 3, Some(budget));
            prop_assert!(slots[0].repeats() >= 1);
            let alone = slots[1..].iter().all(|slot| slot.repeats() == 0);
            prop_assert!(alone || seconds(&costs, &slots) <= budget);
        }
    }
}
