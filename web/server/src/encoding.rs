//! Content codings: which one a client wants, and the bytes in it.

use std::io::Write;

/// Brotli's window, as the base-2 logarithm of its bytes: 4 MiB, more than any page.
const BROTLI_WINDOW_LOG2: u32 = 22;

/// A content coding that we can answer in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// As it is.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 7932.
    Brotli,
}

/// How hard to compress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// For an answer that is sent once.
    Once,
    /// For an answer that is kept and sent many times.
    Kept,
}

impl Encoding {
    /// The smallest coding that an `Accept-Encoding` header allows; equal weights favour Brotli.
    ///
    /// A header that refuses everything, identity too, gets identity: RFC 9110 lets us, and an answer that can
    /// be read beats a refusal.
    pub fn negotiate(accept_encoding: Option<&str>) -> Self {
        let Some(header) = accept_encoding else { return Encoding::Identity };
        let weight_of = |name: &str| {
            let named = header.split(',').map(weighted).find(|(coding, _)| coding.eq_ignore_ascii_case(name));
            let any = || header.split(',').map(weighted).find(|(coding, _)| *coding == "*");
            named.or_else(any).map_or(0.0, |(_, weight)| weight)
        };
        let (brotli, gzip) = (weight_of("br"), weight_of("gzip"));
        match (brotli > 0.0, gzip > 0.0) {
            (true, _) if brotli >= gzip => Encoding::Brotli,
            (_, true) => Encoding::Gzip,
            _ => Encoding::Identity,
        }
    }

    /// The name in `Content-Encoding`; identity has none.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Encoding::Identity => None,
            Encoding::Gzip => Some("gzip"),
            Encoding::Brotli => Some("br"),
        }
    }

    /// The bytes in this coding.
    pub fn encode(self, plain: &[u8], effort: Effort) -> Vec<u8> {
        match self {
            Encoding::Identity => plain.to_vec(),
            Encoding::Gzip => gzip(plain, effort),
            Encoding::Brotli => brotli(plain, effort),
        }
    }
}

/// A member of a list such as `gzip;q=0.8`: its name and its weight, which is 1 where none is said.
fn weighted(member: &str) -> (&str, f32) {
    let mut parts = member.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let weight = parts
        .find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")))
        .map_or(1.0, |q| q.trim().parse().unwrap_or(0.0));
    (name, weight)
}

fn gzip(plain: &[u8], effort: Effort) -> Vec<u8> {
    let level = match effort {
        Effort::Once => flate2::Compression::new(5),
        Effort::Kept => flate2::Compression::best(),
    };
    let mut encoder = flate2::write::GzEncoder::new(Vec::with_capacity(plain.len() / 4), level);
    encoder.write_all(plain).and_then(|()| encoder.finish()).expect("a Vec takes every byte")
}

fn brotli(plain: &[u8], effort: Effort) -> Vec<u8> {
    let quality = match effort {
        Effort::Once => 4,
        Effort::Kept => 9,
    };
    let mut packed = Vec::with_capacity(plain.len() / 4);
    let mut encoder = brotli::CompressorWriter::new(&mut packed, 4096, quality, BROTLI_WINDOW_LOG2);
    encoder.write_all(plain).expect("a Vec takes every byte");
    drop(encoder);
    packed
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn the_client_chooses() {
        #[rustfmt::skip]
        let vectors = [
            (None,                                Encoding::Identity),
            (Some(""),                            Encoding::Identity),
            (Some("gzip"),                        Encoding::Gzip),
            (Some("gzip;q=0, *;q=0.1"),           Encoding::Brotli),
            (Some("gzip;q=0, br;q=0, *"),         Encoding::Identity),
            (Some("gzip, deflate, br, zstd"),     Encoding::Brotli),
            (Some("br;q=0.5, gzip;q=0.9"),        Encoding::Gzip),
            (Some("br; q=0 , gzip"),              Encoding::Gzip),
            (Some("BR"),                          Encoding::Brotli),
            (Some("*"),                           Encoding::Brotli),
            (Some("br;q=0, *"),                   Encoding::Gzip),
            (Some("identity"),                    Encoding::Identity),
            (Some("gzip;q=0"),                    Encoding::Identity),
            (Some("gzip;q=nonsense"),             Encoding::Identity),
            (Some("*;q=0"),                       Encoding::Identity),
            (Some("zstd"),                        Encoding::Identity),
        ];
        for (header, wanted) in vectors {
            assert_eq!(Encoding::negotiate(header), wanted, "{header:?}");
        }
    }

    #[test]
    fn what_is_packed_unpacks() {
        let plain = "tokens per second ".repeat(500);
        for effort in [Effort::Once, Effort::Kept] {
            let mut unpacked = String::new();
            let packed = Encoding::Gzip.encode(plain.as_bytes(), effort);
            assert!(packed.len() < plain.len() / 10);
            flate2::read::GzDecoder::new(&*packed).read_to_string(&mut unpacked).unwrap();
            assert_eq!(unpacked, plain);

            unpacked.clear();
            let packed = Encoding::Brotli.encode(plain.as_bytes(), effort);
            assert!(packed.len() < plain.len() / 10);
            brotli::Decompressor::new(&*packed, 4096).read_to_string(&mut unpacked).unwrap();
            assert_eq!(unpacked, plain);
        }
        assert_eq!(Encoding::Identity.encode(b"as it is", Effort::Once), b"as it is");
    }
}
