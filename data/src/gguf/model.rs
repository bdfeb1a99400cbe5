//! [`Header`] → [`ModelShape`]: what each tensor is for, and what that makes together.

use super::error::GgufError;
use super::header::{Header, Tensor, Value};
use super::keys::Keys;
use super::layers::{Traces, is_routed, layers};
use super::quant;
use super::shape::{Experts, ModelShape, Role, RoleBytes, Rope};
use super::split::check_parts;
use crate::messages::WORDS;
use crate::number;
use alloc::{string::ToString, vec::Vec};

/// The exact model that these headers describe: one file, or all parts of a split one in order.
///
/// # Errors
/// [`GgufError::Parts`] if parts are missing or foreign, [`GgufError::MissingKey`] if the file says too little.
pub fn model(parts: &[Header]) -> Result<ModelShape, GgufError> {
    check_parts(parts)?;
    let keys = Keys::new(&parts[0])?;
    let tensors: Vec<&Tensor> = parts.iter().flat_map(|part| part.tensors.iter()).collect();
    let mut traces = alloc::vec![Traces::default(); keys.all_layers as usize];
    for tensor in &tensors {
        if let Some((layer, rest)) = in_layer(&tensor.name)
            && let Some(trace) = traces.get_mut(layer as usize)
        {
            trace.note(rest);
        }
    }
    check_layers(&keys, &tensors, &traces)?;
    let tied = !tensors.iter().any(|tensor| tensor.name == "output.weight");
    let sums = sums(&keys, &tensors, tied)?;
    let experts = experts(&keys, &tensors, &traces)?;
    let vocab = vocab_size(&keys, &parts[0], &tensors)?;
    let claimed = keys.general("file_type").and_then(Value::as_u64);
    let eight = experts.is_some_and(|experts| experts.total == 8);
    let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    Ok(ModelShape {
        name: keys.text("name"),
        architecture: keys.architecture.to_string(),
        quant: quant::name(&tensors, claimed, eight),
        params: sums.params,
        active_params: sums.active_params,
        idle_params: sums.idle_params,
        bytes: sums.bytes,
        tied_embeddings: tied,
        hidden_size: narrow(keys.needed("embedding_length")?),
        vocab_size: vocab,
        context_tokens: narrow(keys.needed("context_length")?),
        layers: layers(&keys, &traces)?,
        guess_layers: keys.guess_layers,
        experts,
        feed_forward_size: widest(&tensors, &["ffn_down.weight", "ffn_down_shexp.weight"]),
        rope: Rope {
            base: keys.f64("rope.freq_base").unwrap_or(0.0),
            dims: keys.u32("rope.dimension_count").unwrap_or(0),
            factor: keys.f64("rope.scaling.factor").filter(|&factor| factor > 0.0).unwrap_or(1.0),
        },
        parts: parts.len() as u32,
    })
}

/// As many layers as are claimed have tensors, and no others.
fn check_layers(keys: &Keys<'_>, tensors: &[&Tensor], traces: &[Traces]) -> Result<(), GgufError> {
    let last = tensors.iter().filter_map(|tensor| in_layer(&tensor.name)).map(|(layer, _)| layer).max();
    // Pruned models keep the numbers of layers that are gone: no heads and no feed-forward block (Deci).
    let widths = keys.per_layer("feed_forward_length");
    let gone = |layer: usize| widths.as_ref().is_some_and(|widths| widths[layer] == 0);
    // Layers that only guess may be left out of a file.
    let missing = (0..keys.layers() as usize).any(|layer| !traces[layer].any && !gone(layer));
    let beyond = last.filter(|last| *last >= keys.all_layers);
    if missing || beyond.is_some() {
        let held = traces.iter().filter(|trace| trace.any).count() as u32;
        let found = beyond.map_or(held, |last| last.saturating_add(1));
        let what = WORDS.model.layer_count(&keys.all_layers.to_string(), &found.to_string());
        return Err(GgufError::Contradicts(what));
    }
    Ok(())
}

/// The layer that a tensor belongs to, and the rest of its name: `blk.3.attn_q.weight` → 3, `attn_q.weight`.
fn in_layer(name: &str) -> Option<(u32, &str)> {
    let (number, rest) = name.strip_prefix("blk.")?.split_once('.')?;
    Some((number.parse().ok()?, rest))
}

