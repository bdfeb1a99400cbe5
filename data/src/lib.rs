//! What llm-speed knows: devices, models, quantisations, constants, and every way a number comes in.

extern crate alloc;

pub mod answer;
pub mod backend;
pub mod constants;
#[cfg(feature = "envelope")]
pub mod envelope;
pub mod fingerprint;
pub mod json;
pub mod submission;
pub mod timings;

pub mod catalog;
#[cfg(feature = "files")]
pub mod files;
pub mod lookup;
pub mod row;

pub use catalog::Catalog;
pub use lookup::Lookup;
