//! A model folder as Hugging Face lays it out, with random weights: for engines that read no GGUF.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Result;
use serde_json::{Map, Value, json};

use crate::gguf_make::models::Size;
use crate::gguf_make::tokenizer::{CHAT_TEMPLATE, SPECIALS, pieces};

/// Bytes of a weight: all are bfloat16.
const WIDTH: u64 = 2;
/// 1.0 in bfloat16.
const ONE: [u8; 2] = [0x80, 0x3f];

/// Writes config, tokeniser and weights of a Llama of this size.
///
/// # Errors
/// Those of the file system.
pub fn write(size: Size, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let put = |name: &str, value: &Value| fs::write(folder.join(name), value.to_string());
    put("config.json", &config(size))?;
    put("generation_config.json", &json!({"bos_token_id": 0, "eos_token_id": 3, "pad_token_id": 4}))?;
    put("tokenizer.json", &tokenizer(size.vocab as u32))?;
    put(
        "tokenizer_config.json",
        &json!({
            "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": size.context,
            "clean_up_tokenization_spaces": false, "bos_token": SPECIALS[0], "eos_token": SPECIALS[3],
            "pad_token": SPECIALS[4], "chat_template": CHAT_TEMPLATE,
        }),
    )?;
    weights(size, &folder.join("model.safetensors"))
}

fn config(size: Size) -> Value {
    json!({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": size.hidden,
        "intermediate_size": size.ffn, "num_hidden_layers": size.layers, "num_attention_heads": size.heads,
        "num_key_value_heads": size.kv_heads, "head_dim": size.head_dim, "vocab_size": size.vocab,
        "max_position_embeddings": size.context, "rms_norm_eps": 1e-5, "rope_theta": 500_000.0,
        "hidden_act": "silu", "attention_bias": false, "mlp_bias": false, "tie_word_embeddings": false,
        "use_cache": true, "bos_token_id": 0, "eos_token_id": 3, "pad_token_id": 4, "torch_dtype": "bfloat16",
    })
}

fn tokenizer(vocab: u32) -> Value {
    let (tokens, merges) = pieces(vocab);
    let bytes =
        json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
    let added: Vec<Value> = SPECIALS
        .iter()
        .enumerate()
        .map(|(id, content)| {
            json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": true})
        })
        .collect();
    let vocab: Map<String, Value> =
        tokens.into_iter().enumerate().map(|(id, token)| (token, json!(id))).collect();
    json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added, "normalizer": null,
        "pre_tokenizer": bytes, "post_processor": null, "decoder": bytes,
        "model": {
            "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
            "vocab": vocab, "merges": merges,
        },
    })
}

fn tensors(size: Size) -> Vec<(String, Vec<u64>)> {
    let Size { layers, hidden, heads, kv_heads, head_dim, ffn, vocab, .. } = size;
    let mut all = vec![("model.embed_tokens.weight".to_owned(), vec![vocab, hidden])];
    for layer in 0..layers {
        let mut add =
            |name: &str, shape: Vec<u64>| all.push((format!("model.layers.{layer}.{name}.weight"), shape));
        add("input_layernorm", vec![hidden]);
        add("self_attn.q_proj", vec![heads * head_dim, hidden]);
        add("self_attn.k_proj", vec![kv_heads * head_dim, hidden]);
        add("self_attn.v_proj", vec![kv_heads * head_dim, hidden]);
        add("self_attn.o_proj", vec![hidden, heads * head_dim]);
        add("post_attention_layernorm", vec![hidden]);
        add("mlp.gate_proj", vec![ffn, hidden]);
        add("mlp.up_proj", vec![ffn, hidden]);
        add("mlp.down_proj", vec![hidden, ffn]);
    }
    all.push(("model.norm.weight".to_owned(), vec![hidden]));
    all.push(("lm_head.weight".to_owned(), vec![vocab, hidden]));
    all
}

fn weights(size: Size, path: &Path) -> Result<()> {
    let mut header = Map::new();
    header.insert("__metadata__".to_owned(), json!({"format": "pt"}));
    let mut at = 0;
    for (name, shape) in tensors(size) {
        let end = at + shape.iter().product::<u64>() * WIDTH;
        header.insert(name, json!({"dtype": "BF16", "shape": shape, "data_offsets": [at, end]}));
        at = end;
    }
    let mut text = Value::Object(header).to_string();
    text.push_str(&" ".repeat(text.len().next_multiple_of(8) - text.len()));
    let mut out = BufWriter::new(File::create(path)?);
    out.write_all(&(text.len() as u64).to_le_bytes())?;
    out.write_all(text.as_bytes())?;
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    for (name, shape) in tensors(size) {
        let count = shape.iter().product::<u64>();
        for index in 0..count {
            let value = if name.contains("norm") { ONE } else { small(&mut state) };
            // The special tokens are never chosen: nothing ends early.
            let special = name == "lm_head.weight" && index < SPECIALS.len() as u64 * shape[1];
            out.write_all(if special { &[0, 0] } else { &value })?;
        }
    }
    Ok(out.flush()?)
}

/// A number between about -0.03 and 0.03 in bfloat16.
fn small(state: &mut u64) -> [u8; 2] {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    let share = (*state >> 40) as f32 / (1u64 << 24) as f32;
    let bits = ((share - 0.5) * 0.07).to_bits();
    ((bits >> 16) as u16).to_le_bytes()
}
