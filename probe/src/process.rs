//! A server that we start for a workload and end afterwards, whatever happens; when we are killed, a guard does it.

#[cfg_attr(windows, path = "process/job.rs")]
mod guard;

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::driver::{DriverError, Running};
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

/// A server's program, and how it is started.
pub struct Start<'a> {
    /// What it is called in sentences.
    pub name: &'static str,
    /// The program.
    pub program: &'a Path,
    /// Its arguments, but for the address that it listens at: `--host` and `--port` are ours.
    pub arguments: Vec<OsString>,
    /// What its environment has besides ours.
    pub env: &'a [(&'a str, &'a str)],
    /// Takes over what a line of its log says of how it runs.
    pub learn: fn(&str, &mut Running),
    /// Whether it is lost once its `/health` answers with an error: some say so while they load, others when they could not.
    pub is_lost_when_unhealthy: bool,
}

/// A running server; it ends with this value.
pub struct Process {
    child: Child,
    name: &'static str,
    is_lost_when_unhealthy: bool,
    /// Where it listens.
    pub url: Url,
    log: Log,
    readers: Vec<JoinHandle<()>>,
    /// After the child: it goes when there is nothing left to end.
    _guard: Option<Guard>,
}

impl Process {
    /// Starts it on a free port of this machine and waits until its `/health` answers.
    ///
    /// # Errors
    /// When it does not start, or ends before that: with its last words.
    pub fn start(start: &Start<'_>) -> Result<Process, DriverError> {
        let Start { name, program, learn, is_lost_when_unhealthy, .. } = *start;
        let port = free_port()?;
        let guard = Guard::new();
        let mut command = guard.as_ref().map_or_else(|| plain(program), |guard| guard.command(program));
        let mut child = apart(&mut command)
            .args(&start.arguments)
            .args(["--host", "127.0.0.1", "--port", &port.to_string()])
            .envs(start.env.iter().copied())
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
        readers.extend(child.stderr.take().map(|pipe| keep_last_lines(pipe, &log, learn)));
        readers.extend(child.stdout.take().map(|pipe| keep_last_lines(pipe, &log, learn)));
        let url = Url::parse(&format!("http://127.0.0.1:{port}"))?;
        // From here on the child ends with this value, also when waiting fails.
        let mut process = Process { child, name, is_lost_when_unhealthy, url, log, readers, _guard: guard };
        process.wait_until_healthy()?;
        Ok(process)
    }

    /// Whether it still runs.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
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
                _ => return self.is_lost().then(|| DriverError::NotStarted(self.last_words("cannot work"))),
            }
        };
        // Its last words may still be on their way through the pipes; a child of its own may hold those open.
        let patience = Instant::now() + LAST_WORDS;
        while Instant::now() < patience && !self.readers.iter().all(JoinHandle::is_finished) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let words = self.last_words(&format!("ended by itself ({status})"));
        Some(if never_ran(status) { DriverError::NotStarted(words) } else { DriverError::Process(words) })
    }

    /// Whether it runs, and says that it can do no more.
    fn is_lost(&self) -> bool {
        let health = || ask::get_text(&self.url, &[], Timeouts::QUICK, "/health");
        self.is_lost_when_unhealthy && matches!(health(), Err(HttpError::Status { .. }))
    }

    /// What became of it, with the last lines of its log.
    fn last_words(&self, what: &str) -> String {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let last: Vec<&str> = log.0.iter().map(String::as_str).collect();
        format!("{} {what}; its last lines:\n{}", self.name, last.join("\n"))
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
            if (!self.is_alive() || self.is_lost())
                && let Some(error) = self.obituary()
            {
                return Err(error);
            }
            if start.elapsed() > START_LIMIT {
                let words = format!("{} was not ready after 15 minutes", self.name);
                return Err(DriverError::NotStarted(words));
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

/// Runs a program to its end and returns what it printed; like a server it ends with us.
///
/// # Errors
/// When it does not start, or fails.
pub fn output_of(program: &Path, arguments: &[OsString]) -> Result<String, DriverError> {
    const LIMIT_BYTES: u64 = 1 << 20;
    let name = program.file_name().unwrap_or_default().display();
    let guard = Guard::new();
    let mut command = guard.as_ref().map_or_else(|| plain(program), |guard| guard.command(program));
    let mut child = apart(&mut command)
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
fn keep_last_lines(
    pipe: impl Read + Send + 'static,
    log: &Log,
    learn: fn(&str, &mut Running),
) -> JoinHandle<()> {
    let log = Arc::clone(log);
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            let (lines, running) = &mut *log;
            learn(&line, running);
            if lines.len() == LOG_LINES {
                lines.pop_front();
            }
            lines.push_back(line);
        }
    })
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::io::Write;
    use std::path::PathBuf;

    use super::*;

    /// A program in this folder that is these lines of a shell.
    fn script(folder: &Path, lines: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let program = folder.join("llama-server");
        std::fs::write(&program, format!("#!/bin/sh\n{lines}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        program
    }

    fn start(program: &Path, is_lost_when_unhealthy: bool) -> Start<'_> {
        let (name, learn) = ("llama-server", (|_, _| {}) as fn(&str, &mut Running));
        Start { name, program, arguments: Vec::new(), env: &[], learn, is_lost_when_unhealthy }
    }

    #[test]
    fn a_server_that_dies_leaves_its_last_words() {
        let folder = tempfile::tempdir().unwrap();
        let program = script(folder.path(), "echo 'error: failed to load model' >&2\nexit 1");
        let error = Process::start(&start(&program, false)).err().unwrap().to_string();
        let words = ["llama-server ended by itself", "failed to load model"];
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
        let nothing = folder.path().join("no-such-program");
        let error = output_of(&nothing, &[]).unwrap_err();
        assert!(!error.published().contains("ended by itself"), "{}", error.published());
    }

    /// It answers, and says that it can do no more: nobody waits for it, and its log says why.
    #[test]
    fn a_server_that_says_it_is_unwell_is_given_up() {
        let folder = tempfile::tempdir().unwrap();
        // Its port is the last argument; the test answers there in its place.
        let told = folder.path().join("port");
        let lines =
            format!("echo 'no such type of model' >&2\necho \"$4\" > '{}'\nexec sleep 60", told.display());
        let program = script(folder.path(), &lines);
        std::thread::spawn(move || {
            let port = loop {
                let port = std::fs::read_to_string(&told).unwrap_or_default();
                if let Some(port) = port.strip_suffix('\n') {
                    break port.to_owned();
                }
                std::thread::sleep(Duration::from_millis(5));
            };
            for mut client in TcpListener::bind(format!("127.0.0.1:{port}")).unwrap().incoming().flatten() {
                let mut asked = [0; 1024];
                let _ = client.read(&mut asked);
                let _ = client.write_all(b"HTTP/1.1 503 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            }
        });
        let begun = Instant::now();
        let error = Process::start(&start(&program, true)).err().unwrap();
        let words = ["llama-server cannot work", "no such type of model"];
        assert!(words.iter().all(|word| error.to_string().contains(word)), "{error}");
        assert_eq!(error.published(), "the server could not be started for it");
        assert!(begun.elapsed() < START_LIMIT / 10, "{:?}", begun.elapsed());
    }
}
