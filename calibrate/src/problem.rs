//! The fit as a mathematical problem: seconds are a sum of terms, speeds differ by a product of effects.
//!
//! One row's speed is `s = e^(Σ u) / (fixed + Σ e^(θₖ − Σ uₖ) · workₖ)`. The θ are logs of the terms' constants, with a
//! wide prior each; the u are effects of devices, generations, backends and so on, on the whole or on one term, drawn
//! from a normal distribution around zero whose variance is estimated (see [`crate::shrinkage`]). Residuals of log speed
//! follow Student's t.
//! The minimum of the cost below is the most probable set of constants.
//!
//! Everything is summed by the loops below, in the order of the rows, with `libm`: the same bits on every machine.

use nalgebra::{DMatrix, DVector};

/// Most terms that a problem may have.
pub const MAX_TERMS: usize = 11;
/// Most effects that a row may be under.
pub const MAX_EFFECTS: usize = 32;
/// Stands for "this row is under no level of that effect".
pub const NO_LEVEL: u32 = u32::MAX;

/// One measurement, ready to be compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// Natural log of the measured speed, tokens a second.
    pub log_speed: f64,
    /// How much it counts; 1 is one measurement.
    pub weight: f64,
    /// What each term's constant is multiplied with.
    pub work: [f64; MAX_TERMS],
    /// Seconds that are known and not fitted.
    pub fixed_s: f64,
    /// How much wider its noise is than the fit's: rows of a noisier kind have their own.
    pub scale: f64,
    /// Whether the noise is estimated from it.
    pub tells_noise: bool,
    /// Effect levels that it is under: indices into the problem's effect parameters, or [`NO_LEVEL`].
    pub levels: [u32; MAX_EFFECTS],
}

impl Row {
    /// One measurement as noisy as the fit, without work and under no effect yet.
    #[must_use]
    pub const fn of(log_speed: f64) -> Row {
        Row {
            log_speed,
            weight: 1.0,
            work: [0.0; MAX_TERMS],
            fixed_s: 0.0,
            scale: 1.0,
            tells_noise: true,
            levels: [NO_LEVEL; MAX_EFFECTS],
        }
    }
}

/// A term's constant before any data: log-normal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prior {
    /// Log of the value one would guess.
    pub mean: f64,
    /// How far off the guess may be, in natural logs.
    pub sd: f64,
}

/// Levels of one effect: a run of parameters that share a variance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Block {
    /// The first level's index among effect parameters.
    pub start: usize,
    /// How many levels.
    pub len: usize,
    /// Variance of the levels around zero, in squared logs.
    pub variance: f64,
    /// The term whose time it changes; the whole speed without one.
    pub term: Option<usize>,
}

/// Rows and what is assumed about them.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The measurements.
    pub rows: Vec<Row>,
    /// One for each term in use.
    pub priors: Vec<Prior>,
    /// One for each effect, covering the effect parameters without gaps.
    pub blocks: Vec<Block>,
    /// What each effect level is drawn around: its value among all devices, or zero.
    pub means: Vec<f64>,
    /// Variance of the noise, in squared logs.
    pub noise: f64,
    /// Degrees of freedom of the noise: small is heavy-tailed.
    pub freedom: f64,
}

impl Problem {
    /// How many terms.
    #[must_use]
    pub fn terms(&self) -> usize {
        self.priors.len()
    }

    /// How many parameters: terms, then effects.
    #[must_use]
    pub fn len(&self) -> usize {
        self.terms() + self.blocks.iter().map(|block| block.len).sum::<usize>()
    }

    /// Whether there is nothing to fit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The guess to start from: the priors' means, no effects.
    #[must_use]
    pub fn start(&self) -> DVector<f64> {
        let mut start = DVector::zeros(self.len());
        for (index, prior) in self.priors.iter().enumerate() {
            start[index] = prior.mean;
        }
        for (index, mean) in self.means.iter().enumerate() {
            start[self.terms() + index] = *mean;
        }
        start
    }

    /// Log speed that `params` predict for `row`.
    #[must_use]
    pub fn predict(&self, row: &Row, params: &[f64]) -> f64 {
        let (seconds, whole) = self.seconds(row, params);
        let mut sum = row.fixed_s;
        for time in &seconds[..self.terms()] {
            sum += time;
        }
        whole - libm::log(sum)
    }