fn role(keys: &Keys<'_>, name: &str) -> Role {
    match in_layer(name) {
        Some((layer, _)) if layer >= keys.layers() => Role::Idle,
        Some((_, rest)) if is_routed(rest) => Role::Routed,
        Some(_) => Role::Always,
        None => match name.split('.').next().unwrap_or(name) {
            "token_embd" | "per_layer_token_embd" | "position_embd" | "token_types" => Role::Table,
            "output" => Role::Head,
            _ => Role::Always,
        },
    }
}

struct Sums {
    params: u64,
    active_params: u64,
    idle_params: u64,
    bytes: RoleBytes,
}

fn sums(keys: &Keys<'_>, tensors: &[&Tensor], tied: bool) -> Result<Sums, GgufError> {
    let total = keys.u32("expert_count").unwrap_or(0);
    let used = keys.per_layer("expert_used_count").unwrap_or_default();
    let sum = |place: &mut u64, more: u64| {
        *place =
            place.checked_add(more).ok_or(GgufError::Corrupt { at: 0, what: WORDS.damage.total_size })?;
        Ok(())
    };
    let mut sums = Sums { params: 0, active_params: 0, idle_params: 0, bytes: RoleBytes::default() };
    for tensor in tensors {
        let role = role(keys, &tensor.name);
        let head_as_well = tied && tensor.name == "token_embd.weight";
        let active = match role {
            Role::Table | Role::Head | Role::Always => tensor.weights,
            Role::Idle => 0,
            Role::Routed => {
                let layer = in_layer(&tensor.name).map_or(0, |(layer, _)| layer as usize);
                let used = used.get(layer).copied().unwrap_or(0);
                number::share(tensor.weights, used, total).min(tensor.weights)
            }
        };
        let bytes = &mut sums.bytes;
        sum(bytes.of(role), tensor.bytes)?;
        if role == Role::Idle {
            sums.idle_params = sums.idle_params.saturating_add(tensor.weights);
        }
        if role == Role::Table {
            let row = tensor.bytes / tensor.dims.get(1).copied().unwrap_or(1).max(1);
            bytes.embedding_row = bytes.embedding_row.saturating_add(row);
        }
        if head_as_well {
            bytes.tied_head = tensor.bytes;
        }
        sum(&mut sums.params, tensor.weights)?;
        sum(&mut sums.active_params, active)?;
    }
    Ok(sums)
}

fn experts(keys: &Keys<'_>, tensors: &[&Tensor], traces: &[Traces]) -> Result<Option<Experts>, GgufError> {
    let layers = &traces[..keys.layers() as usize];
    let with = layers.iter().filter(|trace| trace.experts).count() as u32;
    let total = keys.u32("expert_count").unwrap_or(0);
    if with == 0 || total == 0 {
        return Ok(None);
    }
    let active = keys.per_layer("expert_used_count").and_then(|used| used.into_iter().max());
    let active = active
        .ok_or_else(|| GgufError::MissingKey(alloc::format!("{}.expert_used_count", keys.architecture)))?;
    let has_shared = tensors.iter().any(|tensor| tensor.name.contains("_shexp."));
    let feed_forward_size = widest(tensors, &["ffn_down_exps.weight", "ffn_down.0.weight"]);
    Ok(Some(Experts {
        total,
        active: active.min(total),
        shared: keys.u32("expert_shared_count").unwrap_or(u32::from(has_shared)),
        leading_dense_layers: layers.iter().position(|trace| trace.experts).unwrap_or(0) as u32,
        layers: with,
        feed_forward_size,
    }))
}

/// The longest row of the layers' tensors with one of these names: a down projection's row is the block's width.
fn widest(tensors: &[&Tensor], names: &[&str]) -> u32 {
    let rows = tensors
        .iter()
        .filter(|tensor| in_layer(&tensor.name).is_some_and(|(_, rest)| names.contains(&rest)))
        .filter_map(|tensor| tensor.dims.first().copied());
    rows.max().map_or(0, |row| u32::try_from(row).unwrap_or(u32::MAX))
}

fn vocab_size(keys: &Keys<'_>, first: &Header, tensors: &[&Tensor]) -> Result<u32, GgufError> {
    let rows =
        tensors.iter().find(|tensor| tensor.name == "token_embd.weight").and_then(|t| t.dims.get(1).copied());
    let listed = || match first.get("tokenizer.ggml.tokens") {
        Some(Value::Array(tokens)) => Some(tokens.length),
        _ => None,
    };
    let size = rows.or_else(listed).or_else(|| keys.u64("vocab_size"));
    size.and_then(|size| u32::try_from(size).ok())
        .ok_or(GgufError::MissingKey("token_embd.weight".to_string()))
}
