//! Figures that can be worked out on paper.

mod common;

use common::*;
use estimator::*;

const F16: CacheTypes = CacheTypes { k: CacheType::F16, v: CacheType::F16 };

#[test]
fn llama_3_1_8b_keeps_131072_bytes_a_token() {
    // 32 layers x 8 heads x (128 + 128) x 2 bytes.
    assert_eq!(cache::growth_bytes_per_token(&llama_8b(), F16), 131_072.0);
}

#[test]
fn deepseek_v3_keeps_70272_bytes_a_token() {
    // 61 layers x (512 + 64) x 2 bytes.
    let m = model(&[LayerGroup::new(61, LayerKind::Latent { heads: 128, rank: 512, rope_dim: 64 })]);
    assert_eq!(cache::growth_bytes_per_token(&m, F16), 70_272.0);
}

#[test]
fn gpt_oss_20b_keeps_24576_bytes_a_token_plus_capped_windows() {
    let window = LayerKind::Window { heads: 64, kv_heads: 8, key_dim: 64, value_dim: 64, window: 128 };
    let m = model(&[LayerGroup::new(12, full(64, 8, 64)), LayerGroup::new(12, window)]);
    assert_eq!(cache::growth_bytes_per_token(&m, F16), 24_576.0);
    let layout = CacheLayout { pad_tokens: 256.0, windows_capped: true };
    // Windows hold 128 + 512 tokens, rounded up to 768: 12 layers x 2,048 bytes each.
    let held = |tokens| cache::held_bytes(&m, F16, layout, tokens, 1.0, 512.0);
    assert_eq!(held(4096.0), 4096.0 * 24_576.0 + 768.0 * 24_576.0);
    assert_eq!(held(512.0), 512.0 * 2.0 * 24_576.0);
    assert_eq!(held(4000.0), held(4096.0));
}

#[test]
fn recurrent_layers_keep_a_constant() {
    let m = model(&[LayerGroup::new(10, LayerKind::Recurrent { state_bytes: 1000.0 })]);
    let layout = CacheLayout { pad_tokens: 256.0, windows_capped: true };
    for tokens in [1.0, 4096.0, 131_072.0] {
        assert_eq!(cache::held_bytes(&m, F16, layout, tokens, 2.0, 512.0), 20_000.0);
    }
}

#[test]
fn layers_that_share_a_cache_hold_nothing_but_read_it() {
    let sharing = LayerGroup { stores: false, ..LayerGroup::new(4, full(8, 2, 128)) };
    let m = model(&[LayerGroup::new(4, full(8, 2, 128)), sharing]);
    assert_eq!(cache::growth_bytes_per_token(&m, F16), 4.0 * 1024.0);
    assert_eq!(cache::read_bytes(&m, F16, 100.0), 8.0 * 1024.0 * 100.0);
    assert_eq!(m.layers.count(), 8);
}

#[test]
fn quantised_caches_count_their_scales() {
    // q8_0 keeps 34 bytes for 32 numbers, q4_0 18.
    let types = CacheTypes { k: CacheType::Q8_0, v: CacheType::Q4_0 };
    assert_eq!(cache::growth_bytes_per_token(&llama_8b(), types), 32.0 * 8.0 * 128.0 * (34.0 + 18.0) / 32.0);
}

#[test]
fn a_token_reads_one_row_of_the_table_and_the_head_once() {
    let m = llama_8b();
    let w = Weights::from_bits(&m, BitsPerWeight { bulk: 8.0, embedding: 8.0, head: 8.0 });
    let table = 128_256.0 * 4096.0;
    assert!((w.total_bytes() - (8.03e9)).abs() < 1.0);
    assert!((w.read_bytes(&m, 1.0) - (8.03e9 - table + 4096.0)).abs() < 1.0);
    let tied = Model { tied_embeddings: true, ..m };
    let w = Weights::from_bits(&tied, BitsPerWeight { bulk: 8.0, embedding: 8.0, head: 8.0 });
    assert!((w.total_bytes() - (8.03e9)).abs() < 1.0);
    assert!((w.read_bytes(&tied, 1.0) - (8.03e9 + 4096.0)).abs() < 1.0);
}

