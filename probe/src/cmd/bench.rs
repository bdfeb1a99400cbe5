//! `bench`: measures this machine with one runtime and one model, saves the run, prints it.

mod ending;
pub(super) mod identify;
mod progress;
mod record;
mod session;
mod time;
mod whole;

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use data::row::SuiteRow;

use super::UsageError;
use super::beside::Beside;
use super::runtimes::Where;
use super::words::count;
use crate::driver::{CrossCheck, DriverError, ModelRef, Runtime};
use crate::plan::{self, Extent, Point, Tokens};
use crate::schedule::Slot;
use crate::watch::Watch;
use crate::{interrupt, names, result, runs, suites};

use progress::Progress;
use record::Record;
use session::Session;
use time::Time;
use whole::Whole;

/// Measure how fast this machine runs a model, and save the run.
#[derive(clap::Args)]
pub struct Bench {
    #[command(flatten)]
    place: Where,
    /// The model: as the runtime names it, a GGUF file for llama.cpp, or a folder for MLX; else the first that is found.
    #[arg(long, value_name = "REF")]
    model: Option<OsString>,
    /// Only these workloads, by number or name, separated by commas.
    #[arg(long, value_name = "W1,W2", value_delimiter = ',')]
    workload: Vec<String>,
    /// The suite: one that is built in, or that self-update fetched.
    #[arg(long, value_name = "ID", default_value = SUITE, conflicts_with = "shapes")]
    suite: String,
    /// The four shapes of the benchmark page, with one stream and with four, in place of the suite's workloads.
    #[arg(long)]
    shapes: bool,
    /// A smoke test of half a minute: W1 with fewer tokens, which is kept here and counts nowhere.
    #[arg(long, conflicts_with_all = ["full", "workload", "shapes"])]
    quick: bool,
    /// Everything, however long it takes; otherwise what two minutes allow.
    #[arg(long)]
    full: bool,
    /// Seconds that the run may take, in place of two minutes: all workloads, and reading the model's file.
    #[arg(long, value_name = "SECONDS", conflicts_with = "full", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    budget: Option<u64>,
    /// Print the plan, and measure nothing.
    #[arg(long, conflicts_with_all = ["json", "md", "print_payload"])]
    plan: bool,
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
    /// Also write the run to this file; - is standard output, and what is for people then goes to standard error.
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

    /// Time for the run; none is without limit.
    fn budget(&self) -> Option<Duration> {
        self.budget.map(Duration::from_secs).or_else(|| self.extent().budget())
    }

    /// Whether standard output is one JSON object, for a program that reads it.
    fn json_is_output(&self) -> bool {
        self.json.as_deref().is_some_and(|path| path.as_os_str() == "-")
    }

    /// A place where nothing can be written is told before the run, not after it.
    fn json_can_be_written(&self) -> Result<(), UsageError> {
        let Some(path) = self.json.as_deref().filter(|_| !self.json_is_output()) else { return Ok(()) };
        let is_new = !path.exists();
        // Folders that lack are made, as they are at the end.
        let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        let opened = made.and_then(|()| std::fs::OpenOptions::new().append(true).create(true).open(path));
        opened.map_err(|error| {
            UsageError(format!("--json: {} cannot be written ({error}); name another file", path.display()))
        })?;
        if is_new {
            // An empty file that stays is overwritten at the end.
            let _ = std::fs::remove_file(path);
        }
        Ok(())
    }

    /// Fewest and most repeats of a point.
    fn repeats(&self) -> (u32, u32) {
        self.repeat.map_or_else(|| self.extent().repeats(), |count| (count, count))
    }

    /// What every result says of how it was asked for.
    fn marks(&self) -> impl Iterator<Item = &'static str> {
        [(self.quick, runs::QUICK), (self.no_reasoning, "no_reasoning")]
            .into_iter()
            .filter_map(|(is_on, word)| is_on.then_some(word))
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
    arguments.json_can_be_written()?;
    let (backend, mut runtime, mut model) = arguments.place.choose(arguments.model.as_deref())?;
    identify::complete(&mut model);

