//! llama-bench and the benchmarks beside it.

use std::fmt::Write;

use super::Measured;

pub(super) fn bench_rows(m: &Measured, names: &[String; 2], quant: &str) -> String {
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

pub(super) fn bench_md(m: &Measured) -> String {
    bench_rows(m, &[format!("pp{}", m.prompt), format!("tg{}", m.output)], "Q4_0")
}

/// ik_llama.cpp's own settings are columns of their own.
pub(super) fn ik_bench(m: &Measured) -> String {
    let mut text = String::from(
        "| model                          |       size |     params | backend    | ngl | threads | n_ubatch | type_k | type_v | fa | mla |   amb | rtr | fmoe |          test |              t/s |\n| ------------------------------ | ---------: | ---------: | ---------- | --: | ------: | -------: | -----: | -----: | -: | --: | ----: | --: | ---: | ------------: | ---------------: |\n",
    );
    for (test, rate) in
        [(format!("pp{}", m.prompt), m.prefill_tps()), (format!("tg{}", m.output), m.decode_tps())]
    {
        let rate = format!("{rate:.2} ± {:.2}", rate / 90.0);
        let _ = writeln!(
            text,
            "| deepseek2 671B IQ4_K_R4 - 4.5 bpw | 376.65 GiB |   672.05 B | CUDA       |  99 |      24 |     2048 |   q8_0 |   q8_0 |  1 |   3 |   512 |   1 |    1 | {test:>13} | {rate:>16} |",
        );
    }
    text + "\nbuild: e082df47 (3837)\n"
}

pub(super) fn bench_md_2023(m: &Measured) -> String {
    bench_rows(m, &[format!("pp {}", m.prompt), format!("tg {}", m.output)], "mostly Q4_0")
}

/// The fields of both rows, in the order of their build.
pub(super) fn bench_fields(m: &Measured) -> [Vec<(&'static str, String, bool)>; 2] {
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

pub(super) fn joined(
    row: &[(&str, String, bool)],
    of: impl Fn(&(&str, String, bool)) -> String,
    between: &str,
) -> String {
    row.iter().map(of).collect::<Vec<_>>().join(between)
}

pub(super) fn bench_csv(m: &Measured) -> String {
    let rows = bench_fields(m);
    let mut text = joined(&rows[0], |field| field.0.to_owned(), ",") + "\n";
    for row in &rows {
        text += &(joined(row, |field| format!("\"{}\"", field.1), ",") + "\n");
    }
    text
}

pub(super) fn bench_json(m: &Measured) -> String {
    let value = |field: &(&str, String, bool)| {
        let quote = if field.2 { "\"" } else { "" };
        format!("    \"{}\": {quote}{}{quote}", field.0, field.1)
    };
    let rows = bench_fields(m)
        .map(|row| format!("  {{\n{},\n    \"samples_ts\": [ 1.5, 2.5 ]\n  }}", joined(&row, value, ",\n")));
    format!("[\n{}\n]\n", rows.join(",\n"))
}

pub(super) fn bench_sql(m: &Measured) -> String {
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

pub(super) fn batched(m: &Measured) -> String {
    let (held, [prompt_s, output_s, both_s]) = m.both();
    let both_tps = f64::from(held) / both_s;
    format!(
        "|    PP |     TG |    B |   N_KV |   T_PP s | S_PP t/s |   T_TG s | S_TG t/s |      T s |    S t/s |\n|-------|--------|------|--------|----------|----------|----------|----------|----------|----------|\n| {:5} | {:6} | {:4} | {held:6} | {prompt_s:8.3} | {:8.2} | {output_s:8.3} | {:8.2} | {both_s:8.3} | {both_tps:8.2} |\n",
        m.prompt,
        m.output,
        1,
        m.prefill_tps(),
        m.decode_tps()
    )
}

pub(super) fn sweep(m: &Measured) -> String {
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

pub(super) fn bench_jsonl(m: &Measured) -> String {
    let value = |field: &(&str, String, bool)| {
        let quote = if field.2 { "\"" } else { "" };
        format!("\"{}\": {quote}{}{quote}", field.0, field.1)
    };
    bench_fields(m).iter().map(|row| format!("{{{}}}\n", joined(row, value, ", "))).collect()
}

pub(super) fn batched_jsonl(m: &Measured) -> String {
    let (held, [prompt_s, output_s, both_s]) = m.both();
    let both_tps = f64::from(held) / both_s;
    format!(
        "{{\"n_kv_max\": 32768, \"n_batch\": 2048, \"n_ubatch\": 512, \"flash_attn\": 1, \"pp\": {}, \"tg\": {}, \"pl\": 1, \"n_kv\": {held}, \"t_pp\": {prompt_s:.6}, \"speed_pp\": {:.6}, \"t_tg\": {output_s:.6}, \"speed_tg\": {:.6}, \"t\": {both_s:.6}, \"speed\": {both_tps:.6}}}\n",
        m.prompt,
        m.output,
        m.prefill_tps(),
        m.decode_tps()
    )
}

pub(super) fn sweep_narrow(m: &Measured) -> String {
    format!(
        "PP | TG | N_KV | T_PP s | S_PP t/s | T_TG s | S_TG t/s\n-- | -- | -- | -- | -- | -- | --\n{} | {} | 0 | {:.3} | {:.2} | {:.3} | {:.2}\n",
        m.prompt,
        m.output,
        m.prompt_ms / 1e3,
        m.prefill_tps(),
        m.output_ms / 1e3,
        m.decode_tps()
    )
}

pub(super) fn benchy(m: &Measured) -> String {
    let row = |test: String, rate: f64, first: &str| {
        format!("| openai/gpt-oss-120b | {test:>12} | {rate:>8.2} ± {:.2} | {first:>16} |\n", rate / 40.0)
    };
    let mut text = String::from(
        "| model               |         test |            t/s |        ttfr (ms) |\n|:--------------------|-------------:|---------------:|-----------------:|\n",
    );
    text += &row(format!("pp{}", m.prompt), m.prefill_tps(), "240.12 ± 1.05");
    text + &row(format!("tg{}", m.output), m.decode_tps(), "")
}

pub(super) fn batched_four(m: &Measured) -> String {
    batched(m).replacen(&format!(" {:4} |", 1), &format!(" {:4} |", 4), 1)
}

pub(super) fn bench_blend(m: &Measured) -> String {
    let rate = m.decode_tps();
    format!(
        "| model | size | params | backend | ngl | test | t/s |\n| --- | --- | --- | --- | --- | --- | --- |\n| llama 7B Q4_0 | 3.56 GiB | 6.74 B | CUDA | 99 | pp{}+tg{} | {rate:.2} ± {:.2} |\n",
        m.prompt,
        m.output,
        rate / 50.0
    )
}

/// The cells of llama-benchy: what each test measured, of all streams and of one.
fn benchy_cells(m: &Measured, streams: u32) -> [(String, f64, f64); 2] {
    let suffix = if streams > 1 { format!(" (c{streams})") } else { String::new() };
    // Of all together a little less: they do not end at the same time.
    let of = |name: String, rate: f64| {
        (name + &suffix, if streams > 1 { rate * f64::from(streams) * 0.97 } else { rate }, rate)
    };
    [of(format!("pp{}", m.prompt), m.prefill_tps()), of(format!("tg{}", m.output), m.decode_tps())]
}

pub(super) fn benchy_streams(m: &Measured, streams: u32) -> String {
    let mut text = String::from(
        "| model              |           test |     t/s (total) |       t/s (req) |     peak t/s |   peak t/s (req) |       ttfr (ms) |    est_ppt (ms) |   e2e_ttft (ms) |\n|:-------------------|---------------:|----------------:|----------------:|-------------:|-----------------:|----------------:|----------------:|----------------:|\n",
    );
    for (name, total, rate) in benchy_cells(m, streams) {
        let pair = |value: f64| format!("{value:.2} ± {:.2}", value / 40.0);
        let (peak, first) = if name.starts_with("tg") {
            (pair(total * 1.1), String::new())
        } else {
            (String::new(), pair(1710.25))
        };
        let _ = writeln!(
            text,
            "| openai/gpt-oss-20b | {name:>14} | {:>15} | {:>15} | {peak:>12} | {peak:>16} | {first:>15} | {first:>15} | {first:>15} |",
            pair(total),
            pair(rate)
        );
    }
    format!(
        "Printing results in MD format:\n\n\n{text}\nllama-benchy (0.4.0)\ndate: 2026-10-02 10:11:12 | latency mode: api\n"
    )
}

pub(super) fn benchy_json(m: &Measured) -> String {
    let metric = |rate: f64| {
        format!(
            "{{\n        \"mean\": {rate},\n        \"std\": {},\n        \"values\": [\n          {rate}\n        ]\n      }}",
            rate / 40.0
        )
    };
    let (prefill, decode) = (metric(m.prefill_tps()), metric(m.decode_tps()));
    format!(
        "{{\n  \"version\": \"0.4.0\",\n  \"timestamp\": \"2026-10-02 10:11:12Z\",\n  \"latency_mode\": \"api\",\n  \"latency_ms\": 4.65,\n  \"model\": \"openai/gpt-oss-20b\",\n  \"prefix_caching_enabled\": false,\n  \"max_concurrency\": 1,\n  \"benchmarks\": [\n    {{\n      \"concurrency\": 1,\n      \"context_size\": 0,\n      \"prompt_size\": {},\n      \"response_size\": {},\n      \"is_context_prefill_phase\": false,\n      \"pp_throughput\": {prefill},\n      \"pp_req_throughput\": {prefill},\n      \"tg_throughput\": {decode},\n      \"tg_req_throughput\": {decode},\n      \"ttfr\": {},\n      \"throughput_over_time\": null\n    }}\n  ]\n}}\n",
        m.prompt,
        m.output,
        metric(840.5)
    )
}

pub(super) fn benchy_csv(m: &Measured) -> String {
    let mut text = String::from(
        "model,test_name,t_s_mean,t_s_std,t_s_req_mean,t_s_req_std,peak_ts_mean,peak_ts_std,peak_ts_req_mean,peak_ts_req_std,ttfr_mean,ttfr_std,est_ppt_mean,est_ppt_std,e2e_ttft_mean,e2e_ttft_std\r\n",
    );
    for (name, total, rate) in benchy_cells(m, 1) {
        let spread = rate / 40.0;
        let _ = write!(
            text,
            "openai/gpt-oss-20b,{name},{total},{spread},{rate},{spread},,,,,840.5,1.5,835.5,1.5,860.5,2.5\r\n"
        );
    }
    text
}
