//! The headers that every answer carries, and the policy of what a page may do.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::app::App;
use crate::args::Origin;

/// What a page may fetch from. A handler sets it as an extension of its response; [`Reach::Own`] otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// This site alone.
    #[default]
    Own,
    /// Any site over TLS: a page that reads the header of a GGUF file from wherever it lies.
    AnyHttps,
    /// Nothing, not even by script; and any site may put a frame around it.
    Framed,
    /// This site alone, which it may also show in a frame.
    Frames,
}

/// The content security policies of this process.
#[derive(Debug, Clone)]
pub struct Policies {
    own: HeaderValue,
    any_https: HeaderValue,
    frames: HeaderValue,
}

/// Of a page inside a frame on another site: one style sheet, no script, nothing to fetch, no form.
const FRAMED: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors *",
);

impl Policies {
    /// The policies, with more origins to fetch from.
    pub fn new(connect_src: &[Origin]) -> Self {
        let more: String = connect_src.iter().map(|origin| format!(" {}", origin.as_str())).collect();
        let own = format!("'self'{more}");
        Policies {
            any_https: policy(&format!("'self' https:{more}")),
            frames: policy(&format!("{own}; frame-src 'self'")),
            own: policy(&own),
        }
    }

    /// The policy of a page.
    pub fn of(&self, reach: Reach) -> HeaderValue {
        match reach {
            Reach::Own => self.own.clone(),
            Reach::AnyHttps => self.any_https.clone(),
            Reach::Framed => FRAMED,
            Reach::Frames => self.frames.clone(),
        }
    }
}

/// Nothing but our own files; no inline script, no inline style, no frame around us, no form that leaves.
fn policy(connect_src: &str) -> HeaderValue {
    let text = format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
         connect-src {connect_src}; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(text).expect("an origin is ASCII")
}

/// On every answer, whatever it is. No HSTS: the proxy that speaks TLS knows whether it always will.
const FIXED: [(HeaderName, &str); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

/// Puts the headers on every answer.
pub async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let is_shared = is_shared(request.uri().path());
    let mut response = next.run(request).await;
    let reach = response.extensions().get::<Reach>().copied().unwrap_or_default();
    let headers = response.headers_mut();
    for (name, value) in FIXED {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, app.policies().of(reach));
    share(headers, is_shared);
    response
}

/// Whether other sites may use what is there: the API, the WASM package, pictures and what goes into frames, all the same
/// for everybody.
fn is_shared(path: &str) -> bool {
    ["/api/", "/wasm/", "/badge/", "/social/", "/embed/"].iter().any(|folder| path.starts_with(folder))
}

fn share(headers: &mut HeaderMap, is_shared: bool) {
    let resource_policy = if is_shared { "cross-origin" } else { "same-origin" };
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static(resource_policy));
    if is_shared {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policies_are_these() {
        let base = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
                    connect-src CONNECT; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
        let policies = Policies::new(&[]);
        assert_eq!(policies.of(Reach::Own), base.replace("CONNECT", "'self'").as_str());
        assert_eq!(policies.of(Reach::AnyHttps), base.replace("CONNECT", "'self' https:").as_str());

        let frames = base.replace("CONNECT", "'self'; frame-src 'self'");
        assert_eq!(policies.of(Reach::Frames), frames.as_str());
        let framed = policies.of(Reach::Framed);
        let framed = framed.to_str().unwrap();
        assert!(framed.ends_with("frame-ancestors *") && !framed.contains("script-src"), "{framed}");

        let policies = Policies::new(&["http://127.0.0.1:9000".parse().unwrap()]);
        let more = "'self' https: http://127.0.0.1:9000";
        assert_eq!(policies.of(Reach::AnyHttps), base.replace("CONNECT", more).as_str());
    }
}
