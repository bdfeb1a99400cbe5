//! Predictions of rows are the engine's answers, and need no measured value.

use std::fs;

use calibrate::commands;
use calibrate::observation::Reader;
use calibrate::predict::Predictor;
use calibrate::row::MeasurementRow;
use data::constants::Fitted;
use data::query::Params;
use data::{Catalog, Engine, Rules};

const HEADER: &str = "source,source_ref,date,device,device_class,device_mem_gib,device_bandwidth_gbs,n_devices,backend,engine,engine_version,model,params_b,active_params_b,quant,model_size_gib,kv_type,flash_attn,n_prompt,n_gen,depth,batch,metric,tok_s,tok_s_std,notes";

#[test]
fn a_row_without_a_measured_value_is_predicted_and_a_hopeless_one_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (folder.path().join("in.csv"), folder.path().join("out.csv"));
    let known =
        "s,r,2026-01-01,RTX 4090,nvidia,24,,1,CUDA,llama.cpp,,Llama-3.1-8B,,,Q4_K_M,,,1,,128,0,1,decode,,,";
    let bare = "s,r,2026-01-01,Frobnicator 9000,nvidia,24,500,1,CUDA,llama.cpp,,Novel-13B,13,,Q4_K_M,7.5,,1,512,,0,1,prefill,,,";
    let hopeless = "s,r,2026-01-01,a machine,,,,1,,llama.cpp,,a model,,,,,,1,,128,0,1,decode,,,";
    fs::write(&input, format!("{HEADER}\n{known}\n{bare}\n{hopeless}\n")).unwrap();
    commands::predict(&input, &output).unwrap();
    let mut reader = csv::Reader::from_path(&output).unwrap();
    let header = reader.headers().unwrap().clone();
    let at = |name: &str| header.iter().position(|column| column == name).unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let number = |row: &csv::StringRecord, name: &str| row[at(name)].parse::<f64>();
    for row in &rows[..2] {
        assert_eq!(&row[at("status")], "ok");
        let (low, mid, high) = (
            number(row, "low_tok_s").unwrap(),
            number(row, "predicted_tok_s").unwrap(),
            number(row, "high_tok_s").unwrap(),
        );
        assert!(0.0 < low && low < mid && mid < high, "{low} {mid} {high}");
    }
    assert!(rows[2][at("status")].contains("not known"), "{}", &rows[2][at("status")]);
    assert!(number(&rows[2], "predicted_tok_s").is_err());
}

/// The engine's decode and prefill speed for a question.
fn engine_says(
    device: &str,
    model: &str,
    backend: &str,
    context: &str,
    power: &str,
) -> [estimator::Range; 2] {
    let engine =
        Engine { catalog: Catalog::embedded(), rules: Rules::embedded(), fitted: Fitted::embedded() };
    let asked = [
        ("hardware", device),
        ("model", model),
        ("quant", "q4_k_m"),
        ("backend", backend),
        ("context", context),
        ("prompt", "512"),
        ("power", power),
    ];
    let params = Params::read(asked).unwrap();
    let (rig, job) = engine.read(&params).unwrap();
    let chosen = engine.choose(&params, &rig, &job).unwrap();
    let answer = engine.answer(&rig, &job, &chosen);
    [answer.decode_tps.unwrap(), answer.prefill_tps.unwrap()]
}

/// A row with what was asked: a prompt of 512 tokens, or two tokens answered of which the first sees `context` of them.
fn row(metric: &str, asked: [&str; 5], context: f64) -> MeasurementRow {
    let [device, device_class, backend, model, quant] = asked.map(str::to_owned);
    let prefill = metric == "prefill";
    MeasurementRow {
        date: "2026-06-01".to_owned(),
        device,
        device_class,
        backend,
        engine: "llama.cpp".to_owned(),
        model,
        quant,
        flash_attn: Some(1.0),
        n_prompt: prefill.then_some(512.0),
        n_gen: (!prefill).then_some(2.0),
        depth: Some(if prefill { 0.0 } else { context - 1.0 }),
        metric: metric.to_owned(),
        ..MeasurementRow::default()
    }
}

#[test]
fn a_row_is_predicted_as_the_engine_answers() {
    let reader = Reader::new(Catalog::embedded()).unwrap();
    let predictor = Predictor::new(Fitted::embedded()).unwrap();
    let questions = [
        ("rtx-4090", "llama-3.1-8b", "cuda", "nvidia", "1"),
        ("rtx-4090", "llama-3.1-8b", "cuda", "nvidia", "0.4"),
        ("rtx-4090", "qwen3-0.6b", "cuda", "nvidia", "0.7"),
        ("rtx-3090", "qwen3-30b-a3b", "vulkan", "nvidia", "1"),
        ("rx-7900-xtx", "qwen3-8b", "rocm", "amd", "1"),
        ("arc-b580", "llama-3.1-8b", "vulkan", "intel", "1"),
        ("m3-pro-18-core", "qwen3-8b", "metal", "apple", "1"),
        ("ryzen-ai-max-395", "qwen3-30b-a3b", "vulkan", "unified_other", "1"),
        ("ryzen-9-7950x", "llama-3.1-8b", "cpu", "cpu", "1"),
        ("core-i5-8400", "qwen3-8b", "cpu", "cpu", "1"),
        ("epyc-9654", "qwen3-30b-a3b", "cpu", "cpu", "1"),
        ("raspberry-pi-5", "llama-3.2-1b", "cpu", "cpu", "1"),
        ("desktop-ddr5-5600", "llama-3.1-8b", "cpu", "cpu", "1"),
    ];
    for (device, model, backend, class, power) in questions {
        let [decode, _] = engine_says(device, model, backend, "8192", power);
        let [_, prefill] = engine_says(device, model, backend, "512", power);
        for (metric, said) in [("decode", decode), ("prefill", prefill)] {
            let row = MeasurementRow {
                notes: format!("power_share={power}"),
                ..row(metric, [device, class, backend, model, "Q4_K_M"], 8192.0)
            };
            let observation = reader.read(0, &row).unwrap();
            assert_eq!(observation.model_id, model);
            let range = predictor.predict(&observation);
            for (ours, theirs) in [(range.middle, said.mid), (range.low, said.low)] {
                let off = ours.exp() / theirs - 1.0;
                assert!(off.abs() < 1e-5, "{device} {model} {metric}: {} against {theirs}", ours.exp());
            }
        }
    }
}

