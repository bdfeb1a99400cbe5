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
    Ok(get_typed(url, headers, timeouts, resource)?.0)
}

/// The text, and what the server says it is: `200 with text/html`.
///
/// # Errors
/// Those of HTTP.
pub fn get_typed(
    url: &Url,
    headers: &[(String, String)],
    timeouts: Timeouts,
    resource: &str,
) -> Result<(String, String), HttpError> {
    let mut connection = Connection::new(url.clone(), headers.to_vec(), timeouts);
    let mut response = connection.get(resource)?;
    let told = response.told();
    let bytes = response.body.read_all(ANSWER_LIMIT_BYTES)?;
    Ok((String::from_utf8_lossy(&bytes).into_owned(), told))
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
    let (text, told) = get_typed(url, headers, timeouts, resource)?;
    read(resource, &told, &text)
}

/// Reads an answer's JSON; `told` is what the server says it is.
///
/// # Errors
/// An answer in another form, with the resource that gave it.
pub fn read<T: DeserializeOwned>(resource: &str, told: &str, text: &str) -> Result<T, DriverError> {
    serde_json::from_str(text).map_err(|error| unknown(resource, told, &error))
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
    let mut response = connection.post(resource, body.to_string().as_bytes())?;
    let told = response.told();
    let bytes = response.body.read_all(ANSWER_LIMIT_BYTES)?;
    serde_json::from_slice(&bytes).map_err(|error| unknown(resource, &told, &error))
}

/// `told` is what the server says it answered with: a page for signing in where JSON was asked for tells all.
fn unknown(resource: &str, told: &str, error: &serde_json::Error) -> DriverError {
    DriverError::UnknownReply(format!("{resource}: {told}: {error}"))
}
