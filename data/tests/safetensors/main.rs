//! safetensors headers and `config.json`, in the forms that repositories have, against numbers worked out by hand or
//! published by the models' makers.

use data::gguf::Looks;
use data::gguf::shape::Layer;
use data::row::Mixer;
use data::safetensors::{self, SafetensorsError};
use proptest::prelude::*;

mod written;

use written::*;

#[test]
fn plain_floats() {
    let shape = model(
        &llama_config(""),
        &llama(|name, rows, columns| vec![entry(name + ".weight", "BF16", &[rows, columns])]),
    );
    assert_eq!((shape.params, shape.active_params), (LLAMA_PARAMS, LLAMA_PARAMS));
    assert_eq!(shape.bytes.total(), 2 * LLAMA_PARAMS);
    assert_eq!((shape.bytes.embedding_row, shape.bytes.head), (8192, 128_256 * 8192));
    assert_eq!((shape.quant.name.as_str(), shape.quant.bits_per_weight), ("BF16", 16.0));
    assert_eq!((shape.feed_forward_size, shape.context_tokens, shape.vocab_size), (14_336, 131_072, 128_256));
    assert_eq!((shape.rope.base, shape.rope.factor), (500_000.0, 8.0));
    let full = Mixer::Full { heads: 32, kv_heads: 8, key_dim: 128, value_dim: 128 };
    assert!(shape.layers.iter().all(|layer| layer.mixer == full));
    assert_eq!(shape.layers.len(), 32);
}

