//! One question to llmfit's library and to ours, in one process: `cargo xtask bench peers` builds this outside the workspace.

use std::hint::black_box;
use std::time::Instant;

use data::Engine;
use data::query::{Filters, Params};
use data::shortlist::shortlist;
use llmfit_core::analysis::{InstalledIndex, build_model_fits_with_config};
use llmfit_core::fit::CalcConfig;
use llmfit_core::hardware::GpuInfo;
use llmfit_core::plan::{PlanRequest, estimate_model_plan_with_config};
use llmfit_core::{GpuBackend, LlmModel, ModelDatabase, ModelFit, SystemSpecs};

/// Nanoseconds of one call: the median of batches that each last some milliseconds.
fn median_ns<T>(mut call: impl FnMut() -> T) -> f64 {
    let begun = Instant::now();
    let mut warm = 0_u32;
    while begun.elapsed().as_millis() < 200 {
        black_box(call());
        warm += 1;
    }
    let batch = (warm / 40).max(1);
    let mut times: Vec<f64> = (0..41)
        .map(|_| {
            let begun = Instant::now();
            for _ in 0..batch {
                black_box(call());
            }
            begun.elapsed().as_nanos() as f64 / f64::from(batch)
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// An RTX 3090 with 64 GiB beside it.
fn machine() -> SystemSpecs {
    let name = "NVIDIA GeForce RTX 3090".to_owned();
    let gpu = GpuInfo {
        name: name.clone(),
        vram_gb: Some(24.0),
        backend: GpuBackend::Cuda,
        count: 1,
        unified_memory: false,
        free_vram_gb: None,
        free_vram_per_card_gb: Vec::new(),
        pcie_links: Vec::new(),
    };
    SystemSpecs {
        total_ram_gb: 64.0,
        available_ram_gb: 56.0,
        total_cpu_cores: 16,
        cpu_name: "AMD Ryzen 9 5950X".to_owned(),
        has_gpu: true,
        gpu_vram_gb: Some(24.0),
        total_gpu_vram_gb: Some(24.0),
        gpu_available_gb: None,
        gpu_name: Some(name),
        gpu_count: 1,
        unified_memory: false,
        backend: GpuBackend::Cuda,
        gpus: vec![gpu],
        cluster_mode: false,
        cluster_node_count: 0,
    }
}

/// Llama 3.1 8B of the given catalogue.
fn llama(database: &ModelDatabase) -> &LlmModel {
    let is_it = |model: &&LlmModel| model.name.ends_with("Llama-3.1-8B-Instruct");
    database.get_all_models().iter().find(is_it).expect("llmfit lists Llama 3.1 8B Instruct")
}

fn main() {
    let database = ModelDatabase::embedded();
    let (model, system) = (llama(&database), machine());
    // Said beforehand: it would measure this machine's memory otherwise.
    let config =
        CalcConfig { ddr_bandwidth_gbps: Some(60.0), context_cap: Some(4096), ..CalcConfig::default() };
    let wish = PlanRequest { context: 4096, quant: Some("Q4_K_M".to_owned()), target_tps: None, kv_quant: None };

    let engine = Engine::embedded();
    let setup = [("hardware", "rtx-3090"), ("model", "llama-3.1-8b"), ("quant", "q4_k_m"), ("context", "4096")];
    let params = Params::read(setup).expect("a setup");
    let (rig, job) = engine.read(&params).expect("a setup");
    let chosen = engine.choose(&params, &rig, &job).expect("a model");
    let everything = Filters::read(&params, engine.rules).expect("filters");

    let answer = || engine.answer(&rig, &job, &chosen);
    let plan = || estimate_model_plan_with_config(model, &wish, &system, &config).expect("a plan");
    let fit = || ModelFit::analyze_with_config(model, &system, config.clone());
    // The same question, and both answer it. Their speed is not told: which quantisation it is of is theirs to choose.
    assert!(answer().decode_tps.is_some() && fit().estimated_tps > 0.0, "both answer");
    println!("Llama 3.1 8B on an RTX 3090 with 4,096 tokens; theirs is {}.\n", model.name);

    let (models, theirs) = (engine.catalog.models().len(), database.get_all_models().len());
    let installed = InstalledIndex::empty();
    let list = || shortlist(&engine, &rig, &job, &everything);
    let fits = || build_model_fits_with_config(&database, &system, &installed, Some(4096), config.clone());
    let catalogue = (median_ns(list), median_ns(fits));
    println!("| what | ours, µs | llmfit, µs | llmfit over ours |");
    println!("|---|--:|--:|--:|");
    let row = |what: &str, ours: f64, theirs: f64| {
        let (ours, theirs, ratio) = (ours / 1000.0, theirs / 1000.0, theirs / ours);
        println!("| {what} | {ours:.2} | {theirs:.2} | {ratio:.1} |");
        println!("ratio: {what} | {ours:.2} µs | llmfit {theirs:.2} µs | {ratio:.1}");
    };
    row("one setup: our answer with its words, evidence and flags; their plan", median_ns(answer), median_ns(plan));
    row("one setup: the same; their fit of one model", median_ns(answer), median_ns(fit));
    row(&format!("every model on the machine: {models} here with all quantisations, {theirs} there"), catalogue.0, catalogue.1);
    row("the same, a model", catalogue.0 / models as f64, catalogue.1 / theirs as f64);
}
