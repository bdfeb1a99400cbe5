//! The same outputs as other programs show them: counted, quoted, as dictionaries, in frames; and what only looks so.

use data::paste::{Flag, Problem, Verdict, read};

use crate::formats::check;

const PERF: &str = "\
llama_perf_context_print: prompt eval time =     402.40 ms /   128 tokens (    3.14 ms per token,   318.09 tokens per second)
llama_perf_context_print:        eval time =    6200.00 ms /   255 runs   (   24.31 ms per token,    41.13 tokens per second)
llama_perf_context_print:       total time =    6800.00 ms /   383 tokens
";
const OLLAMA: &str = "\
total duration:       6.201234567s
load duration:        50.123456ms
prompt eval count:    128 token(s)
prompt eval duration: 402.4ms
prompt eval rate:     318.09 tokens/s
eval count:           240 token(s)
eval duration:        5.6s
eval rate:            42.86 tokens/s
";

fn marked(text: &str, mark: impl Fn(usize) -> String) -> String {
    text.lines().enumerate().map(|(number, line)| format!("{}{line}\n", mark(number))).collect()
}

#[test]
fn what_another_program_put_before_every_line_is_stepped_over() {
    let marks: [fn(usize) -> String; 7] = [
        |number| format!("{:>4}  ", number + 8),
        |number| format!("{}:", number + 40),
        |_| "# ".into(),
        |_| "+".into(),
        |_| "out.log:".into(),
        |_| "llama-0 server ".into(),
        |number| format!("[{number}] "),
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
    // Numbers that were changed are as wrong behind a mark.
    let edited = marked(&PERF.replace("41.13", "61.13"), |_| "# ".into());
    assert_eq!(read(edited.as_bytes()).verdict, Verdict::Refused);
    // What stands before one line alone is somebody's sentence.
    let said = format!("it said {}", PERF.lines().nth(1).expect("a line"));
    assert_eq!(read(said.as_bytes()).verdict, Verdict::Refused);
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
    // Two answers are two runs.
    let two = format!("{bar}One.\n{bar}{}{bar}Two.\n{bar}{}", block("44.000"), block("45.362"));
    assert_eq!(read(two.as_bytes()).runs.len(), 2);
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
