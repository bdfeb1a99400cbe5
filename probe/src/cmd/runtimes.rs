//! Finding runtimes: what is here, and for what is not, one line with the reason.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, anyhow, bail};

use super::UsageError;
use crate::driver::{Absent, Driver, ModelRef, Options, Runtime};
use crate::drivers::{self, DRIVERS};
use crate::http::Url;
use crate::names::printable;

/// Where to look for runtimes.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct Where {
    /// Only this runtime: llama.cpp, ollama, vllm, mlx, exllama, openai-compatible, openrouter, together, fireworks,
    /// groq, openai or anthropic.
    #[arg(long, value_name = "NAME", alias = "runtime")]
    backend: Option<String>,
    /// Address of its server, as http://192.168.1.5:8000; without it the usual one on this machine.
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// The key that its server wants.
    #[arg(long, value_name = "KEY")]
    api_key: Option<String>,
    /// The program llama-server, or the folder it is in: that one is started, whatever runs already.
    #[arg(long, value_name = "PATH", conflicts_with = "base_url")]
    llama_cpp_path: Option<PathBuf>,
}

/// A driver with what it found.
pub type Looked = (&'static dyn Driver, Result<Box<dyn Runtime>, Absent>);

impl Where {
    /// What the command line says, read once for every driver.
    fn options(&self, model: Option<&OsStr>, patience: Duration) -> Result<Options> {
        let base_url =
            self.base_url.as_deref().map(Url::parse).transpose().map_err(|e| UsageError(e.to_string()))?;
        let base_url = base_url.map(Url::without_version);
        if let Some(path) = self.llama_cpp_path.as_ref().filter(|path| !path.exists()) {
            return Err(UsageError(format!("--llama-cpp-path: there is no {}", path.display())).into());
        }
        Ok(Options {
            base_url,
            api_key: self.api_key.clone(),
            llama_cpp_path: self.llama_cpp_path.clone(),
            model: model.map(OsStr::to_owned),
            patience,
            ..Options::default()
        })
    }

    /// Asks the drivers, each of the wanted ones.
    ///
    /// # Errors
    /// [`UsageError`] on a name or an address that is none.
    pub fn look(&self, model: Option<&OsStr>, patience: Duration) -> Result<Vec<Looked>> {
        let options = self.options(model, patience)?;
        // A key that was typed goes to one service: the one that was named.
        let keyless = Options { api_key: None, ..options.clone() };
        let wanted: Vec<&'static dyn Driver> = match &self.backend {
            Some(name) => vec![drivers::by_name(name).ok_or_else(|| {
                let names: Vec<&str> = DRIVERS.iter().map(|driver| driver.name()).collect();
                UsageError(format!("--backend: there is no {name}; there are {}", names.join(", ")))
            })?],
            // An address is a local or named server: keys of hosted services go nowhere but home.
            None if options.base_url.is_some() => {
                DRIVERS.iter().copied().filter(|driver| !driver.is_hosted()).collect()
            }
            None => DRIVERS.to_vec(),
        };
        // Side by side: an address that swallows packets would cost half a second each.
        Ok(std::thread::scope(|scope| {
            let handles: Vec<_> = wanted
                .iter()
                .map(|driver| {
                    let is_open = self.backend.is_some() || !driver.is_hosted();
                    let options = if is_open { &options } else { &keyless };
                    (*driver, scope.spawn(move || driver.detect(options)))
                })
                .collect();
            let broke = || Absent { reason: "looking for it broke off".to_owned(), hint: "report this" };
            handles
                .into_iter()
                .map(|(driver, handle)| (driver, handle.join().unwrap_or_else(|_| Err(broke()))))
                .collect()
        }))
    }

    /// The runtime to use: the one that was named, else the first local one with a model. Lines about the others go to
    /// standard error. Hosted services cost money: they are used when they are named.
    ///
    /// # Errors
    /// When there is none, with what was looked for.
    pub fn choose(&self, model: Option<&OsStr>) -> Result<(&'static str, Box<dyn Runtime>, ModelRef)> {
        if let Some(file) = model.and_then(missing_file) {
            return Err(UsageError(format!("--model: there is no file {}", file.display())).into());
        }
        let mut looked = self.look(model, PATIENCE)?;
        if let Some(reason) = self.base_url.as_ref().and_then(|_| one_reason(&looked)) {
            bail!(
                "--base-url: {reason}; name the address at which a server listens, as http://127.0.0.1:8000"
            );
        }
        let mut reasons = Vec::new();
        for (driver, found) in looked.drain(..) {
            let name = driver.name();
            let hosted = driver.is_hosted();
            match found {
                Err(absent) => {
                    if name == "llama.cpp" && self.llama_cpp_path.is_some() {
                        return Err(UsageError(format!("--llama-cpp-path: {}", absent.reason)).into());
                    }
                    if self.backend.is_some() {
                        reasons.push(format!("{name}: {}; {}", absent.reason, absent.hint));
                        continue;
                    }
                    if !hosted {
                        eprintln!("{name} not detected; skip ({})", absent.reason);
                    }
                    reasons.push(would_do(name, absent.hint));
                }
                Ok(_) if hosted && self.backend.is_none() => {}
                Ok(runtime) => match pick(&*runtime, name, model) {
                    Ok(model) => return Ok((name, runtime, model)),
                    Err(error) if self.backend.is_some() => reasons.push(format!("{name}: {error}")),
                    Err(error) => {
                        eprintln!("{name} {}: {error}; skip", printable(&runtime.version()));
                        reasons.push(would_do(name, &error.to_string()));
                    }
                },
            }
        }
        if let Some(model) = model.filter(|model| is_gguf(model) && !Path::new(model).exists()) {
            let model = printable(&model.to_string_lossy());
            let message = format!(
                "--model: there is no file {model} here, and no runtime has a model of that name; any of these would do:\n{}",
                reasons.join("\n")
            );
            return Err(UsageError(message).into());
        }
        if self.backend.is_some() {
            bail!("{}", reasons.join("\n"));
        }
        let asked =
            model.map_or_else(String::new, |model| format!(" {}", printable(&model.to_string_lossy())));
        bail!("no runtime with a model{asked} was found; any of these would do:\n{}", reasons.join("\n"))
    }
}

