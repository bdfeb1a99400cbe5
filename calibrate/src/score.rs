//! How well rows are predicted.

use std::collections::{BTreeMap, BTreeSet};

use data::constants::Score;
use serde::Serialize;

/// A prediction beside what was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Predicted {
    /// The observation's index in what was read.
    pub index: usize,
    /// What it is scored with.
    pub class: String,
    /// The device.
    pub device: String,
    /// Natural log of the measured speed.
    pub measured: f64,
    /// Natural log of the middle.
    pub middle: f64,
    /// Natural log of the low end.
    pub low: f64,
    /// Natural log of the high end.
    pub high: f64,
}

impl Predicted {
    /// Absolute error as a share of the measured speed.
    #[must_use]
    pub fn error(&self) -> f64 {
        (libm::exp(self.middle - self.measured) - 1.0).abs()
    }
}

/// Scores, with what only a report shows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Detail {
    /// The scores.
    #[serde(flatten)]
    pub score: Score,
    /// R² of speed itself, which the fastest rows decide.
    pub r2_speed: f64,
    /// Median of log measured over predicted: above zero where predictions are too low.
    pub bias: f64,
}

/// The scores of these predictions in detail.
#[must_use]
pub fn detail(name: &str, rows: &[&Predicted]) -> Detail {
    let mean = rows.iter().map(|row| libm::exp(row.measured)).sum::<f64>() / rows.len().max(1) as f64;
    let (mut left, mut all) = (0.0, 0.0);
    for row in rows {
        let (measured, middle) = (libm::exp(row.measured), libm::exp(row.middle));
        left += (measured - middle) * (measured - middle);
        all += (measured - mean) * (measured - mean);
    }
    let mut offs: Vec<f64> = rows.iter().map(|row| row.measured - row.middle).collect();
    Detail { score: score(name, rows), r2_speed: 1.0 - left / all, bias: quantile(&mut offs, 0.5) }
}

/// Interval score of 90 % intervals in natural logs, the mean over rows: width, plus twenty times what lies outside.
#[must_use]
pub fn interval_score<'p>(
    rows: impl Iterator<Item = &'p Predicted>,
    ends: impl Fn(&Predicted) -> (f64, f64),
) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for row in rows {
        let (low, high) = ends(row);
        sum += high - low + 20.0 * ((low - row.measured).max(0.0) + (row.measured - high).max(0.0));
        count += 1.0;
    }
    sum / f64::max(count, 1.0)
}

/// The quantile `share` of `values`, between the two nearest.
#[must_use]
pub fn quantile(values: &mut [f64], share: f64) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    values.sort_by(f64::total_cmp);
    let at = share * (values.len() - 1) as f64;
    let below = libm::floor(at) as usize;
    let above = (below + 1).min(values.len() - 1);
    values[below] + (at - below as f64) * (values[above] - values[below])
}

/// A quantile of values with weights, between neighbours in proportion; the same as [`quantile`] where all weigh alike.
#[must_use]
pub fn weighted_quantile(values: &mut [(f64, f64)], share: f64) -> f64 {
    values.sort_by(|a, b| a.0.total_cmp(&b.0));
    let Some(first) = values.first() else { return f64::NAN };
    let between = |pair: &[(f64, f64)]| (pair[0].1 + pair[1].1) / 2.0;
    let mut left = share * values.windows(2).map(between).sum::<f64>();
    let mut at = first.0;
    for pair in values.windows(2) {
        let step = between(pair);
        if left <= step {
            return at + (pair[1].0 - at) * if step > 0.0 { left / step } else { 0.0 };
        }
        left -= step;
        at = pair[1].0;
    }
    at
}

/// Mean over devices of a quantile of each one's errors.
#[must_use]
pub fn macro_quantile(rows: &[&Predicted], share: f64) -> f64 {
    let mut by_device: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for row in rows {
        by_device.entry(&row.device).or_default().push(row.error());
    }
    let devices = by_device.len().max(1) as f64;
    by_device.values_mut().map(|errors| quantile(errors, share)).sum::<f64>() / devices
}

/// The 95 % interval of a share of which `count` in `of` were seen (Wilson's).
#[must_use]
pub fn binomial(count: usize, of: usize) -> (f64, f64) {
    const Z: f64 = 1.959_964;
    let (count, of) = (count as f64, of.max(1) as f64);
    let share = count / of;
    let middle = share + Z * Z / (2.0 * of);
    let half = Z * libm::sqrt(share * (1.0 - share) / of + Z * Z / (4.0 * of * of));
    let whole = 1.0 + Z * Z / of;
    (((middle - half) / whole).max(0.0), ((middle + half) / whole).min(1.0))
}

/// The scores of these predictions.
#[must_use]
pub fn score(name: &str, rows: &[&Predicted]) -> Score {
    let mut errors: Vec<f64> = rows.iter().map(|row| row.error()).collect();
    let mean = rows.iter().map(|row| row.measured).sum::<f64>() / rows.len().max(1) as f64;
    let (mut left, mut all) = (0.0, 0.0);
    let mut by_device: BTreeSet<&str> = BTreeSet::new();
    let mut inside = 0;
    for row in rows {
        left += (row.measured - row.middle) * (row.measured - row.middle);
        all += (row.measured - mean) * (row.measured - mean);
        by_device.insert(&row.device);
        inside += usize::from(row.low <= row.measured && row.measured <= row.high);
    }
    let mut widths: Vec<f64> = rows.iter().map(|row| libm::exp(row.high - row.low)).collect();
    let devices = by_device.len();
    Score {
        name: name.to_owned(),
        rows: rows.len() as u32,
        devices: devices as u32,
        median: quantile(&mut errors, 0.5),
        p90: quantile(&mut errors, 0.9),
        r2: 1.0 - left / all,
        macro_median: macro_quantile(rows, 0.5),
        coverage: inside as f64 / rows.len().max(1) as f64,
        width: quantile(&mut widths, 0.5),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_few_is_told_with_a_wide_interval() {
        let (low, high) = binomial(8, 10);
        assert!((low - 0.490).abs() < 1e-3 && (high - 0.943).abs() < 1e-3, "{low} {high}");
        let (low, high) = binomial(800, 1000);
        assert!(low > 0.77 && high < 0.83, "{low} {high}");
        assert_eq!(binomial(0, 5).0, 0.0);
    }
}
