//! What each layer keeps of the past, from metadata and from which tensors it has.
//!
//! Follows what llama.cpp does with the same keys (`src/llama-hparams.cpp`, `src/models/*.cpp`), since the
//! question is what a runtime will hold: where it ignores a window that the model card speaks of, so do we.

use super::error::GgufError;
use super::keys::Keys;
use super::shape::{self, Heads, Layer};
use crate::messages::WORDS;
use crate::row::Mixer;
use alloc::vec::Vec;

/// Which mixers' tensors a layer has.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Traces {
    /// Any tensor at all.
    pub any: bool,
    /// Keys, values, or their compressed form, as tensors of their own.
    pub attention: bool,
    /// A recurrent state: Mamba, short convolution, linear attention, RWKV.
    pub recurrent: bool,
    /// Routed experts.
    pub experts: bool,
}

impl Traces {
    /// Notes a tensor by the part of its name after `blk.N.`.
    pub fn note(&mut self, rest: &str) {
        let starts = |words: &[&str]| words.iter().any(|word| rest.starts_with(word));
        self.any = true;
        self.attention |= starts(&["attn_k.", "attn_v.", "attn_kv_a_mqa.", "attn_k_b.", "attn_kv_b."]);
        self.recurrent |= starts(&["ssm_", "shortconv.", "time_mix_"]);
        self.experts |= is_routed(rest);
    }
}

/// Whether a tensor belongs to routed experts: all in one (`ffn_up_exps`), or, as in 2023, each its own (`ffn_up.3`).
pub(super) fn is_routed(rest: &str) -> bool {
    let Some(rest) = rest.strip_prefix("ffn_") else { return false };
    let name = rest.split('.').next().unwrap_or(rest);
    let numbered = rest.split('.').nth(1).is_some_and(|part| part.parse::<u32>().is_ok());
    name.ends_with("_exps") || name.ends_with("_chexps") || numbered
}

/// Windows of an architecture whose files do not carry the pattern.
struct Pattern {
    architecture: &'static str,
    /// Where the file has no window either.
    window: Option<u32>,
    /// Each so many layers one sees everything.
    period: u32,
    /// The first of them rather than the last.
    first: bool,
}

/// From `load_arch_hparams` of each model. Left out: phi3 and phimoe, whose windows llama.cpp switches off.
#[rustfmt::skip]
const PATTERNS: &[Pattern] = &[
    Pattern { architecture: "gemma2",       window: Some(4096), period: 2, first: false },
    Pattern { architecture: "gemma3",       window: None,       period: 6, first: false },
    Pattern { architecture: "gemma3n",      window: None,       period: 5, first: false },
    Pattern { architecture: "gpt-oss",      window: None,       period: 2, first: false },
    Pattern { architecture: "cohere2",      window: None,       period: 4, first: false },
    Pattern { architecture: "cohere2moe",   window: None,       period: 4, first: true  },
    Pattern { architecture: "llama4",       window: Some(8192), period: 4, first: false },
    Pattern { architecture: "olmo2",        window: None,       period: 4, first: false },
    Pattern { architecture: "exaone-moe",   window: Some(128),  period: 4, first: false },
    Pattern { architecture: "afmoe",        window: None,       period: 4, first: false },
    Pattern { architecture: "laguna",       window: None,       period: 4, first: true  },
    Pattern { architecture: "mellum",       window: None,       period: 4, first: false },
    Pattern { architecture: "muse-glimmer", window: None,       period: 4, first: false },
    Pattern { architecture: "plamo3",       window: None,       period: 8, first: false },
    Pattern { architecture: "smallthinker", window: None,       period: 4, first: true  },
];

