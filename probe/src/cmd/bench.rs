//! `bench`: measures this machine with one runtime and one model, saves the run, prints it.

pub(super) mod identify;
mod progress;
mod record;
mod time;

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use data::row::SuiteRow;
use data::submission::{Submission, WorkloadResult};

use super::UsageError;
use super::beside::Beside;
use super::runtimes::Where;
use crate::client::consent;
use crate::driver::{DriverError, ModelRef, Need, Runtime};
use crate::measure::{Bench as Bencher, Lengths, Limits, Series};
use crate::plan::{self, Extent, Point};
use crate::report::{self, Line};
use crate::runs::{self, SavedRun};
use crate::schedule::Slot;
use crate::watch::Watch;
use crate::{interrupt, result, suites, trace};

use progress::Progress;
use record::Record;
use time::Time;

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
    /// The suite: one that is built in, or that self-update fetched.
    #[arg(long, value_name = "ID", default_value = SUITE, conflicts_with = "shapes")]
    suite: String,
    /// The four shapes of the benchmark page, with one stream and with four, in place of the suite's workloads.
    #[arg(long)]
    shapes: bool,
    /// A smoke test of half a minute.
    #[arg(long, conflicts_with = "full")]
    quick: bool,
    /// Everything, however long it takes; otherwise what two minutes allow.
    #[arg(long)]
    full: bool,
    /// Seconds that all workloads together may take, in place of two minutes.
    #[arg(long, value_name = "SECONDS", conflicts_with = "full", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    budget: Option<u64>,
    /// Repeats of each point; without it, as many as make the answer sure.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    repeat: Option<u32>,
    /// Only the first turns of the agent's trace (W5).
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=10))]
    turns: Option<u32>,
    /// Keep the run on this machine.
    #[arg(long)]
    no_upload: bool,
    /// The server to send it to; without it LLM_SPEED_SERVER, or the one on this machine.
    #[arg(long, value_name = "URL", conflicts_with = "no_upload")]
    server: Option<String>,
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

impl Bench {
    fn extent(&self) -> Extent {
        match (self.quick, self.full) {
            (true, _) => Extent::Quick,
            (_, true) => Extent::Full,
            _ => Extent::Default,
        }
    }

    /// Time for all workloads together; none is without limit.
    fn budget(&self) -> Option<Duration> {
        self.budget.map(Duration::from_secs).or_else(|| self.extent().budget())
    }

    /// Fewest and most repeats of a point.
    fn repeats(&self) -> (u32, u32) {
        self.repeat.map_or_else(|| self.extent().repeats(), |count| (count, count))
    }

    fn points(&self, suite: &SuiteRow) -> Result<Vec<Point>> {
        let mut points = plan::points(suite, &self.workload, self.extent()).map_err(UsageError)?;
        if let Some(turns) = self.turns {
            plan::cut_turns(&mut points, turns);
        }
        Ok(points)
    }
}

/// Id of the suite that is run, and of the four shapes.
const SUITE: &str = "suite-v1";
const SHAPES: &str = "shapes-v1";

