//! Loads a model with a real llama-server and returns what it logged.

use crate::cases::Run;
use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

/// Under a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(180);

/// The log of one load. The server is ended once it says that it listens.
pub fn load(server: &Path, file: &Path, run: &Run) -> Result<String> {
    let cache = run.cache_name();
    let mut child = Command::new(server)
        .arg("-m")
        .arg(file)
        .args(["-c", &run.context_tokens.to_string(), "-np", &run.slots.to_string()])
        .args(["-ctk", cache, "-ctv", cache, "-lv", "4", "--port", "0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", server.display()))?;
    let (lines, heard) = mpsc::channel();
    let out = child.stdout.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>);
    let err = child.stderr.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>);
    for pipe in [out, err].into_iter().flatten() {
        let lines = lines.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
                if lines.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    return;
                }
            }
        });
    }
    drop(lines);
    let until = Instant::now() + PATIENCE;
    let mut text = String::new();
    let done = loop {
        match heard.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                text.push_str(&line);
                text.push('\n');
                if line.contains("server is listening") || line.contains("all slots are idle") {
                    break Ok(());
                }
            }
            Err(RecvTimeoutError::Timeout) => break Err("did not answer in time"),
            Err(RecvTimeoutError::Disconnected) => break Err("ended"),
        }
    };
    child.kill().ok();
    child.wait()?;
    if let Err(how) = done {
        bail!("llama-server {how} while it loaded {}:\n{text}", file.display());
    }
    Ok(text)
}
