//! A paste, read and matched with the catalogue.

use data::json::{self, Node};
use data::paste::{self, Run};
use data::query::Params;
use data::row::Runtime;
use data::{Engine, Lookup};

use crate::contribute::{Beside, ContributeView, Match, Piece, RunLine};
use crate::query::Query;

/// Reads what was pasted, and finds machine, model and quantisation: as the fields say, else as the text does.
#[must_use]
pub fn contribute(engine: &Engine<'_>, pasted: &[u8], query: &Query) -> ContributeView {
    if pasted.iter().all(u8::is_ascii_whitespace) {
        return ContributeView::default();
    }
    let reading = paste::read(pasted);
    let asked = query.get("run").parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    // Of several runs the person picks one; the only one needs no picking.
    let chosen = asked.or((reading.runs.len() == 1).then_some(0)).filter(|at| *at < reading.runs.len());
    let run = chosen.map(|at| &reading.runs[at]).filter(|_| reading.verdict != paste::Verdict::Refused);
    let mut view = ContributeView {
        verdict: Some(reading.verdict),
        says: reading.says.clone(),
        runs: reading.runs.iter().enumerate().map(|(at, run)| line(at, run, chosen == Some(at))).collect(),
        ignored: reading.ignored.iter().map(|ignored| ignored.because.sentence()).collect(),
        pieces: pieces(pasted, &reading, chosen),
        ..ContributeView::default()
    };
    view.ignored.dedup();
    let Some(run) = run else { return view };
    if let Some(why) = run.unsent() {
        view.says = why.to_owned();
        return view;
    }
    view.lines = run.lines.clone();
    view.machine = machine(engine, query, run);
    view.model = matched(said(query, "model", run.model.as_deref()), query.get("model_is"), &|text| {
        engine.catalog.model(text).map(|row| (row.id.clone(), row.name.clone()))
    });
    view.quant = matched(said(query, "quant", run.quant.as_deref()), query.get("quant_is"), &|text| {
        engine.catalog.quant(text).map(|row| (row.id.clone(), row.name.clone()))
    });
    view.runtime = runtime(query, run);
    view.is_runtime_named = run.runtime(None).is_none() && view.runtime.id().is_some();
    view.beside = beside(engine, &view, run);
    view
}

/// What a field says, else what the text says.
fn said<'a>(query: &'a Query, field: &str, text: Option<&'a str>) -> &'a str {
    match query.get(field) {
        "" => text.unwrap_or_default().trim(),
        words => words,
    }
}

/// Id and name of a row.
type Named = (String, String);

/// The row that a text names. Of several or of near ones a button picks one, and that counts for as long as it is one of them:
/// of a field that says something else since, it is not.
fn matched(text: &str, picked: &str, find: &dyn Fn(&str) -> Result<Named, Lookup>) -> Match {
    if text.is_empty() {
        return Match::Missing;
    }
    let (is_near, ids) = match find(text) {
        Ok((id, name)) => return Match::Found { id, name },
        Err(Lookup::Ambiguous { between }) => (false, between),
        Err(Lookup::Unknown { near }) => (true, near),
    };
    let mut rows: Vec<_> = ids.iter().filter_map(|id| find(id).ok()).take(8).collect();
    if let Some(at) = rows.iter().position(|(id, _)| id == picked) {
        let (id, name) = rows.swap_remove(at);
        return Match::Found { id, name };
    }
    let text = text.to_owned();
    if is_near { Match::Unknown { text, near: rows } } else { Match::Several { text, between: rows } }
}

/// The device: by name, or by what `llm-speed-probe detect --json` prints.
fn machine(engine: &Engine<'_>, query: &Query, run: &Run) -> Match {
    let text = said(query, "hardware", run.device.as_deref());
    let (name, memory_gib) = if text.starts_with('{') { detected(text) } else { (text.to_owned(), None) };
    matched(&name, query.get("hardware_is"), &|text| {
        let row = engine.catalog.device_with_memory(text, memory_gib)?;
        Ok((row.id.clone(), row.name.clone()))
    })
}

/// The first graphics device of a fingerprint with its memory, else the processor.
fn detected(text: &str) -> (String, Option<f64>) {
    let Ok(root) = json::read(text) else { return (text.to_owned(), None) };
    let fingerprint = root.get("fingerprint").unwrap_or(&root);
    let gpu = fingerprint.get("gpus").and_then(|gpus| gpus.items().first());
    let name = |node: &Node<'_>, key| node.get(key).and_then(Node::as_str).map(str::to_owned);
    let of_gpu = gpu.and_then(|gpu| Some((name(gpu, "name")?, gpu.get("memory_gib").and_then(Node::as_f64))));
    let of_cpu = || fingerprint.get("cpu").and_then(|cpu| Some((name(cpu, "model")?, None)));
    of_gpu.or_else(of_cpu).unwrap_or((String::new(), None))
}

