//! The tools' own print statements, as far as we read them: numbers in, text out.
//!
//! Each is written after the form of its tool, so that reading what it prints must give the numbers back.

use std::fmt::Write;

/// What a run measured.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    pub prompt: u32,
    pub output: u32,
    pub prompt_ms: f64,
    pub output_ms: f64,
    pub load_ms: f64,
}

impl Measured {
    pub fn prefill_tps(&self) -> f64 {
        f64::from(self.prompt) / self.prompt_ms * 1e3
    }

    pub fn decode_tps(&self) -> f64 {
        f64::from(self.output) / self.output_ms * 1e3
    }
}

/// A form, and what its rules make of the measured numbers.
pub(crate) struct Form {
    pub name: &'static str,
    pub print: fn(&Measured) -> String,
    /// Digits after the point; `None` where the tool prints counts and times only.
    pub decimals: Option<usize>,
    pub decode: Speed,
    pub prefill: Speed,
    pub counts: Counts,
}

/// How a form comes by a speed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Speed {
    /// Count over time.
    All,
    /// The first token is free.
    ButFirst,
    /// It has none.
    Absent,
}

/// Which counts a form prints.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Counts {
    Both,
    Output,
    None,
}

const BOTH: (Speed, Speed, Counts) = (Speed::All, Speed::All, Counts::Both);

const fn form(
    name: &'static str,
    print: fn(&Measured) -> String,
    decimals: Option<usize>,
    (decode, prefill, counts): (Speed, Speed, Counts),
) -> Form {
    Form { name, print, decimals, decode, prefill, counts }
}

/// All forms that give a decode or a prefill speed of one stream.
pub(crate) const FORMS: [Form; 26] = [
    form("llama_print_timings without rates", timings_2023_05, None, BOTH),
    form("llama_print_timings", timings_2023, Some(2), BOTH),
    form("llama_perf_context_print", perf, Some(2), BOTH),
    form("common_perf_print", common_perf, Some(2), BOTH),
    form("print_timings of the first server", server_2023, Some(2), BOTH),
    form("print_timings in JSON", server_2024_json, Some(2), BOTH),
    form("print_timings of ik_llama.cpp", ik_server, Some(2), BOTH),
    form("slot print_timing under a header", slot_header, Some(2), BOTH),
    form("slot print_timing on every line", slot_lines, Some(2), BOTH),
    form(
        "slot print_timing, first token free",
        slot_lines_2026,
        Some(2),
        (Speed::ButFirst, Speed::All, Counts::Both),
    ),
    form("llama-server JSON", server_json, None, BOTH),
    form("llama-cli", cli, Some(1), (Speed::All, Speed::All, Counts::None)),
    form("ollama --verbose", ollama, Some(2), BOTH),
    form("ollama JSON", ollama_json, None, BOTH),
    form("llama-bench markdown", bench_md, Some(2), BOTH),
    form("llama-bench markdown of 2023", bench_md_2023, Some(2), BOTH),
    form("llama-bench CSV", bench_csv, Some(6), BOTH),
    form("llama-bench JSON", bench_json, Some(6), BOTH),
    form("llama-bench SQL", bench_sql, Some(6), BOTH),
    form("llama-batched-bench", batched, Some(2), BOTH),
    form("llama-sweep-bench", sweep, Some(2), BOTH),
    form("mlx_lm.generate", mlx_generate, Some(3), BOTH),
    form("mlx_lm.benchmark", mlx_benchmark, Some(3), BOTH),
    form("TabbyAPI", tabby, Some(2), BOTH),
    form("koboldcpp", kobold, Some(2), (Speed::All, Speed::All, Counts::Output)),
    form("LM Studio REST v0", lm_studio, None, (Speed::All, Speed::Absent, Counts::Both)),
];

fn line(time_ms: f64, count: u32, unit: &str, free: u32) -> String {
    let divided = f64::from(count - free);
    let (per_token, rate) = (time_ms / divided, divided / time_ms * 1e3);
    format!(
        "{time_ms:10.2} ms / {count:5} {unit:<6} ({per_token:8.2} ms per token, {rate:8.2} tokens per second)"
    )
}

