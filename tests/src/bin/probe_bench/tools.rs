//! Programs, models and small statistics that the sections share.

use std::env;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use house::gguf_make::Fill;
use house::gguf_make::models::{self, Quant, Size};
use serde_json::Value;

/// So small that 40k tokens are read in a minute or two by the slowest engine.
pub const SMALL: Size = Size {
    layers: 2,
    hidden: 256,
    heads: 4,
    kv_heads: 2,
    head_dim: 64,
    ffn: 512,
    vocab: 4096,
    context: 49_152,
    quant: Quant::Q8_0,
};

/// TinyLlama's shape: 1.1 billion parameters.
pub const BILLION: Size = Size {
    layers: 22,
    hidden: 2048,
    heads: 32,
    kv_heads: 4,
    head_dim: 64,
    ffn: 5632,
    vocab: 32_000,
    context: 8192,
    quant: Quant::Q4_0,
};

/// Where everything is.
pub struct Place {
    target: PathBuf,
    folder: PathBuf,
}

impl Place {
    pub fn find() -> Result<Place> {
        let own = env::current_exe()?;
        let target = own.ancestors().nth(2).context("a target directory")?.to_owned();
        let folder = target.join("probe-bench");
        fs::create_dir_all(&folder)?;
        Ok(Place { target, folder })
    }

    /// A file of the bench's own.
    pub fn kept(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.md"))
    }

    /// A program of the workspace, optimised.
    pub fn program(&self, name: &str) -> Result<PathBuf> {
        let path = self.target.join("release").join(name);
        ensure!(path.is_file(), "{} is not built", path.display());
        Ok(path)
    }

    /// A program or file of an engine, as `cargo xtask engines` leaves it.
    pub fn engine(&self, folder: &str, product: &str) -> Result<PathBuf> {
        let engines = fs::read_dir(self.target.join("engines"))?.flatten().map(|entry| entry.path());
        let named =
            |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(folder));
        let found = engines.filter(named).map(|path| path.join(product)).find(|path| path.is_file());
        found.with_context(|| format!("{folder} is not installed; `cargo xtask engines`"))
    }

    /// The optimised probe, with a home of its own.
    pub fn probe(&self) -> Result<Command> {
        let mut command = Command::new(self.program("llm-speed-probe")?);
        command.env("LLM_SPEED_HOME", self.folder.join("home")).stdin(Stdio::null());
        Ok(command)
    }

    /// Runs `bench` with these arguments and reads the run.
    pub fn bench(&self, arguments: &[&str]) -> Result<Value> {
        self.bench_with(arguments, None)
    }

    /// The same, with so many threads for a llama-server that it starts: those that wait for each other in busy loops
    /// measure their neighbours, one alone is steady beside anything.
    pub fn bench_with(&self, arguments: &[&str], threads: Option<&str>) -> Result<Value> {
        let json = self.folder.join("run.json");
        let mut command = self.probe()?;
        command.args(["bench", "--no-upload", "--json"]).arg(&json).args(arguments);
        if let Some(threads) = threads {
            command.env("LLAMA_ARG_THREADS", threads);
        }
        let output = command.output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "bench {arguments:?}: {said}");
        Ok(serde_json::from_slice(&fs::read(&json)?)?)
    }

    /// A generated model, made once.
    pub fn model(&self, name: &str, size: Size) -> Result<PathBuf> {
        let path = self.folder.join(name);
        if !path.is_file() {
            models::llama(size, None).write(&path, Fill::Random(7))?;
        }
        Ok(path)
    }

    /// The same as a folder of Hugging Face's layout.
    pub fn model_folder(&self, name: &str, size: Size) -> Result<PathBuf> {
        let path = self.folder.join(name);
        if !path.join("model.safetensors").is_file() {
            house::hf_make::write(size, &path)?;
        }
        Ok(path)
    }

    /// A file for what a server says.
    pub fn log(&self, name: &str) -> Result<fs::File> {
        Ok(fs::File::create(self.folder.join(format!("{name}.log")))?)
    }
}

pub fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path that is text")
}

/// A server that ends with this value.
pub struct Running {
    child: Child,
    pub url: String,
}

impl Running {
    /// Starts a server on a free port; `make` gets the port. Waits until `resource` answers.
    pub fn start(
        name: &str,
        place: &Place,
        resource: &str,
        make: impl Fn(u16) -> Command,
    ) -> Result<Running> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let log = place.log(name)?;
        let mut command = make(port);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn().with_context(|| format!("{name} does not start"))?;
        let mut running = Running { child, url: format!("http://127.0.0.1:{port}") };
        let end = Instant::now() + Duration::from_secs(300);
        let http = house::local_http();
        loop {
            if http.get(format!("{}{resource}", running.url)).call().is_ok_and(|reply| reply.status() == 200)
            {
                return Ok(running);
            }
            if let Some(status) = running.child.try_wait()? {
                bail!("{name} ended by itself ({status}); see its log");
            }
            ensure!(Instant::now() < end, "{name} was not ready after five minutes");
            std::thread::sleep(Duration::from_millis(300));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Python servers have children of their own that end when they are asked, and stay when they are not.
        let asked = Command::new("kill").arg(self.child.id().to_string()).status();
        let end = Instant::now() + Duration::from_secs(20);
        while asked.is_ok() && Instant::now() < end {
            if let Ok(Some(_)) = self.child.try_wait() {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `12.3` or a dash.
pub fn cell(value: &Value, decimals: usize) -> String {
    value.as_f64().map_or_else(|| "–".to_owned(), |value| format!("{value:.decimals$}"))
}
