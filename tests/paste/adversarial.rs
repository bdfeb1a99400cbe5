//! Text that wants to be believed: written by a model that was asked to, by a person, or against the reader.

use data::paste::{Flag, MAX_BYTES, Problem, Verdict, read};

const PERF: &str = "llama_perf_context_print:        load time =    1000.00 ms\nllama_perf_context_print: prompt eval time =    2000.00 ms /   100 tokens (   20.00 ms per token,    50.00 tokens per second)\nllama_perf_context_print:        eval time =   12800.00 ms /   128 runs   (  100.00 ms per token,    10.00 tokens per second)\nllama_perf_context_print:       total time =   15000.00 ms /   228 tokens\n";
const FAKE_PERF: &str = "llama_perf_context_print: prompt eval time =      10.00 ms /   512 tokens (    0.02 ms per token, 51200.00 tokens per second)\nllama_perf_context_print:        eval time =     100.00 ms /   128 runs   (    0.78 ms per token,  1280.00 tokens per second)\n";
const OLLAMA: &str = "total duration:       5.088275983s\nload duration:        1.365523ms\nprompt eval count:    11 token(s)\nprompt eval duration: 204.563ms\nprompt eval rate:     53.77 tokens/s\neval count:           120 token(s)\neval duration:        4.876787s\neval rate:            24.61 tokens/s\n";
const FAKE_OLLAMA: &str = "total duration:       1s\nload duration:        1ms\nprompt eval count:    512 token(s)\nprompt eval duration: 10ms\nprompt eval rate:     51200.00 tokens/s\neval count:           500 token(s)\neval duration:        500ms\neval rate:            1000.00 tokens/s\n";

/// The one speed that may come out, and the flag that tells why the other did not.
fn only(text: &str, decode_tps: f64) {
    let reading = read(text.as_bytes());
    let speeds: Vec<f64> = reading.runs.iter().filter_map(|run| run.decode_tps).collect();
    assert_eq!(speeds, [decode_tps], "{text}\n{reading:#?}");
    assert_eq!(reading.verdict, Verdict::Flagged, "{text}");
    assert!(reading.runs[0].flags.contains(&Flag::AnswerText), "{:?}", reading.runs[0].flags);
    assert!(reading.ignored.iter().any(|ignored| ignored.because == Problem::InAnswer));
}

#[test]
fn timings_in_an_answer_are_not_believed() {
    only(&format!(">>> show me\nSure!\n\n{FAKE_PERF}\n{OLLAMA}"), 24.61);
    only(&format!(">>> show me\nSure!\n\n{FAKE_OLLAMA}\n{OLLAMA}>>> \n"), 24.61);
    only(
        &format!(
            "Sure! This is what Ollama prints:\n\n{FAKE_OLLAMA}\nI hope that helps. [end of text]\n\n\n{PERF}"
        ),
        10.0,
    );
    only(&format!("Here you are:\n{FAKE_PERF}\nGood?\n\n{PERF}"), 10.0);
    only(&format!("{FAKE_OLLAMA}\n\n[ Prompt: 323.8 t/s | Generation: 14.4 t/s ]\n"), 14.4);
    only(
        "> show me\n[ Prompt: 99.9 t/s | Generation: 19.9 t/s ]\nLike that.\n\n[ Prompt: 323.8 t/s | Generation: 14.4 t/s ]\n\n> \n",
        14.4,
    );
    let stats = |tps: &str| {
        format!(
            "Prediction Stats:\n  Stop Reason: eosFound\n  Tokens/Second: {tps}\n  Prompt Tokens: 24\n  Predicted Tokens: 530\n  Total Tokens: 554\n"
        )
    };
    only(
        &format!("› show me\n\n● Sure:\n\n{}\nLike that.\n\n{}\n› \n", stats("51.40"), stats("20.10")),
        20.1,
    );
    only(&format!(">>> show me\n[ Prompt: 9999.9 t/s | Generation: 999.9 t/s ]\n\n{OLLAMA}"), 24.61);
    only(
        &format!(
            ">>> show me\n| model | test | t/s |\n|---|---|---|\n| x Q4_0 | tg128 | 999.00 ± 1.00 |\n\n{OLLAMA}"
        ),
        24.61,
    );
}

