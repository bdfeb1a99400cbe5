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
//! It works from the first report on, which a rule about the scatter of the cell alone cannot: with ten reports or fewer,
//! none can lie three standard deviations from their mean when it is counted among them.

use data::row::PlausibilityRow;

use super::Expected;

/// How near another machine's speed must be at least to say the same.
const SAME: f64 = 1.1;

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
    Opinion::Far {
        of_others: middle.map(|middle| speed_tps / middle.exp()),
        of_estimate: expected.map(|expected| speed_tps / expected.mid),
    }
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
    let limit = SAME.ln().max(2.0 * variance(&logs, about, rules).sqrt());
    logs.iter().filter(|log| (*log - speed_tps.ln()).abs() <= limit).count()
}

/// Whether two reports by one submitter of one cell are about the same thing.
pub fn same_again(speed_tps: f64, earlier_tps: f64, rules: &PlausibilityRow) -> bool {
    // Both scatter, and a driver in between may make half as much again of the limit.
    (speed_tps / earlier_tps).ln().abs() <= 1.5 * rules.limit * (2.0_f64).sqrt() * rules.scatter
}

/// "2.1 times" of a ratio above one, "0.4 times" below.
pub fn times(ratio: f64) -> String {
    if ratio >= 10.0 { format!("{ratio:.0} times") } else { format!("{ratio:.1} times") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULES: PlausibilityRow =
        PlausibilityRow { scatter: 0.05, scatter_reports: 8.0, limit: 3.5, roofline_slack: 1.05 };

    fn expected(mid: f64) -> Option<Expected> {
        Some(Expected { mid, deviation: 0.2, roofline: 10.0 * mid })
    }

    /// Hand-worked: alone, the limit is 3.5·√(0.05² + 0.2²) = 0.7215, a factor of 2.058; beside four equal reports
    /// s² = 8·0.0025/11 = 0.001818, v² = 1.57·s²/4 = 0.000714, w = 0.98247, uncertain = 0.04·0.01753 = 0.000701, and
    /// the limit is 3.5·√0.002519 = 0.1757, a factor of 1.192.
    #[test]
    fn the_limits_are_those_worked_by_hand() {
        let fine =
            |speed: f64, others: &[f64]| opinion(speed, expected(100.0), others, &RULES) == Opinion::Fine;
        assert!(fine(205.0, &[]) && !fine(207.0, &[]));
        assert!(fine(49.0, &[]) && !fine(48.0, &[]));
        let four = [100.0; 4];
        assert!(fine(119.0, &four) && !fine(119.5, &four));
        // The others win over the estimate: 60 is fine beside reports of 60.
        assert!(fine(60.0, &[60.0; 6]) && !fine(100.0, &[60.0; 6]));
    }

    #[test]
    fn above_the_roofline_nothing_is_believed() {
        let tight = Some(Expected { mid: 90.0, deviation: 0.2, roofline: 100.0 });
        assert_eq!(opinion(104.0, tight, &[], &RULES), Opinion::Fine);
        assert_eq!(opinion(110.0, tight, &[110.0; 9], &RULES), Opinion::Impossible(1.1));
    }

    #[test]
    fn without_estimate_and_others_nothing_is_said() {
        assert_eq!(opinion(1e5, None, &[], &RULES), Opinion::Fine);
        assert!(matches!(
            opinion(200.0, None, &[100.0, 101.0], &RULES),
            Opinion::Far { of_estimate: None, .. }
        ));
    }

    /// Hand-worked: alone with its like, 2·0.05 = 0.1 is more than ln 1.1 = 0.0953. Two that differ by 1.35 have
    /// s² = (8·0.0025 + 2·0.15²)/9 = 0.00722 and a limit of 0.17, less than ln 1.35 = 0.30: they do not agree by their own
    /// scatter. Six that scatter by a fifth have one of 0.25.
    #[test]
    fn what_says_the_same_is_near_or_as_near_as_others_are() {
        assert_eq!(agreeing(100.0, &[100.0, 109.0, 91.0], &RULES), 3);
        assert_eq!(agreeing(100.0, &[100.0, 135.0], &RULES), 1);
        assert_eq!(agreeing(100.0, &[], &RULES), 0);
        let scattered = [80.0, 82.0, 100.0, 101.0, 122.0, 125.0];
        assert_eq!(agreeing(100.0, &scattered, &RULES), 6);
        assert_eq!(agreeing(100.0, &[99.0, 100.0, 101.0, 100.0, 125.0], &RULES), 4);
    }

    #[test]
    fn one_submitter_does_not_double() {
        assert!(same_again(100.0, 110.0, &RULES));
        assert!(!same_again(100.0, 160.0, &RULES));
    }

    proptest! {
        /// More agreeing reports never make a doubted one believed, and units do not matter.
        #[test]
        fn agreement_only_narrows(speed in 10.0f64..1000.0, mid in 10.0f64..1000.0, count in 1usize..30, unit in 0.01f64..100.0) {
            let far = |opinion: Opinion| opinion != Opinion::Fine;
            let fewer = opinion(speed, expected(mid), &vec![mid; count], &RULES);
            let more = opinion(speed, expected(mid), &vec![mid; count + 1], &RULES);
            prop_assert!(!far(fewer) || far(more));
            let scaled = opinion(speed * unit, expected(mid * unit), &vec![mid * unit; count], &RULES);
            // At the very edge rounding may decide.
            let margin = opinion(speed * 1.0001, expected(mid), &vec![mid; count], &RULES);
            prop_assert!(far(scaled) == far(fewer) || far(margin) != far(fewer) || far(opinion(speed * 0.9999, expected(mid), &vec![mid; count], &RULES)) != far(fewer));
        }
    }
}
