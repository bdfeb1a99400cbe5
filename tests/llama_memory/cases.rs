//! Which files are loaded, and how: one of each family, at the widths of real models with a few of their layers.

use estimator::CacheType;
use house::gguf_make::Gguf;
use house::gguf_make::models::{self, Experts, Latent, Quant, Size, State};
use std::path::PathBuf;

/// A file and its loads.
pub struct Case {
    /// Also the name of its logs.
    pub name: &'static str,
    /// The file to be.
    pub made: Gguf,
    /// How it is loaded.
    pub runs: Vec<Run>,
}

/// One load.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// Of all slots together.
    pub context_tokens: u32,
    /// Requests side by side.
    pub slots: u32,
    /// Type of keys and of values.
    pub cache: CacheType,
}

impl Run {
    /// As llama.cpp calls it.
    pub fn cache_name(&self) -> &'static str {
        match self.cache {
            CacheType::F16 => "f16",
            CacheType::Q8_0 => "q8_0",
            CacheType::Q4_0 => "q4_0",
            other => panic!("no load has a cache of {other:?}"),
        }
    }
}

/// Where the log of a load lies.
pub fn fixture(name: &str, run: &Run) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/llama-memory");
    folder.join(format!("{name}-{}-x{}-{}.log", run.context_tokens, run.slots, run.cache_name()))
}

/// Caches of each type, one slot and four.
fn runs(context_tokens: u32) -> Vec<Run> {
    let run = |slots, cache| Run { context_tokens, slots, cache };
    vec![run(1, CacheType::F16), run(4, CacheType::F16), run(1, CacheType::Q8_0), run(4, CacheType::Q4_0)]
}

/// Every family that llama.cpp keeps differently.
pub fn all() -> Vec<Case> {
    let size = Size {
        layers: 4,
        hidden: 4096,
        heads: 32,
        kv_heads: 8,
        head_dim: 128,
        ffn: 14_336,
        vocab: 32_000,
        context: 131_072,
        quant: Quant::Q4Km,
    };
    let mamba = State { conv: 4, inner: 4096, state: 128, heads: 64, groups: 1 };
    let cases = [
        // widths of Llama 3.1 8B
        ("gqa", models::llama(size, None), 8192),
        // of Qwen3 30B-A3B, with fewer experts to choose from
        (
            "moe",
            models::llama(
                Size { hidden: 2048, kv_heads: 4, ffn: 768, ..size },
                Some(Experts { total: 16, used: 8 }),
            ),
            8192,
        ),
        // of Gemma 3 4B: five windows to one full layer
        (
            "windows",
            models::gemma3(
                Size { layers: 7, hidden: 2560, heads: 8, kv_heads: 4, head_dim: 256, ffn: 10_240, ..size },
                1024,
            ),
            16_384,
        ),
        // of gpt-oss 20B
        (
            "sinks",
            models::gpt_oss(
                Size { hidden: 2880, heads: 64, head_dim: 64, ffn: 2880, quant: Quant::Mxfp4, ..size },
                128,
                Experts { total: 8, used: 4 },
            ),
            8192,
        ),
        // of DeepSeek V3, with fewer experts
        (
            "latent",
            models::deepseek2(
                Size { layers: 3, hidden: 7168, heads: 128, ffn: 2048, ..size },
                Latent {
                    query_rank: 1536,
                    rank: 512,
                    rope: 64,
                    plain: 128,
                    dense_ffn: 18_432,
                    dense_layers: 2,
                    shared: 1,
                },
                Experts { total: 16, used: 8 },
            ),
            8192,
        ),
        // of LFM2 1.2B: short convolutions
        (
            "shortconv",
            models::lfm2(Size { layers: 6, hidden: 2048, head_dim: 64, ffn: 8192, ..size }, 3),
            8192,
        ),
        // of Granite 4 H: Mamba-2 layers
        (
            "mamba2",
            models::granite_hybrid(Size { layers: 5, hidden: 2048, head_dim: 64, ffn: 8192, ..size }, mamba),
            8192,
        ),
        // of Falcon H1 7B: both mixers in one layer
        (
            "parallel",
            models::falcon_h1(
                Size { hidden: 3072, heads: 12, kv_heads: 2, ffn: 12_288, ..size },
                State { inner: 3072, state: 256, heads: 24, ..mamba },
            ),
            8192,
        ),
        // of Qwen3-Next 80B-A3B: gated delta nets
        (
            "delta",
            models::qwen3next(
                Size { hidden: 2048, heads: 16, kv_heads: 2, head_dim: 256, ffn: 512, ..size },
                State { inner: 4096, state: 128, heads: 32, groups: 16, ..mamba },
                Experts { total: 16, used: 10 },
            ),
            8192,
        ),
    ];
    cases.into_iter().map(|(name, made, context)| Case { name, made, runs: runs(context) }).collect()
}
