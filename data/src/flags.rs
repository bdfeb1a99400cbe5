//! What to type to run a setup as it was estimated.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use estimator::{CacheType, HardwareClass, Model, Placement, Spill, Split};

use crate::backend::Backend;
use crate::query::{Job, Rig, cache_type_name};
use crate::row::Runtime;

/// Arguments for the job's runtime, one word each; empty where there is nothing to run.
#[must_use]
pub fn flags(rig: &Rig<'_>, job: &Job, model: &Model, placement: &Placement) -> Vec<String> {
    if *placement == Placement::TooBig {
        return Vec::new();
    }
    match job.runtime {
        Runtime::LlamaCpp => llama_cpp(rig, job, model, placement),
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

fn llama_cpp(rig: &Rig<'_>, job: &Job, model: &Model, placement: &Placement) -> Vec<String> {
    let mut out = Vec::new();
    let streams = job.workload.streams.max(1);
    out.extend(pair("-c", &(u64::from(slot_tokens(job)) * u64::from(streams))));
    if streams > 1 {
        out.extend(pair("-np", &streams));
    }
    match placement {
        Placement::Offloaded(Spill::Layers { on_device, .. }) => {
            // llama.cpp counts the output head as a layer.
            out.extend(pair("-ngl", &(on_device + 1)));
        }
        Placement::Offloaded(Spill::Experts { on_host, .. }) => {
            out.extend(pair("-ngl", &99));
            // Blocks are counted from the first, which in some models are dense and have no experts to leave.
            let dense = model.experts.map_or(0, |experts| experts.leading_dense_layers);
            out.extend(pair("--n-cpu-moe", &(dense + on_host)));
        }
        _ if job.backend != Backend::Cpu => out.extend(pair("-ngl", &99)),
        // A build for its GPU takes what it can unless it is told not to.
        _ if matches!(rig.first().device.class, HardwareClass::Apple | HardwareClass::Unified) => {
            out.extend(pair("-ngl", &0));
        }
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
    match job.cache.k {
        CacheType::Fp8 => out.extend(pair("--kv-cache-dtype", &"fp8")),
        CacheType::Bf16 => out.extend(pair("--kv-cache-dtype", &"bfloat16")),
        _ => {}
    }
    out
}

/// mlx-lm has no quantised cache of a fixed size: with one it grows as the text does.
fn mlx(job: &Job) -> Vec<String> {
    let mut out = Vec::new();
    match job.cache.k {
        CacheType::Q8_0 => out.extend(pair("--kv-bits", &8)),
        CacheType::Q4_0 => out.extend(pair("--kv-bits", &4)),
        _ => out.extend(pair("--max-kv-size", &slot_tokens(job))),
    }
    if job.cache.k != CacheType::F16 {
        // It starts to quantise at 5,000 tokens otherwise.
        out.extend(pair("--quantized-kv-start", &0));
    }
    out
}

/// TabbyAPI's; the third version takes bits of keys and of values.
fn exllama(job: &Job) -> Vec<String> {
    let mut out = Vec::new();
    out.extend(pair("--max-seq-len", &slot_tokens(job)));
    let third = job.runtime == Runtime::ExLlamaV3;
    let mode = match job.cache.k {
        CacheType::Fp8 => Some("FP8"),
        CacheType::Q8_0 => Some(if third { "8,8" } else { "Q8" }),
        CacheType::Q4_0 => Some(if third { "4,4" } else { "Q4" }),
        _ => None,
    };
    if let Some(mode) = mode {
        out.extend(pair("--cache-mode", &mode));
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::engine::Engine;
    use crate::query::Params;

    fn typed(pairs: &[(&str, &str)]) -> String {
        let engine = Engine::embedded();
        let params = Params::read(pairs.iter().copied()).unwrap();
        let (rig, job) = engine.read(&params).unwrap();
        let chosen = engine.choose(&params, &rig, &job).unwrap();
        engine.answer(&rig, &job, &chosen).flags.join(" ")
    }

    /// Every type that a runtime keeps is set by flags of its own, or it would be counted and not had.
    #[test]
    fn every_cache_type_has_its_flag() {
        let engine = Engine::embedded();
        for runtime in Runtime::ALL {
            let hardware = if runtime == Runtime::Mlx { "m4-max-40-core" } else { "rtx-4090" };
            let kept: Vec<&str> = engine.rules.runtime_row(runtime).cache.split(' ').collect();
            let ask = |kv: &&str| {
                typed(&[
                    ("hardware", hardware),
                    ("model", "qwen3-8b"),
                    ("runtime", runtime.name()),
                    ("kv", kv),
                ])
            };
            let flags: BTreeSet<String> = kept.iter().map(ask).collect();
            assert_eq!(flags.len(), kept.len(), "{}: {flags:?}", runtime.name());
        }
    }

    #[test]
    fn experts_are_counted_from_the_first_block() {
        for (model, dense) in [("glm-4.6", 3), ("glm-4.5-air", 1)] {
            let engine = Engine::embedded();
            let asked =
                [("hardware", "rtx-4090"), ("model", model), ("quant", "q4_k_m"), ("host_ram_gib", "512")];
            let params = Params::read(asked).unwrap();
            let (rig, job) = engine.read(&params).unwrap();
            let answer = engine.answer(&rig, &job, &engine.choose(&params, &rig, &job).unwrap());
            let Some(crate::answer::SpillAnswer::Experts { on_host, .. }) = answer.spill else {
                panic!("{model}: {:?}", answer.spill)
            };
            let at = answer.flags.iter().position(|flag| flag == "--n-cpu-moe").expect(model);
            assert_eq!(answer.flags[at + 1], (on_host + dense).to_string(), "{model}");
        }
    }

    /// Ollama leaves whole layers in RAM and has no word for experts: what it is told is what it would do.
    #[test]
    fn ollama_is_told_of_layers() {
        let engine = Engine::embedded();
        for runtime in [Runtime::LlamaCpp, Runtime::Ollama] {
            let asked = [
                ("hardware", "rtx-4090"),
                ("model", "glm-4.5-air"),
                ("quant", "q4_k_m"),
                ("runtime", runtime.name()),
            ];
            let params = Params::read(asked).unwrap();
            let (rig, job) = engine.read(&params).unwrap();
            let answer = engine.answer(&rig, &job, &engine.choose(&params, &rig, &job).unwrap());
            let by_layer = matches!(answer.spill, Some(crate::answer::SpillAnswer::Layers { .. }));
            assert_eq!(by_layer, runtime == Runtime::Ollama, "{}: {:?}", runtime.name(), answer.spill);
            assert_eq!(answer.flags.iter().any(|flag| flag.starts_with("num_gpu=")), by_layer);
        }
    }
}
