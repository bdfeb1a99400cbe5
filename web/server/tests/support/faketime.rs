//! Where a test finds what sets the clock of the programs that it starts.

use std::path::PathBuf;

/// libfaketime for programs of several threads (Debian's `faketime`); none where it is not installed, which is a failure in
/// CI.
pub fn library(test: &str) -> Option<PathBuf> {
    let libraries = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let found = libraries
        .map(|entry| entry.path().join("faketime/libfaketimeMT.so.1"))
        .find(|library| library.is_file());
    if found.is_none() {
        let in_ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
        assert!(!in_ci, "{test}: libfaketime is not installed, and with CI=true a skip is a failure");
        eprintln!("skipped: {test} needs libfaketime (apt install faketime)");
    }
    found
}
