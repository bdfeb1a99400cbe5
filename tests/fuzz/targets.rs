//! What every reader of foreign bytes must hold to, whatever the bytes. Used by the replay in `tests/fuzz.rs`, on any
//! compiler, and by the targets of cargo-fuzz beside this file.

use std::sync::OnceLock;
use std::time::Instant;

use data::envelope::{self, Envelope};
use data::gguf;
use data::gguf::ModelShape;
use data::paste::{self, Verdict};
use data::query::Params;
use data::row::{HardwareRow, ModelRow, Rows, SuiteRow};
use data::runs::RunRows;
use data::safetensors;
use data::subject::Subject;
use data::submission::Submission;
use data::table::make::Maker;
use data::table::{self, Selection, Table, Wish};
use data::{Catalog, Engine, Unpacked};
use page::benchmarks::BenchmarksView;
use probe::http::HttpError;
use probe::plan::{self, Extent};
use probe::stream::{Cutter, Event, Format};
use serde::Deserialize;
use serde_json::{Map, Value};
use server::gate::{fields, strict};
use wasm::estimate::{self, Given};

/// A reader and its name.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: &[Target] = &[
    ("gguf", gguf),
    ("safetensors", safetensors),
    ("paste", paste),
    ("envelope", envelope),
    ("catalog", catalog),
    ("query", query),
    ("rows", rows),
    ("table", table_query),
    ("runs", runs),
    ("module", module),
    ("events", events),
    ("manifest", manifest),
];

/// A machine that every target asks for estimates on.
fn ask<'e>(engine: &Engine<'e>, query: &str) -> Option<(data::query::Rig<'e>, data::query::Job)> {
    let query = page::Query::parse(query);
    let params = Params::read(query.pairs()).ok()?;
    engine.read(&params).ok()
}

/// A header is read or refused, and what was read can be estimated.
pub fn gguf(bytes: &[u8]) {
    let length = bytes.len() as u64;
    for size in [Some(length), Some(length.saturating_mul(1000)), None] {
        let Ok(header) = gguf::read(bytes, size) else { continue };
        let Ok(shape) = gguf::model(&[header]) else { continue };
        estimated(&shape, "fuzz.gguf");
    }
}

/// A model out of a file has an estimate whose ranges are in order.
fn estimated(shape: &ModelShape, file: &str) {
    let engine = Engine::embedded();
    let Ok(subject) = Subject::of_file(shape, file, engine.catalog) else { return };
    let Some((rig, job)) = ask(&engine, "hardware=rtx-3090&context=4096") else { return };
    let answer = engine.answer_subject(&rig, &job, &subject);
    let ordered = |range: &estimator::Range| range.low <= range.mid && range.mid <= range.high;
    assert!(answer.decode_tps.as_ref().is_none_or(ordered), "{answer:?}");
}

/// A repository's `config.json`, a zero byte, and the start of its one shard: read or refused, or more is asked for.
pub fn safetensors(bytes: &[u8]) {
    let Some(at) = bytes.iter().position(|byte| *byte == 0) else { return };
    let (config, shard) = (&bytes[..at], &bytes[at + 1..]);
    let length = shard.len() as u64;
    for size in [Some(length), Some(length.saturating_mul(1000)), None] {
        let header = match safetensors::read(shard, size) {
            Ok(header) => header,
            Err(safetensors::SafetensorsError::NeedMore { bytes_at_least }) => {
                assert!(bytes_at_least > length, "{bytes_at_least} of {length}");
                continue;
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                continue;
            }
        };
        if let Ok(shape) = safetensors::model(&String::from_utf8_lossy(config), &[header]) {
            estimated(&shape, "fuzz.safetensors");
        }
    }
}

