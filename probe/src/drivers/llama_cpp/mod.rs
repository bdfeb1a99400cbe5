//! llama.cpp through its HTTP server: one that runs, or one that we start and always end.
//!
//! Fields: <https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md>

mod completion;
mod cross_check;
mod local;
mod own;
mod said;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::driver::{
    Absent, CrossCheck, Driver, DriverError, ModelRef, Need, Options, Prompt, Reply, Request, Running,
    Runtime, Stream,
};
use crate::gguf_file;
use crate::http::{Connection, HttpError, Timeouts, Url};
use crate::interrupt;
use crate::wire::ask;
use crate::wire::openai::{self, Dialect};

use own::Own;

/// llama.cpp's server.
pub struct LlamaCpp;

const DEFAULT_ADDRESS: &str = "http://127.0.0.1:8080";
const HINT: &str = "start `llama-server -m FILE.gguf` (https://github.com/ggml-org/llama.cpp), or name the program with \
                    --llama-cpp-path and a file with --model";

/// The part of `/props` that we read. Its `model_path` stays on this machine.
#[derive(Clone, Debug, Default, Deserialize)]
struct Props {
    #[serde(default)]
    build_info: String,
    #[serde(default)]
    total_slots: u32,
    #[serde(default)]
    model_alias: String,
    #[serde(default)]
    model_ftype: Option<String>,
    #[serde(default)]
    model_path: String,
    default_generation_settings: Settings,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Settings {
    #[serde(default)]
    n_ctx: u32,
}

impl Driver for LlamaCpp {
    fn name(&self) -> &'static str {
        "llama.cpp"
    }

    fn detect(&self, options: &Options) -> Result<Box<dyn Runtime>, Absent> {
        let absent = |reason: String| Absent { reason, hint: HINT };
        let url = options.address(DEFAULT_ADDRESS).map_err(|error| absent(error.to_string()))?;
        let headers = ask::bearer(options.api_key.as_deref());
        let props = || ask::get::<Props>(&url, &headers, Timeouts::QUICK, "/props");
        let mut asked = props();
        let program = local::program(options);
        let named_file = named_file(options);
        let starts = starts_its_own(options);
        if asked.as_ref().is_err_and(is_loading) && !starts {
            wait_until_loaded(&url, &headers, options.patience).map_err(|error| absent(error.to_string()))?;
            asked = props();
        }
        match (asked, &program) {
            (Ok(props), _) if !starts => {
                Ok(Box::new(LlamaServer { url, headers, props, own: None, program, files: Vec::new() }))
            }
            (_, Some(program)) if options.base_url.is_none() => {
                let mut files = local::models(options.env);
                if let Some(file) = named_file {
                    files.retain(|known| known != file);
                    files.insert(0, file.to_owned());
                }
                if files.is_empty() {
                    let program = program.display();
                    return Err(absent(format!("{program} is here, but no GGUF file was found for it")));
                }
                let props = Props::default();
                Ok(Box::new(LlamaServer {
                    url,
                    headers,
                    props,
                    own: None,
                    program: Some(program.clone()),
                    files,
                }))
            }
            (Err(error), _) if options.base_url.is_some() => Err(absent(error.to_string())),
            (Err(error), _) => Err(absent(match &options.llama_cpp_path {
                Some(named) => format!("{error}, and there is no llama-server in {}", named.display()),
                None => format!("{error}, and llama-server is not in PATH"),
            })),
            (Ok(_), _) => Err(absent(match &options.llama_cpp_path {
                Some(named) => format!("there is no llama-server in {}", named.display()),
                None => "no llama-server in PATH to run that file with".to_owned(),
            })),
        }
    }
}

/// The model where it was named by a file that is here.
fn named_file(options: &Options) -> Option<&Path> {
    let path = options.model.as_deref().map(Path::new);
    path.filter(|path| path.extension() == Some("gguf".as_ref()) && path.is_file())
}

/// Whether a server of our own is started though one may run already: a file that was named is run from that file, and a
/// program that was named is the one that is measured. An address that was named goes before both.
fn starts_its_own(options: &Options) -> bool {
    options.base_url.is_none() && (named_file(options).is_some() || options.llama_cpp_path.is_some())
}

