//! The Merkle tree of RFC 6962: what the transparency log is, and how anyone checks it.
//!
//! Hashes of complete subtrees never change, so they are kept, each under its level and position; every root and every
//! proof is made of them. Whoever keeps them is somebody else: this is arithmetic alone.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::Range;

use sha2::{Digest, Sha256};

/// A hash in the tree.
pub type Hash = [u8; 32];

/// A complete subtree: `2^level` leaves, the `position`th of that size from the left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Base-2 logarithm of the number of leaves.
    pub level: u32,
    /// How many subtrees of this size stand left of it.
    pub position: u64,
}

/// Hash of a leaf.
#[must_use]
pub fn leaf(data: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(data).finalize().into()
}

fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The edge at which a tree grows: the complete subtrees that it consists of, largest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edge {
    /// Leaves.
    pub size: u64,
    /// Hashes of the subtrees, one for each bit that is set in `size`.
    pub peaks: Vec<Hash>,
}

impl Edge {
    /// Adds a leaf (its hash); returns the subtrees that are now complete, the leaf among them.
    pub fn append(&mut self, leaf: Hash) -> Vec<(Place, Hash)> {
        let mut place = Place { level: 0, position: self.size };
        let mut hash = leaf;
        let mut complete = alloc::vec![(place, hash)];
        while place.position % 2 == 1 {
            let Some(left) = self.peaks.pop() else { break };
            hash = node(&left, &hash);
            place = Place { level: place.level + 1, position: place.position / 2 };
            complete.push((place, hash));
        }
        self.peaks.push(hash);
        self.size += 1;
        complete
    }

    /// The root; of an empty tree the hash of nothing.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev().copied();
        let Some(last) = peaks.next() else { return Sha256::digest([]).into() };
        peaks.fold(last, |right, left| node(&left, &right))
    }
}

/// The largest power of two below `count`, which is at least 2.
fn split(count: u64) -> u64 {
    1 << (u64::BITS - 1 - (count - 1).leading_zeros())
}

/// The subtrees of an inclusion proof, from the leaf upwards; none where there is no such leaf.
#[must_use]
pub fn inclusion(index: u64, size: u64) -> Option<Vec<Range<u64>>> {
    if index >= size {
        return None;
    }
    let mut path = Vec::new();
    let mut whole = 0..size;
    while whole.end - whole.start > 1 {
        let middle = whole.start + split(whole.end - whole.start);
        if index < middle {
            path.push(middle..whole.end);
            whole.end = middle;
        } else {
            path.push(whole.start..middle);
            whole.start = middle;
        }
    }
    path.reverse();
    Some(path)
}

/// The subtrees of a consistency proof between two sizes of one tree; none where the first is no earlier size.
#[must_use]
pub fn consistency(from: u64, to: u64) -> Option<Vec<Range<u64>>> {
    if from == 0 || from > to {
        return None;
    }
    let mut path = Vec::new();
    let mut whole = 0..to;
    while from < whole.end {
        let middle = whole.start + split(whole.end - whole.start);
        if from <= middle {
            path.push(middle..whole.end);
            whole.end = middle;
        } else {
            path.push(whole.start..middle);
            whole.start = middle;
        }
    }
    // The last common subtree: the verifier knows it already where it is the whole earlier tree.
    if whole.start > 0 {
        path.push(whole);
    }
    path.reverse();
    Some(path)
}

/// The complete subtrees that a range of leaves consists of, left to right. The range must be one of a proof.
#[must_use]
pub fn places(range: &Range<u64>) -> Vec<Place> {
    let mut found = Vec::new();
    let mut start = range.start;
    while start < range.end {
        let aligned = if start == 0 { u64::BITS - 1 } else { start.trailing_zeros() };
        let level = aligned.min((range.end - start).ilog2());
        found.push(Place { level, position: start >> level });
        start += 1 << level;
    }
    found
}

/// The hash of a range of leaves; none where a subtree is missing.
#[must_use]
pub fn hash_of(range: &Range<u64>, kept: &BTreeMap<Place, Hash>) -> Option<Hash> {
    let mut hashes = places(range).into_iter().rev().map(|place| kept.get(&place).copied());
    let last = hashes.next()??;
    hashes.try_fold(last, |right, left| Some(node(&left?, &right)))
}

/// Whether a leaf (its hash) is in the tree of this size and root, by its proof.
#[must_use]
pub fn includes(index: u64, size: u64, leaf: Hash, proof: &[Hash], root: &Hash) -> bool {
    let Some(path) = inclusion(index, size) else { return false };
    let climbed = path.iter().zip(proof).fold(leaf, |hash, (range, other)| {
        if range.start > index { node(&hash, other) } else { node(other, &hash) }
    });
    path.len() == proof.len() && climbed == *root
}

