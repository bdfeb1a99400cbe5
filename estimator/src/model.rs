//! A model's shape: parameters, layers and experts → bytes of weights and of cache.

use crate::units::share_to;

/// The most distinct kinds of layer that one model may have.
pub const MAX_LAYER_GROUPS: usize = 16;

/// What a layer keeps of the past, and how much of it each new token reads.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum LayerKind {
    /// Attention to all of the past: MHA, GQA or MQA by its number of key-value heads.
    Full {
        /// Query heads.
        heads: u32,
        /// Key-value heads.
        kv_heads: u32,
        /// Elements in one key.
        key_dim: u32,
        /// Elements in one value.
        value_dim: u32,
    },
    /// Attention to the last `window` tokens.
    Window {
        /// Query heads.
        heads: u32,
        /// Key-value heads.
        kv_heads: u32,
        /// Elements in one key.
        key_dim: u32,
        /// Elements in one value.
        value_dim: u32,
        /// How many tokens back it sees.
        window: u32,
    },
    /// Multi-head latent attention: one compressed vector a token, shared by all heads and kept once.
    Latent {
        /// Query heads.
        heads: u32,
        /// Elements of the compressed vector.
        rank: u32,
        /// Elements of the rotary key beside it.
        rope_dim: u32,
    },
    /// A state of constant size: Mamba, linear attention, short convolution; no bytes for a feed-forward block
    /// that stands alone.
    Recurrent {
        /// Bytes of state a sequence, in one layer.
        state_bytes: f64,
    },
}

impl LayerKind {
    /// Columns of the query, key, value and output matrices together.
    fn projections(self) -> f64 {
        match self {
            LayerKind::Full { heads, kv_heads, key_dim, value_dim }
            | LayerKind::Window { heads, kv_heads, key_dim, value_dim, .. } => {
                (f64::from(heads) + f64::from(kv_heads)) * (f64::from(key_dim) + f64::from(value_dim))
            }
            // Query and output heads are kept small; 128 of 192 elements are the usual split of a latent head.
            LayerKind::Latent { heads, rank, rope_dim } => {
                f64::from(heads) * 4.0 * f64::from(rope_dim) + f64::from(rank)
            }
            LayerKind::Recurrent { .. } => 0.0,
        }
    }
}

/// So many layers of one kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerGroup {
    /// How many.
    pub count: u32,
    /// Of which kind.
    pub kind: LayerKind,
    /// Whether they keep a cache of their own, rather than read that of earlier layers (Gemma 3n).
    pub stores: bool,
    /// Whether this stands beside another group's mixer in the same layers, and adds none (Falcon-H1).
    pub parallel: bool,
}

impl LayerGroup {
    /// Layers of their own with a cache of their own.
    #[must_use]
    pub const fn new(count: u32, kind: LayerKind) -> Self {
        LayerGroup { count, kind, stores: true, parallel: false }
    }

    fn same_but_count(&self, other: &LayerGroup) -> bool {
        LayerGroup { count: 0, ..*self } == LayerGroup { count: 0, ..*other }
    }
}

/// All layers of a model, grouped by kind; their order does not matter to speed or size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Layers {
    groups: [LayerGroup; MAX_LAYER_GROUPS],
    len: usize,
}

impl Layers {
    /// No layers yet.
    #[must_use]
    pub const fn new() -> Self {
        let none = LayerGroup::new(0, LayerKind::Recurrent { state_bytes: 0.0 });
        Layers { groups: [none; MAX_LAYER_GROUPS], len: 0 }
    }

    /// Adds a group, or its count to the like group that is there; `false` when there is no room for another.
    #[must_use]
    pub fn add(&mut self, group: LayerGroup) -> bool {
        if group.count == 0 {
            return true;
        }
        if let Some(same) = self.groups[..self.len].iter_mut().find(|old| old.same_but_count(&group)) {
            same.count += group.count;
            return true;
        }
        let Some(free) = self.groups.get_mut(self.len) else { return false };
        *free = group;
        self.len += 1;
        true
    }