/// Two devices, by layers and by matrices: decode, and prompts with what the devices exchange in them.
#[test]
fn several_devices_are_predicted_as_the_engine_answers() {
    let reader = Reader::new(Catalog::embedded()).unwrap();
    let predictor = Predictor::new(Fitted::embedded()).unwrap();
    let engine =
        Engine { catalog: Catalog::embedded(), rules: Rules::embedded(), fitted: Fitted::embedded() };
    for (runtime, model, quant) in
        [("llama.cpp", "qwen3-32b", "q4_k_m"), ("vllm", "qwen3-32b", "awq"), ("vllm", "gpt-oss-20b", "mxfp4")]
    {
        let asked = [
            ("hardware", "rtx-3090"),
            ("devices", "2"),
            ("model", model),
            ("quant", quant),
            ("runtime", runtime),
            ("context", "1024"),
            ("prompt", "3000"),
        ];
        let params = Params::read(asked).unwrap();
        let (rig, job) = engine.read(&params).unwrap();
        let chosen = engine.choose(&params, &rig, &job).unwrap();
        let answer = engine.answer(&rig, &job, &chosen);
        for (metric, said) in [("decode", answer.decode_tps), ("prefill", answer.prefill_tps)] {
            let row = MeasurementRow {
                engine: runtime.to_owned(),
                n_devices: Some(2.0),
                n_prompt: (metric == "prefill").then_some(3000.0),
                ..row(metric, ["rtx-3090", "nvidia", "cuda", model, quant], 1024.0)
            };
            let ours = predictor.predict(&reader.read(0, &row).unwrap()).middle.exp();
            let said = said.unwrap().mid;
            assert!((ours / said - 1.0).abs() < 1e-5, "{runtime} {model} {metric}: {ours} against {said}");
        }
    }
}

/// Every quantisation of models of each kind: the fit and the engine count the same bytes and know the same kernels.
#[test]
fn every_quantisation_is_to_the_fit_what_it_is_to_the_engine() {
    let reader = Reader::new(Catalog::embedded()).unwrap();
    let predictor = Predictor::new(Fitted::embedded()).unwrap();
    let engine =
        Engine { catalog: Catalog::embedded(), rules: Rules::embedded(), fitted: Fitted::embedded() };
    let (mut off, mut compared) = (Vec::new(), 0);
    for (device, backend, class, memory) in [
        ("rtx-5090", "cuda", "nvidia", ""),
        ("rx-7900-xtx", "vulkan", "amd", ""),
        ("ryzen-ai-max-395", "rocm", "unified_other", ""),
        ("m2-ultra-76-core", "metal", "apple", ""),
        ("ryzen-9-7950x", "cpu", "cpu", "256"),
    ] {
        for model in ["llama-3.1-8b", "gpt-oss-20b", "gemma-3-1b", "qwen3-30b-a3b", "gemma-4-26b-a4b"] {
            for quant in Catalog::embedded().quants() {
                let mut asked = vec![
                    ("hardware", device),
                    ("model", model),
                    ("quant", quant.id.as_str()),
                    ("backend", backend),
                    ("context", "1024"),
                    ("prompt", "512"),
                ];
                if !memory.is_empty() {
                    asked.push(("memory_gib", memory));
                }
                let Ok(params) = Params::read(asked) else { continue };
                let (rig, job) = engine.read(&params).unwrap();
                let Ok(chosen) = engine.choose(&params, &rig, &job) else { continue };
                let answer = engine.answer(&rig, &job, &chosen);
                if answer.setup.quant != quant.id || answer.spill.is_some() {
                    continue;
                }
                for metric in ["decode", "prefill"] {
                    let row = row(metric, [device, class, backend, model, &quant.id], 1024.0);
                    let observation = reader.read(0, &row).unwrap();
                    if observation.runtime != "llama.cpp" {
                        continue; // On a Mac, a format of MLX alone is read as MLX's.
                    }
                    let ours = predictor.predict(&observation).middle.exp();
                    let said = if metric == "decode" { answer.decode_tps } else { answer.prefill_tps };
                    let Some(said) = said else { continue };
                    let share = ours / said.mid - 1.0;
                    compared += 1;
                    if share.abs() > 1e-5 {
                        off.push(format!(
                            "{device} {model} {} {metric}: {ours:.1} against {:.1}",
                            quant.id, said.mid
                        ));
                    }
                }
            }
        }
    }
    assert!(compared > 500, "only {compared} were compared");
    assert!(off.is_empty(), "{} of them:\n{}", off.len(), off.join("\n"));
}
