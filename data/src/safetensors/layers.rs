//! What each layer keeps of the past, by `config.json`.

use super::SafetensorsError;
use super::config::Config;
use crate::gguf::shape::{self, Heads};
use crate::json::Node;
use crate::row::Mixer;
use alloc::{string::String, vec::Vec};

/// The mixers of all layers, in order, each with what stands beside it and whether it stores a cache.
pub(super) fn mixers(config: &Config<'_>) -> Result<Vec<(Mixer, Option<Mixer>, bool)>, SafetensorsError> {
    let count = config.layers()?;
    if count > 1024 {
        return Err(SafetensorsError::MissingKey("num_hidden_layers"));
    }
    let facts = Facts::new(config)?;
    let kinds = kinds(config, count);
    let stored = count.saturating_sub(config.u32(&["num_kv_shared_layers"]).unwrap_or(0));
    let one = |(layer, kind): (usize, Kind)| {
        let stores = (layer as u32) < stored;
        match kind {
            Kind::Full => (facts.full(layer), facts.index(), stores),
            Kind::Window => (facts.windowed(), None, stores),
            Kind::State => (facts.state, None, stores),
            Kind::Both => (facts.full(layer), Some(facts.state), stores),
            Kind::Nothing => (Mixer::FeedForward, None, stores),
        }
    };
    Ok(kinds.into_iter().enumerate().map(one).collect())
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Full,
    Window,
    State,
    Both,
    Nothing,
}

/// From the list of types, where there is one; else from the keys of the family.
fn kinds(config: &Config<'_>, count: u32) -> Vec<Kind> {
    let listed = config.get(&["layer_types", "layers_block_type", "block_types"]).map(Node::items);
    if let Some(listed) = listed.filter(|list| list.len() >= count as usize) {
        let kinds = listed.iter().take(count as usize).map(|node| match node.as_str().unwrap_or_default() {
            "sliding_attention" | "chunked_attention" => Kind::Window,
            "linear_attention" | "mamba" | "mamba2" | "conv" | "recurrent" | "kda" | "gdn" => Kind::State,
            "hybrid" => Kind::Both,
            "mlp" | "moe" => Kind::Nothing,
            _ => Kind::Full,
        });
        return kinds.collect();
    }
    // Nemotron-H: M a state, * attention, - and E feed-forward blocks alone
    if let Some(pattern) = config.get(&["hybrid_override_pattern"]).and_then(|node| node.as_str()) {
        let mut kinds: Vec<Kind> = pattern
            .chars()
            .map(|letter| match letter {
                'M' => Kind::State,
                '*' => Kind::Full,
                _ => Kind::Nothing,
            })
            .collect();
        kinds.resize(count as usize, Kind::Nothing);
        return kinds;
    }
    if let Some(linear) = config.get(&["linear_attn_config"]) {
        // Kimi numbers its layers from 1
        let state = linear.get("kda_layers").map(Node::items).unwrap_or_default();
        let is_state = |number: u32| state.iter().any(|node| node.as_u64() == Some(number.into()));
        return (1..=count).map(|number| if is_state(number) { Kind::State } else { Kind::Full }).collect();
    }
    (0..count).map(|layer| by_family(config, layer)).collect()
}

