//! The job: how much text, how many at once, and what runs it.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use estimator::{CacheType, CacheTypes, Workload};

use super::noted;
use super::params::{FieldError, Params};
use super::rig::{Rig, RigDevice};
use crate::backend::Backend;
use crate::messages::WORDS;
use crate::row::Runtime;
use crate::rules::Rules;

/// The job, with every default filled in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Job {
    /// Prompt, context, streams.
    pub workload: Workload,
    /// Cache types.
    pub cache: CacheTypes,
    /// What runs it.
    pub runtime: Runtime,
    /// What drives the device.
    pub backend: Backend,
    /// The speed that the inverse question is about, tokens a second.
    pub target_tps: f64,
}

/// Cache types as parameters, flags and logs spell them.
pub const CACHE_TYPES: [(&str, CacheType); 10] = [
    ("f16", CacheType::F16),
    ("bf16", CacheType::Bf16),
    ("q8_0", CacheType::Q8_0),
    ("fp8", CacheType::Fp8),
    ("q5_1", CacheType::Q5_1),
    ("q5_0", CacheType::Q5_0),
    ("q4_1", CacheType::Q4_1),
    ("q4_0", CacheType::Q4_0),
    ("iq4_nl", CacheType::Iq4Nl),
    ("f32", CacheType::F32),
];

/// The name of a cache type.
#[must_use]
pub fn cache_type_name(wanted: CacheType) -> &'static str {
    CACHE_TYPES.iter().find(|(_, kind)| *kind == wanted).map_or("f16", |(name, _)| name)
}

/// A cache type from its name.
#[must_use]
pub fn cache_type(text: &str) -> Option<CacheType> {
    CACHE_TYPES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, kind)| *kind)
}

impl Job {
    /// Reads the job out of the parameters, for a machine; all errors at once.
    pub fn read(params: &Params, rig: &Rig<'_>, rules: &Rules) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let errors_ref = &mut errors;
        let names: Vec<&str> = rules.rows.uses.keys().map(String::as_str).collect();
        let preset = noted(errors_ref, params.word("use", &names, |text| rules.rows.uses.get(text).copied()));
        let context = noted(errors_ref, params.count("context", 1, 100_000_000));
        let prompt = noted(errors_ref, params.count("prompt", 1, 100_000_000));
        let cached = noted(errors_ref, params.count("cached", 0, 100_000_000));
        let context_tokens =
            context.or(preset.map(|p| p.context_tokens)).unwrap_or(rules.rows.defaults.context_tokens);
        // A context of one's own makes the preset's prompt meaningless.
        let preset_prompt = preset.filter(|_| context.is_none());
        let prompt_tokens = prompt.or(preset_prompt.map(|p| p.prompt_tokens)).unwrap_or(context_tokens);
        let cached_tokens =
            cached.or(preset_prompt.filter(|_| prompt.is_none()).map(|p| p.cached_tokens)).unwrap_or(0);
        if cached_tokens >= prompt_tokens {
            let message = WORDS.query.cached(&prompt_tokens.to_string());
            errors_ref.push(FieldError::new("cached", message));
        }
        let streams = noted(errors_ref, params.count("streams", 1, 1024))
            .or(preset.map(|p| p.streams))
            .unwrap_or(rules.rows.defaults.streams);

        let cache_names = CACHE_TYPES.map(|(name, _)| name);
        let k = noted(errors_ref, params.word("kv", &cache_names, cache_type)).unwrap_or(CacheType::F16);
        let v = noted(errors_ref, params.word("kv_v", &cache_names, cache_type)).unwrap_or(k);
        let runtime = noted(
            errors_ref,
            params.word("runtime", &Runtime::ALL.map(Runtime::name), |text| {
                Runtime::ALL.into_iter().find(|r| same_runtime(r.name(), text))
            }),
        );
        let driven = noted(errors_ref, driven(params, rig, rules, runtime).map(Some));
        let runtime = driven.map_or(runtime.unwrap_or(Runtime::ALL[0]), |(runtime, _)| runtime);
        let kept = rules.runtime_row(runtime);
        let (key, value) = (cache_type_name(k), cache_type_name(v));
        for (field, kind) in [("kv", key), ("kv_v", value)] {
            let known = kept.cache.split(' ').any(|name| name == kind);
            let message = if !known && (field == "kv" || key != value) {
                WORDS.query.cache_type(kind, &kept.cache, runtime.name())
            } else if field == "kv_v" && kept.one_cache_type && key != value {
                WORDS.query.one_cache_type(runtime.name())
            } else {
                continue;
            };
            errors_ref.push(FieldError::new(field, message));
        }
        let target_tps = noted(errors_ref, params.number("target_tps", 0.01, 1e6))
            .unwrap_or(rules.rows.defaults.minimum_tps);
        let Some((_, backend)) = driven.filter(|_| errors.is_empty()) else { return Err(errors) };
        Ok(Job {
            workload: Workload { prompt_tokens, cached_tokens, context_tokens, streams },
            cache: CacheTypes { k, v },
            runtime,
            backend,
            target_tps,
        })
    }

