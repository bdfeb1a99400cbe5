//! `bench`: measures this machine with one runtime and one model, saves the run, prints it.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use data::Catalog;
use data::envelope::digest;
use data::submission::{BackendInfo, Identity, ModelIdentity, Submission, WorkloadResult};
use data::timings::Timings;
use serde::Serialize;
use serde_json::value::RawValue;

use super::UsageError;
use super::beside::Beside;
use super::runtimes::Where;
use crate::detect::{self, bandwidth};
use crate::driver::{DriverError, ModelRef, Need, Runtime};
use crate::identity::{self, Secret, Signer};
use crate::measure::{Bench as Bencher, Limits, Series};
use crate::plan::{self, Extent, Point};
use crate::report::{self, Line};
use crate::runs::{self, SavedRun};
use crate::{calendar, ceiling, gguf_file, interrupt, model_file, result, trace};

/// Measure how fast this machine runs a model, and save the run.
#[derive(clap::Args)]
pub struct Bench {
    #[command(flatten)]
    place: Where,
    /// The model: as the runtime names it, or a GGUF file for llama.cpp; else the first that is found.
    #[arg(long, value_name = "REF")]
    model: Option<String>,
    /// Only these workloads, by number or name, separated by commas.
    #[arg(long, value_name = "W1,W2", value_delimiter = ',')]
    workload: Vec<String>,
    /// A smoke test of half a minute.
    #[arg(long, conflicts_with = "full")]
    quick: bool,
    /// Everything, however long it takes; otherwise what two minutes allow.
    #[arg(long)]
    full: bool,
    /// Repeats of each point; without it, as many as make the answer sure.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    repeat: Option<u32>,
    /// Keep the run on this machine.
    #[arg(long)]
    no_upload: bool,
    /// Sign with a fresh key and leave the machine's tag out.
    #[arg(long)]
    anon: bool,
    /// Switch thinking off where the model can.
    #[arg(long)]
    no_reasoning: bool,
    /// Also write the run to this file; - is standard output.
    #[arg(long, value_name = "PATH")]
    json: Option<PathBuf>,
    /// Print the table as Markdown.
    #[arg(long)]
    md: bool,
    /// Print every byte that an upload would send.
    #[arg(long)]
    print_payload: bool,
}

/// One request's stamps, as they are kept.
#[derive(Serialize)]
struct Raw<'a> {
    workload: &'a str,
    prompt_tokens: u32,
    streams: u32,
    round: usize,
    timings: &'a Timings,
    extras: &'a serde_json::Value,
}

/// Everything about a run but its results.
struct Run {
    id: String,
    folder: PathBuf,
    signer: Signer,
    submission: Submission,
    /// JSON texts of [`Raw`].
    raw: Vec<String>,
}

pub fn run(arguments: &Bench, out: &mut dyn Write) -> Result<()> {
    interrupt::listen().context("Ctrl-C cannot be handled")?;
    let extent = match (arguments.quick, arguments.full) {
        (true, _) => Extent::Quick,
        (_, true) => Extent::Full,
        _ => Extent::Default,
    };
    let suite = Catalog::embedded().suites().first().context("no suite is built in")?;
    let points = plan::points(suite, &arguments.workload, extent).map_err(UsageError)?;
    let (backend, mut runtime, mut model) = arguments.place.choose(arguments.model.as_deref())?;
    complete(&mut model);

    let mut run = begin(arguments, &suite.id, backend, &*runtime, &model)?;
    let beside = Beside::new(&run.submission.fingerprint, backend, &model);
    run.submission.model.id.clone_from(&beside.model);
    let title = format!("{} {}, {}", backend, run.submission.backend.version, model.id);
    eprintln!("{title}");
    print_plan(&points, &beside, extent);

    let repeats = extent.repeats();
    let repeats = arguments.repeat.map_or(repeats, |count| (count, count));
    let deadline = extent.budget().map(|budget| Instant::now() + budget);
    let mut rates = None;
    for (index, point) in points.iter().enumerate() {
        let label = format!("[{}/{}] {} {}", index + 1, points.len(), point.workload, describe(point));
        if interrupt::requested() {
            run.skip(point, "interrupted");
            continue;
        }
        if let Some(reason) = too_long(point, rates, deadline) {
            run.skip(point, &reason);
            continue;
        }
        let share = deadline.map(|deadline| share_of(deadline, points.len() - index));
        let limits = Limits { repeats, deadline: share };
        match measure(&mut runtime, &model, point, limits, &run.id, arguments.no_reasoning, &label) {
            Ok(series) => {
                run.note(point, &series);
                let found = result::of(point, &series, &run.submission.calibration);
                rates = found.prefill_tps.zip(found.decode_tps).or(rates);
                run.submission.workloads.push(found);
            }
            Err(error) if error.is_interrupt() => run.skip(point, "interrupted"),
            Err(error) => {
                eprintln!("  {} {error}", if error.is_limit() { "left out:" } else { "failed:" });
                run.skip(point, &error.to_string());
            }
        }
        run.submission.backend.version = runtime.version();
        run.save()?;
    }
    // What we started ends before anything else is done.
    drop(runtime);
    finish(arguments, run, &points, &beside, &title, out)
}

