//! What columns and notes of a row say, one function a question.

use data::backend::Backend;
use data::row::{MatrixFormat, QuantGroup, Runtime};
use estimator::{CacheType, CacheTypes, Workload};

use crate::devices::Device;
use crate::observation::{Metric, Offload};
use crate::row::MeasurementRow;
use crate::text::{number_after, text_after};

/// What drives the device, as columns and notes say; else what usually does.
#[must_use]
pub fn backend(row: &MeasurementRow) -> Backend {
    let stated = row.backend.split(',').next().unwrap_or_default();
    if let Some(backend) = Backend::from_name(stated) {
        return backend;
    }
    if on_phone_graphics(row) {
        return Backend::Vulkan;
    }
    let engine = row.engine.to_lowercase();
    let notes = row.notes.to_lowercase();
    let name = row.device.to_lowercase();
    let cpu_only = notes.contains("cpu only")
        || notes.contains("accel_type=cpu")
        || name.contains("(cpu")
        || name.contains("cpu only")
        || notes.contains("runs_on=cpu");
    match row.device_class.as_str() {
        _ if cpu_only => Backend::Cpu,
        "apple" => Backend::Metal,
        "nvidia" => Backend::Cuda,
        "cpu" | "mobile" => Backend::Cpu,
        "amd" if notes.contains("vulkan") => Backend::Vulkan,
        "amd" => Backend::Rocm,
        "intel" if engine.contains("sycl") || notes.contains("sycl") => Backend::Sycl,
        "intel" => Backend::Vulkan,
        _ if name.contains("spark")
            || name.contains("gb10")
            || name.contains("jetson")
            || name.contains("orin") =>
        {
            Backend::Cuda
        }
        _ => Backend::Rocm,
    }
}

/// Whether a phone's graphics or its neural unit did it, by a backend that the catalogue does not know.
#[must_use]
pub fn on_phone_graphics(row: &MeasurementRow) -> bool {
    ["opencl", "htp"].iter().any(|name| row.backend.eq_ignore_ascii_case(name))
}

/// The backend that a device of this maker can have been driven by.
#[must_use]
pub fn settled(backend: Backend, device: &Device) -> Backend {
    match (backend, device.vendor.as_str()) {
        (Backend::Cuda | Backend::Rocm | Backend::Sycl, "apple") => Backend::Metal,
        (Backend::Cuda, "amd") => Backend::Rocm,
        (Backend::Cuda | Backend::Rocm, "intel") => Backend::Vulkan,
        (Backend::Rocm, "nvidia") => Backend::Cuda,
        _ if matches!(device.class, estimator::HardwareClass::Cpu) => Backend::Cpu,
        _ => backend,
    }
}

/// The runtime by its own name, and the catalogue's runtime that is most like it.
#[must_use]
pub fn runtime(row: &MeasurementRow) -> (&'static str, Runtime) {
    let engine = row.engine.to_lowercase();
    let is = |name: &str| engine.contains(name);
    match () {
        () if is("localscore") => ("localscore", Runtime::LlamaCpp),
        () if is("ik_llama") => ("ik_llama.cpp", Runtime::LlamaCpp),
        () if is("mlx") || is("omlx") => ("mlx", Runtime::Mlx),
        () if row.device_class == "apple" && llama_lacks(&row.quant) => ("mlx", Runtime::Mlx),
        () if is("ollama") => ("ollama", Runtime::Ollama),
        () if is("vllm") => ("vllm", Runtime::Vllm),
        () if is("sglang") => ("sglang", Runtime::Vllm),
        () if is("tensorrt") => ("tensorrt-llm", Runtime::Vllm),
        () if is("deepspeed") => ("deepspeed", Runtime::Vllm),
        () if is("exllamav3") || is("exl3") => ("exllamav3", Runtime::ExLlamaV3),
        () if is("exllama") => ("exllamav2", Runtime::ExLlamaV2),
        () if is("mlc") => ("mlc", Runtime::LlamaCpp),
        () if is("transformers")
            || is("pytorch")
            || is("lightning")
            || is("autogptq")
            || is("onnx")
            || is("ctrans") =>
        {
            ("transformers", Runtime::LlamaCpp)
        }
        () if is("ds4") || is("hipfire") => ("other", Runtime::LlamaCpp),
        () => ("llama.cpp", Runtime::LlamaCpp),
    }
}

