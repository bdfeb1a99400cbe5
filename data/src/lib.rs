//! What llm-speed knows: devices, models, quantisations, constants, and every way a number comes in.

extern crate alloc;

pub mod answer;
pub mod backend;
<<<<<<< HEAD
pub mod constants;
#[cfg(feature = "envelope")]
pub mod envelope;
pub mod fingerprint;
pub mod json;
pub mod submission;
pub mod timings;

=======
>>>>>>> 746d6b4 (data: parameters, rules, engine and shortlist)
pub mod catalog;
pub mod constants;
pub mod engine;
#[cfg(feature = "files")]
pub mod files;
pub mod fingerprint;
mod flags;
pub mod json;
pub mod lookup;
pub mod query;
pub mod row;
pub mod rules;
pub mod shortlist;
pub mod subject;
pub mod timings;

pub use catalog::Catalog;
pub use engine::Engine;
pub use lookup::Lookup;
pub use rules::Rules;