pub fn run(arguments: &Bench, out: &mut dyn Write) -> Result<()> {
    interrupt::listen().context("Ctrl-C cannot be handled")?;
    let wanted = if arguments.shapes { SHAPES } else { &arguments.suite };
    let suite = suites::find(&runs::data_folder()?, wanted);
    let suite = suite.ok_or_else(|| {
        UsageError(format!("there is no suite {wanted}; `llm-speed-probe self-update` fetches newer ones"))
    })?;
    let points = arguments.points(&suite)?;
    let (backend, mut runtime, mut model) = arguments.place.choose(arguments.model.as_deref())?;
    identify::complete(&mut model);

    let mut record = Record::begin(&suite.id, backend, &*runtime, &model, arguments.anon)?;
    let beside = Beside::new(&record.submission.fingerprint, backend, &model);
    record.submission.model.id.clone_from(&beside.model);
    let mut time = Time::new(arguments.budget(), arguments.repeats(), &points, &beside);
    // A server that is started for a point tells its version then.
    eprintln!("{backend}, {}", record.submission.model.reference);
    time.print_plan();

    let watch = Watch::start();
    let mut session = Session { runtime: &mut runtime, model: &model, lengths: None, points: &points };
    for (index, point) in points.iter().enumerate() {
        if interrupt::requested() {
            record.skip(point, "interrupted");
            continue;
        }
        let limits = match time.slot(index) {
            (Slot::LeftOut(reason), _) => {
                record.skip(point, &reason);
                continue;
            }
            (Slot::Runs(_), limits) => limits,
        };
        let progress = Progress::new(index, &points, limits.planned, time.left_s(index));
        let mut measured = None;
        match session.measure(point, limits, &record.id, arguments.no_reasoning, &progress, &mut time) {
            Ok(series) => {
                record.note(point, &series);
                let found = result::of(point, &series, &record.submission.calibration);
                time.learn(index, &found);
                record.submission.workloads.push(found);
                measured = Some(series);
            }
            Err(error) if error.is_interrupt() => record.skip(point, "interrupted"),
            Err(error) => {
                let reason = explain(&error, point);
                progress.failed(&reason, error.is_limit());
                record.skip(point, &reason);
            }
        }
        record.submission.backend.version = session.runtime.version();
        record.try_to_save();
        // What a person was told is done is on disk.
        if let Some(series) = measured {
            progress.done(&series);
        }
    }
    // What we started ends before anything else is done.
    drop(runtime);
    record.end(watch.end());
    finish(arguments, record, &points, &beside, out)
}

/// Runtime and model. People paste this into an issue: the name as it stands in the run, without folders.
fn title(run: &Submission) -> String {
    format!("{} {}, {}", run.backend.name, run.backend.version, run.model.reference)
}

fn explain(error: &DriverError, point: &Point) -> String {
    if error.is_out_of_time() {
        return format!(
            "one repeat was not done when the run's time was up; --full or --workload {} gives it more",
            point.workload
        );
    }
    error.to_string()
}

/// One runtime with one model through all points.
struct Session<'a> {
    runtime: &'a mut Box<dyn Runtime>,
    model: &'a ModelRef,
    /// Found out once.
    lengths: Option<Lengths>,
    points: &'a [Point],
}

impl Session<'_> {
    fn measure(
        &mut self,
        point: &Point,
        limits: Limits,
        run_id: &str,
        no_reasoning: bool,
        progress: &Progress,
        time: &mut Time<'_>,
    ) -> Result<Series, DriverError> {
        let begun = Instant::now();
        self.prepare(point)?;
        let lengths = match self.lengths {
            Some(lengths) => lengths,
            None => Bencher::lengths(&**self.runtime, self.model, run_id)?,
        };
        self.lengths = Some(lengths);
        time.ready_took(begun.elapsed());
        let (runtime, model) = (&**self.runtime, self.model);
        let bench = Bencher { runtime, model, nonce: run_id.to_owned(), lengths, no_reasoning, limits };
        bench.run(point, &mut |round| progress.show(round))
    }

    /// Makes the runtime ready for a point; points that come later with as many streams are served by the same start, as
    /// far as the trace's length.
    fn prepare(&mut self, point: &Point) -> Result<(), DriverError> {
        let (model, streams) = (self.model, point.streams);
        let own = point.context_tokens();
        if let Some(limit) = model.context_tokens.filter(|limit| *limit < own) {
            return Err(DriverError::Limit(format!("the model's context ends at {limit} tokens")));
        }
        let shared = self
            .points
            .iter()
            .filter(|other| other.streams == streams && other.workload != "W3")
            .map(Point::context_tokens)
            .filter(|tokens| model.context_tokens.is_none_or(|limit| *tokens <= limit))
            .fold(own, u32::max);
        let ready = self.runtime.prepare(model, Need { context_tokens: shared, streams });
        if shared > own && ready.is_err() {
            self.runtime.prepare(model, Need { context_tokens: own, streams })?;
        } else {
            ready?;
        }
        let Some(tokens) = trace_tokens(&**self.runtime, model, point)? else { return Ok(()) };
        if let Some(limit) = model.context_tokens.filter(|limit| *limit < tokens) {
            let reason =
                format!("the trace is {tokens} tokens for this model, whose context ends at {limit}");
            return Err(DriverError::Limit(reason));
        }
        self.runtime.prepare(model, Need { context_tokens: tokens, streams })
    }
}

