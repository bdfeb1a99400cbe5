//! Hosted services, used when their key stands in the environment. They count their own tokens; some tell their clock.

use crate::driver::{Absent, Driver, Options, Runtime};
use crate::wire::ask;
use crate::wire::openai::{Dialect, Route};
use crate::wire::server::Server;

/// One service.
pub struct Hosted {
    name: &'static str,
    address: &'static str,
    key: &'static str,
    hint: &'static str,
    max_tokens: &'static str,
}

/// OpenRouter: the provider behind it varies and is recorded.
pub const OPENROUTER: Hosted = Hosted {
    name: "openrouter",
    address: "https://openrouter.ai/api",
    key: "OPENROUTER_API_KEY",
    hint: "set OPENROUTER_API_KEY",
    max_tokens: "max_tokens",
};

/// Together.
pub const TOGETHER: Hosted = Hosted {
    name: "together",
    address: "https://api.together.xyz",
    key: "TOGETHER_API_KEY",
    hint: "set TOGETHER_API_KEY",
    max_tokens: "max_tokens",
};

/// Fireworks.
pub const FIREWORKS: Hosted = Hosted {
    name: "fireworks",
    address: "https://api.fireworks.ai/inference",
    key: "FIREWORKS_API_KEY",
    hint: "set FIREWORKS_API_KEY",
    max_tokens: "max_tokens",
};

/// Groq: its own clock rides on the last chunk.
pub const GROQ: Hosted = Hosted {
    name: "groq",
    address: "https://api.groq.com/openai",
    key: "GROQ_API_KEY",
    hint: "set GROQ_API_KEY",
    max_tokens: "max_completion_tokens",
};

/// OpenAI: reasoning is hidden, so the first token is the first visible one.
pub const OPENAI: Hosted = Hosted {
    name: "openai",
    address: "https://api.openai.com",
    key: "OPENAI_API_KEY",
    hint: "set OPENAI_API_KEY",
    max_tokens: "max_completion_tokens",
};

impl Driver for Hosted {
    fn name(&self) -> &'static str {
        self.name
    }

    fn is_hosted(&self) -> bool {
        true
    }

    fn detect(&self, options: &Options) -> Result<Box<dyn Runtime>, Absent> {
        let absent = |reason: String| Absent { reason, hint: self.hint };
        let Some(key) = options.key(self.key) else { return Err(absent(options.keyless(self.key))) };
        // Nothing is asked of it here: to look costs nothing and tells nobody.
        let url = options.address(self.address).map_err(|error| absent(error.to_string()))?;
        Ok(Box::new(Server {
            url,
            headers: ask::bearer(Some(&key)),
            dialect: Dialect {
                prefix: "/v1",
                text_route: Route::Chat,
                max_tokens: self.max_tokens,
                force_length: false,
                usage_each_chunk: false,
                cache_switch: false,
                template_switch: false,
                refused: Vec::new(),
            },
            version: "hosted".to_owned(),
            tokens: None,
            context_flag: None,
            streams_flag: None,
            may_simplify: false,
            unlisted: None,
            is_service: true,
            version_in: None,
            stream: Server::plain,
        }))
    }
}
