//! Rows in any spelling, with anything missing or absurd: predicted, or refused with the reason, and never a crash.

use std::path::Path;

use calibrate::observation::Reader;
use calibrate::predict::Predictor;
use calibrate::row::{self, MeasurementRow};
use data::Catalog;
use data::constants::Fitted;

/// Rows of different kinds: every 97th of all measurements.
fn sample() -> Vec<MeasurementRow> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/measurements");
    let rows = row::read(&folder).expect("the measurements are there");
    rows.into_iter().step_by(97).collect()
}

/// What a hand, another tool or a spreadsheet does to a row.
fn mutants(row: &MeasurementRow) -> Vec<MeasurementRow> {
    let with = |change: &dyn Fn(&mut MeasurementRow)| {
        let mut changed = row.clone();
        change(&mut changed);
        changed
    };
    vec![
        with(&|row| row.device = row.device.to_uppercase()),
        with(&|row| row.device = format!("  {}  ", row.device.replace(' ', "-"))),
        with(&|row| row.device = format!("NVIDIA NVIDIA {} (TM) é漢字 GPU", row.device)),
        with(&|row| row.model = row.model.to_uppercase().replace('-', "_")),
        with(&|row| row.model = format!("someone/{}-GGUF", row.model)),
        with(&|row| row.model = format!("漢字 {}B", "9".repeat(40))),
        with(&|row| row.quant = "Q9_Z_XXL".to_owned()),
        with(&|row| row.quant = "exl3 bpw".to_owned()),
        with(&|row| row.quant = String::new()),
        with(&|row| row.quant = "é".to_owned()),
        with(&|row| (row.backend, row.engine) = (String::new(), String::new())),
        with(&|row| row.backend = "NPU,Vulkan".to_owned()),
        with(&|row| row.date = "yesterday".to_owned()),
        with(&|row| (row.n_prompt, row.n_gen, row.depth) = (None, None, None)),
        with(&|row| row.depth = Some(1e12)),
        with(&|row| row.depth = Some(-5.0)),
        with(&|row| row.n_prompt = Some(-1.0)),
        with(&|row| row.batch = Some(0.0)),
        with(&|row| row.batch = Some(4096.0)),
        with(&|row| row.n_devices = Some(0.0)),
        with(&|row| row.n_devices = Some(8.0)),
        with(&|row| row.device_mem_gib = Some(0.0)),
        with(&|row| row.device_mem_gib = Some(1.0)),
        with(&|row| row.model_size_gib = Some(1e9)),
        with(&|row| row.model_size_gib = Some(0.0)),
        with(&|row| row.params_b = Some(0.0)),
        with(&|row| row.active_params_b = Some(1e9)),
        with(&|row| row.notes = "partial_offload; ngl=10; ram_bandwidth_gbs=0".to_owned()),
        with(&|row| row.notes = "n_cpu_moe=999; n_ubatch=0; threads=0; power_share=0".to_owned()),
        with(&|row| row.notes = "cpu_buffer_mib=1e99; power_limit_w=1; e2e".to_owned()),
        with(&|row| row.kv_type = "q8_0/漢".to_owned()),
        with(&|row| row.metric = "Decode ".to_owned()),
        with(&|row| row.device_class = "quantum".to_owned()),
        with(&|row| {
            row.device = "Frobnicator 9000".to_owned();
            row.device_bandwidth_gbs = Some(500.0);
        }),
        with(&|row| {
            row.device = "Frobnicator 9000".to_owned();
            row.device_bandwidth_gbs = Some(0.0);
        }),
        with(&|row| {
            row.model = "novel".to_owned();
            row.params_b = Some(13.0);
            row.model_size_gib = Some(7.4);
        }),
        with(&|row| *row = MeasurementRow { metric: row.metric.clone(), ..MeasurementRow::default() }),
    ]
}

