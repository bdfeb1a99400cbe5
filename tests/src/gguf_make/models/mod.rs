//! Models of each family that a runtime treats differently, in any size.

mod attention;
mod state;

pub use attention::{Latent, deepseek2, gemma3, gpt_oss, llama};
pub use state::{State, falcon_h1, granite_hybrid, lfm2, qwen3next};

use super::{BF16, F16, F32, Format, Gguf, MXFP4, Q4_0, Q4_K, Q6_K, Q8_0, Value, tokenizer};

/// Sizes that every family has.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Layers.
    pub layers: u32,
    /// Elements of the residual stream.
    pub hidden: u64,
    /// Query heads.
    pub heads: u64,
    /// Key-value heads.
    pub kv_heads: u64,
    /// Elements of a key and of a value.
    pub head_dim: u64,
    /// Width of the feed-forward block; of one expert where there are experts.
    pub ffn: u64,
    /// Entries of the vocabulary.
    pub vocab: u64,
    /// Tokens that it says it was trained on.
    pub context: u32,
    /// How the matrices are stored.
    pub quant: Quant,
}

/// A recipe for the types of the tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quant {
    /// All matrices in 16 bits.
    F16,
    /// All matrices in 16 bits.
    Bf16,
    /// All at 4 bits, the head at 6.
    Q4_0,
    /// All at 8 bits.
    Q8_0,
    /// 4 bits, some of the values' and down projections and the head at 6.
    Q4Km,
    /// Experts as 4-bit floats, the rest at 8 bits.
    Mxfp4,
}

impl Quant {
    /// Number for `general.file_type`.
    fn file_type(self) -> u32 {
        match self {
            Quant::F16 => 1,
            Quant::Bf16 => 32,
            Quant::Q4_0 => 2,
            Quant::Q8_0 => 7,
            Quant::Q4Km => 15,
            Quant::Mxfp4 => 38,
        }
    }

    fn bulk(self) -> Format {
        match self {
            Quant::F16 => F16,
            Quant::Bf16 => BF16,
            Quant::Q4_0 => Q4_0,
            Quant::Q8_0 | Quant::Mxfp4 => Q8_0,
            Quant::Q4Km => Q4_K,
        }
    }

    fn experts(self) -> Format {
        if self == Quant::Mxfp4 { MXFP4 } else { self.bulk() }
    }

    fn head(self) -> Format {
        match self {
            Quant::Q4_0 | Quant::Q4Km => Q6_K,
            other => other.bulk(),
        }
    }

    /// What the values' and the down projections of this layer are kept in.
    fn raised(self, layer: u32, layers: u32) -> Option<Format> {
        let eighth = layers / 8;
        let raised = layer < eighth || layer >= 7 * layers / 8 || (layer - eighth) % 3 == 2;
        (self == Quant::Q4Km && raised).then_some(Q6_K)
    }
}

/// Routed experts.
#[derive(Debug, Clone, Copy)]
pub struct Experts {
    /// In a layer.
    pub total: u64,
    /// Visited by a token.
    pub used: u64,
}

/// A file in the making, with what its layers have in common.
struct Maker {
    gguf: Gguf,
    architecture: &'static str,
    size: Size,
}

impl Maker {
    fn new(architecture: &'static str, size: Size) -> Self {
        let mut maker = Maker { gguf: Gguf::default(), architecture, size };
        maker.gguf.set("general.architecture", Value::Text(architecture.into()));
        maker.gguf.set("general.type", Value::Text("model".into()));
        maker.gguf.set("general.name", Value::Text(format!("made-{architecture}")));
        maker.gguf.set("general.file_type", Value::U32(size.quant.file_type()));
        maker.gguf.set("general.quantization_version", Value::U32(2));
        maker.key("block_count", Value::U32(size.layers));
        maker.key("context_length", Value::U32(size.context));
        maker.number("embedding_length", size.hidden);
        maker.number("feed_forward_length", size.ffn);
        maker.number("attention.head_count", size.heads);
        maker.number("attention.key_length", size.head_dim);
        maker.number("attention.value_length", size.head_dim);
        maker.key("attention.layer_norm_rms_epsilon", Value::F32(1e-5));
        maker.number("rope.dimension_count", size.head_dim);
        maker.key("rope.freq_base", Value::F32(500_000.0));
        maker.number("vocab_size", size.vocab);
        tokenizer::put(&mut maker.gguf, size.vocab as u32);
        maker
    }

