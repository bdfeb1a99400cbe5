//! Forms that no sample has, written after the print statements of their tools.

use data::paste::{DecodeRule, Flag, Reading, Verdict, read};

/// Text, verdict, and per run decode speed, prefill speed, prompt tokens, output tokens.
pub(crate) type Vector = (&'static str, Verdict, &'static [Values]);
pub(crate) type Values = (Option<f64>, Option<f64>, Option<u64>, Option<u64>);

fn values(reading: &Reading) -> Vec<Values> {
    let of = |run: &data::paste::Run| (run.decode_tps, run.prefill_tps, run.prompt_tokens, run.output_tokens);
    reading.runs.iter().map(of).collect()
}

pub(crate) fn check(vectors: &[Vector]) {
    for (text, verdict, expected) in vectors {
        let reading = read(text.as_bytes());
        assert_eq!(
            (reading.verdict, values(&reading).as_slice()),
            (*verdict, *expected),
            "{text}\n{reading:#?}"
        );
    }
}

#[test]
fn llama_cpp_from_its_first_timings_on() {
    check(&[
        (
            // March 2023: decode alone, per run, no prompt line.
            "llama_print_timings:     load time =  1442.73 ms\nllama_print_timings:   sample time =   127.32 ms /   128 runs   (    0.99 ms per run)\nllama_print_timings:     eval time = 12800.00 ms /   128 runs   (  100.00 ms per run)\nllama_print_timings:    total time = 16000.00 ms\n",
            Verdict::DecodeOnly,
            &[(Some(10.0), None, None, Some(128))],
        ),
        (
            // April 2023: a prompt line, still per run for the output.
            "llama_print_timings:        load time =  1442.73 ms\nllama_print_timings:      sample time =   127.32 ms /   128 runs   (    0.99 ms per run)\nllama_print_timings: prompt eval time =  2000.00 ms /   100 tokens (   20.00 ms per token)\nllama_print_timings:        eval time = 12800.00 ms /   128 runs   (  100.00 ms per run)\nllama_print_timings:       total time = 16500.00 ms\n",
            Verdict::Accepted,
            &[(Some(10.0), Some(50.0), Some(100), Some(128))],
        ),
        (
            // llama-cpp-python with the whole prompt in its cache.
            "Llama.generate: prefix-match hit\n\nllama_print_timings:        load time =    1000.00 ms\nllama_print_timings:      sample time =      10.00 ms /   100 runs   (    0.10 ms per token, 10000.00 tokens per second)\nllama_print_timings: prompt eval time =       0.00 ms /     1 tokens (    0.00 ms per token,      inf tokens per second)\nllama_print_timings:        eval time =    5000.00 ms /   100 runs   (   50.00 ms per token,    20.00 tokens per second)\nllama_print_timings:       total time =    5200.00 ms /   101 tokens\n",
            Verdict::DecodeOnly,
            &[(Some(20.0), None, None, Some(100))],
        ),
        (
            // A prompt alone, as llama-perplexity and `-n 0` print it.
            "llama_perf_context_print:        load time =    1000.00 ms\nllama_perf_context_print: prompt eval time =    1000.00 ms /   512 tokens (    1.95 ms per token,   512.00 tokens per second)\nllama_perf_context_print:        eval time =       0.00 ms /     1 runs   (    0.00 ms per token,      inf tokens per second)\nllama_perf_context_print:       total time =    1100.00 ms /   513 tokens\n",
            Verdict::PrefillOnly,
            &[(None, Some(512.0), Some(512), None)],
        ),
        (
            // A German locale.
            "llama_print_timings: prompt eval time =   2000,00 ms /   100 tokens (   20,00 ms per token,    50,00 tokens per second)\nllama_print_timings:        eval time =  12800,00 ms /   128 runs   (  100,00 ms per token,    10,00 tokens per second)\nllama_print_timings:       total time =  15000,00 ms\n",
            Verdict::Accepted,
            &[(Some(10.0), Some(50.0), Some(100), Some(128))],
        ),
        (
            // Docker's own log file: each line in JSON.
            "{\"log\":\"llama_perf_context_print: prompt eval time =    2000.00 ms /   100 tokens (   20.00 ms per token,    50.00 tokens per second)\\n\",\"stream\":\"stderr\",\"time\":\"2025-01-01T00:00:00Z\"}\n{\"log\":\"llama_perf_context_print:        eval time =   12800.00 ms /   128 runs   (  100.00 ms per token,    10.00 tokens per second)\\n\",\"stream\":\"stderr\",\"time\":\"2025-01-01T00:00:00Z\"}\n",
            Verdict::Accepted,
            &[(Some(10.0), Some(50.0), Some(100), Some(128))],
        ),
        (
            "decoded  100 tokens in   10.000 seconds, speed:   10.000 t/s\n",
            Verdict::Flagged,
            &[(Some(10.0), None, None, Some(100))],
        ),
        (
            "main: decoded 100 tokens in 10.00 s, speed: 10.00 t/s\n",
            Verdict::Flagged,
            &[(None, None, None, Some(100))],
        ),
        (
            "[ Prompt: 323,8 t/s | Generation: 14,4 t/s ]",
            Verdict::Accepted,
            &[(Some(14.4), Some(323.8), None, None)],
        ),
    ]);
}

