//! A run's time: the plan by the estimator before it starts, corrected by what each point really took.

use std::time::{Duration, Instant};

use data::submission::WorkloadResult;

use crate::cmd::beside::Beside;
use crate::measure::Limits;
use crate::plan::{Point, Speed, Tokens};
use crate::schedule::{self, Cost, Slot};

/// Rates by which a point's time is told, tokens a second.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Rates {
    prefill_tps: f64,
    decode_tps: f64,
}

/// The run's time and what it is spent on.
pub(super) struct Time<'a> {
    points: &'a [Point],
    /// Estimates, by point.
    speeds: Vec<Option<Speed>>,
    /// Why a point cannot run, by point.
    barred: Vec<Option<String>>,
    repeats: (u32, u32),
    /// When the last of them has to be done; none is without limit.
    end: Option<Instant>,
    /// Measured over estimated, of the last point that has both.
    correction: Rates,
    /// The last point's measured rates: all there is for a model that nobody can estimate.
    measured: Option<Rates>,
    /// What getting ready took at most: starting a server, counting tokens.
    ready_s: f64,
}

impl<'a> Time<'a> {
    /// Until `end`; `repeats` are the fewest and the most.
    pub fn new(
        end: Option<Instant>,
        repeats: (u32, u32),
        points: &'a [Point],
        beside: &Beside,
        barred: Vec<Option<String>>,
    ) -> Time<'a> {
        Time {
            points,
            speeds: points.iter().map(|point| beside.speed(point)).collect(),
            barred,
            repeats,
            end,
            correction: Rates { prefill_tps: 1.0, decode_tps: 1.0 },
            measured: None,
            ready_s: 0.0,
        }
    }

    fn budget_left_s(&self) -> Option<f64> {
        self.end.map(|end| end.saturating_duration_since(Instant::now()).as_secs_f64())
    }

    /// Nothing for a point that cannot run.
    fn cost(&self, at: usize) -> Option<Cost> {
        if self.barred[at].is_some() {
            return Some(Cost::default());
        }
        let rates = match self.speeds[at] {
            Some(speed) => Rates {
                prefill_tps: speed.prefill_tps.mid * self.correction.prefill_tps,
                decode_tps: speed.decode_tps.mid * self.correction.decode_tps,
            },
            None => self.measured?,
        };
        let point = &self.points[at];
        Some(Cost {
            once_s: self.ready_s + point.warm_up_s(rates.prefill_tps, rates.decode_tps),
            repeat_s: point.repeat_s(rates.prefill_tps, rates.decode_tps),
        })
    }

    fn slots(&self, from: usize) -> (Vec<Option<Cost>>, Vec<Slot>) {
        let costs: Vec<Option<Cost>> = (from..self.points.len()).map(|at| self.cost(at)).collect();
        let mut slots = schedule::fit(&self.points[from..], &costs, self.repeats.0, self.budget_left_s());
        for (slot, reason) in slots.iter_mut().zip(&self.barred[from..]) {
            if let Some(reason) = reason {
                *slot = Slot::LeftOut(reason.clone());
            }
        }
        (costs, slots)
    }

    fn total_s(costs: &[Option<Cost>], slots: &[Slot]) -> f64 {
        let one = |(cost, slot): (&Option<Cost>, &Slot)| match slot {
            Slot::Runs(repeats) => cost.map_or(0.0, |cost| cost.seconds(*repeats)),
            Slot::LeftOut(_) => 0.0,
        };
        costs.iter().zip(slots).map(one).sum()
    }

    /// What becomes of a point, in the light of what those before it took.
    pub fn slot(&self, at: usize) -> (Slot, Limits) {
        let (costs, slots) = self.slots(at);
        let nothing = Limits { repeats: (0, 0), planned: 0, spare_until: None, until: None };
        if let Some(reason) = &self.barred[at] {
            return (Slot::LeftOut(reason.clone()), nothing);
        }
        let (Some(mine), Some(end), Some(left_s)) = (slots.first(), self.end, self.budget_left_s()) else {
            let limits = Limits { repeats: self.repeats, planned: self.repeats.1, ..nothing };
            return (Slot::Runs(self.repeats.0), limits);
        };
        let own_s = costs[0].map_or(0.0, |cost| cost.seconds(mine.repeats()));
        // Once something was measured, nothing is begun that cannot end.
        if at > 0 && (left_s <= 0.0 || own_s > left_s) {
            let reason = format!(
                "it would take about {own_s:.0} s, {left_s:.0} s are left; --full or --workload {} runs it",
                self.points[at].workload
            );
            return (Slot::LeftOut(reason), nothing);
        }
        let planned_s = Self::total_s(&costs, &slots);
        let spare_s = (left_s - planned_s).max(0.0);
        let now = Instant::now();
        let after = |seconds: f64| now + Duration::from_secs_f64(seconds.clamp(0.0, 1e6));
        // A point that hangs leaves those after it their time. The first one may take all: nothing is known yet.
        let own_until = after((own_s + spare_s).max(2.0 * own_s)).min(end);
        let limits = Limits {
            repeats: self.repeats,
            planned: mine.repeats(),
            spare_until: Some(after(own_s + spare_s / slots.len() as f64)),
            until: Some(if at == 0 { end } else { own_until }),
        };
        (mine.clone(), limits)
    }

    /// Seconds that a point and all after it are expected to take; none where nothing is known.
    pub fn left_s(&self, at: usize) -> Option<f64> {
        let (costs, slots) = self.slots(at);
        costs.iter().any(Option::is_some).then(|| Self::total_s(&costs, &slots))
    }

    /// Getting ready for a point took so long.
    pub fn ready_took(&mut self, took: Duration) {
        self.ready_s = self.ready_s.max(took.as_secs_f64());
    }

    /// A point was measured.
    pub fn learn(&mut self, at: usize, found: &WorkloadResult) {
        // Prefill as it came out, whoever's clock it is by; the time to the first token where no rate is proven.
        let by_ttft = || {
            let prompt = f64::from(found.prompt_tokens? * found.streams);
            found.ttft_ms.filter(|ms| *ms > 0.0).map(|ms| prompt / ms * 1000.0)
        };
        let (Some(decode_tps), Some(prefill_tps)) = (found.decode_tps, found.prefill_tps.or_else(by_ttft))
        else {
            return;
        };
        self.measured = Some(Rates { prefill_tps, decode_tps });
        if let Some(speed) = self.speeds[at] {
            self.correction = Rates {
                prefill_tps: prefill_tps / speed.prefill_tps.mid,
                decode_tps: decode_tps / speed.decode_tps.mid,
            };
        }
    }

    /// Tokens that the points which run send and ask for: with the repeats that are planned, and with the most there may be.
    pub fn tokens(&self) -> [Tokens; 2] {
        let (_, slots) = self.slots(0);
        let running = || self.points.iter().zip(&slots).filter(|(_, slot)| slot.repeats() > 0);
        [
            running().map(|(point, slot)| point.tokens(slot.repeats())).sum(),
            running().map(|(point, slot)| point.tokens(slot.repeats().max(self.repeats.1))).sum(),
        ]
    }

    /// The plan, to standard error, with what else is to be known before it begins.
    pub fn print_plan(&self, beside: &[String]) {
        let (costs, slots) = self.slots(0);
        let total = match costs.iter().all(Option::is_some) {
            true => format!(", about {}", minutes(Self::total_s(&costs, &slots))),
            false => String::new(),
        };
        let limit = self.budget_left_s().map_or_else(
            || ", no limit of time".to_owned(),
            |left_s| format!(", at most {}", minutes(left_s)),
        );
        let running = slots.iter().filter(|slot| slot.repeats() > 0).count();
        eprintln!("{running} of {} points{total}{limit}:", self.points.len());
        for line in beside {
            eprintln!("  {line}");
        }
        for (at, ((point, slot), (cost, speed))) in
            self.points.iter().zip(&slots).zip(costs.iter().zip(&self.speeds)).enumerate()
        {
            let estimate = speed.map_or_else(String::new, |speed| {
                format!(", {:.1} to {:.1} tok/s expected", speed.decode_tps.low, speed.decode_tps.high)
            });
            let what = match (slot, cost) {
                (Slot::LeftOut(reason), _) if self.barred[at].is_some() => format!("left out: {reason}"),
                (Slot::LeftOut(_), cost) => {
                    let took = cost
                        .map_or_else(String::new, |cost| format!(" (about {})", minutes(cost.seconds(1))));
                    format!("left out: no time{took}")
                }
                (Slot::Runs(repeats), Some(cost)) => {
                    let cut = if *repeats < self.repeats.0 {
                        format!(" (of {}, cut for time)", self.repeats.0)
                    } else {
                        String::new()
                    };
                    format!("{repeats}x{cut}, about {}{estimate}", minutes(cost.seconds(*repeats)))
                }
                (Slot::Runs(repeats), None) => format!("{repeats}x, no estimate for this model"),
            };
            eprintln!("  {:<4}{:<32}{what}", point.workload, point.words());
        }
        if slots.iter().zip(&self.barred).any(|(slot, barred)| slot.repeats() == 0 && barred.is_none()) {
            eprintln!("--full runs everything, --workload one of them");
        }
    }
}

/// `45 s`, `3 min 20 s`.
pub(super) fn minutes(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, 0) => format!("{minutes} min"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        assert_eq!([8.2, 60.0, 200.0].map(minutes), ["8 s", "1 min", "3 min 20 s"]);
    }
}
