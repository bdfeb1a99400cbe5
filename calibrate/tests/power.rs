//! What a power limit costs is found from rows that were made with it.

use std::collections::BTreeMap;

use calibrate::extra::{Parts, decode_seconds, part_of};
use calibrate::observation::{Observation, Reader};
use calibrate::power::set_power;
use calibrate::row::MeasurementRow;
use data::Catalog;
use data::constants::{Figure, Fitted, Term};

/// Share of stock power drawn while reading, as planted.
const DRAWN: f64 = 0.64;

fn decode_parts(drawn: f64) -> Parts {
    let own = Fitted::embedded().parts.iter().filter(|part| part.figure == Figure::Decode);
    let mut parts: BTreeMap<_, _> = own.map(|part| (part.group, part.clone())).collect();
    for part in parts.values_mut() {
        part.terms.insert(Term::Power, drawn);
    }
    parts
}

/// Rows of a card at a share of its stock power, at the speed of the planted constants.
fn rows(device: &str, shares: &[f64]) -> Vec<Observation> {
    let reader = Reader::new(Catalog::embedded()).unwrap();
    let planted = decode_parts(DRAWN);
    let row = |share: &f64| MeasurementRow {
        date: "2026-06-01".to_owned(),
        device: device.to_owned(),
        device_class: "nvidia".to_owned(),
        backend: "CUDA".to_owned(),
        engine: "llama.cpp".to_owned(),
        model: "Llama-3.1-8B".to_owned(),
        quant: "Q8_0".to_owned(),
        n_gen: Some(128.0),
        depth: Some(0.0),
        metric: "decode".to_owned(),
        notes: format!("power_share={share}"),
        ..MeasurementRow::default()
    };
    let read = |(index, share)| {
        let mut row = reader.read(index, &row(share)).unwrap();
        row.speed = Some(1.0 / decode_seconds(part_of(&planted, &row), &row));
        row
    };
    shares.iter().enumerate().map(read).collect()
}

#[test]
fn the_share_that_is_drawn_while_reading_is_found() {
    let shares = [0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7, 0.8];
    let mut rows = [rows("RTX 4090", &shares), rows("RTX 5090", &shares)].concat();
    // One row in ten is nonsense.
    rows[3].speed = rows[3].speed.map(|speed| speed * 2.0);
    rows[15].speed = rows[15].speed.map(|speed| speed / 3.0);
    let mut parts = decode_parts(0.0);
    set_power(Figure::Decode, &mut parts, &rows);
    assert_eq!(part_of(&parts, &rows[0]).term(Term::Power), DRAWN);
}

#[test]
fn too_few_rows_tell_nothing() {
    let mut parts = decode_parts(0.5);
    set_power(Figure::Decode, &mut parts, &rows("RTX 4090", &[0.3, 0.4, 0.5]));
    assert_eq!(parts.values().next().unwrap().term(Term::Power), 0.5);
}