    fn key(&mut self, name: &str, value: Value) {
        self.gguf.set(format!("{}.{name}", self.architecture), value);
    }

    fn number(&mut self, name: &str, number: u64) {
        self.key(name, Value::U32(number as u32));
    }

    fn vector(&mut self, name: &str, length: u64) {
        self.gguf.add(name, &[length], F32);
    }

    /// A matrix of the bulk format, or what its row allows.
    fn matrix(&mut self, name: &str, row: u64, rows: u64) {
        let format = self.size.quant.bulk().for_row(row);
        self.gguf.add(name, &[row, rows], format);
    }

    /// Norm, queries, keys, values and output of attention.
    fn attention(&mut self, layer: u32) {
        let Size { layers, hidden, heads, kv_heads, head_dim, quant, .. } = self.size;
        self.vector(&format!("blk.{layer}.attn_norm.weight"), hidden);
        self.matrix(&format!("blk.{layer}.attn_q.weight"), hidden, heads * head_dim);
        self.matrix(&format!("blk.{layer}.attn_k.weight"), hidden, kv_heads * head_dim);
        let values = quant.raised(layer, layers).unwrap_or(quant.bulk()).for_row(hidden);
        self.gguf.add(format!("blk.{layer}.attn_v.weight"), &[hidden, kv_heads * head_dim], values);
        self.matrix(&format!("blk.{layer}.attn_output.weight"), heads * head_dim, hidden);
    }

    /// A dense block: gate, up and down; `suffix` is `""` or `_shexp`.
    fn feed_forward(&mut self, layer: u32, suffix: &str, ffn: u64) {
        let Size { layers, hidden, quant, .. } = self.size;
        self.matrix(&format!("blk.{layer}.ffn_gate{suffix}.weight"), hidden, ffn);
        self.matrix(&format!("blk.{layer}.ffn_up{suffix}.weight"), hidden, ffn);
        let down = quant.raised(layer, layers).unwrap_or(quant.bulk()).for_row(ffn);
        self.gguf.add(format!("blk.{layer}.ffn_down{suffix}.weight"), &[ffn, hidden], down);
    }

    /// Router and routed experts.
    fn experts(&mut self, layer: u32, experts: Experts) {
        let Size { layers, hidden, ffn, quant, .. } = self.size;
        let bulk = quant.experts().for_row(hidden);
        let down = quant.raised(layer, layers).unwrap_or(quant.experts()).for_row(ffn);
        self.gguf.add(format!("blk.{layer}.ffn_gate_inp.weight"), &[hidden, experts.total], F32);
        self.gguf.add(format!("blk.{layer}.ffn_gate_exps.weight"), &[hidden, ffn, experts.total], bulk);
        self.gguf.add(format!("blk.{layer}.ffn_up_exps.weight"), &[hidden, ffn, experts.total], bulk);
        self.gguf.add(format!("blk.{layer}.ffn_down_exps.weight"), &[ffn, hidden, experts.total], down);
    }

    fn expert_keys(&mut self, experts: Experts) {
        self.number("expert_count", experts.total);
        self.number("expert_used_count", experts.used);
        self.number("expert_feed_forward_length", self.size.ffn);
    }

    /// The embedding table before the layers.
    fn embedding(&mut self, tied: bool) {
        let Size { hidden, vocab, quant, .. } = self.size;
        let format = if tied { quant.head() } else { quant.bulk() };
        self.gguf.add("token_embd.weight", &[hidden, vocab], format.for_row(hidden));
    }

    /// The last norm, and the output head unless the embedding table serves.
    fn finish(mut self, tied: bool) -> Gguf {
        let Size { hidden, vocab, quant, .. } = self.size;
        self.vector("output_norm.weight", hidden);
        if !tied {
            self.gguf.add("output.weight", &[hidden, vocab], quant.head().for_row(hidden));
        }
        self.gguf
    }
}