    /// Seconds of each term, and the sum of effects on the whole.
    fn seconds(&self, row: &Row, params: &[f64]) -> ([f64; MAX_TERMS], f64) {
        let terms = self.terms();
        let mut logs = [0.0; MAX_TERMS];
        logs[..terms].copy_from_slice(&params[..terms]);
        let mut whole = 0.0;
        for (block, level) in self.blocks.iter().zip(&row.levels) {
            if *level != NO_LEVEL {
                let effect = params[terms + *level as usize];
                match block.term {
                    None => whole += effect,
                    Some(term) => logs[term] -= effect,
                }
            }
        }
        let mut seconds = [0.0; MAX_TERMS];
        for (index, work) in row.work[..terms].iter().enumerate() {
            if *work > 0.0 {
                seconds[index] = libm::exp(logs[index]) * work;
            }
        }
        (seconds, whole)
    }

    /// Minus twice the log posterior, up to a constant: what the fit makes small.
    #[must_use]
    pub fn cost(&self, params: &[f64]) -> f64 {
        let mut cost = 0.0;
        for row in &self.rows {
            let residual = (row.log_speed - self.predict(row, params)) / row.scale;
            cost += row.weight
                * (self.freedom + 1.0)
                * libm::log1p(residual * residual / (self.freedom * self.noise));
        }
        cost + self.penalty(params)
    }

    fn penalty(&self, params: &[f64]) -> f64 {
        let mut cost = 0.0;
        for (param, prior) in params.iter().zip(&self.priors) {
            let off = (param - prior.mean) / prior.sd;
            cost += off * off;
        }
        for block in &self.blocks {
            for index in block.start..block.start + block.len {
                let off = params[self.terms() + index] - self.means[index];
                cost += off * off / block.variance;
            }
        }
        cost
    }

    /// The block that is eliminated: the one with most levels. A row is under one of them at most, so that among
    /// themselves they make a diagonal, and the rest of the matrix stays small however many devices there are.
    #[must_use]
    pub fn tail(&self) -> std::ops::Range<usize> {
        let largest = self.blocks.iter().max_by_key(|block| block.len);
        let start = self.terms() + largest.map_or(0, |block| block.start);
        start..start + largest.map_or(0, |block| block.len)
    }

    /// Half the cost's gradient, and the Gauss-Newton matrix with the robust weights of `params`.
    ///
    /// Only the entries that a row touches are added to, so a row costs the same however many levels there are.
    #[must_use]
    pub fn normal(&self, params: &[f64]) -> Normal {
        let (terms, len) = (self.terms(), self.len());
        let tail = self.tail();
        let core_len = len - tail.len();
        let core_of = |index: usize| if index < tail.start { index } else { index - tail.len() };
        let mut core = DMatrix::zeros(core_len, core_len);
        let mut coupling = vec![0.0; tail.len() * core_len];
        let mut diagonal = vec![0.0; tail.len()];
        let mut gradient = DVector::zeros(len);
        let mut touched = [(0_usize, 0.0_f64); MAX_TERMS + MAX_EFFECTS];
        for row in &self.rows {
            if row.weight == 0.0 {
                continue;
            }
            let (count, prediction) = self.slopes(row, params, &mut touched);
            let residual = row.log_speed - prediction;
            let noise = self.noise * row.scale * row.scale;
            let robust = (self.freedom + 1.0) / (self.freedom * noise + residual * residual);
            let weight = row.weight * robust;
            let level = touched[..count].iter().find(|(index, _)| tail.contains(index)).copied();
            if let Some((index, slope)) = level {
                diagonal[index - tail.start] += weight * slope * slope;
            }
            for (place, (i, slope)) in touched[..count].iter().enumerate() {
                gradient[*i] -= weight * residual * slope;
                if tail.contains(i) {
                    continue;
                }
                let row_index = core_of(*i);
                if let Some((index, other)) = level {
                    coupling[(index - tail.start) * core_len + row_index] += weight * slope * other;
                }
                for (j, other) in &touched[..=place] {
                    if !tail.contains(j) {
                        let column = core_of(*j);
                        core[(row_index.max(column), row_index.min(column))] += weight * slope * other;
                    }
                }
            }
        }
        for (index, prior) in self.priors.iter().enumerate() {
            let precision = 1.0 / (prior.sd * prior.sd);
            core[(index, index)] += precision;
            gradient[index] += precision * (params[index] - prior.mean);
        }
        for block in &self.blocks {
            for level in block.start..block.start + block.len {
                let index = terms + level;
                gradient[index] += (params[index] - self.means[level]) / block.variance;
                if tail.contains(&index) {
                    diagonal[index - tail.start] += 1.0 / block.variance;
                } else {
                    core[(core_of(index), core_of(index))] += 1.0 / block.variance;
                }
            }
        }
        Normal { core, coupling, diagonal, gradient, tail }
    }