/// What a trace's last turn needs in this model's tokens, where its text is longer than the suite reckons with.
fn trace_tokens(runtime: &dyn Runtime, model: &ModelRef, point: &Point) -> Result<Option<u32>, DriverError> {
    /// Tokens that a chat template puts around a message, generously.
    const AROUND_A_MESSAGE: u32 = 24;
    if point.turns < 2 {
        return Ok(None);
    }
    let messages = trace::turns("").into_iter().take(point.turns as usize).next_back().unwrap_or_default();
    let text: Vec<&str> = messages.iter().map(|message| message.content.as_str()).collect();
    let Some(tokens) = runtime.count_tokens(model, &text.join("\n"))? else { return Ok(None) };
    let needed = tokens + messages.len() as u32 * AROUND_A_MESSAGE + point.output_tokens;
    Ok((needed > point.context_tokens()).then_some(needed))
}

fn finish(
    arguments: &Bench,
    mut record: Record,
    points: &[Point],
    beside: &Beside,
    out: &mut dyn Write,
) -> Result<()> {
    let title = title(&record.submission);
    let (path, saved) = record.save_somewhere(out)?;
    let lines: Vec<Line<'_>> = saved
        .workloads
        .iter()
        .zip(points)
        .map(|(result, point)| Line { result, estimate: beside.speed(point).map(|speed| speed.decode_tps) })
        .collect();
    if arguments.md {
        report::write_markdown(&title, &lines, out)?;
    } else {
        report::write_table(&lines, out)?;
    }
    write_copies(arguments, &saved, out)?;
    let empty = saved.workloads.iter().all(|found: &WorkloadResult| found.skipped.is_some());
    let wanted = !arguments.no_upload && !empty && !interrupt::requested();
    let page = if wanted { upload(arguments, &saved) } else { None };
    match page {
        Some(page) => writeln!(out, "run {} saved in {}\n{page}", saved.run_id, path.display())?,
        None => writeln!(out, "run {} saved in {}", saved.run_id, path.display())?,
    }
    if empty {
        return Err(anyhow!("no workload could be measured"));
    }
    Ok(())
}

/// Sends the run where that was agreed to, after asking once on a terminal; the result's page then. Whatever goes wrong
/// is a remark: the run is safe.
fn upload(arguments: &Bench, saved: &SavedRun) -> Option<String> {
    let later = format!("`llm-speed-probe upload {}` sends it", saved.run_id);
    let folder = runs::data_folder().ok()?;
    let client = match super::upload::client(arguments.server.as_deref()) {
        Ok(client) => client,
        Err(error) => {
            eprintln!("kept on this machine: {error}");
            return None;
        }
    };
    let is_terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    let agreed = match consent::remembered(&folder) {
        Some(answer) => answer,
        None if !is_terminal => {
            eprintln!("kept on this machine: nobody has agreed to send runs yet; {later}");
            return None;
        }
        None => {
            let answer = consent::ask(&client.place(), &mut std::io::stdin().lock(), &mut std::io::stderr());
            let answer = answer.ok().flatten();
            if let Some(answer) = answer
                && let Err(error) = consent::remember(&folder, answer)
            {
                eprintln!("note: the answer cannot be remembered ({error})");
            }
            answer.unwrap_or(false)
        }
    };
    if !agreed {
        eprintln!("kept on this machine; {later}");
        return None;
    }
    match super::upload::send(&client, &folder, saved) {
        Ok(page) => Some(page),
        Err(error) => {
            eprintln!("kept on this machine: {error:#}; {later}");
            None
        }
    }
}

/// What was asked for beside the table: the payload, the run as JSON.
fn write_copies(arguments: &Bench, saved: &SavedRun, out: &mut dyn Write) -> Result<()> {
    if arguments.print_payload {
        out.write_all(&saved.envelope.open()?)?;
        writeln!(out)?;
    }
    let Some(json) = &arguments.json else { return Ok(()) };
    let bytes = serde_json::to_vec_pretty(saved)?;
    if json.as_os_str() == "-" {
        out.write_all(&bytes)?;
        writeln!(out)?;
        return Ok(());
    }
    runs::write_whole(json, &bytes).with_context(|| format!("{} cannot be written", json.display()))
}