/// Which layers see only a window, and how far it goes.
fn windows(keys: &Keys<'_>) -> Option<(Vec<bool>, u32)> {
    let known = PATTERNS.iter().find(|pattern| pattern.architecture == keys.architecture);
    let written = keys.u32("attention.sliding_window");
    let (window, period, first) = match keys.architecture {
        "phi3" | "phimoe" => return None,
        // only the 32B has them
        "exaone4" if keys.layers() != 64 => return None,
        "exaone4" => (written.or(Some(4096)), Some(4), false),
        // the key says only whether there are chunks; their length is fixed
        "llama4" if written == Some(0) => return None,
        "llama4" => (Some(8192), Some(4), false),
        "smallthinker" => (written.filter(|&w| w > 0).map(|_| 4096), Some(4), true),
        // its attention layers all have the window
        "lfm2" | "lfm2moe" => (written, Some(0), false),
        _ => (
            written.or(known.and_then(|k| k.window)),
            known.map(|k| k.period),
            known.is_some_and(|k| k.first),
        ),
    };
    let window = window.filter(|&tokens| tokens > 0)?;
    if let Some(flags) = keys.flags("attention.sliding_window_pattern") {
        return Some((flags, window));
    }
    // without a pattern in the file or known of the architecture, runtimes ignore the window
    let period = keys.u32("attention.sliding_window_pattern").or(period)?;
    let open = |layer: u32| period != 0 && layer % period == if first { 0 } else { period - 1 };
    Some(((0..keys.all_layers).map(|layer| !open(layer)).collect(), window))
}

/// Layers that keep a state instead, where only the metadata tells it: each layer whose number the interval divides
/// has full attention.
fn recurrent_by_key(keys: &Keys<'_>) -> Option<Vec<bool>> {
    if let Some(flags) = keys.flags("attention.recurrent_layers") {
        return Some(flags);
    }
    let default = match keys.architecture {
        "minimax-01" => Some(8),
        "qwen3next" | "qwen35" | "qwen35moe" | "qwen4exp" => Some(4),
        _ => None,
    };
    let interval = keys.u32("full_attention_interval").or(default).filter(|&n| n > 0)?;
    Some((1..=keys.all_layers).map(|number| number % interval != 0).collect())
}

/// Elements of one layer's recurrent state, for one sequence.
fn state_elements(keys: &Keys<'_>, hidden: u64, heads: u64, key_dim: u64) -> u64 {
    let key = |name: &str| keys.u64(name).unwrap_or(0);
    let product = |factors: &[u64]| factors.iter().fold(1, |sum: u64, &factor| sum.saturating_mul(factor));
    let taps = key("ssm.conv_kernel").saturating_sub(1);
    if let Some(head) = keys.u64("wkv.head_size") {
        // RWKV: the last token or two, and a matrix for each head
        let shifts = keys.u64("token_shift_count").unwrap_or(2);
        return product(&[shifts, hidden]).saturating_add(product(&[hidden, head]));
    }
    if let Some(taps) = keys.u64("shortconv.l_cache") {
        return product(&[hidden, taps.saturating_sub(1)]);
    }
    if let Some(head) = keys.u64("kda.head_dim") {
        // Kimi's delta attention: convolutions of queries, keys and values, and a matrix for each head
        let taps = if taps > 0 { taps } else { 3 };
        return product(&[3, taps, heads, head]).saturating_add(product(&[head, head, heads]));
    }
    if keys.architecture == "minimax-01" {
        return product(&[key_dim, key_dim, heads]);
    }
    let (inner, state) = (key("ssm.inner_size"), key("ssm.state_size"));
    let convolved = inner.saturating_add(product(&[2, key("ssm.group_count"), state]));
    product(&[taps, convolved]).saturating_add(product(&[state, inner]))
}

