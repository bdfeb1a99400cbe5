//! The rows that were loaded: they lie in a file beside the module, so that a new price of a card is no new program.

use std::sync::OnceLock;

use data::packed::PackedError;
use data::{Engine, Unpacked};

static KNOWN: OnceLock<Unpacked> = OnceLock::new();

/// Unpacks the rows; an error where they are damaged or of another shape. Those that came first stay.
pub fn load(bytes: &[u8]) -> Result<(), PackedError> {
    if KNOWN.get().is_none() {
        // Of two that load at once the first wins, and both hold the same.
        let _ = KNOWN.set(Unpacked::read(bytes)?);
    }
    Ok(())
}

/// The engine on them, once they are there.
pub fn engine() -> Option<Engine<'static>> {
    KNOWN.get().map(Unpacked::engine)
}
