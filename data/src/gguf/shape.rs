//! A model as its files describe it: exact, and the same whether they were GGUF or safetensors.

use alloc::{string::String, vec::Vec};

use crate::row::Mixer;

/// Everything about a model that its memory and speed depend on.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelShape {
    /// What its makers call it, if the file says.
    pub name: Option<String>,
    /// The architecture, as the file names it: `llama`, `qwen3moe`, `Gemma3ForConditionalGeneration`.
    pub architecture: String,
    /// How its weights are stored.
    pub quant: Quant,
    /// All weights, in their number.
    pub params: u64,
    /// Weights without the experts that a token does not visit and without [`ModelShape::idle_params`].
    pub active_params: u64,
    /// Weights that plain decoding of text does not read: layers that only guess further tokens, and parts for
    /// pictures and sound.
    pub idle_params: u64,
    /// Bytes by role.
    pub bytes: RoleBytes,
    /// Whether the output head is the embedding table.
    pub tied_embeddings: bool,
    /// Elements of the residual stream.
    pub hidden_size: u32,
    /// Entries of the vocabulary.
    pub vocab_size: u32,
    /// Tokens of context that it was made for.
    pub context_tokens: u32,
    /// Layer by layer, in order, without those that only guess further tokens.
    pub layers: Vec<Layer>,
    /// Layers at the end that only guess further tokens (multi-token prediction).
    pub guess_layers: u32,
    /// Routed experts.
    pub experts: Option<Experts>,
    /// Widest feed-forward block that is no routed expert, in elements; 0 without one.
    pub feed_forward_size: u32,
    /// Rotary position embedding.
    pub rope: Rope,
    /// In how many files it comes.
    pub parts: u32,
}

/// Bytes of weights by how often they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RoleBytes {
    /// Tables of which each token reads one row: token embeddings, per-layer embeddings, positions. When
    /// [`ModelShape::tied_embeddings`] holds, [`RoleBytes::tied_head`] of them are read whole as well.
    pub embedding: u64,
    /// One row of each of those tables.
    pub embedding_row: u64,
    /// The output head, where it is a tensor of its own.
    pub head: u64,
    /// The part of `embedding` that serves as output head; 0 unless the embeddings are tied.
    pub tied_head: u64,
    /// What each token reads: attention, norms, dense feed-forward, shared experts, routers.
    pub always: u64,
    /// All routed experts.
    pub experts: u64,
    /// Held, but not read by plain decoding of text: layers that guess further tokens, parts for pictures and sound.
    pub idle: u64,
}

impl RoleBytes {
    /// All of them; saturating, since files say what they like.
    #[must_use]
    pub fn total(&self) -> u64 {
        let parts = [self.embedding, self.head, self.always, self.experts, self.idle];
        parts.into_iter().fold(0, u64::saturating_add)
    }

    /// Where the bytes of a tensor of this role are counted.
    pub(crate) fn of(&mut self, role: Role) -> &mut u64 {
        match role {
            Role::Table => &mut self.embedding,
            Role::Head => &mut self.head,
            Role::Always => &mut self.always,
            Role::Routed => &mut self.experts,
            Role::Idle => &mut self.idle,
        }
    }
}

/// What a tensor is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Each token reads one row.
    Table,
    /// The output head.
    Head,
    /// Each token reads all of it.
    Always,
    /// Routed experts.
    Routed,
    /// Not read by plain decoding of text.
    Idle,
}

/// One layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Layer {
    /// What it keeps of the past.
    pub mixer: Mixer,
    /// A second mixer that stands beside the first (Falcon-H1's state, the index of sparse attention).
    pub beside: Option<Mixer>,
    /// Whether it keeps a cache of its own; `false` where it reads that of an earlier layer.
    pub stores: bool,
    /// Whether it has routed experts.
    pub experts: bool,
}

/// Attention heads, while a layer is read.
#[derive(Clone, Copy)]
pub(crate) struct Heads {
    /// Query heads.
    pub query: u32,
    /// Key-value heads.
    pub kv: u32,
    /// Elements of one key.
    pub key_dim: u32,
    /// Elements of one value.
    pub value_dim: u32,
}

impl Heads {
    /// Attention to all of the past.
    pub(crate) fn full(self) -> Mixer {
        let Heads { query, kv, key_dim, value_dim } = self;
        Mixer::Full { heads: query, kv_heads: kv, key_dim, value_dim }
    }

    /// Attention to so many tokens back.
    pub(crate) fn within(self, window: u32) -> Mixer {
        let Heads { query, kv, key_dim, value_dim } = self;
        Mixer::Window { heads: query, kv_heads: kv, key_dim, value_dim, window }
    }
}

/// A state of so many elements for each sequence, which runtimes keep as 32-bit floats. Files say what they like: 4 GiB in one
/// layer stand for all that is more, which no machine runs.
pub(crate) fn state(elements: u64) -> Mixer {
    let bytes = elements.saturating_mul(size_of::<f32>() as u64);
    Mixer::Recurrent { state_bytes: u32::try_from(bytes).unwrap_or(u32::MAX) }
}

/// Routed experts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Experts {
    /// In one layer.
    pub total: u32,
    /// Visited by one token in one layer; the most, where layers differ.
    pub active: u32,
    /// Experts that every token visits, in one layer.
    pub shared: u32,
    /// Layers without routed experts before the first that has them.
    pub leading_dense_layers: u32,
    /// Layers that have them.
    pub layers: u32,
    /// Width of one of them, in elements.
    pub feed_forward_size: u32,
}

/// Rotary position embedding.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rope {
    /// Base of its frequencies; 0 where the file does not say.
    pub base: f64,
    /// Elements of a key that are rotated; 0 where the file does not say.
    pub dims: u32,
    /// Factor by which its makers stretch it; 1 where they do not.
    pub factor: f64,
}

/// How the weights are stored, told from the tensors.
#[derive(Debug, Clone, PartialEq)]
pub struct Quant {
    /// The usual name: `Q4_K_M`, `MXFP4`, `BF16`, `AWQ`; with `mixed` the name that comes nearest.
    pub name: String,
    /// Whether no usual recipe mixes these types: "dynamic", UD and XL files.
    pub mixed: bool,
    /// The format that holds the most weights, as its makers write it: `q4_K`.
    pub dominant: String,
    /// All bytes over all weights.
    pub bits_per_weight: f64,
    /// What the file claims, where that is not `name`.
    pub claimed: Option<String>,
}
