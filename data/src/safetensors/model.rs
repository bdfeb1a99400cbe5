//! `config.json` and shards → [`ModelShape`].

use super::SafetensorsError;
use super::config::Config;
use super::header::{Header, Tensor};
use super::layers::{in_layer, mixers, rope_number};
use super::quant::Packing;
use crate::gguf::shape::{Experts, Layer, ModelShape, Quant, Role, RoleBytes, Rope};
use crate::gguf::tally;
use crate::json;
use crate::messages::WORDS;
use alloc::{string::String, vec::Vec};

/// The exact model that a repository's `config.json` and the headers of all its shards describe.
///
/// # Errors
/// [`SafetensorsError::Config`] and [`SafetensorsError::MissingKey`] for a config that says too little,
/// [`SafetensorsError::Shards`] if shards are missing or given twice.
pub fn model(config_json: &str, shards: &[Header]) -> Result<ModelShape, SafetensorsError> {
    let root = json::read(config_json).map_err(SafetensorsError::Config)?;
    let config = Config::new(&root);
    let layer_count = config.layers()?;
    let hidden = config.hidden()?;
    let tensors: Vec<&Tensor> = shards.iter().flat_map(|shard| shard.tensors.iter()).collect();
    let mut names: Vec<&str> = tensors.iter().map(|tensor| tensor.name.as_str()).collect();
    names.sort_unstable();
    if let Some(twins) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(SafetensorsError::Shards(WORDS.safetensors.twins(twins[0])));
    }
    if !tensors.iter().any(|tensor| is_table(&tensor.name)) {
        return Err(SafetensorsError::Shards(WORDS.safetensors.no_table.into()));
    }
    let packing = Packing::of(&config);
    let routed_total =
        config.u32(&["num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"]);
    let used =
        config.u32(&["num_experts_per_tok", "num_experts_per_token", "top_k_experts", "moe_topk", "moe_k"]);
    let tied = !tensors.iter().any(|tensor| is_head(&tensor.name));

    let mut sums = Sums::default();
    let mut expert_layers: Vec<u32> = Vec::new();
    for tensor in &tensors {
        let role = role(&tensor.name, layer_count);
        if let (Role::Routed, Some((layer, _))) = (role, in_layer(&tensor.name)) {
            expert_layers.push(layer);
        }
        sums.add(tensor, role, tied, packing.weights(tensor));
    }
    expert_layers.sort_unstable();
    expert_layers.dedup();
    missing_layers(&tensors, layer_count)?;
    let visited =
        routed_total.zip(used).map_or(1.0, |(total, used)| f64::from(used) / f64::from(total.max(1)));
    let idle_experts = (sums.routed as f64 * (1.0 - visited).max(0.0)) as u64;
    let experts = routed_total.filter(|_| !expert_layers.is_empty()).map(|total| Experts {
        total,
        active: used.unwrap_or(total).min(total),
        shared: shared_experts(&config, &tensors),
        leading_dense_layers: expert_layers.first().copied().unwrap_or(0),
        layers: expert_layers.len() as u32,
        feed_forward_size: config
            .u32(&["moe_intermediate_size", "expert_ffn_hidden_size", "intermediate_size"])
            .unwrap_or(0),
    });
    let layer = |(number, (mixer, beside, stores))| Layer {
        mixer,
        beside,
        stores,
        experts: expert_layers.binary_search(&(number as u32)).is_ok(),
    };
    let layers = mixers(&config)?.into_iter().enumerate().map(layer).collect();
    Ok(ModelShape {
        name: config.name(),
        architecture: config.architecture(),
        quant: quant(&packing, &tensors, &sums),
        params: sums.params,
        active_params: sums.params - sums.idle.min(sums.params) - idle_experts.min(sums.routed),
        idle_params: sums.idle,
        bytes: sums.bytes,
        tied_embeddings: tied,
        hidden_size: hidden,
        vocab_size: config.needed(&["vocab_size", "padded_vocab_size", "n_vocab"])?,
        context_tokens: config
            .u32(&[
                "max_position_embeddings",
                "model_max_length",
                "n_positions",
                "seq_length",
                "max_seq_len",
                "max_sequence_length",
            ])
            .unwrap_or(0),
        layers,
        guess_layers: config.u32(&["num_nextn_predict_layers", "mtp_num_hidden_layers"]).unwrap_or(0),
        experts,
        feed_forward_size: dense_width(&config, experts.as_ref(), layer_count),
        rope: Rope {
            base: config.f64(&["rope_theta"]).or_else(|| rope_number(&config, "rope_theta")).unwrap_or(0.0),
            dims: config.u32(&["qk_rope_head_dim"]).unwrap_or(0),
            factor: rope_number(&config, "factor").filter(|&factor| factor > 0.0).unwrap_or(1.0),
        },
        parts: shards.len() as u32,
    })
}

#[derive(Default)]
struct Sums {
    params: u64,
    routed: u64,
    idle: u64,
    bytes: RoleBytes,
}

