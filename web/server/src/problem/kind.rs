//! Kinds of problem, each with the address that explains it.

use axum::http::StatusCode;
use page::messages::EN;

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
            Kind::Parameter => EN.problem.parameter,
            Kind::NotFound => EN.problem.not_found,
            Kind::Method => EN.problem.method,
            Kind::TooLarge => EN.problem.too_large,
            Kind::TimedOut => EN.problem.timed_out,
            Kind::Overloaded => EN.problem.overloaded,
            Kind::NotReady => EN.problem.not_ready,
            Kind::Internal => EN.problem.internal,
            Kind::Form => EN.problem.form,
            Kind::Proof => EN.problem.proof,
            Kind::Signature => EN.problem.signature,
            Kind::Claim => EN.problem.claim,
            Kind::Repeated => EN.problem.repeated,
            Kind::TooOften => EN.problem.too_often,
        }
    }

    /// What it means and what to do about it.
    pub fn explanation(self) -> &'static str {
        match self {
            Kind::Parameter => EN.problem.parameter_about,
            Kind::NotFound => EN.problem.not_found_about,
            Kind::Method => EN.problem.method_about,
            Kind::TooLarge => EN.problem.too_large_about,
            Kind::TimedOut => EN.problem.timed_out_about,
            Kind::Overloaded => EN.problem.overloaded_about,
            Kind::NotReady => EN.problem.not_ready_about,
            Kind::Internal => EN.problem.internal_about,
            Kind::Form => EN.problem.form_about,
            Kind::Proof => EN.problem.proof_about,
            Kind::Signature => EN.problem.signature_about,
            Kind::Claim => EN.problem.claim_about,
            Kind::Repeated => EN.problem.repeated_about,
            Kind::TooOften => EN.problem.too_often_about,
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