    /// The parameters that a row touches with the slopes of its log speed along them, and the prediction.
    fn slopes(
        &self,
        row: &Row,
        params: &[f64],
        touched: &mut [(usize, f64); MAX_TERMS + MAX_EFFECTS],
    ) -> (usize, f64) {
        let terms = self.terms();
        let (times, whole) = self.seconds(row, params);
        let mut seconds = row.fixed_s;
        for time in &times[..terms] {
            seconds += time;
        }
        let mut count = 0;
        for (index, time) in times[..terms].iter().enumerate() {
            if *time > 0.0 {
                touched[count] = (index, -time / seconds);
                count += 1;
            }
        }
        for (block, level) in self.blocks.iter().zip(&row.levels) {
            if *level != NO_LEVEL {
                let slope = block.term.map_or(1.0, |term| times[term] / seconds);
                touched[count] = (terms + *level as usize, slope);
                count += 1;
            }
        }
        (count, whole - libm::log(seconds))
    }
}

/// A quadratic model of half the cost around some parameters: a small dense core, and a diagonal coupled to it.
#[derive(Clone, Debug)]
pub struct Normal {
    /// The matrix without the eliminated block; the lower triangle is filled.
    pub core: DMatrix<f64>,
    /// Rows of the eliminated block against the core, one after the other.
    pub coupling: Vec<f64>,
    /// The eliminated block's own diagonal.
    pub diagonal: Vec<f64>,
    /// Half the gradient of the cost, by parameter.
    pub gradient: DVector<f64>,
    /// Which parameters are eliminated.
    pub tail: std::ops::Range<usize>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem() -> (Problem, Vec<f64>) {
        let mut rows = Vec::new();
        for index in 0..40_u32 {
            let x = 1.0 + f64::from(index % 7);
            let z = 0.5 + f64::from(index % 5);
            let mut row = Row {
                weight: 1.0 + f64::from(index % 2),
                fixed_s: 0.05,
                scale: 1.0 + f64::from(index % 2),
                ..Row::of(-libm::log(0.3 * x + 0.2 * z) + 0.1 * f64::from(index % 3))
            };
            row.work[0] = x;
            row.work[1] = z;
            row.levels[0] = index % 3;
            if index % 4 != 0 {
                row.levels[1] = 3 + index % 2;
            }
            row.levels[2] = 5 + u32::from(index > 20);
            rows.push(row);
        }
        let problem = Problem {
            rows,
            priors: vec![Prior { mean: -1.0, sd: 1.0 }, Prior { mean: -1.5, sd: 0.7 }],
            blocks: vec![
                Block { start: 0, len: 3, variance: 0.04, term: None },
                Block { start: 3, len: 2, variance: 0.01, term: None },
                Block { start: 5, len: 2, variance: 0.02, term: Some(1) },
            ],
            means: vec![0.0, 0.02, 0.0, -0.01, 0.0, 0.0, 0.01],
            noise: 0.01,
            freedom: 4.0,
        };
        let params = vec![-1.1, -1.4, 0.05, -0.02, 0.1, 0.03, -0.01, 0.2, -0.1];
        (problem, params)
    }

    /// The Jacobian of the predictions in one row, by parameter.
    fn jacobian_row(problem: &Problem, row: &Row, params: &[f64]) -> Vec<f64> {
        let mut touched = [(0, 0.0); MAX_TERMS + MAX_EFFECTS];
        let (count, _) = problem.slopes(row, params, &mut touched);
        let mut jacobian = vec![0.0; problem.len()];
        for (index, slope) in &touched[..count] {
            jacobian[*index] += slope;
        }
        jacobian
    }

    #[test]
    fn the_jacobian_is_the_slope_of_the_prediction() {
        let (problem, params) = problem();
        for row in &problem.rows {
            let exact = jacobian_row(&problem, row, &params);
            for (index, slope) in exact.iter().enumerate() {
                let step = 1e-6;
                let at = |by: f64| {
                    let mut moved = params.clone();
                    moved[index] += by;
                    problem.predict(row, &moved)
                };
                let difference = (at(step) - at(-step)) / (2.0 * step);
                assert!((slope - difference).abs() < 1e-7, "{index}: {slope} against {difference}");
            }
        }
    }

    #[test]
    fn the_gradient_is_half_the_slope_of_the_cost() {
        let (problem, params) = problem();
        let normal = problem.normal(&params);
        for index in 0..params.len() {
            let step = 1e-6;
            let at = |by: f64| {
                let mut moved = params.clone();
                moved[index] += by;
                problem.cost(&moved)
            };
            let difference = (at(step) - at(-step)) / (2.0 * step);
            let half = normal.gradient[index];
            assert!((2.0 * half - difference).abs() < 1e-4 * (1.0 + difference.abs()), "{index}");
        }
    }
}
