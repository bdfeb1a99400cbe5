//! The machine as a thing that can be asked: programs to run, files to read.
//!
//! Every detector takes a [`Host`], so that each is tested on recorded answers of machines we do not have.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Which family of operating systems, hence which tools to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// `/proc`, `/sys`.
    Linux,
    /// `sysctl`, `system_profiler`, `pmset`.
    MacOs,
    /// CIM through PowerShell, else `wmic`.
    Windows,
}

impl Platform {
    /// The one this program was built for; anything else with a `/proc` counts as Linux.
    pub const fn current() -> Platform {
        if cfg!(target_os = "macos") {
            Platform::MacOs
        } else if cfg!(windows) {
            Platform::Windows
        } else {
            Platform::Linux
        }
    }
}

/// What a detector may ask. Everything answers `None` or nothing where the thing is not there: absence is no error.
pub trait Host: Sync {
    /// The family of the operating system.
    fn platform(&self) -> Platform;

    /// What a program prints, if it is installed and ends well within a few seconds.
    fn run(&self, program: &str, arguments: &[&str]) -> Option<String>;

    /// The text of a file.
    fn read(&self, path: &str) -> Option<String>;

    /// The bytes of a file that is no text.
    fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        self.read(path).map(String::into_bytes)
    }

    /// The names in a directory, sorted.
    fn list(&self, directory: &str) -> Vec<String>;

    /// The first line of a file, trimmed; `None` where that is empty.
    fn line(&self, path: &str) -> Option<String> {
        let text = self.read(path)?;
        let line = text.lines().next()?.trim().to_owned();
        (!line.is_empty()).then_some(line)
    }

    /// The number in a file.
    fn number(&self, path: &str) -> Option<f64> {
        self.line(path)?.parse().ok()
    }
}

/// This machine.
pub struct Machine;

/// A tool that hangs (a driver in a bad state) must not hang us.
const TOOL_LIMIT: Duration = Duration::from_secs(8);

/// No tool prints more; what does is not the tool we know.
const OUTPUT_LIMIT_BYTES: u64 = 4 << 20;

/// How a program ended, if it does within the limit: one that has closed its output may still hang.
fn ended(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let begun = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if begun.elapsed() < limit => std::thread::sleep(Duration::from_millis(2)),
            _ => return None,
        }
    }
}

/// Ends a program without waiting for it: what hangs inside a driver ends with the driver's call, or never.
fn end(mut child: Child) {
    // It may have ended by itself in between.
    let _ = child.kill();
    std::thread::spawn(move || child.wait());
}

impl Host for Machine {
    fn platform(&self) -> Platform {
        Platform::current()
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Option<String> {
        let mut child = Command::new(program)
            .args(arguments)
            // Numbers and words in the form that the parsers know.
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let stdout = child.stdout.take()?;
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let read = stdout.take(OUTPUT_LIMIT_BYTES).read_to_end(&mut bytes);
            // The receiver may have given up: then nobody wants the answer.
            let _ = sender.send(read.map(|_| bytes));
        });
        let answer = receiver.recv_timeout(TOOL_LIMIT);
        let status = answer.is_ok().then(|| ended(&mut child, TOOL_LIMIT)).flatten();
        let Some(status) = status else {
            end(child);
            return None;
        };
        let bytes = answer.ok()?.ok()?;
        status.success().then(|| text_of(&bytes))
    }

    fn read(&self, path: &str) -> Option<String> {
        std::fs::read(path).ok().map(|bytes| text_of(&bytes))
    }

    fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        std::fs::read(path).ok()
    }

    fn list(&self, directory: &str) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(directory)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

/// Text as the tool meant it: Windows tools write UTF-16 with a mark when their output goes into a file or a pipe.
pub(crate) fn text_of(bytes: &[u8]) -> String {
    if let [0xff, 0xfe, rest @ ..] = bytes {
        let units: Vec<u16> =
            rest.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        return String::from_utf16_lossy(&units);
    }
    String::from_utf8_lossy(bytes).into_owned()
}

/// A machine that answers from a table: for tests.
#[cfg(test)]
pub(crate) mod recorded {
    use super::{Host, Platform};
    use std::collections::BTreeMap;

    /// Answers by command line (`nvidia-smi -L`) and by path.
    pub(crate) struct Recorded {
        platform: Platform,
        commands: BTreeMap<String, String>,
        files: BTreeMap<String, String>,
    }

    impl Recorded {
        pub(crate) fn new(platform: Platform) -> Recorded {
            Recorded { platform, commands: BTreeMap::new(), files: BTreeMap::new() }
        }

        /// A command line whose start matches gets this answer.
        pub(crate) fn command(mut self, line: &str, answer: &str) -> Recorded {
            self.commands.insert(line.to_owned(), answer.to_owned());
            self
        }

        pub(crate) fn file(mut self, path: &str, text: &str) -> Recorded {
            self.files.insert(path.to_owned(), text.to_owned());
            self
        }
    }

    impl Host for Recorded {
        fn platform(&self) -> Platform {
            self.platform
        }

        fn run(&self, program: &str, arguments: &[&str]) -> Option<String> {
            let line = format!("{program} {}", arguments.join(" "));
            self.commands.iter().find(|(start, _)| line.starts_with(*start)).map(|(_, text)| text.clone())
        }

        fn read(&self, path: &str) -> Option<String> {
            self.files.get(path).cloned()
        }

        fn list(&self, directory: &str) -> Vec<String> {
            let prefix = format!("{}/", directory.trim_end_matches('/'));
            let mut names: Vec<String> = self
                .files
                .keys()
                .filter_map(|path| path.strip_prefix(&prefix))
                .filter_map(|rest| rest.split('/').next())
                .map(str::to_owned)
                .collect();
            names.dedup();
            names
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn a_program_that_goes_on_without_output_is_not_waited_for() {
        let spawn = || Command::new("sleep").arg("60").spawn().unwrap();
        let begun = Instant::now();
        assert!(ended(&mut spawn(), Duration::from_millis(50)).is_none());
        end(spawn());
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    }

    #[test]
    fn a_missing_program_is_no_answer() {
        assert_eq!(Machine.run("a-program-that-nobody-installed", &[]), None);
        assert_eq!(Machine.read("/a/file/that/is/not/there"), None);
        assert!(Machine.list("/a/folder/that/is/not/there").is_empty());
    }

    #[test]
    fn utf_16_is_read_as_text() {
        let bytes: Vec<u8> =
            [0xff, 0xfe].into_iter().chain("Name=RTX".encode_utf16().flat_map(u16::to_le_bytes)).collect();
        assert_eq!(text_of(&bytes), "Name=RTX");
        assert_eq!(text_of(b"plain"), "plain");
    }
}
