//! What each family's metadata and tensors mean.

use crate::{EXPERTS, LATENT, SMALL, STATE, shape};
use data::gguf::shape::Layer;
use data::row::Mixer;
use house::gguf_make::models::{self, Quant, Size};
use house::gguf_make::{F32, Gguf, Q4_K, Q6_K, Q8_0, Value};

#[test]
fn roles_and_parameters_are_counted_by_hand() {
    // 256·512·3 a dense block, 256·256·2 + 256·128·2 attention, two norms; F16, so two bytes each but for norms
    let size = Size { quant: Quant::F16, ..SMALL };
    let dense = shape(&models::llama(size, None));
    let layer = 256 * 512 * 3 + 256 * 256 * 2 + 256 * 128 * 2;
    assert_eq!(dense.bytes.always, 6 * (2 * layer + 2 * 256 * 4) + 256 * 4);
    assert_eq!(dense.bytes.embedding, 1024 * 256 * 2);
    assert_eq!(dense.bytes.embedding_row, 256 * 2);
    assert_eq!(dense.bytes.head, 1024 * 256 * 2);
    assert_eq!(dense.params, 6 * (layer + 512) + 256 + 2 * 1024 * 256);
    assert_eq!(dense.active_params, dense.params);
    assert_eq!(dense.feed_forward_size, 512);
    assert!(!dense.tied_embeddings && dense.experts.is_none());

    let sparse = shape(&models::llama(size, Some(EXPERTS)));
    let expert = 256 * 512 * 3;
    assert_eq!(sparse.bytes.experts, 6 * 16 * expert * 2);
    assert_eq!(sparse.params - sparse.active_params, 6 * 12 * expert);
    let experts = sparse.experts.unwrap();
    assert_eq!((experts.total, experts.active, experts.shared), (16, 4, 0));
    assert_eq!((experts.layers, experts.leading_dense_layers, experts.feed_forward_size), (6, 0, 512));

    let tied = shape(&models::gemma3(size, 512));
    assert!(tied.tied_embeddings);
    assert_eq!((tied.bytes.head, tied.bytes.tied_head), (0, tied.bytes.embedding));
    assert_eq!(tied.active_params, tied.params);
}

#[test]
fn every_family_keeps_what_it_should() {
    let mixers = |made: &Gguf| shape(made).layers.into_iter().map(|layer| layer.mixer).collect::<Vec<_>>();
    let full = Mixer::Full { heads: 4, kv_heads: 2, key_dim: 64, value_dim: 64 };
    let window = |window: u32| Mixer::Window { heads: 4, kv_heads: 2, key_dim: 64, value_dim: 64, window };

    assert_eq!(mixers(&models::llama(SMALL, None)), vec![full; 6]);
    let mut gemma = vec![window(512); 5];
    gemma.push(full);
    assert_eq!(mixers(&models::gemma3(SMALL, 512)), gemma);
    let oss = models::gpt_oss(SMALL, 128, EXPERTS);
    assert_eq!(mixers(&oss), [window(128), full].repeat(3));

    let deepseek = shape(&models::deepseek2(SMALL, LATENT, EXPERTS));
    let latent = Mixer::Latent { heads: 4, rank: 512, rope_dim: 64 };
    assert!(deepseek.layers.iter().all(|layer| layer.mixer == latent && layer.beside.is_none()));
    let experts = deepseek.experts.unwrap();
    assert_eq!((experts.shared, experts.leading_dense_layers, experts.layers), (1, 1, 5));
    assert_eq!(deepseek.feed_forward_size, 1024);

    // two values of the residual stream for each element: three taps remember two
    let conv = Mixer::Recurrent { state_bytes: 4 * 2 * 256 };
    assert_eq!(mixers(&models::lfm2(SMALL, 3)), [conv, conv, full].repeat(2));

    // three remembered taps of 512 + 2·2·32, and 32 for each of 512
    let state = Mixer::Recurrent { state_bytes: 4 * (3 * (512 + 128) + 32 * 512) };
    assert_eq!(mixers(&models::granite_hybrid(SMALL, STATE)), [state, state, state, state, full, state]);
    let beside = Layer { mixer: full, beside: Some(state), stores: true, experts: false };
    assert_eq!(shape(&models::falcon_h1(SMALL, STATE)).layers, vec![beside; 6]);
    let next = shape(&models::qwen3next(SMALL, STATE, EXPERTS));
    let kinds: Vec<Mixer> = next.layers.iter().map(|layer| layer.mixer).collect();
    assert_eq!(kinds, [state, state, state, full, state, state]);
    assert_eq!(next.experts.unwrap().shared, 1, "a shared expert is seen by its tensors");
}

/// A model of the named architecture that has nothing but the keys given, and the attention of a Llama.
fn with_keys(architecture: &str, layers: u32, keys: &[(&str, Value)]) -> Gguf {
    let mut made = models::llama(Size { layers, ..SMALL }, None);
    for (key, value) in &mut made.metadata {
        if key == "general.architecture" {
            *value = Value::Text(architecture.into());
        }
        *key = key.replace("llama.", &format!("{architecture}."));
    }
    for (key, value) in keys {
        made.set(format!("{architecture}.{key}"), value.clone());
    }
    made
}

