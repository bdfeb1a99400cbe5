//! What leaves this machine, and only when it was asked for: runs to a results server, and questions about updates.

pub mod consent;
#[cfg(test)]
mod heard;
pub mod log;
pub mod login;
pub mod receipt;
pub mod update;

use std::time::Duration;

use data::digest::digest;
use data::envelope;
use data::submission::{Dispute, Evidence, Paste, Receipt, RunRequest, SignedRequest, TextRequest};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::http::{Connection, HttpError, Timeouts, Url};
use crate::interrupt;
use crate::runs::SavedRun;
use login::Session;

/// The server that `cargo xtask serve` opens; another is named by `--server` or `LLM_SPEED_SERVER`.
pub const DEFAULT_SERVER: &str = "http://127.0.0.1:8787";

/// A server's answer is never longer.
const ANSWER_LIMIT_BYTES: usize = 1 << 20;

/// Why a server did not take what it was given.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The way there failed, or the server refused, with its words.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// An answer in a form that this version does not know.
    #[error("the server's answer to {what} cannot be read: {why}")]
    Unknown {
        /// What was asked.
        what: &'static str,
        /// What is wrong with the answer.
        why: String,
    },
    /// The server wants proof of work for something else than what is sent.
    #[error("the server's proof of work is for another payload; nothing was sent")]
    OtherPayload,
    /// The proof of work was not found in time.
    #[error("the proof of work was not found within {0} minutes; try again later")]
    TooHard(u64),
    /// The run does not hold what was signed.
    #[error("{0:#}")]
    Run(anyhow::Error),
}

/// What became of a submission.
#[derive(Clone, Debug, PartialEq)]
pub enum Sent {
    /// It was taken.
    Taken(Receipt),
    /// The server had it already; its page, where the server tells.
    Known(Option<String>),
}

/// One results server.
#[derive(Clone, Debug)]
pub struct Client {
    url: Url,
}

impl Client {
    /// For the server that is named, else `LLM_SPEED_SERVER`, else the usual one.
    ///
    /// # Errors
    /// When that is no address.
    pub fn new(named: Option<&str>) -> Result<Client, HttpError> {
        let variable = std::env::var("LLM_SPEED_SERVER").ok().filter(|value| !value.is_empty());
        let address = named.or(variable.as_deref()).unwrap_or(DEFAULT_SERVER);
        Ok(Client { url: Url::parse(address)? })
    }

    /// Host and port.
    pub fn place(&self) -> String {
        self.url.authority()
    }

    /// The whole address of a page that the server names relative to itself.
    pub fn page(&self, path: &str) -> String {
        if path.starts_with("http://") || path.starts_with("https://") {
            return path.to_owned();
        }
        let scheme = if self.url.tls { "https" } else { "http" };
        format!("{scheme}://{}{}", self.url.authority(), self.url.path(path))
    }

    /// Sends a saved run, with the proof of work that the server asks for.
    ///
    /// # Errors
    /// Any [`ClientError`]; a refusal has the server's own sentence.
    pub fn send(&self, saved: &SavedRun) -> Result<Sent, ClientError> {
        saved.verify().map_err(ClientError::Run)?;
        let payload = saved.envelope.open().map_err(|error| ClientError::Run(error.into()))?;
        let pow = self.prove(&digest(&payload))?;
        let request = RunRequest { envelope: saved.envelope.clone(), pow };
        taken(self.post("run", "/api/v1/runs", &request))
    }

    /// Asks what would be said to a saved run; nothing is kept, and nothing worked for.
    ///
    /// # Errors
    /// Any [`ClientError`]; a refusal has the server's own sentence.
    pub fn try_run(&self, saved: &SavedRun) -> Result<Sent, ClientError> {
        saved.verify().map_err(ClientError::Run)?;
        let request = RunRequest { envelope: saved.envelope.clone(), pow: None::<altcha::Payload> };
        taken(self.post("run", "/api/v1/runs?dry_run=1", &request))
    }

