//! Laws that hold for every machine, model, job and set of constants.

mod common;

use common::*;
use estimator::inverse::Needed;
use estimator::*;
use proptest::prelude::*;

/// Room for the last bit of a sum taken in another order.
const EPSILON: f64 = 1e-9;

fn at_least(a: f64, b: f64) -> bool {
    a >= b * (1.0 - EPSILON)
}

/// Speeds that must not fall when `faster` replaces `slower`; both must run.
fn no_slower(faster: &Setup, slower: &Setup, c: &Constants) -> Result<(), TestCaseError> {
    let (fast, slow) = (estimate(faster, c), estimate(slower, c));
    // What spills is less certain, and the two ways to spill have rooflines of their own: the ends of ranges are
    // compared where both lie alike.
    let way = |placement: Placement| match placement {
        Placement::Offloaded(Spill::Layers { .. }) => 1,
        Placement::Offloaded(Spill::Experts { .. }) => 2,
        Placement::Whole | Placement::TooBig => 0,
    };
    let alike = way(fast.placement) == way(slow.placement);
    if let (Some(fast), Some(slow)) = (fast.speeds, slow.speeds) {
        for (fast, slow) in [(fast.decode_tps, slow.decode_tps), (fast.prefill_tps, slow.prefill_tps)] {
            prop_assert!(at_least(fast.mid, slow.mid), "{fast:?} {slow:?}");
            prop_assert!(!alike || at_least(fast.low, slow.low), "{fast:?} {slow:?}");
            prop_assert!(!alike || at_least(fast.high, slow.high), "{fast:?} {slow:?}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ranges_are_in_order_and_finite(setup in any_setup(), c in any_constants()) {
        if let Some(s) = estimate(&setup, &c).speeds {
            for range in [s.decode_tps, s.aggregate_tps, s.prefill_tps, s.ttft_ms] {
                prop_assert!(range.low > 0.0 && range.low <= range.mid && range.mid <= range.high, "{range:?}");
                prop_assert!(range.high.is_finite());
            }
        }
    }

    #[test]
    fn nothing_outruns_the_memory_it_reads(setup in any_setup(), c in any_constants()) {
        let answer = estimate(&setup, &c);
        if let (Some(s), Placement::Whole) = (answer.speeds, answer.placement) {
            // The fastest memory of all devices at once, and only what one token must read.
            let peak: f64 = setup.machine.devices().iter().map(|d| d.bandwidth_gb_s * 1e9).sum();
            let streams = f64::from(setup.workload.streams);
            let read = setup.weights.read_bytes(&setup.model, streams)
                + streams * cache::read_bytes(&setup.model, setup.cache, f64::from(setup.workload.context_tokens));
            prop_assert!(s.decode_tps.high <= peak / read * (1.0 + EPSILON), "{} {}", s.decode_tps.high, peak / read);
        }
    }

    #[test]
    fn more_bandwidth_is_never_slower(setup in any_setup(), c in any_constants(), factor in 1.0..4.0) {
        let mut faster = setup;
        for device in faster.machine.devices_mut() {
            device.bandwidth_gb_s *= factor;
        }
        no_slower(&faster, &setup, &c)?;
    }

    #[test]
    fn more_host_bandwidth_is_never_slower(setup in any_setup(), c in any_constants(), factor in 1.0..4.0) {
        let mut faster = setup;
        faster.machine.host.bandwidth_gb_s *= factor;
        no_slower(&faster, &setup, &c)?;
    }

    #[test]
    fn more_compute_is_never_slower(setup in any_setup(), c in any_constants(), factor in 1.0..4.0) {
        let mut faster = setup;
        for device in faster.machine.devices_mut() {
            device.compute.f16_tflops = device.compute.f16_tflops.map(|t| t * factor);
        }
        no_slower(&faster, &setup, &c)?;
    }

    #[test]
    fn more_power_is_never_slower(setup in any_setup(), c in any_constants(), factor in 1.0..3.0) {
        let mut faster = setup;
        for device in faster.machine.devices_mut() {
            device.power_share = f64::min(device.power_share * factor, 1.0);
        }
        no_slower(&faster, &setup, &c)?;
    }

    #[test]
    fn more_bytes_a_weight_are_never_faster(setup in any_setup(), c in any_constants(), factor in 1.0..3.0) {
        let heavier = Setup { weights: setup.weights.scaled_to(setup.weights.total_bytes() * factor), ..setup };
        no_slower(&setup, &heavier, &c)?;
    }

    #[test]
    fn a_longer_context_is_never_faster(setup in any_setup(), c in any_constants(), more in 1u32..100_000) {
        let mut longer = setup;
        longer.workload.context_tokens += more;
        let (short, long) = (estimate(&setup, &c).speeds, estimate(&longer, &c).speeds);
        if let (Some(short), Some(long)) = (short, long) {
            prop_assert!(at_least(short.decode_tps.mid, long.decode_tps.mid));
        }
    }

    #[test]
    fn a_longer_prompt_never_answers_sooner(setup in any_setup(), c in any_constants(), more in 1u32..100_000) {
        let mut longer = setup;
        longer.workload.prompt_tokens += more;
        longer.workload.context_tokens += more;
        let (short, long) = (estimate(&setup, &c).speeds, estimate(&longer, &c).speeds);
        if let (Some(short), Some(long)) = (short, long) {
            prop_assert!(at_least(long.ttft_ms.mid, short.ttft_ms.mid), "{:?} {:?}", short.ttft_ms, long.ttft_ms);
        }
    }

    #[test]
    fn streams_together_are_no_slower_than_one_after_another(setup in any_setup(), c in any_constants(), streams in 2u32..64) {
        let of = |streams| {
            let asked = Setup { workload: Workload { streams, ..setup.workload }, ..setup };
            estimate(&asked, &c)
        };
        let (one, all) = (of(1), of(streams));
        if let (Placement::Whole, Placement::Whole, Some(one), Some(all)) = (one.placement, all.placement, one.speeds, all.speeds) {
            prop_assert!(all.aggregate_tps.mid >= one.decode_tps.mid * (1.0 - 1e-9));
        }
    }

    #[test]
    fn more_streams_are_never_faster_each(setup in any_setup(), c in any_constants(), more in 1u32..64) {
        let mut wider = setup;
        wider.workload.streams += more;
        let (few, many) = (estimate(&setup, &c).speeds, estimate(&wider, &c).speeds);
        if let (Some(few), Some(many)) = (few, many) {
            prop_assert!(at_least(few.decode_tps.mid, many.decode_tps.mid));
        }
    }

    #[test]
    fn a_cached_prefix_never_delays(setup in any_setup(), c in any_constants(), share in 0.0..1.0) {
        let mut cached = setup;
        cached.workload.cached_tokens = (f64::from(setup.workload.prompt_tokens) * share) as u32;
        let (cold, warm) = (estimate(&setup, &c).speeds, estimate(&cached, &c).speeds);
        if let (Some(cold), Some(warm)) = (cold, warm) {
            prop_assert!(at_least(cold.ttft_ms.mid, warm.ttft_ms.mid));
        }
    }

    #[test]
    fn more_memory_never_takes_a_model_away(setup in any_setup(), c in any_constants(), factor in 1.0..4.0) {
        let mut larger = setup;
        for device in larger.machine.devices_mut() {
            device.memory_gib *= factor;
        }
        // Apple's limit is a share that grows with memory, so every class keeps this law.
        let rank = |p: Placement| match p {
            Placement::Whole => 2,
            Placement::Offloaded(_) => 1,
            Placement::TooBig => 0,
        };
        prop_assert!(rank(estimate(&larger, &c).placement) >= rank(estimate(&setup, &c).placement));
    }

    #[test]
    fn each_further_block_in_ram_costs_no_less(model in any_model(), c in any_constants(), context in 1u32..30_000) {
        // Shrink the card bit by bit: what must go to RAM grows, and speed never rises with it. Below room for a
        // single layer the other way of spilling may take over, which is chosen because it is faster.
        let mut last: Option<(u32, f64)> = None;
        for step in 0..40 {
            let memory = 200.0 * libm_pow(0.9, step);
            let mut s = setup(device(HardwareClass::DiscreteGpu, memory, 900.0, Some(80.0)), model, context);
            s.machine.host.memory_gib = 4096.0;
            let answer = estimate(&s, &c);
            if let (Placement::Offloaded(Spill::Layers { on_host, .. }), Some(speeds), None) =
                (answer.placement, answer.speeds, model.experts)
            {
                if let Some((before, tps)) = last {
                    prop_assert!(on_host >= before);
                    prop_assert!(at_least(tps, speeds.decode_tps.mid), "{before} {tps} {on_host} {}", speeds.decode_tps.mid);
                }
                last = Some((on_host, speeds.decode_tps.mid));
            }
        }
    }

    #[test]
    fn the_longest_context_fits_and_the_next_does_not(setup in any_setup(), c in any_constants()) {
        if let Some(tokens) = inverse::longest_context(&setup, &c) {
            let at = |tokens| {
                let mut s = setup;
                s.workload.context_tokens = tokens;
                s.workload.prompt_tokens = tokens;
                estimate(&s, &c).placement
            };
            prop_assert_eq!(at(tokens), Placement::Whole);
            if tokens < setup.model.native_context {
                prop_assert_ne!(at(tokens + 1), Placement::Whole);
            }
        }
    }

    #[test]
    fn the_bandwidth_needed_reaches_the_target(setup in any_setup(), c in any_constants(), target in 1.0..100.0) {
        let mut faster = setup;
        let mut speed_at = |factor: f64| {
            faster.machine = setup.machine;
            for device in faster.machine.devices_mut() {
                device.bandwidth_gb_s *= factor;
            }
            estimate(&faster, &c).speeds.map(|speeds| speeds.decode_tps.mid)
        };
        let widest = setup.machine.devices().iter().map(|d| d.bandwidth_gb_s).fold(0.0, f64::max);
        match inverse::bandwidth_for(widest, target, &mut speed_at) {
            Some(Needed::Bandwidth(needed)) => {
                let speed = speed_at(needed / widest).unwrap();
                prop_assert!(speed >= target * (1.0 - 1e-9), "{speed} for {target}");
                // A little less is not enough, unless the least that is imagined is.
                let less = speed_at(needed / widest * (1.0 - 1e-5)).unwrap();
                prop_assert!(less < target || needed / widest < 1.1e-4, "{less} for {target}");
            }
            Some(Needed::Never(most)) => {
                prop_assert!(most < target);
                prop_assert!(speed_at(1e3).unwrap() <= most);
            }
            None => prop_assert!(estimate(&setup, &c).speeds.is_none()),
        }
    }
}

fn libm_pow(base: f64, times: i32) -> f64 {
    (0..times).fold(1.0, |product, _| product * base)
}

/// Spilling nothing is the same as holding everything; the first expert block costs at most itself and one crossing.
#[test]
fn the_first_expert_block_costs_itself_and_one_crossing() {
    let c = constants();
    let model = qwen_30b_a3b();
    let whole = setup(device(HardwareClass::DiscreteGpu, 24.0, 936.0, Some(71.0)), model, 4096);
    let whole_s = 1.0 / estimate(&whole, &c).speeds.unwrap().decode_tps.mid;
    // The largest memory at which something spills.
    let (mut low, mut high) = (10.0, 24.0);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        let mut s = whole;
        s.machine.devices_mut()[0].memory_gib = middle;
        if estimate(&s, &c).placement == Placement::Whole { high = middle } else { low = middle }
    }
    let mut s = whole;
    s.machine.devices_mut()[0].memory_gib = low;
    let spilled = estimate(&s, &c);
    assert_eq!(spilled.placement, Placement::Offloaded(Spill::Experts { on_host: 1, of: 48 }));
    let visited = 8.0 / 128.0;
    let block =
        s.weights.routed_bytes / 48.0 * visited / (HOST.bandwidth_gb_s * 1e9 * c.offload.host_efficiency);
    let spilled_s = 1.0 / spilled.speeds.unwrap().decode_tps.mid;
    assert!(spilled_s >= whole_s);
    assert!(spilled_s <= whole_s + block + c.offload.split_overhead_s + 1e-12);
}

/// Apple and unified memory have no second memory to spill to.
#[test]
fn only_cards_spill() {
    let c = constants();
    for class in [HardwareClass::Apple, HardwareClass::Unified, HardwareClass::Cpu, HardwareClass::Mobile] {
        let s = setup(device(class, 4.0, 100.0, None), llama_8b(), 4096);
        assert_eq!(estimate(&s, &c).placement, Placement::TooBig, "{class:?}");
    }
    let card = setup(device(HardwareClass::DiscreteGpu, 4.0, 300.0, None), llama_8b(), 4096);
    assert!(matches!(estimate(&card, &c).placement, Placement::Offloaded(Spill::Layers { .. })));
}