impl Sums {
    /// Saturating: lengths were checked against the format, not against each other.
    fn add(&mut self, tensor: &Tensor, role: Role, tied: bool, weights: u64) {
        let bytes = &mut self.bytes;
        let place = bytes.of(role);
        *place = place.saturating_add(tensor.bytes);
        self.params = self.params.saturating_add(weights);
        match role {
            Role::Routed => self.routed = self.routed.saturating_add(weights),
            Role::Idle => self.idle = self.idle.saturating_add(weights),
            Role::Table => {
                let rows = tensor.shape.first().copied().unwrap_or(1).max(1);
                bytes.embedding_row = bytes.embedding_row.saturating_add(tensor.bytes / rows);
                if tied && is_token_table(&tensor.name) {
                    bytes.tied_head = bytes.tied_head.saturating_add(tensor.bytes);
                }
            }
            Role::Head | Role::Always => {}
        }
    }
}

/// The module's name: the tensor's without its last word (`weight`, `scales`).
fn module(name: &str) -> &str {
    let path = name.rsplit_once('.').map_or(name, |(path, _)| path);
    path.rsplit('.').next().unwrap_or(path)
}

fn is_token_table(name: &str) -> bool {
    in_layer(name).is_none()
        && ["embed_tokens", "wte", "tok_embeddings", "word_embeddings", "embeddings", "embed_in", "embedding"]
            .contains(&module(name))
}

fn is_table(name: &str) -> bool {
    is_token_table(name) || ["embed_tokens_per_layer", "wpe"].contains(&module(name))
}

fn is_head(name: &str) -> bool {
    in_layer(name).is_none() && ["lm_head", "embed_out", "output_layer"].contains(&module(name))
        || name == "output.weight"
}

fn role(name: &str, layers: u32) -> Role {
    let beside = [
        "vision",
        "visual",
        "audio",
        "multi_modal",
        "mm_projector",
        "image_newline",
        "talker",
        "token2wav",
        "embed_vision",
        "aligner",
        "resampler",
    ];
    let first_words = || name.split('.').take(3);
    if name.starts_with("mtp.")
        || first_words().any(|word| beside.iter().any(|start| word.starts_with(start)))
    {
        return Role::Idle;
    }
    match in_layer(name) {
        Some((layer, _)) if layer >= layers => Role::Idle,
        Some((_, rest)) if is_routed(&rest) => Role::Routed,
        Some(_) => Role::Always,
        None if is_table(name) => Role::Table,
        None if is_head(name) => Role::Head,
        None => Role::Always,
    }
}

/// Granite keeps all experts of a layer in one matrix, without the word.
fn is_routed(rest: &str) -> bool {
    let fused = ["block_sparse_moe.input_linear.", "block_sparse_moe.output_linear."];
    rest.contains("experts.") && !rest.contains("shared_expert")
        || fused.iter().any(|start| rest.starts_with(start))
}

/// Every layer has a tensor, or shards are missing.
fn missing_layers(tensors: &[&Tensor], layers: u32) -> Result<(), SafetensorsError> {
    let mut seen: Vec<u32> = tensors
        .iter()
        .filter(|tensor| matches!(role(&tensor.name, layers), Role::Always | Role::Routed))
        .filter_map(|tensor| in_layer(&tensor.name))
        .map(|(layer, _)| layer)
        .collect();
    seen.sort_unstable();
    match (0..layers).find(|layer| seen.binary_search(layer).is_err()) {
        Some(layer) => Err(SafetensorsError::Shards(WORDS.safetensors.no_layer(&layer.to_string()))),
        None => Ok(()),
    }
}

fn shared_experts(config: &Config<'_>, tensors: &[&Tensor]) -> u32 {
    let seen = || u32::from(tensors.iter().any(|tensor| tensor.name.contains("shared_expert")));
    config.u32(&["n_shared_experts", "num_shared_experts", "moe_num_shared_experts"]).unwrap_or_else(seen)
}

/// Width of the feed-forward block that every token passes: the dense layers', or the shared experts' together.
fn dense_width(config: &Config<'_>, experts: Option<&Experts>, layers: u32) -> u32 {
    let plain = config.u32(&["intermediate_size", "ffn_hidden_size", "n_inner", "ffn_dim"]).unwrap_or(0);
    let Some(experts) = experts else { return plain };
    let shared = config
        .u32(&["shared_expert_intermediate_size", "shared_intermediate_size"])
        .unwrap_or(experts.shared.saturating_mul(experts.feed_forward_size));
    // with experts everywhere, the key is theirs or unused
    if experts.layers < layers { plain.max(shared) } else { shared }
}

fn quant(packing: &Packing, tensors: &[&Tensor], sums: &Sums) -> Quant {
    let mut by_type: Vec<(&str, u64)> = Vec::new();
    for tensor in tensors {
        tally(&mut by_type, tensor.dtype.as_str(), packing.weights(tensor));
    }
    let dominant: String =
        by_type.iter().max_by_key(|(_, weights)| *weights).map_or("", |(name, _)| name).into();
    let bits_per_weight =
        if sums.params > 0 { sums.bytes.total() as f64 * 8.0 / sums.params as f64 } else { 0.0 };
    let name = if packing.name.is_empty() { plain_name(&dominant) } else { packing.name.clone() };
    Quant { name, mixed: false, dominant, bits_per_weight, claimed: None }
}

/// Plain floats are called by their type; eight-bit ones by one name.
fn plain_name(dtype: &str) -> String {
    if dtype.starts_with("F8_") { "FP8".into() } else { dtype.into() }
}