/// llama-server divides all tokens until August 2026 and all but the first since; both agree with themselves.
#[test]
fn both_rules_of_llama_server_are_told_apart() {
    let block = |per_token: f64, rate: f64| {
        format!(
            "slot print_timing: id  0 | task 1 | prompt eval time =    1000.00 ms /   100 tokens (   10.00 ms per token,   100.00 tokens per second)\nslot print_timing: id  0 | task 1 |        eval time =    1000.00 ms /    21 tokens ({per_token:8.2} ms per token, {rate:8.2} tokens per second)\nslot print_timing: id  0 | task 1 |       total time =    2000.00 ms /   121 tokens\n"
        )
    };
    let rule = |text: &str| read(text.as_bytes()).runs[0].decode_rule;
    assert_eq!(rule(&block(1000.0 / 21.0, 21.0)), Some(DecodeRule::AllTokens));
    assert_eq!(rule(&block(50.0, 20.0)), Some(DecodeRule::AllButFirst));
    assert_eq!(read(block(52.63, 19.0).as_bytes()).verdict, Verdict::Refused, "no rule gives this");
}

#[test]
fn caches_of_llama_server() {
    let json = |cached: u32, prompt: u32| {
        format!(
            "{{\"timings\":{{\"cache_n\":{cached},\"prompt_n\":{prompt},\"prompt_ms\":{},\"predicted_n\":35,\"predicted_ms\":700.0}}}}",
            prompt * 10
        )
    };
    let whole = read(json(0, 200).as_bytes());
    assert_eq!((whole.verdict, whole.runs[0].depth_tokens), (Verdict::Accepted, None));
    // Enough new tokens are a prefill, at that depth.
    let deep = read(json(5_000, 200).as_bytes());
    assert_eq!(
        (deep.verdict, deep.runs[0].prefill_tps, deep.runs[0].depth_tokens),
        (Verdict::Accepted, Some(100.0), Some(5_000))
    );
    // One new token is none.
    let hit = read(json(236, 1).as_bytes());
    assert_eq!((hit.verdict, hit.runs[0].prefill_tps), (Verdict::DecodeOnly, None));
    // The log tells by what was in the context at the end.
    let log = read(b"slot update_slots: id  0 | task 9 | kv cache rm [4000, end)\nslot print_timing: id  0 | task 9 | \nprompt eval time =    1000.00 ms /   100 tokens (   10.00 ms per token,   100.00 tokens per second)\n       eval time =    1000.00 ms /    20 tokens (   50.00 ms per token,    20.00 tokens per second)\n      total time =    2000.00 ms /   120 tokens\n");
    assert_eq!((log.runs[0].depth_tokens, log.runs[0].prefill_tps), (Some(4_000), Some(100.0)));
}

