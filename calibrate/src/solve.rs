//! Finding the minimum: Levenberg's damped Gauss-Newton steps, run by argmin's executor.

use argmin::core::{
    CostFunction, Error, Executor, IterState, KV, Problem as Counted, Solver, State, TerminationReason,
    TerminationStatus,
};
use nalgebra::{Cholesky, DVector, Dyn};

use crate::problem::{Normal, Problem};

/// A minimum, and how well the data pin it down.
#[derive(Clone, Debug)]
pub struct Solution {
    /// Terms, then effects.
    pub params: DVector<f64>,
    /// The cost there.
    pub cost: f64,
    /// Variance of each parameter given the data, from the curvature at the minimum.
    pub variances: DVector<f64>,
}

/// A [`Problem`] as argmin sees it.
struct Posterior<'a>(&'a Problem);

impl CostFunction for Posterior<'_> {
    type Param = DVector<f64>;
    type Output = f64;

    fn cost(&self, params: &Self::Param) -> Result<f64, Error> {
        Ok(self.0.cost(params.as_slice()))
    }
}

/// Gauss-Newton steps, damped along the diagonal until they go downhill.
struct Levenberg {
    damping: f64,
    tolerance: f64,
    /// Share by which the last accepted step lowered the cost.
    gained: f64,
    normal: Option<Normal>,
}

type Steps = IterState<DVector<f64>, (), (), (), (), f64>;

impl Levenberg {
    fn new() -> Self {
        Levenberg { damping: 1e-3, tolerance: 1e-9, gained: f64::INFINITY, normal: None }
    }
}

impl<'a> Solver<Posterior<'a>, Steps> for Levenberg {
    fn name(&self) -> &str {
        "damped Gauss-Newton"
    }

    fn init(
        &mut self,
        problem: &mut Counted<Posterior<'a>>,
        mut state: Steps,
    ) -> Result<(Steps, Option<KV>), Error> {
        let params = state.take_param().ok_or_else(|| Error::msg("a start is needed"))?;
        let cost = problem.cost(&params)?;
        Ok((state.param(params).cost(cost), None))
    }

    fn next_iter(
        &mut self,
        problem: &mut Counted<Posterior<'a>>,
        mut state: Steps,
    ) -> Result<(Steps, Option<KV>), Error> {
        let params = state.take_param().ok_or_else(|| Error::msg("the last step left no point"))?;
        let before = state.get_cost();
        let normal = match self.normal.take() {
            Some(same_point) => same_point,
            None => {
                problem.problem.as_ref().ok_or_else(|| Error::msg("no problem"))?.0.normal(params.as_slice())
            }
        };
        let step = Reduced::of(&normal, self.damping).map(|reduced| reduced.solve(&normal));
        let trial = step.map(|step| &params - step);
        let after = trial.as_ref().map_or(Ok(f64::INFINITY), |trial| problem.cost(trial))?;
        if let Some(trial) = trial.filter(|_| after.is_finite() && after <= before) {
            self.gained = (before - after) / before.abs().max(1.0);
            self.damping = (self.damping * 0.1).max(1e-12);
            Ok((state.param(trial).cost(after), None))
        } else {
            self.damping *= 10.0;
            self.normal = Some(normal);
            Ok((state.param(params).cost(before), None))
        }
    }

    fn terminate(&mut self, _state: &Steps) -> TerminationStatus {
        if self.gained < self.tolerance || self.damping > 1e12 {
            return TerminationStatus::Terminated(TerminationReason::SolverConverged);
        }
        TerminationStatus::NotTerminated
    }
}

/// The minimum of `problem`, reached from `start` in at most `steps` steps.
///
/// # Errors
///
/// When the start has another length than the problem, or a number in it is not finite.
pub fn solve(problem: &Problem, start: DVector<f64>, steps: u64) -> Result<Solution, Error> {
    if start.len() != problem.len() || !start.iter().all(|value| value.is_finite()) {
        return Err(Error::msg("the start does not fit the problem"));
    }
    let result = Executor::new(Posterior(problem), Levenberg::new())
        .configure(|state| state.param(start).max_iters(steps))
        .timer(false)
        .run()?;
    let state = result.state();
    let params = state.get_param().ok_or_else(|| Error::msg("the fit ended without a point"))?.clone();
    let variances = variances(&problem.normal(params.as_slice()))?;
    Ok(Solution { cost: state.get_cost(), params, variances })
}

