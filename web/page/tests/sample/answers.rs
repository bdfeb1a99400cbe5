//! A made-up answer.

use data::answer::{
    Answer, Asked, Evidence, EvidenceByFigure, FootprintGib, Inverse, Remedy, Scope, SpillAnswer, Verdict,
};
use estimator::Bound;

use super::{USABLE_GIB, scattered, spread};

/// An answer for a model of this size at 4.8 bits per weight on a card of 24 GiB.
pub fn answer(i: usize, params_b: f64, active_b: f64) -> Answer {
    let weights = params_b * 4.8 / 8.0 / 1.0737;
    let kv_cache = 0.4 + 2.6 * scattered(i, 5);
    let total = weights + kv_cache + 0.8 + 0.5;
    let placement = match total {
        t if t < USABLE_GIB => Verdict::Whole,
        t if t < 86.0 => Verdict::Offloaded,
        _ => Verdict::TooBig,
    };
    let slow_down = if placement == Verdict::Offloaded { 9.0 } else { 1.0 };
    let runs = placement != Verdict::TooBig;
    let decode = 480.0 / (active_b.max(0.8) * 0.6) / slow_down;
    Answer {
        setup: Asked {
            hardware: vec!["geforce-rtx-3090".into()],
            model: format!("model-{i}"),
            quant: "q4_k_m".into(),
            quant_asked: None,
            context: 32_768,
            prompt: 32_768,
            cached: 0,
            kv: "f16".into(),
            kv_v: "f16".into(),
            streams: 1,
            runtime: "llama.cpp".into(),
            backend: "cuda".into(),
            host_ram_gib: 64.0,
            host_bandwidth_gb_s: 89.6,
            memory_gib: 24.0,
            bandwidth_gb_s: vec![936.2],
            power: 1.0,
        },
        decode_tps: runs.then(|| spread(decode)),
        aggregate_tps: runs.then(|| spread(decode)),
        prefill_tps: runs.then(|| spread(decode * 22.0)),
        ttft_ms: runs.then(|| spread(32_768e3 / (decode * 22.0))),
        placement,
        spill: (placement == Verdict::Offloaded).then_some({
            if active_b < params_b {
                SpillAnswer::Experts { on_host: 21, of: 48 }
            } else {
                SpillAnswer::Layers { on_device: 40, on_host: 24 }
            }
        }),
        footprint_gib: FootprintGib {
            weights,
            kv_cache,
            compute_buffer: 0.8,
            runtime: 0.5,
            total,
            host: (total - USABLE_GIB).max(0.0),
            usable: USABLE_GIB,
        },
        bound_by: runs.then_some(if slow_down > 1.0 { Bound::HostRam } else { Bound::Bandwidth }),
        flags: match placement {
            Verdict::Whole => vec!["-ngl".into(), "99".into(), "-c".into(), "32768".into()],
            Verdict::Offloaded => vec!["-ngl".into(), "40".into(), "-c".into(), "32768".into()],
            Verdict::TooBig => Vec::new(),
        },
        inverse: Inverse {
            longest_context: (placement == Verdict::Whole).then_some(65_536 + (i as u32 % 7) * 8192),
            most_streams: Some(4),
            best_quant: (placement == Verdict::Whole).then(|| "q6_k".into()),
            bandwidth_needed_gb_s: Some(420.0),
            no_bandwidth: None,
            target_tps: 10.0,
        },
        remedy: match placement {
            Verdict::Whole => None,
            Verdict::Offloaded if i.is_multiple_of(2) => Some(Remedy::Context { context: 8192 }),
            Verdict::Offloaded => Some(Remedy::CacheType { kv: "q8_0".into() }),
            Verdict::TooBig => Some(Remedy::Memory { memory_gib: (total * 1.1).ceil() }),
        },
        evidence: EvidenceByFigure {
            decode: Evidence { rows: 214, scope: Scope::Device },
            prefill: if i.is_multiple_of(3) {
                Evidence { rows: 0, scope: Scope::Uncalibrated }
            } else {
                Evidence { rows: 96, scope: Scope::Generation }
            },
            runtime: None,
            streams: None,
            offload: (placement == Verdict::Offloaded).then_some(Evidence { rows: 31, scope: Scope::Class }),
        },
        notes: Vec::new(),
        unverified: Vec::new(),
    }
}
