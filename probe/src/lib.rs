//! llm-speed-probe: how fast is this machine? Measure it, or estimate it.

pub mod cmd;
pub mod detect;
pub mod driver;
pub mod drivers;
pub mod http;
pub mod interrupt;
pub mod machine;
pub mod prompt;
pub mod statistics;
pub mod stream;
pub mod wire;
