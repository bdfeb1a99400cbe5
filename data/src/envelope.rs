//! The signed envelope around a submission: DSSE, Ed25519 over the exact bytes, no canonical form anywhere.
//!
//! The bytes that were printed are the bytes that are signed, stored and shown again. The digest of those bytes is what
//! a proof-of-work challenge binds to. Keys and randomness are handed in.
//!
//! Form: <https://github.com/secure-systems-lab/dsse/blob/master/envelope.md>

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

use crate::messages::WORDS;

pub use crate::digest::{digest, hex, unhex32};

/// The payload is a run: a [`crate::submission::Submission`].
const PAYLOAD_TYPE: &str = "application/vnd.llm-speed.run+json";

/// The payload withdraws a result: a [`crate::submission::Withdrawal`], signed by the key that signed the run.
pub const WITHDRAWAL_TYPE: &str = "application/vnd.llm-speed.withdrawal+json";

/// The payload answers a dispute: an [`crate::submission::DisputeAnswer`], signed by the key that signed the run.
pub const ANSWER_TYPE: &str = "application/vnd.llm-speed.answer+json";

/// The payload's type of a machine that somebody shows to be theirs.
pub const CLAIM_TYPE: &str = "application/vnd.llm-speed.claim+json";

/// Longest payload that is read, in bytes.
pub const PAYLOAD_LIMIT_BYTES: usize = 64 << 10;

/// Signatures that are looked at: a run key, a profile's, a server's receipt.
const SIGNATURES_LIMIT: usize = 3;

/// A payload with signatures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// What the payload is.
    #[serde(rename = "payloadType")]
    pub payload_type: String,
    /// The exact bytes, in base64.
    pub payload: String,
    /// Who signed them.
    pub signatures: Vec<Signed>,
}

/// One signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Signed {
    /// The public key, in hexadecimal: it names itself.
    pub keyid: String,
    /// The signature, in base64.
    pub sig: String,
}

/// Why an envelope is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnvelopeError {
    /// The payload is something else.
    Type {
        /// What was sent.
        got: String,
        /// What is read here.
        wanted: &'static str,
    },
    /// Base64 or hexadecimal that is none.
    Encoding(&'static str),
    /// Too long.
    TooLong,
    /// No signature, or too many.
    Count(usize),
    /// A key that is no point of the curve, or a weak one.
    Key(String),
    /// The bytes were changed, or another key signed them.
    Signature,
}

impl core::fmt::Display for EnvelopeError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&match self {
            EnvelopeError::Type { got, wanted } => WORDS.envelope.payload_type(&format!("{got:?}"), wanted),
            EnvelopeError::Encoding(what) => WORDS.envelope.encoding(what),
            EnvelopeError::TooLong => WORDS.envelope.too_long(&PAYLOAD_LIMIT_BYTES.to_string()),
            EnvelopeError::Count(count) => {
                WORDS.envelope.signatures(&count.to_string(), &SIGNATURES_LIMIT.to_string())
            }
            EnvelopeError::Key(key) => WORDS.envelope.key(key),
            EnvelopeError::Signature => WORDS.envelope.signature.to_owned(),
        })
    }
}

impl core::error::Error for EnvelopeError {}

/// Bytes that are signed: type and payload, each with its length before it, so that neither can run into the other.
fn signed_bytes(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

/// Signs a run's bytes with the key made of `seed`.
pub fn seal(payload: &[u8], seed: &[u8; 32]) -> Envelope {
    seal_as(PAYLOAD_TYPE, payload, seed)
}

/// Signs bytes of this type with the key made of `seed`.
pub fn seal_as(payload_type: &str, payload: &[u8], seed: &[u8; 32]) -> Envelope {
    let key = SigningKey::from_bytes(seed);
    let signature = key.sign(&signed_bytes(payload_type, payload));
    Envelope {
        payload_type: payload_type.into(),
        payload: base64(payload),
        signatures: vec![Signed {
            keyid: hex(key.verifying_key().as_bytes()),
            sig: base64(&signature.to_bytes()),
        }],
    }
}

impl Envelope {
    /// A run's bytes, once every signature has been found to belong to them.
    ///
    /// # Errors
    /// Any [`EnvelopeError`], in words for the reader.
    pub fn open(&self) -> Result<Vec<u8>, EnvelopeError> {
        self.open_as(PAYLOAD_TYPE)
    }

    /// The same of a payload of another type: a signature for one type is none for another.
    ///
    /// # Errors
    /// Any [`EnvelopeError`], in words for the reader.
    pub fn open_as(&self, wanted: &'static str) -> Result<Vec<u8>, EnvelopeError> {
        if self.payload_type != wanted {
            let got = self.payload_type.chars().take(80).collect();
            return Err(EnvelopeError::Type { got, wanted });
        }
        // Four characters hold three bytes: refused before anything is decoded.
        if self.payload.len() > PAYLOAD_LIMIT_BYTES / 3 * 4 + 8 {
            return Err(EnvelopeError::TooLong);
        }
        if self.signatures.is_empty() || self.signatures.len() > SIGNATURES_LIMIT {
            return Err(EnvelopeError::Count(self.signatures.len()));
        }
        let payload = unbase64(&self.payload).ok_or(EnvelopeError::Encoding("the payload"))?;
        let bytes = signed_bytes(&self.payload_type, &payload);
        for signed in &self.signatures {
            let key = unhex32(&signed.keyid).ok_or(EnvelopeError::Encoding("a key"))?;
            let unusable = |_| EnvelopeError::Key(signed.keyid.clone());
            let key = VerifyingKey::from_bytes(&key).map_err(unusable)?;
            let signature = unbase64(&signed.sig).ok_or(EnvelopeError::Encoding("a signature"))?;
            let signature =
                Signature::from_slice(&signature).map_err(|_| EnvelopeError::Encoding("a signature"))?;
            // Strict: one signature for one message, and no key that signs everything.
            key.verify_strict(&bytes, &signature).map_err(|_| EnvelopeError::Signature)?;
        }
        Ok(payload)
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Base64 with padding (RFC 4648).
pub(crate) fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let word =
            group.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let six = (word >> (18 - 6 * place)) as usize & 63;
            text.push(if place <= group.len() { char::from(ALPHABET[six]) } else { '=' });
        }
    }
    text
}

