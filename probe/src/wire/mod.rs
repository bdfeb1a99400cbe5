//! Forms of reply that several runtimes share. Drivers stand on these; they know no driver.

pub mod ask;
pub mod collect;
pub mod openai;
pub mod python;
pub mod reply;
pub mod server;
