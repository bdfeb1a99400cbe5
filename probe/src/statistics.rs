//! What repeated measurements say together: a median, how sure it is, and whether something drifted.

use data::timings::quantile;

use crate::prompt::Seed;

/// Several measurements of one thing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// The middle.
    pub median: f64,
    /// 95 % confidence interval of the median, by bootstrap.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// Measurements.
    pub count: usize,
}

impl Summary {
    /// Half the interval's width as a share of the median.
    pub fn half_width(&self) -> f64 {
        if self.median > 0.0 { (self.high - self.low) / 2.0 / self.median } else { f64::INFINITY }
    }
}

/// Resamples for the interval.
const RESAMPLES: usize = 2000;

/// Median and its interval; none of no values. The resampling is seeded by the count: the same values, the same answer.
pub fn summary(values: &[f64]) -> Option<Summary> {
    let median = quantile(values, 0.5)?;
    let mut seed = Seed::of(&["bootstrap", &values.len().to_string()]);
    let mut medians = Vec::with_capacity(RESAMPLES);
    let mut sample = vec![0.0; values.len()];
    for _ in 0..RESAMPLES {
        for place in &mut sample {
            *place = values[(seed.next_u64() % values.len() as u64) as usize];
        }
        medians.extend(quantile(&sample, 0.5));
    }
    let (low, high) = (quantile(&medians, 0.025)?, quantile(&medians, 0.975)?);
    Some(Summary { median, low, high, count: values.len() })
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
        assert!(few.low <= few.median && few.median <= few.high);
        let many: Vec<f64> = (0..60).map(|n| 10.0 + f64::from(n % 5) * 0.1).collect();
        assert!(summary(&many).unwrap().half_width() < few.half_width());
        assert_eq!(summary(&[]), None);
        let one = summary(&[7.0]).unwrap();
        assert_eq!((one.low, one.high, one.half_width()), (7.0, 7.0, 0.0));
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
