//! A server that speaks the OpenAI form: what its drivers have in common.

use std::time::Instant;

use serde_json::{Value, json};

use super::ask;
use super::openai::{self, Dialect, Route};
use crate::driver::{DriverError, Env, ModelRef, Need, Reply, Request, Runtime, Stream};
use crate::http::{Connection, HttpError, Timeouts, Url};
use crate::model_folder;

/// A route that counts the tokens of a text.
#[derive(Clone, Copy, Debug)]
pub struct TokenRoute {
    /// Where it is.
    pub resource: &'static str,
    /// Field for the text.
    pub text: &'static str,
    /// Field with the count.
    pub count: &'static str,
}

/// One server.
#[derive(Clone, Debug)]
pub struct Server {
    /// Where it is.
    pub url: Url,
    /// Header fields for every request.
    pub headers: Vec<(String, String)>,
    /// How it wants to be asked.
    pub dialect: Dialect,
    /// What it says of its version.
    pub version: String,
    /// Its tokenizer, where it offers one.
    pub tokens: Option<TokenRoute>,
    /// The flag that would give it a longer context.
    pub context_flag: Option<&'static str>,
    /// What sets how many streams it works on at once.
    pub streams_flag: Option<&'static str>,
    /// Whether a refusal of our fields is answered by asking once more in the plainest form.
    pub may_simplify: bool,
    /// The name that it serves its model by where its list comes empty.
    pub unlisted: Option<&'static str>,
    /// Whether it is a service, whose machines nobody here knows, by whatever address it is reached.
    pub is_service: bool,
    /// How its version is read from a reply's extras, where it tells it nowhere else.
    pub version_in: Option<fn(&Value) -> Option<String>>,
    /// How a stream is made: [`Server::plain`], or one that asks it for more.
    pub stream: fn(&Server, &ModelRef) -> Box<dyn Stream>,
}

impl Server {
    /// Its list of models.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn list(&self) -> Result<Vec<ModelRef>, DriverError> {
        let resource = format!("{}/models", self.dialect.prefix);
        let (text, told) = ask::get_typed(&self.url, &self.headers, Timeouts::QUICK, &resource)?;
        if let Some(name) = self.unlisted.filter(|_| text.trim().is_empty()) {
            return Ok(vec![ModelRef { id: name.to_owned(), ..ModelRef::default() }]);
        }
        let list: Value = ask::read(&resource, &told, &text)?;
        // Together answers with the bare list.
        let entries = list.get("data").unwrap_or(&list).as_array().cloned();
        let entries =
            entries.ok_or_else(|| DriverError::UnknownReply(format!("{resource} holds no list")))?;
        // Only files of this machine can be read; a server elsewhere names its own.
        let env = Env::default();
        let here = |entry: &Value, model: &ModelRef| {
            let root = entry.get("root").and_then(Value::as_str);
            root.into_iter().chain([model.id.as_str()]).find_map(|name| model_folder::find(name, env))
        };
        let with_folder = |entry: &Value| {
            let mut model = model(entry)?;
            model.folder = here(entry, &model).filter(|_| self.url.is_loopback());
            Some(model)
        };
        Ok(entries.iter().filter_map(with_folder).collect())
    }

    /// A stream of the common kind.
    pub fn plain(&self, model: &ModelRef) -> Box<dyn Stream> {
        Box::new(self.open(model))
    }

    /// The same, for one that adds to it.
    pub fn open(&self, model: &ModelRef) -> ServerStream {
        ServerStream {
            connection: Connection::new(self.url.clone(), self.headers.clone(), Timeouts::WORKLOAD),
            dialect: self.dialect.clone(),
            model: model.id.clone(),
            may_simplify: self.may_simplify,
        }
    }
}

fn model(entry: &Value) -> Option<ModelRef> {
    let number = |key: &str| entry.get(key).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
    Some(ModelRef {
        id: entry.get("id")?.as_str()?.to_owned(),
        context_tokens: ["max_model_len", "context_length", "max_context_length", "context_window"]
            .iter()
            .find_map(|key| number(key)),
        quant: entry.get("quantization").and_then(Value::as_str).map(str::to_owned),
        ..ModelRef::default()
    })
}

impl Runtime for Server {
    fn version(&self) -> String {
        self.version.clone()
    }

    fn place(&self) -> String {
        self.url.authority()
    }

    fn is_here(&self) -> bool {
        !self.is_service && self.url.is_here()
    }

    fn version_in(&self, extras: &Value) -> Option<String> {
        self.version_in.and_then(|read| read(extras))
    }

    fn models(&self) -> Result<Vec<ModelRef>, DriverError> {
        self.list()
    }

    fn streams_flag(&self) -> Option<&'static str> {
        self.streams_flag
    }

    fn prepare(&mut self, model: &ModelRef, need: Need) -> Result<(), DriverError> {
        self.fits(model, need)
    }

    fn fits(&self, model: &ModelRef, need: Need) -> Result<(), DriverError> {
        let wanted = need.context_tokens;
        match (model.context_tokens, self.context_flag) {
            (Some(limit), flag) if limit < wanted => Err(DriverError::Limit(match flag {
                Some(flag) => format!(
                    "the context is {limit} tokens, {wanted} are needed; start it with {flag} {wanted}"
                ),
                None => format!("the context is {limit} tokens, {wanted} are needed"),
            })),
            _ => Ok(()),
        }
    }

    fn count_tokens(
        &self,
        model: &ModelRef,
        text: &str,
        until: Option<Instant>,
    ) -> Result<Option<u32>, DriverError> {
        let Some(route) = self.tokens else { return Ok(None) };
        let body = json!({"model": model.id, (route.text): text});
        let timeouts = Timeouts::PATIENT.until(until);
        let answer: Value = match ask::post(&self.url, &self.headers, timeouts, route.resource, &body) {
            // A proxy, or a version that keeps its tokenizer to itself.
            Err(DriverError::Http(HttpError::Status { status: 404 | 405 | 501, .. })) => return Ok(None),
            answer => answer?,
        };
        let count = answer.get(route.count).and_then(Value::as_u64);
        let count = count.ok_or_else(|| {
            DriverError::UnknownReply(format!("{} holds no {}", route.resource, route.count))
        })?;
        Ok(u32::try_from(count).ok())
    }

    fn stream(&self, model: &ModelRef) -> Box<dyn Stream> {
        (self.stream)(self, model)
    }
}

/// One connection to such a server.
pub struct ServerStream {
    connection: Connection,
    dialect: Dialect,
    model: String,
    may_simplify: bool,
}

impl Stream for ServerStream {
    fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    fn run(&mut self, request: &Request) -> Result<Reply, DriverError> {
        match openai::run(&mut self.connection, &mut self.dialect, &self.model, request) {
            Err(DriverError::Http(HttpError::Status { status: 400 | 404 | 422, .. }))
                if self.may_simplify =>
            {
                self.may_simplify = false;
                self.dialect.force_length = false;
                self.dialect.template_switch = false;
                self.dialect.usage_each_chunk = false;
                self.dialect.text_route = Route::Chat;
                openai::run(&mut self.connection, &mut self.dialect, &self.model, request)
            }
            result => result,
        }
    }
}