/// Whether the tree of size `to` continues the one of size `from`, by its proof (RFC 6962, section 2.1.2).
#[must_use]
pub fn continues(from: u64, to: u64, earlier: &Hash, later: &Hash, proof: &[Hash]) -> bool {
    let Some(path) = consistency(from, to) else { return false };
    if path.len() != proof.len() {
        return false;
    }
    let mut steps = path.iter().zip(proof).peekable();
    // Where the earlier tree is one complete subtree, its root is not sent.
    let (mut old, mut new) = (*earlier, *earlier);
    if !from.is_power_of_two() {
        let Some((_, first)) = steps.next() else { return from == to && earlier == later };
        (old, new) = (*first, *first);
    }
    for (range, hash) in steps {
        if range.start >= from {
            new = node(&new, hash);
        } else {
            old = node(hash, &old);
            new = node(hash, &new);
        }
    }
    old == *earlier && new == *later
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::hex;
    use proptest::prelude::*;

    /// The inputs and roots that implementations of RFC 6962 test with.
    const LEAVES: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    const ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    #[test]
    fn the_roots_are_those_of_the_vectors() {
        let mut edge = Edge::default();
        assert_eq!(hex(&edge.root()), ROOTS[0]);
        for (data, root) in LEAVES.iter().zip(&ROOTS[1..]) {
            edge.append(leaf(data));
            assert_eq!(hex(&edge.root()), *root);
        }
    }

    /// Proof lengths and members as the vectors of certificate-transparency print them.
    #[test]
    fn the_proofs_are_those_of_the_vectors() {
        let (kept, _) = grown(&LEAVES);
        let sent = |ranges: &[Range<u64>]| -> Vec<String> {
            ranges.iter().map(|range| hex(&hash_of(range, &kept).unwrap())).collect()
        };
        assert_eq!(
            sent(&inclusion(0, 8).unwrap()),
            [
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ]
        );
        assert_eq!(
            sent(&inclusion(5, 8).unwrap()),
            [
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ]
        );
        assert_eq!(
            sent(&consistency(6, 8).unwrap()),
            [
                "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ]
        );
    }

    fn grown(leaves: &[&[u8]]) -> (BTreeMap<Place, Hash>, Vec<Hash>) {
        let mut edge = Edge::default();
        let mut kept = BTreeMap::new();
        let mut roots = alloc::vec![edge.root()];
        for data in leaves {
            kept.extend(edge.append(leaf(data)));
            roots.push(edge.root());
        }
        (kept, roots)
    }

    proptest! {
        /// Every leaf of every size is proved, no other leaf is, and every size continues every earlier one.
        #[test]
        fn proofs_hold_for_what_is_true_and_for_nothing_else(size in 1u64..70, at: prop::sample::Index, from: prop::sample::Index) {
            let data: Vec<[u8; 8]> = (0..size).map(u64::to_be_bytes).collect();
            let leaves: Vec<&[u8]> = data.iter().map(|bytes| &bytes[..]).collect();
            let (kept, roots) = grown(&leaves);
            let root = &roots[size as usize];
            let index = at.index(size as usize) as u64;
            let ranges = inclusion(index, size).unwrap();
            let proof: Vec<Hash> = ranges.iter().map(|range| hash_of(range, &kept).unwrap()).collect();
            prop_assert!(includes(index, size, leaf(leaves[index as usize]), &proof, root));
            prop_assert!(!includes(index, size, leaf(b"another"), &proof, root));
            prop_assert!(size == 1 || !includes((index + 1) % size, size, leaf(leaves[index as usize]), &proof, root));

            let from = from.index(size as usize) as u64 + 1;
            let ranges = consistency(from, size).unwrap();
            let proof: Vec<Hash> = ranges.iter().map(|range| hash_of(range, &kept).unwrap()).collect();
            prop_assert!(continues(from, size, &roots[from as usize], root, &proof));
            prop_assert!(!continues(from, size, &leaf(b"another"), root, &proof));
            prop_assert!(!continues(from, size, &roots[from as usize], &leaf(b"another"), &proof));
        }
    }

    #[test]
    fn there_are_no_proofs_of_nothing() {
        assert_eq!(inclusion(3, 3), None);
        assert_eq!(consistency(0, 3), None);
        assert_eq!(consistency(4, 3), None);
    }
}
