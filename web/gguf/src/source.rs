//! Bytes of a model file, a range at a time: from a file that was dropped on the page, or from another host.

use estimator::units::GIB;
use js_sys::{Promise, Uint8Array};
use page::messages::EN;
use page::view::FileProblem;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortController, File, Headers, Request, RequestCredentials, RequestInit, RequestMode, Response,
};

#[wasm_bindgen]
extern "C" {
    /// `fetch` of the window or of the worker, whichever this runs in.
    #[wasm_bindgen(js_name = fetch)]
    fn fetch(request: &Request) -> Promise;
}

/// Where bytes come from.
pub enum Source {
    /// A file on this machine.
    Local(File),
    /// A file elsewhere.
    Remote(String),
}

/// A part of a file.
pub struct Part {
    /// The bytes; fewer than asked for where the file ends.
    pub bytes: Vec<u8>,
    /// Length of the whole file, where it is known.
    pub file_bytes: Option<u64>,
}

impl Source {
    /// Its name, as people call it: the last part of its path.
    pub fn name(&self) -> String {
        match self {
            Source::Local(file) => file.name(),
            Source::Remote(url) => {
                let path = url.split(['?', '#']).next().unwrap_or_default();
                path.rsplit('/').next().unwrap_or_default().to_owned()
            }
        }
    }

    /// The bytes from `start`, `length` of them or as many as there are; an error where file or host does not give them.
    pub async fn read(&self, start: u64, length: u64) -> Result<Part, FileProblem> {
        match self {
            Source::Local(file) => read_local(file, start, length).await,
            Source::Remote(url) => read_remote(url, start, length).await,
        }
    }
}

impl Source {
    /// The whole of a small text, such as a listing; one of more than `most_bytes` is not read.
    pub async fn text(&self, most_bytes: u64) -> Result<String, FileProblem> {
        let body = match self {
            Source::Local(file) if file.size() > most_bytes as f64 => {
                return Err(FileProblem::TooLong(file.size() as u64));
            }
            Source::Local(file) => read_local(file, 0, most_bytes).await?.bytes,
            Source::Remote(url) => {
                let (response, abort) = get(url, None).await?;
                if let Some(length) = content_length(&response).filter(|length| *length > most_bytes) {
                    abort.abort();
                    return Err(FileProblem::TooLong(length));
                }
                bytes_of(&response).await?
            }
        };
        Ok(String::from_utf8_lossy(&body).into_owned())
    }
}

async fn read_local(file: &File, start: u64, length: u64) -> Result<Part, FileProblem> {
    // A file's length fits a double, and slice() stops at its end by itself.
    let slice = file.slice_with_f64_and_f64(start as f64, start.saturating_add(length) as f64);
    let buffer = match slice {
        Ok(blob) => JsFuture::from(blob.array_buffer()).await,
        Err(error) => Err(error),
    };
    let buffer = buffer.map_err(|error| FileProblem::Gone(words_of(&error)))?;
    Ok(Part { bytes: Uint8Array::new(&buffer).to_vec(), file_bytes: Some(file.size() as u64) })
}

async fn read_remote(url: &str, start: u64, length: u64) -> Result<Part, FileProblem> {
    let range = format!("bytes={start}-{}", start.saturating_add(length.max(1)) - 1);
    let (response, abort) = match get(url, Some(&range)).await {
        // Nothing from there on: the file ends before.
        Err(FileProblem::Status(416)) => return Ok(Part { bytes: Vec::new(), file_bytes: None }),
        answer => answer?,
    };
    if response.status() != 206 {
        let whole = content_length(&response);
        // A file that is shorter than the range is no loss: some hosts send such as a whole.
        if start > 0 || whole.is_none_or(|whole| whole > length) {
            abort.abort();
            return Err(FileProblem::NoRange(whole.unwrap_or_default() as f64 / GIB));
        }
        return Ok(Part { bytes: bytes_of(&response).await?, file_bytes: whole });
    }
    // `bytes 0-1023/4683073248`; not every host lets other sites see it, and it is not needed.
    let total = header(&response, "content-range")
        .and_then(|range| range.rsplit_once('/').and_then(|(_, total)| total.parse().ok()));
    Ok(Part { bytes: bytes_of(&response).await?, file_bytes: total })
}

/// One GET without cookies; a status that refuses is an error.
async fn get(url: &str, range: Option<&str>) -> Result<(Response, AbortController), FileProblem> {
    let unreachable = |_| FileProblem::Unreachable;
    let abort = AbortController::new().map_err(unreachable)?;
    let request = request(url, "GET", RequestMode::Cors, range, &abort).map_err(unreachable)?;
    let Ok(response) = JsFuture::from(fetch(&request)).await else {
        // The browser does not say why. A request that may not be read, only sent, tells the two cases apart.
        let probe = request_without_reading(url, &abort).map_err(unreachable)?;
        return Err(match JsFuture::from(fetch(&probe)).await {
            Ok(_) => FileProblem::Cors,
            Err(_) => FileProblem::Unreachable,
        });
    };
    let response: Response = response.dyn_into().map_err(unreachable)?;
    match response.status() {
        200..=299 => Ok((response, abort)),
        status @ (401 | 403) => Err(FileProblem::Gated(status)),
        404 | 410 => Err(FileProblem::NotFound),
        status => Err(FileProblem::Status(status)),
    }
}

fn request_without_reading(url: &str, abort: &AbortController) -> Result<Request, JsValue> {
    request(url, "HEAD", RequestMode::NoCors, None, abort)
}

fn request(
    url: &str,
    method: &str,
    mode: RequestMode,
    range: Option<&str>,
    abort: &AbortController,
) -> Result<Request, JsValue> {
    let options = RequestInit::new();
    options.set_method(method);
    options.set_mode(mode);
    options.set_credentials(RequestCredentials::Omit);
    options.set_signal(Some(&abort.signal()));
    if let Some(range) = range {
        let headers = Headers::new()?;
        // A plain range needs no question (preflight) beforehand.
        headers.set("range", range)?;
        options.set_headers(&headers);
    }
    Request::new_with_str_and_init(url, &options)
}

/// The whole body; a connection that breaks in the middle is one that is not there.
async fn bytes_of(response: &Response) -> Result<Vec<u8>, FileProblem> {
    let body = response.array_buffer().map_err(|_| FileProblem::Unreachable)?;
    let buffer = JsFuture::from(body).await.map_err(|_| FileProblem::Unreachable)?;
    Ok(Uint8Array::new(&buffer).to_vec())
}

fn header(response: &Response, name: &str) -> Option<String> {
    response.headers().get(name).ok().flatten()
}

fn content_length(response: &Response) -> Option<u64> {
    header(response, "content-length")?.parse().ok()
}

/// The words of a thrown value.
fn words_of(error: &JsValue) -> String {
    error
        .dyn_ref::<js_sys::Error>()
        .map_or_else(|| EN.gguf.no_reason.to_owned(), |error| String::from(error.message()))
}
