//! Benchmarks: `cargo xtask bench`, and the book that they make, `BENCHMARKS.md`.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::{bench_calibrate, bench_peers, bench_server, engines, tools, wasm};

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub struct Bench {
    /// `estimator`, `browser`, `paste`, `accuracy`, `growth`, `peers`, `calibrate`, `server`, `probe`, or `all`; all but the
    /// last four where none is named.
    what: Option<String>,
    /// Sections of the probe's or the server's: only these.
    sections: Vec<String>,
}

/// A section of the book: its name on the command line, what it answers, and the work, which gives its lines.
struct Section {
    name: &'static str,
    title: &'static str,
    work: fn() -> Result<String>,
}

const SECTIONS: &[Section] = &[
    Section { name: "estimator", title: "One estimate, natively (under 1 µs is wanted)", work: estimator },
    Section {
        name: "browser",
        title: "The whole catalogue for one machine, in the browser (16 ms are wanted)",
        work: browser,
    },
    Section {
        name: "paste",
        title: "The worst pastes of 256 KiB (under 50 ms is wanted, 35 ms is held)",
        work: paste,
    },
    Section {
        name: "accuracy",
        title: "Estimates of devices that the fit had not seen, beside the measurements",
        work: accuracy,
    },
    Section {
        name: "growth",
        title: "Answers with a catalogue of ten times the rows, and with 1 to 256 streams",
        work: growth,
    },
    Section { name: "peers", title: "One estimate beside others' libraries", work: bench_peers::run },
];

/// Installs engines of gigabytes and measures for an hour: only where it or everything is named.
const PROBE: &str = "probe";
const ALL: &str = "all";

/// Installs SciPy and measures for minutes: only where it is named.
const CALIBRATE: &str = "calibrate";

/// Fills databases of a million runs and kills a server fifty times: only where it or everything is named.
const SERVER: &str = "server";

/// Runs the benchmark that was named, or all; what was found is kept under `<target>/bench` and written to the book.
pub fn run(args: &Bench) -> Result<()> {
    let what = args.what.as_deref();
    if what == Some(PROBE) {
        return probe(&args.sections);
    }
    if what == Some(SERVER) {
        return bench_server::run(&args.sections);
    }
    if what == Some(CALIBRATE) {
        return bench_calibrate::run();
    }
    let is_wanted = |section: &&Section| what.is_none_or(|what| what == ALL || what == section.name);
    let chosen: Vec<&Section> = SECTIONS.iter().filter(is_wanted).collect();
    if chosen.is_empty() {
        let names: Vec<&str> =
            SECTIONS.iter().map(|section| section.name).chain([CALIBRATE, SERVER, PROBE, ALL]).collect();
        bail!("there is no such benchmark; there are {}", names.join(", "));
    }
    for section in chosen {
        let found = (section.work)()?;
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load = load.split(' ').next().filter(|load| !load.is_empty()).unwrap_or("unknown");
        let day = tools::read(Command::new("date").args(["-u", "+%Y-%m-%d"]))?;
        // A table is one in the book as well.
        let fence = if found.contains("\n|--") { ["", ""] } else { ["```text\n", "\n```"] };
        let text = format!(
            "_{day}, load average {load} at its end_\n\n{}{}{}\n",
            fence[0],
            found.trim_end(),
            fence[1]
        );
        let file = kept(section.name)?;
        fs::create_dir_all(file.parent().context("a folder")?)?;
        fs::write(file, text)?;
    }
    if what == Some(ALL) {
        bench_server::run(&[])?;
        probe(&[])?;
    }
    let book = tools::root().join("BENCHMARKS.md");
    let before = fs::read_to_string(&book).unwrap_or_default();
    fs::write(&book, text(&before)?).with_context(|| format!("{} cannot be written", book.display()))
}

/// Where a section's findings are kept between runs.
fn kept(name: &str) -> Result<PathBuf> {
    Ok(tools::target_dir()?.join("bench").join(format!("{name}.md")))
}

/// What a book says of a section below the line with its command; none where it is not in the book.
pub fn told<'a>(book: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = book.split_once(&format!("\n`cargo xtask bench {name}`"))?;
    let (_, after) = after.split_once("\n\n")?;
    Some(after.split_once("\n## ").map_or(after, |(section, _)| section).trim_end())
}

