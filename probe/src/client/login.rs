//! Signing in by the device flow (RFC 8628): a code is typed on another screen, and no password passes through here. The
//! results server speaks the flow with the identity service for us, and gives out a token that is good for itself alone.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{ANSWER_LIMIT_BYTES, ClientError};
use crate::http::{Connection, HttpError, Timeouts, Url};
use crate::{interrupt, runs};

/// How the service is asked to wait longer when it says that we ask too often (RFC 8628, 3.5).
const SLOWER_BY: Duration = Duration::from_secs(5);
/// Shortest wait between two questions.
const SHORTEST_WAIT: Duration = Duration::from_millis(10);

/// What is shown to the person.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Invitation {
    device_code: String,
    /// To be typed there.
    pub user_code: String,
    /// Where.
    pub verification_uri: String,
    expires_in: u64,
    #[serde(default = "usual_wait")]
    interval: f64,
}

fn usual_wait() -> f64 {
    5.0
}

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoginError {
    /// The way to the service failed, or its answer cannot be read.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The person said no.
    #[error("the sign-in was refused there")]
    Denied,
    /// The code was not typed in time.
    #[error("the code has expired; run `llm-speed-probe login` again")]
    Expired,
    /// Something else, in the service's words.
    #[error("the sign-in service says: {0}")]
    Other(String),
}

/// A service with the flow's two addresses.
pub struct Service {
    url: Url,
    client_id: String,
}

/// What was given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// The token.
    pub token: String,
    /// Whose it is; empty where the service does not tell.
    pub profile: String,
}

#[derive(Deserialize)]
struct Answer {
    access_token: Option<String>,
    #[serde(default)]
    profile: String,
    error: Option<String>,
    error_description: Option<String>,
    interval: Option<f64>,
}

impl Service {
    /// At an address, as the application of this id.
    ///
    /// # Errors
    /// When the address is none.
    pub fn new(address: &str, client_id: &str) -> Result<Service, HttpError> {
        Ok(Service { url: Url::parse(address)?, client_id: client_id.to_owned() })
    }

    /// The service that a results server is to its probes; it knows itself under which id it is registered elsewhere.
    pub fn of(server: &super::Client) -> Service {
        Service { url: server.url.below("/api/v1"), client_id: "llm-speed-probe".to_owned() }
    }

    /// Asks for a code.
    ///
    /// # Errors
    /// When the service does not answer as it should.
    pub fn invite(&self) -> Result<Invitation, LoginError> {
        let fields = format!("client_id={}&scope=read%3Auser", encode(&self.client_id));
        Ok(self.post("code", "/login/device/code", &fields)?)
    }

    /// Waits until the code was typed; the token then.
    ///
    /// # Errors
    /// [`LoginError`], in words for the person.
    pub fn wait(&self, invitation: &Invitation) -> Result<Granted, LoginError> {
        let end = Instant::now() + Duration::from_secs(invitation.expires_in);
        let seconds = |seconds: f64| Duration::from_secs_f64(seconds.clamp(0.0, 3600.0)).max(SHORTEST_WAIT);
        let mut every = seconds(invitation.interval);
        let fields = format!(
            "client_id={}&device_code={}&grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code",
            encode(&self.client_id),
            encode(&invitation.device_code)
        );
        loop {
            sleep(every)?;
            if Instant::now() >= end {
                return Err(LoginError::Expired);
            }
            let answer: Answer = self.post("token", "/login/oauth/access_token", &fields)?;
            if let Some(token) = answer.access_token {
                return Ok(Granted { token, profile: answer.profile });
            }
            match answer.error.as_deref() {
                Some("authorization_pending") => {}
                Some("slow_down") => every = answer.interval.map_or(every + SLOWER_BY, seconds),
                Some("access_denied") => return Err(LoginError::Denied),
                Some("expired_token") => return Err(LoginError::Expired),
                other => {
                    let words = answer.error_description.or_else(|| other.map(str::to_owned));
                    return Err(LoginError::Other(words.unwrap_or_else(|| "nothing".to_owned())));
                }
            }
        }
    }

