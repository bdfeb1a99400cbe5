//! What llm-speed knows: devices, models, quantisations, constants, and every way a number comes in.

extern crate alloc;

pub mod answer;
pub mod asking;
pub mod backend;
pub mod catalog;
pub mod check;
#[cfg(feature = "envelope")]
pub mod checkpoint;
pub mod choice;
pub mod constants;
#[cfg(feature = "digest")]
pub mod digest;
pub mod dump;
pub mod engine;
#[cfg(feature = "envelope")]
pub mod envelope;
#[cfg(feature = "files")]
pub mod files;
pub mod fingerprint;
mod flags;
pub mod fnv;
pub mod gguf;
pub mod json;
pub mod lookup;
pub mod machine;
pub mod medians;
#[cfg(feature = "digest")]
pub mod merkle;
pub mod messages;
pub mod number;
pub mod packed;
pub mod paste;
pub mod peers;
#[cfg(feature = "runs")]
pub mod plausibility;
pub mod query;
pub mod row;
pub mod rules;
#[cfg(feature = "runs")]
pub mod runs;
pub mod safetensors;
#[cfg(test)]
#[path = "../build/shape.rs"]
mod shape;
pub mod shortlist;
pub mod subject;
pub mod submission;
#[cfg(feature = "table")]
pub mod table;
pub mod timings;
pub mod update;

pub use catalog::Catalog;
pub use engine::Engine;
pub use lookup::Lookup;
pub use packed::Unpacked;
pub use rules::Rules;