    /// The same of a paste.
    ///
    /// # Errors
    /// Any [`ClientError`]; a refusal has the server's own sentence.
    pub fn try_paste(&self, paste: &Paste) -> Result<Sent, ClientError> {
        let request = TextRequest { text: written("paste", paste)?, pow: None::<altcha::Payload> };
        taken(self.post("paste", "/api/v1/pastes?dry_run=1", &request))
    }

    /// Sends the timing lines of a run that another tool printed.
    ///
    /// # Errors
    /// Any [`ClientError`]; a refusal has the server's own sentence.
    pub fn send_paste(&self, paste: &Paste) -> Result<Sent, ClientError> {
        let text = written("paste", paste)?;
        let pow = self.prove(&digest(text.as_bytes()))?;
        taken(self.post("paste", "/api/v1/pastes", &TextRequest { text, pow }))
    }

    /// Sends the raw timings of a result; what the server recomputed from them.
    ///
    /// # Errors
    /// Any [`ClientError`]; a refusal has the server's own sentence.
    pub fn send_evidence(&self, result: &str, raw_timings: &str) -> Result<Value, ClientError> {
        let pow = self.prove(&digest(raw_timings.as_bytes()))?;
        let evidence = Evidence { result: result.to_owned(), raw_timings: raw_timings.to_owned(), pow };
        self.post("evidence", "/api/v1/evidence", &evidence)
    }

    /// Doubts a result.
    ///
    /// # Errors
    /// Any [`ClientError`]; a refusal has the server's own sentence.
    pub fn send_dispute(&self, dispute: &Dispute) -> Result<Value, ClientError> {
        let text = written("dispute", dispute)?;
        let pow = self.prove(&digest(text.as_bytes()))?;
        self.post("dispute", "/api/v1/disputes", &TextRequest { text, pow })
    }

    /// Shows with the key of a result that its machine belongs to who is signed in.
    ///
    /// # Errors
    /// Any [`ClientError`]; a refusal has the server's own sentence.
    pub fn send_claim(
        &self,
        of_type: &str,
        message: &impl Serialize,
        seed: &[u8; 32],
        session: &Session,
    ) -> Result<Value, ClientError> {
        let envelope = envelope::seal_as(of_type, written("message", message)?.as_bytes(), seed);
        let body = written("message", &SignedRequest { envelope })?;
        let mut connection = self.signed_in(session);
        let bytes = connection
            .post("/api/v1/profile/machines", body.as_bytes())?
            .body
            .read_all(ANSWER_LIMIT_BYTES)?;
        read("message", &bytes)
    }

    /// Takes the profile of a session away.
    ///
    /// # Errors
    /// Any [`ClientError`]; a refusal has the server's own sentence.
    pub fn unlink(&self, session: &Session) -> Result<(), ClientError> {
        self.signed_in(session).delete("/api/v1/profile")?.body.read_all(ANSWER_LIMIT_BYTES)?;
        Ok(())
    }

    /// A connection that shows the token, which is this server's own.
    fn signed_in(&self, session: &Session) -> Connection {
        let headers = vec![
            ("Accept".to_owned(), "application/json".to_owned()),
            ("Authorization".to_owned(), format!("Bearer {}", session.token)),
        ];
        Connection::new(self.url.clone(), headers, Timeouts::PATIENT)
    }

    /// Sends a message about a result, signed with the result's key.
    ///
    /// # Errors
    /// Any [`ClientError`]; a refusal has the server's own sentence.
    pub fn send_signed<T: DeserializeOwned>(
        &self,
        resource: &str,
        of_type: &str,
        message: &impl Serialize,
        seed: &[u8; 32],
    ) -> Result<T, ClientError> {
        let text = written("message", message)?;
        let envelope = envelope::seal_as(of_type, text.as_bytes(), seed);
        self.post("message", resource, &SignedRequest { envelope })
    }