/// Every mark lies within the text, and what is kept of a run reads the same again.
pub fn paste(bytes: &[u8]) {
    let reading = paste::read(bytes);
    for (number, run) in reading.runs.iter().enumerate() {
        for mark in &run.spans {
            assert!(mark.span.start < mark.span.end && mark.span.end <= bytes.len());
        }
        if reading.verdict == Verdict::Refused {
            continue;
        }
        let again = paste::read(reading.timing_lines(number).unwrap_or_default().as_bytes());
        assert_eq!(again.runs.len(), 1);
        assert_eq!(again.runs[0].decode_tps, run.decode_tps);
        assert_eq!(again.runs[0].prefill_tps, run.prefill_tps);
    }
}

/// An envelope opens only to what was sealed, and a payload is taken or refused in a sentence.
pub fn envelope(bytes: &[u8]) {
    if let Ok(envelope) = serde_json::from_slice::<Envelope>(bytes)
        && let Ok(payload) = envelope.open()
    {
        let _ = strict::read::<Submission>(&payload, "the run", &[]);
    }
    let sealed = envelope::seal(bytes, &[7; 32]);
    assert_eq!(sealed.open().ok().as_deref(), Some(bytes));
    match strict::read::<Submission>(bytes, "the run", &[]) {
        Ok(run) => {
            if let Err(refusal) = fields::check(
                &run,
                Catalog::embedded(),
                data::plausibility::PlausibilityRow::embedded(),
                1_795_300_000_000,
            ) {
                assert!(!refusal.says.is_empty());
            }
            let this = data::machine::in_catalog(Catalog::embedded(), &run.fingerprint);
            let pairs = this.pairs.iter().map(|(name, value)| (*name, value.as_str()));
            let _ = Params::read(pairs).map(|params| Engine::embedded().read(&params).is_ok());
        }
        Err(refusal) => assert!(!refusal.says.is_empty()),
    }
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    device: Vec<HardwareRow>,
    #[serde(default)]
    model: Vec<ModelRow>,
}

/// Catalogue files are rows, whose violations are told, or are refused.
pub fn catalog(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(found) = toml::from_str::<File>(text) else { return };
    let embedded = Catalog::embedded();
    let rows = Rows {
        sources: Vec::new(),
        devices: found.device,
        models: found.model,
        quants: embedded.quants().to_vec(),
        suites: Vec::new(),
    };
    let _ = data::check::violations(&Catalog::new(rows));
}

/// A page's query is answered, or refused with the field's name.
pub fn query(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let query = page::Query::parse(&text);
    let engine = Engine::embedded();
    let params = match Params::read(query.pairs()) {
        Ok(params) => params,
        Err(errors) => return assert!(!errors.is_empty()),
    };
    answered(&engine, &params);
}

/// An answer is JSON without a number that is none.
fn answered(engine: &Engine<'_>, params: &Params) {
    let Ok((rig, job)) = engine.read(params) else { return };
    let Ok(chosen) = engine.choose(params, &rig, &job) else { return };
    let answer = engine.answer(&rig, &job, &chosen);
    let json = serde_json::to_string(&answer).expect("an answer is JSON");
    assert!(!json.contains("NaN") && !json.contains("inf"), "{json}");
}

/// The browser's rows are unpacked, or refused: what a page was given is whole or not used.
pub fn rows(bytes: &[u8]) {
    if let Ok(unpacked) = Unpacked::read(bytes) {
        let engine = unpacked.engine();
        let _ = ask(&engine, "hardware=rtx-3090&model=llama-3.1-8b&quant=q4_k_m");
    }
}

/// The table of published runs, made once.
pub fn published() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| Maker::new(Engine::embedded(), RunRows::embedded()).table(&[]))
}

/// What is asked of the table of runs is read, or told in a sentence. No row is shown that was not asked for, and none on
/// two pages.
pub fn table_query(bytes: &[u8]) {
    let query = page::Query::parse(&String::from_utf8_lossy(bytes));
    let view = BenchmarksView::new(published(), &query);
    assert!(view.problems.iter().all(|problem| !problem.message.is_empty()));
    let shown = view.selection.shown();
    assert!(shown.len() <= view.wish.per_page as usize && shown.len() <= view.selection.all.len());
    if let Some(after) = view.selection.next() {
        let next = Selection::new(published(), &Wish { after, ..view.wish.clone() });
        assert!(!next.shown().is_empty());
        assert!(next.shown().iter().all(|row| !shown.contains(row)), "a row on two pages");
    }
    rendered(&view, &query);
}

