//! Prefixes, damage and noise: an answer is a header or a sentence.

use crate::{SMALL, families};
use data::gguf::{self, GgufError, Header};
use house::gguf_make::{Q8_0, models};
use proptest::prelude::*;

/// Fetches as a browser would: what is asked for, and not more. Counts the round trips.
fn fetch_in_steps(file: &[u8], first: usize) -> (Result<Header, GgufError>, usize) {
    let mut have = first.min(file.len());
    for trips in 1.. {
        match gguf::read(&file[..have], None) {
            Err(GgufError::NeedMore { bytes_at_least }) => {
                assert!(bytes_at_least > have as u64, "{bytes_at_least} is no progress from {have}");
                assert!(bytes_at_least <= file.len() as u64, "{bytes_at_least} is beyond the header's end");
                have = bytes_at_least as usize;
            }
            done => return (done, trips),
        }
    }
    unreachable!()
}

#[test]
fn steps_ask_for_no_more_than_there_is() {
    for (name, made) in families() {
        let file = made.header();
        let whole = gguf::read(&file, None);
        for first in [4, 1000, file.len()] {
            assert_eq!(fetch_in_steps(&file, first).0, whole, "{name} from {first}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, ..ProptestConfig::default() })]

    /// Whatever stands there, the answer is a header or a sentence, and what is asked for grows.
    #[test]
    fn noise_never_panics(mut bytes in prop::collection::vec(any::<u8>(), 0..2000), magic in any::<bool>()) {
        if magic {
            bytes.splice(0..0, *b"GGUF\x03\0\0\0");
        }
        if let Err(GgufError::NeedMore { bytes_at_least }) = gguf::read(&bytes, None) {
            prop_assert!(bytes_at_least > bytes.len() as u64);
        }
        let _ = gguf::read(&bytes, Some(bytes.len() as u64)).map(|header| gguf::model(&[header]));
    }

    /// A real header with bytes changed and its end cut.
    #[test]
    fn damage_never_panics(
        family in 0..9_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        keep in any::<prop::sample::Index>(),
    ) {
        let (_, made) = families().swap_remove(family);
        let mut bytes = made.header();
        for (index, byte) in changes {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        for length in [bytes.len(), keep.index(bytes.len())] {
            match gguf::read(&bytes[..length], None) {
                Err(GgufError::NeedMore { bytes_at_least }) => prop_assert!(bytes_at_least > length as u64),
                Ok(header) => { let _ = gguf::model(&[header]); }
                Err(other) => prop_assert!(!other.to_string().is_empty()),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Every prefix of a real header leads to the header.
    #[test]
    fn every_prefix_leads_there(family in 0..9_usize, first in any::<prop::sample::Index>()) {
        let file = families().swap_remove(family).1.header();
        prop_assert!(fetch_in_steps(&file, first.index(file.len()).max(1)).0.is_ok());
    }
}

/// Version 1 counts with four bytes.
#[test]
fn version_1_and_the_other_byte_order() {
    let mut bytes = b"GGUF\x01\0\0\0".to_vec();
    bytes.extend(1_u32.to_le_bytes());
    bytes.extend(1_u32.to_le_bytes());
    bytes.extend(3_u32.to_le_bytes());
    bytes.extend(b"a.b");
    bytes.extend([4_u32, 7].iter().flat_map(|n| n.to_le_bytes()));
    bytes.extend(1_u32.to_le_bytes());
    bytes.extend(b"t");
    bytes.extend([2_u32, 32, 3, 2].iter().flat_map(|n| n.to_le_bytes()));
    bytes.extend(0_u64.to_le_bytes());
    let header = gguf::read(&bytes, None).unwrap();
    assert_eq!(header.version, 1);
    assert_eq!(header.get("a.b").unwrap().as_u64(), Some(7));
    assert_eq!((header.tensors[0].weights, header.tensors[0].bytes), (96, 54));
    assert_eq!(header.data_offset, 64);

    assert_eq!(gguf::read(b"GGUF\0\0\0\x03", None), Err(GgufError::BigEndian));
    assert_eq!(gguf::read(b"GGUF\x09\0\0\0", None), Err(GgufError::Version(9)));
}

#[test]
fn claims_beyond_the_file_cost_nothing() {
    // 2⁶⁰ tensors, keys, elements: refused without a byte set aside for them
    for (tensors, pairs) in [(1_u64 << 60, 0), (0, 1 << 60), (u64::MAX, u64::MAX)] {
        let mut bytes = b"GGUF\x03\0\0\0".to_vec();
        bytes.extend(tensors.to_le_bytes());
        bytes.extend(pairs.to_le_bytes());
        assert!(matches!(gguf::read(&bytes, None), Err(GgufError::Corrupt { .. })));
        assert!(matches!(gguf::read(&bytes, Some(1000)), Err(GgufError::CutOff { file_bytes: 1000, .. })));
    }
    let unknown = {
        let mut made = models::llama(SMALL, None);
        made.tensors[3].format = Q8_0.with_number(139);
        gguf::read(&made.header(), None).unwrap_err()
    };
    assert!(unknown.to_string().contains("type 139"), "{unknown}");
}

#[test]
fn nothing_at_all_is_empty_or_not_begun() {
    assert_eq!(gguf::read(b"", None), Err(GgufError::NotGguf(gguf::Looks::Empty)));
    assert_eq!(gguf::read(b"", Some(0)), Err(GgufError::NotGguf(gguf::Looks::Empty)));
    assert_eq!(gguf::read(b"", Some(99)), Err(GgufError::NeedMore { bytes_at_least: 4 }));
}
