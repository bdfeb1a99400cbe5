//! One map for all that has to be found again: a tree of its own for each kind of key would be a tenth of what the browser
//! downloads.

use alloc::collections::BTreeMap;

/// Numbers things by two figures, in the order in which they came.
#[derive(Default)]
pub(super) struct Index {
    places: BTreeMap<[u64; 2], usize>,
}

impl Index {
    /// The number of what has these figures, if it came before.
    pub fn get(&self, key: [u64; 2]) -> Option<usize> {
        self.places.get(&key).copied()
    }

    /// Sets the number of what has these figures.
    pub fn set(&mut self, key: [u64; 2], number: usize) {
        self.places.insert(key, number);
    }

    /// The number of what has these figures; the next free one where it comes for the first time.
    #[inline(never)]
    pub fn number(&mut self, key: [u64; 2]) -> usize {
        let next = self.places.len();
        *self.places.entry(key).or_insert(next)
    }
}
