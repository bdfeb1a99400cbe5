//! What repeated measurements say together: a median, how sure it is, and whether something drifted.

use data::timings::quantile;

/// Several measurements of one thing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// The middle.
    pub median: f64,
    /// 95 % confidence interval of the median; of one value, itself.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// Half of what lies between the lowest and the highest, as a share of the median.
    pub scatter: f64,
    /// Measurements.
    pub count: usize,
}

impl Summary {
    /// Half the interval's width as a share of the median.
    pub fn half_width(&self) -> f64 {
        if self.median > 0.0 { (self.high - self.low) / 2.0 / self.median } else { f64::INFINITY }
    }
}

/// From as many values on, the interval between two of them holds the median 95 times in 100, however they scatter: six
/// values lie on one side of it once in 32 times.
const ENOUGH: usize = 6;

/// Median and its interval; none of no values.
///
/// Of six values or more it is the narrowest pair of values, equally far from both ends, that holds the median in 95 of
/// 100 cases: a fact about any scatter (Conover, Practical Nonparametric Statistics, 3.2). Of fewer no pair does; there
/// it is Student's interval of their logarithms, which takes the scatter to be about normal.
pub fn summary(values: &[f64]) -> Option<Summary> {
    let median = quantile(values, 0.5)?;
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let count = sorted.len();
    let (least, most) = (sorted[0], sorted[count - 1]);
    let (low, high) = if count >= ENOUGH {
        let skipped = skipped(count);
        (sorted[skipped], sorted[count - 1 - skipped])
    } else {
        by_student(&sorted).unwrap_or((least, most))
    };
    let scatter = if median > 0.0 { (most - least) / 2.0 / median } else { f64::INFINITY };
    Some(Summary { median, low: low.min(median), high: high.max(median), scatter, count })
}

/// How many of so many values may be left out at each end: the chance that the median lies beyond is at most 2.5 % there.
fn skipped(count: usize) -> usize {
    // Of `count` throws of a coin, the chance of exactly `heads`, and of at most that many.
    let mut exactly = 0.5f64.powi(count as i32);
    let mut at_most = exactly;
    let mut heads = 0;
    while heads < count {
        exactly *= (count - heads) as f64 / (heads + 1) as f64;
        if at_most + exactly > 0.025 {
            break;
        }
        at_most += exactly;
        heads += 1;
    }
    heads
}

/// Student's 95 % interval of two to five values by their logarithms; none where they have none.
fn by_student(values: &[f64]) -> Option<(f64, f64)> {
    /// 97.5 % quantiles of the t distribution, for 1 to 4 degrees of freedom.
    const T: [f64; 4] = [12.706, 4.303, 3.182, 2.776];
    let n = values.len() as f64;
    let t = T.get(values.len().checked_sub(2)?)?;
    let logs: Vec<f64> = values.iter().filter(|value| **value > 0.0).map(|value| value.ln()).collect();
    if logs.len() < values.len() {
        return None;
    }
    let mean = logs.iter().sum::<f64>() / n;
    let variance = logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let half = t * (variance / n).sqrt();
    Some(((mean - half).exp(), (mean + half).exp()))
}

/// Whether values rise or fall steadily: the share by which the line through them changes from the first to the last,
/// where that is more than chance (a sign test on pairs, Mann and Kendall's) would do. None without enough values.
pub fn drift(values: &[f64]) -> Option<f64> {
    let n = values.len();
    if n < 5 {
        return None;
    }
    let mut score = 0i64;
    for (index, later) in values.iter().enumerate() {
        for earlier in &values[..index] {
            score += later.total_cmp(earlier) as i64;
        }
    }
    let n = n as f64;
    let deviation = (n * (n - 1.0) * (2.0 * n + 5.0) / 18.0).sqrt();
    if (score as f64).abs() <= 1.96 * deviation {
        return None;
    }
    // Theil and Sen's slope: the median of all slopes between pairs.
    let mut slopes = Vec::new();
    for (j, later) in values.iter().enumerate() {
        for (i, earlier) in values[..j].iter().enumerate() {
            slopes.push((later - earlier) / (j - i) as f64);
        }
    }
    Some(quantile(&slopes, 0.5)? * (n - 1.0) / quantile(values, 0.5)?)
}

