//! Ctrl-C: noted, and looked at wherever something waits, so that what is done is saved and what was started is ended.

use std::sync::atomic::{AtomicBool, Ordering};

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C is noted instead of ending the program; a second one ends it at once.
///
/// # Errors
/// When the system refuses, or a handler is set already.
pub fn listen() -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(|| {
        if REQUESTED.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
        eprintln!("\nstopping; what is done will be saved (Ctrl-C again to end at once)");
    })
}

/// Whether Ctrl-C came.
pub fn requested() -> bool {
    REQUESTED.load(Ordering::SeqCst)
}
