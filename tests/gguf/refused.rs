//! Files whose parts can be read and whose whole cannot be: each is refused, with a sentence that says why.

use crate::{EXPERTS, LATENT, SMALL, STATE, families, read};
use data::gguf::{self, GgufError};
use house::gguf_make::models;
use house::gguf_make::{Gguf, Value};

fn refusal(made: &Gguf) -> String {
    gguf::model(&[read(made)]).expect_err("it is refused").to_string()
}

fn with(mut made: Gguf, key: &str, value: Value) -> Gguf {
    made.metadata.retain(|(name, _)| name != key);
    made.set(key.to_string(), value);
    made
}

#[test]
fn as_many_layers_as_are_claimed() {
    for (claimed, found) in [(100, 6), (7, 6), (5, 6), (1, 6)] {
        for (architecture, made) in [
            ("llama", models::llama(SMALL, None)),
            ("deepseek2", models::deepseek2(SMALL, LATENT, EXPERTS)),
            ("falcon-h1", models::falcon_h1(SMALL, STATE)),
        ] {
            let why = refusal(&with(made, &format!("{architecture}.block_count"), Value::U32(claimed)));
            let sentence = format!("it claims {claimed} layers and has tensors of {found}");
            assert!(why.contains(&sentence), "{architecture}: {why}");
        }
    }
    // Layers that were pruned away keep their number; layers that only guess may be left out.
    let mut pruned = models::llama(SMALL, None);
    pruned.tensors.retain(|tensor| !tensor.name.starts_with("blk.2."));
    assert!(refusal(&pruned).contains("6 layers and has tensors of 5"));
    let widths = Value::U32s(vec![512, 512, 0, 512, 512, 512]);
    assert!(gguf::model(&[read(&with(pruned, "llama.feed_forward_length", widths))]).is_ok());
    let mut guessing = with(models::llama(SMALL, None), "llama.nextn_predict_layers", Value::U32(1));
    guessing.tensors.retain(|tensor| !tensor.name.starts_with("blk.5."));
    assert!(gguf::model(&[read(&guessing)]).is_ok());
}

#[test]
fn shapes_without_extent() {
    for (family, made) in families() {
        // Mixtral's architecture goes by the name of the dense one.
        let family = if family == "mixtral" { "llama" } else { family };
        let none = with(made.clone(), &format!("{family}.embedding_length"), Value::U32(0));
        assert!(refusal(&none).contains("embedding_length is 0"), "{family}");
        let headless = ["head_count", "head_count_kv"]
            .into_iter()
            .fold(made, |made, key| with(made, &format!("{family}.attention.{key}"), Value::U32(0)));
        let why = refusal(&headless);
        assert!(why.contains("attention without heads") || why.contains("keeps anything"), "{family}: {why}");
    }
}

/// Bytes of a header with the offset of each tensor replaced.
fn with_offsets(made: &Gguf, offset: impl Fn(usize, u64) -> u64) -> Vec<u8> {
    let header = read(made);
    let mut bytes = made.header();
    for (index, tensor) in header.tensors.iter().enumerate() {
        // The length of its name and the name, then dimensions, type and offset.
        let mut named = (tensor.name.len() as u64).to_le_bytes().to_vec();
        named.extend(tensor.name.as_bytes());
        let at =
            bytes.windows(named.len()).position(|window| window == named).expect("its name stands there");
        let at = at + named.len() + 4 + 8 * tensor.dims.len() + 4;
        bytes[at..at + 8].copy_from_slice(&offset(index, tensor.offset).to_le_bytes());
    }
    bytes
}

#[test]
fn tensors_one_after_the_other() {
    for (family, made) in families() {
        assert!(with_offsets(&made, |_, offset| offset) == made.header(), "{family}");
        let all_at_the_start = with_offsets(&made, |_, _| 0);
        let with_a_gap = with_offsets(&made, |index, offset| offset + if index > 3 { 32 } else { 0 });
        for bytes in [all_at_the_start, with_a_gap] {
            let why = gguf::read(&bytes, None).expect_err("it is refused");
            assert!(matches!(why, GgufError::Corrupt { .. }), "{why}");
            assert!(why.to_string().contains("does not start where the one before it ends"), "{why}");
        }
    }
}

#[test]
fn what_makes_no_text() {
    let renamed = |architecture: &str| {
        let mut made = models::llama(SMALL, None);
        for (key, value) in &mut made.metadata {
            if key == "general.architecture" {
                *value = Value::Text(architecture.into());
            }
            *key = key.replace("llama.", &format!("{architecture}."));
        }
        made
    };
    for architecture in ["bert", "nomic-bert-moe", "gemma-embedding", "t5encoder"] {
        assert!(refusal(&renamed(architecture)).contains("makes embeddings, not text"), "{architecture}");
    }
    let pooled = with(renamed("qwen3"), "qwen3.pooling_type", Value::U32(3));
    assert!(refusal(&pooled).contains("makes embeddings, not text"));
    assert!(gguf::model(&[read(&with(renamed("qwen3"), "qwen3.pooling_type", Value::U32(0)))]).is_ok());

    let sentence = "this GGUF is the vision part (mmproj) that goes with a language model: it has no speed of answering; \
                    take a language model's file";
    // No layer count under its name, as in real ones.
    let mut vision = renamed("clip");
    vision.metadata.retain(|(key, _)| key != "clip.block_count");
    assert_eq!(refusal(&vision), sentence);
    assert_eq!(refusal(&with(renamed("qwen3"), "general.type", Value::Text("mmproj".into()))), sentence);
    let adapter = with(renamed("llama"), "general.type", Value::Text("adapter".into()));
    assert!(refusal(&adapter).contains("adapter (LoRA)"));
}
