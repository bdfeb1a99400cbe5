//! Weights, cache and compute buffer against what llama.cpp logs when it loads the same file.
//!
//! The logs in `fixtures/llama-memory/` were written by a real llama.cpp (`recorded_logs`, with `LLM_SPEED_RECORD=1`
//! set): they hold everywhere. Where llama-server is installed (`cargo xtask engines llama-server`), the same loads are
//! made again and must say the same.

mod cases;
mod live;
mod log;

use cases::{Case, Run};
use data::gguf;
use data::row::Runtime;
use estimator::{
    CacheTypes, Compute, Device, HardwareClass, Model, RuntimeRules, Weights, Workload, cache, placement,
};
use log::Log;

const MIB: f64 = 1_048_576.0;
/// llama.cpp prints mebibytes with two places.
const ROUNDING_MIB: f64 = 0.005_001;

/// What llama.cpp does, as `data/rules.toml` has it.
fn rules() -> RuntimeRules {
    // Only what a runtime keeps for itself hangs on the device, and no log tells of that.
    let device = Device {
        class: HardwareClass::Cpu,
        memory_gib: 64.0,
        usable_gib: None,
        bandwidth_gb_s: 90.0,
        compute: Compute::default(),
        host_link_gb_s: 90.0,
        power_share: 1.0,
    };
    data::Rules::embedded().runtime(Runtime::LlamaCpp, &device)
}

/// The model that our reader sees in the file of this case.
fn model(case: &Case) -> (Model, Weights) {
    let header = gguf::read(&case.made.header(), None).expect("the header is whole");
    let shape = gguf::model(&[header]).expect("the model is described");
    (shape.to_model().expect("few kinds of layer"), shape.to_weights())
}

/// Holds a log against what we say of the same load.
fn compare(case: &Case, run: &Run, log: &Log) {
    let (model, weights) = model(case);
    let rules = rules();
    let name = format!("{} {run:?}", case.name);

    let ours = weights.total_bytes() / MIB;
    // the log counts from the first tensor to the last, with the padding between
    let padding = case.made.tensors.len() as f64 * 32.0 / MIB;
    assert!(
        (0.0..=padding + 2.0 * ROUNDING_MIB).contains(&(log.weights_mib - ours + ROUNDING_MIB)),
        "{name}: weights {ours} MiB, not {}",
        log.weights_mib
    );

    let types = CacheTypes { k: run.cache, v: run.cache };
    let context = f64::from(run.context_tokens / run.slots);
    let slots = f64::from(run.slots);
    let held = cache::held_bytes(&model, types, rules.layout, context, slots, rules.micro_batch.into());
    let ours = held / MIB;
    let printed = log.cache_mib.iter().chain(&log.state_mib);
    let theirs: f64 = printed.clone().sum();
    let rounding = ROUNDING_MIB * printed.count() as f64;
    assert!((ours - theirs).abs() <= rounding, "{name}: cache and state {ours} MiB, not {theirs}");

    let workload = Workload {
        prompt_tokens: 1,
        cached_tokens: 0,
        context_tokens: run.context_tokens / run.slots,
        streams: run.slots,
    };
    let ours = placement::compute_buffer_bytes(&model, &rules, &workload) / MIB;
    let off = ours / log.compute_mib - 1.0;
    assert!(off.abs() <= 0.15, "{name}: compute buffer {ours} MiB, not {}: {off:+.3}", log.compute_mib);
    println!(
        "{name}: weights {} MiB, cache {theirs:.2} MiB, compute {ours:.2} for {} MiB ({:+.1} %)",
        log.weights_mib,
        log.compute_mib,
        100.0 * off
    );
}

#[test]
fn recorded_logs() {
    for case in cases::all() {
        for run in &case.runs {
            let path = cases::fixture(case.name, run);
            let text = std::fs::read_to_string(&path)
                .unwrap_or_else(|error| panic!("{}: {error}; see this file's head", path.display()));
            compare(&case, run, &Log::read(&text).expect("a log of a whole load"));
        }
    }
}

/// Skips by name where there is no llama-server, but not in CI.
#[test]
fn live_loads() {
    let server = match house::site::llama_server() {
        Ok(server) => server,
        Err(error) => {
            assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{error:#}");
            eprintln!("SKIPPED live_loads: {error:#}");
            return;
        }
    };
    let record = std::env::var_os("LLM_SPEED_RECORD").is_some();
    let folder = tempfile::tempdir().unwrap();
    for case in cases::all() {
        let file = folder.path().join(format!("{}.gguf", case.name));
        case.made.write(&file, house::gguf_make::Fill::Zeros).unwrap();
        for run in &case.runs {
            let text = live::load(&server, &file, run).unwrap();
            if record {
                std::fs::write(cases::fixture(case.name, run), log::keep(&text)).unwrap();
            }
            compare(&case, run, &Log::read(&text).expect("a log of a whole load"));
        }
        std::fs::remove_file(&file).unwrap();
    }
}
