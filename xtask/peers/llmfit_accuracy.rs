//! llmfit's estimate of every setup in a file, a line each: `cargo xtask bench accuracy` builds this outside the workspace.
//!
//! A line of the answer is tokens a second and whose description of the model it rests on, or a dash. What was measured is
//! not in the file.

use std::collections::HashMap;

use data::Catalog;
use data::row::{Mixer, ModelRow};
use llmfit_core::fit::CalcConfig;
use llmfit_core::plan::{PlanRequest, PlanRunPath, estimate_model_plan_with_config};
use llmfit_core::{GpuBackend, LlmModel, ModelDatabase, SystemSpecs};
use serde_json::{Value, json};

/// The labels that `llmfit plan` takes, with the bits a weight that such files have; it refuses every other one.
const QUANTS: [(&str, f64); 10] = [
    ("F32", 32.0),
    ("F16", 16.0),
    ("BF16", 16.0),
    ("Q8_0", 8.5),
    ("Q6_K", 6.56),
    ("Q5_K_M", 5.7),
    ("Q4_K_M", 4.85),
    ("Q4_0", 4.55),
    ("Q3_K_M", 3.9),
    ("Q2_K", 3.0),
];

fn main() {
    let path = std::env::args().nth(1).expect("a file of setups");
    let text = std::fs::read_to_string(path).expect("the file of setups");
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().expect("names of columns").split('\t').collect();
    let database = ModelDatabase::embedded();
    let theirs: HashMap<String, &LlmModel> =
        database.get_all_models().iter().map(|model| (model.name.to_lowercase(), model)).collect();
    for line in lines {
        let setup: HashMap<&str, &str> = names.iter().copied().zip(line.split('\t')).collect();
        let row = Catalog::embedded().models().iter().find(|row| row.id == setup["model_row"]);
        let repository = row.and_then(|row| row.hf_repo.as_deref()).unwrap_or_default().to_lowercase();
        let (model, whose) = match theirs.get(&repository) {
            Some(model) => ((*model).clone(), "theirs"),
            None => (described(&setup, row), "ours"),
        };
        match tokens_per_second(&setup, &model) {
            Ok(speed) => println!("{speed}\t{whose}"),
            Err(why) => {
                eprintln!("{}: {why}", model.name);
                println!("-");
            }
        }
    }
}

fn number(setup: &HashMap<&str, &str>, name: &str) -> Option<f64> {
    setup[name].parse().ok()
}

/// What `llmfit plan` says of this machine, with its bandwidth as the maker prints it: of a card or a chip's graphics, the
/// speed of a model that lies there whole; of a processor, that without a card.
fn tokens_per_second(setup: &HashMap<&str, &str>, model: &LlmModel) -> Result<f64, String> {
    let graphics = setup["class"] != "cpu";
    let config = CalcConfig {
        // Said, or it would measure this machine's memory.
        ddr_bandwidth_gbps: number(setup, "bandwidth_gb_s"),
        gpu_bandwidth_gbps_override: number(setup, "bandwidth_gb_s").filter(|_| graphics),
        ..CalcConfig::default()
    };
    let context = number(setup, "context").unwrap_or(0.0).max(512.0) as u32;
    let wish = PlanRequest { context, quant: Some(label(setup, model)), target_tps: None, kv_quant: None };
    let plan = estimate_model_plan_with_config(model, &wish, &machine(setup, graphics), &config)?;
    if !graphics {
        return Ok(plan.current.estimated_tps);
    }
    let whole = plan.run_paths.iter().find(|path| path.path == PlanRunPath::Gpu);
    whole.and_then(|path| path.estimated_tps).ok_or_else(|| "no speed".to_owned())
}

/// The quantisation by its label where llmfit takes that, else by the file's bits a weight.
fn label(setup: &HashMap<&str, &str>, model: &LlmModel) -> String {
    let label = setup["quant"];
    if label == "MXFP4" || QUANTS.iter().any(|(name, _)| *name == label) {
        return label.to_owned();
    }
    let bits = number(setup, "bits_per_weight").unwrap_or_else(|| panic!("bits of {}", model.name));
    let off = |(_, of): &(&str, f64)| (of / bits).ln().abs();
    let nearest = QUANTS.iter().min_by(|a, b| off(a).total_cmp(&off(b))).expect("there are labels");
    nearest.0.to_owned()
}

/// A machine with room for everything: the models were measured in its memory.
fn machine(setup: &HashMap<&str, &str>, graphics: bool) -> SystemSpecs {
    let memory = number(setup, "memory_gib").filter(|_| graphics);
    let unified = matches!(setup["class"], "apple" | "unified" | "mobile");
    let backend = match setup["vendor"] {
        _ if !graphics => GpuBackend::CpuX86,
        "nvidia" => GpuBackend::Cuda,
        "apple" => GpuBackend::Metal,
        "amd" => GpuBackend::Rocm,
        "intel" => GpuBackend::Sycl,
        _ => GpuBackend::Vulkan,
    };
    SystemSpecs {
        total_ram_gb: 1024.0,
        available_ram_gb: 1000.0,
        total_cpu_cores: 16,
        cpu_name: String::new(),
        has_gpu: graphics,
        gpu_vram_gb: memory,
        total_gpu_vram_gb: memory,
        gpu_available_gb: None,
        gpu_name: None,
        gpu_count: u32::from(graphics),
        unified_memory: graphics && unified,
        backend,
        gpus: Vec::new(),
        cluster_mode: false,
        cluster_node_count: 0,
    }
}

/// A model that llmfit does not list, as far as its description has words for what we know.
fn described(setup: &HashMap<&str, &str>, row: Option<&ModelRow>) -> LlmModel {
    let count = |name: &str| number(setup, name).map(|billions| (billions * 1e9) as u64);
    let mut model = json!({
        "name": setup["model_row"], "provider": "", "parameter_count": "", "parameters_raw": count("params_b"),
        "min_ram_gb": 0.0, "recommended_ram_gb": 0.0, "min_vram_gb": null, "quantization": "Q4_K_M",
        "context_length": 131_072, "use_case": "", "is_moe": count("active_params_b") < count("params_b"),
        "active_parameters": count("active_params_b"),
    });
    if let Some(row) = row {
        model["hidden_size"] = json!(row.hidden_size);
        model["vocab_size"] = json!(row.vocab_size);
        model["num_hidden_layers"] = json!(row.layers.iter().map(|layer| layer.count).sum::<u32>());
        let attention = row.layers.iter().find_map(|layer| match layer.mixer {
            Mixer::Full { heads, kv_heads, key_dim, .. } => Some((heads, kv_heads, key_dim)),
            _ => None,
        });
        if let Some((heads, kv_heads, key_dim)) = attention {
            model["num_attention_heads"] = json!(heads);
            model["num_key_value_heads"] = json!(kv_heads);
            model["head_dim"] = json!(key_dim);
        }
        model["num_experts"] = row.experts.map_or(Value::Null, |experts| json!(experts.total));
        model["active_experts"] = row.experts.map_or(Value::Null, |experts| json!(experts.active));
    }
    serde_json::from_value(model).expect("a model as llmfit describes one")
}
