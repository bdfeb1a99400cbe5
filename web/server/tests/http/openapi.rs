//! The API's description: fresh, valid, and true of every answer.

use std::path::Path;

use serde_json::Value;

use crate::client::Site;
use crate::schema::departures;

/// Set to write the file anew instead of comparing it.
const BLESS: &str = "LLM_SPEED_BLESS";

#[test]
fn the_checked_in_description_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let fresh = server::api::document().to_pretty_json().unwrap() + "\n";
    if std::env::var_os(BLESS).is_some() {
        std::fs::write(&path, &fresh).unwrap();
    }
    let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(fresh == checked_in, "web/server/openapi.json is stale: run `cargo xtask bless`");
}

async fn document(site: &Site) -> Value {
    site.get("/api/v1/openapi.json").await.json()
}

#[tokio::test]
async fn the_description_is_served_as_openapi_3_1() {
    let site = Site::open(&[]).await;
    let document = document(&site).await;
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document, serde_json::to_value(server::api::document()).unwrap());
    let paths = document["paths"].as_object().unwrap();
    for (path, methods) in paths {
        for method in methods.as_object().unwrap().values() {
            assert!(method["operationId"].is_string() && method["summary"].is_string(), "{path}");
            for parameter in method["parameters"].as_array().into_iter().flatten() {
                assert!(["query", "path"].map(Value::from).contains(&parameter["in"]), "{path}: {parameter}");
                assert!(parameter["description"].is_string(), "{path}: {parameter}");
            }
        }
    }
}

/// Every JSON body has a form that can be drawn from, and a real one has it.
#[test]
fn bodies_are_described_as_they_are_sent() {
    let document = serde_json::to_value(server::api::document()).unwrap();
    let mut described = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().values() {
            let Some(schema) = method["requestBody"]["content"].get("application/json") else { continue };
            let schema = &schema["schema"];
            let named =
                schema["$ref"].as_str().and_then(|name| document.pointer(name.trim_start_matches('#')));
            let named = named.unwrap_or(schema);
            assert!(
                named["properties"].as_object().is_some_and(|fields| !fields.is_empty()),
                "{path}: {schema}"
            );
            described += 1;
        }
    }
    assert!(described >= 7, "{described}");
    let envelope = serde_json::json!({ "payloadType": "t", "payload": "", "signatures": [{ "keyid": "k", "sig": "s" }] });
    let pow = serde_json::json!({
        "challenge": { "parameters": { "algorithm": "PBKDF2/SHA-256", "cost": 1, "data": { "digest": "d" }, "expiresAt": 1,
            "keyLength": 32, "keyPrefix": "00", "nonce": "n", "salt": "s" }, "signature": "s" },
        "solution": { "counter": 1, "derivedKey": "k" }
    });
    assert!(serde_json::from_value::<altcha::Payload>(pow.clone()).is_ok(), "the form is that of the crate");
    for (path, body) in [
        ("/api/v1/runs", serde_json::json!({ "envelope": envelope, "pow": pow })),
        ("/api/v1/pastes", serde_json::json!({ "text": "{}", "pow": pow })),
        ("/api/v1/evidence", serde_json::json!({ "result": "r", "raw_timings": "[]", "pow": pow })),
        ("/api/v1/answers", serde_json::json!({ "envelope": envelope })),
    ] {
        let schema = &document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"];
        assert_eq!(departures(&document, schema, &body), Vec::<String>::new(), "{path}");
    }
}

/// What the description points to is in it.
#[test]
fn nothing_points_into_the_void() {
    fn pointers<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str));
                fields.values().for_each(|field| pointers(field, found));
            }
            Value::Array(values) => values.iter().for_each(|value| pointers(value, found)),
            _ => {}
        }
    }
    let document = serde_json::to_value(server::api::document()).unwrap();
    let mut found = Vec::new();
    pointers(&document, &mut found);
    assert!(found.len() > 50, "{} pointers", found.len());
    for pointer in found {
        let place = pointer.strip_prefix('#').and_then(|path| document.pointer(path));
        assert!(place.is_some(), "{pointer} is not there");
    }
}