#[test]
fn packed_weights_are_counted_as_weights() {
    let packed: [(&str, &str, Linear); 6] = [
        (r#"{"quant_method":"awq","bits":4,"group_size":128}"#, "AWQ 4-bit", |name, rows, columns| {
            vec![
                entry(format!("{name}.qweight"), "I32", &[columns, rows / 8]),
                entry(format!("{name}.qzeros"), "I32", &[columns / 128, rows / 8]),
                entry(format!("{name}.scales"), "F16", &[columns / 128, rows]),
            ]
        }),
        (r#"{"quant_method":"gptq","bits":4,"group_size":128}"#, "GPTQ 4-bit", |name, rows, columns| {
            vec![
                entry(format!("{name}.qweight"), "I32", &[columns / 8, rows]),
                entry(format!("{name}.qzeros"), "I32", &[columns / 128, rows / 8]),
                entry(format!("{name}.scales"), "F16", &[columns / 128, rows]),
                entry(format!("{name}.g_idx"), "I32", &[columns]),
            ]
        }),
        (r#"{"quant_method":"fp8","activation_scheme":"dynamic"}"#, "FP8", |name, rows, columns| {
            vec![
                entry(format!("{name}.weight"), "F8_E4M3", &[rows, columns]),
                entry(format!("{name}.weight_scale_inv"), "F32", &[rows / 128, columns / 128]),
            ]
        }),
        (
            r#"{"quant_method":"compressed-tensors","format":"pack-quantized",
                "config_groups":{"group_0":{"weights":{"num_bits":4,"type":"int"},"input_activations":null}}}"#,
            "INT4 (W4A16)",
            |name, rows, columns| {
                vec![
                    entry(format!("{name}.weight_packed"), "I32", &[rows, columns / 8]),
                    entry(format!("{name}.weight_scale"), "BF16", &[rows, columns / 128]),
                    entry(format!("{name}.weight_shape"), "I32", &[2]),
                ]
            },
        ),
        (r#"{"quant_method":"modelopt","quant_algo":"NVFP4"}"#, "NVFP4", |name, rows, columns| {
            vec![
                entry(format!("{name}.weight"), "U8", &[rows, columns / 2]),
                entry(format!("{name}.weight_scale"), "F8_E4M3", &[rows, columns / 16]),
                entry(format!("{name}.weight_scale_2"), "F32", &[]),
                entry(format!("{name}.input_scale"), "F32", &[]),
            ]
        }),
        (
            r#"{"quant_method":"bitsandbytes","load_in_4bit":true}"#,
            "bitsandbytes 4-bit",
            |name, rows, columns| {
                vec![
                    entry(format!("{name}.weight"), "U8", &[rows * columns / 2, 1]),
                    entry(format!("{name}.weight.absmax"), "U8", &[rows * columns / 64]),
                    entry(format!("{name}.weight.quant_state.bitsandbytes__nf4"), "U8", &[80]),
                ]
            },
        ),
    ];
    for (quantisation, name, linear) in packed {
        let entries = llama(linear);
        let shape = model(&llama_config(&format!(r#","quantization_config":{quantisation}"#)), &entries);
        assert_eq!(shape.params, LLAMA_PARAMS, "{name}");
        assert_eq!(shape.quant.name, name);
        let bytes: u64 = entries.iter().map(|(_, t, s)| s.iter().product::<u64>() * dtype_bits(t) / 8).sum();
        assert_eq!(shape.bytes.total(), bytes, "{name}");
    }
}

#[test]
fn mlx_packs_its_tables_as_well() {
    let linear = |name: String, rows: u64, columns: u64| {
        vec![
            entry(format!("{name}.weight"), "U32", &[rows, columns / 8]),
            entry(format!("{name}.scales"), "BF16", &[rows, columns / 64]),
            entry(format!("{name}.biases"), "BF16", &[rows, columns / 64]),
        ]
    };
    let mut entries = llama(linear);
    entries.retain(|(name, ..)| !name.starts_with("lm_head") && !name.contains("embed_tokens"));
    entries.extend(linear("model.embed_tokens".into(), 128_256, 4096));
    entries.extend(linear("lm_head".into(), 128_256, 4096));
    let shape = model(&llama_config(r#","quantization":{"group_size":64,"bits":4}"#), &entries);
    assert_eq!((shape.params, shape.quant.name.as_str()), (LLAMA_PARAMS, "MLX 4-bit"));
    // 4 bits and two scales of 16 for each 64
    assert_eq!(shape.bytes.embedding, 128_256 * 4096 * 9 / 16);
    assert_eq!(shape.bytes.embedding_row, 4096 * 9 / 16);
    assert!((shape.quant.bits_per_weight - 4.5).abs() < 0.01);
}

/// gpt-oss-20b: published as 20.9 B parameters, 3.6 B of them active.
#[test]
fn gpt_oss_has_blocks_and_scales() {
    let config = r#"{"architectures":["GptOssForCausalLM"],"model_type":"gpt_oss","hidden_size":2880,
        "num_hidden_layers":24,"num_attention_heads":64,"num_key_value_heads":8,"head_dim":64,
        "intermediate_size":2880,"vocab_size":201088,"max_position_embeddings":131072,"sliding_window":128,
        "num_local_experts":32,"num_experts_per_tok":4,"experts_per_token":4,"rope_theta":150000,
        "quantization_config":{"quant_method":"mxfp4","modules_to_not_convert":["lm_head"]}}"#;
    let mut entries = vec![
        entry("model.embed_tokens.weight", "BF16", &[201_088, 2880]),
        entry("model.norm.weight", "BF16", &[2880]),
        entry("lm_head.weight", "BF16", &[201_088, 2880]),
    ];
    for layer in 0..24 {
        let mut add = |rest: &str, dtype, shape: &[u64]| {
            entries.push(entry(format!("model.layers.{layer}.{rest}"), dtype, shape));
        };
        for (name, rows, columns) in
            [("q", 4096, 2880), ("k", 512, 2880), ("v", 512, 2880), ("o", 2880, 4096)]
        {
            add(&format!("self_attn.{name}_proj.weight"), "BF16", &[rows, columns]);
            add(&format!("self_attn.{name}_proj.bias"), "BF16", &[rows]);
        }
        add("self_attn.sinks", "BF16", &[64]);
        add("input_layernorm.weight", "BF16", &[2880]);
        add("post_attention_layernorm.weight", "BF16", &[2880]);
        add("mlp.router.weight", "BF16", &[32, 2880]);
        add("mlp.router.bias", "BF16", &[32]);
        add("mlp.experts.gate_up_proj_blocks", "U8", &[32, 5760, 90, 16]);
        add("mlp.experts.gate_up_proj_scales", "U8", &[32, 5760, 90]);
        add("mlp.experts.gate_up_proj_bias", "BF16", &[32, 5760]);
        add("mlp.experts.down_proj_blocks", "U8", &[32, 2880, 90, 16]);
        add("mlp.experts.down_proj_scales", "U8", &[32, 2880, 90]);
        add("mlp.experts.down_proj_bias", "BF16", &[32, 2880]);
    }
    let shape = model(config, &entries);
    assert_eq!(shape.params, 20_914_757_184, "as Hugging Face counts them");
    assert!((4.18e9..4.20e9).contains(&(shape.active_params as f64)), "3.6 B and the embedding table");
    assert_eq!((shape.quant.name.as_str(), shape.quant.dominant.as_str()), ("MXFP4", "U8"));
    let experts = shape.experts.unwrap();
    assert_eq!((experts.total, experts.active, experts.shared, experts.layers), (32, 4, 0, 24));
    assert_eq!((experts.feed_forward_size, shape.feed_forward_size), (2880, 0));
    let windows =
        shape.layers.iter().filter(|l| matches!(l.mixer, Mixer::Window { window: 128, .. })).count();
    assert_eq!((windows, matches!(shape.layers[1].mixer, Mixer::Full { .. })), (12, true));
    // exact bytes: the blocks and scales are 4.25 bits a weight
    assert_eq!(shape.bytes.experts, 24 * (32 * 8640 * (90 * 17) + 32 * 8640 * 2));
}

#[test]
fn layers_of_every_kind() {
    let sketch = |layers: u32, config: &str| {
        let config = format!(
            r#"{{"hidden_size":64,"num_hidden_layers":{layers},"num_attention_heads":4,"vocab_size":1000,{config}}}"#
        );
        let shape = model(&config, &bare(layers, &["self_attn.q_proj"]));
        let letter = |mixer: &Mixer| match mixer {
            Mixer::Full { .. } => '.',
            Mixer::Window { .. } => 'w',
            Mixer::Latent { .. } => 'l',
            Mixer::Recurrent { .. } => 's',
            Mixer::FeedForward => '-',
        };
        shape.layers.iter().map(|layer| letter(&layer.mixer)).collect::<String>()
    };
    #[rustfmt::skip]
    let vectors = [
        (4, r#""model_type":"gemma2","sliding_window":4096"#, "w.w."),
        (7, r#""model_type":"gemma3_text","sliding_window":512"#, "wwwww.w"),
        (4, r#""model_type":"any","sliding_window":128,"layer_types":["sliding_attention","full_attention","sliding_attention","full_attention"]"#, "w.w."),
        (2, r#""model_type":"mistral","sliding_window":4096"#, "ww"),
        (2, r#""model_type":"mistral","sliding_window":null"#, ".."),
        (2, r#""model_type":"qwen2","sliding_window":4096,"use_sliding_window":false"#, ".."),
        (4, r#""model_type":"qwen2","sliding_window":4096,"use_sliding_window":true,"max_window_layers":2"#, "..ww"),
        (4, r#""model_type":"qwen3_next","full_attention_interval":4"#, "sss."),
        (8, r#""model_type":"jamba","attn_layer_period":8,"attn_layer_offset":4"#, "ssss.sss"),
        (3, r#""model_type":"lfm2","full_attn_idxs":[2],"conv_L_cache":3"#, "ss."),
        (5, r#""model_type":"nemotron_h","hybrid_override_pattern":"M-M*-""#, "s-s.-"),
        (4, r#""model_type":"granitemoehybrid","layer_types":["mamba","mamba","attention","mamba"]"#, "ss.s"),
        (4, r#""model_type":"kimi_linear","kv_lora_rank":512,"qk_rope_head_dim":64,"linear_attn_config":{"kda_layers":[1,2,3],"head_dim":16,"num_heads":4}"#, "sssl"),
        (2, r#""model_type":"deepseek_v3","kv_lora_rank":512,"qk_rope_head_dim":64"#, "ll"),
    ];
    for (layers, config, expected) in vectors {
        assert_eq!(sketch(layers, config), expected, "{config}");
    }
}

#[test]
fn states_by_hand() {
    // in elements, each a 32-bit float
    let state = |config: &str| {
        let config =
            format!(r#"{{"num_hidden_layers":1,"num_attention_heads":16,"vocab_size":1000,{config}}}"#);
        match model(&config, &bare(1, &["mixer.in_proj"])).layers[0] {
            Layer { mixer: Mixer::Recurrent { state_bytes }, .. } => state_bytes / 4,
            Layer { beside: Some(Mixer::Recurrent { state_bytes }), .. } => state_bytes / 4,
            ref other => panic!("{other:?} keeps no state"),
        }
    };
    // Qwen3-Next-80B: 3 × (2·16·128 + 32·128) of convolution, 32 matrices of 128 × 128
    let next = r#""model_type":"qwen3_next","hidden_size":2048,"linear_num_value_heads":32,
        "linear_value_head_dim":128,"linear_num_key_heads":16,"linear_key_head_dim":128,"linear_conv_kernel_dim":4"#;
    assert_eq!(state(next), 3 * 8192 + 32 * 128 * 128);
    // Falcon-H1-7B: 3 × (3072 + 2·1·256), 256 for each of 3072
    let falcon = r#""model_type":"falcon_h1","hidden_size":3072,"mamba_n_heads":24,"mamba_d_head":128,
        "mamba_d_state":256,"mamba_n_groups":1,"mamba_d_conv":4"#;
    assert_eq!(state(falcon), 3 * (3072 + 512) + 256 * 3072);
    // Falcon-Mamba-7B: 3 × 8192, 16 for each of 8192
    let mamba = r#""model_type":"falcon_mamba","hidden_size":4096,"intermediate_size":8192,"state_size":16,
        "conv_kernel":4"#;
    assert_eq!(state(mamba), 3 * 8192 + 16 * 8192);
    // LFM2-1.2B: two tokens of the residual stream
    assert_eq!(
        state(r#""model_type":"lfm2","hidden_size":2048,"conv_L_cache":3,"full_attn_idxs":[]"#),
        2 * 2048
    );
}

#[test]
fn parts_beside_the_text_and_layers_that_guess_are_idle() {
    let config = r#"{"architectures":["DeepseekV3ForCausalLM"],"model_type":"deepseek_v3","hidden_size":64,
        "num_hidden_layers":2,"num_attention_heads":4,"vocab_size":1000,"kv_lora_rank":512,"qk_rope_head_dim":64,
        "n_routed_experts":8,"num_experts_per_tok":2,"n_shared_experts":1,"moe_intermediate_size":32,
        "intermediate_size":128,"num_nextn_predict_layers":1,"first_k_dense_replace":1}"#;
    let mut entries = bare(3, &["self_attn.q_proj"]);
    entries.extend(
        (0..8).map(|e| entry(format!("model.layers.1.mlp.experts.{e}.up_proj.weight"), "BF16", &[32, 64])),
    );
    entries.push(entry("model.layers.1.mlp.shared_experts.up_proj.weight", "BF16", &[32, 64]));
    entries.push(entry("model.vision_tower.patch.weight", "BF16", &[10, 10]));
    let shape = model(config, &entries);
    assert_eq!((shape.bytes.idle, shape.idle_params), (2 * (64 * 64 + 100), 64 * 64 + 100));
    assert_eq!(shape.bytes.experts, 8 * 32 * 64 * 2);
    assert!(shape.tied_embeddings && shape.bytes.tied_head == shape.bytes.embedding);
    let experts = shape.experts.unwrap();
    assert_eq!((experts.shared, experts.leading_dense_layers, experts.layers), (1, 1, 1));
    assert_eq!((shape.feed_forward_size, shape.guess_layers), (128, 1));
    assert_eq!(shape.params - shape.active_params, 6 * 32 * 64 + shape.idle_params);
    let layered = Mixer::Latent { heads: 4, rank: 512, rope_dim: 64 };
    assert_eq!(shape.layers[0].mixer, layered);
    assert!(shape.to_model().is_ok());
}

#[test]
fn the_text_model_of_a_larger_one() {
    let config = r#"{"architectures":["Gemma3ForConditionalGeneration"],"model_type":"gemma3","text_config":{
        "model_type":"gemma3_text","hidden_size":64,"num_hidden_layers":2,"num_attention_heads":8,"head_dim":256,
        "num_key_value_heads":4,"vocab_size":1000,"sliding_window":1024,"intermediate_size":128},
        "vision_config":{"hidden_size":1152,"num_hidden_layers":27}}"#;
    let shape = model(config, &bare(2, &["self_attn.q_proj"]));
    assert_eq!((shape.architecture.as_str(), shape.layers.len()), ("Gemma3ForConditionalGeneration", 2));
    let window = Mixer::Window { heads: 8, kv_heads: 4, key_dim: 256, value_dim: 256, window: 1024 };
    assert_eq!(shape.layers[0].mixer, window);
}

#[test]
fn faults_are_told_apart() {
    let bytes = shard(&bare(1, &["self_attn.q_proj"]));
    let whole = safetensors::read(&bytes, None).unwrap();
    assert_eq!(safetensors::read(&bytes[..5], None), Err(SafetensorsError::NeedMore { bytes_at_least: 8 }));
    let needed = bytes.len() as u64;
    assert_eq!(
        safetensors::read(&bytes[..20], None),
        Err(SafetensorsError::NeedMore { bytes_at_least: needed })
    );
    assert_eq!(safetensors::read(&bytes, Some(whole.file_bytes)), Ok(whole.clone()));
    let cut = whole.file_bytes - 1;
    let error = SafetensorsError::CutOff { file_bytes: cut, needed_bytes: whole.file_bytes };
    assert_eq!(safetensors::read(&bytes, Some(cut)), Err(error));
    let page = b"<!DOCTYPE html><html>";
    assert_eq!(safetensors::read(page, None), Err(SafetensorsError::NotSafetensors(Looks::HtmlPage)));
    let pointer = b"version https://git-lfs.github.com/spec/v1";
    assert_eq!(safetensors::read(pointer, None), Err(SafetensorsError::NotSafetensors(Looks::LfsPointer)));

    let config = r#"{"model_type":"llama","hidden_size":64,"num_hidden_layers":2,"num_attention_heads":4,"vocab_size":9}"#;
    let missing = safetensors::model(config, std::slice::from_ref(&whole)).unwrap_err();
    assert!(missing.to_string().contains("layer 1 is missing"), "{missing}");
    let twice = safetensors::model(config, &[whole.clone(), whole.clone()]).unwrap_err();
    assert!(twice.to_string().contains("two of them"), "{twice}");
    let unlayered = safetensors::model(r#"{"hidden_size":64}"#, std::slice::from_ref(&whole));
    assert_eq!(unlayered, Err(SafetensorsError::MissingKey("num_hidden_layers")));
    assert!(matches!(safetensors::model("<html>", &[whole]), Err(SafetensorsError::Config(_))));
    let lying = shard(&[entry("a", "BF16", &[4])]);
    let lying = String::from_utf8(lying).unwrap().replace("[4]", "[5]").into_bytes();
    assert!(matches!(safetensors::read(&lying, None), Err(SafetensorsError::Tensor { .. })));
}

proptest! {
    /// Whatever stands there, the answer is a header or a sentence, and what is asked for grows.
    #[test]
    fn damage_never_panics(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        keep in any::<prop::sample::Index>(),
        config in r#"\{("(hidden_size|num_hidden_layers|num_experts|sliding_window|layer_types)":(-?[0-9]{1,12}|"x"|\[3\]),){0,5}"vocab_size":7\}"#,
    ) {
        let mut bytes = shard(&bare(2, &["self_attn.q_proj", "mlp.experts.0.up_proj"]));
        for (index, byte) in changes {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        for length in [bytes.len(), keep.index(bytes.len())] {
            match safetensors::read(&bytes[..length], None) {
                Err(SafetensorsError::NeedMore { bytes_at_least }) => prop_assert!(bytes_at_least > length as u64),
                Ok(header) => {
                    if let Ok(shape) = safetensors::model(&config, std::slice::from_ref(&header)) {
                        let _ = (shape.to_model(), shape.to_weights());
                    }
                }
                Err(other) => prop_assert!(!other.to_string().is_empty()),
            }
        }
    }
}