fn by_family(config: &Config<'_>, layer: u32) -> Kind {
    let number = |key: &str| config.u32(&[key]);
    let full_each = |period: u32| {
        if period > 0 && (layer + 1).is_multiple_of(period) { Kind::Full } else { Kind::Window }
    };
    let has_window = number("sliding_window").is_some_and(|tokens| tokens > 0);
    match config.model_type() {
        "mamba" | "mamba2" | "falcon_mamba" | "rwkv5" | "rwkv6" | "rwkv7" => Kind::State,
        "falcon_h1" => Kind::Both,
        "jamba" => {
            let (period, offset) =
                (number("attn_layer_period").unwrap_or(8), number("attn_layer_offset").unwrap_or(4));
            if layer % period.max(1) == offset { Kind::Full } else { Kind::State }
        }
        "bamba" => {
            let attends = config.get(&["attn_layer_indices"]).map(Node::items).unwrap_or_default();
            let here = attends.iter().any(|node| node.as_u64() == Some(layer.into()));
            if here { Kind::Full } else { Kind::State }
        }
        "lfm2" | "lfm2_moe" => {
            let attends = config.get(&["full_attn_idxs"]).map(Node::items).unwrap_or_default();
            let here = attends.iter().any(|node| node.as_u64() == Some(layer.into()));
            if here { Kind::Full } else { Kind::State }
        }
        "qwen3_next" | "qwen3_5_text" | "qwen3_5_moe_text" | "qwen3_5" | "qwen3_5_moe" => {
            let interval = number("full_attention_interval").unwrap_or(4);
            if full_each(interval) == Kind::Full { Kind::Full } else { Kind::State }
        }
        // the periods that transformers' own defaults have
        "gemma2" | "gpt_oss" if has_window => {
            if layer.is_multiple_of(2) {
                Kind::Window
            } else {
                Kind::Full
            }
        }
        "gemma3" | "gemma3_text" if has_window => full_each(number("sliding_window_pattern").unwrap_or(6)),
        "gemma3n" | "gemma3n_text" if has_window => full_each(5),
        "cohere2" | "exaone4" | "olmo3" if has_window => {
            full_each(number("sliding_window_pattern").unwrap_or(4))
        }
        "llama4" | "llama4_text" if number("attention_chunk_size").is_some() => full_each(4),
        // one switch for the first or the last layers
        "qwen2" | "qwen2_moe" | "qwen3" | "qwen3_moe" => {
            let on = config.flag("use_sliding_window") == Some(true) && has_window;
            if on && layer >= number("max_window_layers").unwrap_or(0) { Kind::Window } else { Kind::Full }
        }
        // all layers
        "mistral" | "mixtral" | "phi3" | "starcoder2" if has_window => Kind::Window,
        _ => Kind::Full,
    }
}

struct Facts<'a> {
    config: &'a Config<'a>,
    heads: Heads,
    latent: Option<(u32, u32)>,
    state: Mixer,
}

impl<'a> Facts<'a> {
    fn new(config: &'a Config<'a>) -> Result<Self, SafetensorsError> {
        let hidden = config.hidden()?;
        let query = config.u32(&["num_attention_heads", "n_head", "n_heads", "num_heads"]).unwrap_or(0);
        let kv = config.u32(&["num_key_value_heads", "n_kv_heads", "num_kv_heads", "multi_query_group_num"]);
        let one =
            config.flag("multi_query") == Some(true) && config.flag("new_decoder_architecture") != Some(true);
        let kv = kv.unwrap_or(if one { 1 } else { query });
        let even = hidden.checked_div(query).unwrap_or(0);
        let key_dim =
            config.u32(&["head_dim", "kv_channels", "attention_head_dim"]).filter(|&d| d > 0).unwrap_or(even);
        let value_dim = config.u32(&["v_head_dim"]).filter(|&d| d > 0).unwrap_or(key_dim);
        let rank = config.u32(&["kv_lora_rank"]).filter(|&rank| rank > 0);
        let latent = rank.map(|rank| (rank, config.u32(&["qk_rope_head_dim"]).unwrap_or(0)));
        let state = shape::state(state_elements(config, hidden.into()));
        Ok(Facts { config, heads: Heads { query, kv, key_dim, value_dim }, latent, state })
    }

    fn full(&self, layer: usize) -> Mixer {
        if let Some((rank, rope_dim)) = self.latent {
            return Mixer::Latent { heads: self.heads.query, rank, rope_dim };
        }
        // DeciLM and OpenELM list them by layer
        let lists = ["num_key_value_heads", "num_kv_heads"];
        let kv = self.config.get(&lists).and_then(|node| node.items().get(layer)?.as_u64());
        let heads = Heads { kv: kv.map_or(self.heads.kv, |kv| kv as u32), ..self.heads };
        // Gemma 4's full layers have larger heads
        let wide = self.config.u32(&["global_head_dim"]);
        match wide {
            Some(dim) => Heads { key_dim: dim, value_dim: dim, ..heads }.full(),
            None => heads.full(),
        }
    }

    fn windowed(&self) -> Mixer {
        let window = self.config.u32(&["sliding_window", "attention_chunk_size", "sliding_window_size"]);
        match window.filter(|&tokens| tokens > 0) {
            Some(window) => self.heads.within(window),
            None => self.heads.full(),
        }
    }