/// The estimate for the same setup, once all of it is known.
fn beside(engine: &Engine<'_>, view: &ContributeView, run: &Run) -> Option<Beside> {
    let (hardware, model, quant) = (view.machine.id()?, view.model.id()?, view.quant.id()?);
    let whole = |value: Option<u64>| value.and_then(|tokens| u32::try_from(tokens).ok()).unwrap_or(0);
    let before = whole(run.depth_tokens).saturating_add(whole(run.cached_tokens));
    let prompt = before.saturating_add(whole(run.prompt_tokens));
    let context = prompt.saturating_add(whole(run.output_tokens) / 2).max(1).to_string();
    let (prompt, before) = (prompt.max(1).to_string(), before.to_string());
    let streams = run.streams.unwrap_or(1).to_string();
    let mut pairs = vec![
        ("hardware", hardware),
        ("model", model),
        ("quant", quant),
        ("context", &context),
        ("prompt", &prompt),
        ("streams", &streams),
    ];
    if before != "0" && before != prompt {
        pairs.push(("cached", &before));
    }
    if let Some(runtime) = view.runtime.id() {
        pairs.push(("runtime", runtime));
    }
    let params = Params::read(pairs).ok()?;
    let (rig, job) = engine.read(&params).ok()?;
    let chosen = engine.choose(&params, &rig, &job).ok()?;
    let answer = engine.answer(&rig, &job, &chosen);
    Some(Beside {
        decode: answer.decode_tps,
        measured_decode: run.decode_tps,
        prefill: answer.prefill_tps,
        measured_prefill: run.prefill_tps,
    })
}

/// What ran it, where the lines or the person say so; of lines that leave it open, all that could have.
fn runtime(query: &Query, run: &Run) -> Match {
    let found = |runtime: Runtime| (runtime.name().to_owned(), runtime.name().to_owned());
    let named = said(query, "runtime_is", Some(query.get("runtime")));
    match run.runtime(Some(named)).map(found) {
        Some((id, name)) => Match::Found { id, name },
        None => Match::Several {
            text: run.tool.name().to_owned(),
            between: Runtime::ALL.into_iter().map(found).collect(),
        },
    }
}

fn line(at: usize, run: &Run, chosen: bool) -> RunLine {
    RunLine {
        number: at + 1,
        tool: run.tool.name(),
        model: run.model.clone().unwrap_or_default(),
        decode_tps: run.decode_tps,
        prefill_tps: run.prefill_tps,
        depth_tokens: run.depth_tokens,
        prompt_tokens: run.prompt_tokens,
        output_tokens: run.output_tokens,
        flags: run.flags.iter().map(|flag| flag.sentence()).collect(),
        chosen,
    }
}

/// Longest text that is shown with its marks, in bytes; of a longer one the lines around them.
const SHOWN_BYTES: usize = 6000;

