//! Setups and constants to test with. The constants are made up: laws hold for all of them.
#![allow(dead_code, reason = "each test file uses its part")]

use estimator::*;
use proptest::prelude::*;

pub fn device(class: HardwareClass, memory_gib: f64, bandwidth_gb_s: f64, tflops: Option<f64>) -> Device {
    Device {
        class,
        memory_gib,
        usable_gib: None,
        bandwidth_gb_s,
        compute: Compute { f16_tflops: tflops, ..Compute::default() },
        host_link_gb_s: 31.5,
        power_share: 1.0,
    }
}

pub const HOST: Host = Host { memory_gib: 64.0, bandwidth_gb_s: 89.6 };

pub fn full(heads: u32, kv_heads: u32, dim: u32) -> LayerKind {
    LayerKind::Full { heads, kv_heads, key_dim: dim, value_dim: dim }
}

pub fn model(groups: &[LayerGroup]) -> Model {
    let mut layers = Layers::new();
    for group in groups {
        assert!(layers.add(*group));
    }
    Model {
        params_b: 8.03,
        active_params_b: 8.03,
        hidden_size: 4096,
        vocab_size: 128_256,
        tied_embeddings: false,
        layers,
        experts: None,
        native_context: 131_072,
        feed_forward_size: None,
    }
}

pub fn llama_8b() -> Model {
    model(&[LayerGroup::new(32, full(32, 8, 128))])
}

pub fn qwen_30b_a3b() -> Model {
    Model {
        params_b: 30.53,
        active_params_b: 3.3,
        hidden_size: 2048,
        vocab_size: 151_936,
        experts: Some(Experts { total: 128, active: 8, shared: 0, leading_dense_layers: 0 }),
        ..model(&[LayerGroup::new(48, full(32, 4, 128))])
    }
}

pub const Q4: BitsPerWeight = BitsPerWeight { bulk: 4.8, embedding: 4.5, head: 6.6 };

pub fn constants() -> Constants {
    let decode = DecodeConstants {
        bandwidth_efficiency: 0.75,
        expert_bandwidth_efficiency: 0.6,
        cache_efficiency: 0.6,
        step_overhead_s: 4e-4,
        layer_overhead_s: 1e-5,
        expert_layer_overhead_s: 2e-5,
        recurrent_layer_overhead_s: 1e-5,
        latent_layer_overhead_s: 1e-5,
        stream_overhead_s: 1e-5,
        compute_efficiency: 0.5,
        power_draw: 0.6,
        spread: Spread { down: 0.2, up: 0.15 },
        streams_spread: Spread { down: 0.1, up: 0.1 },
    };
    let prefill = PrefillConstants {
        format: ComputeFormat::F16,
        compute_efficiency: 0.4,
        fallback_tflops: 5.0,
        attention_efficiency: 0.5,
        saturation_tokens: 60.0,
        expert_saturation_tokens: 5.0,
        layer_overhead_s: 1e-5,
        recurrent_layer_overhead_s: 1e-5,
        bandwidth_efficiency: 0.7,
        power_draw: 0.6,
        spread: Spread { down: 0.3, up: 0.3 },
    };
    Constants {
        devices: [DeviceConstants { decode, prefill }; MAX_DEVICES],
        offload: OffloadConstants {
            host_efficiency: 0.6,
            split_overhead_s: 5e-5,
            link_efficiency: 0.7,
            spread: Spread { down: 0.2, up: 0.2 },
        },
        exchange: ExchangeConstants {
            latency_s: 1e-5,
            all_reduce_s: 2e-5,
            link_efficiency: 0.8,
            spread: Spread::NONE,
        },
        memory: MemoryRules {
            apple_small_gib: 32.0,
            apple_small_share: 0.66,
            apple_large_share: 0.75,
            discrete_reserve_share: 0.02,
            discrete_reserve_gib: 0.4,
            unified_share: 0.75,
            os_reserve_share: 0.1,
            os_reserve_gib: 2.0,
            mobile_share: 0.5,
        },
        runtime: RuntimeRules {
            layout: CacheLayout { pad_tokens: 256.0, windows_capped: true },
            micro_batch: 512,
            embedding_on_host: true,
            offload: Offload::Experts,
            reserve_gib: 0.5,
            logits_for_all: false,
            buffer: BufferRules {
                element_bytes: 4.0,
                mask_bytes: 2.0,
                hidden_rows: 5.0,
                feed_forward_rows: 3.0,
                attention_rows: 1.5,
            },
        },
    }
}

pub fn setup(device: Device, model: Model, context: u32) -> Setup {
    Setup {
        machine: Machine::single(device, HOST),
        model,
        weights: Weights::from_bits(&model, Q4),
        cache: CacheTypes { k: CacheType::F16, v: CacheType::F16 },
        workload: Workload { prompt_tokens: context, cached_tokens: 0, context_tokens: context, streams: 1 },
    }
}

