//! MLX on Apple's chips (and, for tests, on a Linux processor): an `mlx_lm.server` that runs, or the module `mlx_lm`, whose
//! server we start and always end.

mod module;

use std::path::Path;

use serde_json::Value;

use crate::driver::{Absent, Driver, Env, ModelRef, Options, Runtime};
use crate::http::{Connection, Timeouts, Url};
use crate::model_folder;
use crate::wire::openai::Dialect;
use crate::wire::server::Server;
use crate::wire::{ask, python};

use module::Module;

/// mlx_lm's server.
pub struct Mlx;

/// The package with the module `mlx_lm`.
const PACKAGE: &str = "mlx-lm";

/// Who publishes models made for it, in plain weights too.
const COMMUNITY: &str = "mlx-community/";

/// Without a cache of the hub its list is no answer at all; by this name it serves the one that it was started with.
const STARTED_WITH: &str = "default_model";

const HINT: &str = "start `mlx_lm.server --model NAME` (`pip install mlx-lm`), or, once it is installed, name a model that \
                    is here with --model: its folder or its repository";

impl Driver for Mlx {
    fn name(&self) -> &'static str {
        "mlx"
    }

    fn detect(&self, options: &Options) -> Result<Box<dyn Runtime>, Absent> {
        let absent = |reason: String| Absent { reason, hint: HINT };
        let url = options.address("http://127.0.0.1:8080").map_err(|error| absent(error.to_string()))?;
        let server = Server { headers: ask::bearer(options.api_key.as_deref()), ..server(url) };
        let found = is_running(&server);
        let name = options.model.as_deref().map(|name| name.to_string_lossy().into_owned());
        let folder = name.as_deref().and_then(|name| model_folder::find(name, options.env));
        // A folder that was named is run from that folder, whatever runs already; an address that was named goes before it.
        let is_path = name.as_deref().is_some_and(|name| Path::new(name).is_dir());
        let starts = options.base_url.is_none() && folder.is_some() && (is_path || found.is_err());
        if let (true, Some(name), Some(folder)) = (starts, &name, folder) {
            let Some(package) = python::package(PACKAGE) else {
                let reason = found.err().map_or_else(String::new, |reason| format!("{reason}, and "));
                return Err(absent(format!("{reason}the module mlx_lm is not installed for python3")));
            };
            return Ok(Box::new(Module::new(package, server, name, folder)));
        }
        match found {
            Ok(()) => {
                // What is installed here says nothing of a server elsewhere: its replies do.
                let installed = server.url.is_here().then(|| python::package(PACKAGE)).flatten();
                let version = installed.map_or(server.version.clone(), |package| package.version);
                Ok(Box::new(Server { version, ..server }))
            }
            Err(reason) => {
                let reason = python::absence(&reason, &[PACKAGE], "mlx_lm.server");
                Err(absent(match name.filter(|_| options.base_url.is_none()) {
                    Some(name) => format!(
                        "{reason}, and there is no model {name} here: no such folder of safetensors files, and nothing of that \
                         name in Hugging Face's cache"
                    ),
                    None => reason,
                }))
            }
        }
    }

    fn on_disk(&self, env: Env) -> Vec<ModelRef> {
        let is_for_mlx = |model: &ModelRef| {
            model.id.starts_with(COMMUNITY)
                || model.folder.as_deref().is_some_and(model_folder::is_packed_for_mlx)
        };
        model_folder::cached(env).into_iter().filter(is_for_mlx).collect()
    }
}

/// How mlx_lm's server is spoken to.
fn server(url: Url) -> Server {
    Server {
        url,
        headers: Vec::new(),
        // It knows no field that forces the length; unknown ones do no harm.
        dialect: Dialect::LOCAL,
        version: "version not told".to_owned(),
        tokens: None,
        context_flag: None,
        streams_flag: None,
        may_simplify: true,
        unlisted: Some(STARTED_WITH),
        is_service: false,
        version_in: Some(version_in),
        stream: Server::plain,
    }
}

/// It names itself nowhere but in the stream; its Python server is told by its header.
fn is_running(server: &Server) -> Result<(), String> {
    let url = &server.url;
    let mut connection = Connection::new(url.clone(), server.headers.clone(), Timeouts::QUICK);
    let response = connection.get("/v1/models").map_err(|error| error.to_string())?;
    let is_python =
        response.headers.iter().any(|(name, value)| name == "server" && value.contains("BaseHTTP"));
    is_python.then_some(()).ok_or_else(|| format!("another program listens at {}", url.authority()))
}

/// Each chunk's `system_fingerprint` begins with the version of mlx-lm: `0.32.2-0.32.4-Linux-…`; the rest names the machine.
fn version_in(extras: &Value) -> Option<String> {
    let told = extras.get("system_fingerprint")?.as_str()?;
    let version = told.split('-').next()?;
    let is_version = version.starts_with(|c: char| c.is_ascii_digit()) && version.contains('.');
    is_version.then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_tells_the_version() {
        let told = |text: &str| version_in(&serde_json::json!({ "system_fingerprint": text }));
        assert_eq!(told("0.32.2-0.32.4-Linux-6.18.44-x86_64-with-glibc2.36").as_deref(), Some("0.32.2"));
        assert_eq!((told("fp_44709d6fcb"), version_in(&Value::Null)), (None, None));
    }
}
