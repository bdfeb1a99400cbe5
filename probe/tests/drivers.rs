//! Every driver against replies as its runtime sends them, and against runtimes that fail.

mod common;

use std::sync::atomic::{AtomicU32, Ordering};

use common::{End, Script, Server};
use data::timings::{DecodeRule, PrefillRule};
use probe::driver::{DriverError, Env, Message, ModelRef, Options, Prompt, Reply, Request, Runtime};
use probe::drivers;
use probe::http::Url;

fn options(server: &Server) -> Options {
    Options {
        base_url: Some(Url::parse(&server.url).unwrap()),
        env: Env(|_| Some("key".to_owned())),
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

#[test]
fn llama_server_completion() {
    let recording = include_str!("wire/llama-server_gemma3-270m_completion_stream.txt");
    let server = llama(Script::recording(recording, 1.0));
    let reply = ask("llama.cpp", &server, &text(32)).unwrap();
    let timings = &reply.timings;
    assert_eq!((timings.prompt_tokens, timings.cached_tokens, timings.output_tokens), (14, Some(0), 32));
    assert_eq!(timings.chunks.len(), 32);
    assert!(timings.chunk_tokens_known);
    let engine = timings.engine.as_ref().unwrap();
    assert_eq!(engine.rule, DecodeRule::AllButFirst);
    assert!((engine.decode_tps().unwrap() - 38.012).abs() < 0.001);
    // Played at the recorded pace, our clock agrees with the engine's, as it did when it was recorded; sleeping is coarse.
    let gap = timings.clock_gap().unwrap();
    assert!(gap.abs() < 0.1, "{gap}");
    assert_eq!(reply.extras["stop_type"], "limit");
    let asked = server.asked().pop().unwrap();
    let body: serde_json::Value = serde_json::from_str(&asked.body).unwrap();
    assert_eq!((&body["ignore_eos"], &body["cache_prompt"]), (&true.into(), &false.into()));
}

#[test]
fn llama_server_chat_begins_with_an_empty_role() {
    let recording = include_str!("wire/llama-server_gemma3-270m_v1_chat_stream.txt");
    let server = llama(Script::recording(recording, 20.0).in_writes_of(97));
    let reply = ask("llama.cpp", &server, &chat(32)).unwrap();
    assert_eq!((reply.timings.prompt_tokens, reply.timings.output_tokens), (37, 32));
    assert_eq!(reply.timings.chunks.len(), 32, "the role chunk is no token");
    assert_eq!(reply.timings.engine.unwrap().prompt_tokens, Some(37));
}

#[test]
fn llama_server_tells_its_limits_and_keeps_its_paths() {
    let server = llama(Script::json("{}"));
    let mut runtime = runtime("llama.cpp", &server);
    let models = runtime.models().unwrap();
    assert_eq!((models[0].id.as_str(), models[0].context_tokens), ("m", Some(32768)));
    assert_eq!(runtime.count_tokens(&models[0], "x").unwrap(), Some(4));
    let need = |context_tokens, streams| probe::driver::Need { context_tokens, streams };
    assert!(runtime.prepare(&models[0], need(4096, 2)).is_ok());
    let slots = runtime.prepare(&models[0], need(1280, 8)).unwrap_err();
    assert!(slots.is_limit() && slots.to_string().contains("-np 8"), "{slots}");
    let context = runtime.prepare(&models[0], need(32768, 1)).unwrap_err();
    assert!(context.to_string().contains("-c 32768"), "{context}");
    assert!(!serde_json::to_string(&models).unwrap().contains("somebody"));
}

#[test]
fn vllm_counts_its_cache_in_metrics() {
    let asked_metrics = AtomicU32::new(0);
    let recording = include_str!("wire/vllm_v1_completions_stream.txt");
    let server = Server::start(move |asked| match asked.line.as_str() {
        "GET /version" => Script::json(r#"{"version":"0.32.0"}"#),
        "GET /metrics" => {
            // Before and after: this request asked for 256 tokens and found 128.
            let (queries, hits) =
                if asked_metrics.fetch_add(1, Ordering::SeqCst) == 0 { (256, 0) } else { (512, 128) };
            Script::json(&format!(
                "vllm:prefix_cache_queries_total{{engine=\"0\"}} {queries}.0\nvllm:prefix_cache_hits_total{{engine=\"0\"}} {hits}.0\n"
            ))
        }
        _ => Script::recording(recording, 20.0),
    });
    let reply = ask("vllm", &server, &text(64)).unwrap();
    assert_eq!((reply.timings.prompt_tokens, reply.timings.output_tokens), (256, 64));
    assert_eq!(reply.timings.cached_tokens, Some(128));
    assert_eq!(reply.timings.prefix_cache_hit_rate(), Some(0.5));
    assert_eq!(reply.timings.prefill_tps().unwrap().1, PrefillRule::TimeToFirstToken);
    let body: serde_json::Value = serde_json::from_str(&server.asked()[2].body).unwrap();
    assert_eq!(body["min_tokens"], 64);
    assert_eq!(body["stream_options"]["continuous_usage_stats"], true);
}

#[test]
fn usage_with_each_chunk_tells_how_many_tokens_it_holds() {
    let chunk = |text: &str, so_far: u32| {
        format!(
            r#"{{"choices":[{{"index":0,"text":"{text}","finish_reason":null}}],"usage":{{"prompt_tokens":9,"completion_tokens":{so_far}}}}}"#
        )
    };
    let events = [
        chunk("a b c", 3),
        chunk("d", 4),
        chunk("e f g h", 8),
        r#"{"choices":[{"index":0,"text":"","finish_reason":"length"}],"usage":{"prompt_tokens":9,"completion_tokens":8}}"#.to_owned(),
        r#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":8}}"#.to_owned(),
        "[DONE]".to_owned(),
    ];
    let server = Server::start(move |asked| match asked.line.as_str() {
        "GET /version" => Script::json(r#"{"version":"0.32.0"}"#),
        "GET /metrics" => Script::status(404, ""),
        _ => Script::events(2, &events.iter().map(String::as_str).collect::<Vec<_>>()),
    });
    let timings = ask("vllm", &server, &text(8)).unwrap().timings;
    assert_eq!(timings.chunks.iter().map(|chunk| chunk.tokens).collect::<Vec<_>>(), [3, 1, 4]);
    assert!(timings.chunk_tokens_known);
    assert_eq!(timings.timed_tokens(), 5, "the bundled first chunk is outside the clock");
    assert_eq!(timings.cached_tokens, None);
}

#[test]
fn mlx_keeps_alive_with_comments() {
    let recording = include_str!("wire/mlx_lm_server_v1_chat_stream.txt");
    let server = Server::start(move |_| Script::recording(recording, 50.0).in_writes_of(31));
    // It is recognised by a header that this server does not send; any server of the form reads the same.
    let server_of_the_form = Server::start(move |asked| match asked.line.as_str() {
        "GET /v1/models" => Script::json(r#"{"object":"list","data":[{"id":"m","object":"model"}]}"#),
        _ => Script::recording(recording, 50.0).in_writes_of(31),
    });
    assert!(drivers::by_name("mlx").unwrap().detect(&options(&server)).is_err());
    let reply = ask("openai-compatible", &server_of_the_form, &chat(16)).unwrap();
    assert_eq!((reply.timings.prompt_tokens, reply.timings.output_tokens), (80, 16));
    assert_eq!(reply.timings.cached_tokens, Some(0));
    assert_eq!(reply.timings.chunks.len(), 16);
}

fn ollama_lines(tokens: u32, done: &str) -> Vec<String> {
    let mut lines: Vec<String> = (0..tokens)
        .map(|n| format!(r#"{{"model":"llama3.2:3b","created_at":"2026-08-22T10:00:00Z","response":" t{n}","done":false}}"#))
        .collect();
    lines.push(format!(
        r#"{{"model":"llama3.2:3b","response":"","done":true,"done_reason":"length",{done}}}"#
    ));
    lines
}

fn ollama(lines: Vec<String>) -> Server {
    Server::start(move |asked| match asked.line.as_str() {
        "GET /api/version" => Script::json(r#"{"version":"0.33.0-rc2"}"#),
        "GET /api/tags" => Script::json(
            r#"{"models":[{"name":"llama3.2:3b","model":"llama3.2:3b","size":2019393189,"digest":"a80c4f17acd5","details":{"format":"gguf","quantization_level":"Q4_K_M"}}]}"#,
        ),
        "POST /api/show" => Script::json(r#"{"model_info":{"llama.context_length":131072}}"#),
        _ => Script::lines(1, &lines),
    })
}

#[test]
fn ollama_counts_nanoseconds() {
    let done = r#""total_duration":5191566416,"load_duration":2154458,"prompt_eval_count":128,"prompt_eval_cached_count":64,"prompt_eval_duration":320000000,"eval_count":20,"eval_duration":1900000000"#;
    let server = ollama(ollama_lines(20, done));
    let mut found = runtime("ollama", &server);
    assert_eq!(found.version(), "0.33.0-rc2");
    let models = found.models().unwrap();
    assert_eq!(
        (models[0].quant.as_deref(), models[0].digest.as_deref()),
        (Some("Q4_K_M"), Some("a80c4f17acd5"))
    );
    found.prepare(&models[0], probe::driver::Need { context_tokens: 8192, streams: 1 }).unwrap();
    let timings = found.stream(&models[0]).run(&text(20)).unwrap().timings;
    assert_eq!((timings.prompt_tokens, timings.cached_tokens, timings.output_tokens), (128, Some(64), 20));
    let engine = timings.engine.unwrap();
    assert_eq!(engine.decode_tps(), Some(10.0), "19 tokens after the first in 1.9 s");
    assert_eq!(engine.prefill_tps(), Some(200.0), "only computed tokens count");
    let body: serde_json::Value = serde_json::from_str(&server.asked().pop().unwrap().body).unwrap();
    assert_eq!((&body["raw"], &body["options"]["num_ctx"]), (&true.into(), &8192.into()));
}

#[test]
fn ollama_without_a_cached_count_gives_a_prefill_rate_only_for_new_prompts() {
    let done = r#""prompt_eval_count":128,"prompt_eval_duration":1000000,"eval_count":20,"eval_duration":1900000000"#;
    let server = ollama(ollama_lines(20, done));
    let again = Request { reuse_cache: true, ..text(20) };
    assert_eq!(
        ask("ollama", &server, &again).unwrap().timings.prefill_tps(),
        None,
        "128,000 tok/s would be a lie"
    );
    assert!(ask("ollama", &server, &text(20)).unwrap().timings.prefill_tps().is_some());
}

#[test]
fn ollama_thinks_first() {
    let mut lines: Vec<String> = (0..5)
        .map(|n| {
            format!(r#"{{"message":{{"role":"assistant","content":"","thinking":" hm{n}"}},"done":false}}"#)
        })
        .collect();
    lines.extend(
        (0..5).map(|n| format!(r#"{{"message":{{"role":"assistant","content":" so{n}"}},"done":false}}"#)),
    );
    lines.push(r#"{"message":{"role":"assistant","content":""},"done":true,"prompt_eval_count":20,"eval_count":10,"eval_duration":100000000}"#.to_owned());
    let timings = ask("ollama", &ollama(lines), &chat(10)).unwrap().timings;
    assert_eq!(timings.reasoning_tokens, Some(5));
    assert!(timings.first_answer_ms.unwrap() > timings.ttft_ms().unwrap());
}

#[test]
fn tabby_gives_its_own_rates() {
    let server = Server::start(|asked| match asked.line.as_str() {
        "GET /v1/model" => {
            Script::json(r#"{"id":"m","parameters":{"max_seq_len":8192,"cache_mode":"FP16"}}"#)
        }
        "POST /v1/token/encode" => Script::json(r#"{"tokens":[1,2,3],"length":3}"#),
        _ => Script::events(
            1,
            &[
                r#"{"choices":[{"index":0,"text":" a","finish_reason":null}]}"#,
                r#"{"choices":[{"index":0,"text":" b","finish_reason":null}]}"#,
                r#"{"choices":[{"index":0,"text":"","finish_reason":"length"}]}"#,
                r#"{"choices":[],"usage":{"prompt_tokens":1000,"prompt_time":0.4,"prompt_tokens_per_sec":2000.0,"completion_tokens":2,"completion_time":0.05,"completion_tokens_per_sec":40.0,"total_tokens":1002,"total_time":0.45}}"#,
                "[DONE]",
            ],
        ),
    });
    assert_eq!(runtime("exllama", &server).count_tokens(&model(), "x").unwrap(), Some(3));
    let timings = ask("exllama", &server, &text(2)).unwrap().timings;
    assert_eq!(timings.cached_tokens, Some(200), "800 new tokens in 0.4 s at 2,000 tok/s");
    assert_eq!(timings.prefill_tps(), Some((2000.0, PrefillRule::Engine)));
    assert_eq!(timings.engine.unwrap().decode_tps(), Some(40.0));
    assert!(server.asked()[0].headers.contains("Authorization: Bearer key"));
}

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