/// Formats of MLX: on a Mac, programs that have llama.cpp and MLX both (Ollama, LM Studio) run these on MLX.
fn llama_lacks(quant: &str) -> bool {
    let quant = quant.to_lowercase();
    ["int4", "int8", "nvfp4", "mxfp8", "4bit", "6bit", "8bit"].contains(&quant.as_str())
}

/// The format that weights of a quantisation can be multiplied in.
#[must_use]
pub fn matrix_format(group: QuantGroup) -> MatrixFormat {
    match group {
        QuantGroup::Fp8 => MatrixFormat::Fp8,
        QuantGroup::Nvfp4 => MatrixFormat::Fp4,
        _ => MatrixFormat::F16,
    }
}

/// Mean prompt and mean tokens in the cache while decoding of LocalScore's nine published mixes of prompt and answer:
/// 1024+16, 4096+256, 2048+256, 2048+768, 1024+1024, 1280+3072, 384+1152, 64+1024, 16+1536.
const LOCALSCORE_MIXES: [(f64, f64); 9] = [
    (1024.0, 16.0),
    (4096.0, 256.0),
    (2048.0, 256.0),
    (2048.0, 768.0),
    (1024.0, 1024.0),
    (1280.0, 3072.0),
    (384.0, 1152.0),
    (64.0, 1024.0),
    (16.0, 1536.0),
];

/// Tokens in the cache, prompt and streams.
#[must_use]
pub fn workload(row: &MeasurementRow, metric: Metric) -> Workload {
    let mixes = row.engine.to_lowercase().contains("localscore");
    let mean = |of: fn(&(f64, f64)) -> f64| {
        LOCALSCORE_MIXES.iter().map(of).sum::<f64>() / LOCALSCORE_MIXES.len() as f64
    };
    let notes = row.notes.to_lowercase();
    let prompt = row.n_prompt.filter(|n| *n > 0.0).or_else(|| number_after(&notes, "prompt_tokens="));
    let generated = row.n_gen.filter(|n| *n > 0.0).unwrap_or(128.0);
    let streams = row.batch.unwrap_or(1.0).max(1.0) as u32;
    match metric {
        Metric::Decode => {
            let before = row.depth.or(prompt).unwrap_or(256.0);
            let context = if mixes { mean(|(p, g)| p + g / 2.0) } else { before + generated / 2.0 };
            Workload { prompt_tokens: 1, cached_tokens: 0, context_tokens: context.max(1.0) as u32, streams }
        }
        Metric::Prefill => {
            let new = if mixes { mean(|(p, _)| *p) } else { prompt.unwrap_or(512.0) };
            let cached = row.depth.unwrap_or(0.0);
            Workload {
                prompt_tokens: (cached + new).max(1.0) as u32,
                cached_tokens: cached as u32,
                context_tokens: (cached + new).max(1.0) as u32,
                streams,
            }
        }
    }
}

/// Types of keys and values.
#[must_use]
pub fn cache_types(text: &str) -> CacheTypes {
    let text = text.to_lowercase();
    let one = |text: &str| match () {
        () if text.contains("q8") || text.contains("int8") => CacheType::Q8_0,
        () if text.contains("fp8") => CacheType::Fp8,
        () if text.contains("q5_1") => CacheType::Q5_1,
        () if text.contains("q5") => CacheType::Q5_0,
        () if text.contains("q4_1") => CacheType::Q4_1,
        () if text.contains("q4") || text.contains("4bit") => CacheType::Q4_0,
        () => CacheType::F16,
    };
    let (k, v) = match text.split_once(['/', ',']) {
        Some((k, v)) => (one(k), one(v)),
        None => (one(&text), one(&text)),
    };
    CacheTypes { k, v }
}

/// A stated power limit as a share of stock; 1 without one.
#[must_use]
pub fn power_share(notes: &str, device: &Device) -> f64 {
    let spellings = ["power_limit_w=", "power-limited to ", "power capped ", "power limit "];
    let limit = spellings.into_iter().find_map(|spelling| number_after(notes, spelling));
    if let Some(share) = number_after(notes, "power_share=").filter(|share| *share > 0.0) {
        return share.min(1.0);
    }
    match (limit, device.tdp_w) {
        (Some(limit), Some(stock)) if limit > 0.0 => (limit / stock).min(1.0),
        _ => 1.0,
    }
}

