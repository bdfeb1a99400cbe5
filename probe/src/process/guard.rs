//! Somebody who ends the server when this program can no more: killed, or gone with its terminal.
//!
//! A value's `Drop` ends what it started in every other case. A killed program drops nothing, and a llama-server without
//! its master would hold gigabytes for ever. A shell waits on a pipe whose other end only we have: when it closes without a
//! word, the shell ends the server. Windows has jobs for it: `job.rs`.

use std::io::Write;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

/// Reads the process to end, then a word that all is well; at the end of the pipe without one it ends the process. Signals
/// that a terminal sends are for the others, also when it sends them to every group.
const WATCH: &str = r#"trap '' INT TERM HUP
read -r server || exit 0
read -r _ && exit 0
kill -9 "$server" 2>/dev/null"#;

/// Tells the guard which process it is, by the pipe that it has for input, and becomes the program.
const BECOME: &str = r#"echo "$$" >&0; exec "$0" "$@" </dev/null"#;

/// A waiting shell; it goes in peace when this is dropped.
pub(super) struct Guard {
    shell: Child,
    /// Closed without a word only where we are killed.
    pipe: Option<ChildStdin>,
}

impl Guard {
    /// Before the server is started, so that there is no moment without one. None where there is no shell: then all is as
    /// it would be without.
    pub fn new() -> Option<Guard> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", WATCH]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // A Ctrl-C that comes before its trap is set would end it, and with it the pipe that the server begins at.
        let mut shell = super::apart(&mut command).spawn().ok()?;
        let pipe = shell.stdin.take();
        Some(Guard { shell, pipe })
    }

    /// A command that is this program, which ends with us. It says so itself before it is the program: had we to say it, a
    /// kill between its start and our word would leave it behind.
    pub fn command(&self, program: &Path) -> Command {
        let pipe = self.pipe.as_ref().and_then(|pipe| pipe.as_fd().try_clone_to_owned().ok());
        let Some(pipe) = pipe else { return super::plain(program) };
        let mut command = Command::new("/bin/sh");
        command.args(["-c", BECOME]).arg(program).stdin(pipe);
        command
    }

    /// A guard that went away guards nothing; the server is ended by us in every usual case.
    fn say(&mut self, word: &str) {
        if let Some(pipe) = &mut self.pipe {
            let _ = writeln!(pipe, "{word}");
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.say("done");
        self.pipe = None;
        let _ = self.shell.wait();
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    fn sleeper(guard: &Guard) -> Child {
        guard.command(Path::new("sleep")).arg("60").spawn().unwrap()
    }

    #[test]
    fn who_goes_without_a_word_takes_the_server_along() {
        let mut guard = Guard::new().unwrap();
        let mut server = sleeper(&guard);
        // As the system does it for a killed program.
        guard.pipe = None;
        guard.shell.wait().unwrap();
        assert!(!server.wait().unwrap().success(), "it slept to its end");
    }

    #[test]
    fn who_says_goodbye_leaves_it() {
        let guard = Guard::new().unwrap();
        let mut server = sleeper(&guard);
        drop(guard);
        assert!(server.try_wait().unwrap().is_none(), "it still runs");
        server.kill().unwrap();
        server.wait().unwrap();
    }
}