    /// The groups.
    #[must_use]
    pub fn groups(&self) -> &[LayerGroup] {
        &self.groups[..self.len]
    }

    /// How many layers there are.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.groups().iter().filter(|group| !group.parallel).map(|group| group.count).sum()
    }
}

impl Default for Layers {
    fn default() -> Self {
        Layers::new()
    }
}

/// Routed experts of a mixture-of-experts model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct Experts {
    /// Routed experts in one layer.
    pub total: u32,
    /// Routed experts that one token visits in one layer.
    pub active: u32,
    /// Experts that every token visits.
    #[cfg_attr(feature = "serde", serde(default))]
    pub shared: u32,
    /// Layers at the front that have a dense feed-forward block instead.
    #[cfg_attr(feature = "serde", serde(default))]
    pub leading_dense_layers: u32,
}

impl Experts {
    /// Share of the routed experts that `tokens` tokens, routed independently, are expected to visit together.
    #[must_use]
    pub fn visited_share(&self, tokens: f64) -> f64 {
        let total = f64::from(self.total.max(1));
        let one = (f64::from(self.active) / total).min(1.0);
        1.0 - share_to(1.0 - one, tokens)
    }
}

/// A model's shape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Model {
    /// All parameters, in 10⁹.
    pub params_b: f64,
    /// Parameters that one token's pass multiplies with, in 10⁹; all of them in a dense model.
    pub active_params_b: f64,
    /// Elements of the residual stream.
    pub hidden_size: u32,
    /// Entries of the vocabulary.
    pub vocab_size: u32,
    /// Whether the output head is the embedding table.
    pub tied_embeddings: bool,
    /// Layers by kind.
    pub layers: Layers,
    /// Routed experts, in a mixture-of-experts model.
    pub experts: Option<Experts>,
    /// Tokens of context that it was made for.
    pub native_context: u32,
    /// Width of the widest feed-forward block that every token passes, where it is known; routed experts are none.
    pub feed_forward_size: Option<u32>,
}

impl Model {
    /// Parameters of the embedding table.
    #[must_use]
    pub fn embedding_params(&self) -> f64 {
        f64::from(self.vocab_size) * f64::from(self.hidden_size)
    }

    /// Parameters of all routed experts together, from total and active counts.
    ///
    /// With everything else read by each token, `total = rest + routed` and
    /// `active = rest + routed × visited`, so the difference tells `routed`.
    #[must_use]
    pub fn routed_params(&self) -> f64 {
        let Some(experts) = self.experts else { return 0.0 };
        let idle = 1.0 - experts.visited_share(1.0);
        if idle <= 0.0 {
            return 0.0;
        }
        let difference = (self.params_b - self.active_params_b) * crate::units::BILLION;
        (difference / idle).clamp(0.0, self.params_b * crate::units::BILLION)
    }

    /// How many layers are of a kind; those that stand beside another group's mixer count too.
    #[must_use]
    pub fn layers_where(&self, is: impl Fn(LayerKind) -> bool) -> f64 {
        self.layers.groups().iter().filter(|group| is(group.kind)).map(|group| f64::from(group.count)).sum()
    }

    /// Elements between the two halves of the widest gated feed-forward block. Where it is not known: what the active
    /// parameters leave after tables and attention, over three matrices a layer, experts visited and all.
    #[must_use]
    pub fn feed_forward_width(&self) -> f64 {
        if let Some(size) = self.feed_forward_size {
            return size.into();
        }
        let hidden = f64::from(self.hidden_size);
        let tables = if self.tied_embeddings { 1.0 } else { 2.0 };
        let attention: f64 =
            self.layers.groups().iter().map(|g| f64::from(g.count) * g.kind.projections()).sum();
        let active = self.active_params_b * crate::units::BILLION;
        let left = active - tables * self.embedding_params() - attention * hidden;
        (left / (3.0 * hidden * f64::from(self.layers.count().max(1)))).max(0.0)
    }

    /// Layers that hold routed experts.
    #[must_use]
    pub fn expert_layers(&self) -> u32 {
        self.experts.map_or(0, |e| self.layers.count().saturating_sub(e.leading_dense_layers))
    }
}
