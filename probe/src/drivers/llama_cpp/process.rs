//! A llama-server that we start for a workload and end afterwards, whatever happens; when we are killed, a guard does it.

#[cfg_attr(windows, path = "process/job.rs")]
mod guard;

mod said;

pub(super) mod cross_check;

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::driver::{DriverError, Need, Running};
use crate::http::{HttpError, Timeouts, Url};
use crate::interrupt;
use crate::wire::ask;

use guard::Guard;

/// The largest models are read from a slow disk for minutes.
const START_LIMIT: Duration = Duration::from_secs(900);
/// Lines of its log that are kept for the case that it dies.
const LOG_LINES: usize = 12;

/// How long the pipes of a server that ended are read on.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How long after a failed answer its process may take to be gone.
const ENDING: Duration = Duration::from_millis(200);

/// The last lines that it said, and what it said of itself.
type Log = Arc<Mutex<(VecDeque<String>, Running)>>;

/// A running server.
pub(super) struct Process {
    child: Child,
    pub url: Url,
    file: PathBuf,
    need: Need,
    log: Log,
    readers: Vec<JoinHandle<()>>,
    /// After the child: it goes when there is nothing left to end.
    _guard: Option<Guard>,
}

impl Process {
    /// Starts it and waits until it answers.
    pub fn start(program: &Path, file: &Path, need: Need) -> Result<Process, DriverError> {
        let port = free_port()?;
        // The context is shared between the slots; a little room for the template and the start token of each.
        let context = (need.context_tokens + 64) * need.streams;
        let guard = Guard::new();
        let mut command = guard.as_ref().map_or_else(|| plain(program), |guard| guard.command(program));
        let mut child = apart(&mut command)
            .arg("-m")
            .arg(file)
            .args(["--host", "127.0.0.1", "--port", &port.to_string()])
            .args(["-c", &context.to_string(), "-np", &need.streams.to_string()])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| {
                DriverError::NotStarted(format!("{} does not start: {error}", program.display()))
            })?;
        #[cfg(windows)]
        if let Some(guard) = &guard {
            guard.watch(&child);
        }
        let log = Log::default();
        let mut readers = Vec::new();
        readers.extend(child.stderr.take().map(|pipe| keep_last_lines(pipe, &log)));
        readers.extend(child.stdout.take().map(|pipe| keep_last_lines(pipe, &log)));
        let url = Url::parse(&format!("http://127.0.0.1:{port}"))?;
        // From here on the child ends with this value, also when waiting fails.
        let mut process = Process { child, url, file: file.to_owned(), need, log, readers, _guard: guard };
        process.wait_until_healthy()?;
        Ok(process)
    }

    /// Whether it still runs and serves this need as it is.
    pub fn is_enough(&mut self, file: &Path, need: Need) -> bool {
        // More slots than needed would change what is measured.
        matches!(self.child.try_wait(), Ok(None))
            && self.file == file
            && self.need.streams == need.streams
            && self.need.context_tokens >= need.context_tokens
    }

    /// What it said of itself so far.
    pub fn running(&self) -> Running {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    /// Its status and last words, where it has ended by itself.
    pub fn obituary(&mut self) -> Option<DriverError> {
        // What it broke off with reaches us before the system lets go of it.
        let patience = Instant::now() + ENDING;
        let status = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if Instant::now() < patience => std::thread::sleep(Duration::from_millis(10)),
                _ => return None,
            }
        };
        // Its last words may still be on their way through the pipes; a child of its own may hold those open.
        let patience = Instant::now() + LAST_WORDS;
        while Instant::now() < patience && !self.readers.iter().all(JoinHandle::is_finished) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let last: Vec<&str> = log.0.iter().map(String::as_str).collect();
        let words = format!("llama-server ended by itself ({status}); its last lines:\n{}", last.join("\n"));
        Some(if never_ran(status) { DriverError::NotStarted(words) } else { DriverError::Process(words) })
    }

    fn wait_until_healthy(&mut self) -> Result<(), DriverError> {
        let start = Instant::now();
        loop {
            if ask::get_text(&self.url, &[], Timeouts::QUICK, "/health").is_ok() {
                return Ok(());
            }
            if interrupt::requested() {
                return Err(HttpError::Interrupted.into());
            }
            if let Ok(Some(_)) = self.child.try_wait()
                && let Some(error) = self.obituary()
            {
                return Err(error);
            }
            if start.elapsed() > START_LIMIT {
                return Err(DriverError::NotStarted(
                    "llama-server was not ready after 15 minutes".to_owned(),
                ));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a program on a model to its end and returns what it printed; like the server it ends with us.
fn output_of(program: &Path, model: &Path, arguments: &[&str]) -> Result<String, DriverError> {
    const LIMIT_BYTES: u64 = 1 << 20;
    let name = program.file_name().unwrap_or_default().display();
    let guard = Guard::new();
    let mut command = guard.as_ref().map_or_else(|| plain(program), |guard| guard.command(program));
    let mut child = apart(&mut command)
        .arg("-m")
        .arg(model)
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| DriverError::NotStarted(format!("{name} does not start: {error}")))?;
    #[cfg(windows)]
    if let Some(guard) = &guard {
        guard.watch(&child);
    }
    let pipe = child.stdout.take();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        // What cannot be read is no answer, which is told below.
        let _ = pipe.map(|pipe| pipe.take(LIMIT_BYTES).read_to_string(&mut text));
        text
    });
    let start = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if !interrupt::requested() && start.elapsed() < START_LIMIT => {
                std::thread::sleep(Duration::from_millis(20));
            }
            _ => {
                // It may have ended in between.
                let _ = child.kill();
                let _ = child.wait();
                return Err(HttpError::Interrupted.into());
            }
        }
    };
    let text = reader.join().unwrap_or_default();
    if status.success() {
        return Ok(text);
    }
    let words = format!("{name} ended with {status}");
    Err(if never_ran(status) { DriverError::NotStarted(words) } else { DriverError::Process(words) })
}