    /// The default job on a machine.
    #[must_use]
    pub fn usual(rig: &Rig<'_>, rules: &Rules) -> Self {
        Job::read(&Params::default(), rig, rules).expect("no parameter, no error")
    }
}

/// The runtime that is asked for, else the first that is made for the machine; and what drives all its devices and is in that
/// runtime: what is asked for, else the first device's usual one.
fn driven(
    params: &Params,
    rig: &Rig<'_>,
    rules: &Rules,
    wanted: Option<Runtime>,
) -> Result<(Runtime, Backend), FieldError> {
    let asked = params.word("backend", &Backend::ALL.map(Backend::name), Backend::from_name)?;
    // Backwards, so that the order is the first device's.
    let mut shared = Backend::ALL.map(Backend::name).to_vec();
    for device in rig.devices.iter().rev() {
        let drive = rules.backends(device.vendor(), device.class(), device.generation());
        shared = drive.split(' ').filter(|name| shared.contains(name)).collect();
    }
    let mut with = shared.join(" ");
    if let Some(asked) = asked.map(Backend::name).filter(|_| !shared.is_empty()) {
        if !shared.contains(&asked) {
            let machine = rig.to_string();
            let message = if asked == "cpu" {
                WORDS.query.not_on_card(asked, &with, &machine)
            } else {
                WORDS.query.not_driven(asked, &with, &machine)
            };
            return Err(FieldError::new("backend", message));
        }
        with = asked.to_owned();
    }
    let mut instead = String::new();
    for other in Runtime::ALL {
        let row = rules.runtime_row(other);
        let out = |device: &RigDevice<'_>| {
            let (generation, class) = (device.generation(), device.class());
            row.without.split(' ').any(|name| !name.is_empty() && (name == generation || name == class))
        };
        let has = |name: &&str| row.backends.split(' ').any(|own| own == *name);
        let Some(found) = with.split(' ').find(has).filter(|_| !rig.devices.iter().any(out)) else {
            continue;
        };
        if wanted.is_none_or(|wanted| wanted == other) {
            return Backend::from_name(found)
                .map(|backend| (other, backend))
                .ok_or_else(|| FieldError::new("backend", String::new()));
        }
        if !instead.is_empty() {
            instead.push(' ');
        }
        instead.push_str(other.name());
    }
    let (field, message) = if with.is_empty() {
        ("hardware", WORDS.query.not_together.to_owned())
    } else {
        let name = wanted.unwrap_or(Runtime::ALL[0]).name();
        ("runtime", WORDS.query.not_made(&with, &rig.to_string(), name, &instead))
    };
    Err(FieldError::new(field, message))
}

