//! The API's estimates.

use serde_json::Value;

use crate::client::Site;

async fn estimate(site: &Site, query: &str) -> Value {
    let answer = site.get(&format!("/api/v1/estimate?{query}")).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.text());
    assert_eq!(answer.header("content-type"), "application/json");
    answer.json()
}

#[tokio::test]
async fn an_answer_is_the_engines_own() {
    let site = Site::open(&[]).await;
    let asked = "/api/v1/estimate?hardware=RTX%203090&model=Qwen3-30B-A3B&quant=Q4_K_M&context=32k";
    let sent = site.get(asked).await;
    let engine = site.app.engine();
    let pairs =
        [("hardware", "rtx-3090"), ("model", "qwen3-30b-a3b"), ("quant", "q4_k_m"), ("context", "32768")];
    let params = data::query::Params::read(pairs).unwrap();
    let (rig, job) = engine.read(&params).unwrap();
    let chosen = engine.choose(&params, &rig, &job).unwrap();
    // As text, since reading a number back may lose its last bit.
    assert_eq!(sent.text(), serde_json::to_string(&engine.answer(&rig, &job, &chosen)).unwrap());
    let sent = sent.json();
    assert_eq!(sent["setup"]["hardware"], serde_json::json!(["rtx-3090"]));
    assert_eq!(sent["setup"]["context"], 32_768);
}

#[tokio::test]
async fn defaults_are_the_published_ones() {
    let site = Site::open(&[]).await;
    let sent = estimate(&site, "hardware=rtx-3090&model=llama-3.1-8b").await;
    assert_eq!((&sent["setup"]["context"], &sent["setup"]["prompt"]), (&4096.into(), &4096.into()));
    assert_eq!((&sent["setup"]["kv"], &sent["setup"]["streams"]), (&"f16".into(), &1.into()));
    let longer = estimate(&site, "hardware=rtx-3090&model=llama-3.1-8b&context=8192").await;
    assert_eq!(longer["setup"]["prompt"], 8192, "the prompt is as long as the context where nobody says");
}

#[tokio::test]
async fn what_does_not_run_says_what_would() {
    let site = Site::open(&[]).await;
    let sent = estimate(&site, "hardware=rtx-4060&model=deepseek-v3&quant=q8_0&host_ram_gib=16").await;
    assert_eq!(sent["placement"], "too_big");
    assert!(sent["decode_tps"].is_null() && sent["ttft_ms"].is_null());
    assert!(sent["remedy"]["change"].is_string(), "{sent}");
}

#[tokio::test]
async fn refusals_name_the_field_and_what_is_near() {
    let site = Site::open(&[]).await;
    #[rustfmt::skip]
    let vectors = [
        // query                                        field        near
        ("hardwear=rtx-3090",                           "hardwear",  "hardware"),
        ("hardware=rtx-3091&model=llama-3.1-8b",        "hardware",  "rtx-3090"),
        ("hardware=rtx-3090&model=lama-3.1-8b",         "model",     "llama-3.1-8b"),
        ("hardware=rtx-3090&model=llama-3.1-8b&quant=q4_k_n", "quant", "q4_k_m"),
        ("hardware=rtx-3090&model=llama-3.1-8b&kv=q8",  "kv",        "q8_0"),
        ("hardware=rtx-3090&model=llama-3.1-8b&runtime=llamacp", "runtime", "llama.cpp"),
    ];
    for (query, field, near) in vectors {
        let answer = site.get(&format!("/api/v1/estimate?{query}")).await;
        assert_eq!(answer.status, 400, "{query}: {}", answer.text());
        assert_eq!(answer.header("content-type"), "application/problem+json");
        let body = answer.json();
        assert_eq!((&body["type"], &body["status"]), (&"/problems/parameter".into(), &400.into()));
        assert_eq!(body["field"], field, "{query}");
        let offered = body["near"].as_array().map_or(&[][..], Vec::as_slice);
        assert!(offered.iter().any(|offer| offer == near), "{query}: {body}");
    }
    // All at once, so that a setup can be mended in one go.
    let body = site.get("/api/v1/estimate?hardware=rtx-3091&context=-1&streams=x").await.json();
    let fields: Vec<_> =
        body["errors"].as_array().unwrap().iter().map(|error| error["field"].clone()).collect();
    assert!(fields.contains(&"hardware".into()), "{body}");
    let body = site.get("/api/v1/estimate?hardware=rtx-3090&context=-1&streams=x").await.json();
    let fields: Vec<_> =
        body["errors"].as_array().unwrap().iter().map(|error| error["field"].clone()).collect();
    assert_eq!(fields, ["context", "streams"], "{body}");
}

#[tokio::test]
async fn a_parameter_given_twice_is_refused() {
    let site = Site::open(&[]).await;
    let body =
        site.get("/api/v1/estimate?hardware=rtx-3090&hardware=rtx-4090&model=llama-3.1-8b").await.json();
    assert_eq!(body["field"], "hardware");
}

#[tokio::test]
async fn an_answer_has_a_tag_and_head_works() {
    let site = Site::open(&[]).await;
    let path = "/api/v1/estimate?hardware=rtx-3090&model=llama-3.1-8b";
    let first = site.get(path).await;
    let again = site.ask("GET", path, &[("if-none-match", first.header("etag"))]).await;
    assert_eq!(again.status, 304);
    let other = site.get("/api/v1/estimate?hardware=rtx-4090&model=llama-3.1-8b").await;
    assert_ne!(first.header("etag"), other.header("etag"));
    assert_eq!(site.ask("HEAD", path, &[]).await.headers, first.headers);
    assert_eq!(site.ask("POST", path, &[]).await.status, 405);
}
