//! SHA-256 and hexadecimal: the names of payloads and keys.

use alloc::format;
use alloc::string::String;

use sha2::{Digest, Sha256};

/// SHA-256 in hexadecimal: of a payload, what a challenge binds to and a log keeps.
pub fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The 32 bytes of 64 lower-case hexadecimal digits; any other text is refused.
pub fn unhex32(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        // Upper case would be a second name for the same key.
        let value = |digit: u8| match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        };
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_spelling() {
        let name = digest(b"abc");
        // FIPS 180-2, appendix B.1.
        assert_eq!(name, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(hex(&unhex32(&name).unwrap()), name);
        for wrong in [&name[1..], &name.to_uppercase(), &name.replace('b', "g"), ""] {
            assert_eq!(unhex32(wrong), None, "{wrong}");
        }
    }
}
