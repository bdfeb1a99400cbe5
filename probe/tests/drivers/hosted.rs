//! Hosted services, each with its own additions.

use data::timings::DecodeRule;

use crate::common::{Script, Server};
use crate::{ask, chat, options, text};
use probe::driver::Options;
use probe::drivers;

#[test]
fn groq_brings_its_clock_and_openrouter_its_comments() {
    let server = Server::start(|_| {
        let mut script = Script::events(
            1,
            &[
                r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"x_groq":{"id":"req_1"}}"#,
                r#"{"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}"#,
                r#"{"choices":[{"index":0,"delta":{"content":" there"},"finish_reason":null}]}"#,
                r#"{"choices":[{"index":0,"delta":{},"finish_reason":"length"}],"x_groq":{"id":"req_1","usage":{"queue_time":0.01,"prompt_tokens":100,"prompt_time":0.02,"completion_tokens":50,"completion_time":0.1,"total_tokens":150,"total_time":0.12}}}"#,
                "[DONE]",
            ],
        );
        script.pieces.insert(0, (1, b": OPENROUTER PROCESSING\n\n".to_vec()));
        script
    });
    let reply = ask("groq", &server, &text(50)).unwrap();
    let engine = reply.timings.engine.clone().unwrap();
    assert_eq!((engine.rule, engine.decode_tps()), (DecodeRule::FromPromptEnd, Some(500.0)));
    assert_eq!(engine.prefill_tps(), Some(5000.0));
    assert!(reply.timings.flags(50).contains(&"tokens_bundled"), "2 chunks, 50 tokens");
    let asked = server.asked().pop().unwrap();
    assert_eq!(asked.line, "POST /v1/chat/completions");
    assert!(!asked.body.contains("ignore_eos"), "strict services refuse unknown fields");
    assert!(asked.body.contains("max_completion_tokens"));
}

#[test]
fn reasoning_is_told_apart_in_every_spelling() {
    for field in ["reasoning_content", "reasoning"] {
        let thought =
            format!(r#"{{"choices":[{{"index":0,"delta":{{"{field}":"hm"}},"finish_reason":null}}]}}"#);
        let server = Server::start(move |_| {
            Script::events(
                1,
                &[
                    &thought,
                    &thought,
                    r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"name":"read_file","arguments":""}}]},"finish_reason":null}]}"#,
                    r#"{"choices":[{"index":0,"delta":{"content":"so"},"finish_reason":"stop"}]}"#,
                    r#"{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":4,"completion_tokens_details":{"reasoning_tokens":2}}}"#,
                ],
            )
        });
        let timings = ask("openrouter", &server, &chat(4)).unwrap().timings;
        assert_eq!((timings.output_tokens, timings.reasoning_tokens), (4, Some(2)), "{field}");
        assert_eq!(timings.first_answer_ms, Some(timings.chunks[2].at_ms), "a tool call is an answer");
    }
}

/// OpenAI counts reasoning that it does not send.
#[test]
fn reasoning_that_is_not_sent_is_in_no_rate() {
    let server = Server::start(|_| {
        let word = r#"{"choices":[{"index":0,"delta":{"content":"so "},"finish_reason":null}]}"#;
        let usage = r#"{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":424,"completion_tokens_details":{"reasoning_tokens":400}}}"#;
        let mut events = vec![word; 24];
        events.extend([r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#, usage]);
        Script::events(5, &events)
    });
    let timings = ask("openai", &server, &chat(424)).unwrap().timings;
    assert_eq!((timings.output_tokens, timings.hidden_tokens, timings.timed_tokens()), (424, Some(400), 23));
    let rate = timings.decode_tps().unwrap();
    assert!((rate - 23.0 / timings.span_ms() * 1000.0).abs() < 1e-6, "{rate}");
    let flags = timings.flags(424);
    assert!(flags.contains(&"reasoning_hidden") && !flags.contains(&"tokens_bundled"), "{flags:?}");
}

/// The environment's keys are for the services: an address that was named gets the key that was typed, or none.
#[test]
fn keys_of_the_environment_go_to_their_services_alone() {
    let server = Server::start(|asked| match asked.line.as_str() {
        "GET /v1/model" => Script::json(r#"{"id":"m","parameters":{}}"#),
        _ => Script::json(r#"{"data":[{"id":"m"}]}"#),
    });
    for name in ["openrouter", "together", "fireworks", "groq", "openai", "anthropic", "exllama"] {
        for typed in [None, Some("typed-key")] {
            let options = Options { api_key: typed.map(str::to_owned), ..options(&server) };
            let Ok(runtime) = drivers::by_name(name).unwrap().detect(&options) else {
                assert!(typed.is_none() && name != "exllama", "{name}");
                continue;
            };
            runtime.models().unwrap();
            let headers = server.asked().pop().unwrap().headers.to_ascii_lowercase();
            let sent = headers.contains("authorization") || headers.contains("x-api-key");
            assert_eq!((sent, headers.contains("typed-key")), (typed.is_some(), typed.is_some()), "{name}");
            assert!(!headers.contains("env-key"), "{name}: {headers}");
        }
    }
}

#[test]
fn anthropic_has_a_form_of_its_own() {
    let server = Server::start(|_| {
        Script::events(
            1,
            &[
                r#"{"type":"message_start","message":{"id":"msg_1","model":"claude-x","usage":{"input_tokens":25,"cache_creation_input_tokens":0,"cache_read_input_tokens":100,"output_tokens":1}}}"#,
                r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
                r#"{"type":"ping"}"#,
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}"#,
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" world"}}"#,
                r#"{"type":"content_block_stop","index":0}"#,
                r#"{"type":"message_delta","delta":{"stop_reason":"max_tokens"},"usage":{"output_tokens":15}}"#,
                r#"{"type":"message_stop"}"#,
            ],
        )
    });
    let timings = ask("anthropic", &server, &text(15)).unwrap().timings;
    assert_eq!((timings.prompt_tokens, timings.cached_tokens, timings.output_tokens), (125, Some(100), 15));
    assert_eq!(timings.chunks.len(), 2);
    assert!(server.asked()[0].headers.contains("x-api-key: key"));
}
