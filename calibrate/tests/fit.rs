//! The fit finds what was planted, agrees with closed forms, and shrinks as far as it should.

use calibrate::problem::{Block, Prior, Problem, Row};
use calibrate::shrinkage::{Effort, fit};
use calibrate::solve::solve;

const WIDE: Prior = Prior { mean: 0.0, sd: 10.0 };

/// Numbers between −1 and 1 that look random and never change.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 11) as f64 / (1_u64 << 53) as f64) * 2.0 - 1.0
    }
}

fn row(log_speed: f64, work: &[f64], level: Option<u32>) -> Row {
    let mut row = Row::of(log_speed);
    row.work[..work.len()].copy_from_slice(work);
    if let Some(level) = level {
        row.levels[0] = level;
    }
    row
}

fn problem(rows: Vec<Row>, terms: usize, devices: usize) -> Problem {
    Problem {
        rows,
        priors: vec![WIDE; terms],
        blocks: vec![Block { start: 0, len: devices, variance: 0.02, term: None }],
        means: vec![0.0; devices],
        noise: 0.01,
        freedom: 4.0,
    }
}

/// Rows of `devices` devices, each with an effect, two terms, small noise and one gross outlier in twenty.
fn planted(devices: u32, each: u32) -> (Vec<Row>, Vec<f64>) {
    let mut noise = Noise(7);
    let mut rows = Vec::new();
    let effects: Vec<f64> = (0..devices).map(|_| 0.3 * noise.next()).collect();
    let mean = effects.iter().sum::<f64>() / f64::from(devices);
    let effects: Vec<f64> = effects.iter().map(|effect| effect - mean).collect();
    for device in 0..devices {
        for index in 0..each {
            let work = [1.0 + f64::from(index % 5), 0.2 + f64::from(index % 3)];
            let seconds = 1.3 * work[0] + 0.4 * work[1];
            let outlier = if index % 20 == 7 { 1.5 } else { 0.0 };
            let speed = effects[device as usize] - seconds.ln() + 0.02 * noise.next() + outlier;
            rows.push(row(speed, &work, Some(device)));
        }
    }
    (rows, effects)
}

#[test]
fn planted_constants_are_found_among_noise_and_outliers() {
    let (rows, effects) = planted(12, 40);
    let mut problem = problem(rows, 2, 12);
    let start = problem.start();
    let found = fit(&mut problem, start, Effort { rounds: 15, steps: 30 }).unwrap();
    assert!((found.params[0].exp() / 1.3 - 1.0).abs() < 0.05, "{}", found.params[0].exp());
    assert!((found.params[1].exp() / 0.4 - 1.0).abs() < 0.15, "{}", found.params[1].exp());
    for (device, effect) in effects.iter().enumerate() {
        assert!((found.params[2 + device] - effect).abs() < 0.05, "device {device}");
    }
}

#[test]
fn one_term_and_gentle_noise_agree_with_the_closed_form() {
    // With one term, log speed plus log work is a constant: its mean is the least-squares answer, to which the robust
    // fit goes as its tails get lighter.
    let mut noise = Noise(3);
    let rows: Vec<Row> = (1..200)
        .map(|index| {
            let work = f64::from(index);
            row(-(0.7 * work).ln() + 0.05 * noise.next(), &[work], None)
        })
        .collect();
    let exact = -rows.iter().map(|row| row.log_speed + row.work[0].ln()).sum::<f64>() / rows.len() as f64;
    let mut light = problem(rows, 1, 0);
    light.freedom = 1e9;
    let found = solve(&light, light.start(), 100).unwrap();
    assert!((found.params[0] - exact).abs() < 1e-5, "{} against {exact}", found.params[0]);
}

#[test]
fn a_device_without_rows_gets_its_parent_and_one_with_many_its_own() {
    let mut rows: Vec<Row> = (0..2000).map(|_| row(0.4, &[1.0], Some(0))).collect();
    rows.extend((0..2000).map(|_| row(-0.4, &[1.0], Some(1))));
    rows.push(row(0.4, &[1.0], Some(2)));
    let mut problem = problem(rows, 1, 4);
    problem.priors[0] = Prior { mean: 0.0, sd: 1e-3 };
    problem.means[3] = 0.11;
    let found = solve(&problem, problem.start(), 100).unwrap();
    assert!((found.params[1] - 0.4).abs() < 1e-2, "many rows: {}", found.params[1]);
    assert!(found.params[3] > 0.0 && found.params[3] < 0.4, "one row: {}", found.params[3]);
    assert!((found.params[4] - 0.11).abs() < 1e-9, "no rows: {}", found.params[4]);
    assert!(found.variances[4] > found.variances[3] && found.variances[3] > found.variances[1]);
    assert!(
        (found.variances[4] - 0.02).abs() < 1e-6,
        "no rows leave all of the variance: {}",
        found.variances[4]
    );
}

#[test]
fn a_fifth_of_rows_doubled_or_halved_costs_less_than_a_point() {
    let (honest, effects) = planted(12, 40);
    let mut forged = honest.clone();
    for (index, row) in forged.iter_mut().enumerate() {
        match index % 10 {
            0 => row.log_speed += 2_f64.ln(),
            5 => row.log_speed -= 2_f64.ln(),
            _ => {}
        }
    }
    let error = |rows: Vec<Row>| {
        let mut problem = problem(rows, 2, 12);
        let start = problem.start();
        let found = fit(&mut problem, start, Effort { rounds: 15, steps: 30 }).unwrap();
        let work = [3.0, 1.2];
        let mut errors: Vec<f64> = (0..12)
            .map(|device| {
                let said = problem.predict(&row(0.0, &work, Some(device)), found.params.as_slice());
                let true_speed = effects[device as usize] - (1.3 * work[0] + 0.4 * work[1]).ln();
                ((said - true_speed).exp() - 1.0).abs()
            })
            .collect();
        errors.sort_by(f64::total_cmp);
        errors[6]
    };
    let (clean, hurt) = (error(honest), error(forged));
    assert!(hurt < clean + 0.01, "median error {clean} became {hurt}");
}

#[test]
fn a_start_of_the_wrong_length_is_refused() {
    let problem = problem(vec![row(0.0, &[1.0], None)], 1, 0);
    assert!(solve(&problem, nalgebra::DVector::zeros(3), 10).is_err());
}