#[test]
fn wildly_different_runs_without_anything_between_them_are_asked_about() {
    let reading = read(format!("{FAKE_OLLAMA}\n{OLLAMA}").as_bytes());
    assert_eq!(reading.verdict, Verdict::Flagged);
    let apart = read(
        format!("$ ollama run a --verbose\n{FAKE_OLLAMA}\n$ ollama run b --verbose\n{OLLAMA}").as_bytes(),
    );
    assert_eq!(apart.verdict, Verdict::Several);
}

#[test]
fn timings_inside_a_sentence_or_a_string_are_text() {
    let line = "llama_perf_context_print:        eval time =       1.00 ms /   128 runs   (    0.01 ms per token, 128000.00 tokens per second)";
    for around in [
        format!("The model said: \"{line}\" and I agree.\n"),
        format!("It printed {line}\n"),
        format!("{{\"content\":\"{line}\\n\"}}\n"),
        format!("{{\"choices\":[{{\"message\":{{\"content\":\"{line}\"}}}}]}}\n"),
    ] {
        let reading = read(around.as_bytes());
        assert_eq!((reading.verdict, reading.runs.len()), (Verdict::Refused, 0), "{around}");
        let beside = read(format!("{around}{PERF}").as_bytes());
        assert_eq!((beside.verdict, beside.runs[0].decode_tps), (Verdict::Accepted, Some(10.0)), "{around}");
    }
    // JSON inside the answer of JSON is a string as well.
    let json = r#"{"content":"{\"timings\":{\"predicted_n\":900,\"predicted_ms\":1}}","timings":{"prompt_n":100,"prompt_ms":1000,"predicted_n":100,"predicted_ms":5000}}"#;
    assert_eq!(
        read(json.as_bytes()).runs.iter().filter_map(|run| run.decode_tps).collect::<Vec<_>>(),
        [20.0]
    );
}

/// A model puts its example into a block of code; the program prints its own lines in none.
#[test]
fn timings_in_a_block_of_code_of_an_answer_are_not_believed() {
    only(&format!("Sure!\n```\n{FAKE_PERF}```\nThat is it. [end of text]\n\n{PERF}"), 10.0);
    only(&format!("Sure!\n```\n{FAKE_OLLAMA}```\nThat is it.\n\n{PERF}"), 10.0);
    // Two blocks of code are two runs that somebody shows.
    let other = OLLAMA.replace("120 token(s)", "123 token(s)").replace("24.61", "25.22");
    let shown = read(format!("One:\n```\n{OLLAMA}```\nOther:\n```\n{other}```\n").as_bytes());
    assert_eq!((shown.verdict, shown.runs.len()), (Verdict::Several, 2));
}

/// A line that was broken is one line: its second half is none of its own.
#[test]
fn half_a_line_is_never_another_line() {
    for width in 20..130 {
        let broken: String = PERF
            .lines()
            .flat_map(|line| {
                let chars: Vec<char> = line.chars().collect();
                chars.chunks(width).map(|part| part.iter().collect::<String>() + "\n").collect::<Vec<_>>()
            })
            .collect();
        for run in read(broken.as_bytes()).runs {
            assert!([None, Some(10.0)].contains(&run.decode_tps), "{width}: {broken}");
            assert!([None, Some(50.0)].contains(&run.prefill_tps), "{width}: {broken}");
        }
    }
    // Between words, as mail does it.
    let broken = PERF.replace("prompt eval", "prompt\neval").replace("token, ", "token,\n");
    let reading = read(broken.as_bytes());
    assert_eq!((reading.verdict, reading.runs[0].prefill_tps), (Verdict::Accepted, Some(50.0)), "{broken}");
}

/// A page that lost its breaks has all lines on one; what stands before them makes a sentence of them.
#[test]
fn lines_that_were_joined_are_read_from_the_first() {
    for (text, decode_tps) in [(PERF, 10.0), (OLLAMA, 24.61)] {
        let joined = text.lines().map(str::trim).collect::<Vec<_>>().join(" ");
        let reading = read(joined.as_bytes());
        assert_eq!(
            (reading.verdict, reading.runs[0].decode_tps),
            (Verdict::Accepted, Some(decode_tps)),
            "{joined}"
        );
        assert_eq!(read(format!("I got {joined}").as_bytes()).verdict, Verdict::Refused);
    }
}

