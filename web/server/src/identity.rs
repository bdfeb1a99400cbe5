//! The identity service, such as GitHub: the only place that this server asks anything of. It is asked to let somebody in
//! by the device flow (RFC 8628), under this server's own client id, and then once who that is; its token is not kept.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;

use crate::args::{Args, Place};
use crate::gate::strict::hides;

/// How long the service may take for an answer. Two of them, one after the other, must fit into the time of a handler.
const PATIENCE: Duration = Duration::from_secs(4);
/// Longest answer that is read.
const ANSWER_LIMIT_BYTES: u64 = 64 << 10;
/// Questions under way at once: a service that hangs must not hold up those who want something else.
const AT_ONCE: usize = 8;
/// Longest value that is passed on, in characters.
const LONGEST: usize = 256;

/// A way to the service.
#[derive(Clone, Debug)]
pub struct Identity {
    parts: Arc<Parts>,
}

#[derive(Debug)]
struct Parts {
    agent: ureq::Agent,
    service: Place,
    user: Place,
    client_id: String,
    places: Arc<Semaphore>,
}

/// Why the service could not be asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// It does not answer, or not in time.
    #[error("the identity service cannot be reached: {0}")]
    Away(String),
    /// It answers something that we do not know.
    #[error("the identity service's answer cannot be used: {0}")]
    Unknown(&'static str),
    /// It is being asked as much as we let it.
    #[error("too many sign-ins at once")]
    Busy,
}

/// What the device flow begins with.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Invitation {
    /// What the probe asks with.
    pub device_code: String,
    /// What the person types.
    pub user_code: String,
    /// Where.
    pub verification_uri: String,
    /// Seconds until it is too late.
    pub expires_in: u64,
    /// Seconds between two questions.
    #[serde(default = "usual_interval")]
    pub interval: f64,
}

/// RFC 8628, 3.2: where none is told.
fn usual_interval() -> f64 {
    5.0
}

/// What became of an invitation.
#[derive(Clone, Debug, PartialEq)]
pub enum Redeemed {
    /// The person typed the code: the service's token.
    Token(String),
    /// Not yet, or not any more.
    Not {
        /// The word of RFC 8628: `authorization_pending`, `slow_down`, `access_denied`, `expired_token`; another of the
        /// service's own.
        error: String,
        /// The new wait in seconds, where it is told.
        interval: Option<f64>,
    },
}

/// Who signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Host and number of the account: names change hands, this does not.
    pub subject: String,
    /// The account's name.
    pub name: String,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: Option<String>,
    error: Option<String>,
    interval: Option<f64>,
}

#[derive(Deserialize)]
struct UserAnswer {
    id: u64,
    login: String,
}

impl Identity {
    /// The service that the command line names; none where nobody may sign in.
    pub fn of(args: &Args) -> Option<Self> {
        let client_id = args.identity_client_id.clone().filter(|id| !id.is_empty())?;
        let mut config = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .max_redirects(0)
            .http_status_as_error(false)
            .user_agent(concat!("llm-speed-server/", env!("CARGO_PKG_VERSION")));
        if args.identity_url.is_loopback() {
            config = config.proxy(None);
        }
        Some(Identity {
            parts: Arc::new(Parts {
                agent: config.build().into(),
                service: args.identity_url.clone(),
                user: args.identity_user_url.clone(),
                client_id,
                places: Arc::new(Semaphore::new(AT_ONCE)),
            }),
        })
    }

    /// The service's host, as people know it.
    pub fn host(&self) -> &str {
        self.parts.service.host()
    }

