//! How far a device may stand from its generation: variances are estimated together with the constants.
//!
//! Expectation-maximisation: with the constants at hand, a block's variance is the mean of its levels' squares plus
//! what the data leave uncertain about each; the noise is the weighted mean of squared residuals. A level with many
//! rows keeps its own value, a level with few goes most of the way to zero, which is its parent.

use argmin::core::Error;
use nalgebra::DVector;

use crate::problem::Problem;
use crate::solve::{Solution, solve};

/// Variances never go below this, in squared logs (a share of 0.3 %): below it nobody could tell.
const LEAST_VARIANCE: f64 = 1e-5;
/// Noise never goes below this, in squared logs.
const LEAST_NOISE: f64 = 1e-4;

/// How long to look.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Rounds of variance estimation.
    pub rounds: usize,
    /// Steps of the solver in each.
    pub steps: u64,
}

/// Fits constants and variances in turn, from `start`. The problem's variances are updated in place.
///
/// # Errors
///
/// As [`solve`].
pub fn fit(problem: &mut Problem, start: DVector<f64>, effort: Effort) -> Result<Solution, Error> {
    let mut solution = solve(problem, start, effort.steps)?;
    for _ in 0..effort.rounds {
        update_variances(problem, &solution);
        solution = solve(problem, solution.params, effort.steps)?;
    }
    Ok(solution)
}

fn update_variances(problem: &mut Problem, solution: &Solution) {
    let terms = problem.terms();
    for block in &mut problem.blocks {
        let mut sum = 0.0;
        for level in block.start..block.start + block.len {
            let off = solution.params[terms + level] - problem.means[level];
            sum += off * off + solution.variances[terms + level];
        }
        block.variance = (sum / block.len.max(1) as f64).max(LEAST_VARIANCE);
    }
    let (mut sum, mut count) = (0.0, 0.0);
    for row in problem.rows.iter().filter(|row| row.tells_noise) {
        let residual = row.log_speed - problem.predict(row, solution.params.as_slice());
        let square = residual * residual / (row.scale * row.scale);
        let robust = (problem.freedom + 1.0) / (problem.freedom + square / problem.noise);
        sum += row.weight * robust * square;
        count += row.weight;
    }
    if count > 0.0 {
        problem.noise = (sum / count).max(LEAST_NOISE);
    }
}