/// The text in pieces, those that values were read from marked: of the chosen run, or of all.
fn pieces(pasted: &[u8], reading: &paste::Reading, chosen: Option<usize>) -> Vec<Piece> {
    // Marks point into the bytes as they came; of another encoding they would point beside the letters.
    let Ok(text) = core::str::from_utf8(pasted) else { return Vec::new() };
    let runs = reading.runs.iter().enumerate().filter(|(at, _)| chosen.is_none_or(|chosen| chosen == *at));
    let mut marks: Vec<(usize, usize, &'static str)> = runs
        .flat_map(|(_, run)| &run.spans)
        .filter(|mark| !mark.computed)
        .map(|mark| (mark.span.start, mark.span.end, mark.field.name()))
        .collect();
    marks.extend(reading.ignored.iter().map(|ignored| (ignored.span.start, ignored.span.end, IGNORED)));
    marks.sort_unstable();
    let mut pieces = Vec::new();
    let mut at = 0;
    for (start, end, what) in marks {
        let (Some(before), Some(marked)) = (text.get(at..start), text.get(start..end)) else { continue };
        push(&mut pieces, before, text.len() > SHOWN_BYTES);
        pieces.push(Piece { text: marked.to_owned(), what });
        at = end;
    }
    push(&mut pieces, &text[at..], text.len() > SHOWN_BYTES);
    pieces
}

/// What a timing line that was not believed is marked with.
const IGNORED: &str = "ignored";

/// Adds plain text; of a long one only the lines next to the marks around it.
fn push(pieces: &mut Vec<Piece>, text: &str, is_long: bool) {
    const KEPT_LINES: usize = 2;
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let text = if is_long && lines.len() > 2 * KEPT_LINES + 1 {
        let (head, tail) = (&lines[..KEPT_LINES], &lines[lines.len() - KEPT_LINES..]);
        format!("{}⋯\n{}", head.concat(), tail.concat())
    } else {
        text.to_owned()
    };
    if !text.is_empty() {
        pieces.push(Piece { text, what: "" });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASTE: &str = "some prompt of mine\n\
        llama_perf_context_print: prompt eval time =     521.12 ms /   128 tokens (    4.07 ms per token,   245.62 tokens per second)\n\
        llama_perf_context_print:        eval time =    4310.00 ms /   127 runs   (   33.94 ms per token,    29.47 tokens per second)\n";

    fn view(query: &str) -> ContributeView {
        contribute(&Engine::embedded(), PASTE.as_bytes(), &Query::parse(query))
    }

    #[test]
    fn marks_stand_where_the_values_do_and_lose_nothing() {
        let view = view("");
        let whole: String = view.pieces.iter().map(|piece| piece.text.as_str()).collect();
        assert_eq!(whole, PASTE);
        let decode = view.pieces.iter().find(|piece| piece.what == "decode_tps").expect("a mark");
        assert_eq!(decode.text, "29.47");
        assert!(!view.lines.contains("some prompt"), "only timing lines are kept");
    }

    #[test]
    fn the_estimate_stands_beside_once_all_is_known() {
        assert!(view("").beside.is_none());
        let view = view("hardware=rtx-3060-12gb&model=qwen3-14b&quant=q4_k_m");
        let beside = view.beside.expect("all is known");
        assert_eq!(beside.measured_decode, Some(29.47));
        assert!(beside.decode.is_some());
    }

    #[test]
    fn a_runtime_that_the_lines_leave_open_is_asked_and_no_other() {
        let tabby = b"INFO:     Metrics (ID: a): 100 tokens generated in 10.0 seconds (Queue: 0.0 s, Process: 0 cached \
            tokens and 100 new tokens at 200.0 T/s, Generate: 10.53 T/s, Context: 100 tokens)\n";
        let view = |query: &str| contribute(&Engine::embedded(), tabby, &Query::parse(query));
        assert!(
            matches!(view("").runtime, Match::Several { between, .. } if between.len() == Runtime::ALL.len())
        );
        let named = view("runtime_is=exllamav2");
        assert_eq!((named.runtime.id(), named.is_runtime_named), (Some("exllamav2"), true));
        let known = contribute(&Engine::embedded(), PASTE.as_bytes(), &Query::parse("runtime_is=vllm"));
        assert_eq!((known.runtime.id(), known.is_runtime_named), (Some("llama.cpp"), false));
    }

    #[test]
    fn a_run_without_a_speed_is_not_sent_and_says_what_to_paste() {
        let window = b"INFO 09-02 13:08:10 [loggers.py:123] Engine 000: Avg prompt throughput: 4.1 tokens/s, Avg generation \
            throughput: 6.2 tokens/s, Running: 1 reqs, Waiting: 0 reqs, GPU KV cache usage: 0.0%\n";
        let query = "hardware=rtx-3060-12gb&model=qwen3-14b&quant=q4_k_m&runtime=vllm";
        let view = contribute(&Engine::embedded(), window, &Query::parse(query));
        assert_eq!((view.runs.len(), view.is_ready()), (1, false));
        assert!(view.lines.is_empty() && view.says.contains("nothing to send. Paste"), "{}", view.says);
    }

    #[test]
    fn a_fingerprint_names_the_machine_and_an_ambiguous_one_is_asked() {
        let gpu = r#"{"fingerprint":{"gpus":[{"name":"NVIDIA GeForce RTX 3090","memory_gib":24.0}]}}"#;
        let found = view(&format!("hardware={gpu}"));
        assert_eq!(found.machine.id(), Some("rtx-3090"));
        let asked = view("hardware=m4-max");
        assert!(matches!(asked.machine, Match::Several { between, .. } if between.len() == 2));
        assert!(matches!(view("model=nothing-at-all-like-it").model, Match::Unknown { .. }));
        assert_eq!(view("hardware=m4-max&hardware_is=m4-max-40-core").machine.id(), Some("m4-max-40-core"));
    }

    #[test]
    fn what_was_picked_counts_only_while_the_field_could_mean_it() {
        let machine = |query: &str| view(query).machine;
        let retyped = machine("hardware=rtx-3060-12gb&hardware_is=m4-max-40-core");
        assert_eq!(retyped.id(), Some("rtx-3060-12gb"), "the field was typed anew");
        assert!(matches!(machine("hardware=m4-max&hardware_is=rtx-3090"), Match::Several { .. }));
        assert!(matches!(machine("hardware_is=rtx-3090"), Match::Missing));
        let Match::Unknown { near, .. } = machine("hardware=rtx-3099") else {
            panic!("there is no such card")
        };
        let picked = machine(&format!("hardware=rtx-3099&hardware_is={}", near[0].0));
        assert_eq!(picked.id(), Some(&*near[0].0));
    }
}
