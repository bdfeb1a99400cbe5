//! One question, three voices: the API, the command line and the page say the same.
//!
//! The real programs are started; `cargo xtask test` builds them first.

mod readme;
mod shown;

use std::process::Command;

use anyhow::{Context, Result, ensure};
use house::local_http;
use house::site::{Site, program};
use serde_json::Value;
use shown::Row;

/// Setups by the published parameters, the same words for all three.
const SETUPS: &[(&str, &[(&str, &str)])] = &[
    (
        "a card and a mixture of experts, long context",
        &[("hardware", "RTX 3090"), ("model", "Qwen3-30B-A3B"), ("quant", "Q4_K_M"), ("context", "32k")],
    ),
    (
        "Apple silicon and a large dense model",
        &[("hardware", "m4-max-40-core"), ("model", "llama-3.1-70b"), ("quant", "q4_k_m")],
    ),
    (
        "unified memory and a model in its own format",
        &[("hardware", "Ryzen AI Max+ 395"), ("model", "gpt-oss-120b"), ("quant", "mxfp4")],
    ),
    (
        "a laptop's card with a part in RAM",
        &[("hardware", "rtx-4060-laptop"), ("model", "qwen3-14b"), ("quant", "q6_k"), ("host_ram_gib", "32")],
    ),
    (
        "a processor with two channels",
        &[
            ("hardware", "ryzen-7000-desktop"),
            ("model", "llama-3.1-8b"),
            ("quant", "q4_k_m"),
            ("context", "8192"),
        ],
    ),
    (
        "a machine of one's own",
        &[
            ("class", "discrete_gpu"),
            ("bandwidth_gb_s", "640"),
            ("memory_gib", "20"),
            ("compute_f16_tflops", "80"),
            ("model", "qwen3-30b-a3b"),
            ("quant", "q4_k_m"),
            ("kv", "q8_0"),
        ],
    ),
    (
        "two cards and several streams",
        &[
            ("hardware", "rtx-3090"),
            ("devices", "2"),
            ("model", "llama-3.1-70b"),
            ("quant", "q4_k_m"),
            ("streams", "4"),
        ],
    ),
    (
        "two unlike cards",
        &[("hardware", "rtx-3090,rtx-3060-12gb"), ("model", "qwen3-32b"), ("quant", "q6_k"), ("kv", "q4_0")],
    ),
    (
        "far too big",
        &[("hardware", "rtx-4060"), ("model", "deepseek-v3"), ("quant", "q8_0"), ("host_ram_gib", "16")],
    ),
];

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn query(parameters: &[(&str, &str)]) -> String {
    parameters.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect::<Vec<_>>().join("&")
}

fn get(site: &Site, path: &str) -> Result<String> {
    let mut answer = local_http().get(site.at(path)).call()?;
    let text = answer.body_mut().read_to_string()?;
    ensure!(answer.status() == 200, "{path}: {} {text}", answer.status());
    Ok(text)
}

