//! From an answer to bytes on the wire: encoded, conditional, and an error in the form that its reader takes.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::app::App;
use crate::encoding::Encoding;
use crate::pages;
use crate::problem::Problem;
use crate::representation::Representation;

/// Fills the envelope that a handler returned: a [`Representation`], under whatever status it stands, a [`Problem`], or a bare
/// error status from a layer below, which is a problem too.
pub async fn deliver(State(app): State<App>, request: Request, next: Next) -> Response {
    let wish = Wish::of(&request);
    let mut response = next.run(request).await;
    if let Some(answer) = response.extensions_mut().remove::<Representation>() {
        return wish.fill(response, &answer);
    }
    let Some(problem) = problem_of(&response) else { return response };
    let answer = if wish.is_for_programs { problem.as_json() } else { pages::error(&problem, app.site()) };
    wish.fill(response, &answer)
}

/// What an error response is about, whoever made it.
fn problem_of(response: &Response) -> Option<Problem> {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    is_error.then(|| response.extensions().get().cloned().unwrap_or_else(|| Problem::of_status(status)))
}

/// Ends of addresses that programs read, whatever they say they accept.
const DATA: [&str; 5] = [".json", ".csv", ".jsonl", ".lines", ".rows"];

/// In which form a client wants its answer.
struct Wish {
    is_head: bool,
    is_for_programs: bool,
    encoding: Encoding,
    known_tags: Option<HeaderValue>,
}

impl Wish {
    fn of(request: &Request) -> Self {
        let path = request.uri().path();
        Wish {
            is_head: request.method() == Method::HEAD,
            is_for_programs: path.starts_with("/api/")
                || matches!(path, "/healthz" | "/readyz")
                || DATA.iter().any(|end| path.ends_with(end)),
            encoding: Encoding::negotiate(accept_encoding(request.headers()).as_deref()),
            known_tags: request.headers().get(header::IF_NONE_MATCH).cloned(),
        }
    }

    fn fill(&self, response: Response, answer: &Representation) -> Response {
        let (mut parts, _) = response.into_parts();
        let headers = &mut parts.headers;
        headers.insert(header::CACHE_CONTROL, answer.cache_control());
        headers.remove(header::CONTENT_LENGTH);
        if answer.is_worth_packing() {
            headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        }
        if parts.status == StatusCode::OK {
            headers.insert(header::ETAG, answer.etag().clone());
            if self.knows(answer.etag()) {
                parts.status = StatusCode::NOT_MODIFIED;
                return Response::from_parts(parts, Body::empty());
            }
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(answer.media_type()));
        let (encoding, bytes) = answer.packed(self.encoding);
        if let Some(name) = encoding.name() {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
        }
        headers.insert(header::CONTENT_LENGTH, bytes.len().into());
        let body = if self.is_head { Body::empty() } else { Body::from(bytes) };
        Response::from_parts(parts, body)
    }

    /// Whether the client already has what carries this tag (RFC 9110, weak comparison).
    fn knows(&self, etag: &HeaderValue) -> bool {
        let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
        let Some(known) = self.known_tags.as_ref().and_then(|tags| tags.to_str().ok()) else { return false };
        let ours = etag.to_str().map(opaque).unwrap_or_default();
        known.trim() == "*" || known.split(',').any(|tag| opaque(tag) == ours)
    }
}

/// All `Accept-Encoding` headers as the one list that they are.
fn accept_encoding(headers: &HeaderMap) -> Option<String> {
    let lists: Vec<_> =
        headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok()).collect();
    (!lists.is_empty()).then(|| lists.join(","))
}
