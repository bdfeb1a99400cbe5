//! The same outputs as other programs show them: counted, quoted, as dictionaries, in frames; and what only looks so.

use data::paste::{Field, Flag, Problem, Verdict, read};

use crate::formats::check;

const PERF: &str = "\
llama_perf_context_print: prompt eval time =     402.40 ms /   128 tokens (    3.14 ms per token,   318.09 tokens per second)
llama_perf_context_print:        eval time =    6200.00 ms /   255 runs   (   24.31 ms per token,    41.13 tokens per second)
llama_perf_context_print:       total time =    6800.00 ms /   383 tokens
";
const OLLAMA: &str = include_str!("ollama-verbose.txt");

fn marked(text: &str, mark: impl Fn(usize) -> String) -> String {
    text.lines().enumerate().map(|(number, line)| format!("{}{line}\n", mark(number))).collect()
}

#[test]
fn what_another_program_put_before_every_line_is_stepped_over() {
    let marks: [fn(usize) -> String; 26] = [
        |number| format!("2025-11-22T13:00:{number:02}.1234567Z "),
        |_| "llama-server-1  | ".into(),
        |_| "ollama  | 2025-11-22T13:00:00.123456789Z ".into(),
        |_| "[pod/ollama-7c9d/ollama] ".into(),
        |number| format!("Nov 22 13:00:{number:02} "),
        |_| "Sat 2025-11-22 13:00:01 CET box ollama[937]: ".into(),
        |_| "2025-11-22T13:00:01.123456+01:00 app[web.1]: ".into(),
        |_| "ollama[937]: ".into(),
        |_| "1:00:01 PM ".into(),
        |_| "10:42PM DBG GRPC(luna-7b-127.0.0.1:33645): stderr ".into(),
        |_| "2025-11-22T13:00:01.123456Z 01O ".into(),
        |number| format!("{:>4}  ", number + 8),
        |number| format!("{}:", number + 40),
        |_| "# ".into(),
        |_| "+".into(),
        |_| "out.log:".into(),
        |_| "llama-0 server ".into(),
        |number| format!("[{number}] "),
        |_| "0|llama    | ".into(),
        |number| format!("3|llama-server  | 2025-11-22T13:00:{number:02}: "),
        |number| format!("11-22 13:00:{number:02}.123  4321  4345 I llama-android.cpp: "),
        |_| "11-22 13:00:01.123 D/llama   ( 4321): ".into(),
        |_| "I/llama-android.cpp( 4321): ".into(),
        |_| "2025-11-22 13:00:01.123  4321-4345  llama-android.cpp       com.example.llama   I  ".into(),
        |_| "2023-11-22 13:00:01.123 4321-4345/com.example.llama I/llama: ".into(),
        |_| "2025-11-22 13:00:01,123 [INFO] runner: [a-Q4_K_M.gguf] ".into(),
    ];
    for mark in marks {
        for (text, decode_tps) in [(PERF, 41.13), (OLLAMA, 42.86)] {
            let text = marked(text, mark);
            let reading = read(text.as_bytes());
            assert_eq!(reading.verdict, Verdict::Accepted, "{text}{}", reading.says);
            assert_eq!(reading.runs[0].decode_tps, Some(decode_tps), "{text}");
            // The mark may be somebody's file or machine.
            assert!(!reading.runs[0].lines.contains("out.log") && !reading.runs[0].lines.contains("server"));
        }
    }
    // In a frame, with and without its right side, and broken at its width.
    for (text, decode_tps) in [(PERF, 41.13), (OLLAMA, 42.86)] {
        for (width, right) in [(130, "│"), (130, ""), (60, "│"), (60, "")] {
            let parts = text.lines().flat_map(|line| {
                let signs: Vec<char> = line.chars().collect();
                signs.chunks(width).map(|part| part.iter().collect::<String>()).collect::<Vec<_>>()
            });
            let inside: String = parts.map(|part| format!("│ {part:width$} {right}\n")).collect();
            let edge = "─".repeat(width + 2);
            let framed = format!("Done:\n╭{edge}╮\n{inside}╰{edge}╯\n");
            let reading = read(framed.as_bytes());
            assert_eq!(reading.verdict, Verdict::Accepted, "{framed}{}", reading.says);
            assert_eq!(reading.runs[0].decode_tps, Some(decode_tps), "{framed}");
        }
    }
    // Each line in JSON, as Docker keeps them.
    for (text, decode_tps) in [(PERF, 41.13), (OLLAMA, 42.86)] {
        let text: String = text
            .lines()
            .map(|line| format!("{{\"log\":\"\\u001b[90m{line}\\n\",\"stream\":\"stderr\",\"time\":\"2025-01-01T00:00:00Z\"}}\n"))
            .collect();
        let reading = read(text.as_bytes());
        assert_eq!(
            (reading.verdict, reading.runs[0].decode_tps),
            (Verdict::Accepted, Some(decode_tps)),
            "{text}"
        );
    }
    // Numbers that were changed are as wrong behind a mark.
    let edited = marked(&PERF.replace("41.13", "61.13"), |_| "# ".into());
    assert_eq!(read(edited.as_bytes()).verdict, Verdict::Refused);
    // What stands before one line alone is somebody's sentence.
    let said = format!("it said {}", PERF.lines().nth(1).expect("a line"));
    assert_eq!(read(said.as_bytes()).verdict, Verdict::Refused);
}

