//! Headers and configurations, as repositories have them, written from a list of tensors.

use data::gguf::shape::ModelShape;
use data::safetensors::{self, Header};

/// A tensor to be: name, dtype, shape.
pub type Entry = (String, &'static str, Vec<u64>);

/// Writes one linear layer of so many rows and columns.
pub type Linear = fn(String, u64, u64) -> Vec<Entry>;

pub fn dtype_bits(dtype: &str) -> u64 {
    match dtype {
        "U8" | "I8" | "F8_E4M3" => 8,
        "BF16" | "F16" => 16,
        _ => 32,
    }
}

/// The start of a shard: length and header.
pub fn shard(entries: &[Entry]) -> Vec<u8> {
    let mut text = String::from(r#"{"__metadata__":{"format":"pt"}"#);
    let mut at = 0;
    for (name, dtype, shape) in entries {
        let end = at + shape.iter().product::<u64>() * dtype_bits(dtype) / 8;
        text += &format!(r#","{name}":{{"dtype":"{dtype}","shape":{shape:?},"data_offsets":[{at},{end}]}}"#);
        at = end;
    }
    text += "}";
    let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
    bytes.extend(text.as_bytes());
    bytes
}

pub fn read(entries: &[Entry]) -> Header {
    safetensors::read(&shard(entries), None).expect("the header is whole")
}

pub fn model(config: &str, entries: &[Entry]) -> ModelShape {
    safetensors::model(config, &[read(entries)]).expect("the model is described")
}

pub fn entry(name: impl Into<String>, dtype: &'static str, shape: &[u64]) -> Entry {
    (name.into(), dtype, shape.to_vec())
}

/// Llama 3.1 8B, its linear layers written by `linear(name, rows, columns)`.
pub fn llama(linear: impl Fn(String, u64, u64) -> Vec<Entry>) -> Vec<Entry> {
    let mut all = vec![entry("model.embed_tokens.weight", "BF16", &[128_256, 4096])];
    for layer in 0..32 {
        let name = |rest: &str| format!("model.layers.{layer}.{rest}");
        for (rest, rows, columns) in [
            ("self_attn.q_proj", 4096, 4096),
            ("self_attn.k_proj", 1024, 4096),
            ("self_attn.v_proj", 1024, 4096),
            ("self_attn.o_proj", 4096, 4096),
            ("mlp.gate_proj", 14_336, 4096),
            ("mlp.up_proj", 14_336, 4096),
            ("mlp.down_proj", 4096, 14_336),
        ] {
            all.extend(linear(name(rest), rows, columns));
        }
        all.push(entry(name("input_layernorm.weight"), "BF16", &[4096]));
        all.push(entry(name("post_attention_layernorm.weight"), "BF16", &[4096]));
    }
    all.push(entry("model.norm.weight", "BF16", &[4096]));
    all.push(entry("lm_head.weight", "BF16", &[128_256, 4096]));
    all
}

pub fn llama_config(more: &str) -> String {
    format!(
        r#"{{"architectures":["LlamaForCausalLM"],"model_type":"llama","hidden_size":4096,"num_hidden_layers":32,
        "num_attention_heads":32,"num_key_value_heads":8,"intermediate_size":14336,"vocab_size":128256,
        "max_position_embeddings":131072,"rope_theta":500000.0,"rope_scaling":{{"factor":8.0,"rope_type":"llama3"}},
        "tie_word_embeddings":false{more}}}"#
    )
}

/// Parameters of Llama 3.1 8B, as llama.cpp and Hugging Face count them.
pub const LLAMA_PARAMS: u64 = 8_030_261_248;

/// One layer of each name with a small matrix, so that only `config.json` matters.
pub fn bare(layers: u32, names: &[&str]) -> Vec<Entry> {
    let mut entries = vec![entry("model.embed_tokens.weight", "BF16", &[1000, 64])];
    for layer in 0..layers {
        entries.extend(
            names.iter().map(|n| entry(format!("model.layers.{layer}.{n}.weight"), "BF16", &[64, 64])),
        );
    }
    entries
}
