//! Families whose layers all attend.

use super::{Experts, Maker, Size};
use crate::gguf_make::{F32, Gguf, Value};

/// Grouped-query attention to everything, as in Llama 3; with experts, as in Mixtral.
#[must_use]
pub fn llama(size: Size, experts: Option<Experts>) -> Gguf {
    let mut maker = Maker::new("llama", size);
    maker.number("attention.head_count_kv", size.kv_heads);
    if let Some(experts) = experts {
        maker.expert_keys(experts);
    }
    maker.embedding(false);
    for layer in 0..size.layers {
        maker.attention(layer);
        maker.vector(&format!("blk.{layer}.ffn_norm.weight"), size.hidden);
        match experts {
            Some(experts) => maker.experts(layer, experts),
            None => maker.feed_forward(layer, "", size.ffn),
        }
    }
    maker.finish(false)
}

/// Five layers with a window to one without, tied embeddings, as in Gemma 3.
#[must_use]
pub fn gemma3(size: Size, window: u32) -> Gguf {
    let mut maker = Maker::new("gemma3", size);
    maker.number("attention.head_count_kv", size.kv_heads);
    maker.key("attention.sliding_window", Value::U32(window));
    maker.embedding(true);
    for layer in 0..size.layers {
        maker.attention(layer);
        for name in ["attn_q_norm", "attn_k_norm"] {
            maker.vector(&format!("blk.{layer}.{name}.weight"), size.head_dim);
        }
        for name in ["post_attention_norm", "ffn_norm", "post_ffw_norm"] {
            maker.vector(&format!("blk.{layer}.{name}.weight"), size.hidden);
        }
        maker.feed_forward(layer, "", size.ffn);
    }
    maker.finish(true)
}

/// Every other layer with a window, experts with biases, attention sinks, as in gpt-oss.
#[must_use]
pub fn gpt_oss(size: Size, window: u32, experts: Experts) -> Gguf {
    let mut maker = Maker::new("gpt-oss", size);
    maker.number("attention.head_count_kv", size.kv_heads);
    maker.key("attention.sliding_window", Value::U32(window));
    maker.expert_keys(experts);
    maker.embedding(false);
    for layer in 0..size.layers {
        maker.attention(layer);
        let blk = |name: &str| format!("blk.{layer}.{name}");
        maker.vector(&blk("attn_q.bias"), size.heads * size.head_dim);
        maker.vector(&blk("attn_k.bias"), size.kv_heads * size.head_dim);
        maker.vector(&blk("attn_v.bias"), size.kv_heads * size.head_dim);
        maker.vector(&blk("attn_output.bias"), size.hidden);
        maker.vector(&blk("attn_sinks.weight"), size.heads);
        maker.vector(&blk("post_attention_norm.weight"), size.hidden);
        maker.experts(layer, experts);
        maker.vector(&blk("ffn_gate_inp.bias"), experts.total);
        maker.gguf.add(blk("ffn_gate_exps.bias"), &[size.ffn, experts.total], F32);
        maker.gguf.add(blk("ffn_up_exps.bias"), &[size.ffn, experts.total], F32);
        maker.gguf.add(blk("ffn_down_exps.bias"), &[size.hidden, experts.total], F32);
    }
    maker.finish(false)
}

/// Sizes of multi-head latent attention.
#[derive(Debug, Clone, Copy)]
pub struct Latent {
    /// Rank of the queries' compression.
    pub query_rank: u64,
    /// Rank of the keys' and values' compression.
    pub rank: u64,
    /// Rotated elements of a key.
    pub rope: u64,
    /// Other elements of a key, and elements of a value.
    pub plain: u64,
    /// Width of the dense layers' feed-forward block.
    pub dense_ffn: u64,
    /// Dense layers at the front.
    pub dense_layers: u32,
    /// Experts that every token visits.
    pub shared: u64,
}

/// Multi-head latent attention, a dense layer first and shared experts, as in DeepSeek-V2 and V3.
/// `size.head_dim` and `size.kv_heads` follow from `latent`.
#[must_use]
pub fn deepseek2(size: Size, latent: Latent, experts: Experts) -> Gguf {
    let Latent { query_rank, rank, rope, plain, dense_ffn, dense_layers, shared } = latent;
    let mut maker = Maker::new("deepseek2", Size { head_dim: rope, ..size });
    let replace = |gguf: &mut Gguf, name: &str, number: u64| {
        gguf.metadata.retain(|(key, _)| key != name);
        gguf.set(name, Value::U32(number as u32));
    };
    replace(&mut maker.gguf, "deepseek2.attention.key_length", rank + rope);
    replace(&mut maker.gguf, "deepseek2.attention.value_length", rank);
    replace(&mut maker.gguf, "deepseek2.feed_forward_length", dense_ffn);
    maker.number("attention.head_count_kv", 1);
    maker.number("attention.key_length_mla", plain + rope);
    maker.number("attention.value_length_mla", plain);
    maker.number("attention.q_lora_rank", query_rank);
    maker.number("attention.kv_lora_rank", rank);
    maker.key("leading_dense_block_count", Value::U32(dense_layers));
    maker.expert_keys(experts);
    maker.number("expert_shared_count", shared);
    maker.key("expert_weights_scale", Value::F32(1.0));
    maker.embedding(false);
    for layer in 0..size.layers {
        let blk = |name: &str| format!("blk.{layer}.{name}.weight");
        maker.vector(&blk("attn_norm"), size.hidden);
        maker.vector(&blk("attn_q_a_norm"), query_rank);
        maker.vector(&blk("attn_kv_a_norm"), rank);
        maker.matrix(&blk("attn_q_a"), size.hidden, query_rank);
        maker.matrix(&blk("attn_q_b"), query_rank, size.heads * (plain + rope));
        maker.matrix(&blk("attn_kv_a_mqa"), size.hidden, rank + rope);
        let (k_b, v_b) = (size.quant.bulk().for_row(plain), size.quant.bulk().for_row(rank));
        maker.gguf.add(blk("attn_k_b"), &[plain, rank, size.heads], k_b);
        maker.gguf.add(blk("attn_v_b"), &[rank, plain, size.heads], v_b);
        maker.matrix(&blk("attn_output"), size.heads * plain, size.hidden);
        maker.vector(&blk("ffn_norm"), size.hidden);
        if layer < dense_layers {
            maker.feed_forward(layer, "", dense_ffn);
        } else {
            maker.experts(layer, experts);
            maker.feed_forward(layer, "_shexp", size.ffn * shared);
        }
    }
    maker.finish(false)
}
