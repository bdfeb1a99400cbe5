//! Runtimes on one's own machine: llama-server, vLLM, MLX, Ollama, TabbyAPI.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use data::timings::{DecodeRule, PrefillRule};
use probe::driver::{ModelRef, Need, Options, Request};
use probe::drivers;

use crate::common::{Script, Server};
use crate::{ask, chat, llama, model, options, runtime, text};

#[test]
fn llama_server_completion() {
    let recording = include_str!("../wire/llama-server_gemma3-270m_completion_stream.txt");
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
    let recording = include_str!("../wire/llama-server_gemma3-270m_v1_chat_stream.txt");
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
    assert_eq!(runtime.count_tokens(&models[0], "x", None).unwrap(), Some(4));
    let need = |context_tokens, streams| Need { context_tokens, streams };
    assert!(runtime.prepare(&models[0], need(4096, 2)).is_ok());
    let slots = runtime.prepare(&models[0], need(1280, 8)).unwrap_err();
    assert!(slots.is_limit() && slots.to_string().contains("-np 8"), "{slots}");
    let context = runtime.prepare(&models[0], need(32768, 1)).unwrap_err();
    assert!(context.to_string().contains("-c 32768"), "{context}");
    assert!(!serde_json::to_string(&models).unwrap().contains("somebody"));
}

/// A real server's replies, as they were and with one of its slots at work.
#[test]
fn llama_server_tells_whether_somebody_else_uses_it() {
    const PROPS: &str = include_str!("../wire/llama-server_gemma3-270m_props.json");
    const SLOTS: &str = include_str!("../wire/llama-server_gemma3-270m_slots.json");
    let at_work = SLOTS.replacen("\"is_processing\":false", "\"is_processing\":true", 1);
    assert_ne!(at_work, SLOTS);
    let kept = r#"{"error":{"code":501,"message":"This server does not support slots endpoint.","type":"not_supported_error"}}"#;
    for (status, slots, is_busy) in
        [(200, SLOTS.to_owned(), false), (200, at_work, true), (501, kept.to_owned(), false)]
    {
        let server = Server::start(move |asked| match asked.line.as_str() {
            "GET /props" => Script::json(PROPS),
            "GET /slots" => Script::status(status, &slots),
            _ => Script::status(404, "{}"),
        });
        let runtime = runtime("llama.cpp", &server);
        assert_eq!(runtime.version(), "b0-0c1e57098");
        assert_eq!(runtime.is_busy(), is_busy, "{status}");
    }
}

