//! What keeps a runtime from giving timings, in words for the person who runs it and in words that a run may hold.

use crate::http::{HttpError, WAITING};

/// Why a runtime gave us no timings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DriverError {
    /// The way there failed.
    #[error("{0}")]
    Http(#[from] HttpError),
    /// The answer is in a form that this version does not know.
    #[error("the answer cannot be read: {0}")]
    UnknownReply(String),
    /// The runtime reported an error in the middle of its answer.
    #[error("the runtime broke off: {0}")]
    BrokeOff(String),
    /// Not one token came.
    #[error("the answer held no token")]
    Empty,
    /// The runtime cannot do this, and what would help: in our own words, since they go into the run.
    #[error("{0}")]
    Limit(String),
    /// A process that we started ended by itself.
    #[error("{0}")]
    Process(String),
    /// A process could not be started, or did not become ready.
    #[error("{0}")]
    NotStarted(String),
    /// Something of our own failed: in our own words, since they go into the run.
    #[error("{0}")]
    Own(&'static str),
    /// A request was taken and not answered, before anything was measured: what comes after it would fare no better.
    #[error(
        "the runtime took a request and gave no answer in time: it still loads the model, or it is stuck; look at its \
         log, or restart it"
    )]
    Hung,
    /// No such model.
    #[error("{runtime} has no model {model:?}; `llm-speed-probe list-models` lists what it has")]
    NoSuchModel {
        /// The runtime's name.
        runtime: &'static str,
        /// What was asked for.
        model: String,
    },
}

impl DriverError {
    /// Whether the run as a whole must stop: Ctrl-C.
    pub fn is_interrupt(&self) -> bool {
        matches!(self, DriverError::Http(HttpError::Interrupted))
    }

    /// Whether the time was up.
    pub fn is_out_of_time(&self) -> bool {
        matches!(self, DriverError::Http(HttpError::OutOfTime))
    }

    /// Whether a request was taken and nothing came back.
    pub fn is_hang(&self) -> bool {
        matches!(self, DriverError::Hung | DriverError::Http(HttpError::Stalled { doing: WAITING, .. }))
    }

    /// The same as a run may hold it, in our own words alone: what a server or a system says may name people, folders and
    /// addresses.
    pub fn published(&self) -> String {
        match self {
            DriverError::Http(error) => error.published(),
            DriverError::UnknownReply(_) => "the answer cannot be read".to_owned(),
            DriverError::BrokeOff(_) => "the runtime broke off its answer with an error".to_owned(),
            DriverError::Process(_) => "the server that was started for it ended by itself".to_owned(),
            DriverError::NotStarted(_) => "the server could not be started for it".to_owned(),
            DriverError::NoSuchModel { .. } => "the runtime has no such model".to_owned(),
            DriverError::Empty | DriverError::Limit(_) | DriverError::Own(_) | DriverError::Hung => {
                self.to_string()
            }
        }
    }

    /// Whether a workload is left out for a reason rather than failed.
    pub fn is_limit(&self) -> bool {
        matches!(self, DriverError::Limit(_)) || self.is_out_of_time()
    }
}
