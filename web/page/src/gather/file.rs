//! Any model: what was read from its files, on the machine that the query names.

use data::Engine;
use data::query::Job;
use data::row::Runtime;
use data::subject::Subject;
use estimator::HardwareClass;

use super::{Asked, asked, names_a_machine, outcome};
use crate::query::Query;
use crate::view::{Card, FileFormat, FileLine, FileNote, FileProblem, FileView, Subject as About};

/// How far the reading of a model has come.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Reading {
    /// Nothing was asked for.
    #[default]
    Nothing,
    /// Bytes are on their way.
    Busy,
    /// One model, whole or split.
    Model {
        /// What its header says.
        note: FileNote,
        /// What is estimated.
        subject: Box<Subject>,
    },
    /// A repository with several.
    Repo {
        /// Its name.
        name: String,
        /// Its models, with what is estimated of each.
        models: Vec<(FileLine, Option<Subject>)>,
    },
    /// It could not be read.
    Failed(FileProblem),
}

/// The page about any model. Reading it is the browser's: the server knows of [`Reading::Nothing`] only.
#[must_use]
pub fn file(engine: &Engine<'_>, query: &Query, reading: &Reading) -> FileView {
    let (asked, problems) = match asked(engine, query) {
        Ok(asked) => (Some(asked), Vec::new()),
        // An address without a machine is no mistake but a beginning.
        Err(_) if !names_a_machine(query) => (None, Vec::new()),
        Err(problems) => (None, problems),
    };
    let view = FileView {
        machine: asked.as_ref().map(|asked| asked.rig.to_string()).unwrap_or_default(),
        problems,
        ..FileView::default()
    };
    match reading {
        Reading::Nothing => view,
        Reading::Busy => FileView { reading: true, ..view },
        Reading::Failed(problem) => FileView { problem: Some(problem.clone()), ..view },
        Reading::Model { note, subject } => FileView {
            card: asked.as_ref().map(|asked| card(engine, asked, subject, note.format)),
            file: Some(note.clone()),
            ..view
        },
        Reading::Repo { name, models } => FileView {
            repo: name.clone(),
            files: models
                .iter()
                .map(|(line, subject)| judged(engine, asked.as_ref(), line, subject))
                .collect(),
            ..view
        },
    }
}

fn card(engine: &Engine<'_>, asked: &Asked<'_>, subject: &Subject, format: FileFormat) -> Card {
    let runtime = match (format, asked.job.runtime) {
        // These load no safetensors: what does on this machine is estimated, and the page says so.
        (FileFormat::Safetensors, Runtime::LlamaCpp | Runtime::Ollama) => {
            let apple = asked.rig.first().device.class == HardwareClass::Apple;
            if apple { Runtime::Mlx } else { Runtime::Vllm }
        }
        (_, runtime) => runtime,
    };
    let answer = engine.answer_subject(&asked.rig, &Job { runtime, ..asked.job }, subject);
    Card {
        subject: About::File(subject.name.clone()),
        quant: subject.quant_id.clone(),
        fast_enough: answer.decode_tps.is_some_and(|range| range.mid >= asked.filters.min_tps),
        answer,
        measured: None,
    }
}

/// A line with its verdict, where there is a machine to judge by and the model is known.
fn judged(
    engine: &Engine<'_>,
    asked: Option<&Asked<'_>>,
    line: &FileLine,
    subject: &Option<Subject>,
) -> FileLine {
    let outcome = asked.zip(subject.as_ref()).map(|(asked, subject)| {
        outcome(&engine.brief(&asked.rig, &asked.job, subject), asked.filters.min_tps)
    });
    FileLine { outcome, ..line.clone() }
}