#[test]
fn experts_are_read_as_far_as_they_are_visited() {
    let m = qwen_30b_a3b();
    let e = m.experts.unwrap();
    assert_eq!(e.visited_share(1.0), 8.0 / 128.0);
    // Two tokens, drawn independently: 1 - (120/128)².
    assert!((e.visited_share(2.0) - (1.0 - (120.0 / 128.0_f64) * (120.0 / 128.0))).abs() < 1e-15);
    assert!(e.visited_share(1e6) > 0.999_999);
    // total - active = routed x (1 - 8/128).
    assert!((m.routed_params() - (30.53e9 - 3.3e9) / (1.0 - 8.0 / 128.0)).abs() < 1.0);
}

#[test]
fn a_decode_step_is_the_sum_of_its_parts() {
    let c = constants();
    let s = setup(device(HardwareClass::DiscreteGpu, 24.0, 1000.0, None), llama_8b(), 8192);
    let answer = estimate(&s, &c);
    let weights = s.weights.read_bytes(&s.model, 1.0) / (1000.0e9 * 0.75);
    let cache = 131_072.0 * 8192.0 / (1000.0e9 * 0.6);
    let fixed = 4e-4 + 32.0 * 1e-5;
    let tps = answer.speeds.unwrap().decode_tps.mid;
    assert!((tps - 1.0 / (weights + cache + fixed)).abs() < 1e-9, "{tps}");
}

#[test]
fn a_power_limit_lets_the_joules_of_a_step_come_in_no_faster() {
    let c = constants();
    let at = |power_share| {
        let mut s = setup(device(HardwareClass::DiscreteGpu, 24.0, 1000.0, None), llama_8b(), 8192);
        s.machine.devices_mut()[0].power_share = power_share;
        (1.0 / estimate(&s, &c).speeds.unwrap().decode_tps.mid, s)
    };
    let (whole, s) = at(1.0);
    let reading =
        s.weights.read_bytes(&s.model, 1.0) / (1000.0e9 * 0.75) + 131_072.0 * 8192.0 / (1000.0e9 * 0.6);
    // Six tenths of stock are drawn while reading: a limit above costs nothing, and just below it only what waiting leaves.
    assert_eq!(at(0.61).0, whole);
    assert_eq!(at(0.59).0, whole);
    assert!((at(0.3).0 - reading * 0.6 / 0.3).abs() < 1e-9, "{} {reading}", at(0.3).0);
}

#[test]
fn a_power_limit_lets_the_joules_of_a_prompt_come_in_no_faster() {
    let c = constants();
    let at = |power_share| {
        let mut s = setup(device(HardwareClass::DiscreteGpu, 24.0, 1000.0, Some(100.0)), llama_8b(), 2048);
        s.machine.devices_mut()[0].power_share = power_share;
        2048.0 / estimate(&s, &c).speeds.unwrap().prefill_tps.mid
    };
    // Four micro-batches of 32 layers wait 10 µs each; the rest draws six tenths of stock.
    let (whole, waiting) = (at(1.0), 4.0 * 32.0 * 1e-5);
    assert_eq!(at(0.6), whole);
    assert!((at(0.3) - 2.0 * (whole - waiting)).abs() < 1e-9, "{} {whole}", at(0.3));
}

#[test]
fn devices_that_share_every_matrix_go_through_every_layer_of_a_prompt() {
    let mut c = constants();
    c.exchange.all_reduce_s = 0.0;
    c.exchange.link_efficiency = f64::INFINITY;
    let seconds = |count, c: &Constants| {
        let one = device(HardwareClass::DiscreteGpu, 24.0, 1000.0, Some(100.0));
        let mut s = setup(one, llama_8b(), 2048);
        if count == 2 {
            s.machine = Machine::several(&[one, one], HOST, 31.5, Split::Tensor).unwrap();
        }
        2048.0 / estimate(&s, c).speeds.unwrap().prefill_tps.mid
    };
    let waiting = 4.0 * 32.0 * 1e-5;
    let (alone, shared) = (seconds(1, &c), seconds(2, &c));
    assert!((shared - ((alone - waiting) / 2.0 + waiting)).abs() < 1e-9, "{alone} {shared}");
}