/// A document goes on in the next line: what a log put before that is no part of it.
#[test]
fn a_document_behind_stamps_is_read_whole() {
    const ANSWER: &str = "{\n  \"timings\": {\n    \"prompt_n\": 100,\n    \"prompt_ms\": 1000.0,\n    \"predicted_n\": 100,\n    \"predicted_ms\": 5000.0\n  }\n}\n";
    for mark in ["2025-11-22T13:00:01.1234567Z ", "Nov 22 13:00:01 box curl[12]: ", "curl-1  | "] {
        let reading = read(marked(ANSWER, |_| mark.into()).as_bytes());
        assert_eq!((reading.verdict, reading.runs[0].decode_tps), (Verdict::Accepted, Some(20.0)), "{mark}");
    }
}

/// An answer as PowerShell lists it, and as a page shows its numbers.
#[test]
fn numbers_in_a_list_are_those_of_the_answer() {
    check(&[
        (
            "model                : llama3.2\ncreated_at           : 2025-01-01T00:00:00Z\nresponse             : eval_count is: 9\ndone                 : True\ntotal_duration       : 6501234567\nload_duration        : 50123456\nprompt_eval_count    : 100\nprompt_eval_duration : 400000000\neval_count           : 240\neval_duration        : 6000000000\n",
            Verdict::Accepted,
            &[(Some(40.0), Some(250.0), Some(100), Some(240))],
        ),
        (
            "response_token/s: 40\nprompt_token/s: 250\ntotal_duration: 6501234567\nload_duration: 50123456\nprompt_eval_count: 100\nprompt_eval_duration: 400000000\neval_count: 240\neval_duration: 6000000000\napproximate_total: \"0h0m6s\"\n",
            Verdict::Accepted,
            &[(Some(40.0), Some(250.0), Some(100), Some(240))],
        ),
    ]);
    let twice = read(b"predicted_n: 200\npredicted_ms: 4000.0\npredicted_ms: 400.0\n");
    assert!(twice.says.contains("twice"), "{}", twice.says);
}

