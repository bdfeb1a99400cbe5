//! What is believed of reports: the limits of `data/plausibility.toml`, for the server alone.

mod row;

use std::sync::OnceLock;

pub use row::PlausibilityRow;

/// The file, as `build.rs` packed it.
static BYTES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/plausibility.packed"));

impl PlausibilityRow {
    /// The limits that were built in. Unpacked on first use, then kept.
    #[must_use]
    pub fn embedded() -> &'static PlausibilityRow {
        static EMBEDDED: OnceLock<PlausibilityRow> = OnceLock::new();
        EMBEDDED
            .get_or_init(|| postcard::from_bytes(BYTES).expect("build.rs packed a row of this very shape"))
    }
}