#[test]
fn thousands_of_mutated_rows_are_predicted_or_refused_with_a_reason() {
    let reader = Reader::new(Catalog::embedded()).expect("the built-in spellings have their shape");
    let predictor = Predictor::new(Fitted::embedded()).expect("the constants are whole");
    let (mut predicted, mut refused) = (0, 0);
    for row in sample().iter().flat_map(mutants) {
        match reader.read(0, &row) {
            Ok(observation) => {
                let range = predictor.predict(&observation);
                let ends = [range.low, range.middle, range.high];
                assert!(ends.iter().all(|end| end.is_finite()), "{row:?}: {range:?}");
                assert!(range.low < range.middle && range.middle < range.high, "{row:?}: {range:?}");
                predicted += 1;
            }
            Err(reason) => {
                assert!(!reason.words().is_empty());
                refused += 1;
            }
        }
    }
    assert!(predicted > 5000 && refused > 50, "{predicted} predicted, {refused} refused");
}

#[test]
fn spelling_alone_changes_no_prediction() {
    let reader = Reader::new(Catalog::embedded()).expect("the built-in spellings have their shape");
    let read = |device: &str, class: &str, model: &str| {
        let row = MeasurementRow {
            device: device.to_owned(),
            device_class: class.to_owned(),
            model: model.to_owned(),
            quant: "Q4_K_M".to_owned(),
            engine: "llama.cpp".to_owned(),
            metric: "decode".to_owned(),
            ..MeasurementRow::default()
        };
        let found =
            reader.read(0, &row).unwrap_or_else(|reason| panic!("{device}, {model}: {}", reason.words()));
        (found.device.key, found.model_id)
    };
    let spelled = [
        (
            "nvidia",
            "rtx-4090",
            [
                "RTX 4090",
                "rtx4090",
                "NVIDIA GeForce RTX 4090",
                "GeForce-RTX-4090",
                "4090",
                "NVIDIA RTX 4090 24GB",
            ],
        ),
        (
            "apple",
            "m3-max",
            [
                "Apple M3 Max",
                "M3 Max",
                "apple m3-max (40-core GPU)",
                "M3 MAX 40 core",
                "Apple M3 Max 12P+4E+40GPU",
                "MacBook Pro M3 Max",
            ],
        ),
        (
            "amd",
            "rx-7900-xtx",
            [
                "RX 7900 XTX",
                "AMD Radeon RX 7900 XTX",
                "7900XTX",
                "Radeon RX7900XTX",
                "gfx1100 RX 7900 XTX",
                "amd rx 7900 xtx 24gb",
            ],
        ),
        (
            "unified_other",
            "ryzen-ai-max-395",
            [
                "Strix Halo",
                "AMD Ryzen AI Max+ 395",
                "Ryzen AI MAX+ 395 w/ Radeon 8060S",
                "Radeon 8060S Graphics",
                "Framework Desktop (Strix Halo)",
                "AMD RYZEN AI MAX+ PRO 395",
            ],
        ),
    ];
    for (class, key, names) in spelled {
        for name in names {
            assert_eq!(read(name, class, "Llama 3.1 8B Instruct").0, key, "{name}");
        }
    }
    let models = [
        (
            "llama-3.1-8b",
            [
                "Llama 3.1 8B",
                "Meta-Llama-3.1-8B-Instruct",
                "llama3.1:8b",
                "meta-llama/Llama-3.1-8B-Instruct-GGUF",
            ],
        ),
        ("qwen3-30b-a3b", ["Qwen3 30B A3B", "Qwen3-30B-A3B-GGUF", "Qwen/Qwen3-30B-A3B", "qwen3:30b-a3b"]),
        ("gpt-oss-20b", ["gpt-oss 20B", "openai/gpt-oss-20b", "gpt-oss:20b", "GPT_OSS_20B"]),
    ];
    for (id, names) in models {
        for name in names {
            assert_eq!(read("RTX 4090", "nvidia", name).1, id, "{name}");
        }
    }
}