#[test]
fn a_prompt_is_its_arithmetic() {
    let mut c = constants();
    c.devices[0].prefill.layer_overhead_s = 0.0;
    c.devices[0].prefill.bandwidth_efficiency = 1.0;
    let s = setup(device(HardwareClass::DiscreteGpu, 24.0, 1000.0, Some(100.0)), llama_8b(), 2048);
    // 2 FLOPs a parameter without the two tables, four micro-batches of 512 + 60 tokens, at 40 TFLOPS; attention at half.
    let linear = 2.0 * (8.03e9 - 2.0 * 128_256.0 * 4096.0) * (2048.0 + 4.0 * 60.0) / 40e12;
    let attention = 32.0 * 2.0 * 32.0 * 256.0 * (2048.0 * 2048.0 / 2.0) / 20e12;
    // Each micro-batch reads all layers once.
    let read = 4.0 * s.weights.dense_bytes / 1000e9;
    let tps = estimate(&s, &c).speeds.unwrap().prefill_tps.mid;
    assert!((tps - 2048.0 / (linear + attention + read)).abs() < 1e-6, "{tps}");
}

#[test]
fn usable_memory_goes_by_class() {
    let rules = constants().memory;
    let usable = |class, gib| rules.usable_gib(&device(class, gib, 100.0, None));
    assert_eq!(usable(HardwareClass::Apple, 32.0), 32.0 * 0.66);
    assert_eq!(usable(HardwareClass::Apple, 128.0), 96.0);
    assert_eq!(usable(HardwareClass::Unified, 128.0), 96.0);
    assert_eq!(usable(HardwareClass::DiscreteGpu, 24.0), 24.0 - 0.48);
    assert_eq!(usable(HardwareClass::DiscreteGpu, 8.0), 7.6);
    assert_eq!(usable(HardwareClass::Cpu, 16.0), 14.0);
    let set = Device { usable_gib: Some(110.0), ..device(HardwareClass::Apple, 128.0, 100.0, None) };
    assert_eq!(rules.usable_gib(&set), 110.0);
}

#[test]
fn unequal_cards_share_by_memory_or_as_told() {
    let c = constants();
    let (big, small) = (
        device(HardwareClass::DiscreteGpu, 24.0, 936.0, None),
        device(HardwareClass::DiscreteGpu, 12.0, 360.0, None),
    );
    let on = |split| {
        let machine = Machine::several(&[big, small], HOST, 31.5, split).unwrap();
        estimate(&Setup { machine, ..setup(big, llama_8b(), 4096) }, &c)
    };
    let mut shares = [0.0; MAX_DEVICES];
    shares[0] = 1.0;
    let by_memory = on(Split::LayersByMemory).speeds.unwrap().decode_tps.mid;
    let all_on_big = on(Split::LayersByShare(shares)).speeds.unwrap().decode_tps.mid;
    assert!(all_on_big > by_memory);
    assert_eq!(on(Split::LayersByMemory).placement, Placement::Whole);
    // Two equal cards under tensor split read half each.
    let two = Machine::several(&[big, big], HOST, 31.5, Split::Tensor).unwrap();
    let tensor = estimate(&Setup { machine: two, ..setup(big, llama_8b(), 4096) }, &c).speeds.unwrap();
    let one = estimate(&setup(big, llama_8b(), 4096), &c).speeds.unwrap();
    assert!(tensor.decode_tps.mid > 1.4 * one.decode_tps.mid);
}

#[test]
fn compute_buffers_are_what_llama_cpp_logs() {
    // Logged by llama-server (flash attention, one slot) for files of these shapes, in MiB.
    let c = constants();
    let logged = |m: &Model, context: u32, streams: u32| {
        let workload = Workload { prompt_tokens: 1, cached_tokens: 0, context_tokens: context, streams };
        placement::compute_buffer_bytes(m, &c.runtime, &workload) / 1_048_576.0
    };
    for (context, streams, mib) in [(4096, 1, 128.02), (16_384, 1, 140.02), (4096, 4, 128.02)] {
        let ours = logged(&llama_8b(), context, streams);
        assert!((ours / mib - 1.0).abs() < 0.03, "{context} x {streams}: {ours} MiB, not {mib}");
    }
}