/// What was typed or sent never becomes markup.
fn rendered(view: &BenchmarksView<'_>, query: &page::Query) {
    let html = page::benchmarks_results(view, query, &page::messages::EN).expect("it is rendered");
    assert!(!html.contains("<script"));
}

/// A packed table of runs is refused, or it is one: it is packed again as it was, and can be sorted and shown.
pub fn runs(bytes: &[u8]) {
    let Some(read) = table::from_bytes(bytes) else { return };
    let packed = table::to_bytes(&read).expect("it is packed");
    let again = table::from_bytes(&packed).and_then(|table| table::to_bytes(&table));
    assert_eq!(again, Some(packed));
    for query in ["", "sort=-ratio&per_page=5&page=2", "q=gemma&shape=short", "sort=date&concurrency=1"] {
        let query = page::Query::parse(query);
        rendered(&BenchmarksView::new(&read, &query), &query);
    }
}

/// What a page hands to the browser's module: a setup as an object, or path, query and lines of medians one below the
/// other. What was typed never becomes markup.
pub fn module(bytes: &[u8]) {
    let engine = Engine::embedded();
    if let Ok(setup) = serde_json::from_slice::<Map<String, Value>>(bytes) {
        match estimate::read(setup.into_iter().map(|(name, value)| (name, Json(value)))) {
            Ok(params) => answered(&engine, &params),
            Err(errors) => assert!(!errors.is_empty()),
        }
        return;
    }
    let text = String::from_utf8_lossy(bytes);
    let mut parts = text.splitn(3, '\n');
    let mut next = || parts.next().unwrap_or_default();
    let (path, query, medians) = (next(), page::Query::parse(next()), next());
    let html = page::gather::render(&engine, path, &query, medians, &page::messages::EN);
    assert!(html.is_none_or(|html| !html.contains("<script")));
}

/// JSON where a page would give JavaScript.
struct Json(Value);

impl Given for Json {
    fn is_nothing(&self) -> bool {
        self.0.is_null()
    }

    fn text(&self) -> Option<String> {
        self.0.as_str().map(str::to_owned)
    }

    fn number(&self) -> Option<f64> {
        self.0.as_f64()
    }

    fn list(&self) -> Option<impl Iterator<Item = Json>> {
        self.0.as_array().cloned().map(|list| list.into_iter().map(Json))
    }
}

/// Events are the same however the network cuts their bytes.
pub fn events(bytes: &[u8]) {
    let now = Instant::now();
    let cut = |format: Format, sizes: usize| {
        let mut cutter = Cutter::new(format);
        let mut events: Vec<String> = Vec::new();
        let mut each = |event: &Event<'_>| {
            events.push(event.data.to_owned());
            Ok::<(), HttpError>(())
        };
        for piece in bytes.chunks(sizes.max(1)) {
            if cutter.feed(piece, now, &mut each).is_err() {
                return None;
            }
        }
        cutter.finish(now, &mut each).ok()?;
        Some(events)
    };
    for format in [Format::ServerSent, Format::JsonLines] {
        let whole = cut(format, bytes.len());
        assert_eq!(whole, cut(format, 1));
        assert_eq!(whole, cut(format, 7));
    }
}

/// Manifests of updates and of suites are read or refused, and a suite's plan is finite.
pub fn manifest(bytes: &[u8]) {
    let _ = serde_json::from_slice::<probe::client::update::Manifest>(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(suite) = toml::from_str::<SuiteRow>(text) else { return };
    let points: usize =
        suite.workload.iter().map(|row| row.prompt_tokens.len().saturating_mul(row.streams.len())).sum();
    if points > 10_000 {
        return;
    }
    for extent in [Extent::Quick, Extent::Default] {
        let planned = plan::points(&suite, &[], extent).unwrap_or_default();
        assert!(planned.iter().all(|point| point.repeat_s(1000.0, 10.0).is_finite()));
    }
}
