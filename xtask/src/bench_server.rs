//! The server under load, faults and growth: `cargo xtask bench server`, section by section; `web/server/BENCHMARKS.md` is
//! its book.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::bench::{lines, told};
use crate::tools;

/// A section: its name, what it answers, what was wanted, and the work.
struct Section {
    name: &'static str,
    title: &'static str,
    wanted: &'static str,
    work: fn(&str) -> Result<String>,
}

const SECTIONS: &[Section] = &[
    Section {
        name: "submissions",
        title: "Signed submissions that are accepted and on disk",
        wanted: "At least half of what a bare loop of the same inserts reaches on the same kind of database: one \
                 transaction a run there, a transaction of up to 64 runs here, after proof of work, signature, estimate \
                 and everything that is known were looked at. Loopback, 48 clients, synchronous commit; three rounds in \
                 turn, the one with the middle ratio.",
        work: example,
    },
    Section {
        name: "reading",
        title: "Pages and medians with a thousand and a million runs",
        wanted: "p99 under 50 ms, and within twice the time with a thousand runs. The load comes from a process of its own, \
                 48 clients; times count from the moment at which a request was due.",
        work: example,
    },
    Section {
        name: "growth",
        title: "Growth with the runs that are stored",
        wanted: "Fifty runs a cell, each with one point; one request at a time. \u{201c}Medians anew\u{201d} is the first \
                 answer after a start.",
        work: example,
    },
    Section {
        name: "idle",
        title: "Ten thousand connections that say nothing",
        wanted: "No crash, and others are answered.",
        work: example,
    },
    Section {
        name: "kills",
        title: "Fifty kills in the middle of a burst",
        wanted: "Every acknowledged run present, none twice, the log consistent; on a file and on PostgreSQL.",
        work: kills,
    },
];

/// Runs the sections that are named, or all, and writes the book of what was found here.
pub fn run(wanted: &[String]) -> Result<()> {
    if let Some(other) = wanted.iter().find(|name| !SECTIONS.iter().any(|section| section.name == **name)) {
        let names: Vec<&str> = SECTIONS.iter().map(|section| section.name).collect();
        bail!("there is no section {other} of the server's; there are {}", names.join(", "));
    }
    for section in SECTIONS {
        if wanted.is_empty() || wanted.iter().any(|name| name == section.name) {
            let found = (section.work)(section.name)?;
            let day = tools::read(Command::new("date").args(["-u", "+%Y-%m-%d"]))?;
            let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
            let load = load.split(' ').next().unwrap_or_default();
            let text =
                format!("{}\n\n_{day}; load average of the machine at its end: {load}_\n", found.trim_end());
            let file = kept(section.name)?;
            fs::create_dir_all(file.parent().context("a folder")?)?;
            fs::write(file, text)?;
        }
    }
    let book = tools::root().join("web/server/BENCHMARKS.md");
    let before = fs::read_to_string(&book).unwrap_or_default();
    fs::write(&book, text(&before)?).with_context(|| format!("{} cannot be written", book.display()))
}

/// Where a section's findings are kept between runs.
fn kept(name: &str) -> Result<PathBuf> {
    Ok(tools::target_dir()?.join("bench").join(format!("server-{name}.md")))
}

/// A section of the example, which prints a table.
fn example(name: &str) -> Result<String> {
    let package = ["build", "--release", "--package", "llm-speed-server", "--bins", "--examples"];
    tools::run(&mut tools::cargo(package))?;
    lines(Command::new(tools::target_dir()?.join("release/examples/bench")).arg(name), |_| true)
}

/// The test of kills with fifty rounds, on each database.
fn kills(_: &str) -> Result<String> {
    let test = ["test", "--workspace", "--test", "http", "survives_a_kill", "--", "--nocapture"];
    let told =
        lines(tools::cargo(test).args(["--test-threads", "1"]).env("LLM_SPEED_KILL_ROUNDS", "50"), |line| {
            line.contains("kills:")
        })?;
    Ok(["file", "PostgreSQL"]
        .iter()
        .zip(told.lines())
        .map(|(on, line)| format!("- {on}: {line}\n"))
        .collect())
}

/// The book of all that was found; a section that did not run here keeps what it said before.
fn text(before: &str) -> Result<String> {
    let mut text = String::from(
        "# The server beside what it stands on\n\nWritten by `cargo xtask bench server`; `cargo xtask bench server NAME` \
         measures one section again. Two shared cores of an AMD EPYC, Linux; database and load on the same machine.\n\n",
    );
    for Section { name, title, wanted, .. } in SECTIONS {
        writeln!(text, "## {title}\n\n`cargo xtask bench server {name}`. {wanted}\n")?;
        match fs::read_to_string(kept(name)?) {
            Ok(found) => writeln!(text, "{found}")?,
            Err(_) => {
                let before = told(before, &format!("server {name}"));
                writeln!(text, "{}\n", before.unwrap_or("Not run on this machine yet."))?;
            }
        }
    }
    Ok(text.trim_end().to_owned() + "\n")
}
