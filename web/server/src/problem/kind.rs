//! Kinds of problem, each with the address that explains it.

use axum::http::StatusCode;

/// A kind of problem. Its address, `/problems/{slug}`, explains it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A parameter is unknown, missing, malformed, or at odds with another.
    Parameter,
    /// Nothing lives at this address.
    NotFound,
    /// The address exists, but not for this method.
    Method,
    /// The request is larger than we read.
    TooLarge,
    /// The answer took too long.
    TimedOut,
    /// More requests at once than we take.
    Overloaded,
    /// The database does not answer.
    NotReady,
    /// Our own mistake.
    Internal,
    /// Not in the form that is read.
    Form,
    /// The proof of work is missing, spent, too old, or for something else.
    Proof,
    /// The signature or the key.
    Signature,
    /// It says what cannot be.
    Claim,
    /// It was taken before.
    Repeated,
    /// Too many from one network address.
    TooOften,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 14] = [
        Kind::Parameter,
        Kind::NotFound,
        Kind::Method,
        Kind::TooLarge,
        Kind::TimedOut,
        Kind::Overloaded,
        Kind::NotReady,
        Kind::Internal,
        Kind::Form,
        Kind::Proof,
        Kind::Signature,
        Kind::Claim,
        Kind::Repeated,
        Kind::TooOften,
    ];

    /// The last part of the address that explains it.
    pub fn slug(self) -> &'static str {
        match self {
            Kind::Parameter => "parameter",
            Kind::NotFound => "not-found",
            Kind::Method => "method",
            Kind::TooLarge => "too-large",
            Kind::TimedOut => "timed-out",
            Kind::Overloaded => "overloaded",
            Kind::NotReady => "not-ready",
            Kind::Internal => "internal",
            Kind::Form => "form",
            Kind::Proof => "proof",
            Kind::Signature => "signature",
            Kind::Claim => "claim",
            Kind::Repeated => "repeated",
            Kind::TooOften => "too-often",
        }
    }

    /// A short name for readers.
    pub fn title(self) -> &'static str {
        match self {
            Kind::Parameter => "A parameter cannot be used",
            Kind::NotFound => "Nothing is here",
            Kind::Method => "This address does not take that method",
            Kind::TooLarge => "The request is too large",
            Kind::TimedOut => "The answer took too long",
            Kind::Overloaded => "Too many requests at once",
            Kind::NotReady => "The database does not answer",
            Kind::Internal => "We made a mistake",
            Kind::Form => "This is not in the form that is read",
            Kind::Proof => "The proof of work does not hold",
            Kind::Signature => "The signature does not hold",
            Kind::Claim => "It says what cannot be",
            Kind::Repeated => "It was taken before",
            Kind::TooOften => "Too many from one network address",
        }
    }

    /// What it means and what to do about it.
    pub fn explanation(self) -> &'static str {
        match self {
            Kind::Parameter => {
                "A query parameter is unknown, missing, malformed or at odds with another. `field` names it; `near` \
                 lists what comes close. /api/v1/openapi.json documents every parameter."
            }
            Kind::NotFound => {
                "No page, row or file has this address. /api/v1/hardware and /api/v1/models list every id."
            }
            Kind::Method => "The header `Allow` lists the methods that this address takes.",
            Kind::TooLarge => "The address or the body is longer than we read. Send less.",
            Kind::TimedOut => "The answer took longer than we let a request run. Try again.",
            Kind::Overloaded => {
                "We answer a limited number of requests at once. Wait for as many seconds as `Retry-After` says."
            }
            Kind::NotReady => {
                "The process runs, but its database does not answer. Whoever runs it finds why in its log."
            }
            Kind::Internal => {
                "This is a fault in the server, not in the request. The log of the server holds its cause."
            }
            Kind::Form => {
                "Submissions are JSON (`Content-Type: application/json`, not compressed) without unknown fields, keys \
                 that occur twice, or characters that cannot be seen."
            }
            Kind::Proof => {
                "A challenge from /api/v1/challenge is good for the bytes whose digest it was asked for, once, for \
                 twenty minutes."
            }
            Kind::Signature => {
                "A run is signed by a key of its machine and month, over the exact bytes that are sent."
            }
            Kind::Claim => "What a submission says does not agree with itself or with what is known.",
            Kind::Repeated => "`instance` is the page of the result that these bytes became.",
            Kind::TooOften => {
                "Each network address has so many submissions an hour. Wait for as many seconds as `Retry-After` says."
            }
        }
    }

    /// The status that it is sent with, unless the problem says another.
    pub fn status(self) -> StatusCode {
        match self {
            Kind::Parameter => StatusCode::BAD_REQUEST,
            Kind::NotFound => StatusCode::NOT_FOUND,
            Kind::Method => StatusCode::METHOD_NOT_ALLOWED,
            Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Kind::TimedOut | Kind::Overloaded | Kind::NotReady => StatusCode::SERVICE_UNAVAILABLE,
            Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Kind::Form => StatusCode::BAD_REQUEST,
            Kind::Proof | Kind::Signature => StatusCode::FORBIDDEN,
            Kind::Claim => StatusCode::UNPROCESSABLE_ENTITY,
            Kind::Repeated => StatusCode::CONFLICT,
            Kind::TooOften => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    /// The kind that a bare status stands for.
    pub(super) fn of(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Kind::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Kind::Method,
            StatusCode::PAYLOAD_TOO_LARGE | StatusCode::URI_TOO_LONG => Kind::TooLarge,
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => Kind::TimedOut,
            status if status.is_client_error() => Kind::Parameter,
            _ => Kind::Internal,
        }
    }
}
