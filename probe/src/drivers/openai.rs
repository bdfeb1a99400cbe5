//! Any server that speaks the OpenAI form, by `--base-url`: LM Studio, SGLang, mistral.rs, TensorRT-LLM …

use crate::driver::{Absent, Driver, Options, Runtime};
use crate::wire::ask;
use crate::wire::openai::Dialect;
use crate::wire::server::Server;

/// Any server of that form.
pub struct OpenAi;

/// Where LM Studio listens, the commonest of them.
const LM_STUDIO: &str = "http://127.0.0.1:1234";

impl Driver for OpenAi {
    fn name(&self) -> &'static str {
        "openai-compatible"
    }

    fn detect(&self, options: &Options) -> Result<Box<dyn Runtime>, Absent> {
        let absent =
            |reason: String| Absent { reason, hint: "name any OpenAI-compatible server with --base-url" };
        let server = Server {
            url: options.address(LM_STUDIO).map_err(|error| absent(error.to_string()))?,
            headers: ask::bearer(options.api_key.as_deref()),
            dialect: Dialect::LOCAL,
            version: "version not told".to_owned(),
            tokens: None,
            context_flag: None,
            streams_flag: None,
            may_simplify: true,
            unlisted: None,
            is_service: false,
            version_in: None,
            stream: Server::plain,
        };
        server.list().map_err(|error| absent(error.to_string()))?;
        Ok(Box::new(server))
    }
}
