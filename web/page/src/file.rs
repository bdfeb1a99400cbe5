//! Any model: what was read from a file's header or a repository's list.

use askama::Template;

use crate::card::CardRow;
use crate::messages::Messages;
use crate::query::Query;
use crate::view::{FileFormat, FileLine, FileProblem, FileView};
use crate::{figure, listing, words};

#[derive(Template)]
#[template(path = "file_results.html")]
struct FileResults<'a> {
    m: &'a Messages,
    problems: String,
    problem: String,
    name: &'a str,
    what: String,
    card: String,
    files_in: String,
    files: Vec<FileRow<'a>>,
    reading: bool,
    empty: bool,
    /// Whether a machine is what is missing.
    pick: bool,
}

struct FileRow<'a> {
    line: &'a FileLine,
    href: String,
    size: String,
    parts: String,
    class: &'static str,
    mark: String,
    verdict: &'static str,
    decode: String,
}

/// What goes into `#results` for any model; `path` is the page's own.
pub fn results(view: &FileView, path: &str, query: &Query, m: &Messages) -> askama::Result<String> {
    let what = view.file.as_ref().map(|file| {
        let bits = format!("{:.2}", file.bits_per_weight);
        let size = figure::gib(file.size_gib);
        let tensors = figure::number(f64::from(file.tensors));
        match file.format {
            FileFormat::Gguf => m.gguf.what(&bits, &size, &tensors),
            FileFormat::Safetensors => m.gguf.what_shards(&bits, &size, &tensors),
        }
    });
    FileResults {
        m,
        problems: listing::problems(&view.problems, path, query, m)?,
        problem: view.problem.as_ref().map(|problem| sentence(problem, m)).unwrap_or_default(),
        name: view.file.as_ref().map_or("", |file| &file.name),
        what: what.unwrap_or_default(),
        card: match &view.card {
            Some(card) => CardRow::new(card, path, query, m).render()?,
            None => String::new(),
        },
        files_in: m.gguf.files(&view.repo),
        files: view.files.iter().map(|line| file_row(line, path, query, m)).collect(),
        reading: view.reading,
        pick: view.machine.is_empty() && view.problems.is_empty(),
        empty: view.file.is_none() && view.files.is_empty() && view.problem.is_none() && !view.reading,
    }
    .render()
}

/// What went wrong, and what to do instead.
fn sentence(problem: &FileProblem, m: &Messages) -> String {
    let w = &m.gguf;
    match problem {
        FileProblem::Cors => w.cors.to_owned(),
        FileProblem::Gated(status) => w.gated(&status.to_string()),
        FileProblem::NoRange(gib) if *gib > 0.0 => w.no_range(&figure::gib(*gib)),
        FileProblem::NoRange(_) => w.no_range_unsized.to_owned(),
        FileProblem::NotGguf(why) => w.not_gguf(why),
        FileProblem::Unreadable(why) => w.unreadable(why),
        FileProblem::ShardsAlone => w.shards_alone.to_owned(),
        FileProblem::NoConfig(repo) => w.no_config(repo),
        FileProblem::NoModel(repo) => w.no_model(repo),
        FileProblem::TooManyParts(count) => w.too_many_parts(&figure::number(f64::from(*count))),
        FileProblem::NotAPlace(text) => w.not_a_place(text),
        FileProblem::Status(status) => w.status(&status.to_string()),
        FileProblem::TooLong(bytes) => w.too_long(&figure::number(*bytes as f64)),
        FileProblem::Gone(why) => w.gone(why),
        FileProblem::NotFound => w.not_found.to_owned(),
        FileProblem::Unreachable => w.unreachable.to_owned(),
    }
}

fn file_row<'a>(line: &'a FileLine, path: &str, query: &Query, m: &Messages) -> FileRow<'a> {
    let verdict = line.outcome.map(|outcome| outcome.verdict);
    FileRow {
        line,
        href: query.link(path, &[("address", &line.address)]),
        // Some hosts list files without their sizes.
        size: if line.size_gib > 0.0 { figure::gib(line.size_gib) } else { String::new() },
        parts: if line.parts > 1 { m.gguf.parts(&line.parts.to_string()) } else { String::new() },
        class: verdict.map_or("", chart::Verdict::class),
        mark: verdict.map(|v| chart::verdict_mark(v, None)).unwrap_or_default(),
        verdict: verdict.map_or("", |v| words::verdict_word(v, m)),
        decode: line.outcome.and_then(|o| o.decode_tps).map(figure::range).unwrap_or_default(),
    }
}