    let mut record = Record::begin(&suite.id, backend, &*runtime, &model, arguments.anon)?;
    record.marks.extend(arguments.marks());
    // The run's time begins here: reading the model's file is a part of it.
    let (begun, budget) = (Instant::now(), arguments.budget());
    let mut whole = Whole::begin(&model, &record.folder, begun, budget);
    whole.tell(&mut record.submission.model);
    let beside = Beside::new(&record.submission.fingerprint, backend, &model, runtime.is_here());
    record.submission.model.id.clone_from(&beside.model);
    let barred: Vec<Option<String>> =
        points.iter().map(|point| session::barred(&*runtime, &model, &beside, point)).collect();
    let mut time = Time::new(whole.end_of_workloads(), arguments.repeats(), &points, &beside, barred);
    // A server that is started for a point tells its version then.
    eprintln!("{backend}, {}", record.submission.model.reference);
    let bill = (!runtime.is_here()).then(|| bill(time.tokens()));
    let loads = runtime.takes_memory_when_asked().then(|| loading(budget.is_some()).to_owned());
    time.print_plan(&bill.into_iter().chain(loads).chain(whole.line()).collect::<Vec<_>>());
    if arguments.plan {
        return Ok(());
    }

    if arguments.full {
        record.cross_check = cross_check(&*runtime, &model);
    }
    let watch = Watch::start();
    let mut session =
        Session { runtime: &mut runtime, model: &model, lengths: None, points: &points, hangs: false };
    // The version, where only replies tell it.
    let mut told: Option<String> = None;
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
                let mut replies = series.rounds.iter().flatten();
                told = replies.find_map(|reply| session.runtime.version_in(&reply.extras)).or(told);
                let found = result::of(point, &series, &record.submission.calibration);
                time.learn(index, &found);
                match &found.skipped {
                    Some(reason) => progress.failed(reason, true),
                    None => measured = Some(series),
                }
                record.add(found);
            }
            Err(error) if error.is_interrupt() => record.skip(point, "interrupted"),
            Err(error) => {
                // What a server said is for the person in front of it: it may name people and folders.
                let reason = session::explain(&error, point);
                let told = if error.is_out_of_time() { reason.clone() } else { printable_lines(&error) };
                progress.failed(&told, error.is_limit());
                record.skip(point, &reason);
            }
        }
        let version = told.clone().unwrap_or_else(|| session.runtime.version());
        record.note_running(&version, session.runtime.running());
        record.try_to_save();
        // What a person was told is done is on disk.
        if let Some(series) = measured {
            progress.done(&series);
            if let Some(line) = record.cross_check_line(point, &series) {
                eprintln!("  {line}");
            }
        }
    }
    // What we started ends before anything else is done.
    drop(runtime);
    record.end(watch.end());
    if !interrupt::requested() && record.has_results() {
        if whole.has_time() {
            // A kill while it is read loses nothing.
            record.try_to_save();
            whole.go_on();
            whole.tell(&mut record.submission.model);
        }
        if let Some(remark) = whole.remark() {
            eprintln!("note: {remark}");
        }
    }
    ending::finish(arguments, record, &points, &beside, out)
}

/// What a service, or a machine elsewhere, will be asked for, which may cost money: as planned, and at the most.
fn bill([planned, most]: [Tokens; 2]) -> String {
    let tokens = |tokens: Tokens| (count(tokens.sent), count(tokens.asked_for));
    let (sent, asked_for) = tokens(planned);
    let (most_sent, most_asked_for) = tokens(most);
    let more = match most == planned {
        true => String::new(),
        false => format!(", at most {most_sent} and {most_asked_for} where repeats differ"),
    };
    format!(
        "in all it sends about {sent} tokens of prompts and asks for {asked_for} of answers{more}; \
         --workload and --repeat make it less"
    )
}

fn loading(is_limited: bool) -> &'static str {
    match is_limited {
        true => "loading the model comes on top, and counts in the limit",
        false => "loading the model comes on top",
    }
}

/// The runtime's own benchmark, before a server takes the memory; one that fails is a remark.
fn cross_check(runtime: &dyn Runtime, model: &ModelRef) -> Option<CrossCheck> {
    match runtime.cross_check(model)? {
        Ok(found) => Some(found),
        Err(error) => {
            eprintln!("note: no comparison with the runtime's own benchmark: {}", printable_lines(&error));
            None
        }
    }
}

/// An error's words, line by line: a log that a server left behind has several.
fn printable_lines(error: &DriverError) -> String {
    error.to_string().lines().map(names::printable).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_told_as_planned_and_at_the_most() {
        let tokens = |sent, asked_for| Tokens { sent, asked_for };
        let line = bill([tokens(999, 1_000), tokens(1_234_567, 12_345)]);
        assert!(
            line.contains(
                "999 tokens of prompts and asks for 1,000 of answers, at most 1,234,567 and 12,345"
            )
        );
        assert!(!bill([tokens(1, 2); 2]).contains("at most"), "as many repeats as were named");
    }
}