/// llama-server answers before it has loaded its model, and says so.
fn is_loading(error: &DriverError) -> bool {
    matches!(error, DriverError::Http(HttpError::Status { status: 503, body }) if body.contains("oading model"))
}

/// Waits as long as patience allows.
fn wait_until_loaded(url: &Url, headers: &[(String, String)], patience: Duration) -> Result<(), DriverError> {
    const EVERY: Duration = Duration::from_millis(250);
    let begun = Instant::now();
    if !patience.is_zero() {
        eprintln!("llama.cpp: the server at {} is loading its model; waiting for it", url.authority());
    }
    while begun.elapsed() < patience {
        if ask::get_text(url, headers, Timeouts::QUICK, "/health").is_ok() {
            return Ok(());
        }
        if interrupt::requested() {
            return Err(HttpError::Interrupted.into());
        }
        std::thread::sleep(EVERY);
    }
    Err(DriverError::Limit(format!(
        "the server at {} is still loading its model{}; try again when it is done",
        url.authority(),
        if patience.is_zero() { String::new() } else { format!(" after {} s", patience.as_secs()) }
    )))
}

/// A server that runs, or one that will be started when a model is chosen.
struct LlamaServer {
    url: Url,
    headers: Vec<(String, String)>,
    props: Props,
    /// The one that we started.
    own: Option<Own>,
    program: Option<PathBuf>,
    /// Files that it could be started with; empty where it was running already.
    files: Vec<PathBuf>,
}

impl LlamaServer {
    fn is_ours(&self) -> bool {
        !self.files.is_empty()
    }

    fn refresh(&mut self) -> Result<(), DriverError> {
        self.props = ask::get(&self.url, &self.headers, Timeouts::QUICK, "/props")?;
        Ok(())
    }
}

impl Runtime for LlamaServer {
    fn version(&self) -> String {
        if self.props.build_info.is_empty() {
            "not started".to_owned()
        } else {
            self.props.build_info.clone()
        }
    }

    fn place(&self) -> String {
        match (&self.program, self.is_ours()) {
            (Some(program), true) => program.display().to_string(),
            _ => self.url.authority(),
        }
    }

    fn is_here(&self) -> bool {
        self.is_ours() || self.url.is_here()
    }

    fn running(&self) -> Running {
        // One that runs already says none of it over HTTP: `/props` and `/slots` know neither threads nor layers.
        self.own.as_ref().map_or_else(Running::default, |own| own.process.running())
    }

    fn is_busy(&self) -> bool {
        /// The part of `/slots` that we read; a server may keep it to itself.
        #[derive(Deserialize)]
        struct Slot {
            is_processing: bool,
        }
        let slots = || ask::get::<Vec<Slot>>(&self.url, &self.headers, Timeouts::QUICK, "/slots");
        !self.is_ours() && slots().is_ok_and(|slots| slots.iter().any(|slot| slot.is_processing))
    }

    fn models(&self) -> Result<Vec<ModelRef>, DriverError> {
        if self.is_ours() {
            return Ok(self.files.iter().map(|file| local::model_ref(file)).collect());
        }
        let list: Value = ask::get(&self.url, &self.headers, Timeouts::QUICK, "/v1/models")?;
        let entry = list.pointer("/data/0");
        let id = entry.and_then(|entry| entry.get("id")).and_then(Value::as_str);
        let meta = entry.and_then(|entry| entry.get("meta"));
        let number = |key: &str| meta.and_then(|meta| meta.get(key)).and_then(Value::as_u64);
        // Only a file of this machine can be read and hashed; a server elsewhere names one of its own.
        let file = Some(PathBuf::from(&self.props.model_path))
            .filter(|path| self.url.is_loopback() && path.is_file());
        Ok(vec![ModelRef {
            is_mute: file.as_deref().is_some_and(gguf_file::is_mute),
            id: id.map_or_else(|| self.props.model_alias.clone(), str::to_owned),
            quant: self.props.model_ftype.clone(),
            size_bytes: number("size"),
            digest: None,
            context_tokens: number("n_ctx_train").map(|n| n as u32),
            file,
            folder: None,
        }])
    }