/// What the command line prints.
fn told(arguments: &[&str], parameters: &[(&str, &str)]) -> Result<String> {
    let mut command = Command::new(program("llm-speed-probe")?);
    command.args(arguments);
    for (name, value) in parameters {
        command.arg(format!("--{}", name.replace('_', "-"))).arg(value);
    }
    let output = command.output().context("llm-speed-probe did not start")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

#[test]
fn api_and_command_line_answer_alike() -> Result<()> {
    let site = Site::open(&[])?;
    for (what, parameters) in SETUPS {
        let sent: Value =
            serde_json::from_str(&get(&site, &format!("/api/v1/estimate?{}", query(parameters)))?)?;
        let told: Value = serde_json::from_str(&told(&["estimate", "--json"], parameters)?)?;
        assert_eq!(sent, told, "{what}");
        // Not two empty answers.
        let runs = sent["decode_tps"]["mid"].as_f64().is_some_and(|tps| tps > 0.0);
        assert_eq!(runs, sent["placement"] != "too_big", "{what}: {sent}");
    }
    Ok(())
}

#[test]
fn the_page_shows_what_the_api_sends() -> Result<()> {
    let site = Site::open(&[])?;
    let quants: Value = serde_json::from_str(&get(&site, "/api/v1/quants")?)?;
    for (what, parameters) in SETUPS {
        let sent: Value =
            serde_json::from_str(&get(&site, &format!("/api/v1/estimate?{}", query(parameters)))?)?;
        let setup = &sent["setup"];
        let rows = quants["quants"].as_array().context("no quants")?;
        let quant = rows.iter().find(|row| row["id"] == setup["quant"]).context("an unknown quant")?;
        let model = setup["model"].as_str().context("no model")?;
        let others: Vec<_> = parameters.iter().copied().filter(|(name, _)| *name != "model").collect();
        let html = get(&site, &format!("/m/{model}?{}", query(&others)))?;

        let row =
            Row::find(&html, quant["name"].as_str().context("no name")?).with_context(|| what.to_string())?;
        let verdicts: &[&str] = match sent["placement"].as_str() {
            Some("whole") => &["runs", "slow"],
            Some("offloaded") => &["spill"],
            _ => &["over"],
        };
        assert!(
            verdicts.contains(&row.class),
            "{what}: {} where the API says {}",
            row.class,
            sent["placement"]
        );
        assert!(
            row.shows_range(row.decode, 1.0, &sent["decode_tps"]),
            "{what}: {} for {}",
            row.decode,
            sent["decode_tps"]
        );
        let (figures, ms) = shown::duration(row.ttft);
        assert!(
            row.shows_range(figures, ms, &sent["ttft_ms"]),
            "{what}: {} for {}",
            row.ttft,
            sent["ttft_ms"]
        );
    }
    Ok(())
}

/// The list of the first page and of `fit`: the same models in the same order, with the same quantisation.
#[test]
fn page_and_fit_list_alike() -> Result<()> {
    let site = Site::open(&[])?;
    for parameters in [
        &[("hardware", "rtx-3090"), ("context", "16k")][..],
        &[("hardware", "m4-pro-20-core"), ("sort", "speed"), ("fits", "runs")],
        &[("hardware", "rtx-4060"), ("q", "qwen"), ("min_tps", "20")],
    ] {
        let told: Value = serde_json::from_str(&told(&["fit", "--json"], parameters)?)?;
        let told: Vec<(&str, &str)> = told
            .as_array()
            .context("fit prints a list")?
            .iter()
            .filter_map(|line| Some((line["model"].as_str()?, line["quant"].as_str()?)))
            .collect();
        assert!(!told.is_empty(), "{parameters:?}");
        let html = get(&site, &format!("/?{}", query(parameters)))?;
        let shown = shown::cards(&html);
        assert!(!shown.is_empty() && shown.len() <= told.len(), "{parameters:?}: {shown:?}");
        for (place, (shown, told)) in shown.iter().zip(&told).enumerate() {
            assert_eq!(shown.0, told.0, "{parameters:?}, place {place}");
            assert!(
                shown.1.eq_ignore_ascii_case(told.1),
                "{parameters:?}, place {place}: {shown:?}, {told:?}"
            );
        }
    }
    Ok(())
}

/// What is wrong is said with the same words, and both name what comes close.
#[test]
fn refusals_are_alike() -> Result<()> {
    let site = Site::open(&[])?;
    let mistaken = [("hardware", "rtx-3091"), ("model", "llama-3.1-8b")];
    let mut answer = local_http().get(site.at(&format!("/api/v1/estimate?{}", query(&mistaken)))).call()?;
    assert_eq!(answer.status(), 400);
    let problem: Value = serde_json::from_str(&answer.body_mut().read_to_string()?)?;
    let told = format!("{:#}", told(&["estimate", "--json"], &mistaken).unwrap_err());
    let message = problem["errors"][0]["message"].as_str().context("no message")?;
    assert!(told.contains(message), "{told:?} lacks {message:?}");
    assert!(told.contains("rtx-3090"), "{told:?}");
    assert!(problem["near"].as_array().is_some_and(|near| near.contains(&"rtx-3090".into())), "{problem}");
    Ok(())
}
