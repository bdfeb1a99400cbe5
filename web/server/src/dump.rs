//! The dump: every result that anyone may look at, a line for each point. As files under `/dump/`, at `/api/v1/export`, and by
//! the command `export`.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use data::dump::DumpRow;
use hyper::body::Frame;
use page::messages::EN;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::api::refuse_parameters;
use crate::app::App;
use crate::problem::{Kind, Problem};
use crate::store::{Metric, RunRow, Store, StoreError};
use crate::table::{self, CSV};

/// Results read at once.
const PAGE: u32 = 500;
/// Pieces that may wait for a slow reader.
const WAITING: usize = 4;

/// How a dump is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// One JSON object a line.
    Jsonl,
    /// A header, then one line each.
    Csv,
}

/// A line of the dump.
pub fn row(run: &RunRow, metric: &Metric) -> DumpRow {
    let subject = &run.subject;
    let device = subject.device.split('@').next().unwrap_or_default();
    // Several alike are one device and a number; several unlike stay as they are.
    let first = device.split('+').next().unwrap_or_default();
    let alike = device.split('+').all(|id| id == first);
    DumpRow {
        run: run.id.clone(),
        state: run.standing.state(),
        evidence_class: run.evidence,
        voter: Some(run.voter.clone()),
        measured_on: run.measured_on.clone(),
        device: if alike { first.to_owned() } else { device.to_owned() },
        devices: subject.devices,
        memory_gib: subject.memory_gib,
        power_share: subject.power_share,
        model: subject.model.clone(),
        quant: subject.quant.clone(),
        size_bytes: subject.size_bytes,
        runtime: subject.runtime.clone(),
        runtime_version: subject.runtime_version.clone(),
        backend: subject.backend.clone(),
        workload: metric.workload.clone(),
        cached_tokens: metric.cached_tokens,
        prompt_tokens: metric.prompt_tokens,
        output_tokens: metric.output_tokens,
        streams: metric.streams,
        decode_tps: metric.decode_tps,
        prefill_tps: metric.prefill_tps,
        ttft_ms: metric.ttft_ms,
        offloaded: subject.offloaded,
        flags: metric.flags.clone(),
        counts: metric.counts,
    }
}

/// One row in its form, with the end of its line.
fn line(row: &DumpRow, form: Form) -> String {
    let value = serde_json::to_value(row).unwrap_or_default();
    match form {
        Form::Jsonl => format!("{}\n", serde_json::to_string(row).unwrap_or_default()),
        Form::Csv => table::line(DumpRow::COLUMNS.iter().map(|column| &value[*column])),
    }
}

/// A piece of a body, or the end of it before it was whole.
pub type Piece = io::Result<Bytes>;

/// Writes the whole dump, piece by piece; ends early where nobody takes the pieces any more.
pub async fn write(store: &Store, form: Form, pieces: &mpsc::Sender<Piece>) -> Result<(), StoreError> {
    if form == Form::Csv && pieces.send(Ok(Bytes::from(DumpRow::COLUMNS.join(",") + "\n"))).await.is_err() {
        return Ok(());
    }
    let mut next = 0;
    loop {
        let page = store.results_from(next, PAGE).await?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        next = last.log_index + 1;
        let mut text = String::new();
        for (run, metrics) in &page {
            metrics.iter().for_each(|metric| text.push_str(&line(&row(run, metric), form)));
        }
        if pieces.send(Ok(Bytes::from(text))).await.is_err() {
            return Ok(());
        }
    }
}

/// A body made of pieces as they come. One that breaks off is cut on the wire as well: half of it must not pass for all.
pub(crate) struct Pieces(pub(crate) mpsc::Receiver<Piece>);

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|bytes| bytes.map(Frame::data)))
    }
}

/// `GET /dump/results.jsonl` and `/dump/results.csv`.
pub async fn file(
    State(app): State<App>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    refuse_parameters(query.as_deref())?;
    match name.as_str() {
        "results.jsonl" => answer(app, Form::Jsonl),
        "results.csv" => answer(app, Form::Csv),
        _ => Err(Problem::not_found()),
    }
}

/// Dumps at once: each reads the whole database, and waits for whoever reads it.
const AT_ONCE: usize = 2;

/// Places for those who read a dump.
#[derive(Clone, Debug)]
pub struct Places(Arc<Semaphore>);

