//! What the modules that render a machine's answers stand on: the rows that were loaded, and the machine that the browser
//! tells of. Each of them has a copy of its own; a page loads one.

mod detect;
pub mod known;
mod suggest;

pub use suggest::suggestion;
