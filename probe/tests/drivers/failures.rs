//! Runtimes that fail, refuse, or are not there.

use probe::driver::{Env, Options};
use probe::drivers;
use probe::http::Url;

use crate::common::{End, Script, Server};
use crate::{ask, llama, model, runtime, text};

#[test]
fn failures_are_told_apart() {
    let token = r#"{"index":0,"content":" the","tokens":[506],"stop":false,"tokens_predicted":1}"#;
    let cases: [(Script, &str); 6] = [
        (
            Script::events(1, &[token, token]).ending(End::Cut),
            "the connection was cut while reading the answer",
        ),
        (Script::events(1, &[token, token]), "the stream ended without its closing record"),
        (Script::events(1, &[token, "{\"content\": \"half"]), "malformed chunk"),
        (
            Script::events(1, &[token, r#"{"error":{"code":500,"message":"context shift failed"}}"#]),
            "context shift failed",
        ),
        (
            Script::status(500, r#"{"error":{"message":"slot unavailable"}}"#),
            "the server answered 500: slot unavailable",
        ),
        (Script::status(503, "Loading model"), "503: Loading model"),
    ];
    for (script, expected) in cases {
        let server = llama(script);
        let error = ask("llama.cpp", &server, &text(32)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error:?} instead of {expected:?}");
    }
}

#[test]
fn a_strict_server_is_asked_again_in_the_plainest_form() {
    let server = Server::start(|asked| match asked.line.as_str() {
        "GET /v1/models" => Script::json(r#"{"data":[{"id":"m"}]}"#),
        _ if asked.body.contains("ignore_eos") => Script::status(
            400,
            r#"{"error":{"message":"Unrecognized request argument supplied: ignore_eos"}}"#,
        ),
        _ => Script::events(
            1,
            &[
                r#"{"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]}"#,
                r#"{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":1}}"#,
            ],
        ),
    });
    let runtime = runtime("openai-compatible", &server);
    let mut stream = runtime.stream(&model());
    assert!(stream.run(&text(8)).is_ok());
    assert!(stream.run(&text(8)).is_ok());
    let posts: Vec<_> = server.asked().into_iter().filter(|asked| asked.line.starts_with("POST")).collect();
    assert_eq!(posts.len(), 3, "refused once, then remembered");
}

#[test]
fn a_missing_runtime_is_a_reason_not_an_error() {
    let nothing = Options {
        base_url: Some(Url::parse("http://127.0.0.1:9").unwrap()),
        env: Env(|_| None),
        ..Options::default()
    };
    for driver in drivers::DRIVERS {
        let absent = driver.detect(&nothing).err().unwrap_or_else(|| panic!("{} was found", driver.name()));
        assert!(!absent.reason.is_empty() && !absent.hint.is_empty(), "{}", driver.name());
    }
}
