//! Books of what was measured: sections under the command that made them, and ratios first.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::tools;

/// A section: its name on the command line, what it answers, what was wanted, and the work, which gives its lines.
pub struct Section {
    pub name: &'static str,
    pub title: &'static str,
    /// What was asked of it, or how it is measured; may be empty.
    pub wanted: &'static str,
    pub work: fn(&str) -> Result<String>,
}

/// A file of sections.
pub struct Book {
    /// Where it lies in the repository.
    pub file: &'static str,
    /// Its heading and what holds for all sections.
    pub head: &'static str,
    /// What stands before a section's name in `cargo xtask bench NAME`.
    pub group: &'static str,
    pub sections: &'static [Section],
}

/// What marks a line of a section's findings as one for the table of ratios: `ratio: what | ours | beside | ratio`.
pub const RATIO: &str = "ratio: ";

impl Book {
    /// `cargo xtask bench NAME` of a section.
    fn command(&self, section: &Section) -> String {
        let space = if self.group.is_empty() { "" } else { " " };
        format!("`cargo xtask bench {}{space}{}`", self.group, section.name)
    }

    /// Where a section's findings are kept between runs.
    fn kept(&self, section: &Section) -> Result<PathBuf> {
        let dash = if self.group.is_empty() { "" } else { "-" };
        Ok(tools::target_dir()?.join("bench").join(format!("{}{dash}{}.md", self.group, section.name)))
    }

    /// Does a section's work and keeps what it found, with day and load.
    pub fn measure(&self, section: &Section) -> Result<()> {
        eprintln!("\n== {}: {}", section.name, section.title);
        let found = (section.work)(section.name)?;
        let (ratios, lines): (Vec<&str>, Vec<&str>) = found.lines().partition(|line| line.starts_with(RATIO));
        let text = format!("_{}_\n\n{}\n{}\n", now()?, lines.join("\n").trim(), ratios.join("\n"));
        let file = self.kept(section)?;
        fs::create_dir_all(file.parent().context("a folder")?)?;
        fs::write(file, text)?;
        Ok(())
    }

    /// Writes the book; a section that did not run on this machine keeps what the book said before.
    pub fn write(&self, top: &str) -> Result<()> {
        let path = tools::root().join(self.file);
        let before = fs::read_to_string(&path).unwrap_or_default();
        let mut text = format!("{}\n\n{}", self.head, top);
        for section in self.sections {
            let wanted =
                if section.wanted.is_empty() { String::new() } else { format!(". {}", section.wanted) };
            writeln!(text, "## {}\n\n{}{wanted}\n", section.title, self.command(section))?;
            let found = fs::read_to_string(self.kept(section)?).ok();
            let found = found.map(|found| without_ratios(&found));
            let found = found.as_deref().or_else(|| told(&before, section.title, &self.command(section)));
            writeln!(text, "{}\n", found.unwrap_or("Not run on this machine yet."))?;
        }
        fs::write(&path, text.trim_end().to_owned() + "\n")
            .with_context(|| format!("{} cannot be written", path.display()))
    }

    /// Rows of the table of ratios: of each section what was found here, else what the table said before.
    pub fn ratios(&self, before: &str) -> Result<String> {
        let mut rows = String::new();
        for section in self.sections {
            let command = self.command(section);
            match fs::read_to_string(self.kept(section)?) {
                Ok(found) => {
                    for ratio in found.lines().filter_map(|line| line.strip_prefix(RATIO)) {
                        writeln!(rows, "| {ratio} | {command} |")?;
                    }
                }
                Err(_) => {
                    let ending = format!("| {command} |");
                    for row in before.lines().filter(|line| line.ends_with(&ending)) {
                        writeln!(rows, "{row}")?;
                    }
                }
            }
        }
        Ok(rows)
    }
}

/// Day and load of the machine: figures beside a busy neighbour are worth less.
fn now() -> Result<String> {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().filter(|load| !load.is_empty()).unwrap_or("unknown");
    let day = tools::read(Command::new("date").args(["-u", "+%Y-%m-%d %H:%M"]))?;
    Ok(format!("{day} UTC, load average {load} at its end"))
}

/// A section's findings without the lines that the table of ratios has.
fn without_ratios(found: &str) -> String {
    let lines: Vec<&str> = found.lines().filter(|line| !line.starts_with(RATIO)).collect();
    lines.join("\n").trim_end().to_owned()
}

/// What a book says of a section, by its title or the line with its command, below them; none where it is not in the book.
fn told<'a>(book: &'a str, title: &str, command: &str) -> Option<&'a str> {
    let is_it = |section: &&str| {
        section.lines().next() == Some(title)
            || section.lines().nth(2).is_some_and(|line| line.starts_with(command))
    };
    let section = book.split("\n## ").find(is_it)?;
    let mut parts = section.splitn(3, "\n\n").skip(1);
    let first = parts.next()?;
    // An older book has no line with the command.
    let rest = parts.next().unwrap_or_default();
    Some(
        if first.starts_with("`cargo xtask bench") { rest } else { section.split_once("\n\n")?.1 }.trim_end(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_that_did_not_run_keeps_what_the_book_says() {
        let book = "# Book\n\n## One\n\n`cargo xtask bench one`\n\n_day_\n\n| a |\n\n## Two\n\n`cargo xtask bench two`. Wanted.\n\nLast.\n\n## Old\n\n_day_\n\nFigures.\n";
        assert_eq!(told(book, "Renamed", "`cargo xtask bench one`"), Some("_day_\n\n| a |"));
        assert_eq!(told(book, "Two", "`cargo xtask bench two`"), Some("Last."));
        assert_eq!(told(book, "Old", "`cargo xtask bench old`"), Some("_day_\n\nFigures."));
        assert_eq!(told(book, "Three", "`cargo xtask bench three`"), None);
    }

    #[test]
    fn lines_for_the_table_of_ratios_are_not_said_twice() {
        assert_eq!(without_ratios("| a |\nratio: x | 1 | 2 | 2\n\n"), "| a |");
    }
}