/// Requests at the same time are not the speed of one; requests one after the other are.
#[test]
fn overlap_is_seen_by_clock_by_life_and_by_slots() {
    let block = |slot: u32, task: u32, stamp: &str| {
        let label = format!("{stamp}slot print_timing: id  {slot} | task {task} | ");
        format!(
            "{label}prompt eval time =    1000.00 ms /   10{task} tokens ({:8.2} ms per token, {:8.2} tokens per second)\n{label}       eval time =    1000.00 ms /    20 tokens (   50.00 ms per token,    20.00 tokens per second)\n{label}      total time =    2000.00 ms /   12{task} tokens\n",
            1000.0 / f64::from(100 + task),
            f64::from(100 + task)
        )
    };
    let verdict = |text: String| read(text.as_bytes()).verdict;
    assert_eq!(verdict(block(0, 1, "0.05.000.000 I ") + &block(1, 2, "0.06.000.000 I ")), Verdict::Flagged);
    assert_eq!(verdict(block(0, 1, "0.05.000.000 I ") + &block(1, 2, "0.07.500.000 I ")), Verdict::Several);
    assert_eq!(verdict(block(0, 1, "") + &block(0, 2, "")), Verdict::Several);
    assert_eq!(verdict(block(0, 1, "") + &block(1, 2, "")), Verdict::Flagged);
    let life = |what: &str, slot: u32, task: u32| format!("slot {what}: id  {slot} | task {task} | ");
    let start = |slot, task| life("launch_slot_", slot, task) + "processing task\n";
    let stop = |slot, task| life("release", slot, task) + "stop processing: n_tokens = 120, truncated = 0\n";
    let apart = start(0, 1) + &block(0, 1, "") + &stop(0, 1) + &start(1, 2) + &block(1, 2, "") + &stop(1, 2);
    assert_eq!(verdict(apart), Verdict::Several);
    let together =
        start(0, 1) + &start(1, 2) + &block(0, 1, "") + &stop(0, 1) + &block(1, 2, "") + &stop(1, 2);
    assert_eq!(verdict(together), Verdict::Flagged);
}

#[test]
fn ollama_of_every_age() {
    check(&[
        (
            // Version 0.33 counts what was cached, and divides the rest.
            "total duration:       5s\nload duration:        20ms\nprompt eval count:    4096 token(s)\nprompt eval cached:   4090 token(s)\nprompt eval duration: 100ms\nprompt eval rate:     60.00 tokens/s\neval count:           100 token(s)\neval duration:        4s\neval rate:            25.00 tokens/s\n",
            Verdict::DecodeOnly,
            &[(Some(25.0), None, Some(4096), Some(100))],
        ),
        (
            "total duration:       7s\nload duration:        20ms\nprompt eval count:    4096 token(s)\nprompt eval cached:   96 token(s)\nprompt eval duration: 2s\nprompt eval rate:     2000.00 tokens/s\neval count:           100 token(s)\neval duration:        4s\neval rate:            25.00 tokens/s\n",
            Verdict::Accepted,
            &[(Some(25.0), Some(2000.0), Some(4000), Some(100))],
        ),
        (
            "{\"model\":\"x\",\"done\":true,\"total_duration\":7000000000,\"prompt_eval_count\":4096,\"prompt_eval_cached_count\":4000,\"prompt_eval_duration\":96000000,\"eval_count\":100,\"eval_duration\":4000000000}",
            Verdict::Accepted,
            &[(Some(25.0), Some(1000.0), Some(96), Some(100))],
        ),
        (
            // Two turns of one chat.
            ">>> hi\nHello!\n\ntotal duration:       5s\nload duration:        20ms\nprompt eval count:    100 token(s)\nprompt eval duration: 500ms\nprompt eval rate:     200.00 tokens/s\neval count:           100 token(s)\neval duration:        4s\neval rate:            25.00 tokens/s\n>>> and?\nWell.\n\ntotal duration:       5s\nload duration:        20ms\nprompt eval count:    200 token(s)\nprompt eval duration: 800ms\nprompt eval rate:     250.00 tokens/s\neval count:           96 token(s)\neval duration:        4s\neval rate:            24.00 tokens/s\n>>> /bye\n",
            Verdict::Several,
            &[
                (Some(25.0), Some(200.0), Some(100), Some(100)),
                (Some(24.0), Some(250.0), Some(200), Some(96)),
            ],
        ),
        (
            // ktransformers took over the keys, and prints all digits.
            "prompt eval count:    100 token(s)\nprompt eval duration: 0.523412s\nprompt eval rate:     191.0540987 tokens/s\neval count:           50 token(s)\neval duration:        5.0s\neval rate:            10.0000000 tokens/s\n",
            Verdict::Accepted,
            &[(Some(10.0), Some(191.0540987), Some(100), Some(50))],
        ),
        (
            // A stream: only its last object has times.
            "{\"model\":\"x\",\"response\":\"He\",\"done\":false}\n{\"model\":\"x\",\"response\":\"llo\",\"done\":false}\n{\"model\":\"x\",\"response\":\"\",\"done\":true,\"total_duration\":5000000000,\"prompt_eval_count\":100,\"prompt_eval_duration\":500000000,\"eval_count\":100,\"eval_duration\":4000000000}\n",
            Verdict::Accepted,
            &[(Some(25.0), Some(200.0), Some(100), Some(100))],
        ),
    ]);
}

