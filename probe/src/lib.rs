//! llm-speed-probe: how fast is this machine? Measure it, or estimate it.

pub mod calendar;
pub mod ceiling;
pub mod client;
pub mod cmd;
pub mod detect;
pub mod driver;
pub mod drivers;
pub mod gguf_file;
pub mod http;
pub mod identity;
pub mod interrupt;
pub mod measure;
pub mod model_file;
pub mod model_folder;
pub mod plan;
pub mod prompt;
pub mod report;
pub mod result;
pub mod runs;
pub mod schedule;
pub mod statistics;
pub mod stream;
pub mod suites;
pub mod trace;
pub mod watch;
pub mod wire;
