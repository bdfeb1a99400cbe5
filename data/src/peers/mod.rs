//! How others' estimates do on the cells that ours are scored on: what `cargo xtask bench accuracy` found.

mod row;

use alloc::format;
use alloc::string::String;
use std::sync::OnceLock;

pub use row::PeerRows;

/// The file, as `build.rs` packed it.
static BYTES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/peers.packed"));

impl PeerRows {
    /// What was found when this was built. Unpacked on first use, then kept.
    #[must_use]
    pub fn embedded() -> &'static PeerRows {
        static EMBEDDED: OnceLock<PeerRows> = OnceLock::new();
        EMBEDDED
            .get_or_init(|| postcard::from_bytes(BYTES).expect("build.rs packed a row of this very shape"))
    }

    /// Who was asked, in the order of [`medians`](PeerRows::medians).
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.peers.keys().map(String::as_str)
    }

    /// Their median errors of a class: `18 %`. Empty where one was not asked about it, or was asked about cells of other
    /// measurements than those of `input`: beside scores of others it says nothing.
    pub fn medians(&self, class: &str, input: &str) -> impl Iterator<Item = String> {
        let is_ours = self.input == input;
        let median = |errors: &[f64; 2]| format!("{:.0} %", errors[0] * 100.0);
        self.peers
            .values()
            .map(move |classes| classes.get(class).filter(|_| is_ours).map_or_else(String::new, median))
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn others_stand_beside_the_cells_that_they_were_asked_about() {
        let of = |cells: &[(&str, [f64; 2])]| {
            cells.iter().map(|(class, errors)| ((*class).into(), *errors)).collect()
        };
        let rows = PeerRows {
            date: "2026-11-23".into(),
            input: "abc".into(),
            peers: [
                ("one".into(), of(&[("decode apple", [0.184, 0.6])])),
                ("two".into(), of(&[("decode apple", [0.5, 0.9]), ("decode cpu", [0.3, 0.9])])),
            ]
            .into(),
        };
        assert_eq!(rows.names().collect::<Vec<_>>(), ["one", "two"]);
        let medians = |class: &str, input: &str| rows.medians(class, input).collect::<Vec<_>>();
        assert_eq!(medians("decode apple", "abc"), ["18 %", "50 %"]);
        assert_eq!(medians("decode apple", "other"), ["", ""], "cells of other measurements");
        assert_eq!(medians("decode cpu", "abc"), ["", "30 %"], "one of them was not asked");
    }

    #[test]
    fn the_file_is_of_the_measurements_that_the_constants_are_of() {
        let fitted = crate::constants::Fitted::embedded();
        let rows = PeerRows::embedded();
        assert_eq!(
            rows.input, fitted.provenance.input,
            "measurements changed since others were asked about them: run `cargo xtask bench accuracy`"
        );
        assert!(rows.medians("decode nvidia, llama.cpp", &rows.input).all(|median| !median.is_empty()));
    }
}