impl Default for Places {
    fn default() -> Self {
        Places(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Places {
    /// A place, until it is dropped; none where all are taken.
    pub fn take(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0).try_acquire_owned().ok()
    }
}

/// The dump as an answer, sent as it is read.
///
/// # Errors
/// Where as many are being read as are sent at once.
pub fn answer(app: App, form: Form) -> Result<Response, Problem> {
    let place = app.dumps().take().ok_or_else(|| {
        let says = EN.problem.dumps(&AT_ONCE.to_string());
        Problem::new(Kind::Overloaded, says).retry_after_s(60)
    })?;
    let (sender, receiver) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        let _place = place;
        if let Err(error) = write(app.store(), form, &sender).await {
            tracing::error!(error = &error as &dyn std::error::Error, "a dump was cut short");
            // Where nobody listens any more, nobody needs to know.
            let _ = sender.send(Err(io::Error::other("the database went away"))).await;
        }
    });
    let media_type = match form {
        Form::Jsonl => "application/x-ndjson",
        Form::Csv => CSV,
    };
    let mut response = Response::new(Body::new(Pieces(receiver)));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}

/// Whether anyone may see a column of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// It is in the dump, on pages or in the API.
    Public,
    /// It leaves the database in a backup alone.
    Private,
}

/// Every column of the database, by table: a new one must be decided about before the tests pass.
#[rustfmt::skip]
pub const COLUMNS: &[(&str, Sight, &[&str])] = &[
    ("run", Sight::Public, &["id", "digest", "log_index", "kind", "evidence", "received_at_ms", "measured_on", "suite", "voter", "device", "devices", "memory_gib", "power_share", "model", "quant", "size_bytes", "model_digest", "runtime", "runtime_version", "backend", "offloaded", "raw_timings"]),
    // Whoever has the key's name can tell which months of one machine belong together.
    ("run", Sight::Private, &["signing_key"]),
    ("metric", Sight::Public, &["run", "point", "cell", "voter", "counts", "workload", "prompt_tokens", "cached_tokens", "output_tokens", "streams", "decode_tps", "prefill_tps", "ttft_ms", "estimate_tps", "flags"]),
    ("apart", Sight::Public, &["run", "point", "reasoning_tps", "answer_tps"]),
    ("event", Sight::Public, &["run", "number", "at_ms", "kind", "actor", "dispute", "code", "says"]),
    ("standing", Sight::Public, &["run", "base", "disputes", "events"]),
    ("cell", Sight::Public, &["cell", "device", "model", "quant", "runtime", "depth_tokens", "streams", "speculative", "count", "signed", "decode_tps", "decode_low", "decode_high", "prefill_tps", "prefills"]),
    ("log_head", Sight::Public, &["one", "size", "peaks", "version"]),
    ("log_node", Sight::Public, &["level", "position", "hash"]),
    ("meta", Sight::Public, &["one", "created_at_ms"]),
    // The bytes hold the machine's tag; what is in them without it is shown with the result.
    ("payload", Sight::Private, &["digest", "bytes", "signatures"]),
    ("erasure", Sight::Private, &["digest", "at_ms", "says"]),
    ("secret", Sight::Private, &["name", "value"]),
    ("day_key", Sight::Private, &["day", "value"]),
    ("nonce", Sight::Private, &["nonce", "expires_at_ms"]),
    ("bucket", Sight::Private, &["key", "tat_ms"]),
    ("seen", Sight::Private, &["day", "address", "cell", "voter"]),
    ("signing_key", Sight::Private, &["key", "hardware", "month", "tag"]),
    ("machine_tag", Sight::Private, &["tag", "hardware"]),
    ("banned_key", Sight::Private, &["key", "at_ms", "says"]),
    ("file_vote", Sight::Private, &["digest", "model", "voter"]),
    ("file_claim", Sight::Private, &["digest", "model", "voters"]),
    ("profile", Sight::Public, &["name", "shown", "created_at_ms"]),
    // An account's number outlives its name.
    ("profile", Sight::Private, &["subject"]),
    ("profile_token", Sight::Private, &["hash", "profile", "created_at_ms"]),
    ("profile_machine", Sight::Private, &["voter", "profile", "at_ms"]),
    ("paste_said", Sight::Private, &["digest", "run"]),
    ("vote", Sight::Private, &["cell", "voter", "at_ms", "signed", "decode_tps", "prefill_tps"]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    #[tokio::test]
    async fn a_dump_that_breaks_off_is_no_whole_one() {
        let (sender, receiver) = mpsc::channel(WAITING);
        sender.send(Ok(Bytes::from("half\n"))).await.unwrap();
        sender.send(Err(io::Error::other("gone"))).await.unwrap();
        drop(sender);
        assert!(Body::new(Pieces(receiver)).collect().await.is_err());

        // A store that was closed under it says so, too.
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).await.unwrap();
        store.close().await;
        let (sender, _receiver) = mpsc::channel(WAITING);
        assert!(write(&store, Form::Csv, &sender).await.is_err());
    }
}
