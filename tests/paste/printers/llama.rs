//! llama.cpp: what the library, its programs and its server print.

use super::Measured;

pub(super) fn line(time_ms: f64, count: u32, unit: &str, free: u32) -> String {
    let divided = f64::from(count - free);
    let (per_token, rate) = (time_ms / divided, divided / time_ms * 1e3);
    format!(
        "{time_ms:10.2} ms / {count:5} {unit:<6} ({per_token:8.2} ms per token, {rate:8.2} tokens per second)"
    )
}

pub(super) fn timings_2023_05(m: &Measured) -> String {
    let per = |time: f64, count: u32| time / f64::from(count);
    format!(
        "llama_print_timings:        load time = {:8.2} ms\nllama_print_timings:      sample time = {:8.2} ms / {:5} runs   ({:8.2} ms per token)\nllama_print_timings: prompt eval time = {:8.2} ms / {:5} tokens ({:8.2} ms per token)\nllama_print_timings:        eval time = {:8.2} ms / {:5} runs   ({:8.2} ms per token)\nllama_print_timings:       total time = {:8.2} ms\n",
        m.load_ms,
        m.output_ms / 100.0,
        m.output + 1,
        m.output_ms / 100.0 / f64::from(m.output + 1),
        m.prompt_ms,
        m.prompt,
        per(m.prompt_ms, m.prompt),
        m.output_ms,
        m.output,
        per(m.output_ms, m.output),
        m.load_ms + m.prompt_ms + m.output_ms * 1.02
    )
}

pub(super) fn library(m: &Measured, label: &str, total_counts: bool) -> String {
    let counts = if total_counts { format!(" / {:5} tokens", m.prompt + m.output) } else { String::new() };
    format!(
        "{label}:        load time = {:10.2} ms\n{label}: prompt eval time = {}\n{label}:        eval time = {}\n{label}:       total time = {:10.2} ms{counts}\n",
        m.load_ms,
        line(m.prompt_ms, m.prompt, "tokens", 0),
        line(m.output_ms, m.output, "runs", 0),
        m.prompt_ms + m.output_ms * 1.01
    )
}

pub(super) fn timings_2023(m: &Measured) -> String {
    library(m, "llama_print_timings", false)
}

pub(super) fn ik_library(m: &Measured) -> String {
    library(m, "llama_print_timings", true)
}

pub(super) fn perf(m: &Measured) -> String {
    library(m, "llama_perf_context_print", true)
}

pub(super) fn common_perf(m: &Measured) -> String {
    let mut text = format!("common_perf_print:    sampling time = {:10.2} ms\n", m.output_ms * 0.001);
    text += &format!(
        "common_perf_print:    samplers time = {:10.2} ms / {:5} tokens\n",
        m.output_ms * 0.0005,
        m.output
    );
    text += &library(m, "common_perf_print", true);
    let rest = m.output_ms * 0.009;
    let share = rest / (m.prompt_ms + m.output_ms * 1.01) * 100.0;
    text += &format!(
        "common_perf_print: unaccounted time = {rest:10.2} ms / {share:5.1} %      (total - sampling - prompt eval - eval) / (total)\n"
    );
    text + "common_perf_print:    graphs reused =        397\n"
}

pub(super) fn sum(m: &Measured) -> f64 {
    m.prompt_ms + m.output_ms
}

pub(super) fn server_2023(m: &Measured) -> String {
    format!(
        "print_timings: prompt eval time = {}\nprint_timings:        eval time = {}\nprint_timings:       total time = {:10.2} ms\n",
        line(m.prompt_ms, m.prompt, "tokens", 0),
        line(m.output_ms, m.output, "runs", 0),
        sum(m)
    )
}

pub(super) fn server_2024_json(m: &Measured) -> String {
    let entry = |message: String| {
        format!(
            "{{\"tid\":\"140\",\"timestamp\":1708000000,\"level\":\"INFO\",\"function\":\"print_timings\",\"line\":269,\"msg\":\"{message}\",\"slot_id\":0,\"task_id\":7}}\n"
        )
    };
    entry(format!("prompt eval time     = {}", line(m.prompt_ms, m.prompt, "tokens", 0)))
        + &entry(format!("generation eval time = {}", line(m.output_ms, m.output, "runs", 0)))
        + &entry(format!("          total time = {:10.2} ms", sum(m)))
}