fn any_kind() -> impl Strategy<Value = LayerKind> {
    let heads = (1u32..9, 1u32..9, prop::sample::select(vec![64u32, 80, 128, 256]));
    prop_oneof![
        heads.clone().prop_map(|(kv, group, dim)| full(kv * group, kv, dim)),
        (heads, 128u32..8192).prop_map(|((kv, group, dim), window)| LayerKind::Window {
            heads: kv * group,
            kv_heads: kv,
            key_dim: dim,
            value_dim: dim,
            window
        }),
        (8u32..129, 256u32..1025).prop_map(|(heads, rank)| LayerKind::Latent { heads, rank, rope_dim: 64 }),
        (0.0..4e6).prop_map(|state_bytes| LayerKind::Recurrent { state_bytes }),
    ]
}

fn any_group() -> impl Strategy<Value = LayerGroup> {
    (1u32..40, any_kind(), any::<bool>())
        .prop_map(|(count, kind, stores)| LayerGroup { stores, ..LayerGroup::new(count, kind) })
}

pub fn any_model() -> impl Strategy<Value = Model> {
    let experts = prop::option::of((8u32..257, 1u32..9, 0u32..3, 0u32..4));
    (prop::collection::vec(any_group(), 1..4), 0.3..200.0, 0.05..0.9, experts, any::<bool>(), 1u32..5)
        .prop_map(|(groups, params_b, share, experts, tied, width)| Model {
            params_b,
            active_params_b: if experts.is_some() { params_b * share } else { params_b },
            hidden_size: width * 1024,
            vocab_size: 32_000,
            tied_embeddings: tied,
            experts: experts.map(|(total, active, shared, leading_dense_layers)| Experts {
                total,
                active,
                shared,
                leading_dense_layers,
            }),
            ..model(&groups)
        })
}

pub fn any_class() -> impl Strategy<Value = HardwareClass> {
    prop::sample::select(vec![
        HardwareClass::Apple,
        HardwareClass::DiscreteGpu,
        HardwareClass::Unified,
        HardwareClass::Cpu,
        HardwareClass::Mobile,
    ])
}

pub fn any_device() -> impl Strategy<Value = Device> {
    (any_class(), 4.0..256.0, 20.0..4000.0, prop::option::of(1.0..2000.0), 0.3..1.0).prop_map(
        |(class, memory, bandwidth, tflops, power_share)| Device {
            power_share,
            ..device(class, memory, bandwidth, tflops)
        },
    )
}

pub fn any_machine() -> impl Strategy<Value = Machine> {
    let split = prop_oneof![Just(Split::LayersByMemory), Just(Split::Tensor)];
    (prop::collection::vec(any_device(), 1..4), split, 8.0..512.0, 20.0..400.0).prop_map(
        |(devices, split, memory_gib, bandwidth_gb_s)| {
            Machine::several(&devices, Host { memory_gib, bandwidth_gb_s }, 31.5, split).unwrap()
        },
    )
}

pub fn any_setup() -> impl Strategy<Value = Setup> {
    let cache = prop::sample::select(CacheType::ALL.to_vec());
    (any_machine(), any_model(), 2.0..16.5, 1u32..200_000, 1u32..65, cache.clone(), cache).prop_map(
        |(machine, model, bits, context, streams, k, v)| Setup {
            machine,
            model,
            weights: Weights::from_bits(&model, BitsPerWeight { bulk: bits, embedding: bits, head: bits }),
            cache: CacheTypes { k, v },
            workload: Workload { prompt_tokens: context, cached_tokens: 0, context_tokens: context, streams },
        },
    )
}

/// Any constants that the types allow: efficiencies are shares, times are not negative.
pub fn any_constants() -> impl Strategy<Value = Constants> {
    let decode =
        (0.05..1.0, 0.05..1.0, 0.0..0.01, 0.0..1e-4, 0.0..1e-4, 0.0..1e-3, 0.05..1.0, 0.0..1.0, 0.05..1.0);
    let prefill = (0.05..1.0, 0.1..500.0, 0.05..1.0, 0.0..300.0, 0.0..0.01, 0.05..1.0);
    (decode, prefill, 0.05..1.0, 0.0..1e-3, 0.0..0.8, 0.0..0.8).prop_map(
        |(d, p, host, crossing, down, up)| {
            let mut c = constants();
            let decode = DecodeConstants {
                bandwidth_efficiency: d.0,
                expert_bandwidth_efficiency: d.8,
                cache_efficiency: d.1,
                step_overhead_s: d.2,
                layer_overhead_s: d.3,
                expert_layer_overhead_s: d.4,
                recurrent_layer_overhead_s: d.4,
                latent_layer_overhead_s: d.3,
                stream_overhead_s: d.5,
                compute_efficiency: d.6,
                power_draw: d.7,
                spread: Spread { down, up },
                streams_spread: Spread { down: up, up: down },
            };
            let prefill = PrefillConstants {
                compute_efficiency: p.0,
                fallback_tflops: p.1,
                attention_efficiency: p.2,
                saturation_tokens: p.3,
                expert_saturation_tokens: p.3 / 10.0,
                layer_overhead_s: p.4 / 100.0,
                bandwidth_efficiency: p.5,
                ..c.devices[0].prefill
            };
            c.devices = [DeviceConstants { decode, prefill }; MAX_DEVICES];
            c.offload.host_efficiency = host;
            c.offload.split_overhead_s = crossing;
            c
        },
    )
}
