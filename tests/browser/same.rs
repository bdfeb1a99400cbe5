//! The same bits in server and browser: the equations run natively there and as WASM here.

use anyhow::{Context, Result};
use house::site::Site;
use house::webdriver::Browser;
use serde_json::{Value, json};

/// Setups that reach every part of the estimator: whole, offloaded by layer and by experts, too big, several devices,
/// sliding windows, latent and recurrent layers, streams, cached prompts, figures of one's own.
const SETUPS: &[&str] = &[
    "hardware=rtx-3090&model=qwen3-30b-a3b&quant=q4_k_m&context=32k",
    "hardware=m4-max-40-core&model=llama-3.1-70b&quant=q4_k_m",
    "hardware=strix-halo&model=gpt-oss-120b",
    "hardware=rtx-4060-laptop&model=qwen3-14b&quant=q4_k_m&context=8k",
    "hardware=rtx-3090,rtx-3060-12gb&model=llama-3.1-70b&quant=q4_k_m&split=2:1",
    "hardware=rtx-4090&devices=2&model=llama-3.1-70b&quant=q4_k_m&split=tensor&runtime=vllm",
    "hardware=h100-sxm5-80gb&model=deepseek-v3&context=64k&streams=8&runtime=vllm",
    "hardware=rtx-5090&model=gemma-3-27b&quant=q4_k_m&context=100k&kv=q8_0&kv_v=q4_0",
    "hardware=rtx-3090&model=llama-3.1-8b&quant=q8_0&context=16k&prompt=12k&cached=8k&power=0.7",
    "class=cpu&bandwidth_gb_s=83.2&memory_gib=64&model=llama-3.1-8b&quant=q4_k_m&target_tps=25",
    "class=discrete_gpu&bandwidth_gb_s=504.2&memory_gib=12&compute_f16_tflops=35.5&model=mistral-7b&use=agent",
];

/// JSON tells 24 from 24.0, JavaScript does not: every number as the double that it is. No digit is rounded away.
fn as_floats(value: Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.into_iter().map(as_floats).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, as_floats(value))).collect(),
        other => other,
    }
}

#[test]
fn an_estimate_has_the_same_bits_in_browser_and_api() -> Result<()> {
    let site = Site::open(&[])?;
    let browser = Browser::open()?;
    browser.go(&site.at("/"))?;
    browser.run("return import('/wasm/index.js').then((wasm) => wasm.default())", &json!([]))?;
    let mut answered = 0;
    for query in SETUPS {
        let api: Value = house::local_http()
            .get(site.at(&format!("/api/v1/estimate?{query}")))
            .call()?
            .body_mut()
            .read_json()?;
        let wasm = browser.run(
            "return import('/wasm/index.js').then((wasm) => {
                const setup = Object.fromEntries(new URLSearchParams(arguments[0]));
                try { return wasm.estimate(setup); } catch (error) { return String(error.message); }
            })",
            &json!([query]),
        )?;
        assert_eq!(as_floats(wasm), as_floats(api.clone()), "{query}");
        answered += usize::from(api["decode_tps"].is_object());
    }
    // Equal errors would be equal too.
    assert!(answered >= SETUPS.len() - 2, "only {answered} of {} setups were answered", SETUPS.len());
    Ok(())
}

/// The page for those who embed and what they embed: rendered by the server alone.
const NO_MODULE: &str = "/embed";

#[test]
fn a_page_has_the_same_markup_from_browser_and_server() -> Result<()> {
    let site = Site::open(&[])?;
    let browser = Browser::open()?;
    let ours = |path: &str| path.contains('?') && !path.starts_with(NO_MODULE);
    for (name, path) in house::pages::PAGES.iter().filter(|(_, path)| ours(path)) {
        browser.go(&site.at(path))?;
        let both = browser.run(
            "const own = document.querySelector('form[data-engine]')?.dataset.engine;
            return import(own ?? '/wasm/index.js').then(async (wasm) => {
                await wasm.default();
                const region = document.getElementById('results');
                const copy = region.cloneNode(false);
                copy.innerHTML = wasm.renderResults(location.pathname, location.search.slice(1), '') ?? 'nothing';
                return [copy.innerHTML, region.innerHTML];
            })",
            &json!([]),
        )?;
        let wasm = both[0].as_str().context("the browser rendered nothing")?;
        assert_eq!(Some(wasm), both[1].as_str(), "{name}");
    }
    Ok(())
}
