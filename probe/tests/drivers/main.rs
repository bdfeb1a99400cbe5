//! Every driver against replies as its runtime sends them, and against runtimes that fail.

#[path = "../common/mod.rs"]
mod common;
mod failures;
mod hosted;
mod local;

use common::{Script, Server};
use probe::driver::{DriverError, Env, Message, ModelRef, Options, Prompt, Reply, Request, Runtime};
use probe::drivers;
use probe::http::Url;

fn options(server: &Server) -> Options {
    Options {
        base_url: Some(Url::parse(&server.url).unwrap()),
        api_key: Some("key".to_owned()),
        env: Env(|_| Some("env-key".to_owned())),
        ..Options::default()
    }
}

fn runtime(name: &str, server: &Server) -> Box<dyn Runtime> {
    match drivers::by_name(name).unwrap().detect(&options(server)) {
        Ok(runtime) => runtime,
        Err(absent) => panic!("{name}: {}", absent.reason),
    }
}

fn text(output_tokens: u32) -> Request {
    let prompt = Prompt::Text("The history of the printing press".to_owned());
    Request { prompt, output_tokens, reuse_cache: false, no_reasoning: false, until: None }
}

fn chat(output_tokens: u32) -> Request {
    let prompt = Prompt::Chat(vec![Message { role: "user", content: "Hello".to_owned() }]);
    Request { prompt, ..text(output_tokens) }
}

fn model() -> ModelRef {
    ModelRef { id: "m".to_owned(), ..ModelRef::default() }
}

fn ask(name: &str, server: &Server, request: &Request) -> Result<Reply, DriverError> {
    runtime(name, server).stream(&model()).run(request)
}

const PROPS: &str = r#"{"default_generation_settings":{"n_ctx":4096},"total_slots":2,"model_alias":"m","model_ftype":"Q4_K - Medium",
    "model_path":"/home/somebody/models/m.gguf","build_info":"b10573-3f545bec"}"#;

fn llama(reply: Script) -> Server {
    Server::start(move |asked| match asked.line.as_str() {
        "GET /props" => Script::json(PROPS),
        "GET /v1/models" => Script::json(
            r#"{"data":[{"id":"m","meta":{"n_ctx_train":32768,"n_params":268098176,"size":246587904,"ftype":"Q4_K - Medium"}}]}"#,
        ),
        "POST /tokenize" => Script::json(r#"{"tokens":[2,669,4028,529]}"#),
        _ => reply.clone(),
    })
}