    /// Asks for a code.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub async fn invite(&self) -> Result<Invitation, IdentityError> {
        let parts = self.parts.clone();
        let invitation: Invitation = self
            .asked(move || {
                let fields = [("client_id", parts.client_id.as_str()), ("scope", "read:user")];
                let address = format!("{}/login/device/code", parts.service.as_str());
                parts.agent.post(address).header("Accept", "application/json").send_form(fields)
            })
            .await?;
        let texts = [&invitation.device_code, &invitation.user_code, &invitation.verification_uri];
        let is_web = Place::is_web(&invitation.verification_uri);
        if !texts.iter().all(|text| is_plain(text)) || !is_web || !invitation.interval.is_finite() {
            return Err(IdentityError::Unknown("its invitation has other fields than it should"));
        }
        Ok(invitation)
    }

    /// Asks whether the code was typed. The code was given out for our own client id, and the service redeems it for no
    /// other: a token that somebody got elsewhere opens nothing here.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub async fn redeem(&self, device_code: &str) -> Result<Redeemed, IdentityError> {
        let (parts, device_code) = (self.parts.clone(), device_code.to_owned());
        let answer: TokenAnswer = self
            .asked(move || {
                let fields = [
                    ("client_id", parts.client_id.as_str()),
                    ("device_code", device_code.as_str()),
                    ("grant_type", GRANT_TYPE),
                ];
                let address = format!("{}/login/oauth/access_token", parts.service.as_str());
                parts.agent.post(address).header("Accept", "application/json").send_form(fields)
            })
            .await?;
        match (answer.access_token, answer.error) {
            (Some(token), _) if is_plain(&token) && !token.is_empty() => Ok(Redeemed::Token(token)),
            (None, Some(error)) if is_word(&error) => {
                Ok(Redeemed::Not { error, interval: answer.interval.filter(|seconds| seconds.is_finite()) })
            }
            _ => Err(IdentityError::Unknown("it gives neither a token nor a reason")),
        }
    }

    /// Asks whose token this is.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub async fn person(&self, token: &str) -> Result<Person, IdentityError> {
        let (parts, bearer) = (self.parts.clone(), format!("Bearer {token}"));
        let user: UserAnswer = self
            .asked(move || {
                let request = parts.agent.get(parts.user.as_str()).header("Accept", "application/json");
                request.header("Authorization", bearer).call()
            })
            .await?;
        // It becomes part of an address and stands on pages.
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if user.login.is_empty() || user.login.len() > 64 || !user.login.chars().all(is_name) {
            return Err(IdentityError::Unknown("the account's name cannot be part of an address"));
        }
        Ok(Person { subject: format!("{}:{}", self.host(), user.id), name: user.login })
    }

    /// Asks beside the threads that serve connections, and reads what comes as JSON.
    async fn asked<T: DeserializeOwned + Send + 'static>(
        &self,
        ask: impl FnOnce() -> Result<ureq::http::Response<ureq::Body>, ureq::Error> + Send + 'static,
    ) -> Result<T, IdentityError> {
        let place = Arc::clone(&self.parts.places).try_acquire_owned().map_err(|_| IdentityError::Busy)?;
        let asked = tokio::task::spawn_blocking(move || {
            let _place = place;
            let away = |error: ureq::Error| IdentityError::Away(error.to_string());
            let mut answer = ask().map_err(away)?;
            // RFC 8628 answers "not yet" with status 400, GitHub with 200; both in JSON.
            let status = answer.status().as_u16();
            if status != 200 && status != 400 {
                return Err(IdentityError::Away(format!("it answers with status {status}")));
            }
            let body = answer.body_mut().with_config().limit(ANSWER_LIMIT_BYTES).read_to_vec();
            serde_json::from_slice(&body.map_err(away)?)
                .map_err(|_| IdentityError::Unknown("it is not the JSON that we know"))
        });
        asked.await.unwrap_or_else(|gone| std::panic::resume_unwind(gone.into_panic()))
    }
}

/// The flow's name (RFC 8628, 3.4).
pub const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// Short, and nothing in it that cannot be seen.
fn is_plain(text: &str) -> bool {
    text.chars().count() <= LONGEST && !text.chars().any(hides)
}

/// A word of the protocol.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}