/// The book of all that was found; a section that did not run here keeps what it said before.
fn text(before: &str) -> Result<String> {
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processor.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown processor", |(_, model)| model);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut text = format!(
        "# What was measured\n\nPrinted by `cargo xtask bench all`; `cargo xtask bench NAME` runs one section again. \
         Machine: {model}, {threads} threads.\n\n"
    );
    for Section { name, title, .. } in SECTIONS {
        writeln!(text, "## {title}\n\n`cargo xtask bench {name}`\n")?;
        match fs::read_to_string(kept(name)?) {
            Ok(found) => writeln!(text, "{found}")?,
            Err(_) => writeln!(text, "{}\n", told(before, name).unwrap_or("Not run on this machine yet."))?,
        }
    }
    writeln!(
        text,
        "## The server under load, faults and growth\n\n`cargo xtask bench server`: \
         [web/server/BENCHMARKS.md](web/server/BENCHMARKS.md)\n"
    )?;
    writeln!(
        text,
        "## The probe beside the engines' clocks, llama-bench and other clients\n\n`cargo xtask bench probe`: \
         [probe/BENCHMARKS.md](probe/BENCHMARKS.md)"
    )?;
    writeln!(
        text,
        "\n## Inputs tried on every reader of foreign bytes\n\n`cargo xtask fuzz`: [tests/fuzz/RUNS.md](tests/fuzz/RUNS.md)"
    )?;
    Ok(text)
}

/// Runs a command and gives the lines of its output that are wanted; all of them are shown as they come.
pub fn lines(command: &mut Command, is_wanted: impl Fn(&str) -> bool) -> Result<String> {
    let mut child = command.stdout(Stdio::piped()).spawn().context("the benchmark did not start")?;
    let mut found = String::new();
    for line in BufReader::new(child.stdout.take().context("its output")?).lines() {
        let line = line?;
        println!("{line}");
        if is_wanted(&line) {
            found.push_str(&line);
            found.push('\n');
        }
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("the benchmark failed ({status})");
    }
    Ok(found)
}

/// One estimate, natively, optimised.
fn estimator() -> Result<String> {
    lines(&mut tools::cargo(["bench", "--package", "llm-speed-estimator"]), |line| line.contains("time:"))
}

/// The longest pastes that make the reader look far, optimised; one that takes too long fails.
fn paste() -> Result<String> {
    let run = ["run", "--quiet", "--release", "--package", "llm-speed-data", "--no-default-features"];
    lines(tools::cargo(run).args(["--example", "worst_pastes"]), |line| line.contains(" ms  "))
}

/// The whole catalogue for one machine, in WASM, in the browser, against one frame.
fn browser() -> Result<String> {
    wasm::build(None)?;
    tools::run(&mut tools::cargo(["build", "--package", "llm-speed-server"]))?;
    tools::install_browser()?;
    lines(&mut tools::cargo(["run", "--quiet", "--package", "llm-speed-tests", "--bin", "frame"]), |line| {
        !line.starts_with('{')
    })
}

/// What grows with the catalogue and with streams, optimised.
fn growth() -> Result<String> {
    let bin = ["run", "--release", "--quiet", "--package", "llm-speed-tests", "--bin", "growth"];
    lines(&mut tools::cargo(bin), |_| true)
}

/// Every figure and class, leaving one device out at a time.
fn accuracy() -> Result<String> {
    let mut cargo = tools::cargo(["run", "--quiet", "--package", "llm-speed-calibrate", "--"]);
    lines(cargo.args(["score", "--cv", "device"]), |line| line.contains(" devices "))
}

/// The probe against real engines, llama-bench and other clients; its report is `probe/BENCHMARKS.md`.
fn probe(sections: &[String]) -> Result<()> {
    for engine in ["llama-server", "gemma-3-270m", "llama-bench", "llama-benchy", "mlx", "vllm"] {
        engines::install(engine)?;
    }
    if tools::which("stress-ng").is_none() {
        tools::apt_install(&["stress-ng"])?;
    }
    tools::run(&mut tools::cargo(["build", "--release", "--package", "llm-speed-probe"]))?;
    tools::run(&mut tools::cargo(["build", "--release", "--package", "llm-speed-tests", "--bins"]))?;
    let mut program = Command::new(tools::target_dir()?.join("release/probe_bench"));
    tools::run(program.args(sections))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_that_did_not_run_keeps_what_the_book_says() {
        let book = "# Book\n\n## One\n\n`cargo xtask bench one`\n\n_day_\n\n| a |\n\n## Two\n\n`cargo xtask bench two`. Wanted.\n\nLast.\n";
        assert_eq!(told(book, "one"), Some("_day_\n\n| a |"));
        assert_eq!(told(book, "two"), Some("Last."));
        assert_eq!(told(book, "three"), None);
    }
}
