//! The same minimum as SciPy's, on one problem. `scipy_optimum.py` beside this file made the recorded values.

use calibrate::problem::{Block, Prior, Problem, Row};
use calibrate::solve::solve;

/// Where SciPy 1.17 ended, and the cost there.
const OPTIMUM: [f64; 7] =
    [-0.230004182, -0.687476239, -0.206956449, -0.102_004_34, -0.015144964, 0.099634145, 0.197237587];
const COST: f64 = 651.553_471_310_61;

fn problem() -> Problem {
    let mut state: u64 = 11;
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 11) as f64 / (1_u64 << 53) as f64) * 2.0 - 1.0
    };
    let rows = (0..300_u32).map(|index| {
        let (x, z) = (1.0 + f64::from(index % 7), 0.5 + f64::from(index % 4));
        let device = index % 5;
        let outlier = if index % 17 == 3 { 1.2 } else { 0.0 };
        let log_speed = 0.1 * (f64::from(device) - 2.0) - (0.8 * x + 0.5 * z).ln() + 0.1 * noise() + outlier;
        let mut row = Row { weight: 1.0 + f64::from(index % 2), ..Row::of(log_speed) };
        row.work[0] = x;
        row.work[1] = z;
        row.levels[0] = device;
        row
    });
    Problem {
        rows: rows.collect(),
        priors: vec![Prior { mean: -0.5, sd: 1.0 }, Prior { mean: -1.0, sd: 0.7 }],
        blocks: vec![Block { start: 0, len: 5, variance: 0.03, term: None }],
        means: vec![0.0; 5],
        noise: 0.01,
        freedom: 4.0,
    }
}

#[test]
fn the_minimum_is_where_scipy_finds_it() {
    let problem = problem();
    let found = solve(&problem, problem.start(), 200).unwrap();
    assert!((found.cost / COST - 1.0).abs() < 1e-9, "{} against {COST}", found.cost);
    for (index, (ours, theirs)) in found.params.iter().zip(OPTIMUM).enumerate() {
        assert!((ours - theirs).abs() < 1e-4, "parameter {index}: {ours} against {theirs}");
    }
}
