//! A llama-server of our own: started for a file and a need.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::said;
use crate::driver::{DriverError, Need};
use crate::process::{Process, Start};

/// A running server, and what it was started for.
pub(super) struct Own {
    pub process: Process,
    file: PathBuf,
    need: Need,
}

impl Own {
    /// Starts it and waits until it answers.
    pub fn start(program: &Path, file: &Path, need: Need) -> Result<Own, DriverError> {
        // The context is shared between the slots; a little room for the template and the start token of each.
        let context = (need.context_tokens + 64) * need.streams;
        let mut arguments = vec![OsString::from("-m"), file.into()];
        arguments.extend(["-c", &context.to_string(), "-np", &need.streams.to_string()].map(OsString::from));
        let start = Start {
            name: "llama-server",
            program,
            arguments,
            env: &[],
            learn: said::learn,
            // It says so while it loads its model.
            is_lost_when_unhealthy: false,
        };
        Ok(Own { process: Process::start(&start)?, file: file.to_owned(), need })
    }

    /// Whether it still runs and serves this need as it is.
    pub fn is_enough(&mut self, file: &Path, need: Need) -> bool {
        // More slots than needed would change what is measured.
        self.process.is_alive()
            && self.file == file
            && self.need.streams == need.streams
            && self.need.context_tokens >= need.context_tokens
    }
}
