//! FNV-1a, 64 bits: tells texts apart, the same everywhere and in every version. It proves nothing: digests that have to
//! are in `digest`.

/// What [`fnv1a`] starts from.
pub const FNV: u64 = 0xcbf2_9ce4_8422_2325;

/// The hash of what came before and these bytes.
#[must_use]
pub fn fnv1a(before: u64, bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes.into_iter().fold(before, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_vectors() {
        let hash = |before: u64, text: &str| fnv1a(before, text.bytes());
        assert_eq!(hash(FNV, ""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash(FNV, "foobar"), 0x8594_4171_f739_67e8);
        assert_eq!(hash(hash(FNV, "foo"), "bar"), 0x8594_4171_f739_67e8);
    }
}
