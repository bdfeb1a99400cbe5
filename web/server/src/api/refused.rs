//! Refusals that several addresses share, as the API's description lists them.

use std::collections::BTreeMap;

use utoipa::IntoResponses;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};

use crate::representation::PROBLEM;

/// A refusal under its status: a problem (RFC 9457).
pub fn problem(status: u16, says: &str) -> (String, RefOr<Response>) {
    let body = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let response = ResponseBuilder::new().description(says).content(PROBLEM, body);
    (status.to_string(), response.build().into())
}

/// Names a list of refusals.
macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident { $($status:literal: $says:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                [$(problem($status, $says)),*].into()
            }
        }
    )*};
}

refusals! {
    /// Of a submission, beside those of every body.
    OfSubmission {
        403: "The proof of work does not hold, or the signature of a run",
        409: "Taken before; `instance` is its page",
        422: "It says what cannot be",
        429: "Too many",
    }
    /// The proof of work does not hold.
    Unworked { 403: "Proof of work does not hold", }
    /// Another key than the one that signed.
    OtherKey { 403: "Another key", }
    /// There is no such result.
    NoResult { 404: "No such result", }
    /// Nobody can sign in here.
    NoProfiles { 404: "Nobody can sign in here", }
    /// The token is of nobody.
    NoToken { 401: "No such token", }
    /// Too many requests of this kind from one address.
    TooMany { 429: "Too many", }
}