    fn post<T: DeserializeOwned>(
        &self,
        what: &'static str,
        resource: &str,
        fields: &str,
    ) -> Result<T, ClientError> {
        let accept = vec![("Accept".to_owned(), "application/json".to_owned())];
        let mut connection = Connection::new(self.url.clone(), accept, Timeouts::PATIENT);
        let bytes = match connection.post_form(resource, fields) {
            Ok(mut response) => response.body.read_all(ANSWER_LIMIT_BYTES)?,
            // Other services than GitHub answer "not yet" with status 400, as the RFC has it.
            Err(HttpError::Status { status: 400, body }) => body.into_bytes(),
            Err(error) => return Err(error.into()),
        };
        super::read(what, &bytes)
    }
}

fn sleep(time: Duration) -> Result<(), ClientError> {
    let end = Instant::now() + time;
    while Instant::now() < end {
        if interrupt::requested() {
            return Err(HttpError::Interrupted.into());
        }
        std::thread::sleep(Duration::from_millis(100).min(end.saturating_duration_since(Instant::now())));
    }
    Ok(())
}

/// Percent-encodes all but letters, digits and `-._~`.
fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// Who is signed in where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Host and port of the results server: the token goes nowhere else.
    pub server: String,
    /// Name of the profile there.
    pub profile: String,
    /// The token.
    pub token: String,
}

/// The sessions of all servers; none where nobody is signed in.
fn sessions(folder: &Path) -> Vec<Session> {
    let bytes = std::fs::read(folder.join(SESSIONS)).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

/// The session at a server.
pub fn session(folder: &Path, server: &str) -> Option<Session> {
    sessions(folder).into_iter().find(|session| session.server == server)
}

/// Keeps a session where only its owner reads it; it takes the place of another at the same server.
///
/// # Errors
/// Those of the file system.
pub fn keep(folder: &Path, session: Session) -> io::Result<()> {
    let mut all = sessions(folder);
    all.retain(|known| known.server != session.server);
    all.push(session);
    write(folder, &all)
}

/// Forgets the session at a server.
///
/// # Errors
/// Those of the file system.
pub fn forget(folder: &Path, server: &str) -> io::Result<()> {
    let mut all = sessions(folder);
    all.retain(|known| known.server != server);
    write(folder, &all)
}

const SESSIONS: &str = "sessions.json";

fn write(folder: &Path, all: &[Session]) -> io::Result<()> {
    runs::write_whole_as(&folder.join(SESSIONS), &serde_json::to_vec_pretty(all)?, private())
}

#[cfg(unix)]
fn private() -> Option<std::fs::Permissions> {
    use std::os::unix::fs::PermissionsExt;
    Some(std::fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn private() -> Option<std::fs::Permissions> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_wrong_is_said_once() {
        let error = anyhow::Error::from(LoginError::Client(ClientError::OtherPayload));
        assert_eq!(format!("{error:#}"), ClientError::OtherPayload.to_string());
    }

    #[test]
    fn a_token_stays_with_its_server() {
        let folder = tempfile::tempdir().unwrap();
        let of = |server: &str, token: &str| Session {
            server: server.into(),
            profile: "someone".into(),
            token: token.into(),
        };
        for (server, token) in [("a:1", "x"), ("b:2", "y"), ("a:1", "z")] {
            keep(folder.path(), of(server, token)).unwrap();
        }
        assert_eq!(session(folder.path(), "a:1"), Some(of("a:1", "z")));
        assert_eq!(session(folder.path(), "c:3"), None);
        forget(folder.path(), "a:1").unwrap();
        assert_eq!(sessions(folder.path()), [of("b:2", "y")]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(folder.path().join(SESSIONS)).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "nobody else reads it");
        }
    }

    #[test]
    fn fields_are_encoded() {
        assert_eq!(encode("Iv1.a&b=c d"), "Iv1.a%26b%3Dc%20d");
    }
}
