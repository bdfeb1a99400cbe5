//! HTTP/1.1 as a measuring instrument.
//!
//! An ordinary client hides the three moments that matter here: when the last byte of the request left, when bytes
//! arrived at the socket, and how long nothing arrived. This one is a thread, a socket and their clock; TLS by rustls.

mod body;
mod connection;
mod tls;
mod url;

pub use body::Body;
pub use connection::{Connection, Response, Timeouts, WAITING};
pub use url::Url;

use std::io;
use std::time::Duration;

/// Why a request got no answer, or a bad one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// Nobody listens there.
    #[error("nothing listens at {address}")]
    Refused {
        /// Host and port.
        address: String,
    },
    /// The name or the network failed.
    #[error("{address} cannot be reached: {source}")]
    Unreachable {
        /// Host and port.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// Silence for longer than allowed.
    #[error("no byte for {} s while {doing}", .limit.as_secs())]
    Stalled {
        /// What was being waited for.
        doing: &'static str,
        /// How long it was allowed to take.
        limit: Duration,
    },
    /// The other side hung up in the middle.
    #[error("the connection was cut while {doing}")]
    Cut {
        /// What was being read.
        doing: &'static str,
    },
    /// Bytes that are not HTTP/1.1.
    #[error("the reply is not HTTP: {0}")]
    Malformed(String),
    /// A refusal by the server.
    #[error("the server answered {status}{}", reason(.body))]
    Status {
        /// The status code.
        status: u16,
        /// The beginning of its body.
        body: String,
    },
    /// The address is not one.
    #[error("{0:?} is no http:// or https:// address")]
    BadUrl(String),
    /// Encryption failed.
    #[error("no secure connection: {0}")]
    Tls(String),
    /// The time that a run may take was over before the answer was.
    #[error("it was not done when the time was up")]
    OutOfTime,
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
}

impl HttpError {
    /// What went wrong as a run may hold it, in our own words alone.
    pub fn published(&self) -> String {
        match self {
            HttpError::Refused { .. } => "nothing listens there".to_owned(),
            HttpError::Unreachable { .. } => "the server cannot be reached".to_owned(),
            HttpError::Malformed(_) => "the reply is not HTTP".to_owned(),
            HttpError::Status { status, .. } => format!("the server answered {status}"),
            HttpError::BadUrl(_) => "the address is none".to_owned(),
            HttpError::Tls(_) => "no secure connection".to_owned(),
            HttpError::Stalled { .. }
            | HttpError::Cut { .. }
            | HttpError::OutOfTime
            | HttpError::Interrupted => self.to_string(),
        }
    }

    /// What went wrong with a socket, in our words.
    fn from_io(error: &io::Error, doing: &'static str, limit: Duration) -> HttpError {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => HttpError::Stalled { doing, limit },
            io::ErrorKind::InvalidData => HttpError::Tls(error.to_string()),
            _ => HttpError::Cut { doing },
        }
    }
}

/// The server's words: a JSON error's message, else the first line.
fn reason(body: &str) -> String {
    let json: Option<serde_json::Value> = serde_json::from_str(body).ok();
    let message = json.as_ref().and_then(|json| {
        let error = json.get("error").unwrap_or(json);
        [error.get("message"), Some(error), json.get("detail")]
            .into_iter()
            .flatten()
            .find_map(serde_json::Value::as_str)
    });
    let line = message.unwrap_or_else(|| body.lines().next().unwrap_or("")).trim();
    let short: String = line.chars().filter(|c| !c.is_control()).take(200).collect();
    if short.is_empty() { String::new() } else { format!(": {short}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_words_are_passed_on() {
        assert_eq!(reason(r#"{"error":{"message":"model not found","code":404}}"#), ": model not found");
        assert_eq!(
            reason(r#"{"error":"model \"x\" not found, try pulling it first"}"#),
            ": model \"x\" not found, try pulling it first"
        );
        assert_eq!(reason(r#"{"detail":"Unauthorized"}"#), ": Unauthorized");
        assert_eq!(reason("Bad Gateway\nmore"), ": Bad Gateway");
        assert_eq!(reason(""), "");
    }
}
