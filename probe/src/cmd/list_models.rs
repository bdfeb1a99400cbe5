//! `list-models`: what each runtime has ready.

use std::io::Write;
use std::time::Duration;

use anyhow::Result;

use super::runtimes::{Where, would_do};
use crate::driver::{Env, ModelRef};
use crate::model_folder;
use crate::names::printable;

/// List the models that are ready to run, by runtime.
#[derive(clap::Args)]
pub struct ListModels {
    #[command(flatten)]
    place: Where,
    /// Print one JSON object: models by runtime, and under `on_disk` those of runtimes that do not run.
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &ListModels, out: &mut dyn Write) -> Result<()> {
    let mut all = serde_json::Map::new();
    let mut all_on_disk = serde_json::Map::new();
    let mut found_any = false;
    let mut hints = Vec::new();
    for (driver, found) in arguments.place.look(None, Duration::ZERO)? {
        let name = driver.name();
        let runtime = match found {
            Ok(runtime) => runtime,
            Err(absent) => {
                eprintln!("{name} not detected; skip ({})", absent.reason);
                hints.push(would_do(name, absent.hint));
                let models = told(driver.on_disk(Env::default()));
                if !arguments.json && !models.is_empty() {
                    writeln!(out, "{name} (not running; on this disk)")?;
                    models.iter().try_for_each(|model| write_model(out, model))?;
                }
                if !models.is_empty() {
                    all_on_disk.insert(name.to_owned(), serde_json::to_value(&models)?);
                }
                continue;
            }
        };
        let models = match runtime.models() {
            Ok(models) => told(models),
            Err(error) => {
                eprintln!("{name}: {error}");
                continue;
            }
        };
        found_any |= !models.is_empty();
        if arguments.json {
            all.insert(name.to_owned(), serde_json::to_value(&models)?);
            continue;
        }
        writeln!(out, "{name} ({}, {})", printable(&runtime.version()), runtime.place())?;
        models.iter().try_for_each(|model| write_model(out, model))?;
        if models.is_empty() {
            writeln!(out, "  no model yet")?;
        }
    }
    if !found_any {
        eprintln!("no model is ready; any of these would do:\n{}", hints.join("\n"));
    }
    if arguments.json {
        if !all_on_disk.is_empty() {
            all.insert("on_disk".to_owned(), all_on_disk.into());
        }
        serde_json::to_writer_pretty(&mut *out, &all)?;
        writeln!(out)?;
    }
    Ok(())
}

/// The models with what their own files say.
fn told(mut models: Vec<ModelRef>) -> Vec<ModelRef> {
    models.iter_mut().for_each(model_folder::complete);
    models
}

fn write_model(out: &mut dyn Write, model: &ModelRef) -> std::io::Result<()> {
    let mut parts = vec![printable(&model.id)];
    parts.extend(model.quant.as_deref().map(printable));
    parts.extend(model.size_bytes.map(|bytes| format!("{:.2} GiB", bytes as f64 / (1u64 << 30) as f64)));
    parts.extend(model.context_tokens.map(|tokens| format!("context {tokens}")));
    parts.extend(model.digest.as_deref().map(|digest| printable(digest).chars().take(12).collect()));
    writeln!(out, "  {}", parts.join("  "))
}