/// Whether the shell that becomes the program, or the system's loader, could not make it run.
fn never_ran(status: ExitStatus) -> bool {
    matches!(status.code(), Some(126 | 127))
}

/// The program by itself, which nobody writes to.
fn plain(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null());
    command
}

/// In a group of its own, so that Ctrl-C on a terminal reaches us alone: we end it, and it has not died by itself.
fn apart(command: &mut Command) -> &mut Command {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    #[cfg(windows)]
    {
        /// `CREATE_NEW_PROCESS_GROUP`.
        const NEW_GROUP: u32 = 0x200;
        std::os::windows::process::CommandExt::creation_flags(command, NEW_GROUP);
    }
    command
}

/// A port that nobody listens on at this moment.
fn free_port() -> Result<u16, DriverError> {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| DriverError::NotStarted(format!("no free port: {error}")))
}

/// Reads a pipe to its end, so that the server never waits for us, and remembers what it said last.
fn keep_last_lines(pipe: impl Read + Send + 'static, log: &Log) -> JoinHandle<()> {
    let log = Arc::clone(log);
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            let (lines, running) = &mut *log;
            said::learn(&line, running);
            if lines.len() == LOG_LINES {
                lines.pop_front();
            }
            lines.push_back(line);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn a_server_that_dies_leaves_its_last_words() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("llama-server");
        std::fs::write(&program, "#!/bin/sh\necho 'error: failed to load model' >&2\nexit 1\n").unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let need = Need { context_tokens: 512, streams: 1 };
        let error = Process::start(&program, Path::new("x.gguf"), need).err().unwrap().to_string();
        assert!(error.contains("failed to load model"), "{error}");
        let nothing = folder.path().join("no-such-program");
        let error = output_of(&nothing, Path::new("x.gguf"), &[]).unwrap_err();
        assert!(!error.published().contains("ended by itself"), "{}", error.published());
    }
}
