//! What is kept of a paste and sent: timing lines of one run, and nothing of anybody.

use data::paste::{Run, Verdict, read};

use crate::{more, samples};

/// Everything that may begin a kept line. What is not here is somebody's text.
const KEPT: [&str; 63] = [
    "llama_print_timings: ",
    "llama_perf_sampler_print: ",
    "llama_perf_context_print: ",
    "common_perf_print: ",
    "llm_load_print_meta: ",
    "print_info: ",
    "print_timings: ",
    "ggml_vulkan: ",
    "ggml_cuda_init: found ",
    "ggml_metal_init: GPU name: ",
    "ggml_metal_device_init: GPU name: ",
    "Device ",
    "llama_model_load_from_file",
    "main: ",
    "slot ",
    "prompt eval ",
    "generation eval time",
    "eval ",
    "total ",
    "draft acceptance",
    "load duration:",
    "encoded ",
    "decoded ",
    "[ Prompt: ",
    "{\"",
    "| ",
    "Avg prompt throughput: ",
    "Engine 000: Avg prompt throughput: ",
    "Processed prompts: est. speed ",
    "Throughput: ",
    "Total ",
    "Benchmark duration",
    "Output token throughput",
    "Maximum request concurrency: ",
    "Max request concurrency: ",
    "Mean ",
    "Decode batch",
    "Prefill batch",
    "Prefill. latency: ",
    "Decode",
    "Timing with prompt_tokens=",
    "Averages: ",
    "Trial ",
    "Prompt: ",
    "Generation: ",
    "[batch_generate] ",
    "Metrics: ",
    "CtxLimit:",
    "ContextLimit: ",
    "Time Taken - ",
    "Processing",
    "Generati",
    "MaxCtx: ",
    "GenAmount: ",
    "TotalTime: ",
    "Model: ",
    "Backend: koboldcpp_",
    "Output generated in ",
    "Response generated in ",
    "Position ",
    "Length ",
    "[BENCHMARK] ",
    "Prediction Stats: ",
];

/// Commands of which only the model is kept, and what carries the flags.
const OTHERS: [&str; 5] = ["-m ", "-hf ", "mlx_lm --model ", "ollama run ", "llm-speed flags: "];

/// All pastes that we have, by name.
fn pastes() -> Vec<(String, Vec<u8>)> {
    let further = more::all().into_iter().map(|case| (case.source.to_owned(), case.text.as_bytes().to_vec()));
    samples::all().into_iter().chain(further).collect()
}

fn values(run: &Run) -> impl PartialEq + std::fmt::Debug {
    let counts = [run.prompt_tokens, run.output_tokens, run.depth_tokens, run.cached_tokens, run.streams];
    let speeds = [run.decode_tps, run.prefill_tps, run.aggregate_tps, run.end_to_end_tps];
    let names = [&run.model, &run.quant, &run.size, &run.backend, &run.device].map(Clone::clone);
    (counts, speeds, names, run.flags.clone(), run.tool, run.decode_rule)
}

#[test]
fn kept_lines_are_timings_alone_and_read_the_same() {
    for (name, bytes) in pastes() {
        let reading = read(&bytes);
        if reading.verdict == Verdict::Refused {
            continue;
        }
        for (number, run) in reading.runs.iter().enumerate() {
            let lines = reading.timing_lines(number).expect("lines of a run that was read");
            for line in lines.lines() {
                let known = KEPT.iter().chain(&OTHERS).any(|start| line.starts_with(start));
                assert!(known, "{name} keeps {line:?}");
                let is_path =
                    ["~/", "/Volumes", "/home/", "models/", "C:\\"].iter().any(|part| line.contains(part));
                assert!(!is_path, "{name}: {line}");
            }
            let again = read(lines.as_bytes());
            assert_eq!(again.runs.len(), 1, "{name}: {lines}");
            assert_eq!(values(run), values(&again.runs[0]), "{name}: {lines}");
            assert_eq!(again.timing_lines(0), Some(lines), "{name}: what is kept of kept lines is the same");
        }
    }
}

/// Prompts, answers, paths and names of machines around the timings stay where they are.
#[test]
fn what_stands_around_timings_is_not_kept() {
    let mut kept_runs = 0;
    for (name, bytes) in pastes() {
        let Ok(text) = String::from_utf8(bytes) else { continue };
        let around = format!(
            "me@secret-host:~$ /home/secret/run --prompt 'a secret' -m /home/secret/models/x.gguf\nuser: tell me a secret\n{text}\n\nassistant: the secret is in /srv/secret/x\nsecret-host:/secret$ "
        );
        let logged: String =
            text.lines().map(|line| format!("Nov 22 13:00:01 secret-host secret[937]: {line}\n")).collect();
        for text in [around, logged] {
            for run in read(text.as_bytes()).runs {
                kept_runs += usize::from(!run.lines.is_empty());
                assert!(!run.lines.contains("secret"), "{name}: {}", run.lines);
            }
        }
    }
    assert!(kept_runs > 300, "only {kept_runs} runs");
}