/// Looks at the machine and the model, and sets up an empty run.
fn begin(
    arguments: &Bench,
    suite: &str,
    backend: &str,
    runtime: &dyn Runtime,
    model: &ModelRef,
) -> Result<Run> {
    let folder = runs::data_folder()?;
    let mut fingerprint = detect::this_machine();
    let measured = bandwidth::measure(super::detect::BANDWIDTH_BUDGET);
    fingerprint.ram.read_gb_s = Some(super::detect::round(measured.read_gb_s));
    fingerprint.ram.triad_gb_s = Some(super::detect::round(measured.triad_gb_s));
    let measured_on = calendar::today();
    let signer = if arguments.anon {
        identity::anonymous()?
    } else {
        let secret =
            Secret::of_installation(&folder).context("the installation's secret cannot be made or read")?;
        secret.signer(&fingerprint.hardware_descriptor(), &measured_on[..7])
    };
    let before = detect::this_machine_now();
    for flag in before.flags() {
        eprintln!("note: the machine is slower than it could be: {}", flag.replace('_', " "));
    }
    let submission = Submission {
        suite: suite.to_owned(),
        probe: env!("CARGO_PKG_VERSION").to_owned(),
        measured_on,
        backend: BackendInfo { name: backend.to_owned(), version: runtime.version() },
        model: identify(model, &folder),
        fingerprint,
        tag: signer.tag.clone(),
        after: before.clone(),
        before,
        calibration: ceiling::measure()?,
        workloads: Vec::new(),
        raw_timings_sha256: String::new(),
    };
    Ok(Run { id: run_id()?, folder, signer, submission, raw: Vec::new() })
}

/// What the model's own file says goes before what its runtime or its name says: the quantisation by its tensors, and
/// the context that it was made for.
fn complete(model: &mut ModelRef) {
    let Some(file) = &model.file else { return };
    match gguf_file::shape(file) {
        Ok(shape) => {
            model.quant = Some(shape.quant.name);
            model.context_tokens = Some(shape.context_tokens).filter(|tokens| *tokens > 0);
        }
        Err(error) => eprintln!("note: {error}"),
    }
}

/// Ten letters and digits that nobody can guess.
fn run_id() -> Result<String> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let bytes: [u8; 10] = identity::random()?;
    Ok(bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect())
}

fn identify(model: &ModelRef, folder: &std::path::Path) -> ModelIdentity {
    let digests = model.file.as_deref().and_then(|file| match model_file::digests(file, folder) {
        Ok(digests) => Some(digests),
        Err(error) => {
            eprintln!("note: the model's file cannot be read ({error}); the run will say unverified");
            None
        }
    });
    // A runtime may call a model by its path: only the file's name goes into the run.
    let name = model.id.rsplit(['/', '\\']).next().filter(|_| model.file.is_some()).unwrap_or(&model.id);
    let identity = match (&digests, &model.digest) {
        (Some(_), _) => Identity::File,
        (None, Some(_)) => Identity::Runtime,
        (None, None) => Identity::Unverified,
    };
    let shape = model.file.as_deref().and_then(|file| gguf_file::shape(file).ok());
    ModelIdentity {
        params: shape.as_ref().map(|shape| shape.params - shape.idle_params),
        tensor_bytes: shape.as_ref().map(|shape| shape.bytes.total()),
        reference: name.to_owned(),
        id: None,
        quant: model.quant.clone(),
        digest: digests.as_ref().map(|digests| digests.whole.clone()).or_else(|| model.digest.clone()),
        prefix_digest: digests.as_ref().map(|digests| digests.prefix.clone()),
        size_bytes: digests.map(|digests| digests.size_bytes).or(model.size_bytes),
        identity,
    }
}

