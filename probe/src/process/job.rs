//! The guard of Windows: a job that the server is put into, and that ends with its last handle, which is ours.
//!
//! The system closes the handles of a program that ends in whatever way, and then ends what is in the job.

use std::os::windows::io::AsRawHandle;
use std::path::Path;
use std::process::{Child, Command};

use win32job::{ExtendedLimitInfo, Job};

/// A job; what was put into it ends when this is dropped, or when this program is no more.
pub(super) struct Guard {
    job: Job,
}

impl Guard {
    /// Before the server is started. None where the system makes no job: then all is as it would be without.
    pub fn new() -> Option<Guard> {
        let mut limits = ExtendedLimitInfo::new();
        limits.limit_kill_on_job_close();
        Job::create_with_limit_info(&limits).ok().map(|job| Guard { job })
    }

    /// A command that is this program.
    pub fn command(&self, program: &Path) -> Command {
        super::plain(program)
    }

    /// From here on it ends this process with us. One that cannot be put into a job goes without, and is ended by us in
    /// every usual case.
    pub fn watch(&self, server: &Child) {
        let _ = self.job.assign_process(server.as_raw_handle() as isize);
    }
}
