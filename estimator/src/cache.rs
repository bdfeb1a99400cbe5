//! The key-value cache: bytes held, and bytes that a new token reads.

use crate::model::{LayerKind, Model};
use crate::units::round_up;

/// Number type of cached keys or values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum CacheType {
    /// 32-bit floats.
    F32,
    /// 16-bit floats.
    F16,
    /// Brain floats, 16 bits.
    Bf16,
    /// 8-bit floats, one byte each.
    Fp8,
    /// Blocks of 32: 8-bit integers and one 16-bit scale.
    Q8_0,
    /// Blocks of 32: 5-bit integers, scale and minimum.
    Q5_1,
    /// Blocks of 32: 5-bit integers and a scale.
    Q5_0,
    /// Blocks of 32: 4-bit integers, scale and minimum.
    Q4_1,
    /// Blocks of 32: 4-bit integers and a scale.
    Q4_0,
    /// Blocks of 32: 4-bit table indices and a scale.
    Iq4Nl,
}

impl CacheType {
    /// Every type, widest first.
    pub const ALL: [CacheType; 10] = [
        CacheType::F32,
        CacheType::F16,
        CacheType::Bf16,
        CacheType::Q8_0,
        CacheType::Fp8,
        CacheType::Q5_1,
        CacheType::Q5_0,
        CacheType::Q4_1,
        CacheType::Q4_0,
        CacheType::Iq4Nl,
    ];

    /// Bytes for each element: the block's layout, not a measurement.
    #[must_use]
    pub fn bytes_per_element(self) -> f64 {
        match self {
            CacheType::F32 => 4.0,
            CacheType::F16 | CacheType::Bf16 => 2.0,
            CacheType::Fp8 => 1.0,
            CacheType::Q8_0 => 34.0 / 32.0,
            CacheType::Q5_1 => 24.0 / 32.0,
            CacheType::Q5_0 => 22.0 / 32.0,
            CacheType::Q4_1 => 20.0 / 32.0,
            CacheType::Q4_0 | CacheType::Iq4Nl => 18.0 / 32.0,
        }
    }
}

/// Types of keys and of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CacheTypes {
    /// Type of keys (and of MLA's latent vectors).
    pub k: CacheType,
    /// Type of values.
    pub v: CacheType,
}

/// How a runtime lays its cache out. Numbers come from `data/rules.toml`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CacheLayout {
    /// Slots are allocated in multiples of this many tokens.
    pub pad_tokens: f64,
    /// Whether a sliding-window layer holds only its window plus one micro-batch, or the whole context.
    pub windows_capped: bool,
}

/// Bytes that `kind` keeps for one token, unpadded; nothing for a recurrent state.
#[must_use]
pub fn bytes_per_token(kind: LayerKind, types: CacheTypes) -> f64 {
    match kind {
        LayerKind::Full { kv_heads, key_dim, value_dim, .. }
        | LayerKind::Window { kv_heads, key_dim, value_dim, .. } => {
            f64::from(kv_heads)
                * (f64::from(key_dim) * types.k.bytes_per_element()
                    + f64::from(value_dim) * types.v.bytes_per_element())
        }
        LayerKind::Latent { rank, rope_dim, .. } => {
            (f64::from(rank) + f64::from(rope_dim)) * types.k.bytes_per_element()
        }
        LayerKind::Recurrent { .. } => 0.0,
    }
}

/// Bytes that each further token adds to the cache while no window is full.
#[must_use]
pub fn growth_bytes_per_token(model: &Model, types: CacheTypes) -> f64 {
    model
        .layers
        .groups()
        .iter()
        .filter(|group| group.stores && !matches!(group.kind, LayerKind::Window { .. }))
        .map(|group| f64::from(group.count) * bytes_per_token(group.kind, types))
        .sum()
}

/// Tokens that one stream has room for when it asks for `context_tokens`.
#[must_use]
pub fn slots(context_tokens: f64, layout: CacheLayout) -> f64 {
    round_up(context_tokens, layout.pad_tokens)
}

/// Tokens that a sliding-window layer has room for beside `slots` of the others.
#[must_use]
pub fn window_slots(slots: f64, window: u32, layout: CacheLayout, micro_batch: f64) -> f64 {
    if !layout.windows_capped {
        return slots;
    }
    // A micro-batch is never longer than the context it is part of.
    let capped = f64::from(window) + micro_batch.min(slots);
    round_up(slots.min(capped), layout.pad_tokens)
}

/// Bytes that the runtime sets aside for `streams` sequences of `context_tokens` each.
#[must_use]
pub fn held_bytes(
    model: &Model,
    types: CacheTypes,
    layout: CacheLayout,
    context_tokens: f64,
    streams: f64,
    micro_batch: f64,
) -> f64 {
    let slots = slots(context_tokens, layout);
    let one = |kind: LayerKind| match kind {
        LayerKind::Window { window, .. } => {
            bytes_per_token(kind, types) * window_slots(slots, window, layout, micro_batch)
        }
        LayerKind::Recurrent { state_bytes } => state_bytes,
        _ => bytes_per_token(kind, types) * slots,
    };
    let stores = model.layers.groups().iter().filter(|group| group.stores);
    stores.map(|group| f64::from(group.count) * one(group.kind)).sum::<f64>() * streams
}

/// Bytes that one new token reads with `context_tokens` behind it, in one sequence.
#[must_use]
pub fn read_bytes(model: &Model, types: CacheTypes, context_tokens: f64) -> f64 {
    let one = |kind: LayerKind| match kind {
        LayerKind::Window { window, .. } => {
            bytes_per_token(kind, types) * context_tokens.min(f64::from(window))
        }
        LayerKind::Recurrent { state_bytes } => state_bytes,
        _ => bytes_per_token(kind, types) * context_tokens,
    };
    model.layers.groups().iter().map(|group| f64::from(group.count) * one(group.kind)).sum()
}
