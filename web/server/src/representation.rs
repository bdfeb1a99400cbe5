//! What an address answers with, before it is known in which form the client wants it.
//!
//! A handler returns a [`Representation`]; [`crate::deliver`] turns it into bytes on the wire: compressed or not,
//! whole, or "you have it already".

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::HeaderValue;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::encoding::{Effort, Encoding};

/// HTML, always UTF-8.
pub const HTML: &str = "text/html; charset=utf-8";
/// JSON, which is UTF-8 by definition.
pub const JSON: &str = "application/json";
/// An RFC 9457 problem.
pub const PROBLEM: &str = "application/problem+json";
/// A picture of shapes.
pub const SVG: &str = "image/svg+xml";
/// A picture of pixels.
pub const PNG: &str = "image/png";
/// Plain text, always UTF-8.
pub const TEXT: &str = "text/plain; charset=utf-8";

/// Under this many bytes compression gains less than its header costs.
const WORTH_PACKING_BYTES: usize = 256;

/// How long a client may use an answer without asking again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caching {
    /// Never: it is about this moment.
    Never,
    /// It may be kept, but each use asks whether it is still true.
    Revalidate,
    /// For an hour: other sites load it, and an hour's age does no harm.
    Hour,
    /// For ever: its address changes with its content.
    Immutable,
}

impl Caching {
    /// The value of `Cache-Control`.
    pub fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Caching::Never => "no-store",
            Caching::Revalidate => "no-cache",
            Caching::Hour => "public, max-age=3600",
            Caching::Immutable => "public, max-age=31536000, immutable",
        })
    }
}

/// One answer: its bytes, what they are, their tag, and how long they hold.
#[derive(Debug, Clone)]
pub struct Representation {
    media_type: &'static str,
    plain: Bytes,
    kept: Option<Arc<Kept>>,
    etag: HeaderValue,
    caching: Caching,
}

/// The compressed forms of an answer that is sent many times.
#[derive(Debug)]
struct Kept {
    gzip: Bytes,
    brotli: Bytes,
}

impl Representation {
    /// An answer made for one request.
    pub fn new(media_type: &'static str, body: impl Into<Bytes>) -> Self {
        let plain = body.into();
        // Weak, since one tag stands for the plain and the compressed bytes alike.
        let etag = HeaderValue::try_from(format!("W/\"{}\"", content_hash(&plain))).expect("hexadecimal");
        Representation { media_type, plain, kept: None, etag, caching: Caching::Revalidate }
    }

    /// The same, as JSON.
    ///
    /// # Panics
    /// When `value` has no JSON form, such as a map with keys that are no strings: a mistake in our own types.
    pub fn json(value: &impl serde::Serialize) -> Self {
        Representation::new(JSON, serde_json::to_vec(value).expect("our own types have a JSON form"))
    }

    /// The same answer, compressed once and for all.
    pub fn keep(self) -> Self {
        self.keep_with(None)
    }

    /// The same, with gzip's form where somebody made it already.
    pub fn keep_with(mut self, gzip: Option<Vec<u8>>) -> Self {
        if self.is_worth_packing() {
            let pack = |encoding: Encoding| Bytes::from(encoding.encode(&self.plain, Effort::Kept));
            let gzip = gzip.map_or_else(|| pack(Encoding::Gzip), Bytes::from);
            self.kept = Some(Arc::new(Kept { gzip, brotli: pack(Encoding::Brotli) }));
        }
        self
    }

    /// The same answer, with another rule for caches.
    pub fn caching(mut self, caching: Caching) -> Self {
        self.caching = caching;
        self
    }

    /// The bytes as they are.
    pub fn plain(&self) -> &Bytes {
        &self.plain
    }

    /// The value of `Content-Type`.
    pub fn media_type(&self) -> &'static str {
        self.media_type
    }

    /// The value of `ETag`.
    pub fn etag(&self) -> &HeaderValue {
        &self.etag
    }

    /// The value of `Cache-Control`.
    pub fn cache_control(&self) -> HeaderValue {
        self.caching.header()
    }

    /// Whether clients get different bytes by their `Accept-Encoding`.
    pub fn is_worth_packing(&self) -> bool {
        let is_text = !self.media_type.starts_with("image/") || self.media_type.starts_with("image/svg");
        is_text && self.plain.len() >= WORTH_PACKING_BYTES
    }

    /// The bytes in `wanted`, or plain where packing is not worth it, with the coding that they are in.
    pub fn packed(&self, wanted: Encoding) -> (Encoding, Bytes) {
        if !self.is_worth_packing() {
            return (Encoding::Identity, self.plain.clone());
        }
        let bytes = match (wanted, &self.kept) {
            (Encoding::Identity, _) => self.plain.clone(),
            (Encoding::Gzip, Some(kept)) => kept.gzip.clone(),
            (Encoding::Brotli, Some(kept)) => kept.brotli.clone(),
            (_, None) => wanted.encode(&self.plain, Effort::Once).into(),
        };
        (wanted, bytes)
    }
}

impl IntoResponse for Representation {
    /// An envelope without a body: `deliver` fills it.
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        response.extensions_mut().insert(self);
        response
    }
}

/// 128 bits of SHA-256, in hexadecimal: what an entity tag and a versioned address carry.
pub fn content_hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes)[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_follows_the_bytes() {
        let tag = |text: &'static str| Representation::new(TEXT, text).etag().clone();
        assert_eq!(tag("one"), tag("one"));
        assert_ne!(tag("one"), tag("two"));
        // The first half of the published SHA-256 of "abc" (FIPS 180-2, appendix B.1).
        assert_eq!(tag("abc"), "W/\"ba7816bf8f01cfea414140de5dae2223\"");
    }

    #[test]
    fn pictures_and_crumbs_stay_plain() {
        let long = vec![b'a'; 10_000];
        for (media_type, body, packs) in [
            (TEXT, &long[..], true),
            ("image/png", &long, false),
            ("image/svg+xml", &long, true),
            (TEXT, b"ok", false),
        ] {
            let answer = Representation::new(media_type, body.to_vec());
            assert_eq!(answer.packed(Encoding::Brotli).0 == Encoding::Brotli, packs, "{media_type}");
            assert_eq!(answer.packed(Encoding::Identity).1, answer.plain());
        }
    }

    #[test]
    fn what_is_kept_is_the_same_text() {
        let text = "the same ".repeat(200);
        let kept = Representation::new(TEXT, text.clone()).keep();
        let (encoding, bytes) = kept.packed(Encoding::Gzip);
        assert_eq!(encoding, Encoding::Gzip);
        let mut unpacked = String::new();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&*bytes), &mut unpacked).unwrap();
        assert_eq!(unpacked, text);
    }
}
