//! How answers grow with what is in the catalogue, and with streams: `cargo xtask bench growth`.

use std::hint::black_box;
use std::time::Instant;

use anyhow::{Context, Result};
use data::query::{FieldError, Filters, Params};
use data::shortlist::shortlist;
use data::timings::quantile;
use data::{Catalog, Engine};

/// Copies of every row.
const COPIES: [usize; 4] = [1, 3, 10, 30];
/// Streams of one estimate.
const STREAMS: [u32; 5] = [1, 4, 16, 64, 256];

/// Microseconds of one call: the median of batches.
fn median_us<T>(mut call: impl FnMut() -> T) -> Result<f64> {
    let begun = Instant::now();
    let mut warm = 0_u32;
    while begun.elapsed().as_millis() < 100 {
        black_box(call());
        warm += 1;
    }
    let batch = (warm / 20).max(1);
    let times: Vec<f64> = (0..31)
        .map(|_| {
            let begun = Instant::now();
            for _ in 0..batch {
                black_box(call());
            }
            begun.elapsed().as_secs_f64() * 1e6 / f64::from(batch)
        })
        .collect();
    quantile(&times, 0.5).context("batches")
}

/// The catalogue with each device and model so many times, under names of their own.
fn copied(copies: usize) -> Catalog {
    let mut rows = Catalog::embedded().rows().clone();
    let (devices, models) = (rows.devices.clone(), rows.models.clone());
    for copy in 1..copies {
        rows.devices.extend(devices.iter().cloned().map(|mut row| {
            row.id = format!("{}-copy{copy}", row.id);
            row.name = format!("{} Copy {copy}", row.name);
            row.aliases.clear();
            row
        }));
        rows.models.extend(models.iter().cloned().map(|mut row| {
            row.id = format!("{}-copy{copy}", row.id);
            row.name = format!("{} Copy {copy}", row.name);
            row.aliases.clear();
            row
        }));
    }
    Catalog::new(rows)
}

/// What is wrong with a question, in its own words.
fn told(errors: &[FieldError]) -> anyhow::Error {
    anyhow::anyhow!(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
}

fn main() -> Result<()> {
    println!(
        "| catalogue | devices | models | made ready, ms | a name found, µs | every model on one machine, ms | a model, µs |"
    );
    println!("|--:|--:|--:|--:|--:|--:|--:|");
    let mut once_us = None;
    for copies in COPIES {
        let catalog = copied(copies);
        let ready_us = median_us(|| Catalog::new(catalog.rows().clone()))?;
        let engine = Engine { catalog: &catalog, ..Engine::embedded() };
        let params =
            Params::read([("hardware", "rtx-3090"), ("context", "4096")]).map_err(|wrong| told(&wrong))?;
        let (rig, job) = engine.read(&params).map_err(|wrong| told(&wrong))?;
        // Every model, as where nothing is asked.
        let all = Filters::read(&params, engine.rules).map_err(|wrong| told(&wrong))?;
        let list_us = median_us(|| shortlist(&engine, &rig, &job, &all))?;
        // As people write it, which takes a search.
        let found_us = median_us(|| catalog.device("geforce rtx3090").is_ok())?;
        let models = catalog.models().len();
        println!(
            "| x{copies} | {} | {models} | {:.2} | {found_us:.1} | {:.2} | {:.1} |",
            catalog.devices().len(),
            ready_us / 1000.0,
            list_us / 1000.0,
            list_us / models as f64
        );
        let once_us = *once_us.get_or_insert(list_us);
        println!(
            "ratio: every model on one machine, catalogue x{copies} | {:.1} ms | x1 {:.1} ms | {:.1}",
            list_us / 1000.0,
            once_us / 1000.0,
            list_us / once_us
        );
    }
    println!("\n| streams | one answer, µs |\n|--:|--:|");
    let engine = Engine::embedded();
    for streams in STREAMS {
        let streams_text = streams.to_string();
        let setup = [
            ("hardware", "h100-sxm5-80gb"),
            ("model", "llama-3.1-8b"),
            ("quant", "q4_k_m"),
            ("streams", &streams_text),
        ];
        let params = Params::read(setup).map_err(|wrong| told(&wrong))?;
        let (rig, job) = engine.read(&params).map_err(|wrong| told(&wrong))?;
        let chosen = engine.choose(&params, &rig, &job).map_err(|wrong| told(&wrong))?;
        println!("| {streams} | {:.2} |", median_us(|| engine.answer(&rig, &job, &chosen))?);
    }
    Ok(())
}