#[test]
fn every_kind_of_edit_is_refused() {
    for (what, from, to) in [
        ("the speed", "    10.00 tokens per second", "   100.00 tokens per second"),
        ("the count", "   128 runs", "  1280 runs"),
        ("the time", "12800.00 ms", " 1280.00 ms"),
        ("the time of one token", "  100.00 ms per token", "   10.00 ms per token"),
        ("the speed of the prompt", "    50.00 tokens per second", "   500.00 tokens per second"),
        ("the total", "15000.00 ms", " 9000.00 ms"),
        ("the count of the total", "   228 tokens", "   328 tokens"),
        ("a minus sign", "12800.00 ms", "-12800.0 ms"),
        ("infinity", "    10.00 tokens per second", "      inf tokens per second"),
        ("not a number", "    10.00 tokens per second", "     -nan tokens per second"),
        ("an exponent", "    10.00 tokens per second", "   1.00e1 tokens per second"),
    ] {
        assert!(PERF.contains(from), "{what}");
        let reading = read(PERF.replace(from, to).as_bytes());
        assert_eq!(reading.verdict, Verdict::Refused, "{what}: {reading:#?}");
        assert!(reading.runs.iter().all(|run| run.decode_tps.is_none()), "{what}");
    }
    for (what, from, to) in [
        ("the speed", "24.61 tokens/s", "94.61 tokens/s"),
        ("the count", "120 token(s)", "720 token(s)"),
        ("the duration", "4.876787s", "1.876787s"),
        ("the total", "5.088275983s", "1.088275983s"),
        ("a rounded speed", "24.61 tokens/s", "25 tokens/s"),
        ("a duration Go would not print", "4.876787s", "4.8767870s"),
    ] {
        let reading = read(OLLAMA.replace(from, to).as_bytes());
        assert_eq!(reading.verdict, Verdict::Refused, "{what}: {reading:#?}");
    }
    // All numbers of the output doubled alike: only the total is left to tell.
    let doubled = PERF
        .replace("12800.00 ms", " 6400.00 ms")
        .replace("  100.00 ms per", "   50.00 ms per")
        .replace("    10.00 tok", "    20.00 tok");
    let reading = read(doubled.as_bytes());
    let run = &reading.runs[0];
    assert_eq!((reading.verdict, run.decode_tps, run.prefill_tps), (Verdict::Flagged, None, None));
    assert!(run.flags.contains(&Flag::Unaccounted), "{:?}", run.flags);
    // A good run beside an edited one is asked about.
    let beside =
        read(format!("{}\n$ again\n{PERF}", PERF.replace("    10.00 tok", "    90.00 tok")).as_bytes());
    assert_eq!((beside.verdict, beside.runs.len()), (Verdict::Flagged, 1));
    assert!(beside.runs[0].flags.contains(&Flag::BesideRefused));
}

#[test]
fn names_that_could_do_harm_are_left_out() {
    let row = |model: &str| {
        format!(
            "| model | size | test | t/s |\n|---|---|---|---|\n| {model} Q4_0 | 1.00 GiB | pp512 | 100.00 ± 1.00 |\n| {model} Q4_0 | 1.00 GiB | tg128 | 10.00 ± 0.10 |\n"
        )
    };
    for name in [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "x'; DROP TABLE runs;--",
        "\" OR 1=1",
        "{{7*7}}",
        "${jndi:ldap://x}",
        "a\u{202e}b",
    ] {
        let json = format!(
            "{{\"model\":{name:?},\"timings\":{{\"prompt_n\":100,\"prompt_ms\":1000,\"predicted_n\":100,\"predicted_ms\":5000}}}}"
        );
        for text in [row(name), json] {
            let reading = read(text.as_bytes());
            let bad = |text: &str| text.contains(['<', '>', '\'', ';', '$', '{', '\u{202e}']);
            let run = reading.runs.first();
            assert!(run.is_none_or(|run| run.model.as_deref().is_none_or(|model| !bad(model))), "{text}");
            assert!(
                matches!(reading.verdict, Verdict::Flagged | Verdict::Refused | Verdict::Accepted),
                "{text}"
            );
            let kept = reading.timing_lines(0).unwrap_or_default();
            let outside_json = kept.trim_start_matches('{');
            assert!(
                !outside_json.contains("<s")
                    && !outside_json.contains("DROP")
                    && !outside_json.contains("jndi"),
                "{kept}"
            );
        }
    }
    let flagged = read(row("x'; DROP TABLE runs;--").as_bytes());
    assert_eq!((flagged.verdict, flagged.runs[0].decode_tps), (Verdict::Flagged, Some(10.0)));
}

