//! The module `mlx_lm`: its server, started for one model that is on this machine.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Instant;

use serde_json::Value;

use super::STARTED_WITH;
use crate::driver::{DriverError, ModelRef, Need, Runtime, Stream};
use crate::process::{Process, Start};
use crate::wire::python::Package;
use crate::wire::server::Server;

/// Nothing is fetched: what is not here is an error.
const OFFLINE: &[(&str, &str)] = &[("HF_HUB_OFFLINE", "1"), ("TRANSFORMERS_OFFLINE", "1")];

/// A server that is started when a workload needs it.
pub(super) struct Module {
    python: &'static str,
    /// Where it is reached, once it runs.
    server: Server,
    model: ModelRef,
    folder: PathBuf,
    process: Option<Process>,
}

impl Module {
    /// For the model in a folder, which was named so.
    pub fn new(package: Package, server: Server, name: &str, folder: PathBuf) -> Module {
        let model = ModelRef { id: name.to_owned(), folder: Some(folder.clone()), ..ModelRef::default() };
        let server = Server { version: package.version, headers: Vec::new(), ..server };
        Module { python: package.python, server, model, folder, process: None }
    }
}

impl Runtime for Module {
    fn version(&self) -> String {
        self.server.version.clone()
    }

    fn place(&self) -> String {
        format!("{} -m mlx_lm server", self.python)
    }

    fn is_here(&self) -> bool {
        true
    }

    fn version_in(&self, extras: &Value) -> Option<String> {
        self.server.version_in(extras)
    }

    fn models(&self) -> Result<Vec<ModelRef>, DriverError> {
        Ok(vec![self.model.clone()])
    }

    fn takes_memory_when_asked(&self) -> bool {
        true
    }

    fn died(&mut self) -> Option<DriverError> {
        self.process.as_mut()?.obituary()
    }

    fn prepare(&mut self, _: &ModelRef, _: Need) -> Result<(), DriverError> {
        // One start serves every need: its cache grows with the context, and it takes streams as they come.
        if self.process.as_mut().is_some_and(Process::is_alive) {
            return Ok(());
        }
        // What is left of one that ended goes first.
        self.process = None;
        let mut arguments = ["-m", "mlx_lm", "server", "--model"].map(OsString::from).to_vec();
        arguments.push(self.folder.clone().into());
        let process = Process::start(&Start {
            name: "mlx_lm.server",
            program: self.python.as_ref(),
            arguments,
            env: OFFLINE,
            // It says nothing of how it runs.
            learn: |_, _| {},
            // Its thread that makes tokens has died: most often it cannot read the model.
            is_lost_when_unhealthy: true,
        })?;
        self.server.url = process.url.clone();
        self.process = Some(process);
        Ok(())
    }

    fn count_tokens(
        &self,
        model: &ModelRef,
        text: &str,
        until: Option<Instant>,
    ) -> Result<Option<u32>, DriverError> {
        self.server.count_tokens(model, text, until)
    }

    fn stream(&self, model: &ModelRef) -> Box<dyn Stream> {
        // By another name it would load another model.
        self.server.stream(&ModelRef { id: STARTED_WITH.to_owned(), ..model.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Url;

    #[test]
    fn it_has_the_model_that_was_named_and_says_how_it_is_started() {
        let package = Package { version: "0.32.2".to_owned(), python: "python3" };
        let server = super::super::server(Url::parse("http://127.0.0.1:8080").unwrap());
        let module = Module::new(package, server, "org/tiny", "/models/tiny".into());
        let models = module.models().unwrap();
        assert_eq!((models.len(), models[0].id.as_str()), (1, "org/tiny"));
        assert_eq!(models[0].folder.as_deref(), Some("/models/tiny".as_ref()));
        assert_eq!(
            (module.version().as_str(), module.place().as_str()),
            ("0.32.2", "python3 -m mlx_lm server")
        );
        assert!(module.is_here() && module.takes_memory_when_asked());
    }
}
