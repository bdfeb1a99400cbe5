//! What to type to run a setup as it was estimated.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use estimator::{CacheType, HardwareClass, Placement, Spill, Split};

use crate::query::{Job, Rig, cache_type_name};
use crate::row::Runtime;

/// Arguments for the job's runtime, one word each; empty where there is nothing to run.
#[must_use]
pub fn flags(rig: &Rig<'_>, job: &Job, placement: &Placement) -> Vec<String> {
    if *placement == Placement::TooBig {
        return Vec::new();
    }
    match job.runtime {
        Runtime::LlamaCpp => llama_cpp(rig, job, placement),
        Runtime::Ollama => ollama(rig, job, placement),
        Runtime::Vllm => vllm(rig, job),
        Runtime::Mlx => mlx(job),
        Runtime::ExLlamaV2 | Runtime::ExLlamaV3 => exllama(job),
    }
}

/// Tokens that each stream's slot must hold.
fn slot_tokens(job: &Job) -> u32 {
    job.workload.context_tokens.max(job.workload.prompt_tokens)
}

fn pair(flag: &str, value: &impl ToString) -> [String; 2] {
    [flag.to_owned(), value.to_string()]
}

fn llama_cpp(rig: &Rig<'_>, job: &Job, placement: &Placement) -> Vec<String> {
    let mut out = Vec::new();
    let streams = job.workload.streams.max(1);
    out.extend(pair("-c", &(u64::from(slot_tokens(job)) * u64::from(streams))));
    if streams > 1 {
        out.extend(pair("-np", &streams));
    }
    let on_gpu = !matches!(rig.first().device.class, HardwareClass::Cpu | HardwareClass::Mobile);
    match placement {
        Placement::Offloaded(Spill::Layers { on_device, .. }) => {
            // llama.cpp counts the output head as a layer.
            out.extend(pair("-ngl", &(on_device + 1)));
        }
        Placement::Offloaded(Spill::Experts { on_host, .. }) => {
            out.extend(pair("-ngl", &99));
            out.extend(pair("--n-cpu-moe", &on_host));
        }
        _ if on_gpu => out.extend(pair("-ngl", &99)),
        _ => {}
    }
    if job.cache.k != CacheType::F16 {
        out.extend(pair("-ctk", &cache_type_name(job.cache.k)));
    }
    if job.cache.v != CacheType::F16 {
        out.extend(pair("-ctv", &cache_type_name(job.cache.v)));
        // A quantised V cache needs flash attention.
        out.extend(pair("-fa", &"on"));
    }
    match rig.split {
        Split::Tensor if rig.devices.len() > 1 => out.extend(pair("-sm", &"row")),
        Split::LayersByShare(shares) if rig.devices.len() > 1 => {
            let shares: Vec<String> =
                shares[..rig.devices.len()].iter().map(|share| format!("{share}")).collect();
            out.extend(pair("-ts", &shares.join(",")));
        }
        _ => {}
    }
    out
}

/// Ollama takes its settings from the environment and from `/set parameter`.
fn ollama(rig: &Rig<'_>, job: &Job, placement: &Placement) -> Vec<String> {
    let mut out = alloc::vec![format!("OLLAMA_CONTEXT_LENGTH={}", slot_tokens(job))];
    if job.workload.streams > 1 {
        out.push(format!("OLLAMA_NUM_PARALLEL={}", job.workload.streams));
    }
    if job.cache.k != CacheType::F16 {
        out.push("OLLAMA_FLASH_ATTENTION=1".to_owned());
        out.push(format!("OLLAMA_KV_CACHE_TYPE={}", cache_type_name(job.cache.k)));
    }
    if rig.devices.len() > 1 {
        out.push("OLLAMA_SCHED_SPREAD=1".to_owned());
    }
    if let Placement::Offloaded(Spill::Layers { on_device, .. }) = placement {
        out.push(format!("num_gpu={on_device}"));
    }
    out
}

fn vllm(rig: &Rig<'_>, job: &Job) -> Vec<String> {
    let mut out = Vec::new();
    out.extend(pair("--max-model-len", &slot_tokens(job)));
    out.extend(pair("--max-num-seqs", &job.workload.streams.max(1)));
    if rig.devices.len() > 1 {
        let flag =
            if rig.split == Split::Tensor { "--tensor-parallel-size" } else { "--pipeline-parallel-size" };
        out.extend(pair(flag, &rig.devices.len()));
    }
    if job.cache.k == CacheType::Fp8 {
        out.extend(pair("--kv-cache-dtype", &"fp8"));
    }
    out
}

fn mlx(job: &Job) -> Vec<String> {
    let mut out = Vec::new();
    out.extend(pair("--max-kv-size", &slot_tokens(job)));
    let bits = match job.cache.k {
        CacheType::Q8_0 => Some(8),
        CacheType::Q4_0 | CacheType::Q4_1 | CacheType::Iq4Nl => Some(4),
        _ => None,
    };
    if let Some(bits) = bits {
        out.extend(pair("--kv-bits", &bits));
    }
    out
}

fn exllama(job: &Job) -> Vec<String> {
    let mut out = Vec::new();
    out.extend(pair("--max-seq-len", &slot_tokens(job)));
    let mode = match job.cache.k {
        CacheType::Q8_0 | CacheType::Fp8 => Some("Q8"),
        CacheType::Q4_0 | CacheType::Q4_1 | CacheType::Iq4Nl => Some("Q4"),
        _ => None,
    };
    if let Some(mode) = mode {
        out.extend(pair("--cache-mode", &mode));
    }
    out
}