/// Which values lie far from the others: modified z-score above 3.5 with a floor of 3 % of the median, so that a very
/// steady series does not call its own noise an outlier. None below eight values, where the measure is weak.
pub fn outliers(values: &[f64]) -> Vec<usize> {
    let Some(median) = quantile(values, 0.5).filter(|_| values.len() >= 8) else { return Vec::new() };
    let distances: Vec<f64> = values.iter().map(|value| (value - median).abs()).collect();
    let spread = quantile(&distances, 0.5).unwrap_or(0.0).max(0.03 * median.abs() * 0.6745);
    distances
        .iter()
        .enumerate()
        .filter(|(_, d)| 0.6745 * **d / spread > 3.5)
        .map(|(index, _)| index)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_holds_the_median_and_narrows() {
        let few = summary(&[10.0, 10.4, 9.8, 10.1, 9.9]).unwrap();
        assert!(
            few.low < 9.8 && few.high > 10.3 && few.low <= few.median && few.median <= few.high,
            "{few:?}"
        );
        let many: Vec<f64> = (0..60).map(|n| 10.0 + f64::from(n % 5) * 0.1).collect();
        assert!(summary(&many).unwrap().half_width() < few.half_width());
        assert_eq!(summary(&[]), None);
        let one = summary(&[7.0]).unwrap();
        assert_eq!((one.low, one.high, one.half_width()), (7.0, 7.0, 0.0));
    }

    #[test]
    fn two_values_say_little_and_six_what_they_can() {
        // Two that differ by one per cent: their scatter is half of it, the interval many times that.
        let two = summary(&[100.0, 101.0]).unwrap();
        assert!((two.scatter - 0.005).abs() < 1e-4 && (0.06..0.07).contains(&two.half_width()), "{two:?}");
        // Published tables: of 6 to 8 values the outermost, of 9 to 11 the second ones, of 15 the fourth.
        assert_eq!([6, 8, 9, 11, 12, 15, 20].map(skipped), [0, 0, 1, 1, 2, 3, 5]);
        let six = summary(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        assert_eq!((six.low, six.high), (1.0, 6.0));
    }

    #[test]
    fn the_interval_holds_the_truth_as_often_as_it_says() {
        // Normal scatter of 2 % around 50: sums of twelve uniform numbers, from a fixed seed.
        let mut seed = crate::prompt::Seed::of(&["coverage"]);
        let mut uniform = || seed.next_u64() as f64 / u64::MAX as f64;
        for count in [2, 3, 5, 6, 10] {
            let mut held = 0;
            for _ in 0..2000 {
                let values: Vec<f64> =
                    (0..count).map(|_| 50.0 + (0..12).map(|_| uniform()).sum::<f64>() - 6.0).collect();
                let found = summary(&values).unwrap();
                held += u32::from((found.low..=found.high).contains(&50.0));
            }
            assert!(held > 1875, "{count} values: {held} of 2000, where 1900 are wanted");
        }
    }

    #[test]
    fn a_throttling_machine_drifts_and_a_noisy_one_does_not() {
        let falling = [50.0, 49.0, 48.2, 47.1, 46.0, 45.2];
        let drifted = drift(&falling).unwrap();
        assert!((-0.15..-0.05).contains(&drifted), "{drifted}");
        assert_eq!(drift(&[50.0, 49.0, 51.0, 48.9, 50.3, 49.8]), None);
        assert_eq!(drift(&[3.0, 2.0, 1.0]), None);
    }

    #[test]
    fn one_slow_run_is_an_outlier_and_small_noise_is_none() {
        assert_eq!(outliers(&[10.0, 10.1, 9.9, 10.0, 10.05, 9.95, 6.0, 10.0]), [6]);
        assert!(outliers(&[10.0, 10.01, 9.99, 10.0, 10.0, 10.0, 10.02, 9.9]).is_empty());
        assert!(outliers(&[10.0, 1.0]).is_empty());
    }
}
