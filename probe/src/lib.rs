//! llm-speed-probe: how fast is this machine? Measure it, or estimate it.

pub mod cmd;
pub mod detect;