#[test]
fn invisible_characters_count_only_where_timings_stand() {
    for hidden in ["\u{202e}", "\u{2066}", "\u{200b}", "\u{2060}", "\u{ad}", "&#x202e;", "&#8203;"] {
        let within = PERF.replace("    10.00 tok", &format!("   {hidden} 10.00 tok"));
        assert_eq!(read(within.as_bytes()).verdict, Verdict::Refused, "{hidden:?}");
        let split = PERF.replace("eval time", &format!("ev{hidden}al time"));
        assert_eq!(read(split.as_bytes()).verdict, Verdict::Refused, "{hidden:?}");
        let above = format!("An answer{hidden} with an emoji 👩\u{200d}💻.\n{PERF}");
        assert_eq!(read(above.as_bytes()).verdict, Verdict::Accepted, "{hidden:?}");
    }
    let wide: String = PERF
        .chars()
        .map(|c| if c.is_ascii_digit() { char::from_u32(c as u32 + 0xfee0).expect("a digit") } else { c })
        .collect();
    assert_eq!(read(wide.as_bytes()).verdict, Verdict::Refused);
}

#[test]
fn a_key_that_stands_twice_is_refused_at_any_depth() {
    for text in [
        r#"{"timings":{"predicted_n":100,"predicted_ms":5000,"predicted_ms":500}}"#,
        r#"{"model":"a","model":"b","timings":{"predicted_n":100,"predicted_ms":5000}}"#,
        r#"{"eval_count":100,"eval_duration":4000000000,"eval_duration":400000000}"#,
        r#"[{"n_prompt":0,"n_gen":128,"avg_ts":10.0,"avg_ts":100.0}]"#,
        r#"{"stats":{"tokens_per_second":50.0,"total_output_tokens":500,"tokens_per_second":500.0}}"#,
    ] {
        let reading = read(text.as_bytes());
        assert_eq!(reading.verdict, Verdict::Refused, "{text}");
        assert!(reading.says.contains("key twice"), "{text}: {}", reading.says);
    }
}

#[test]
fn numbers_beyond_any_machine_are_refused() {
    for text in [
        "{\"timings\":{\"predicted_n\":1e300,\"predicted_ms\":1}}",
        "{\"timings\":{\"predicted_n\":100,\"predicted_ms\":-5}}",
        "{\"timings\":{\"predicted_n\":100,\"predicted_ms\":NaN}}",
        "{\"timings\":{\"predicted_n\":1000000,\"predicted_ms\":1}}",
        "[ Prompt: 1.0 t/s | Generation: 999999999999999999999999999999999999999999999999.0 t/s ]",
        "eval rate:            99999999999999999999999999999999999999 tokens/s",
    ] {
        let reading = read(text.as_bytes());
        assert_eq!(reading.verdict, Verdict::Refused, "{text}: {reading:#?}");
        assert!(reading.runs.iter().all(|run| run.decode_tps.is_none()), "{text}");
    }
}

/// Flags travel with the kept lines, and can only be added by hand, never taken away.
#[test]
fn flags_stay_with_what_is_kept() {
    let html = PERF.replace('=', "&#61;");
    let reading = read(html.as_bytes());
    assert_eq!(reading.verdict, Verdict::Flagged);
    let again = read(reading.timing_lines(0).expect("lines").as_bytes());
    assert_eq!((again.verdict, &again.runs[0].flags), (Verdict::Flagged, &reading.runs[0].flags));
    let added = read(format!("{PERF}llm-speed flags: concurrent nonsense\n").as_bytes());
    assert_eq!((added.verdict, added.runs[0].flags.contains(&Flag::Concurrent)), (Verdict::Flagged, true));
}

#[test]
fn the_worst_inputs_are_read() {
    for (name, bytes) in crate::worst::worst() {
        assert!(bytes.len() <= MAX_BYTES, "{name}");
        let reading = read(&bytes);
        assert!(!reading.says.is_empty(), "{name}");
    }
}

#[test]
fn thousands_of_runs_are_not_picked_from() {
    let log = |runs: usize| {
        let line = |n: usize| format!("[ Prompt: {n}.5 t/s | Generation: 1.0 t/s ]\n");
        read((1..=runs).map(line).collect::<String>().as_bytes())
    };
    let whole = log(2048);
    assert_eq!((whole.verdict, whole.runs.len()), (Verdict::Several, 2048));
    let more = log(2049);
    assert_eq!((more.verdict, more.runs.len()), (Verdict::Refused, 0));
    assert!(more.says.contains("thousands of runs") && more.says.contains("Paste only"), "{}", more.says);
}
