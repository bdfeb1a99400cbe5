//! Models: `data/models/*.toml`.

use estimator::{Experts, LayerKind};
use serde::{Deserialize, Serialize};

/// What a layer keeps of the past, and how much of it each new token reads.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Mixer {
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
    /// A state of constant size: Mamba, linear attention, short convolution.
    Recurrent {
        /// Bytes of state a sequence, in one layer.
        state_bytes: u32,
    },
    /// Keeps nothing: a feed-forward block of its own (Nemotron-H).
    FeedForward,
}

/// As the estimator has it, where a block that keeps nothing has a state of no bytes.
impl From<Mixer> for LayerKind {
    fn from(mixer: Mixer) -> Self {
        match mixer {
            Mixer::Full { heads, kv_heads, key_dim, value_dim } => {
                LayerKind::Full { heads, kv_heads, key_dim, value_dim }
            }
            Mixer::Window { heads, kv_heads, key_dim, value_dim, window } => {
                LayerKind::Window { heads, kv_heads, key_dim, value_dim, window }
            }
            Mixer::Latent { heads, rank, rope_dim } => LayerKind::Latent { heads, rank, rope_dim },
            Mixer::Recurrent { state_bytes } => LayerKind::Recurrent { state_bytes: f64::from(state_bytes) },
            Mixer::FeedForward => LayerKind::Recurrent { state_bytes: 0.0 },
        }
    }
}

/// So many layers of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerGroup {
    /// How many.
    pub count: u32,
    /// Of which kind.
    pub mixer: Mixer,
    /// Whether these layers read the cache of earlier layers and store none (Gemma 3n and 4 E-series).
    #[serde(default)]
    pub shared_cache: bool,
    /// Whether this stands beside the mixer of other groups in the same layers, and adds none (Falcon-H1).
    #[serde(default)]
    pub parallel: bool,
}

/// How good a model is held to be, and on what ground.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Capability {
    /// Anchored: people's votes in the LMArena text arena.
    Arena {
        /// The rating.
        elo: u16,
        /// Which table, and when: a source key.
        source: String,
        /// 0 to 100, by the scale in `data/capability.toml`; the reader of the files fills it in.
        #[serde(default)]
        score: f64,
    },
    /// Editorial: by the rule in `data/capability.toml`, which the reader of the files applies.
    Editorial {
        /// 0 to 100, on the same scale that anchored ratings are mapped to.
        score: u8,
        /// What it rests on: the size class and month, and the published rating of the nearest kin where there is one.
        basis: String,
        /// Where that was read: a source key.
        source: String,
    },
}

impl Default for Capability {
    /// Of a row that says nothing: nobody voted.
    fn default() -> Self {
        Capability::Editorial { score: 0, basis: String::new(), source: String::new() }
    }
}

impl Capability {
    /// 0 to 100: the scale is ours, the order of anchored ones is the arena's.
    #[must_use]
    pub fn score(&self) -> f64 {
        match self {
            Capability::Arena { score, .. } => *score,
            Capability::Editorial { score, .. } => f64::from(*score),
        }
    }
}

/// How a model's GGUF files differ from those of a usual model of its size, by its shape alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GgufForm {
    /// Whether rows of the embedding table and the head are no multiple of 256 elements.
    pub odd_tables: bool,
    /// Matrices of such rows among those that every token reads in the layers.
    pub dense: OddRows,
    /// Matrices of such rows among the routed experts.
    pub routed: OddRows,
    /// Bits a weight in which the experts are published and stay in every file, whatever its name.
    #[serde(default)]
    pub expert_bits_per_weight: Option<f64>,
}

/// Shares, 0 to 1, of weights in matrices whose rows are no multiple of 256 elements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OddRows {
    /// In matrices that lead out of a feed-forward block: a row is as long as the block is wide.
    pub down: f64,
    /// In all others.
    pub others: f64,
}

/// One model in `data/models/*.toml`. Fine-tunes of the same shape run at the same speed and need no row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelRow {
    /// Stable key: lower case, hyphens, never reused.
    pub id: String,
    /// As its maker writes it.
    pub name: String,
    /// Which models it belongs with on the page.
    pub family: String,
    /// Repository on Hugging Face.
    #[serde(default)]
    pub hf_repo: Option<String>,
    /// Parameters of the language model, in 10⁹, tied embeddings once; no vision tower, no draft layers.
    pub params_b: f64,
    /// Parameters that one token uses, in 10⁹; all of them in a dense model.
    pub active_params_b: f64,
    /// Elements of the residual stream.
    pub hidden_size: u32,
    /// Entries of the vocabulary.
    pub vocab_size: u32,
    /// Whether the output head is the embedding table.
    pub tied_embeddings: bool,
    /// Tokens of context that it was made for.
    pub native_context_tokens: u32,
    /// Layers by kind.
    pub layers: Vec<LayerGroup>,
    /// Routed experts, in a mixture-of-experts model.
    #[serde(default)]
    pub experts: Option<Experts>,
    /// Quantisation that the weights are published in, where it is not bf16 (a quant's id).
    #[serde(default)]
    pub native_quant: Option<String>,
    /// How its GGUF files differ; the reader of the files fills it in, and files do not say it.
    #[serde(default)]
    pub gguf: Option<GgufForm>,
    /// Licence, as the repository tags it.
    #[serde(default)]
    pub license: Option<String>,
    /// Month of release, `YYYY-MM`.
    #[serde(default)]
    pub released: Option<String>,
    /// How good it is held to be; files say it of rows that people voted on.
    #[serde(default)]
    pub capability: Capability,
    /// What else it is called. A name here belongs to this row alone.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Names that it shares with other rows: typing one asks which is meant.
    #[serde(default)]
    pub shared_names: Vec<String>,
    /// Where each number was read: `source` or `source:place`.
    pub sources: Vec<String>,
    /// What was recalled rather than read, in words; to be shown beside the row.
    #[serde(default)]
    pub unverified: Option<String>,
}

impl ModelRow {
    /// How many layers there are.
    #[must_use]
    pub fn layer_count(&self) -> u32 {
        self.layers.iter().filter(|group| !group.parallel).map(|group| group.count).sum()
    }
}
