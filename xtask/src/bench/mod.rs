//! Benchmarks: `cargo xtask bench`, and the books that they make: `BENCHMARKS.md` with the ratios first, the server's and the
//! probe's.

mod accuracy;
mod book;
mod calibrate;
mod parts;
mod peers;
mod probe;
mod server;

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use book::{Book, Section};

use crate::tools;

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub struct Bench {
    /// A section of the book, `server`, `probe`, or `all`; without a name, every section that ends within minutes.
    what: Option<String>,
    /// Sections of the server's or the probe's: only these.
    sections: Vec<String>,
}

/// What is measured of the house itself.
const HOUSE: Book = Book {
    file: "BENCHMARKS.md",
    head: "# What was measured\n\nPrinted by `cargo xtask bench all`; `cargo xtask bench NAME` measures one section again.",
    group: "",
    sections: &[
        Section {
            name: "estimator",
            title: "One estimate, natively",
            wanted: "Under 1 µs is wanted.",
            work: parts::estimator,
        },
        Section {
            name: "browser",
            title: "The whole catalogue for one machine, in the browser",
            wanted: "A frame of 16 ms is wanted.",
            work: parts::browser,
        },
        Section {
            name: "paste",
            title: "The worst pastes of 256 KiB",
            wanted: "Under 50 ms is wanted, 30 ms is held.",
            work: parts::paste,
        },
        Section {
            name: "accuracy",
            title: "Estimates of devices that the fit had not seen, beside the measurements and beside others' estimates",
            wanted: "",
            work: accuracy::run,
        },
        Section {
            name: "growth",
            title: "Answers with a catalogue of ten times the rows, and with 1 to 256 streams",
            wanted: "",
            work: parts::growth,
        },
        Section {
            name: "peers",
            title: "One estimate beside others' libraries",
            wanted: "",
            work: peers::run,
        },
        Section {
            name: CALIBRATE,
            title: "A refit beside SciPy",
            wanted: "Ten times faster is aimed at.",
            work: calibrate::run,
        },
    ],
};

/// Measures SciPy for minutes: only where it or everything is named.
const CALIBRATE: &str = "calibrate";

/// The word for all sections of all books, in one run.
const ALL: &str = "all";

/// The books whose sections run where the book or everything is named: they install engines of gigabytes, fill
/// databases of a million runs and kill a server fifty times.
const LONG: [Book; 2] = [server::BOOK, probe::BOOK];

/// Measures what was named and writes the books. A section that fails costs no other one its figures.
pub fn run(args: &Bench) -> Result<()> {
    let begun = Instant::now();
    let what = args.what.as_deref();
    let mut failed = Vec::new();
    let mut count = 0;
    for book in [HOUSE].iter().chain(&LONG) {
        for section in book.sections {
            let is_wanted = match what {
                Some(ALL) => true,
                Some(what) if book.group.is_empty() => what == section.name,
                Some(what) if what == book.group => {
                    args.sections.is_empty() || args.sections.iter().any(|name| name == section.name)
                }
                Some(_) => false,
                None => book.group.is_empty() && section.name != CALIBRATE,
            };
            if is_wanted {
                count += 1;
                // What is found stands in the books at once: a run of hours that is ended early loses nothing.
                if let Err(error) = book.measure(section).and_then(|()| write_books()) {
                    eprintln!("{}: {error:#}", section.name);
                    failed.push(format!("{}: {error:#}", section.name));
                }
            }
        }
    }
    if count == 0 {
        let books = [HOUSE].into_iter().chain(LONG);
        let names: Vec<String> = books
            .flat_map(|book| {
                book.sections.iter().map(move |section| format!("{} {}", book.group, section.name))
            })
            .collect();
        bail!("there is no such benchmark; there are{}, and all", names.join(","));
    }
    if what == Some(ALL) {
        fs::write(
            whole_run()?,
            format!("{count} sections, {:.0} minutes", begun.elapsed().as_secs_f64() / 60.0),
        )?;
    }
    write_books()?;
    ensure!(failed.is_empty(), "{} of {count} sections failed:\n{}", failed.len(), failed.join("\n"));
    Ok(())
}

/// The house's book begins with the ratios of all.
fn write_books() -> Result<()> {
    let before = fs::read_to_string(tools::root().join(HOUSE.file)).unwrap_or_default();
    let mut top = format!("Machine: {}.", machine());
    match fs::read_to_string(whole_run()?) {
        Ok(said) => top.push_str(&format!(" {WHOLE}{said}.\n\n")),
        Err(_) => {
            let said = before.split_once(WHOLE).and_then(|(_, rest)| rest.split_once(".\n"));
            top.push_str(&said.map_or("\n\n".to_owned(), |(said, _)| format!(" {WHOLE}{said}.\n\n")));
        }
    }
    top.push_str("## Ratios\n\n| what | ours | beside | ratio | command |\n|---|--:|--:|--:|---|\n");
    for book in [HOUSE].iter().chain(&LONG) {
        top.push_str(&book.ratios(&before)?);
    }
    top.push_str(
        "\nThe server under load, faults and growth: [web/server/BENCHMARKS.md](web/server/BENCHMARKS.md). The probe beside \
         the engines' clocks, llama-bench and other clients: [probe/BENCHMARKS.md](probe/BENCHMARKS.md). Inputs tried on \
         every reader of foreign bytes: [tests/fuzz/RUNS.md](tests/fuzz/RUNS.md), `cargo xtask fuzz`.\n\n",
    );
    HOUSE.write(&top)?;
    for book in &LONG {
        book.write(&format!("Machine: {}.\n\n", machine()))?;
    }
    Ok(())
}

/// What stands before the account of the last run of everything.
const WHOLE: &str = "Last run of all in one: ";

/// Where the account of a run of everything is kept.
fn whole_run() -> Result<std::path::PathBuf> {
    Ok(tools::target_dir()?.join("bench").join("whole-run.txt"))
}

/// Processor and its threads.
fn machine() -> String {
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processor.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown processor", |(_, model)| model);
    format!("{model}, {} threads", std::thread::available_parallelism().map_or(1, usize::from))
}

/// What a program printed, as the book shows it; the lines for the table of ratios stay beside it.
fn printed(found: &str) -> String {
    let (ratios, lines): (Vec<&str>, Vec<&str>) =
        found.lines().partition(|line| line.starts_with(book::RATIO));
    format!("```text\n{}\n```\n{}\n", lines.join("\n"), ratios.join("\n"))
}

/// Runs a command and gives the lines of its output that are wanted; all of them are shown as they come.
fn lines(command: &mut Command, is_wanted: impl Fn(&str) -> bool) -> Result<String> {
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
