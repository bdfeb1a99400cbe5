//! `estimate`: one setup, the same numbers as page and API.

use std::io::Write;
use std::path::Path;

use anyhow::Result;
use data::Engine;
use data::answer::{Answer, Verdict};
use data::subject::Subject;

use super::UsageError;
use super::question::{Question, usage};
use super::runtimes::missing_file;
use super::words;
use crate::gguf_file;

/// Estimate how fast a model runs on a machine: on this one where none is named. The model may be a GGUF file.
#[derive(clap::Args)]
pub struct Estimate {
    #[command(flatten)]
    question: Question,
    /// Print the API's JSON object.
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Estimate, out: &mut dyn Write) -> Result<()> {
    let engine = Engine::embedded();
    let answer = answer(&engine, &arguments.question)?;
    if arguments.json {
        serde_json::to_writer_pretty(&mut *out, &answer)?;
        writeln!(out)?;
        return Ok(());
    }
    write_answer(&engine, &answer, out)
}

fn answer(engine: &Engine<'static>, question: &Question) -> Result<Answer> {
    let params = question.params(engine)?;
    let (rig, job) = engine.read(&params).map_err(|errors| usage(&errors))?;
    if let Some(path) = params.get("model").filter(|model| is_file(model)) {
        if let Some(file) = missing_file(path.as_ref()) {
            return Err(UsageError(format!("--model: there is no file {}", file.display())).into());
        }
        let path = Path::new(path);
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let subject = Subject::of_file(&gguf_file::shape(path)?, &name, engine.catalog)?;
        return Ok(engine.answer_subject(&rig, &job, &subject));
    }
    if let Some(model) = params.get("model").filter(|model| has_ending(model))
        && engine.catalog.model(model).is_err()
    {
        let message =
            format!("--model: there is no file {model} here, and no model of that name in the catalogue");
        return Err(UsageError(message).into());
    }
    let chosen = engine.choose(&params, &rig, &job).map_err(|errors| usage(&errors))?;
    Ok(engine.answer(&rig, &job, &chosen))
}

/// Whether a model is named by its file rather than by its name.
fn is_file(model: &str) -> bool {
    has_ending(model) && (model.contains(std::path::MAIN_SEPARATOR) || Path::new(model).exists())
}

fn has_ending(model: &str) -> bool {
    Path::new(model).extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gguf"))
}

fn write_answer(engine: &Engine<'_>, answer: &Answer, out: &mut dyn Write) -> Result<()> {
    let setup = &answer.setup;
    let model = engine.catalog.model(&setup.model).map_or(setup.model.as_str(), |row| row.name.as_str());
    let names: Vec<&str> = setup
        .hardware
        .iter()
        .map(|id| engine.catalog.device(id).map_or("your own figures", |row| row.name.as_str()))
        .collect();
    writeln!(out, "{model} at {} on {}, {}", setup.quant, names.join(" + "), setup.runtime)?;
    if let Some(asked) = &setup.quant_asked {
        writeln!(out, "  {} does not load {asked}; {} is the nearest it does", setup.runtime, setup.quant)?;
    }
    writeln!(out, "  {:<12} {}", "verdict", words::verdict(answer))?;
    if let Some(remedy) = answer.remedy.as_ref().filter(|_| answer.placement == Verdict::TooBig) {
        writeln!(out, "  {:<12} {}", "", words::remedy(remedy))?;
    }
    if let Some(decode) = &answer.decode_tps {
        writeln!(
            out,
            "  {:<12} {} tok/s at {} tokens of context",
            "decode",
            words::range(decode),
            setup.context
        )?;
    }
    if let Some(aggregate) = answer.aggregate_tps.as_ref().filter(|_| setup.streams > 1) {
        writeln!(
            out,
            "  {:<12} {} tok/s over {} streams",
            "together",
            words::range(aggregate),
            setup.streams
        )?;
    }
    if let Some(prefill) = &answer.prefill_tps {
        writeln!(out, "  {:<12} {} tok/s", "prefill", words::range(prefill))?;
    }
    if let Some(ttft) = &answer.ttft_ms {
        writeln!(
            out,
            "  {:<12} after {} ({} to {}) for a prompt of {} tokens",
            "first token",
            words::duration(ttft.mid),
            words::duration(ttft.low),
            words::duration(ttft.high),
            setup.prompt
        )?;
    }
    let memory = &answer.footprint_gib;
    writeln!(
        out,
        "  {:<12} weights {:.2} + cache {:.2} + buffer {:.2} + runtime {:.2} = {:.2} of {:.2} GiB",
        "memory",
        memory.weights,
        memory.kv_cache,
        memory.compute_buffer,
        memory.runtime,
        memory.total,
        memory.usable
    )?;
    if let Some(bound) = answer.bound_by {
        writeln!(out, "  {:<12} {}", "bound by", words::bound(bound))?;
    }
    if !answer.flags.is_empty() {
        writeln!(out, "  {:<12} {}", "run it with", answer.flags.join(" "))?;
    }
    write_inverse(answer, out)?;
    let evidence = &answer.evidence;
    writeln!(out, "  {:<12} decode: {}", "rests on", words::evidence(&evidence.decode))?;
    writeln!(out, "  {:<12} prefill: {}", "", words::evidence(&evidence.prefill))?;
    let further =
        [("runtime", evidence.runtime), ("streams", evidence.streams), ("offload", evidence.offload)];
    for (name, found) in further {
        if let Some(found) = found {
            writeln!(out, "  {:<12} {name}: {}", "", words::evidence(&found))?;
        }
    }
    for note in &answer.notes {
        writeln!(out, "  {:<12} {note}", "note")?;
    }
    for note in &answer.unverified {
        writeln!(out, "  {:<12} {note}", "unverified")?;
    }
    Ok(())
}

fn write_inverse(answer: &Answer, out: &mut dyn Write) -> Result<()> {
    let inverse = &answer.inverse;
    let mut parts = Vec::new();
    if let Some(context) = inverse.longest_context {
        parts.push(format!("longest context {}", words::number(f64::from(context))));
    }
    if let Some(streams) = inverse.most_streams {
        parts.push(format!("most streams {streams}"));
    }
    if let Some(quant) = &inverse.best_quant {
        parts.push(format!("best quantisation {quant}"));
    }
    if !parts.is_empty() {
        writeln!(out, "  {:<12} {}", "fits whole", parts.join(", "))?;
    }
    if let Some(needed) = inverse.bandwidth_needed_gb_s {
        let target = words::number(inverse.target_tps);
        writeln!(out, "  {:<12} {target} tok/s would take {} GB/s", "bandwidth", words::number(needed))?;
    }
    if let Some(why) = &inverse.no_bandwidth {
        writeln!(out, "  {:<12} {why}", "bandwidth")?;
    }
    Ok(())
}