    fn prepare(&mut self, model: &ModelRef, need: Need) -> Result<(), DriverError> {
        if let (true, Some(program), Some(file)) = (self.is_ours(), &self.program, &model.file) {
            let enough = self.own.as_mut().is_some_and(|own| own.is_enough(file, need));
            if !enough {
                // The old one first: both may not fit beside each other.
                self.own = None;
                let own = Own::start(program, file, need)?;
                self.url = own.process.url.clone();
                self.own = Some(own);
            }
            self.refresh()?;
        }
        self.fits_as_it_runs(model, need)
    }

    fn fits(&self, model: &ModelRef, need: Need) -> Result<(), DriverError> {
        // One that we start is started for the need.
        if self.is_ours() { Ok(()) } else { self.fits_as_it_runs(model, need) }
    }

    fn takes_memory_when_asked(&self) -> bool {
        self.is_ours()
    }

    fn streams_flag(&self) -> Option<&'static str> {
        Some("-np")
    }

    fn cross_check(&self, model: &ModelRef) -> Option<Result<CrossCheck, DriverError>> {
        // A server that runs already was started with flags that we do not know.
        let program = self.program.as_deref().filter(|_| self.is_ours())?;
        cross_check::run(program, model.file.as_deref()?)
    }

    fn died(&mut self) -> Option<DriverError> {
        self.own.as_mut()?.process.obituary()
    }

    fn count_tokens(
        &self,
        _: &ModelRef,
        text: &str,
        until: Option<Instant>,
    ) -> Result<Option<u32>, DriverError> {
        #[derive(Deserialize)]
        struct Tokens {
            tokens: Vec<Value>,
        }
        let body = json!({"content": text, "add_special": true});
        let timeouts = Timeouts::PATIENT.until(until);
        let answer: Tokens = ask::post(&self.url, &self.headers, timeouts, "/tokenize", &body)?;
        Ok(Some(answer.tokens.len() as u32))
    }

    fn stream(&self, model: &ModelRef) -> Box<dyn Stream> {
        let connection = Connection::new(self.url.clone(), self.headers.clone(), Timeouts::WORKLOAD);
        let dialect = Dialect { cache_switch: true, ..Dialect::LOCAL };
        Box::new(LlamaStream { connection, dialect, model: model.id.clone() })
    }
}

impl LlamaServer {
    fn fits_as_it_runs(&self, model: &ModelRef, need: Need) -> Result<(), DriverError> {
        // What the model cannot do, no flag gives it.
        if let Some(limit) = model.context_tokens.filter(|limit| *limit < need.context_tokens) {
            return Err(DriverError::Limit(format!(
                "the model's context ends at {limit} tokens, {} are needed",
                need.context_tokens
            )));
        }
        let (slots, context) = (self.props.total_slots, self.props.default_generation_settings.n_ctx);
        if slots > 0 && slots < need.streams {
            return Err(DriverError::Limit(format!(
                "the server has {slots} slots for {} streams; start it with -np {}",
                need.streams, need.streams
            )));
        }
        if context > 0 && context < need.context_tokens {
            let total = u64::from(need.context_tokens) * u64::from(need.streams);
            return Err(DriverError::Limit(format!(
                "each of the server's slots has {context} tokens of context, {} are needed; start it with -c {total}",
                need.context_tokens
            )));
        }
        Ok(())
    }
}

struct LlamaStream {
    connection: Connection,
    /// For conversations.
    dialect: Dialect,
    model: String,
}

impl Stream for LlamaStream {
    fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    fn run(&mut self, request: &Request) -> Result<Reply, DriverError> {
        match &request.prompt {
            Prompt::Text(text) => completion::run(&mut self.connection, text, request),
            Prompt::Chat(_) => openai::run(&mut self.connection, &mut self.dialect, &self.model, request),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_was_named_is_started_whatever_runs() {
        let plain = Options::default();
        let program = Options { llama_cpp_path: Some("/opt/llama.cpp".into()), ..Options::default() };
        let address = Options { base_url: Url::parse("http://127.0.0.1:8080").ok(), ..program.clone() };
        assert!(!starts_its_own(&plain) && starts_its_own(&program) && !starts_its_own(&address));
    }
}
