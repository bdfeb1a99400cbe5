//! Families with layers that keep a state of constant size.

use super::{Experts, Maker, Size};
use crate::gguf_make::{F32, Gguf, Value};

/// Short convolutions with an attention layer after each two, tied embeddings, as in LFM2.
#[must_use]
pub fn lfm2(size: Size, taps: u64) -> Gguf {
    let mut maker = Maker::new("lfm2", size);
    let attends = |layer: u32| layer % 3 == 2;
    let kv_heads = (0..size.layers).map(|layer| if attends(layer) { size.kv_heads as u32 } else { 0 });
    maker.key("attention.head_count_kv", Value::U32s(kv_heads.collect()));
    maker.number("shortconv.l_cache", taps);
    maker.key("leading_dense_block_count", Value::U32(size.layers));
    maker.embedding(true);
    for layer in 0..size.layers {
        let blk = |name: &str| format!("blk.{layer}.{name}.weight");
        if attends(layer) {
            maker.attention(layer);
            maker.vector(&blk("attn_q_norm"), size.head_dim);
            maker.vector(&blk("attn_k_norm"), size.head_dim);
        } else {
            maker.vector(&blk("attn_norm"), size.hidden);
            maker.gguf.add(blk("shortconv.conv"), &[taps, size.hidden], F32);
            maker.matrix(&blk("shortconv.in_proj"), size.hidden, 3 * size.hidden);
            maker.matrix(&blk("shortconv.out_proj"), size.hidden, size.hidden);
        }
        maker.vector(&blk("ffn_norm"), size.hidden);
        maker.feed_forward(layer, "", size.ffn);
    }
    maker.vector("token_embd_norm.weight", size.hidden);
    maker.gguf
}

/// Sizes of a Mamba-2 or gated-delta-net state.
#[derive(Debug, Clone, Copy)]
pub struct State {
    /// Taps of the convolution.
    pub conv: u64,
    /// Width of the inner stream.
    pub inner: u64,
    /// Elements of the state for each of them.
    pub state: u64,
    /// Heads of the state (values' heads of a delta net).
    pub heads: u64,
    /// Groups (keys' heads of a delta net).
    pub groups: u64,
}

impl State {
    fn keys(self, maker: &mut Maker) {
        maker.number("ssm.conv_kernel", self.conv);
        maker.number("ssm.inner_size", self.inner);
        maker.number("ssm.state_size", self.state);
        maker.number("ssm.time_step_rank", self.heads);
        maker.number("ssm.group_count", self.groups);
    }

    /// The tensors of a Mamba-2 mixer.
    fn mamba2(self, maker: &mut Maker, layer: u32) {
        let convolved = self.inner + 2 * self.groups * self.state;
        let hidden = maker.size.hidden;
        let blk = |name: &str| format!("blk.{layer}.{name}");
        maker.matrix(&blk("ssm_in.weight"), hidden, self.inner + convolved + self.heads);
        maker.gguf.add(blk("ssm_conv1d.weight"), &[self.conv, convolved], F32);
        maker.vector(&blk("ssm_conv1d.bias"), convolved);
        maker.vector(&blk("ssm_dt.bias"), self.heads);
        maker.gguf.add(blk("ssm_a"), &[1, self.heads], F32);
        maker.gguf.add(blk("ssm_d"), &[1, self.heads], F32);
        maker.gguf.add(blk("ssm_norm.weight"), &[self.inner / self.groups, self.groups], F32);
        maker.matrix(&blk("ssm_out.weight"), self.inner, hidden);
    }
}

/// Mamba-2 layers with an attention layer after each four, tied embeddings, as in Granite 4.
#[must_use]
pub fn granite_hybrid(size: Size, state: State) -> Gguf {
    let mut maker = Maker::new("granitehybrid", size);
    let attends = |layer: u32| layer % 5 == 4;
    let kv_heads = (0..size.layers).map(|layer| if attends(layer) { size.kv_heads as u32 } else { 0 });
    maker.key("attention.head_count_kv", Value::U32s(kv_heads.collect()));
    state.keys(&mut maker);
    maker.embedding(true);
    for layer in 0..size.layers {
        if attends(layer) {
            maker.attention(layer);
        } else {
            maker.vector(&format!("blk.{layer}.attn_norm.weight"), size.hidden);
            state.mamba2(&mut maker, layer);
        }
        maker.vector(&format!("blk.{layer}.ffn_norm.weight"), size.hidden);
        maker.feed_forward(layer, "", size.ffn);
    }
    maker.finish(true)
}

/// Mamba-2 and attention side by side in every layer, as in Falcon-H1.
#[must_use]
pub fn falcon_h1(size: Size, state: State) -> Gguf {
    let mut maker = Maker::new("falcon-h1", size);
    maker.number("attention.head_count_kv", size.kv_heads);
    state.keys(&mut maker);
    maker.embedding(false);
    for layer in 0..size.layers {
        maker.attention(layer);
        state.mamba2(&mut maker, layer);
        maker.vector(&format!("blk.{layer}.ffn_norm"), size.hidden);
        maker.feed_forward(layer, "", size.ffn);
    }
    maker.finish(false)
}

/// Gated delta nets with full attention in each fourth layer, experts and a shared one, as in Qwen3-Next.
#[must_use]
pub fn qwen3next(size: Size, state: State, experts: Experts) -> Gguf {
    let mut maker = Maker::new("qwen3next", size);
    maker.number("attention.head_count_kv", size.kv_heads);
    state.keys(&mut maker);
    maker.expert_keys(experts);
    maker.number("expert_shared_feed_forward_length", size.ffn);
    maker.embedding(false);
    let (keys, values) = (state.state * state.groups, state.state * state.heads);
    for layer in 0..size.layers {
        let blk = |name: &str| format!("blk.{layer}.{name}.weight");
        if layer % 4 == 3 {
            maker.vector(&blk("attn_norm"), size.hidden);
            maker.matrix(&blk("attn_q"), size.hidden, 2 * size.heads * size.head_dim);
            maker.matrix(&blk("attn_k"), size.hidden, size.kv_heads * size.head_dim);
            maker.matrix(&blk("attn_v"), size.hidden, size.kv_heads * size.head_dim);
            maker.matrix(&blk("attn_output"), size.heads * size.head_dim, size.hidden);
            maker.vector(&blk("attn_q_norm"), size.head_dim);
            maker.vector(&blk("attn_k_norm"), size.head_dim);
        } else {
            maker.vector(&blk("attn_norm"), size.hidden);
            maker.matrix(&blk("attn_qkv"), size.hidden, 2 * keys + values);
            maker.matrix(&blk("attn_gate"), size.hidden, values);
            maker.gguf.add(blk("ssm_conv1d"), &[state.conv, 2 * keys + values], F32);
            maker.vector(&format!("blk.{layer}.ssm_dt.bias"), state.heads);
            maker.vector(&format!("blk.{layer}.ssm_a"), state.heads);
            maker.matrix(&blk("ssm_ba"), size.hidden, 2 * state.heads);
            maker.vector(&blk("ssm_norm"), state.state);
            maker.matrix(&blk("ssm_out"), values, size.hidden);
        }
        maker.vector(&blk("post_attention_norm"), size.hidden);
        maker.experts(layer, experts);
        maker.vector(&blk("ffn_gate_inp_shexp"), size.hidden);
        maker.feed_forward(layer, "_shexp", size.ffn);
    }
    maker.finish(false)
}