/// All layers that a token passes.
pub(super) fn layers(keys: &Keys<'_>, traces: &[Traces]) -> Result<Vec<Layer>, GgufError> {
    let hidden = keys.needed("embedding_length")?;
    let queries = keys.per_layer("attention.head_count").unwrap_or_else(|| alloc::vec![0; traces.len()]);
    let kv_heads = keys.per_layer("attention.head_count_kv").unwrap_or_else(|| queries.clone());
    let most_heads = queries.iter().copied().max().unwrap_or(0);
    let even = if most_heads > 0 { (hidden / u64::from(most_heads)) as u32 } else { 0 };
    let size = |key: &str, default: u32| keys.u32(key).unwrap_or(default);
    let key_dim = size("attention.key_length", even);
    let value_dim = size("attention.value_length", even);
    let narrow = (size("attention.key_length_swa", key_dim), size("attention.value_length_swa", value_dim));

    let windows = windows(keys);
    let by_key = recurrent_by_key(keys);
    let latent = latent(keys, key_dim);
    let index = keys.u32("attention.indexer.key_length").filter(|_| latent.is_some());
    let last_to_store = last_to_store(keys);
    let state_heads = queries.first().copied().filter(|&n| n > 0).unwrap_or(most_heads);
    let state = shape::state(state_elements(keys, hidden, state_heads.into(), key_dim.into()));

    let keyed = |layer: usize| by_key.as_ref().is_some_and(|flags| flags[layer]);
    // Layers with a recurrent state have such tensors too, and say so by having no heads where others have them (Kimi Linear).
    let none = queries.iter().zip(&kv_heads).all(|(query, kv)| *query.min(kv) == 0);
    let headless = |layer: usize| {
        let trace = traces[layer];
        let heads = queries[layer].min(kv_heads[layer]);
        trace.attention && heads == 0 && (none || !trace.recurrent && !keyed(layer))
    };
    if hidden == 0 || (0..keys.layers() as usize).any(headless) {
        let what = if hidden == 0 { WORDS.model.no_width } else { WORDS.model.no_heads };
        return Err(GgufError::Contradicts(what.into()));
    }

    let one = |layer: usize| {
        let trace = traces[layer];
        let query = queries[layer];
        let kv = kv_heads[layer];
        let window = windows.as_ref().filter(|(flags, _)| flags[layer]).map(|(_, tokens)| *tokens);
        let (key_dim, value_dim) = if window.is_some() { narrow } else { (key_dim, value_dim) };
        let heads = Heads { query, kv, key_dim, value_dim };
        let attention = match (latent, window) {
            (Some((rank, rope_dim)), _) => Mixer::Latent { heads: query, rank, rope_dim },
            (None, Some(window)) => heads.within(window),
            (None, None) => heads.full(),
        };
        let keyed = keyed(layer);
        let (mixer, beside) =
            match (trace.recurrent || keyed, kv > 0 && (trace.attention || !trace.recurrent)) {
                (true, true) if !keyed => (attention, Some(state)),
                (true, _) => (state, None),
                (false, true) => {
                    let index = index.map(|dim| {
                        let query = keys.u32("attention.indexer.head_count").unwrap_or(1);
                        Heads { query, kv: 1, key_dim: dim, value_dim: 0 }.full()
                    });
                    (attention, index)
                }
                (false, false) => (Mixer::FeedForward, None),
            };
        Layer { mixer, beside, stores: (layer as u32) < last_to_store, experts: trace.experts }
    };
    let layers: Vec<Layer> = (0..keys.layers() as usize).map(one).collect();
    if layers.iter().all(|layer| layer.mixer == Mixer::FeedForward) {
        return Err(GgufError::Contradicts(WORDS.model.keeps_nothing.into()));
    }
    Ok(layers)
}

/// Rank and rotary dimensions of MLA. Files of before 2025 lack the `_mla` lengths, and runtimes then keep the
/// decompressed keys and values of every head.
fn latent(keys: &Keys<'_>, key_dim: u32) -> Option<(u32, u32)> {
    let rank = keys.u32("attention.kv_lora_rank").filter(|&rank| rank > 0)?;
    keys.u32("attention.key_length_mla").filter(|&length| length > 0)?;
    keys.u32("attention.value_length_mla").filter(|&length| length > 0)?;
    Some((rank, key_dim.saturating_sub(rank)))
}

/// Layers from this one on read the cache of earlier ones.
fn last_to_store(keys: &Keys<'_>) -> u32 {
    match (keys.u32("attention.shared_kv_layers"), keys.architecture) {
        (Some(shared), _) => keys.all_layers.saturating_sub(shared),
        // fixed in llama.cpp for both sizes
        (None, "gemma3n") => 20,
        (None, _) => u32::MAX,
    }
}