impl Run {
    fn skip(&mut self, point: &Point, reason: &str) {
        self.submission.workloads.push(WorkloadResult::skipped(
            &point.workload,
            point.prompt_tokens,
            point.streams,
            reason.to_owned(),
        ));
    }

    fn note(&mut self, point: &Point, series: &Series) {
        for (round, replies) in series.rounds.iter().enumerate() {
            for reply in replies {
                let raw = Raw {
                    workload: &point.workload,
                    prompt_tokens: point.prompt_tokens,
                    streams: point.streams,
                    round,
                    timings: &reply.timings,
                    extras: &reply.extras,
                };
                self.raw.extend(serde_json::to_string(&raw));
            }
        }
    }

    /// Signs what is there and writes it whole: a kill at any later point loses nothing that was finished.
    fn save(&mut self) -> Result<(PathBuf, SavedRun)> {
        let raw = RawValue::from_string(format!("[{}]", self.raw.join(",")))?;
        self.submission.raw_timings_sha256 = digest(raw.get().as_bytes());
        let saved = SavedRun::new(&self.id, &self.submission, raw, &self.signer.seed)?;
        let path = runs::path_of(&self.folder, &self.id);
        runs::write_whole(&path, &serde_json::to_vec_pretty(&saved)?)
            .with_context(|| format!("the run cannot be saved at {}", path.display()))?;
        Ok((path, saved))
    }
}

fn measure(
    runtime: &mut Box<dyn Runtime>,
    model: &ModelRef,
    point: &Point,
    limits: Limits,
    run_id: &str,
    no_reasoning: bool,
    label: &str,
) -> Result<Series, DriverError> {
    let progress = Progress::new(label);
    if let Some(limit) = model.context_tokens.filter(|limit| *limit < point.context_tokens()) {
        return Err(DriverError::Limit(format!("the model's context ends at {limit} tokens")));
    }
    runtime.prepare(model, Need { context_tokens: point.context_tokens(), streams: point.streams })?;
    if let Some(tokens) = trace_tokens(&**runtime, model, point)? {
        if let Some(limit) = model.context_tokens.filter(|limit| *limit < tokens) {
            let reason =
                format!("the trace is {tokens} tokens for this model, whose context ends at {limit}");
            return Err(DriverError::Limit(reason));
        }
        runtime.prepare(model, Need { context_tokens: tokens, streams: point.streams })?;
    }
    let lengths = Bencher::lengths(&**runtime, model, run_id)?;
    let bench = Bencher { runtime: &**runtime, model, nonce: run_id.to_owned(), lengths, no_reasoning };
    let series = bench.run(point, limits, &mut |round| progress.show(round))?;
    progress.done(&series);
    Ok(series)
}

/// What a trace's last turn needs in this model's tokens, where its text is longer than the suite reckons with.
fn trace_tokens(runtime: &dyn Runtime, model: &ModelRef, point: &Point) -> Result<Option<u32>, DriverError> {
    /// Tokens that a chat template puts around a message, generously.
    const AROUND_A_MESSAGE: u32 = 24;
    if point.turns < 2 {
        return Ok(None);
    }
    let messages = trace::messages();
    let text: Vec<&str> = messages.iter().map(|message| message.content.as_str()).collect();
    let Some(tokens) = runtime.count_tokens(model, &text.join("\n"))? else { return Ok(None) };
    let needed = tokens + messages.len() as u32 * AROUND_A_MESSAGE + point.output_tokens;
    Ok((needed > point.context_tokens()).then_some(needed))
}

/// Why a point is left out for time: what it takes at the rates seen so far, against what is left.
fn too_long(point: &Point, rates: Option<(f64, f64)>, deadline: Option<Instant>) -> Option<String> {
    let left = deadline?.saturating_duration_since(Instant::now());
    let expected = rates.map_or(Duration::ZERO, |(prefill, decode)| point.expected(prefill, decode));
    (left.is_zero() || expected > left).then(|| {
        format!(
            "it would take about {:.0} s, {:.0} s are left of the two minutes; --full or --workload {} runs it",
            expected.as_secs_f64(),
            left.as_secs_f64(),
            point.workload
        )
    })
}

