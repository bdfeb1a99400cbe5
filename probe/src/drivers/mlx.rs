//! MLX on Apple's chips (and, for tests, on a Linux processor): `mlx_lm.server`.

use serde_json::Value;

use crate::driver::{Absent, Driver, Options, Runtime};
use crate::http::{Connection, Timeouts};
use crate::wire::openai::Dialect;
use crate::wire::server::Server;
use crate::wire::{ask, python};

/// mlx_lm's server.
pub struct Mlx;

impl Driver for Mlx {
    fn name(&self) -> &'static str {
        "mlx"
    }

    fn detect(&self, options: &Options) -> Result<Box<dyn Runtime>, Absent> {
        let absent = |reason: &dyn std::fmt::Display| Absent {
            reason: python::absence(&reason.to_string(), &["mlx-lm"], "mlx_lm.server"),
            hint: "start it with `mlx_lm.server --model NAME`",
        };
        let url = options.address("http://127.0.0.1:8080").map_err(|error| absent(&error))?;
        let headers = ask::bearer(options.api_key.as_deref());
        // It names itself nowhere but in the stream; its Python server is told by its header.
        let mut connection = Connection::new(url.clone(), headers.clone(), Timeouts::QUICK);
        let is_python = {
            let response = connection.get("/v1/models").map_err(|error| absent(&error))?;
            response.headers.iter().any(|(name, value)| name == "server" && value.contains("BaseHTTP"))
        };
        if !is_python {
            return Err(absent(&format!("another program listens at {}", url.authority())));
        }
        // What is installed here says nothing of a server elsewhere: its replies do.
        let installed = url.is_here().then(|| python::package_version("mlx-lm")).flatten();
        let version = installed.unwrap_or_else(|| "version not told".to_owned());
        Ok(Box::new(Server {
            url,
            headers,
            // It knows no field that forces the length; unknown ones do no harm.
            dialect: Dialect::LOCAL,
            version,
            tokens: None,
            context_flag: None,
            streams_flag: None,
            may_simplify: true,
            // Without a cache of the hub its list is no answer at all; by this name it serves the one it was started with.
            unlisted: Some("default_model"),
            is_service: false,
            version_in: Some(version_in),
            stream: Server::plain,
        }))
    }
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