#[test]
fn vllm_counts_its_cache_in_metrics() {
    let asked_metrics = AtomicU32::new(0);
    let recording = include_str!("../wire/vllm_v1_completions_stream.txt");
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

/// A server before whose tokenizer a proxy stands, and one that keeps it to itself.
#[test]
fn vllm_without_a_tokenizer_is_calibrated() {
    for status in [404, 405] {
        let server = Server::start(move |asked| match asked.line.as_str() {
            "GET /version" => Script::json(r#"{"version":"0.32.0"}"#),
            "POST /tokenize" => Script::status(status, r#"{"detail":"Not Found"}"#),
            _ => Script::status(500, "nothing else is asked"),
        });
        assert_eq!(runtime("vllm", &server).count_tokens(&model(), "x", None).unwrap(), None, "{status}");
    }
}

/// The counters are asked for before the common start of several streams, not between it and the request.
#[test]
fn vllm_asks_for_its_counters_before_the_start() {
    let recording = include_str!("../wire/vllm_v1_completions_stream.txt");
    let server = Server::start(move |asked| match asked.line.as_str() {
        "GET /version" => Script::json(r#"{"version":"0.32.0"}"#),
        "GET /metrics" => {
            Script::json("vllm:prefix_cache_queries_total 1.0\nvllm:prefix_cache_hits_total 0.0\n")
        }
        _ => Script::recording(recording, 50.0),
    });
    let mut stream = runtime("vllm", &server).stream(&model());
    stream.get_ready();
    let before = server.asked().len();
    assert_eq!(server.asked()[before - 1].line, "GET /metrics");
    stream.run(&text(64)).unwrap();
    assert_eq!(server.asked()[before].line, "POST /v1/completions", "the request is the next thing");
}

/// llama-server answers 503 until its model is loaded.
#[test]
fn a_server_that_loads_is_waited_for() {
    let asked_health = AtomicU32::new(0);
    let server = Server::start(move |asked| match asked.line.as_str() {
        "GET /health" if asked_health.fetch_add(1, Ordering::SeqCst) > 0 => {
            Script::json(r#"{"status":"ok"}"#)
        }
        "GET /props" if asked_health.load(Ordering::SeqCst) > 1 => Script::json(crate::PROPS),
        _ => Script::status(
            503,
            r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#,
        ),
    });
    let driver = drivers::by_name("llama.cpp").unwrap();
    let absent = driver.detect(&options(&server)).err().unwrap();
    assert!(absent.reason.contains("still loading its model"), "{}", absent.reason);
    let patient = Options { patience: Duration::from_secs(30), ..options(&server) };
    let found = driver.detect(&patient).unwrap_or_else(|absent| panic!("{}", absent.reason));
    assert_eq!(found.version(), "b10573-3f545bec");
}

/// A list that begins with a model for embeddings, as Ollama's does in order of time.
#[test]
fn models_for_embeddings_are_told_apart() {
    let tags = |rest: &str| {
        format!(
            r#"{{"models":[{{"name":"nomic-embed-text:latest","details":{{"family":"nomic-bert"}}{rest}}},
                {{"name":"all-minilm:latest","details":{{"family":"bert"}}}},
                {{"name":"vectors:1b","details":{{"family":"qwen3"}},"capabilities":["embedding"]}},
                {{"name":"qwen3:8b","details":{{"family":"qwen3"}},"capabilities":["completion","tools"]}},
                {{"name":"old:8b","details":{{"family":"llama"}}}}]}}"#
        )
    };
    for rest in ["", r#","capabilities":["embedding"]"#] {
        let list = tags(rest);
        let server = Server::start(move |asked| match asked.line.as_str() {
            "GET /api/version" => Script::json(r#"{"version":"0.33.0"}"#),
            _ => Script::json(&list),
        });
        let models = runtime("ollama", &server).models().unwrap();
        let text: Vec<&str> =
            models.iter().filter(|model| model.makes_text()).map(|model| model.id.as_str()).collect();
        assert_eq!(text, ["qwen3:8b", "old:8b"]);
    }
    for name in ["text-embedding-nomic-embed-text-v1.5", "Qwen3-Reranker-8B", "whisper-large-v3"] {
        let named = ModelRef { id: name.to_owned(), ..ModelRef::default() };
        assert!(!named.makes_text(), "{name}");
    }
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
    let recording = include_str!("../wire/mlx_lm_server_v1_chat_stream.txt");
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
    found.prepare(&models[0], Need { context_tokens: 8192, streams: 1 }).unwrap();
    let timings = found.stream(&models[0]).run(&text(20)).unwrap().timings;
    assert_eq!((timings.prompt_tokens, timings.cached_tokens, timings.output_tokens), (128, Some(64), 20));
    let engine = timings.engine.unwrap();
    assert_eq!(engine.decode_tps(), Some(10.0), "19 tokens after the first in 1.9 s");
    assert_eq!(engine.prefill_tps(), Some(200.0), "only computed tokens count");
    let body: serde_json::Value = serde_json::from_str(&server.asked().pop().unwrap().body).unwrap();
    assert_eq!(
        (&body["raw"], &body["options"]["num_ctx"]),
        (&true.into(), &8704.into()),
        "a sixteenth more than the need"
    );
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
    assert_eq!(runtime("exllama", &server).count_tokens(&model(), "x", None).unwrap(), Some(3));
    let timings = ask("exllama", &server, &text(2)).unwrap().timings;
    assert_eq!(timings.cached_tokens, Some(200), "800 new tokens in 0.4 s at 2,000 tok/s");
    assert_eq!(timings.prefill_tps(), Some((2000.0, PrefillRule::Engine)));
    assert_eq!(timings.engine.unwrap().decode_tps(), Some(40.0));
    assert!(server.asked()[0].headers.contains("Authorization: Bearer key"));
}

/// What a model cannot hold is known before anything is run; what it is run with has room for a prompt that misses its length.
#[test]
fn ollama_tells_its_models_context_and_gets_a_margin() {
    let server = Server::start(|asked| match asked.line.as_str() {
        "GET /api/version" => Script::json(r#"{"version":"0.12.0"}"#),
        "POST /api/show" => Script::json(r#"{"model_info":{"llama.context_length":8192}}"#),
        _ => Script::lines(
            1,
            &[
                r#"{"response":"a","done":false}"#.to_owned(),
                r#"{"response":"","done":true,"prompt_eval_count":9,"eval_count":1}"#.to_owned(),
            ],
        ),
    });
    let mut runtime = runtime("ollama", &server);
    let need = |context_tokens| Need { context_tokens, streams: 1 };
    assert!(runtime.fits(&model(), need(8192)).is_ok());
    assert!(runtime.fits(&model(), need(8193)).unwrap_err().is_limit());
    for (context_tokens, num_ctx) in [(384, 448), (5120, 5440), (8192, 8192)] {
        runtime.prepare(&model(), need(context_tokens)).unwrap();
        runtime.stream(&model()).run(&text(1)).unwrap();
        let asked = server.asked().pop().unwrap().body;
        assert!(asked.contains(&format!("\"num_ctx\":{num_ctx}")), "{context_tokens}: {asked}");
    }
    let shown = server.asked().iter().filter(|asked| asked.line == "POST /api/show").count();
    assert_eq!(shown, 1, "asked once");
}
