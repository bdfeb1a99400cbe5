//! Is a report believable? In the logarithm of speed: the estimate is where one starts, and other reports of the same
//! cell pull from there.
//!
//! ```text
//!                         τ²                      s²
//!   c = μ + w·(m − μ),  w = ────────────,  v² = 1.57·──,   flag where |x − c| > limit · √(s² + τ²·(1 − w))
//!                       τ² + v²                   k
//! ```
//!
//! | symbol | meaning |
//! |---|---|
//! | `x` | this report |
//! | `μ`, `τ` | middle and standard deviation of the estimate |
//! | `m`, `k` | median and number of the other reports |
//! | `s²` | scatter of one cell's reports: its own, shrunk to what is usual |
//! | 1.57 | variance of a median against that of a mean (π/2) |
//!
//! One other report is one machine, and may be the odd one: where the estimate itself finds it odd, it does not doubt a speed
//! that lies between the two.
//!
//! It works from the first report on, which a rule about the scatter of the cell alone cannot: with ten reports or fewer,
//! none can lie three standard deviations from their mean when it is counted among them.

use data::plausibility::PlausibilityRow;
use page::messages::EN;

use super::Expected;

/// What is said of a figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Opinion {
    /// As far as can be told it may be.
    Fine,
    /// Faster than any software on this hardware: by this factor of the roofline.
    Impossible(f64),
    /// Far off: this many times the others' median (where there are any), and the estimate (where there is one).
    Far {
        /// Against the other reports.
        of_others: Option<f64>,
        /// Against the estimate.
        of_estimate: Option<f64>,
    },
}

/// The middle of values; none of no values.
pub fn median(values: &[f64]) -> Option<f64> {
    data::timings::quantile(values, 0.5)
}

/// The opinion on a speed (tokens a second), given the estimate and the other reports of its cell.
pub fn opinion(
    speed_tps: f64,
    expected: Option<Expected>,
    others_tps: &[f64],
    rules: &PlausibilityRow,
) -> Opinion {
    if let Some(expected) = expected
        && speed_tps > expected.roofline * rules.roofline_slack
    {
        return Opinion::Impossible(speed_tps / expected.roofline);
    }
    let logs: Vec<f64> = others_tps.iter().map(|tps| tps.ln()).collect();
    let k = logs.len() as f64;
    let middle = median(&logs);
    let about = middle.unwrap_or(0.0);
    let scatter2 = variance(&logs, about, rules);
    let of_median = 1.57 * scatter2 / k;
    let (centre, uncertain) = match (expected, middle) {
        (Some(expected), None) => (expected.mid.ln(), expected.deviation.powi(2)),
        (Some(expected), Some(middle)) => {
            let prior2 = expected.deviation.powi(2);
            let weight = prior2 / (prior2 + of_median);
            let start = expected.mid.ln();
            (start + weight * (middle - start), prior2 * (1.0 - weight))
        }
        (None, Some(middle)) => (middle, of_median),
        (None, None) => return Opinion::Fine,
    };
    let away = (speed_tps.ln() - centre).abs();
    if away <= rules.limit * (scatter2 + uncertain).sqrt() {
        return Opinion::Fine;
    }
    if let (Some(expected), [only]) = (expected, &logs[..])
        && is_between(speed_tps.ln(), *only, expected, scatter2, rules)
    {
        return Opinion::Fine;
    }
    Opinion::Far {
        of_others: middle.map(|middle| speed_tps / middle.exp()),
        of_estimate: expected.map(|expected| speed_tps / expected.mid),
    }
}

/// Whether a speed lies between the estimate and the only other report, and that one is odd by the estimate.
fn is_between(speed: f64, only: f64, expected: Expected, scatter2: f64, rules: &PlausibilityRow) -> bool {
    let start = expected.mid.ln();
    let usual = rules.odd_deviations * (scatter2 + expected.deviation.powi(2)).sqrt();
    (only - start).abs() > usual && (only.min(start)..=only.max(start)).contains(&speed)
}

/// Variance of one cell's logarithms about their middle, shrunk to what is usual: two reports alone tell little of it.
fn variance(logs: &[f64], about: f64, rules: &PlausibilityRow) -> f64 {
    let squares: f64 = logs.iter().map(|log| (log - about).powi(2)).sum();
    let degrees = rules.scatter_reports + (logs.len() as f64 - 1.0).max(0.0);
    (rules.scatter_reports * rules.scatter.powi(2) + squares) / degrees
}

