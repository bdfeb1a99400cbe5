//! The job: how much text, how many at once, and what runs it.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use estimator::{CacheType, CacheTypes, Workload};

use super::noted;
use super::params::{FieldError, Params};
use super::rig::Rig;
use crate::backend::Backend;
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
            let message = format!("Fewer tokens can be cached than the prompt's {prompt_tokens}.");
            errors_ref.push(FieldError::new("cached", message));
        }
        let streams = noted(errors_ref, params.count("streams", 1, 1024))
            .or(preset.map(|p| p.streams))
            .unwrap_or(rules.rows.defaults.streams);

        let cache_names = CACHE_TYPES.map(|(name, _)| name);
        let k = noted(errors_ref, params.word("kv", &cache_names, cache_type)).unwrap_or(CacheType::F16);
        let v = noted(errors_ref, params.word("kv_v", &cache_names, cache_type)).unwrap_or(k);
        let runtime_names = Runtime::ALL.map(Runtime::name);
        let runtime = noted(
            errors_ref,
            params.word("runtime", &runtime_names, |text| {
                Runtime::ALL.into_iter().find(|r| same_runtime(r.name(), text))
            }),
        )
        .unwrap_or(Runtime::LlamaCpp);
        let first = rig.first();
        let usual = Backend::usual(first.vendor(), first.device.class, first.generation());
        let backend =
            noted(errors_ref, params.word("backend", &Backend::ALL.map(Backend::name), Backend::from_name))
                .unwrap_or(usual);
        if runtime == Runtime::Mlx && first.device.class != estimator::HardwareClass::Apple {
            let message = "MLX runs on Apple silicon; choose llama.cpp here.".to_owned();
            errors_ref.push(FieldError::new("runtime", message));
        }
        let target_tps = noted(errors_ref, params.number("target_tps", 0.01, 1e6))
            .unwrap_or(rules.rows.defaults.minimum_tps);
        if !errors.is_empty() {
            return Err(errors);
        }
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

/// `llamacpp`, `llama-cpp` and `llama.cpp` are one.
fn same_runtime(name: &str, text: &str) -> bool {
    let plain = |s: &str| -> Vec<u8> {
        s.bytes().filter(u8::is_ascii_alphanumeric).map(|b| b.to_ascii_lowercase()).collect()
    };
    plain(name) == plain(text)
}
