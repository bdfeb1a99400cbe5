//! The files under `data/`: read, and written in their one legal form.

mod read;

pub use read::{FileError, rows};
