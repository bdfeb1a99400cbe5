//! Made-up reports of what people measured.

use data::submission::Turn;
use page::measured::{CurvePoint, MeasuredCurve, MeasuredView, ReportDot, SetupLine, SetupName, Trace};

use super::{device, model, scattered, spread};

/// Reports of a dozen setups, with every kind of curve.
pub fn measured() -> MeasuredView {
    let setup = |i: usize| SetupLine {
        setup: SetupName {
            machine: (device(i).name, format!("/d/{}", device(i).id)),
            model: (model(i).name, format!("/m/{}", model(i).id)),
            how: "Q4_K_M · llama.cpp".into(),
        },
        depth_tokens: [2048, 8192, 32_768, 131_072][i % 4],
        streams: 1,
        count: 30,
        signed: 22,
        median_tps: Some(20.0 + i as f64 * 9.0),
        estimate_tps: Some(spread(21.0 + i as f64 * 9.0)),
        reports: (0..30)
            .map(|n| ReportDot {
                id: format!("abcdefghijkmnpqr{i:02}{n:02}"),
                measured_on: "2026-11-22".into(),
                decode_tps: (20.0 + i as f64 * 9.0) * (0.9 + 0.2 * scattered(i, n)),
                evidence: data::submission::EvidenceClass::ALL[n % 3],
            })
            .collect(),
    };
    let named = |how: &str| SetupName { how: how.into(), ..SetupName::default() };
    let curve = |name: &str, places: &[u32]| MeasuredCurve {
        setup: named(name),
        points: places
            .iter()
            .map(|at| CurvePoint {
                at: *at,
                count: 3,
                decode_tps: spread(90.0 / (1.0 + f64::from(*at).log2() / 20.0)),
                estimate_tps: Some(spread(88.0 / (1.0 + f64::from(*at).log2() / 20.0))),
            })
            .collect(),
    };
    MeasuredView {
        runs: 4,
        model: "Qwen3 30B-A3B".into(),
        machine: "GeForce RTX 3090".into(),
        depends_on: "hardware devices power",
        asked: "?model=qwen3-30b-a3b&hardware=rtx-3090".into(),
        setups: (0..12).map(setup).collect(),
        more: 40,
        decay: vec![curve("Q4_K_M · llama.cpp", &[384, 5120, 32_768, 65_536, 131_072])],
        streams: vec![curve("Q4_K_M · llama.cpp", &[1, 4, 8, 16]), curve("AWQ · vllm", &[1, 4, 8, 16])],
        aggregate: vec![curve("Q4_K_M · llama.cpp", &[1, 4, 8, 16]), curve("AWQ · vllm", &[1, 4, 8, 16])],
        traces: vec![Trace {
            id: "abcdefghijkmnpqrstuv".into(),
            setup: named("Q4_K_M · llama.cpp"),
            measured_on: "2026-11-22".into(),
            turns: 10,
            p50_ms: 2400.0,
            p95_ms: 5100.0,
            timeline: (0..10)
                .map(|n| Turn {
                    ttft_ms: Some(250.0 + 900.0 * scattered(n, 3)),
                    wall_ms: 1500.0 + 2400.0 * scattered(n, 4),
                })
                .collect(),
            wall_ms: Some(27_000.0),
            prompt_tokens: 16_128,
            output_tokens: 2560,
            cache_share: Some(0.86),
        }],
        away: false,
        file: "Qwen3-30B-A3B-Q4_K_M.gguf".into(),
    }
}
