//! Turns `messages/*.toml` into Rust, as the generator beside crate `data` does: every table or some, by what is built.
//!
//! Tables named in `ONLY_FULL` are left out of the browser's copy, which renders results and no frame around them.

#[path = "../../data/build/messages.rs"]
mod messages;

/// Tables that only whole pages use.
const ONLY_FULL: &[&str] = &[
    "site",
    "form",
    "method",
    "about",
    "error",
    "drop",
    "report",
    "privacy",
    "profile",
    "measured",
    "embed",
    "leaderboard",
    "api",
    "problem",
    "gate",
    "dispute",
    "pasting",
];
/// The tables that only the preview of a paste uses, and what became of it.
const CONTRIBUTE: [&str; 2] = ["contribute", "state"];
/// All that a paste's preview says: its module has the names of the other tables, which code that it never runs asks for, and
/// nothing in them.
const SAID_OF_A_PASTE: [&str; 2] = ["contribute", "state"];
/// The table that only the table of runs uses.
const BENCHMARKS: &str = "benchmarks";
/// The table that only the page about any model uses.
const GGUF: &str = "gguf";

fn main() {
    let full = std::env::var_os("CARGO_FEATURE_FULL").is_some();
    let contribute = std::env::var_os("CARGO_FEATURE_CONTRIBUTE").is_some();
    let benchmarks = std::env::var_os("CARGO_FEATURE_BENCHMARKS").is_some();
    let gguf = std::env::var_os("CARGO_FEATURE_GGUF").is_some();
    messages::write(&messages::Form {
        is_wanted: &|table| match table {
            table if CONTRIBUTE.contains(&table) => contribute,
            BENCHMARKS => benchmarks,
            GGUF => gguf,
            table => full || !ONLY_FULL.contains(&table),
        },
        is_said: &|table| full || !contribute || SAID_OF_A_PASTE.contains(&table),
        attributes: "",
    });
}
