//! Small questions: one JSON object each way.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::driver::DriverError;
use crate::http::{Connection, HttpError, Timeouts, Url};

/// No answer to a small question is larger.
const ANSWER_LIMIT_BYTES: usize = 64 << 20;

/// Header fields for a key, as most services want it.
pub fn bearer(key: Option<&str>) -> Vec<(String, String)> {
    key.map(|key| ("Authorization".to_owned(), format!("Bearer {key}"))).into_iter().collect()
}

/// Asks a server for text.
///
/// # Errors
/// Those of HTTP.
pub fn get_text(
    url: &Url,
    headers: &[(String, String)],
    timeouts: Timeouts,
    resource: &str,
) -> Result<String, HttpError> {
    let mut connection = Connection::new(url.clone(), headers.to_vec(), timeouts);
    let bytes = connection.get(resource)?.body.read_all(ANSWER_LIMIT_BYTES)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Asks a server for JSON.
///
/// # Errors
/// Those of HTTP, and an answer in another form.
pub fn get<T: DeserializeOwned>(
    url: &Url,
    headers: &[(String, String)],
    timeouts: Timeouts,
    resource: &str,
) -> Result<T, DriverError> {
    read(resource, &get_text(url, headers, timeouts, resource)?)
}

/// Reads an answer's JSON.
///
/// # Errors
/// An answer in another form, with the resource that gave it.
pub fn read<T: DeserializeOwned>(resource: &str, text: &str) -> Result<T, DriverError> {
    serde_json::from_str(text).map_err(|error| unknown(resource, &error))
}

/// Sends JSON to a server and reads its JSON.
///
/// # Errors
/// Those of HTTP, and an answer in another form.
pub fn post<T: DeserializeOwned>(
    url: &Url,
    headers: &[(String, String)],
    timeouts: Timeouts,
    resource: &str,
    body: &Value,
) -> Result<T, DriverError> {
    let mut connection = Connection::new(url.clone(), headers.to_vec(), timeouts);
    let bytes = connection.post(resource, body.to_string().as_bytes())?.body.read_all(ANSWER_LIMIT_BYTES)?;
    serde_json::from_slice(&bytes).map_err(|error| unknown(resource, &error))
}

fn unknown(resource: &str, error: &serde_json::Error) -> DriverError {
    DriverError::UnknownReply(format!("{resource}: {error}"))
}