/// Setups whose answers have every part that an answer can have.
const SETUPS: &[&str] = &[
    "hardware=rtx-3090&model=qwen3-30b-a3b&quant=q4_k_m&context=32k",
    "hardware=m4-max-40-core&model=llama-3.1-70b&quant=q4_k_m",
    "hardware=ryzen-ai-max-395&model=gpt-oss-120b",
    "hardware=rtx-4060-laptop&model=qwen3-14b&quant=q8_0&streams=4",
    "hardware=rtx-4060&model=deepseek-v3&quant=q8_0&host_ram_gib=16",
    "hardware=rtx-3090&devices=2&model=llama-3.1-70b&runtime=vllm&quant=q4_k_m&split=tensor",
    "bandwidth_gb_s=500&memory_gib=16&compute_f16_tflops=40&class=discrete_gpu&model=llama-3.1-8b",
];

#[tokio::test]
async fn every_estimate_is_as_described() {
    let site = Site::open(&[]).await;
    let document = document(&site).await;
    let responses = &document["paths"]["/api/v1/estimate"]["get"]["responses"];
    let schema = &responses["200"]["content"]["application/json"]["schema"];
    for setup in SETUPS {
        let answer = site.get(&format!("/api/v1/estimate?{setup}")).await;
        assert_eq!(answer.status, 200, "{setup}: {}", answer.text());
        let departures = departures(&document, schema, &answer.json());
        assert!(departures.is_empty(), "{setup}: {departures:#?}");
    }
    let refusal = site.get("/api/v1/estimate?hardwear=rtx-3090&context=x").await;
    let schema = &responses["400"]["content"]["application/problem+json"]["schema"];
    assert_eq!(departures(&document, schema, &refusal.json()), Vec::<String>::new());
}

/// The description and the reader have one list of parameters, and each is taken as its example writes it.
#[tokio::test]
async fn every_described_parameter_is_taken() {
    let site = Site::open(&[]).await;
    let document = document(&site).await;
    let parameters = document["paths"]["/api/v1/estimate"]["get"]["parameters"].as_array().unwrap();
    let names: Vec<_> = parameters.iter().map(|parameter| parameter["name"].as_str().unwrap()).collect();
    let read: Vec<_> = data::query::PARAMETERS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, read);
    for parameter in parameters {
        let (name, example) = (parameter["name"].as_str().unwrap(), parameter["example"].as_str().unwrap());
        // What it needs beside it: a machine and a model, unless it is itself part of one.
        let machine = match name {
            "hardware" => "",
            "bandwidth_gb_s" => "memory_gib=24",
            "memory_gib" | "usable_gib" => "hardware=m4-max-40-core",
            "class" | "compute_f16_tflops" => "bandwidth_gb_s=936&memory_gib=24",
            "split" => "hardware=rtx-3090&devices=2",
            _ => "hardware=rtx-3090",
        };
        let model = if name == "model" { "" } else { "model=llama-3.1-8b" };
        let asked = format!("/api/v1/estimate?{name}={example}&{machine}&{model}");
        let answer = site.get(&asked).await;
        assert_eq!(answer.status, 200, "{asked}: {}", answer.text());
    }
}

/// Every list is as described, and so is the refusal of what it does not take.
#[tokio::test]
async fn answers_are_as_described() {
    let site = Site::open(&[]).await;
    let document = document(&site).await;
    for path in ["/api/v1/hardware", "/api/v1/models", "/api/v1/quants", "/api/v1/benchmarks"] {
        for (query, status) in [("", "200"), ("?nonsense=1", "400")] {
            let answer = site.get(&format!("{path}{query}")).await;
            assert_eq!(answer.status.as_str(), status);
            let content = &document["paths"][path]["get"]["responses"][status]["content"];
            let schema = &content[answer.header("content-type")]["schema"];
            assert!(schema.is_object(), "{path} {status}: {content}");
            let departures = departures(&document, schema, &answer.json());
            assert!(departures.is_empty(), "{path} {status}: {departures:#?}");
        }
    }
}