#[test]
fn windows_follow_the_architecture_or_the_file() {
    let windowed = |architecture: &str, layers: u32, keys: &[(&str, Value)]| {
        let layers = shape(&with_keys(architecture, layers, keys)).layers;
        layers
            .iter()
            .map(|l| if matches!(l.mixer, Mixer::Window { .. }) { 'w' } else { '.' })
            .collect::<String>()
    };
    let window = || ("attention.sliding_window", Value::U32(1024));
    let flags = Value::Bools(vec![true, false, false, true]);
    assert_eq!(windowed("gemma2", 4, &[]), "w.w.", "4096 by default");
    assert_eq!(windowed("gemma3", 8, &[window()]), "wwwww.ww");
    assert_eq!(windowed("cohere2", 8, &[window()]), "www.www.");
    assert_eq!(windowed("smallthinker", 5, &[window()]), ".www.");
    assert_eq!(windowed("llama4", 8, &[]), "www.www.");
    assert_eq!(windowed("llama4", 8, &[("attention.sliding_window", Value::U32(0))]), "........");
    assert_eq!(windowed("exaone4", 8, &[window()]), "........", "only the 32B has windows");
    assert_eq!(windowed("phi3", 4, &[window()]), "....", "llama.cpp switches them off");
    assert_eq!(windowed("qwen2", 4, &[window()]), "....", "a window without a pattern is ignored");
    assert_eq!(windowed("step35", 4, &[window(), ("attention.sliding_window_pattern", flags)]), "w..w");
    let period = ("attention.sliding_window_pattern", Value::U32(2));
    assert_eq!(windowed("gemma3", 4, &[window(), period]), "w.w.", "the file overrules the default");
}

#[test]
fn layers_may_share_a_cache_guess_ahead_and_differ_in_heads() {
    let gemma4 = with_keys(
        "gemma4",
        6,
        &[
            ("attention.sliding_window", Value::U32(512)),
            ("attention.sliding_window_pattern", Value::Bools(vec![true, true, false, true, true, false])),
            ("attention.key_length_swa", Value::U32(32)),
            ("attention.value_length_swa", Value::U32(32)),
            ("attention.shared_kv_layers", Value::U32(2)),
        ],
    );
    let layers = shape(&gemma4).layers;
    assert_eq!(
        layers.iter().map(|layer| layer.stores).collect::<Vec<_>>(),
        [true, true, true, true, false, false]
    );
    let narrow = Mixer::Window { heads: 4, kv_heads: 2, key_dim: 32, value_dim: 32, window: 512 };
    assert_eq!(layers[0].mixer, narrow);
    assert_eq!(layers[2].mixer, Mixer::Full { heads: 4, kv_heads: 2, key_dim: 64, value_dim: 64 });

    let guessing = shape(&with_keys("glm4moe", 6, &[("nextn_predict_layers", Value::U32(1))]));
    assert_eq!((guessing.layers.len(), guessing.guess_layers), (5, 1));
    assert!(guessing.bytes.idle > 0 && guessing.bytes.idle < guessing.bytes.always);

    let mut uneven = with_keys("deci", 3, &[]);
    uneven.metadata.retain(|(key, _)| !key.ends_with("head_count_kv"));
    uneven.set("deci.attention.head_count_kv", Value::U32s(vec![2, 0, 1]));
    uneven.tensors.retain(|tensor| !tensor.name.starts_with("blk.1.attn"));
    let layers = shape(&uneven).layers;
    let kv = |mixer: Mixer| if let Mixer::Full { kv_heads, .. } = mixer { kv_heads } else { 0 };
    assert_eq!(layers.iter().map(|layer| kv(layer.mixer)).collect::<Vec<_>>(), [2, 0, 1]);
    assert_eq!(layers[1].mixer, Mixer::FeedForward);
}

#[test]
fn the_quant_is_named_by_the_tensors() {
    let named = |made: &Gguf| {
        let quant = shape(made).quant;
        (quant.name, quant.mixed)
    };
    let of = |quant: Quant| named(&models::llama(Size { quant, ..SMALL }, None));
    for (quant, name) in [
        (Quant::F16, "F16"),
        (Quant::Bf16, "BF16"),
        (Quant::Q4_0, "Q4_0"),
        (Quant::Q8_0, "Q8_0"),
        (Quant::Q4Km, "Q4_K_M"),
    ] {
        assert_eq!(of(quant), (name.to_string(), false));
    }
    let mut made = models::llama(SMALL, None);
    made.tensors
        .iter_mut()
        .filter(|t| t.name.contains("ffn_down") || t.name.contains("attn_v"))
        .for_each(|t| t.format = Q4_K);
    assert_eq!(named(&made), ("Q4_K_S".to_string(), false), "nothing is raised");
    assert_eq!(shape(&made).quant.claimed.as_deref(), Some("Q4_K_M"));
    let mut large = models::llama(SMALL, None);
    large
        .tensors
        .iter_mut()
        .filter(|t| !t.name.starts_with("blk") && t.format != F32)
        .for_each(|t| t.format = Q8_0);
    assert_eq!(named(&large), ("Q4_K_L".to_string(), false));
    let mut dynamic = models::llama(SMALL, None);
    dynamic.tensors.iter_mut().filter(|t| t.name.contains("attn_k.")).for_each(|t| t.format = Q8_0);
    assert_eq!(named(&dynamic), ("Q4_K_M".to_string(), true), "8 bits beside 4 are no recipe's");
    let mxfp4 = models::gpt_oss(Size { quant: Quant::Mxfp4, ..SMALL }, 128, EXPERTS);
    assert_eq!(named(&mxfp4), ("MXFP4".to_string(), false));
    let six = Gguf {
        tensors: made
            .tensors
            .iter()
            .cloned()
            .map(|mut t| {
                if t.format != F32 {
                    t.format = Q6_K;
                }
                t
            })
            .collect(),
        ..made.clone()
    };
    let quant = shape(&six).quant;
    assert_eq!(quant.name, "Q6_K");
    assert!((6.56..6.75).contains(&quant.bits_per_weight), "{}", quant.bits_per_weight);
}
