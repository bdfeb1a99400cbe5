//! Tests that failed, told again at the end: a log of a whole run is long, and its end is what people see.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::tools;

/// So many lines of what a failed test said are kept: its assertion, and the values beside it.
const KEPT_LINES: usize = 12;

/// Runs tests to their end, showing what they print as they print it. An error names each test that failed, with what it
/// said.
pub fn run_tests(command: &mut Command) -> Result<()> {
    let line = tools::shown(command);
    eprintln!("$ {line}");
    let mut child =
        command.stdout(Stdio::piped()).spawn().with_context(|| format!("`{line}` did not start"))?;
    let mut failures = Failures::default();
    let mut out = std::io::stdout();
    for text in BufReader::new(child.stdout.take().context("its output is piped")?).split(b'\n') {
        let text = text?;
        out.write_all(&text)?;
        out.write_all(b"\n")?;
        failures.read(&String::from_utf8_lossy(&text));
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("`{line}` failed ({status}){}", failures.told());
    }
    Ok(())
}

/// What libtest's report says of failed tests, read line by line.
#[derive(Default)]
struct Failures {
    /// Name of a test, and the first lines that it printed.
    tests: Vec<(String, Vec<String>)>,
    /// Whether the lines that come are what the last of these printed.
    within: bool,
}

impl Failures {
    fn read(&mut self, line: &str) {
        let line = line.trim_end();
        if let Some(name) = line.strip_prefix("---- ").and_then(|rest| rest.strip_suffix(" stdout ----")) {
            self.tests.push((name.to_owned(), Vec::new()));
            self.within = true;
        } else if line == "failures:" || line.starts_with("test result: ") {
            self.within = false;
        } else if let (true, false, Some((_, said))) = (self.within, line.is_empty(), self.tests.last_mut())
            && said.len() < KEPT_LINES
        {
            said.push(line.to_owned());
        }
    }

    /// The tests below one another, each with its lines indented; nothing where no test was named.
    fn told(&self) -> String {
        let tests = self.tests.iter().map(|(name, said)| {
            let said: String = said.iter().map(|line| format!("\n        {line}")).collect();
            format!("\n    {name}{said}")
        });
        tests.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_tests_are_told_with_what_they_said() {
        let report = "\
running 3 tests
test a ... ok
test deep::b ... FAILED
test c ... FAILED

failures:

---- deep::b stdout ----

thread 'deep::b' panicked at src/lib.rs:3:5:
one is not two

---- c stdout ----
Error: gone


failures:
    c
    deep::b

test result: FAILED. 1 passed; 2 failed; 0 ignored

running 1 test
test d ... ok
";
        let mut failures = Failures::default();
        report.lines().for_each(|line| failures.read(line));
        assert_eq!(
            failures.told(),
            "\n    deep::b\n        thread 'deep::b' panicked at src/lib.rs:3:5:\n        one is not two\n    c\n        Error: gone"
        );
    }

    #[test]
    fn a_long_answer_is_cut() {
        let mut failures = Failures::default();
        failures.read("---- a stdout ----");
        (0..100).for_each(|at| failures.read(&at.to_string()));
        assert_eq!(failures.tests[0].1.len(), KEPT_LINES);
    }
}