/// JSON may write any number with an exponent; its digits, its place and its arithmetic are the same.
#[test]
fn exponents_of_json_are_numbers() {
    check(&[
        (
            r#"{"timings":{"prompt_n":1e2,"prompt_ms":1.0E+2,"prompt_per_second":1e3,"predicted_n":1.0e2,"predicted_ms":2E3,"predicted_per_second":5.0e1}}"#,
            Verdict::Accepted,
            &[(Some(50.0), Some(1000.0), Some(100), Some(100))],
        ),
        (
            r#"{"model":"x","total_duration":5e9,"prompt_eval_count":100,"prompt_eval_duration":5.0e+8,"eval_count":1e2,"eval_duration":4e9}"#,
            Verdict::Accepted,
            &[(Some(25.0), Some(200.0), Some(100), Some(100))],
        ),
        (
            r#"[{"model_type":"llama 1B Q8_0","n_prompt":512,"n_gen":0,"avg_ns":1.28e10,"avg_ts":4.0e1,"stddev_ts":1e-1}]"#,
            Verdict::PrefillOnly,
            &[(None, Some(40.0), Some(512), None)],
        ),
        // A changed number disagrees with the others as it would without its exponent.
        (
            r#"{"timings":{"predicted_n":1e2,"predicted_ms":2e3,"predicted_per_second":5.1e1}}"#,
            Verdict::Refused,
            &[(None, None, None, Some(100))],
        ),
        (
            r#"[{"model_type":"llama 1B Q8_0","n_prompt":512,"n_gen":0,"avg_ns":1.28e10,"avg_ts":5.0e1}]"#,
            Verdict::Refused,
            &[(None, None, Some(512), None)],
        ),
    ]);
    for number in ["1e400", "-1e2", "1e-400", "NaN", "1e"] {
        let text = format!("{{\"timings\":{{\"predicted_n\":100,\"predicted_ms\":{number}}}}}");
        let reading = read(text.as_bytes());
        assert_eq!(reading.verdict, Verdict::Refused, "{text}: {reading:#?}");
    }
    let text = r#"{"timings":{"predicted_n":1e2,"predicted_ms":2e3,"predicted_per_second":5.0e1}}"#;
    let reading = read(text.as_bytes());
    let marks = &reading.runs[0].spans;
    let shown = |field| {
        marks.iter().find(|mark| mark.field == field).map(|mark| &text[mark.span.start..mark.span.end])
    };
    assert_eq!((shown(Field::DecodeTps), shown(Field::OutputTokens)), (Some("5.0e1"), Some("1e2")));
}

#[test]
fn answers_as_python_shows_them() {
    check(&[
        (
            "{'model': 'llama3.1:8b', 'message': {'role': 'assistant', 'content': 'It\\'s \"blue\"'}, 'done': True, 'total_duration': 6501234567, 'load_duration': 50123456, 'prompt_eval_count': 100, 'prompt_eval_duration': 400000000, 'eval_count': 240, 'eval_duration': 6000000000}",
            Verdict::Accepted,
            &[(Some(40.0), Some(250.0), Some(100), Some(240))],
        ),
        (
            "model='llama3.1:8b' created_at='2025-01-01T00:00:00Z' done=True done_reason='stop' total_duration=6501234567 load_duration=50123456 prompt_eval_count=100 prompt_eval_duration=400000000 eval_count=240 eval_duration=6000000000 message=Message(role='assistant', content='eval_count=9 eval_duration=1')",
            Verdict::Accepted,
            &[(Some(40.0), Some(250.0), Some(100), Some(240))],
        ),
        (
            "{'cache_n': 0, 'prompt_n': 1200, 'prompt_ms': 600.0, 'prompt_per_second': 2000.0, 'predicted_n': 200, 'predicted_ms': 4000.0, 'predicted_per_second': 50.0}",
            Verdict::Accepted,
            &[(Some(50.0), Some(2000.0), Some(1200), Some(200))],
        ),
        // What the model said stands before nothing that is read.
        ("message=Message(content=' eval_count=240 eval_duration=6000000000')", Verdict::Refused, &[]),
    ]);
    let twice = read(b"{'predicted_n': 200, 'predicted_ms': 4000.0, 'predicted_ms': 400.0}");
    assert!(twice.says.contains("twice"), "{}", twice.says);
}