/// The bytes of exactly that text; another spelling of the same bytes is refused.
pub(crate) fn unbase64(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(4) {
        return None;
    }
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3);
    for group in digits.chunks_exact(4) {
        let padding = group.iter().rev().take_while(|digit| **digit == b'=').count();
        let mut word = 0u32;
        for digit in &group[..4 - padding] {
            word = word << 6 | ALPHABET.iter().position(|known| known == digit)? as u32;
        }
        word <<= 6 * padding;
        bytes.extend_from_slice(&word.to_be_bytes()[1..4 - padding.min(2)]);
        if padding > 2 {
            return None;
        }
    }
    // Padding in the middle, or bits that are set where nothing stands, do not survive the way back.
    (base64(&bytes) == text).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SEED: [u8; 32] = [7; 32];

    #[test]
    fn what_was_sealed_opens() {
        let envelope = seal(b"{\"suite\":\"suite-v1\"}", &SEED);
        assert_eq!(envelope.open().unwrap(), b"{\"suite\":\"suite-v1\"}");
    }

    #[test]
    fn the_signed_bytes_are_those_of_the_standard() {
        // The example of the DSSE protocol text.
        let bytes = signed_bytes("http://example.com/HelloWorld", b"hello world");
        assert_eq!(bytes, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (plain, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(plain.as_bytes()), text);
            assert_eq!(unbase64(text).unwrap(), plain.as_bytes());
        }
        for bad in ["Zg", "Zh==", "Z===", "====", "Zg==Zg==", "Zm9v\n", "Zm-_"] {
            assert_eq!(unbase64(bad), None, "{bad}");
        }
    }

    #[test]
    fn another_key_or_type_is_refused() {
        let mut envelope = seal(b"payload", &SEED);
        envelope.signatures[0].keyid = seal(b"payload", &[8; 32]).signatures[0].keyid.clone();
        assert_eq!(envelope.open(), Err(EnvelopeError::Signature));
        let mut envelope = seal(b"payload", &SEED);
        envelope.payload_type = "text/plain".into();
        assert!(matches!(envelope.open(), Err(EnvelopeError::Type { .. })));
        let mut envelope = seal(b"payload", &SEED);
        envelope.signatures.clear();
        assert_eq!(envelope.open(), Err(EnvelopeError::Count(0)));
        let mut envelope = seal(b"payload", &SEED);
        // The neutral point as a key would accept a signature for every message.
        envelope.signatures[0].keyid = format!("01{}", "0".repeat(62));
        assert!(envelope.open().is_err());
        let long = Envelope { payload: "A".repeat(PAYLOAD_LIMIT_BYTES * 2), ..seal(b"", &SEED) };
        assert_eq!(long.open(), Err(EnvelopeError::TooLong));
    }

    proptest! {
        // Curve arithmetic is slow without optimisation.
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// Any bytes survive, and one changed bit anywhere is noticed.
        #[test]
        fn one_bit_is_noticed(payload in prop::collection::vec(any::<u8>(), 1..300), at: prop::sample::Index, bit in 0u8..8) {
            let envelope = seal(&payload, &SEED);
            prop_assert_eq!(envelope.open().unwrap(), payload.clone());
            let mut changed = payload.clone();
            changed[at.index(payload.len())] ^= 1 << bit;
            let forged = Envelope { payload: base64(&changed), ..envelope };
            prop_assert_eq!(forged.open(), Err(EnvelopeError::Signature));
        }
    }
}