/// Why none is there, where it is the same for all that were looked for: nobody is at the address. Some add that their
/// module is installed, which is no matter of the address.
fn one_reason(looked: &[Looked]) -> Option<String> {
    let reason = |(_, found): &Looked| found.as_ref().err().map(|absent| absent.reason.clone());
    let reasons: Vec<String> = looked.iter().map(reason).collect::<Option<_>>()?;
    let shortest = reasons.iter().min_by_key(|reason| reason.len())?;
    let is_shared = reasons.len() > 1 && reasons.iter().all(|reason| reason.starts_with(shortest));
    is_shared.then(|| shortest.clone())
}

/// What would bring a runtime, as a line below others.
pub fn would_do(name: &str, hint: &str) -> String {
    format!("  {name:<18} {hint}")
}

/// How long `bench` waits for a server that is loading its model.
const PATIENCE: Duration = Duration::from_secs(300);

fn is_gguf(model: &OsStr) -> bool {
    Path::new(model).extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gguf"))
}

/// A model that is named by a file which is not there: with a folder before its name it can be nothing else.
pub fn missing_file(model: &OsStr) -> Option<&Path> {
    let path = Path::new(model);
    (is_gguf(model) && path.components().count() > 1 && !path.exists()).then_some(path)
}

fn pick(runtime: &dyn Runtime, name: &'static str, wanted: Option<&OsStr>) -> Result<ModelRef> {
    let models = runtime.models()?;
    let Some(wanted) = wanted else {
        // The first that makes text: lists begin with models for embeddings as often as not.
        let is_empty = models.is_empty();
        let first = models.into_iter().find(ModelRef::makes_text);
        return first.ok_or_else(|| match is_empty {
            true => anyhow!("it has no model"),
            false => anyhow!("none of its models makes text; --model NAME runs one all the same"),
        });
    };
    let path = Path::new(wanted);
    let wanted = &*wanted.to_string_lossy();
    let file = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let is_it = |model: &&ModelRef| {
        model.file.as_deref() == Some(path)
            || model.id == wanted
            || Some(&model.id) == file.as_ref()
            || model.id.split(':').next() == Some(wanted)
    };
    let found = models.iter().find(is_it).cloned();
    // Services list models by the hundred and know more than they list.
    let listed = if models.len() > 50 {
        found.or(Some(ModelRef { id: wanted.to_owned(), ..ModelRef::default() }))
    } else {
        found
    };
    listed.ok_or_else(|| {
        crate::driver::DriverError::NoSuchModel { runtime: name, model: wanted.to_owned() }.into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_once_for_every_driver() {
        for text in ["http://gpu-box:8000/v1", "http://gpu-box:8000/v1/", "http://gpu-box:8000"] {
            let place = Where { base_url: Some(text.to_owned()), ..Where::default() };
            let options = place.options(None, Duration::ZERO).unwrap();
            assert_eq!(options.base_url.unwrap().path("/v1/models"), "/v1/models", "{text}");
        }
    }
}
