//! A refit of made-up rows, timed: `cargo xtask bench calibrate` runs it beside SciPy.
//!
//! Arguments: how many rows, and a folder in which `synthetic.py` finds the same problem as plain numbers. What is
//! printed is one line of JSON: seconds of one minimum, seconds with the rounds of variance estimation, peak memory, and
//! where the minimum lies.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use calibrate::problem::{Block, Prior, Problem, Row};
use calibrate::shrinkage::{Effort, fit};
use calibrate::solve::solve;

const TERMS: usize = 3;
const GENERATIONS: u32 = 12;
const DEVICES: u32 = 80;
const BACKENDS: u32 = 5;
/// Of steps that one minimum may take.
const STEPS: u64 = 200;

/// Numbers between −1 and 1 that look random and never change.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 11) as f64 / (1_u64 << 53) as f64) * 2.0 - 1.0
    }
}

/// Three terms; effects of generations and devices on the whole and of backends on one term; noise, and one gross
/// outlier in twenty rows.
fn problem(count: usize) -> Problem {
    let mut noise = Noise(5);
    let mut draw =
        |levels: u32, width: f64| -> Vec<f64> { (0..levels).map(|_| width * noise.next()).collect() };
    let (generations, devices, backends) = (draw(GENERATIONS, 0.3), draw(DEVICES, 0.2), draw(BACKENDS, 0.5));
    let rows = (0..count).map(|index| {
        let device = (index as u32).wrapping_mul(2_654_435_761) % DEVICES;
        let (generation, backend) = (device % GENERATIONS, (index / 7) as u32 % BACKENDS);
        let mut row = Row::of(0.0);
        row.work[0] = 1.0 + (index % 13) as f64;
        row.work[1] = 0.5 + (index % 5) as f64;
        row.work[2] = 0.1 * (index % 3) as f64;
        row.levels[0] = generation;
        row.levels[1] = GENERATIONS + device;
        row.levels[2] = GENERATIONS + DEVICES + backend;
        let last = 2.0 * row.work[2] * (-backends[backend as usize]).exp();
        let seconds = 0.8 * row.work[0] + 0.4 * row.work[1] + last;
        let outlier = if index % 20 == 11 { 1.2 } else { 0.0 };
        let effects = generations[generation as usize] + devices[device as usize];
        row.log_speed = effects - seconds.ln() + 0.1 * noise.next() + outlier;
        row
    });
    Problem {
        rows: rows.collect(),
        priors: vec![Prior { mean: 0.0, sd: 1.0 }; TERMS],
        blocks: vec![
            Block { start: 0, len: GENERATIONS as usize, variance: 0.03, term: None },
            Block { start: GENERATIONS as usize, len: DEVICES as usize, variance: 0.02, term: None },
            Block {
                start: (GENERATIONS + DEVICES) as usize,
                len: BACKENDS as usize,
                variance: 0.1,
                term: Some(2),
            },
        ],
        means: vec![0.0; (GENERATIONS + DEVICES + BACKENDS) as usize],
        noise: 0.01,
        freedom: 4.0,
    }
}

/// Columns of every row: log speed, work of each term, level of each effect.
fn write(problem: &Problem, folder: &Path) -> Result<()> {
    let mut file = BufWriter::new(File::create(folder.join("rows.f64"))?);
    for row in &problem.rows {
        let levels = row.levels[..problem.blocks.len()].iter().map(|level| f64::from(*level));
        for value in [row.log_speed].into_iter().chain(row.work[..TERMS].iter().copied()).chain(levels) {
            file.write_all(&value.to_le_bytes())?;
        }
    }
    Ok(file.flush()?)
}

/// The most memory that this process held, in MiB, where the system tells.
fn peak_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse::<f64>().ok().map(|kib| kib / 1024.0)
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let count = arguments.next().context("how many rows?")?.parse()?;
    let mut problem = problem(count);
    if let Some(folder) = arguments.next() {
        write(&problem, Path::new(&folder))?;
    }
    let started = Instant::now();
    let start = problem.start();
    let minimum = solve(&problem, start, STEPS).map_err(|error| anyhow!("{error}"))?;
    let solve_s = started.elapsed().as_secs_f64();
    let started = Instant::now();
    let start = problem.start();
    fit(&mut problem, start, Effort { rounds: 12, steps: 12 }).map_err(|error| anyhow!("{error}"))?;
    let refit_s = started.elapsed().as_secs_f64();
    let params: Vec<f64> = minimum.params.iter().copied().collect();
    let told = serde_json::json!({
        "rows": count, "solve_s": solve_s, "refit_s": refit_s, "peak_mib": peak_mib(), "cost": minimum.cost,
        "params": params,
    });
    println!("{told}");
    Ok(())
}