/// Whether attention is not fused, as far as the row tells. Where nothing is said, llama.cpp did not fuse it before
/// September 2025, when that became its default (pull request 15434).
#[must_use]
pub fn unfused(row: &MeasurementRow, runtime: &str) -> bool {
    let old = !row.date.is_empty() && row.date.as_str() < "2025-09";
    let llama = matches!(runtime, "llama.cpp" | "ollama" | "localscore" | "ik_llama.cpp");
    llama && row.flash_attn.map_or(old || runtime == "localscore", |on| on == 0.0)
}

/// Years in which kernels were alike.
#[must_use]
pub fn era(date: &str) -> &'static str {
    match () {
        () if date.is_empty() => "now",
        () if date < "2024" => "2023",
        () if date < "2024-09" => "2024",
        () if date < "2025-06" => "2025",
        () => "now",
    }
}

/// Half years in which backends were alike, for those that change fast; empty where it is the latest. Undated rows are a
/// time of their own: scoreboards keep the best of years.
#[must_use]
pub fn period(date: &str) -> &'static str {
    match () {
        () if date.is_empty() => "undated",
        () if date < "2024" => "2023",
        () if date < "2024-09" => "2024",
        () if date < "2025-06" => "2025",
        () if date < "2026" => "2025b",
        () => "",
    }
}

/// Whose driver a half year of Vulkan is about, where it is not AMD's or NVIDIA's: those had cooperative matrices at about
/// the same time, the others years later or never, so that how they were behind tells nothing about cards of the two.
#[must_use]
pub fn driver(half_year: &str, backend: Backend, vendor: &str) -> String {
    let told_apart = backend == Backend::Vulkan && !matches!(vendor, "" | "amd" | "nvidia");
    if told_apart && !half_year.is_empty() { format!("+{vendor}") } else { String::new() }
}

/// What ROCm multiplied matrices with and which of Vulkan's drivers for AMD drove it, where a source states one: prompts
/// are read twice as fast through hipBLASLt as without.
#[must_use]
pub fn library(row: &MeasurementRow, backend: Backend) -> String {
    let stated = format!("{} {} {}", row.notes, row.engine_version, row.backend).to_lowercase();
    let mut found = String::new();
    match backend {
        Backend::Rocm => {
            match text_after(&stated, "hipblaslt=").map(|value| value.starts_with('1')) {
                Some(true) => found.push_str("+lt"),
                Some(false) => found.push_str("-lt"),
                None => {}
            }
            if stated.contains("rocwmma") {
                found.push_str("+wmma");
            }
        }
        Backend::Vulkan if stated.contains("amdvlk") => found.push_str("+amdvlk"),
        Backend::Vulkan if stated.contains("radv") => found.push_str("+radv"),
        _ => {}
    }
    found
}

/// Whether a benchmark tool measured it or people tell of their own runs.
#[must_use]
pub fn origin(notes: &str) -> &'static str {
    match () {
        () if notes.contains("crowdsourced") => "crowd",
        () if notes.contains("llmfit bench") => "crowd",
        () => "tool",
    }
}

/// The operating system, where a source tells.
#[must_use]
pub fn system(notes: &str) -> &'static str {
    match () {
        () if notes.contains("os=windows") => "windows",
        () if notes.contains("os=linux") => "linux",
        () => "",
    }
}

/// Tokens in a micro-batch.
#[must_use]
pub fn micro_batch(notes: &str, program: Runtime) -> u32 {
    let stated = number_after(notes, "n_ubatch=").or_else(|| number_after(notes, "ubatch="));
    match program {
        _ if stated.is_some_and(|n| n >= 1.0) => stated.map_or(512, |n| n as u32),
        Runtime::LlamaCpp | Runtime::Ollama => 512,
        _ => 2048,
    }
}

/// Bandwidth of RAM that notes state, in GB/s.
#[must_use]
fn ram_bandwidth_gb_s(notes: &str) -> Option<f64> {
    number_after(notes, "ram_bandwidth_gbs=").filter(|bandwidth| *bandwidth > 0.0)
}

/// What notes state about work left to the host.
#[must_use]
pub fn offload(notes: &str) -> Offload {
    let experts = notes.contains("exps=cpu") && !notes.contains("=cuda");
    Offload {
        layers_on_device: number_after(notes, "ngl="),
        expert_layers_on_host: number_after(notes, "n_cpu_moe="),
        all_experts: experts || notes.contains("all experts on cpu") || notes.contains("all routed experts"),
        host_bytes: number_after(notes, "cpu_buffer_mib=").map(|mib| mib * 1024.0 * 1024.0),
        host_bandwidth_gb_s: ram_bandwidth_gb_s(notes),
    }
}