#[test]
fn llama_bench_in_other_clothes() {
    const TABS: &str = "model\tsize\tparams\tbackend\tngl\ttest\tt/s\nllama 7B Q4_0\t3.56 GiB\t6.74 B\tCUDA\t99\tpp512\t2368.80 ± 93.24\nllama 7B Q4_0\t3.56 GiB\t6.74 B\tCUDA\t99\ttg128\t131.42 ± 0.59\n";
    const ROWS: &str = "| llama 7B Q4_0                  |   3.56 GiB |     6.74 B | CUDA       |  99 |           pp512 |      2368.80 ± 93.24 |\n| llama 7B Q4_0                  |   3.56 GiB |     6.74 B | CUDA       |  99 |           tg128 |        131.42 ± 0.59 |\n";
    let pair: &[Values] = &[(Some(131.42), Some(2368.80), Some(512), Some(128))];
    check(&[(TABS, Verdict::Accepted, pair), (ROWS, Verdict::Accepted, pair)]);
    for mark in ["±", "+/-", "+-", "_", "Â±", "┬▒", "\u{fffd}", "Ý", "ñ", "&plusmn;"] {
        let reading = read(ROWS.replace('±', mark).as_bytes());
        assert_eq!(values(&reading), pair, "{mark}");
    }
    // A console of old Windows, in its own code page.
    let bytes: Vec<u8> =
        ROWS.chars().map(|c| if c == '±' { 0xf1 } else { u8::try_from(c).expect("ASCII") }).collect();
    assert_eq!(values(&read(&bytes)), pair);
    // A page of the web, copied as its source.
    let html = TABS
        .lines()
        .map(|line| {
            format!(
                "<tr>{}</tr>",
                line.split('\t').map(|cell| format!("<td>{cell}</td>")).collect::<String>()
            )
        })
        .collect::<String>();
    let reading = read(format!("<table>{html}</table>").as_bytes());
    assert_eq!((reading.verdict, values(&reading)), (Verdict::Flagged, pair.to_vec()));
    assert_eq!(reading.runs[0].flags, [Flag::Html]);
    // A console of eighty columns breaks the rows.
    let wrapped: String = ROWS
        .lines()
        .flat_map(|line| {
            let chars: Vec<char> = line.chars().collect();
            chars.chunks(80).map(|part| part.iter().collect::<String>() + "\n").collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(values(&read(wrapped.as_bytes())), pair, "{wrapped}");
}

#[test]
fn llama_bench_of_several_tests() {
    check(&[
        (
            // Two lengths of prompt: the second has no output test of its own.
            "| model | size | params | backend | threads | test | t/s |\n| --- | --- | --- | --- | --- | --- | --- |\n| llama 1B Q8_0 | 1.22 GiB | 1.24 B | CPU | 4 | pp512 | 40.00 ± 0.10 |\n| llama 1B Q8_0 | 1.22 GiB | 1.24 B | CPU | 4 | pp4096 | 30.00 ± 0.10 |\n| llama 1B Q8_0 | 1.22 GiB | 1.24 B | CPU | 4 | tg128 | 9.00 ± 0.10 |\n| llama 1B Q8_0 | 1.22 GiB | 1.24 B | CPU | 4 | pp4096+tg128 | 25.00 ± 0.10 |\n",
            Verdict::Several,
            &[(Some(9.0), Some(40.0), Some(512), Some(128)), (None, Some(30.0), Some(4096), None)],
        ),
        (
            "| model | test | t/s |\n| --- | --- | --- |\n| llama 1B Q8_0 | pp4096+tg128 | 25.00 ± 0.10 |\n",
            Verdict::Flagged,
            &[(None, None, Some(4096), None)],
        ),
        (
            "| model | test | t/s |\n| --- | --- | --- |\n| llama 1B Q8_0 | tg128 | 25.00 ± 0.10 |\n| llama 1B Q8_0 | tg128 @ d4096 | 20.00 ± 0.10 |\n",
            Verdict::DecodeOnly,
            &[(Some(25.0), None, None, Some(128)), (Some(20.0), None, None, Some(128))],
        ),
        (
            // An array that was cut off within its second result.
            "[\n  {\"model_type\": \"llama 1B Q8_0\", \"n_prompt\": 512, \"n_gen\": 0, \"avg_ns\": 12800000000, \"avg_ts\": 40.000000, \"stddev_ts\": 0.1},\n  {\"model_type\": \"llama 1B Q8_0\", \"n_prompt\": 0, \"n_gen\": 128, \"avg_ns\": 142222222",
            Verdict::PrefillOnly,
            &[(None, Some(40.0), Some(512), None)],
        ),
    ]);
}

#[test]
fn batched_bench_as_json_lines() {
    let line = |streams: u32, rate: f64| {
        format!(
            "{{\"n_kv_max\": 2048, \"pp\": 128, \"tg\": 128, \"pl\": {streams}, \"n_kv\": 256, \"t_pp\": 0.256000, \"speed_pp\": 500.000000, \"t_tg\": 3.200000, \"speed_tg\": {rate:.6}, \"t\": 3.456000, \"speed\": 74.074074}}\n"
        )
    };
    let one = read(line(1, 40.0).as_bytes());
    assert_eq!((one.verdict, one.runs[0].decode_tps), (Verdict::Accepted, Some(40.0)));
    let four = read(line(4, 160.0).as_bytes());
    assert_eq!(
        (four.verdict, four.runs[0].decode_tps, four.runs[0].aggregate_tps),
        (Verdict::Flagged, None, Some(160.0))
    );
}

#[test]
fn other_engines() {
    check(&[
        (
            "Prompt: 17.804 tokens-per-sec\nGeneration: 5.362 tokens-per-sec\n",
            Verdict::Accepted,
            &[(Some(5.362), Some(17.804), None, None)],
        ),
        (
            "INFO:     Metrics: 250 tokens generated in 10.33 seconds (Queue: 0.0 s, Process: 1000 tokens at 500.0 T/s, Generate: 30.0 T/s, Context: 1000 tokens)\n",
            Verdict::Accepted,
            &[(Some(30.0), Some(500.0), Some(1000), Some(250))],
        ),
        (
            "INFO: Metrics: 250 tokens generated in 10.5 seconds (23.81 T/s, context 1000 tokens)\n",
            Verdict::Flagged,
            &[(None, None, None, Some(250))],
        ),
        (
            "Prompt processed in 0.20 seconds, 512 tokens, 2560.00 tokens/second\nResponse generated in 2.00 seconds, 150 tokens, 75.00 tokens/second\n",
            Verdict::Accepted,
            &[(Some(75.0), Some(2560.0), Some(512), Some(150))],
        ),
        (
            "(Context: 40 tokens, response: 250 tokens, 71.43 tokens/second)\n",
            Verdict::DecodeOnly,
            &[(Some(71.43), None, None, Some(250))],
        ),
        (
            "Response generated in 2.00 seconds, 150 tokens, 75.00 tokens/second\n",
            Verdict::Flagged,
            &[(None, None, None, Some(150))],
        ),
        (
            "CtxLimit:271/4096, Amt:100/100, Init:0.00s, Process:0.67s (3.9ms/T = 255.57T/s), Generate:8.44s (84.4ms/T = 11.85T/s), Total:9.11s (10.97T/s)\n",
            Verdict::Accepted,
            &[(Some(11.85), Some(255.57), None, Some(100))],
        ),
        (
            "Time Taken - Processing:0.8s (4ms/T), Generation:8.4s (80ms/T), Total:9.2s (11.0T/s)\n",
            Verdict::Accepted,
            &[(Some(12.5), Some(250.0), None, None)],
        ),
        (
            "28.59 tok/sec • 120 tokens • 0.30s to first token • Stop reason: EOS Token Found\n",
            Verdict::DecodeOnly,
            &[(Some(28.59), None, None, Some(120))],
        ),
        (
            "Benchmark ...\nPrefill. latency: 0.01788 s, throughput:   3355.60 token/s\nDecode 0. Batch size: 1, latency: 0.00695 s, throughput:    143.88 token/s\nDecode.  median latency: 0.00717 s, median throughput:    139.55 token/s\nTotal. latency:  0.126 s, throughput:    556.05 token/s\n",
            Verdict::Accepted,
            &[(Some(139.55), Some(3355.60), None, None)],
        ),
        (
            "Prefill. latency: 0.37183 s, throughput:  11015.86 token/s\nDecode 0. Batch size: 4, latency: 0.01189 s, throughput:    336.46 token/s\nDecode.  median latency: 0.01178 s, median throughput:    339.57 token/s\n",
            Verdict::Flagged,
            &[(None, None, None, None)],
        ),
        (
            "Throughput: 7.15 requests/s, 3656.00 total tokens/s, 1828.00 output tokens/s\n",
            Verdict::Flagged,
            &[(None, None, None, None)],
        ),
        (
            // Three ways to a decode speed, of one mind: the metrics of one request.
            "{\"usage\":{\"prompt_tokens\":14,\"completion_tokens\":401},\"metrics\":{\"time_to_first_token_ms\":70,\"generation_time_ms\":4000.0,\"mean_itl_ms\":10.0,\"tokens_per_second\":100.25}}",
            Verdict::DecodeOnly,
            &[(Some(100.25), None, Some(14), Some(401))],
        ),
        (
            "# HELP llamacpp:prompt_tokens_total Number\n# TYPE llamacpp:prompt_tokens_total counter\nllamacpp:prompt_tokens_total 512\nllamacpp:tokens_predicted_total 128\n",
            Verdict::Refused,
            &[],
        ),
        (
            "{\"choices\":[],\"usage\":{\"prompt_tokens\":14,\"completion_tokens\":401,\"total_tokens\":415}}",
            Verdict::Refused,
            &[],
        ),
    ]);
}

/// Names come from what stood above the timings; of a path only its last part is taken.
#[test]
fn names_come_from_commands_and_loaders() {
    const BLOCK: &str = "llama_perf_context_print: prompt eval time =    2000.00 ms /   100 tokens (   20.00 ms per token,    50.00 tokens per second)\nllama_perf_context_print:        eval time =   12800.00 ms /   128 runs   (  100.00 ms per token,    10.00 tokens per second)\n";
    const OLLAMA: &str = "eval count:           100 token(s)\neval duration:        4s\neval rate:            25.00 tokens/s\n";
    #[rustfmt::skip]
    let vectors = [
        ("me@box:~/llama.cpp$ ./llama-cli -m /home/me/models/Qwen3-8B-UD-Q4_K_XL.gguf -p \"a secret\"\n", BLOCK, Some("Qwen3-8B"), Some("UD-Q4_K_XL")),
        ("./main --model 'C:\\Users\\me\\Mixtral-8x7B-v0.1.Q3_K_M.gguf'\n", BLOCK, Some("Mixtral-8x7B-v0.1"), Some("Q3_K_M")),
        ("llama-cli -m big-Q8_0-00001-of-00003.gguf\n", BLOCK, Some("big"), Some("Q8_0")),
        ("print_info: general.name = Qwen3 8B\nprint_info: model type = 8B\nprint_info: file type = Q4_K - Medium\n", BLOCK, Some("Qwen3 8B"), Some("Q4_K - Medium")),
        ("srv  load_model: loading model '/srv/models/gemma-3-4b-it-Q4_0.gguf'\n", BLOCK, Some("gemma-3-4b-it"), Some("Q4_0")),
        ("docker exec -it ollama ollama run llama3.2:1b --verbose\n", OLLAMA, Some("llama3.2:1b"), None),
        ("$ ollama run --verbose hf.co/bartowski/Llama-3.2-1B-Instruct-GGUF:Q8_0\n", OLLAMA, Some("hf.co/bartowski/Llama-3.2-1B-Instruct-GGUF"), Some("Q8_0")),
        ("$ ollama run qwen2.5:7b-instruct-q8_0 --verbose\n", OLLAMA, Some("qwen2.5:7b-instruct"), Some("q8_0")),
        ("$ ollama run llama2:7b-chat-fp16\n", OLLAMA, Some("llama2:7b-chat"), Some("fp16")),
        ("$ ollama run hf.co/unsloth/Qwen3-8B-GGUF:UD-Q4_K_XL\n", OLLAMA, Some("hf.co/unsloth/Qwen3-8B-GGUF"), Some("UD-Q4_K_XL")),
        ("$ ollama run deepseek-r1:8b\n", OLLAMA, Some("deepseek-r1:8b"), None),
        ("llama-cli -hf ggml-org/gemma-3-1b-it-GGUF:Q8_0 -p \"a secret\"\n", BLOCK, Some("ggml-org/gemma-3-1b-it-GGUF"), Some("Q8_0")),
        ("I asked it to run a model\n", OLLAMA, None, None),
    ];
    for (above, block, model, quant) in vectors {
        let reading = read(format!("{above}{block}").as_bytes());
        let run = &reading.runs[0];
        assert_eq!((run.model.as_deref(), run.quant.as_deref()), (model, quant), "{above}");
        let kept = reading.timing_lines(0).expect("lines");
        assert!(
            ["secret", "/home", "Users", "box", "/srv"].iter().all(|part| !kept.contains(part)),
            "{kept}"
        );
    }
}
