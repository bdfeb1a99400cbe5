//! ExLlamaV2 and V3 through TabbyAPI, whose usage record carries its own rates.

use serde_json::Value;

use crate::driver::{Absent, Driver, Options, Runtime};
use crate::http::Timeouts;
use crate::wire::openai::Dialect;
use crate::wire::server::{Server, TokenRoute};
use crate::wire::{ask, python};

/// TabbyAPI.
pub struct Exllama;

impl Driver for Exllama {
    fn name(&self) -> &'static str {
        "exllama"
    }

    fn detect(&self, options: &Options) -> Result<Box<dyn Runtime>, Absent> {
        let absent = |reason: &dyn std::fmt::Display| Absent {
            reason: python::absence(&reason.to_string(), &["exllamav3", "exllamav2"], "TabbyAPI"),
            hint: "start TabbyAPI (https://github.com/theroyallab/tabbyAPI, `python main.py`) with a model, and give its key with --api-key or in TABBY_API_KEY",
        };
        let url = options.address("http://127.0.0.1:5000").map_err(|error| absent(&error))?;
        let key = options.key("TABBY_API_KEY");
        let headers = ask::bearer(key.as_deref());
        // Its model card has parameters that no other server's has.
        let card: Value =
            ask::get(&url, &headers, Timeouts::QUICK, "/v1/model").map_err(|error| absent(&error))?;
        if card.get("parameters").is_none() {
            return Err(absent(&format!("another program listens at {}", url.authority())));
        }
        Ok(Box::new(Server {
            url,
            headers,
            dialect: Dialect::LOCAL,
            version: "TabbyAPI".to_owned(),
            tokens: Some(TokenRoute { resource: "/v1/token/encode", text: "text", count: "length" }),
            context_flag: Some("max_seq_len"),
            streams_flag: Some("max_batch_size"),
            may_simplify: true,
            unlisted: None,
            is_service: false,
            version_in: None,
            stream: Server::plain,
        }))
    }
}
