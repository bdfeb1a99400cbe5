//! The server under load, faults and growth: `cargo xtask bench server`, section by section.

use std::process::Command;

use anyhow::Result;

use super::book::{Book, Section};
use super::lines;
use crate::tools;

/// What is measured of the server.
pub const BOOK: Book = Book {
    file: "web/server/BENCHMARKS.md",
    head: "# The server beside what it stands on\n\nPrinted by `cargo xtask bench server`; `cargo xtask bench server NAME` \
           measures one section again. Database and load on the same machine.",
    group: "server",
    sections: &[
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
            name: "table",
            title: "The table of runs with a thousand to a hundred thousand rows",
            wanted: "Each page is asked for once, so that none is kept; one request at a time.",
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
    ],
};

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