#[test]
fn tabby_tells_its_usage_and_lm_studio_its_statistics() {
    check(&[
        (
            r#"{"usage":{"prompt_tokens":1000,"prompt_time":0.5,"prompt_tokens_per_sec":2000.0,"completion_tokens":100,"completion_time":2.0,"completion_tokens_per_sec":50.0,"total_time":2.6}}"#,
            Verdict::Accepted,
            &[(Some(50.0), Some(2000.0), Some(1000), Some(100))],
        ),
        // It counts the cached tokens and does not time them.
        (
            r#"{"usage":{"prompt_tokens":1000,"prompt_tokens_details":{"cached_tokens":600},"prompt_time":0.2,"prompt_tokens_per_sec":2000.0,"completion_tokens":100,"completion_time":2.0,"completion_tokens_per_sec":50.0}}"#,
            Verdict::Accepted,
            &[(Some(50.0), Some(2000.0), Some(400), Some(100))],
        ),
        (
            r#"{"usage":{"completion_tokens":100,"completion_time":2.0,"completion_tokens_per_sec":500.0}}"#,
            Verdict::Refused,
            &[(None, None, None, Some(100))],
        ),
        (
            "Prediction Stats:\n  Stop Reason: eosFound\n  Tokens/Second: 51.43\n  Time to First Token: 0.110s\n  Prompt Tokens: 24\n  Predicted Tokens: 530\n  Total Tokens: 554\n",
            Verdict::DecodeOnly,
            &[(Some(51.43), None, Some(24), Some(530))],
        ),
        (
            "Qwen3 8B\n51.43 tok/sec\n530 tokens\n0.11s to first token\nStop reason: EOS Token Found\n",
            Verdict::DecodeOnly,
            &[(Some(51.43), None, None, Some(530))],
        ),
    ]);
}

#[test]
fn sums_are_held_to_their_last_digit() {
    let tabby = "Metrics (ID: a): 196 tokens generated in 14.98 seconds (Queue: 0.01 s, Process: 0 cached tokens and 5436 new tokens at 474.76 T/s, Generate: 55.68 T/s, Context: 5436 tokens)\n";
    let kobold =
        "CtxLimit:271/4096, Process:1.67s (102.40T/s), Generate:8.44s (11.85T/s), Total:10.11s (9.89T/s)\n";
    let usage =
        "{\"usage\":{\"completion_tokens\":100,\"completion_time\":2.0,\"completion_tokens_per_sec\":50.0}}";
    for (line, changes) in [
        // Each by one part in a hundred.
        (
            tabby,
            &[
                ("14.98", "15.13"),
                ("14.98", "14.83"),
                ("5436 new", "5490 new"),
                ("474.76", "479.5"),
                ("55.68", "56.24"),
                ("55.68", "55.12"),
            ][..],
        ),
        (kobold, &[("10.11", "10.21"), ("10.11", "10.01"), ("8.44", "8.52")]),
        (usage, &[("50.0", "50.5"), ("2.0", "2.02"), ("100", "101")]),
    ] {
        let plain = read(line.as_bytes());
        assert!(matches!(plain.verdict, Verdict::Accepted | Verdict::DecodeOnly), "{plain:#?}");
        for (from, to) in changes {
            let edited = read(line.replace(from, to).as_bytes());
            assert!(matches!(edited.verdict, Verdict::Flagged | Verdict::Refused), "{to}: {edited:#?}");
        }
    }
}

