//! `fit`: every model on one machine, what runs best first; the page's list in a terminal.

use std::io::Write;

use anyhow::Result;
use data::answer::{Remedy, Verdict};
use data::engine::{Engine, verdict};
use data::query::{Filters, Rig};
use data::shortlist::{Card, shortlist};
use estimator::units::GIB;
use estimator::{Bound, Range};
use serde::Serialize;

use super::question::{ListQuestion, usage};
use super::words;

/// List every model for a machine, what runs best first: for this one where none is named.
#[derive(clap::Args)]
pub struct Fit {
    #[command(flatten)]
    question: ListQuestion,
    /// Print one JSON list.
    #[arg(long)]
    json: bool,
}

/// One model of the list.
#[derive(Serialize)]
struct Line<'a> {
    model: &'a str,
    name: &'a str,
    quant: &'a str,
    placement: Verdict,
    decode_tps: Option<Range>,
    prefill_tps: Option<Range>,
    ttft_ms: Option<Range>,
    total_gib: f64,
    usable_gib: f64,
    bound_by: Option<Bound>,
    longest_context: Option<u32>,
    remedy: Option<&'a Remedy>,
    capability: f64,
}

pub fn run(arguments: &Fit, out: &mut dyn Write) -> Result<()> {
    let engine = Engine::embedded();
    let params = arguments.question.0.params(&engine)?;
    let (rig, job) = engine.read(&params).map_err(|errors| usage(&errors))?;
    let filters = Filters::read(&params, engine.rules)
        .and_then(|filters| filters.known(engine.catalog))
        .map_err(|errors| usage(&errors))?;
    let cards = shortlist(&engine, &rig, &job, &filters);
    let lines: Vec<Line<'_>> = cards.iter().map(line).collect();
    if arguments.json {
        serde_json::to_writer_pretty(&mut *out, &lines)?;
        writeln!(out)?;
        return Ok(());
    }
    write_list(&rig, job.workload.context_tokens, &lines, out)
}

fn line<'a>(card: &'a Card<'_>) -> Line<'a> {
    let estimate = &card.brief.estimate;
    let speeds = estimate.speeds.as_ref();
    Line {
        model: &card.model.id,
        name: &card.model.name,
        quant: &card.quant.id,
        placement: verdict(&estimate.placement),
        decode_tps: speeds.map(|speeds| speeds.decode_tps),
        prefill_tps: speeds.map(|speeds| speeds.prefill_tps),
        ttft_ms: speeds.map(|speeds| speeds.ttft_ms),
        total_gib: estimate.footprint.total() / GIB,
        usable_gib: estimate.footprint.usable / GIB,
        bound_by: speeds.map(|speeds| speeds.bound_by),
        longest_context: card.longest_context,
        remedy: card.remedy.as_ref(),
        capability: card.model.capability.score(),
    }
}

fn write_list(rig: &Rig<'_>, context: u32, lines: &[Line<'_>], out: &mut dyn Write) -> Result<()> {
    writeln!(out, "{rig}, {} tokens of context", words::number(f64::from(context)))?;
    if lines.is_empty() {
        writeln!(out, "No model passes these filters; leave one out.")?;
        return Ok(());
    }
    writeln!(
        out,
        "{:<34} {:<12} {:<9} {:>22} {:>10} {:>10} {:>6}",
        "model", "quant", "runs", "decode tok/s", "1st token", "GiB", "score"
    )?;
    for line in lines {
        let runs = match line.placement {
            Verdict::Whole => "whole",
            Verdict::Offloaded => "partly",
            Verdict::TooBig => "no",
        };
        let decode = match (&line.decode_tps, line.remedy) {
            (Some(decode), _) => words::range(decode),
            (None, Some(remedy)) => words::remedy(remedy),
            (None, None) => "-".to_owned(),
        };
        let ttft = line.ttft_ms.as_ref().map_or_else(|| "-".to_owned(), |ttft| words::duration(ttft.mid));
        writeln!(
            out,
            "{:<34} {:<12} {:<9} {:>22} {:>10} {:>10.1} {:>6.0}",
            clip(line.name, 34),
            line.quant,
            runs,
            decode,
            ttft,
            line.total_gib,
            line.capability
        )?;
    }
    Ok(())
}

/// The first `most` characters.
fn clip(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        text.to_owned()
    } else {
        text.chars().take(most - 1).chain(['…']).collect()
    }
}
