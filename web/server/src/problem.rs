//! Errors that say what to do: RFC 9457 problem details.

mod kind;

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use data::query::FieldError;

use crate::gate::{Because, Refusal};
use crate::representation::{Caching, PROBLEM, Representation};

pub use kind::Kind;

/// One problem with one request.
#[derive(Debug, Clone)]
pub struct Problem {
    kind: Kind,
    status: StatusCode,
    detail: String,
    errors: Vec<FieldError>,
    unknown: Option<Box<(String, Vec<Link>)>>,
    instance: Option<String>,
    retry_after_s: Option<u32>,
}

/// A page that may have been meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its path.
    pub path: String,
    /// What it is about.
    pub name: String,
}

/// A problem as it is sent (RFC 9457), as `application/problem+json`.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody<'a> {
    /// An address, relative to this site, that explains this kind of problem.
    #[serde(rename = "type")]
    #[schema(example = "/problems/parameter")]
    kind: String,
    /// The kind of problem in a few words.
    title: &'a str,
    /// The HTTP status.
    #[schema(example = 400)]
    status: u16,
    /// What is wrong with this request, and what to do.
    detail: &'a str,
    /// The page of the result that this is about, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<&'a str>,
    /// The parameter that is to blame, where one is; of several, the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    /// What comes close to what was sent, best first.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    near: &'a [String],
    /// Everything that is wrong with the parameters, so that it can be mended in one go.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ParameterError<'a>>,
}

/// What is wrong with one parameter.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub struct ParameterError<'a> {
    /// Its name.
    #[schema(example = "model")]
    field: &'a str,
    /// What is wrong, and what to do.
    message: &'a str,
    /// What comes close to what was sent, best first.
    near: &'a [String],
}

impl Problem {
    /// A problem of a kind; `detail` says what is wrong with this request.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Problem {
            kind,
            status: kind.status(),
            detail: detail.into(),
            errors: Vec::new(),
            unknown: None,
            instance: None,
            retry_after_s: None,
        }
    }

    /// Parameters that cannot be used, each with what comes close to it.
    pub fn parameters(errors: Vec<FieldError>) -> Self {
        let sentences: Vec<_> =
            errors.iter().map(|error| format!("{}: {}", error.field, error.message)).collect();
        Problem { errors, ..Problem::new(Kind::Parameter, sentences.join(" ")) }
    }

    /// Nothing has this address.
    pub fn not_found() -> Self {
        Problem::new(Kind::NotFound, Kind::NotFound.explanation())
    }

    /// Nothing is called so; these come near.
    pub fn not_known(what: impl Into<String>, near: Vec<Link>) -> Self {
        Problem { unknown: Some(Box::new((what.into(), near))), ..Problem::not_found() }
    }

    /// The problem that a bare error status stands for.
    pub fn of_status(status: StatusCode) -> Self {
        let kind = Kind::of(status);
        Problem { status, ..Problem::new(kind, kind.explanation()) }
    }

    /// The same problem under another status.
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// The same problem, with a time after which to try again.
    pub fn retry_after_s(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// Which kind it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// What is wrong, and what to do.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The name that nothing has, and what comes near it.
    pub fn unknown(&self) -> Option<(&str, &[Link])> {
        self.unknown.as_deref().map(|(what, near)| (what.as_str(), near.as_slice()))
    }

    /// The problem as programs read it.
    pub fn as_json(&self) -> Representation {
        let body = ProblemBody {
            kind: format!("/problems/{}", self.kind.slug()),
            title: self.kind.title(),
            status: self.status.as_u16(),
            detail: &self.detail,
            instance: self.instance.as_deref(),
            field: self.errors.first().map(|error| error.field.as_str()),
            near: self.errors.first().map(|error| error.near.as_slice()).unwrap_or_default(),
            errors: self.errors.iter().map(ParameterError::from).collect(),
        };
        let json = serde_json::to_vec(&body).expect("strings and numbers have a JSON form");
        Representation::new(PROBLEM, json).caching(Caching::Never)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let kind = match refusal.because {
            Because::Malformed => Kind::Form,
            Because::TooLarge => Kind::TooLarge,
            Because::Proof => Kind::Proof,
            Because::Signature => Kind::Signature,
            Because::Claim => Kind::Claim,
            Because::Repeated => Kind::Repeated,
            Because::TooOften => Kind::TooOften,
            Because::Busy => Kind::Overloaded,
            Because::Unknown => Kind::NotFound,
        };
        Problem {
            instance: refusal.instance,
            retry_after_s: refusal.retry_after_s,
            ..Problem::new(kind, refusal.says)
        }
    }
}

impl<'a> From<&'a FieldError> for ParameterError<'a> {
    fn from(error: &'a FieldError) -> Self {
        ParameterError { field: &error.field, message: &error.message, near: &error.near }
    }
}

impl From<Vec<FieldError>> for Problem {
    fn from(errors: Vec<FieldError>) -> Self {
        Problem::parameters(errors)
    }
}

impl IntoResponse for Problem {
    /// An envelope without a body: `deliver` fills it, as JSON or as a page.
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status;
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(axum::http::header::RETRY_AFTER, seconds.into());
        }
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever finds the queue full did nothing too often.
    #[test]
    fn a_full_queue_is_no_fault_of_the_sender() {
        let problem = Problem::from(Refusal::new(Because::Busy, "More wait than we take."));
        let body: serde_json::Value = serde_json::from_slice(problem.as_json().plain()).unwrap();
        assert_eq!((&body["status"], &body["type"]), (&503.into(), &"/problems/overloaded".into()));
    }

    #[test]
    fn the_body_is_an_rfc_9457_problem() {
        let problem = Problem::parameters(vec![
            FieldError::with_near("model", "There is no \"lama\".".into(), vec!["llama-3.1-8b".into()]),
            FieldError::new("context", "This is no number.".into()),
        ]);
        let answer = problem.as_json();
        assert_eq!(answer.media_type(), "application/problem+json");
        let body: serde_json::Value = serde_json::from_slice(answer.plain()).unwrap();
        assert_eq!(
            body,
            serde_json::json!({
                "type": "/problems/parameter",
                "title": "A parameter cannot be used",
                "status": 400,
                "detail": "model: There is no \"lama\". context: This is no number.",
                "field": "model",
                "near": ["llama-3.1-8b"],
                "errors": [
                    {"field": "model", "message": "There is no \"lama\".", "near": ["llama-3.1-8b"]},
                    {"field": "context", "message": "This is no number.", "near": []},
                ],
            })
        );
    }

    #[test]
    fn slugs_are_unique_and_bare_statuses_keep_their_number() {
        let mut slugs = Kind::ALL.map(Kind::slug).to_vec();
        slugs.sort_unstable();
        slugs.dedup();
        assert_eq!(slugs.len(), Kind::ALL.len());
        for status in [404, 405, 413, 414, 415, 500, 503] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(Problem::of_status(status).status(), status);
        }
    }
}