#[test]
fn koboldcpp_is_held_to_its_counts_and_its_drafts_are_seen() {
    let line = "[12:00:01] CtxLimit:271/4096, Amt:100/100, Init:0.00s, Process:0.67s (255.22T/s), Generate:8.44s (11.85T/s), Total:9.11s\n";
    assert_eq!(read(line.as_bytes()).runs[0].decode_tps, Some(11.85));
    let edited = read(line.replace("11.85", "18.85").as_bytes());
    assert_eq!((edited.verdict, edited.ignored[0].because), (Verdict::Refused, Problem::Edited));
    let progress = "Processing Prompt (171 / 171 tokens)\nGenerating (100 / 100 tokens)\n";
    let old =
        "CtxLimit: 271/4096, Process:1.67s (102.40T/s), Generate:8.44s (11.85T/s), Total:10.11s (9.89T/s)\n";
    assert_eq!(read(format!("{progress}{old}").as_bytes()).runs[0].prompt_tokens, Some(171));
    let edited = read(format!("{progress}{}", old.replace("102.40", "302.40")).as_bytes());
    assert_eq!(edited.verdict, Verdict::Refused);
    let drafted = read(format!("{line}(Draft Results - Success:80, Failure:40)\n").as_bytes());
    assert!(drafted.verdict == Verdict::Flagged && drafted.runs[0].flags.contains(&Flag::Speculative));
    // One token is told by the times where no count is left; and more than the context has were never there.
    let one = "CtxLimit: 3768/4096, Process:0.44s (442.0ms/T = 2.26T/s), Generate:0.00s (3.0ms/T = 333.33T/s), Total:0.45s (2.25T/s)\n";
    assert_eq!(read(one.as_bytes()).ignored[0].because, Problem::OneToken);
    let asked = "CtxLimit: 1754/8192, Process:25.05s (14.9ms/T = 66.89T/s), Generate:59.05s (152.6ms/T = 6.55T/s), Total:84.11s (4.60T/s)\n";
    for before in ["", "Processing Prompt [BLAS] (1676 / 1676 tokens)\nGenerating (78 / 387 tokens)\n"] {
        let reading = read(format!("{before}{asked}").as_bytes());
        assert!(reading.runs[0].flags.contains(&Flag::Disagrees), "{reading:#?}");
        assert_eq!((reading.runs[0].decode_tps, reading.runs[0].prefill_tps), (None, Some(66.89)));
    }
    // What it put out is shown below its line, and may look like one.
    let fake = line.replace("8.44s (11.85T/s)", "0.10s (1000.00T/s)");
    for after in ["", "\nInput: {\"n\": 1}\n"] {
        let reading = read(format!("{line}Output: Like this:\n{fake}{after}").as_bytes());
        assert_eq!((reading.verdict, reading.runs.len()), (Verdict::Flagged, 1), "{reading:#?}");
        assert_eq!(reading.runs[0].decode_tps, Some(11.85));
        assert!(reading.ignored.iter().any(|ignored| ignored.because == Problem::InAnswer));
    }
    let second = line.replace("8.44s (11.85T/s), Total:9.11s", "8.00s (12.50T/s), Total:8.67s");
    let two = read(format!("{line}Output: One.\nProcessing Prompt (171 / 171 tokens)\nGenerating (100 / 100 tokens)\n{second}Output: Two.\n").as_bytes());
    assert_eq!((two.verdict, two.runs.len()), (Verdict::Several, 2), "{two:#?}");
    let none = read(format!("{line}(Draft Results - Success:0, Failure:0)\n").as_bytes());
    assert!(!none.runs[0].flags.contains(&Flag::Speculative));
}

#[test]
fn a_block_in_an_answer_of_mlx_is_not_believed() {
    let block = |tps: &str| {
        format!(
            "Prompt: 64 tokens, 517.804 tokens-per-sec\nGeneration: 132 tokens, {tps} tokens-per-sec\nPeak memory: 4.604 GB\n"
        )
    };
    let bar = "==========\n";
    let answered =
        format!("{bar}Sure, it would print:\n{}So fast!\n{bar}{}", block("999.362"), block("45.362"));
    let reading = read(answered.as_bytes());
    assert_eq!(reading.verdict, Verdict::Flagged, "{reading:#?}");
    assert_eq!(reading.runs.iter().map(|run| run.decode_tps).collect::<Vec<_>>(), [Some(45.362)]);
    assert!(reading.ignored.iter().any(|ignored| ignored.because == Problem::InAnswer));
    // It may begin with the block, or put a bar before it.
    for said in [
        format!("{bar}{}So fast!\n{bar}", block("999.362")),
        format!("{bar}Sure.\n{bar}{}Fast, no?\n{bar}", block("60.362")),
        format!("{bar}{}{}{bar}", block("60.362"), block("70.362")),
    ] {
        let reading = read(format!("{said}{}", block("45.362")).as_bytes());
        assert_eq!(reading.verdict, Verdict::Flagged, "{said}{reading:#?}");
        assert_eq!(
            reading.runs.iter().map(|run| run.decode_tps).collect::<Vec<_>>(),
            [Some(45.362)],
            "{said}"
        );
    }
    // Two answers are two runs, or one that imitates the other: only a command between them tells.
    let flags = |between: &str| {
        let two = format!("{bar}One.\n{bar}{}{between}{bar}Two.\n{bar}{}", block("44.000"), block("45.362"));
        let reading = read(two.as_bytes());
        let flagged = reading.runs.iter().map(|run| run.flags.contains(&Flag::PerhapsAnswer));
        (reading.verdict, flagged.collect::<Vec<bool>>())
    };
    assert_eq!(flags(""), (Verdict::Flagged, vec![true, false]));
    assert_eq!(flags("And then it prints:\n"), (Verdict::Flagged, vec![true, false]));
    let apart = (Verdict::Several, vec![false, false]);
    assert_eq!(flags("me@mac ~ % mlx_lm.generate --model a\n"), apart);
    assert_eq!(flags("```\n\nAgain:\n```\n"), apart);
}