/// `llamacpp`, `llama-cpp` and `llama.cpp` are one.
fn same_runtime(name: &str, text: &str) -> bool {
    let plain = |s: &str| -> Vec<u8> {
        s.bytes().filter(u8::is_ascii_alphanumeric).map(|b| b.to_ascii_lowercase()).collect()
    };
    plain(name) == plain(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Engine;

    fn read(pairs: &[(&str, &str)]) -> Result<Job, String> {
        let params = Params::read(pairs.iter().copied()).unwrap();
        let said =
            |errors: Vec<FieldError>| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | ");
        Engine::embedded().read(&params).map(|(_, job)| job).map_err(said)
    }

    #[test]
    fn each_device_is_driven_by_its_usual_backend() {
        let vectors = [
            ("rtx-3090", Backend::Cuda),
            ("rx-7900-xtx", Backend::Rocm),
            ("rx-580", Backend::Vulkan),
            ("arc-b580", Backend::Vulkan),
            ("m4-max-40-core", Backend::Metal),
            ("Apple A18 Pro", Backend::Metal),
            ("ryzen-9-7950x", Backend::Cpu),
            ("rtx-3090,rx-7900-xtx", Backend::Vulkan),
            ("rx-580,rx-7900-xtx", Backend::Vulkan),
        ];
        for (hardware, backend) in vectors {
            assert_eq!(read(&[("hardware", hardware)]).map(|job| job.backend), Ok(backend), "{hardware}");
        }
        let intel = read(&[("hardware", "arc-b580"), ("runtime", "vllm")]);
        assert_eq!(intel.map(|job| job.backend), Ok(Backend::Sycl));
    }

    #[test]
    fn without_a_runtime_the_first_that_runs_there_is_taken() {
        for (hardware, runtime) in [("rtx-3090", Runtime::LlamaCpp), ("gaudi-2", Runtime::Vllm)] {
            assert_eq!(read(&[("hardware", hardware)]).map(|job| job.runtime), Ok(runtime), "{hardware}");
        }
    }

    /// What the refusal of an impossible pair must name: what would do instead.
    #[test]
    fn impossible_pairs_are_refused_with_what_would_do() {
        #[rustfmt::skip]
        let vectors = [
            ("rtx-3090", "backend", "metal", "one of cuda vulkan"),
            ("rtx-3090", "backend", "rocm", "one of cuda vulkan"),
            ("rtx-3090", "backend", "cpu", "name it as hardware"),
            ("m4-max-40-core", "backend", "cuda", "one of metal cpu"),
            ("rx-7900-xtx", "backend", "cuda", "one of rocm vulkan"),
            ("ryzen-9-7950x", "backend", "cuda", "one of cpu"),
            ("m4-max-40-core", "runtime", "exllamav2", "one of llama.cpp ollama mlx"),
            ("ryzen-9-7950x", "runtime", "exllamav2", "one of llama.cpp ollama vllm"),
            ("rx-7900-xtx", "runtime", "exllamav3", "vllm"),
            ("Tesla P40", "runtime", "exllamav3", "one of llama.cpp ollama."),
            ("Tesla P40", "runtime", "vllm", "one of llama.cpp ollama."),
            ("raspberry-pi-5", "runtime", "vllm", "one of llama.cpp ollama."),
            ("m4-max-40-core", "runtime", "vllm", "one of llama.cpp ollama mlx"),
            ("snapdragon-8-gen-3", "runtime", "vllm", "one of llama.cpp"),
            ("mi50-32gb", "runtime", "vllm", "one of llama.cpp ollama exllamav2."),
            ("rtx-3090", "runtime", "mlx", "llama.cpp"),
            ("gaudi-2", "runtime", "llama.cpp", "one of vllm."),
            ("gaudi-2", "backend", "vulkan", "one of sycl"),
            ("rtx-3090,rx-7900-xtx", "backend", "cuda", "one of vulkan"),
            ("rtx-3090,rx-7900-xtx", "runtime", "vllm", "one of llama.cpp ollama."),
            ("rtx-3090,m4-max-40-core", "streams", "1", "No backend drives these together"),
            ("rtx-3090,ryzen-9-7950x", "streams", "1", "is its host"),
        ];
        for (hardware, name, value, says) in vectors {
            let said = read(&[("hardware", hardware), (name, value)]).expect_err(hardware);
            assert!(said.contains(says), "{hardware} {name}={value}: {said}");
        }
        let own = [("class", "cpu"), ("bandwidth_gb_s", "80"), ("memory_gib", "64"), ("backend", "cuda")];
        assert!(read(&own).is_err());
        let own = [("class", "apple"), ("bandwidth_gb_s", "400"), ("memory_gib", "64"), ("runtime", "vllm")];
        assert!(read(&own).is_err());
    }

    #[test]
    fn a_runtime_is_asked_for_no_cache_that_it_does_not_keep() {
        #[rustfmt::skip]
        let vectors: [(&[(&str, &str)], &str); 7] = [
            (&[("runtime", "llama.cpp"), ("kv", "fp8")], "q8_0"),
            (&[("runtime", "ollama"), ("kv", "q5_1")], "one of f16 q8_0 q4_0"),
            (&[("runtime", "ollama"), ("kv", "f16"), ("kv_v", "q8_0")], "leave kv_v out"),
            (&[("runtime", "vllm"), ("kv", "q8_0")], "one of f16 bf16 fp8"),
            (&[("runtime", "vllm"), ("kv_v", "fp8")], "one type"),
            (&[("kv", "int8")], "q8_0"),
            (&[("runtime", "tgi")], "llama.cpp, ollama"),
        ];
        for (pairs, says) in vectors {
            let said = read(&[&[("hardware", "rtx-3090")], pairs].concat()).expect_err(says);
            assert!(said.contains(says), "{pairs:?}: {said}");
        }
        assert!(read(&[("hardware", "rtx-3090"), ("kv", "f16"), ("kv_v", "q8_0")]).is_ok());
        assert!(
            read(&[("hardware", "rtx-3090"), ("runtime", "ollama"), ("kv", "q8_0"), ("kv_v", "q8_0")])
                .is_ok()
        );
    }
}