    /// Fetches a challenge for these bytes and solves it.
    fn prove(&self, digest: &str) -> Result<altcha::Payload, ClientError> {
        /// How long is tried.
        const MINUTES: u64 = 10;
        let challenge: altcha::Challenge =
            self.get("challenge", &format!("/api/v1/challenge?digest={digest}"))?;
        let bound = challenge.parameters.data.as_ref().and_then(|data| data.get("digest")?.as_str());
        if bound != Some(digest) {
            return Err(ClientError::OtherPayload);
        }
        // On a thread of its own, so that Ctrl-C is heard.
        let work = challenge.clone();
        let (send, found) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut options = altcha::SolveChallengeOptions::new(&work);
            options.timeout_ms = MINUTES * 60_000;
            // Nobody listens any more after Ctrl-C.
            let _ = send.send(altcha::solve_challenge(options));
        });
        let solved = loop {
            match found.recv_timeout(Duration::from_millis(100)) {
                Ok(solved) => break solved,
                Err(_) if interrupt::requested() => return Err(HttpError::Interrupted.into()),
                Err(_) => {}
            }
        };
        let unknown =
            |error: altcha::Error| ClientError::Unknown { what: "challenge", why: error.to_string() };
        let solution = solved.map_err(unknown)?.ok_or(ClientError::TooHard(MINUTES))?;
        Ok(altcha::Payload { challenge, solution })
    }

    fn connection(&self) -> Connection {
        let accept = vec![("Accept".to_owned(), "application/json".to_owned())];
        Connection::new(self.url.clone(), accept, Timeouts::PATIENT)
    }

    fn get<T: DeserializeOwned>(&self, what: &'static str, resource: &str) -> Result<T, ClientError> {
        let bytes = self.connection().get(resource)?.body.read_all(ANSWER_LIMIT_BYTES)?;
        read(what, &bytes)
    }

    /// A text, such as a signed checkpoint.
    fn get_text(&self, what: &'static str, resource: &str) -> Result<String, ClientError> {
        let bytes = self.connection().get(resource)?.body.read_all(ANSWER_LIMIT_BYTES)?;
        String::from_utf8(bytes).map_err(|error| ClientError::Unknown { what, why: error.to_string() })
    }

    fn post<T: DeserializeOwned>(
        &self,
        what: &'static str,
        resource: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let body = written(what, body)?;
        let bytes = self.connection().post(resource, body.as_bytes())?.body.read_all(ANSWER_LIMIT_BYTES)?;
        read(what, &bytes)
    }
}

/// What became of a submission; that the server has it already is no failure.
fn taken(answer: Result<Receipt, ClientError>) -> Result<Sent, ClientError> {
    match answer {
        Ok(receipt) => Ok(Sent::Taken(receipt)),
        Err(ClientError::Http(HttpError::Status { status: 409, body })) => {
            let problem: Option<Value> = serde_json::from_str(&body).ok();
            let page = problem.and_then(|problem| Some(problem.get("instance")?.as_str()?.to_owned()));
            Ok(Sent::Known(page))
        }
        Err(error) => Err(error),
    }
}

fn written(what: &'static str, value: &impl Serialize) -> Result<String, ClientError> {
    serde_json::to_string(value).map_err(|error| ClientError::Unknown { what, why: error.to_string() })
}

fn read<T: DeserializeOwned>(what: &'static str, bytes: &[u8]) -> Result<T, ClientError> {
    serde_json::from_slice(bytes).map_err(|error| ClientError::Unknown { what, why: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::heard::asked;
    use super::*;

    #[test]
    fn a_dry_run_says_so_and_carries_no_work() {
        let receipt = r#"{"digest":"d","state":"accepted","reasons":[{"code":"pasted","says":"Pasted."}]}"#;
        let request = asked("200 OK", receipt, |client| {
            let Sent::Taken(receipt) = client.try_paste(&Paste::default()).unwrap() else { panic!() };
            assert_eq!((receipt.id, receipt.reasons.len()), (None, 1));
        });
        assert!(request.starts_with("POST /api/v1/pastes?dry_run=1 "), "{request}");
        assert!(request.ends_with("\"pow\":null}"), "{request}");
    }

    #[test]
    fn pages_are_told_as_whole_addresses() {
        let client = Client::new(Some("https://speed.example/base")).unwrap();
        assert_eq!(client.page("/r/abc"), "https://speed.example/base/r/abc");
        assert_eq!(client.page("https://other.example/r/abc"), "https://other.example/r/abc");
        assert!(Client::new(Some("ftp://speed.example")).is_err());
    }
}