/// llama.cpp prints one block for each start, below the mark of the end.
#[test]
fn blocks_of_one_start_are_asked_about() {
    let other = PERF
        .replace("   255 runs", "   250 runs")
        .replace("24.31 ms", "24.80 ms")
        .replace("41.13", "40.32")
        .replace("383", "378");
    let verdict = |text: String| {
        let reading = read(text.as_bytes());
        (
            reading.verdict,
            reading.runs.iter().map(|run| run.flags.contains(&Flag::PerhapsAnswer)).collect::<Vec<_>>(),
        )
    };
    let start = "generate: n_ctx = 4096, n_batch = 2048, n_predict = -1, n_keep = 1\n";
    assert_eq!(
        verdict(format!("{start}Look:\n{PERF}Nice.\n\n{other}")),
        (Verdict::Flagged, vec![true, false])
    );
    assert_eq!(
        verdict(format!("Look:\n{PERF}Nice. [end of text]\n\n{other}")),
        (Verdict::Flagged, vec![true, false])
    );
    let two = format!("{start}One. [end of text]\n{PERF}{start}Two. [end of text]\n{other}");
    assert_eq!(verdict(two), (Verdict::Several, vec![false, false]));
    assert_eq!(verdict(format!("Before:\n{PERF}\nAfter:\n{other}")), (Verdict::Several, vec![false, false]));
}

#[test]
fn results_of_llama_bench_from_a_spreadsheet_and_in_frames() {
    for mark in [";", "\t"] {
        let text = format!(
            "model_type{mark}n_prompt{mark}n_gen{mark}avg_ts{mark}stddev_ts\nqwen3 8B Q4_K - Medium{mark}512{mark}0{mark}1000,50{mark}1,50\nqwen3 8B Q4_K - Medium{mark}0{mark}128{mark}50,25{mark}0,10\n"
        );
        let reading = read(text.as_bytes());
        assert_eq!(reading.verdict, Verdict::Accepted, "{text}{}", reading.says);
        let run = &reading.runs[0];
        assert_eq!(
            (run.decode_tps, run.prefill_tps, run.quant.as_deref()),
            (Some(50.25), Some(1000.5), Some("Q4_K - Medium"))
        );
    }
    let framed = "\
│ model │ size │ params │ backend │ ngl │ test │ t/s │
├───────┼──────┼────────┼─────────┼─────┼──────┼─────┤
│ qwen3 8B Q4_K - Medium │ 4.68 GiB │ 8.19 B │ CUDA │ 99 │ pp512 │ 2345.67 ± 12.30 │
│ qwen3 8B Q4_K - Medium │ 4.68 GiB │ 8.19 B │ CUDA │ 99 │ tg128 │ 101.23 ± 0.45 │
";
    let reading = read(framed.as_bytes());
    assert_eq!(
        (reading.verdict, reading.runs[0].decode_tps),
        (Verdict::Accepted, Some(101.23)),
        "{}",
        reading.says
    );
}