    /// Keys of a sparse-attention indexer, kept for each token beside the latent vector.
    fn index(&self) -> Option<Mixer> {
        let key_dim = self.config.u32(&["index_head_dim"]).filter(|_| self.latent.is_some())?;
        let query = self.config.u32(&["index_n_heads"]).unwrap_or(1);
        Some(Heads { query, kv: 1, key_dim, value_dim: 0 }.full())
    }
}

/// Elements of one layer's recurrent state, for one sequence.
fn state_elements(config: &Config<'_>, hidden: u64) -> u64 {
    let key = |keys: &[&str]| config.u32(keys).map(u64::from);
    let product = |factors: &[u64]| factors.iter().fold(1, |sum: u64, &factor| sum.saturating_mul(factor));
    if let Some(taps) = key(&["conv_L_cache"]) {
        return product(&[hidden, taps.saturating_sub(1)]);
    }
    if let Some(linear) = config.get(&["linear_attn_config"]) {
        let of = |key: &str| linear.get(key).and_then(Node::as_u64);
        let (dim, heads) = (of("head_dim").unwrap_or(0), of("num_heads").unwrap_or(0));
        let taps = of("short_conv_kernel_size").unwrap_or(4).saturating_sub(1);
        return product(&[3, taps, dim, heads]).saturating_add(product(&[dim, dim, heads]));
    }
    if let Some(values) = key(&["linear_num_value_heads"]) {
        let value_dim = key(&["linear_value_head_dim"]).unwrap_or(128);
        let (keys, key_dim) =
            (key(&["linear_num_key_heads"]).unwrap_or(0), key(&["linear_key_head_dim"]).unwrap_or(128));
        let taps = key(&["linear_conv_kernel_dim"]).unwrap_or(4).saturating_sub(1);
        let convolved = product(&[2, keys, key_dim]).saturating_add(product(&[values, value_dim]));
        return product(&[taps, convolved]).saturating_add(product(&[values, key_dim, value_dim]));
    }
    if config.model_type().starts_with("rwkv") {
        let head = key(&["head_size", "head_dim"]).unwrap_or(64);
        return product(&[2, hidden]).saturating_add(product(&[hidden, head]));
    }
    let inner = key(&["mamba_n_heads", "mamba_num_heads", "num_heads"])
        .zip(key(&["mamba_d_head", "mamba_head_dim", "head_dim"]))
        .filter(|_| key(&["mamba_n_heads", "mamba_num_heads"]).is_some() || config.model_type() == "mamba2")
        .map(|(heads, dim)| product(&[heads, dim]));
    let expanded = || product(&[hidden, key(&["mamba_expand", "expand"]).unwrap_or(2)]);
    let inner = inner.or(key(&["mamba_d_ssm", "intermediate_size"]).filter(|_| is_mamba1(config)));
    let inner = inner.unwrap_or_else(expanded);
    let state = key(&["mamba_d_state", "ssm_state_size", "state_size"]).unwrap_or(0);
    let taps = key(&["mamba_d_conv", "conv_kernel"]).unwrap_or(4).saturating_sub(1);
    let groups = if is_mamba1(config) { 0 } else { key(&["mamba_n_groups", "n_groups"]).unwrap_or(1) };
    let convolved = inner.saturating_add(product(&[2, groups, state]));
    product(&[taps, convolved]).saturating_add(product(&[state, inner]))
}

/// The first Mamba: its convolution sees the inner stream alone.
fn is_mamba1(config: &Config<'_>) -> bool {
    let types: [&str; 2] = ["mamba", "falcon_mamba"];
    types.contains(&config.model_type())
}

/// A rotary setting, under the names of before and after transformers 5.
pub(super) fn rope_number(config: &Config<'_>, key: &str) -> Option<f64> {
    let nested = config.get(&["rope_parameters", "rope_scaling"])?;
    let full = nested.get("full_attention").unwrap_or(nested);
    full.get(key)?.as_f64()
}

/// Names of layers' tensors: the layer, and the rest.
pub(super) fn in_layer(name: &str) -> Option<(u32, String)> {
    let markers = ["layers.", "h.", "blocks.", "block.", "layer."];
    markers.iter().find_map(|marker| {
        let at = name.find(marker).filter(|&at| at == 0 || name.as_bytes()[at - 1] == b'.')?;
        let (number, rest) = name[at + marker.len()..].split_once('.')?;
        Some((number.parse().ok()?, rest.into()))
    })
}
