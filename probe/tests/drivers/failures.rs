//! Runtimes that fail, refuse, or are not there.

use std::time::{Duration, Instant};

use probe::driver::{DriverError, Env, Options};
use probe::drivers;
use probe::http::Url;
use probe::measure::Bench;

use crate::common::{End, Script, Server};
use crate::{ask, chat, llama, model, runtime, text};

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

/// The words of a server and of a system stand on standard error; the run, which is published, has ours alone.
#[test]
fn what_a_server_says_stays_out_of_the_run() {
    let secret = "failed to open /home/SECRET/model.gguf on SECRET-HOST";
    let token = r#"{"index":0,"content":" the","tokens":[506],"stop":false,"tokens_predicted":1}"#;
    let broken = format!(r#"{{"error":{{"code":500,"message":"{secret}"}}}}"#);
    let odd = format!(r#"{{"index":"{secret}","content":7}}"#);
    for (script, expected) in [
        (Script::status(500, &broken), "the server answered 500"),
        (Script::events(1, &[token, &broken]), "the runtime broke off its answer with an error"),
        (Script::events(1, &[token, &odd]), "the answer cannot be read"),
    ] {
        let error = ask("llama.cpp", &llama(script), &text(32)).unwrap_err();
        assert_eq!(error.published(), expected, "{error}");
    }
    let elsewhere = Options {
        base_url: Some(Url::parse("http://127.0.0.1:9").unwrap()),
        api_key: Some("key".to_owned()),
        ..Options::default()
    };
    let nobody = drivers::by_name("groq").unwrap().detect(&elsewhere).ok().unwrap();
    let gone = nobody.stream(&model()).run(&text(1)).unwrap_err();
    assert!(gone.to_string().contains("127.0.0.1:9"), "{gone}");
    assert_eq!(gone.published(), "nothing listens there");
    let ended = DriverError::Process(secret.to_owned());
    assert!(!ended.published().contains("SECRET"), "{}", ended.published());
}

/// A path in a reply's `model` is cut to its last part before anything keeps it.
#[test]
fn a_path_in_a_reply_is_not_kept() {
    let server = Server::start(|_| {
        Script::events(
            1,
            &[
                r#"{"model":"/home/SECRET/Qwen3-8B","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}"#,
                r#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":1},"metrics":{"log":"C:\\Users\\SECRET\\x"}}"#,
            ],
        )
    });
    let reply = ask("groq", &server, &chat(1)).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((&reply.extras["model"], &reply.extras["metrics"]["log"]), (&"Qwen3-8B".into(), &"x".into()));
}

/// What answers is no such server: a page for signing in, an address that has moved, an answer in one piece.
#[test]
fn what_is_no_stream_is_told_by_its_status_and_type() {
    let typed = |status, content_type, text: &str| Script { content_type, ..Script::status(status, text) };
    for (script, expected) in [
        (typed(200, "text/html", "<html><body>Sign in</body></html>"), "200 with text/html, where a stream"),
        (typed(302, "text/html", ""), "302 with text/html, where a stream"),
        (
            typed(
                200,
                "application/json; charset=utf-8",
                r#"{"choices":[{"message":{"content":"w"}}],"usage":{}}"#,
            ),
            "200 with application/json, where a stream",
        ),
    ] {
        let error = ask("groq", &Server::start(move |_| script.clone()), &text(8)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error:?} instead of {expected:?}");
    }
    let page = typed(200, "text/html", "<html>");
    let error = runtime("groq", &Server::start(move |_| page.clone())).models().unwrap_err().to_string();
    assert!(error.contains("/v1/models: 200 with text/html"), "{error}");
}

/// Without usage the rates are still the stream's own.
#[test]
fn a_server_that_counts_nothing_is_still_timed() {
    let token = r#"{"choices":[{"index":0,"delta":{"content":"w"},"finish_reason":null}]}"#;
    let server = Server::start(move |_| Script::events(2, &[token, token, token, token, "[DONE]"]));
    let timings = ask("groq", &server, &text(4)).unwrap().timings;
    assert_eq!((timings.prompt_tokens, timings.output_tokens, timings.chunks.len()), (0, 4, 4));
    assert!(timings.ttft_ms().is_some() && timings.decode_tps().is_some());
}

/// Services that take no temperature of 0 are asked without one, and without nothing else.
#[test]
fn a_field_that_is_refused_by_name_is_left_out() {
    let refusal = r#"{"error":{"message":"Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) value is supported.","param":"temperature","code":"unsupported_value"}}"#;
    let server = Server::start(move |asked| {
        if asked.body.contains("temperature") {
            return Script::status(400, refusal);
        }
        Script::events(
            1,
            &[
                r#"{"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]}"#,
                r#"{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":1}}"#,
            ],
        )
    });
    let mut stream = runtime("openai", &server).stream(&model());
    assert!(stream.run(&text(8)).is_ok() && stream.run(&text(8)).is_ok());
    let asked = server.asked();
    assert_eq!(asked.len(), 3, "refused once, then remembered");
    assert!(asked[2].body.contains("stream_options") && asked[2].body.contains("max_completion_tokens"));
    // One that names no field of ours is passed on.
    let stubborn = Server::start(|_| Script::status(400, r#"{"error":{"message":"bad request"}}"#));
    let error = ask("openai", &stubborn, &text(8)).unwrap_err().to_string();
    assert!(error.contains("400: bad request") && stubborn.asked().len() == 1, "{error}");
}

#[test]
fn anthropic_is_asked_without_a_temperature_that_it_refuses() {
    let server = Server::start(|asked| {
        if asked.body.contains("temperature") {
            let refusal = r#"{"type":"error","error":{"type":"invalid_request_error","message":"temperature is not supported with this model"}}"#;
            return Script::status(400, refusal);
        }
        Script::events(
            1,
            &[
                r#"{"type":"message_start","message":{"model":"claude-x","usage":{"input_tokens":25}}}"#,
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}"#,
                r#"{"type":"message_delta","delta":{"stop_reason":"max_tokens"},"usage":{"output_tokens":1}}"#,
                r#"{"type":"message_stop"}"#,
            ],
        )
    });
    let mut stream = runtime("anthropic", &server).stream(&model());
    assert!(stream.run(&text(1)).is_ok() && stream.run(&text(1)).is_ok());
    assert_eq!(server.asked().len(), 3, "refused once, then remembered");
}

/// A key that was typed serves where none stands in the environment, and goes before one that does.
#[test]
fn a_typed_key_is_used_by_hosted_services_too() {
    for (name, header) in [("groq", "Authorization: Bearer typed"), ("anthropic", "x-api-key: typed")] {
        for env in [Env(|_| None), Env(|_| Some("from-the-environment".to_owned()))] {
            let server = Server::start(|_| Script::json(r#"{"data":[{"id":"m"}]}"#));
            let options = Options {
                base_url: Some(Url::parse(&server.url).unwrap()),
                api_key: Some("typed".to_owned()),
                env,
                ..Options::default()
            };
            let found = drivers::by_name(name).unwrap().detect(&options);
            found.unwrap_or_else(|absent| panic!("{}", absent.reason)).models().unwrap();
            assert!(server.asked()[0].headers.contains(header), "{name}: {}", server.asked()[0].headers);
        }
    }
}

/// A tokenizer that takes the question and never answers is given up when the run's time is.
#[test]
fn a_tokenizer_that_hangs_is_given_up() {
    let server = Server::start(|asked| match asked.line.as_str() {
        "GET /version" => Script::json(r#"{"version":"0.32.0"}"#),
        _ => Script { pieces: Vec::new(), ..Script::json("") }.ending(End::Hang),
    });
    let begun = Instant::now();
    let until = Some(begun + Duration::from_millis(600));
    let error = runtime("vllm", &server).count_tokens(&model(), "x", until).unwrap_err();
    assert!(error.is_out_of_time() && begun.elapsed() < Duration::from_secs(10), "{error}");
    assert!(Bench::lengths(&*runtime("vllm", &server), &model(), "x", until).is_err());
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
