//! MLX on Apple's chips (and, for tests, on a Linux processor): `mlx_lm.server`.

use crate::driver::{Absent, Driver, Options, Runtime};
use crate::http::{Connection, Timeouts};
use crate::wire::openai::Dialect;
use crate::wire::server::{self, Server};
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
        let url = server::address(options, "http://127.0.0.1:8080").map_err(|error| absent(&error))?;
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
        let version = python::package_version("mlx-lm").unwrap_or_else(|| "version not told".to_owned());
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
        }))
    }
}
