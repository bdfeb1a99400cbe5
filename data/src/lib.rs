//! What llm-speed knows: devices, models, quantisations, constants, and every way a number comes in.

extern crate alloc;

pub mod answer;
pub mod backend;
pub mod fingerprint;
pub mod json;