/// The core after the eliminated block was folded into it, factored.
struct Reduced {
    factor: Cholesky<f64, Dyn>,
    diagonal: Vec<f64>,
}

impl Reduced {
    /// With every diagonal element raised by `damping`; `None` where the matrix is not positive.
    fn of(normal: &Normal, damping: f64) -> Option<Self> {
        let len = normal.core.nrows();
        let mut core = normal.core.clone();
        for index in 0..len {
            core[(index, index)] *= 1.0 + damping;
        }
        let diagonal: Vec<f64> = normal.diagonal.iter().map(|value| value * (1.0 + damping)).collect();
        let mut filled = Vec::with_capacity(len);
        for (row, own) in normal.coupling.chunks_exact(len.max(1)).zip(&diagonal) {
            filled.clear();
            filled.extend((0..len).filter(|index| row[*index] != 0.0));
            for (place, i) in filled.iter().enumerate() {
                for j in &filled[..=place] {
                    core[(*i, *j)] -= row[*i] * row[*j] / own;
                }
            }
        }
        Some(Reduced { factor: Cholesky::new(core)?, diagonal })
    }

    /// The step that the gradient asks for.
    fn solve(&self, normal: &Normal) -> DVector<f64> {
        let len = normal.core.nrows();
        let tail = &normal.tail;
        let mut right = DVector::zeros(len);
        for index in 0..len {
            right[index] = normal.gradient[whole_index(index, tail)];
        }
        for (place, row) in normal.coupling.chunks_exact(len.max(1)).enumerate() {
            let share = normal.gradient[tail.start + place] / self.diagonal[place];
            for (index, value) in row.iter().enumerate() {
                right[index] -= value * share;
            }
        }
        let core = self.factor.solve(&right);
        let mut step = DVector::zeros(len + tail.len());
        for index in 0..len {
            step[whole_index(index, tail)] = core[index];
        }
        for (place, row) in normal.coupling.chunks_exact(len.max(1)).enumerate() {
            let mut rest = normal.gradient[tail.start + place];
            for (index, value) in row.iter().enumerate() {
                rest -= value * core[index];
            }
            step[tail.start + place] = rest / self.diagonal[place];
        }
        step
    }
}

/// Where a core parameter stands among all.
fn whole_index(core: usize, tail: &std::ops::Range<usize>) -> usize {
    if core < tail.start { core } else { core + tail.len() }
}

/// The diagonal of the inverse.
fn variances(normal: &Normal) -> Result<DVector<f64>, Error> {
    let reduced =
        Reduced::of(normal, 0.0).ok_or_else(|| Error::msg("the curvature at the minimum is not positive"))?;
    let lower = reduced.factor.l_dirty();
    let len = lower.nrows();
    let tail = &normal.tail;
    let mut diagonal = DVector::zeros(len + tail.len());
    let mut column = vec![0.0; len];
    // Squared norm of L⁻¹ times a vector that is zero before `start`.
    let mut norm = |start: usize, vector: &dyn Fn(usize) -> f64| {
        let mut sum = 0.0;
        for row in start..len {
            let mut value = vector(row);
            for inner in start..row {
                value -= lower[(row, inner)] * column[inner];
            }
            column[row] = value / lower[(row, row)];
            sum += column[row] * column[row];
        }
        sum
    };
    for start in 0..len {
        diagonal[whole_index(start, tail)] = norm(start, &|row| if row == start { 1.0 } else { 0.0 });
    }
    for (place, row) in normal.coupling.chunks_exact(len.max(1)).enumerate() {
        let own = reduced.diagonal[place];
        let first = row.iter().position(|value| *value != 0.0).unwrap_or(len);
        diagonal[tail.start + place] = 1.0 / own + norm(first, &|index| row[index]) / (own * own);
    }
    Ok(diagonal)
}