/// Reports that say the same as this one: within a tenth, or two standard deviations of the cell's scatter where that is
/// more.
pub fn agreeing(speed_tps: f64, reports_tps: &[f64], rules: &PlausibilityRow) -> usize {
    let logs: Vec<f64> = reports_tps.iter().map(|tps| tps.ln()).collect();
    let about = median(&logs).unwrap_or(0.0);
    let limit = rules.same.ln().max(2.0 * variance(&logs, about, rules).sqrt());
    logs.iter().filter(|log| (*log - speed_tps.ln()).abs() <= limit).count()
}

/// Whether two reports by one submitter of one cell are about the same thing.
pub fn same_again(speed_tps: f64, earlier_tps: f64, rules: &PlausibilityRow) -> bool {
    // Both scatter, and a driver may come in between.
    (speed_tps / earlier_tps).ln().abs() <= rules.own_slack * rules.limit * (2.0_f64).sqrt() * rules.scatter
}

/// "2.1 times" of a ratio above one, "0.4 times" below.
pub fn times(ratio: f64) -> String {
    let ratio = if ratio >= 10.0 { format!("{ratio:.0}") } else { format!("{ratio:.1}") };
    EN.gate.times(&ratio)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The limits that stand in the file; what is worked by hand below is worked with these.
    fn rules() -> &'static PlausibilityRow {
        let rules = PlausibilityRow::embedded();
        let used =
            [rules.scatter, rules.scatter_reports, rules.limit, rules.roofline_slack, rules.odd_deviations];
        assert_eq!(used, [0.05, 8.0, 3.5, 1.05, 2.0], "work the examples again");
        rules
    }

    fn expected(mid: f64) -> Option<Expected> {
        Some(Expected { mid, deviation: 0.2, roofline: 10.0 * mid })
    }

    /// Hand-worked: alone, the limit is 3.5·√(0.05² + 0.2²) = 0.7215, a factor of 2.058; beside four equal reports
    /// s² = 8·0.0025/11 = 0.001818, v² = 1.57·s²/4 = 0.000714, w = 0.98247, uncertain = 0.04·0.01753 = 0.000701, and
    /// the limit is 3.5·√0.002519 = 0.1757, a factor of 1.192.
    #[test]
    fn the_limits_are_those_worked_by_hand() {
        let fine =
            |speed: f64, others: &[f64]| opinion(speed, expected(100.0), others, rules()) == Opinion::Fine;
        assert!(fine(205.0, &[]) && !fine(207.0, &[]));
        assert!(fine(49.0, &[]) && !fine(48.0, &[]));
        let four = [100.0; 4];
        assert!(fine(119.0, &four) && !fine(119.5, &four));
        // The others win over the estimate: 60 is fine beside reports of 60.
        assert!(fine(60.0, &[60.0; 6]) && !fine(100.0, &[60.0; 6]));
    }

    /// Hand-worked: with a scatter of 0.05 and a deviation of 0.2, a report is odd beyond 2·0.2062, a factor of 1.510. One at
    /// 1.5 doubts an estimate that holds, one at 1.6 does not; what lies beyond either is as doubtful as before.
    #[test]
    fn the_only_other_report_may_be_the_odd_one() {
        let fine =
            |speed: f64, others: &[f64]| opinion(speed, expected(100.0), others, rules()) == Opinion::Fine;
        assert!(!fine(100.0, &[150.0]) && fine(100.0, &[160.0]) && fine(110.0, &[160.0]));
        assert!(!fine(100.0, &[1.0 / 0.015]) && fine(100.0, &[1.0 / 0.016]) && fine(80.0, &[50.0]));
        assert!(!fine(99.0, &[160.0]) && !fine(240.0, &[160.0]) && !fine(30.0, &[50.0]));
        // Two others are no longer one machine.
        assert!(!fine(100.0, &[160.0, 160.0]));
    }

    /// Uniform between 0 and 1, the same in each run (SplitMix64).
    struct Chance(u64);

    impl Chance {
        fn uniform(&mut self) -> f64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
        }

        fn normal(&mut self) -> f64 {
            let (one, two) = (1.0 - self.uniform(), self.uniform());
            (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * two).cos()
        }

        /// Of four degrees, with the standard deviation of the cells' scatter.
        fn scatter(&mut self) -> f64 {
            let squares: f64 = (0..4).map(|_| self.normal().powi(2)).sum();
            self.normal() / (squares / 4.0).sqrt() * 0.05 / 2.0_f64.sqrt()
        }
    }

    /// Of 4,000 cells whose estimate is wrong by a fifth: in percent, how many good reports are flagged beside `others` of
    /// which a share is odd (slow, by a half-normal of 0.6), and how many of `forged` times the true speed.
    fn flagged(others: usize, odd: f64, forged: f64) -> (f64, f64) {
        let mut chance = Chance(7);
        let (mut good, mut caught) = (0, 0);
        for _ in 0..4000 {
            let truth = 0.2 * chance.normal();
            let reports: Vec<f64> = (0..others)
                .map(|_| {
                    let slow = if chance.uniform() < odd { 0.6 * chance.normal().abs() } else { 0.0 };
                    100.0 * (truth + chance.scatter() - slow).exp()
                })
                .collect();
            let speed = 100.0 * (truth + chance.scatter()).exp();
            let is_far = |speed: f64| opinion(speed, expected(100.0), &reports, rules()) != Opinion::Fine;
            good += u32::from(is_far(speed));
            caught += u32::from(is_far(speed * forged));
        }
        (f64::from(good) / 40.0, f64::from(caught) / 40.0)
    }

    /// Without the rule for an only report 6.5 % of good ones are flagged beside one of which a tenth is odd.
    #[test]
    fn good_reports_pass_and_forged_ones_do_not() {
        for (others, forged, most_good, least_caught) in [
            (0, 2.0, 0.5, 40.0),
            (1, 2.0, 1.0, 99.5),
            (2, 2.0, 1.0, 99.5),
            (4, 2.0, 1.0, 99.5),
            (1, 1.4, 1.0, 80.0),
            (2, 1.4, 1.0, 93.0),
        ] {
            let (good, caught) = flagged(others, 0.0, forged);
            assert!(
                good <= most_good && caught >= least_caught,
                "{others} others: {good} % of good, {caught} % of {forged}"
            );
        }
        let (good, caught) = flagged(1, 0.1, 2.0);
        assert!(good <= 4.5 && caught >= 99.5, "beside odd ones: {good} % of good, {caught} % of forged");
        let (slow, slowed) = flagged(1, 0.0, 0.5);
        assert!(slow <= 1.0 && slowed >= 99.5, "{slow} % of good, {slowed} % of halves");
    }

    #[test]
    fn above_the_roofline_nothing_is_believed() {
        let tight = Some(Expected { mid: 90.0, deviation: 0.2, roofline: 100.0 });
        assert_eq!(opinion(104.0, tight, &[], rules()), Opinion::Fine);
        assert_eq!(opinion(110.0, tight, &[110.0; 9], rules()), Opinion::Impossible(1.1));
    }

    #[test]
    fn without_estimate_and_others_nothing_is_said() {
        assert_eq!(opinion(1e5, None, &[], rules()), Opinion::Fine);
        assert!(matches!(
            opinion(200.0, None, &[100.0, 101.0], rules()),
            Opinion::Far { of_estimate: None, .. }
        ));
    }

    /// Hand-worked: alone with its like, 2·0.05 = 0.1 is more than ln 1.1 = 0.0953. Two that differ by 1.35 have
    /// s² = (8·0.0025 + 2·0.15²)/9 = 0.00722 and a limit of 0.17, less than ln 1.35 = 0.30: they do not agree by their own
    /// scatter. Six that scatter by a fifth have one of 0.25.
    #[test]
    fn what_says_the_same_is_near_or_as_near_as_others_are() {
        assert_eq!(agreeing(100.0, &[100.0, 109.0, 91.0], rules()), 3);
        assert_eq!(agreeing(100.0, &[100.0, 135.0], rules()), 1);
        assert_eq!(agreeing(100.0, &[], rules()), 0);
        let scattered = [80.0, 82.0, 100.0, 101.0, 122.0, 125.0];
        assert_eq!(agreeing(100.0, &scattered, rules()), 6);
        assert_eq!(agreeing(100.0, &[99.0, 100.0, 101.0, 100.0, 125.0], rules()), 4);
    }

    #[test]
    fn one_submitter_does_not_double() {
        assert!(same_again(100.0, 110.0, rules()));
        assert!(!same_again(100.0, 160.0, rules()));
    }

    proptest! {
        /// More agreeing reports never make a doubted one believed, and units do not matter.
        #[test]
        fn agreement_only_narrows(speed in 10.0f64..1000.0, mid in 10.0f64..1000.0, count in 1usize..30, unit in 0.01f64..100.0) {
            let far = |opinion: Opinion| opinion != Opinion::Fine;
            let fewer = opinion(speed, expected(mid), &vec![mid; count], rules());
            let more = opinion(speed, expected(mid), &vec![mid; count + 1], rules());
            prop_assert!(!far(fewer) || far(more));
            let scaled = opinion(speed * unit, expected(mid * unit), &vec![mid * unit; count], rules());
            // At the very edge rounding may decide.
            let margin = opinion(speed * 1.0001, expected(mid), &vec![mid; count], rules());
            prop_assert!(far(scaled) == far(fewer) || far(margin) != far(fewer) || far(opinion(speed * 0.9999, expected(mid), &vec![mid; count], rules())) != far(fewer));
        }
    }
}
