//! The end of a run: the table, copies of it, and the upload that was agreed to.

use std::io::{self, IsTerminal, Write};

use anyhow::{Context, Result, anyhow};
use data::fingerprint::Fingerprint;
use data::submission::{Submission, WorkloadResult};

use super::Bench;
use super::record::Record;
use crate::client::consent;
use crate::cmd::beside::Beside;
use crate::cmd::upload as sending;
use crate::interrupt;
use crate::plan::Point;
use crate::report::{self, Line};
use crate::runs::{self, SavedRun};

/// Runtime, model and hardware. People paste this into an issue: names as they stand in the run, without folders. Of a run on
/// another machine nobody here knows the hardware.
fn title(run: &Submission, is_here: bool) -> String {
    let title = format!("{} {}, {}", run.backend.name, run.backend.version, run.model.reference);
    let hardware = hardware(&run.fingerprint);
    if is_here && !hardware.is_empty() { format!("{title}, on {hardware}") } else { title }
}

/// `2x NVIDIA GeForce RTX 3090`, or the processor where there is no GPU.
fn hardware(machine: &Fingerprint) -> String {
    let mut names: Vec<(&str, usize)> = Vec::new();
    for gpu in &machine.gpus {
        match names.iter_mut().find(|(name, _)| *name == gpu.name) {
            Some((_, count)) => *count += 1,
            None => names.push((&gpu.name, 1)),
        }
    }
    if names.is_empty() {
        return machine.cpu.model.clone();
    }
    let words = names.into_iter().map(|(name, count)| match count {
        1 => name.to_owned(),
        count => format!("{count}x {name}"),
    });
    words.collect::<Vec<_>>().join(" + ")
}

/// Columns of the terminal that the table goes to; none where it goes elsewhere.
fn terminal_width(arguments: &Bench) -> Option<usize> {
    let size = match arguments.json_is_output() {
        true => terminal_size::terminal_size_of(io::stderr()),
        false => terminal_size::terminal_size_of(io::stdout()),
    };
    size.map(|(width, _)| usize::from(width.0))
}

/// Where the table goes: beside the results, unless those are one JSON object that a program reads.
fn tell(arguments: &Bench, text: &[u8], out: &mut dyn Write) -> io::Result<()> {
    if arguments.json_is_output() { io::stderr().write_all(text) } else { out.write_all(text) }
}

/// Saves the run, prints it, and sends it where that was agreed to.
///
/// # Errors
/// When it can be kept nowhere, or holds nothing.
pub(super) fn finish(
    arguments: &Bench,
    mut record: Record,
    points: &[Point],
    beside: &Beside,
    out: &mut dyn Write,
) -> Result<()> {
    let title = title(&record.submission, record.is_here);
    let (path, saved) = record.save_somewhere(out)?;
    let lines: Vec<Line<'_>> = saved
        .workloads
        .iter()
        .zip(points)
        .map(|(result, point)| Line { result, estimate: beside.speed(point), is_trace: point.turns > 1 })
        .collect();
    let mut text = Vec::new();
    if arguments.md {
        report::write_markdown(&title, &lines, &mut text)?;
    } else {
        report::write_table(&lines, terminal_width(arguments), &mut text)?;
    }
    if arguments.print_payload {
        text.write_all(&saved.envelope.open()?)?;
        writeln!(text)?;
    }
    tell(arguments, &text, out)?;
    // A copy that cannot be written is told last: where the run itself is comes first.
    let copied = write_json(arguments, &saved, out);
    let empty = saved.workloads.iter().all(|found: &WorkloadResult| found.skipped.is_some());
    let wanted = !arguments.no_upload && !empty && !interrupt::requested();
    let page = if wanted { upload(arguments, &saved) } else { None };
    let page = page.map_or_else(String::new, |page| format!("{page}\n"));
    tell(arguments, format!("run {} saved in {}\n{page}", saved.run_id, path.display()).as_bytes(), out)?;
    copied?;
    if empty {
        return Err(anyhow!("no workload could be measured"));
    }
    Ok(())
}

/// Sends the run where that was agreed to, after asking once on a terminal; the result's page then. Whatever goes wrong
/// is a remark: the run is safe.
fn upload(arguments: &Bench, saved: &SavedRun) -> Option<String> {
    if let Some(why) = saved.stays_because() {
        eprintln!("kept on this machine: {why}");
        return None;
    }
    let later = format!("`llm-speed-probe upload {}` sends it", saved.run_id);
    let folder = runs::data_folder().ok()?;
    let client = match sending::client(arguments.server.as_deref()) {
        Ok(client) => client,
        Err(error) => {
            eprintln!("kept on this machine: {error}");
            return None;
        }
    };
    let is_terminal = io::stdin().is_terminal() && io::stderr().is_terminal();
    let agreed = match consent::remembered(&folder) {
        Some(answer) => answer,
        None if !is_terminal => {
            eprintln!("kept on this machine: nobody has agreed to send runs yet; {later}");
            return None;
        }
        None => {
            let answer = consent::ask(&client.place(), &mut io::stdin().lock(), &mut io::stderr());
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
    match sending::send(&client, &folder, saved) {
        Ok(page) => Some(page),
        Err(error) => {
            eprintln!("kept on this machine: {error:#}; {later}");
            None
        }
    }
}

/// The run as JSON, where that was asked for.
fn write_json(arguments: &Bench, saved: &SavedRun, out: &mut dyn Write) -> Result<()> {
    let Some(json) = &arguments.json else { return Ok(()) };
    let copy = saved.without_key();
    if arguments.json_is_output() {
        out.write_all(&serde_json::to_vec_pretty(&copy)?)?;
        return Ok(writeln!(out)?);
    }
    copy.write(json).with_context(|| format!("{} cannot be written", json.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use data::fingerprint::Gpu;

    #[test]
    fn the_hardware_is_named() {
        let mut machine = Fingerprint::default();
        machine.cpu.model = "AMD Ryzen 5 5600X".to_owned();
        assert_eq!(hardware(&machine), "AMD Ryzen 5 5600X");
        let gpu = |name: &str| Gpu { name: name.to_owned(), ..Gpu::default() };
        machine.gpus = vec![gpu("RTX 3090"), gpu("RTX 3090"), gpu("RTX 4090")];
        assert_eq!(hardware(&machine), "2x RTX 3090 + RTX 4090");
    }
}