pub(super) fn ik_server(m: &Measured) -> String {
    format!(
        "INFO [           print_timings] prompt eval time     = {} | tid=\"46204\" timestamp=1746371113 id_slot=0 id_task=4917 t_prompt_processing={} n_prompt_tokens_processed={} t_token=1.5 n_tokens_second=6.4\nINFO [           print_timings] generation eval time = {} | tid=\"46204\" timestamp=1746371113 id_slot=0 id_task=4917 n_decoded={} n_tokens_second=2.3\nINFO [           print_timings]           total time = {:10.2} ms | tid=\"46204\" timestamp=1746371113\n",
        line(m.prompt_ms, m.prompt, "tokens", 0),
        m.prompt_ms,
        m.prompt,
        line(m.output_ms, m.output, "runs", 0),
        m.output,
        sum(m)
    )
}

pub(super) fn slot_header(m: &Measured) -> String {
    format!(
        "slot launch_slot_: id  0 | task 124 | processing task\nslot update_slots: id  0 | task 124 | prompt done, n_tokens = {}, batch.n_tokens = {}\nslot print_timing: id  0 | task 124 | \nprompt eval time = {}\n       eval time = {}\n      total time = {:10.2} ms / {:5} tokens\nslot      release: id  0 | task 124 | stop processing: n_tokens = {}, truncated = 0\nsrv  update_slots: all slots are idle\n",
        m.prompt,
        m.prompt,
        line(m.prompt_ms, m.prompt, "tokens", 0),
        line(m.output_ms, m.output, "tokens", 0),
        sum(m),
        m.prompt + m.output,
        m.prompt + m.output - 1
    )
}

pub(super) fn slots(m: &Measured, free: u32) -> String {
    let label = "slot print_timing: id  3 | task 1941 | ";
    format!(
        "0.40.000.000 I {label}n_gen =    100, tg =  12.00 t/s, tg_3s =  11.00 t/s\n0.44.049.633 I {label}prompt eval time = {}\n0.44.049.636 I {label}       eval time = {}\n0.44.049.637 I {label}      total time = {:10.2} ms / {:5} tokens\n0.44.049.637 I {label}   graphs reused =       2590\n",
        line(m.prompt_ms, m.prompt, "tokens", 0),
        line(m.output_ms, m.output, "tokens", free),
        sum(m),
        m.prompt + m.output
    )
}

pub(super) fn slot_lines(m: &Measured) -> String {
    slots(m, 0)
}

pub(super) fn slot_lines_2026(m: &Measured) -> String {
    slots(m, 1)
}

pub(super) fn server_json(m: &Measured) -> String {
    format!(
        "{{\"choices\":[{{\"message\":{{\"role\":\"assistant\",\"content\":\"eval time = 1.00 ms / 999 tokens\"}}}}],\"model\":\"m\",\"timings\":{{\"cache_n\":0,\"prompt_n\":{},\"prompt_ms\":{},\"prompt_per_token_ms\":{},\"prompt_per_second\":{},\"predicted_n\":{},\"predicted_ms\":{},\"predicted_per_token_ms\":{},\"predicted_per_second\":{}}}}}\n",
        m.prompt,
        m.prompt_ms,
        m.prompt_ms / f64::from(m.prompt),
        m.prefill_tps(),
        m.output,
        m.output_ms,
        m.output_ms / f64::from(m.output),
        m.decode_tps()
    )
}

pub(super) fn cli(m: &Measured) -> String {
    format!(
        "\n[ Prompt: {:.1} t/s | Generation: {:.1} t/s ]\n\n\nExiting...\n",
        m.prefill_tps(),
        m.decode_tps()
    )
}

pub(super) fn parallel(m: &Measured) -> String {
    format!(
        "Total prompt tokens: {:6}, speed: {:5.2} t/s\nTotal gen tokens:    {:6}, speed: {:5.2} t/s\nTotal speed (AVG):           speed: 346.03 t/s\n",
        m.prompt,
        m.prefill_tps(),
        m.output,
        m.decode_tps()
    )
}

pub(super) fn example(m: &Measured) -> String {
    format!(
        "main: decoded {} tokens in {:.2} s, speed: {:.2} t/s\n",
        m.output,
        m.output_ms / 1e3,
        m.decode_tps()
    )
}
