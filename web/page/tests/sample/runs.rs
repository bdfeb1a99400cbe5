//! A table of runs that has everything: single workloads, several devices, speculation, a superseded run, submissions.

use data::Engine;
use data::answer::{Evidence, Scope};
use data::runs::RunRows;
use data::table::make::{Maker, Report, ReportPoint};
use data::table::{Figure, Table};
use estimator::Range;
use page::benchmarks::WantedCell;

/// A submission.
fn report(id: &str, build: &str, day: &str, decode_tps: f64) -> Report {
    let point = |workload: &str, prompt_tokens| ReportPoint {
        workload: workload.into(),
        prompt_tokens,
        cached_tokens: 0,
        output_tokens: 256,
        decode_tps,
        apart: None,
    };
    Report {
        id: id.into(),
        signed: true,
        measured_on: day.into(),
        device: "rtx-3090".into(),
        model: "llama-3.1-8b".into(),
        quant: "q4_k_m".into(),
        runtime: "llama.cpp".into(),
        build: build.into(),
        backend: "cuda".into(),
        streams: 1,
        points: vec![point("W1", 128), point("W2", 4096)],
        ..Report::default()
    }
}

pub fn table() -> (Table, Vec<WantedCell>) {
    let reports = [
        report("aaaaaaaaaaaaaaaaaaaa", "b9000", "2026-10-01", 130.0),
        report("bbbbbbbbbbbbbbbbbbbb", "b9500", "2026-11-01", 190.0),
    ];
    let mut table = Maker::new(Engine::embedded(), RunRows::embedded()).table(&reports);
    for (at, row) in table.rows.iter_mut().take(4).enumerate() {
        row.figures = ["short", "stuffed", "long-answer", "tool-call"]
            .map(|shape| Figure {
                workload: shape.into(),
                low_tps: 20.0 + at as f64,
                high_tps: 20.0 + at as f64,
                estimate: Some(Range { low: 18.0, mid: 21.0, high: 25.0 }),
                reasoning_tps: Some(12.0),
                answer_tps: Some(8.0),
            })
            .into();
    }
    table.rows[1].devices = 2;
    table.rows[1].split = "tensor".into();
    table.rows[1].quant_creator = "unsloth".into();
    table.rows[2].speculative = "MTP-1".into();
    table.rows[3].superseded = true;
    let wanted = vec![WantedCell {
        device: ("rtx-3060-12gb".into(), "RTX 3060 12 GB".into()),
        model: ("llama-3.1-8b".into(), "Llama 3.1 8B".into()),
        quant: "Q4_K_M".into(),
        range: Range { low: 40.0, mid: 50.0, high: 60.0 },
        rests_on: Evidence { rows: 12, scope: Scope::Generation },
        pages: 9,
        gain: 3.6,
        command: "llm-speed-probe bench --model Llama-3.1-8B-Q4_K_M.gguf".into(),
    }];
    (table, wanted)
}
