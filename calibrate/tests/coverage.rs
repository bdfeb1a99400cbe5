//! 90 % intervals hold 85 to 95 % of rows that are drawn from a planted model: of devices that the fit has seen, of
//! devices that it has not, and of those that it left out in turn.

use std::collections::BTreeMap;

use calibrate::features::{Rates, decode_work};
use calibrate::folds::By;
use calibrate::observation::Observation;
use calibrate::refit::{Refitted, flop_per_byte, observe, predictions, refit_figure};
use calibrate::row::MeasurementRow;
use data::Catalog;
use data::constants::{Figure, Group, Term};

/// Planted constants, by term.
const PLANTED: [(Term, f64); 3] = [(Term::Weights, 1.3), (Term::Step, 0.3), (Term::Layer, 0.02)];
/// Planted deviations of generations, devices and single rows, in natural logs.
const GENERATIONS: f64 = 0.06;
const DEVICES: f64 = 0.10;
const NOISE: f64 = 0.08;

/// Numbers that are normally distributed, the same in every run.
struct Normal(u64);

impl Normal {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    fn draw(&mut self, sd: f64) -> f64 {
        let (radius, turn) = (self.uniform(), self.uniform());
        sd * (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * turn).cos()
    }
}

fn rows() -> Vec<MeasurementRow> {
    let cards = Catalog::embedded().devices().iter().filter(|device| {
        device.vendor == "nvidia"
            && device.generation.is_some()
            && device.class == data::row::DeviceClass::DiscreteGpu
            && device.memory_gib.last().is_some_and(|gib| *gib >= 8.0)
    });
    let models = ["llama-3.2-1b", "llama-3.1-8b", "qwen3-4b", "qwen3-0.6b", "llama-3.2-3b"];
    let row = |device: &str, model: &str| MeasurementRow {
        date: "2026-06-01".to_owned(),
        device: device.to_owned(),
        device_class: "nvidia".to_owned(),
        backend: "cuda".to_owned(),
        engine: "llama.cpp".to_owned(),
        model: model.to_owned(),
        quant: "Q4_K_M".to_owned(),
        flash_attn: Some(1.0),
        n_gen: Some(128.0),
        depth: Some(0.0),
        metric: "decode".to_owned(),
        tok_s: Some(1.0),
        ..MeasurementRow::default()
    };
    cards.flat_map(|card| models.map(|model| row(&card.id, model))).collect()
}

/// Log speed of a row by the planted constants, devices and noise aside.
fn planted(row: &Observation) -> f64 {
    let none = litemap::LiteMap::new();
    let rates = Rates { flop_per_byte: &none, picojoules: 0.0 };
    -PLANTED.iter().map(|(term, constant)| constant * decode_work(row, *term, rates)).sum::<f64>().ln()
}

/// Share of rows inside the intervals of a fit, when each row is drawn anew.
fn inside(
    fit: &Refitted<'_>,
    rows: &[&Observation],
    truth: &BTreeMap<String, f64>,
    normal: &mut Normal,
) -> f64 {
    let part = fit.parts.get(&Group::Nvidia).expect("cards are enough for a fit of their own");
    let mut hits = 0;
    for row in rows {
        let effects = part.effects_of(&row.facts());
        let none = litemap::LiteMap::new();
        let rates = Rates { flop_per_byte: &none, picojoules: 0.0 };
        let seconds: f64 = part
            .terms
            .iter()
            .map(|(term, constant)| constant * effects.slower(*term) * decode_work(row, *term, rates))
            .sum();
        let spread = part.spread(Group::Nvidia, effects.variance);
        let off = planted(row) + truth[&row.device.key] + normal.draw(NOISE) + seconds.ln();
        hits += usize::from(-spread.down <= off && off <= spread.up);
    }
    hits as f64 / rows.len() as f64
}

fn four_times(rows: &[Observation]) -> Vec<&Observation> {
    rows.iter().collect::<Vec<_>>().repeat(4)
}

#[test]
fn nine_in_ten_rows_of_a_planted_model_lie_in_the_intervals() {
    let mut normal = Normal(17);
    let mut rows = rows();
    let clean = observe(&rows).expect("the rows can be read").rows;
    let mut generations: BTreeMap<String, f64> = BTreeMap::new();
    let mut truth: BTreeMap<String, f64> = BTreeMap::new();
    for row in &clean {
        let generation =
            *generations.entry(row.device.generation.clone()).or_insert_with(|| normal.draw(GENERATIONS));
        let device =
            *truth.entry(row.device.key.clone()).or_insert_with(|| generation + normal.draw(DEVICES));
        rows[row.index].tok_s = Some((planted(row) + device + normal.draw(NOISE)).exp());
    }
    let observed = observe(&rows).expect("the rows can be read").rows;
    // Every third device is kept from the fit altogether.
    let folds: Vec<&String> = truth.keys().collect();
    let unseen = |row: &Observation| {
        folds.binary_search(&&row.device.key).expect("each has a truth").is_multiple_of(3)
    };
    let (kept_out, seen): (Vec<Observation>, Vec<Observation>) = observed.into_iter().partition(unseen);
    assert!(seen.len() > 200 && kept_out.len() > 100, "{} and {} rows", seen.len(), kept_out.len());
    let rates = flop_per_byte(Catalog::embedded(), &seen);
    let fit = refit_figure(Figure::Decode, &seen, &rates, None, By::Device).expect("the fit ends");

    let held = predictions(Figure::Decode, &fit, &fit.held);
    let held = held.iter().filter(|row| row.low <= row.measured && row.measured <= row.high).count() as f64
        / held.len() as f64;
    let again = inside(&fit, &four_times(&seen), &truth, &mut normal);
    let new = inside(&fit, &four_times(&kept_out), &truth, &mut normal);
    for (what, share) in [("left out in turn", held), ("never seen", new)] {
        assert!(
            (0.85..=0.95).contains(&share),
            "of devices {what}, {share:.3} of rows lie in 90 % intervals"
        );
    }
    // Ends are set by what was left out, which is further off: a device's own rows lie inside more often, not always.
    assert!((0.85..=0.985).contains(&again), "of devices seen, {again:.3} of rows lie in 90 % intervals");
}