fn timings_2023_05(m: &Measured) -> String {
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

fn library(m: &Measured, label: &str, total_counts: bool) -> String {
    let counts = if total_counts { format!(" / {:5} tokens", m.prompt + m.output) } else { String::new() };
    format!(
        "{label}:        load time = {:10.2} ms\n{label}: prompt eval time = {}\n{label}:        eval time = {}\n{label}:       total time = {:10.2} ms{counts}\n",
        m.load_ms,
        line(m.prompt_ms, m.prompt, "tokens", 0),
        line(m.output_ms, m.output, "runs", 0),
        m.prompt_ms + m.output_ms * 1.01
    )
}

fn timings_2023(m: &Measured) -> String {
    library(m, "llama_print_timings", false)
}

fn perf(m: &Measured) -> String {
    library(m, "llama_perf_context_print", true)
}

fn common_perf(m: &Measured) -> String {
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

fn sum(m: &Measured) -> f64 {
    m.prompt_ms + m.output_ms
}

fn server_2023(m: &Measured) -> String {
    format!(
        "print_timings: prompt eval time = {}\nprint_timings:        eval time = {}\nprint_timings:       total time = {:10.2} ms\n",
        line(m.prompt_ms, m.prompt, "tokens", 0),
        line(m.output_ms, m.output, "runs", 0),
        sum(m)
    )
}

fn server_2024_json(m: &Measured) -> String {
    let entry = |message: String| {
        format!(
            "{{\"tid\":\"140\",\"timestamp\":1708000000,\"level\":\"INFO\",\"function\":\"print_timings\",\"line\":269,\"msg\":\"{message}\",\"slot_id\":0,\"task_id\":7}}\n"
        )
    };
    entry(format!("prompt eval time     = {}", line(m.prompt_ms, m.prompt, "tokens", 0)))
        + &entry(format!("generation eval time = {}", line(m.output_ms, m.output, "runs", 0)))
        + &entry(format!("          total time = {:10.2} ms", sum(m)))
}

fn ik_server(m: &Measured) -> String {
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

fn slot_header(m: &Measured) -> String {
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

fn slots(m: &Measured, free: u32) -> String {
    let label = "slot print_timing: id  3 | task 1941 | ";
    format!(
        "0.40.000.000 I {label}n_gen =    100, tg =  12.00 t/s, tg_3s =  11.00 t/s\n0.44.049.633 I {label}prompt eval time = {}\n0.44.049.636 I {label}       eval time = {}\n0.44.049.637 I {label}      total time = {:10.2} ms / {:5} tokens\n0.44.049.637 I {label}   graphs reused =       2590\n",
        line(m.prompt_ms, m.prompt, "tokens", 0),
        line(m.output_ms, m.output, "tokens", free),
        sum(m),
        m.prompt + m.output
    )
}

fn slot_lines(m: &Measured) -> String {
    slots(m, 0)
}

fn slot_lines_2026(m: &Measured) -> String {
    slots(m, 1)
}

fn server_json(m: &Measured) -> String {
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

fn cli(m: &Measured) -> String {
    format!(
        "\n[ Prompt: {:.1} t/s | Generation: {:.1} t/s ]\n\n\nExiting...\n",
        m.prefill_tps(),
        m.decode_tps()
    )
}

/// A duration as Go prints it, from nanoseconds.
pub(crate) fn go(nanos: u64) -> String {
    let trimmed = |whole: u64, part: u64, digits: usize| {
        let text = format!("{whole}.{part:0digits$}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    match nanos {
        0..1_000 => format!("{nanos}ns"),
        1_000..1_000_000 => trimmed(nanos / 1_000, nanos % 1_000, 3) + "µs",
        1_000_000..1_000_000_000 => trimmed(nanos / 1_000_000, nanos % 1_000_000, 6) + "ms",
        _ => {
            let (seconds, part) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
            let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
            let mut text = String::new();
            if hours > 0 {
                let _ = write!(text, "{hours}h");
            }
            if seconds >= 60 {
                let _ = write!(text, "{minutes}m");
            }
            text + &trimmed(seconds % 60, part, 9) + "s"
        }
    }
}

fn nanos(ms: f64) -> u64 {
    (ms * 1e6).round() as u64
}

fn ollama(m: &Measured) -> String {
    let (prompt, output) = (nanos(m.prompt_ms), nanos(m.output_ms));
    let total = prompt + output + nanos(m.load_ms);
    let rate = |count: u32, time: u64| f64::from(count) / (time as f64 / 1e9);
    format!(
        "total duration:       {}\nload duration:        {}\nprompt eval count:    {} token(s)\nprompt eval duration: {}\nprompt eval rate:     {:.2} tokens/s\neval count:           {} token(s)\neval duration:        {}\neval rate:            {:.2} tokens/s\n",
        go(total),
        go(nanos(m.load_ms)),
        m.prompt,
        go(prompt),
        rate(m.prompt, prompt),
        m.output,
        go(output),
        rate(m.output, output)
    )
}

fn ollama_json(m: &Measured) -> String {
    format!(
        "{{\"model\":\"mistral\",\"created_at\":\"2024-01-23T20:23:02Z\",\"response\":\"x\",\"done\":true,\"done_reason\":\"stop\",\"context\":[1,2],\"total_duration\":{},\"load_duration\":{},\"prompt_eval_count\":{},\"prompt_eval_duration\":{},\"eval_count\":{},\"eval_duration\":{}}}\n",
        nanos(m.prompt_ms + m.output_ms + m.load_ms),
        nanos(m.load_ms),
        m.prompt,
        nanos(m.prompt_ms),
        m.output,
        nanos(m.output_ms)
    )
}

fn bench_rows(m: &Measured, names: &[String; 2], quant: &str) -> String {
    let mut text = format!(
        "| {:<30} | {:>10} | {:>10} | {:<10} | {:>3} | {:>15} | {:>20} |\n",
        "model", "size", "params", "backend", "ngl", "test", "t/s"
    );
    text += "| ------------------------------ | ---------: | ---------: | ---------- | --: | --------------: | -------------------: |\n";
    for (name, rate) in names.iter().zip([m.prefill_tps(), m.decode_tps()]) {
        let rate = format!("{rate:.2} ± {:.2}", rate / 50.0);
        let _ = writeln!(
            text,
            "| {:<30} | {:>10} | {:>10} | {:<10} | {:>3} | {name:>15} | {rate:>20} |",
            format!("llama 7B {quant}"),
            "3.56 GiB",
            "6.74 B",
            "CUDA",
            99
        );
    }
    text + "\nbuild: 8cf427ff (5163)\n"
}

fn bench_md(m: &Measured) -> String {
    bench_rows(m, &[format!("pp{}", m.prompt), format!("tg{}", m.output)], "Q4_0")
}

fn bench_md_2023(m: &Measured) -> String {
    bench_rows(m, &[format!("pp {}", m.prompt), format!("tg {}", m.output)], "mostly Q4_0")
}

/// The fields of both rows, in the order of their build.
fn bench_fields(m: &Measured) -> [Vec<(&'static str, String, bool)>; 2] {
    let row = |prompt: u32, output: u32, rate: f64| {
        let time = f64::from(prompt + output) / rate * 1e9;
        vec![
            ("build_commit", "8cf427ff".into(), true),
            ("build_number", "5163".into(), false),
            ("cpu_info", "AMD Ryzen 7, 8-Core".into(), true),
            ("gpu_info", "NVIDIA GeForce RTX 4080".into(), true),
            ("backends", "CUDA".into(), true),
            ("model_filename", "/home/somebody/secret/model.gguf".into(), true),
            ("model_type", "qwen2 7B Q4_K - Medium".into(), true),
            ("model_size", "4677120000".into(), false),
            ("n_threads", "8".into(), false),
            ("n_prompt", prompt.to_string(), false),
            ("n_gen", output.to_string(), false),
            ("n_depth", "0".into(), false),
            ("test_time", "2025-04-24T11:57:09Z".into(), true),
            ("avg_ns", format!("{time:.0}"), false),
            ("stddev_ns", format!("{:.0}", time / 100.0), false),
            ("avg_ts", format!("{rate:.6}"), false),
            ("stddev_ts", format!("{:.6}", rate / 100.0), false),
        ]
    };
    [row(m.prompt, 0, m.prefill_tps()), row(0, m.output, m.decode_tps())]
}

fn joined(
    row: &[(&str, String, bool)],
    of: impl Fn(&(&str, String, bool)) -> String,
    between: &str,
) -> String {
    row.iter().map(of).collect::<Vec<_>>().join(between)
}

fn bench_csv(m: &Measured) -> String {
    let rows = bench_fields(m);
    let mut text = joined(&rows[0], |field| field.0.to_owned(), ",") + "\n";
    for row in &rows {
        text += &(joined(row, |field| format!("\"{}\"", field.1), ",") + "\n");
    }
    text
}

fn bench_json(m: &Measured) -> String {
    let value = |field: &(&str, String, bool)| {
        let quote = if field.2 { "\"" } else { "" };
        format!("    \"{}\": {quote}{}{quote}", field.0, field.1)
    };
    let rows = bench_fields(m)
        .map(|row| format!("  {{\n{},\n    \"samples_ts\": [ 1.5, 2.5 ]\n  }}", joined(&row, value, ",\n")));
    format!("[\n{}\n]\n", rows.join(",\n"))
}

fn bench_sql(m: &Measured) -> String {
    let mut text =
        String::from("CREATE TABLE IF NOT EXISTS llama_bench (\n  build_commit TEXT,\n  avg_ts REAL\n);\n\n");
    for row in bench_fields(m) {
        let _ = writeln!(
            text,
            "INSERT INTO llama_bench ({}) VALUES ({});",
            joined(&row, |field| field.0.to_owned(), ", "),
            joined(&row, |field| format!("'{}'", field.1), ", ")
        );
    }
    text
}

fn batched(m: &Measured) -> String {
    let (prompt_s, output_s) = (m.prompt_ms / 1e3, m.output_ms / 1e3);
    format!(
        "|    PP |     TG |    B |   N_KV |   T_PP s | S_PP t/s |   T_TG s | S_TG t/s |      T s |    S t/s |\n|-------|--------|------|--------|----------|----------|----------|----------|----------|----------|\n| {:5} | {:6} | {:4} | {:6} | {prompt_s:8.3} | {:8.2} | {output_s:8.3} | {:8.2} | {:8.3} | {:8.2} |\n",
        m.prompt,
        m.output,
        1,
        m.prompt + m.output,
        m.prefill_tps(),
        m.decode_tps(),
        prompt_s + output_s,
        f64::from(m.prompt + m.output) / (prompt_s + output_s)
    )
}

fn sweep(m: &Measured) -> String {
    format!(
        "|    PP |     TG |   N_KV |   T_PP s | S_PP t/s |   T_TG s | S_TG t/s |\n|-------|--------|--------|----------|----------|----------|----------|\n| {:5} | {:6} | {:6} | {:8.3} | {:8.2} | {:8.3} | {:8.2} |\n",
        m.prompt,
        m.output,
        1024,
        m.prompt_ms / 1e3,
        m.prefill_tps(),
        m.output_ms / 1e3,
        m.decode_tps()
    )
}

fn mlx_generate(m: &Measured) -> String {
    format!(
        "==========\nSome answer.\n==========\nPrompt: {} tokens, {:.3} tokens-per-sec\nGeneration: {} tokens, {:.3} tokens-per-sec\nPeak memory: 0.277 GB\n",
        m.prompt,
        m.prefill_tps(),
        m.output,
        m.decode_tps()
    )
}

fn mlx_benchmark(m: &Measured) -> String {
    let speeds =
        format!("prompt_tps={:.3}, generation_tps={:.3}, peak_memory=1.603", m.prefill_tps(), m.decode_tps());
    format!(
        "Running warmup..\nTiming with prompt_tokens={}, generation_tokens={}, batch_size=1.\nTrial 1:  {speeds}, total_time=3.236\nTrial 2:  {speeds}, total_time=3.241\nAverages: {speeds}\n",
        m.prompt, m.output
    )
}

fn tabby(m: &Measured) -> String {
    format!(
        "2026-09-10 15:01:39.976 INFO:     Metrics (ID: ba98857171f843819f1002589743de29): {} tokens generated in {:.2} seconds (Queue: 0.0 s, Process: 0 cached tokens and {} new tokens at {:.2} T/s, Generate: {:.2} T/s, Context: {} tokens)\n",
        m.output,
        sum(m) / 1e3 + 0.2,
        m.prompt,
        m.prefill_tps(),
        m.decode_tps(),
        m.prompt
    )
}

fn kobold(m: &Measured) -> String {
    format!(
        "[12:00:01] CtxLimit:{}/16384, Amt:{}/{}, Init:0.00s, Process:{:.2}s ({:.2}T/s), Generate:{:.2}s ({:.2}T/s), Total:{:.2}s\n",
        m.prompt + m.output,
        m.output,
        m.output,
        m.prompt_ms / 1e3,
        m.prefill_tps(),
        m.output_ms / 1e3,
        m.decode_tps(),
        sum(m) / 1e3 + 0.01
    )
}

fn lm_studio(m: &Measured) -> String {
    format!(
        "{{\n  \"usage\": {{\n    \"prompt_tokens\": {},\n    \"completion_tokens\": {}\n  }},\n  \"stats\": {{\n    \"tokens_per_second\": {},\n    \"time_to_first_token\": 0.111,\n    \"generation_time\": {},\n    \"stop_reason\": \"eosFound\"\n  }},\n  \"model_info\": {{\"arch\": \"granite\", \"quant\": \"Q4_K_M\"}}\n}}\n",
        m.prompt,
        m.output,
        m.decode_tps(),
        m.output_ms / 1e3
    )
}