/// The moment until which the next point may repeat: its even share of what is left.
fn share_of(deadline: Instant, points_left: usize) -> Instant {
    let now = Instant::now();
    now + deadline.saturating_duration_since(now) / points_left.max(1) as u32
}

fn describe(point: &Point) -> String {
    match (point.turns, point.streams) {
        (turns, _) if turns > 1 => format!("{turns} turns to {} tokens", point.prompt_tokens),
        (_, 1) => format!("{} -> {} tokens", point.prompt_tokens, point.output_tokens),
        (_, streams) => {
            format!("{} -> {} tokens, {streams} streams", point.prompt_tokens, point.output_tokens)
        }
    }
}

fn print_plan(points: &[Point], beside: &Beside, extent: Extent) {
    let budget = extent
        .budget()
        .map_or_else(|| "no limit of time".to_owned(), |b| format!("within {} s", b.as_secs()));
    eprintln!("{} points, {budget}:", points.len());
    for point in points {
        let estimate = beside.decode(point).map_or_else(String::new, |range| {
            format!(", estimated {:.1} to {:.1} tok/s", range.low, range.high)
        });
        eprintln!("  {} {}{estimate}", point.workload, describe(point));
    }
}

fn finish(
    arguments: &Bench,
    mut run: Run,
    points: &[Point],
    beside: &Beside,
    title: &str,
    out: &mut dyn Write,
) -> Result<()> {
    run.submission.after = detect::this_machine_now();
    let state: Vec<String> = run
        .submission
        .before
        .flags()
        .into_iter()
        .chain(run.submission.after.flags())
        .map(str::to_owned)
        .collect();
    for found in run.submission.workloads.iter_mut().filter(|found| found.skipped.is_none()) {
        for flag in &state {
            if !found.flags.contains(flag) {
                found.flags.push(flag.clone());
            }
        }
    }
    let (path, saved) = run.save()?;
    let lines: Vec<Line<'_>> = saved
        .workloads
        .iter()
        .zip(points)
        .map(|(result, point)| Line { result, estimate: beside.decode(point) })
        .collect();
    if arguments.md {
        report::write_markdown(title, &lines, out)?;
    } else {
        report::write_table(&lines, out)?;
    }
    if arguments.print_payload {
        out.write_all(&saved.envelope.open()?)?;
        writeln!(out)?;
    }
    if let Some(json) = &arguments.json {
        let bytes = serde_json::to_vec_pretty(&saved)?;
        if json.as_os_str() == "-" {
            out.write_all(&bytes)?;
            writeln!(out)?;
        } else {
            runs::write_whole(json, &bytes)
                .with_context(|| format!("{} cannot be written", json.display()))?;
        }
    }
    if !arguments.no_upload {
        eprintln!("kept on this machine: there is no server to send results to yet");
    }
    writeln!(out, "run {} saved in {}", saved.run_id, path.display())?;
    if saved.workloads.iter().all(|found| found.skipped.is_some()) {
        return Err(anyhow!("no workload could be measured"));
    }
    Ok(())
}

/// A line that is written over on a terminal, and plain lines in a pipe.
struct Progress {
    label: String,
    start: Instant,
    terminal: bool,
}

impl Progress {
    fn new(label: &str) -> Progress {
        let terminal = std::io::stderr().is_terminal();
        if terminal {
            eprint!("{label} …\r");
        } else {
            eprintln!("{label}");
        }
        Progress { label: label.to_owned(), start: Instant::now(), terminal }
    }

    fn show(&self, round: u32) {
        if self.terminal {
            eprint!("{} … {round} done, {:.0} s\x1b[K\r", self.label, self.start.elapsed().as_secs_f64());
        }
    }

    fn done(&self, series: &Series) {
        let rate = series.rounds.last().and_then(|round| crate::measure::decode_of(round));
        let rate = rate.map_or_else(String::new, |rate| format!("{rate:.1} tok/s, "));
        let (repeats, seconds) = (series.rounds.len(), self.start.elapsed().as_secs_f64());
        if self.terminal {
            eprintln!("{}: {rate}{repeats} repeats in {seconds:.0} s\x1b[K", self.label);
        } else {
            eprintln!("  {rate}{repeats} repeats in {seconds:.0} s");
        }
    }
}
