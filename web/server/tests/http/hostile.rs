//! Text that means harm, in every place that takes text.

use data::query::{FILTERS, PARAMETERS};
use proptest::prelude::*;

use crate::client::{Answer, Site};
use crate::page_list::PAGES;

/// Markup that breaks out of text, of an attribute and of a script.
const MARKUP: &str = r#"'"></a></script><script>alert(7)</script><img src=x onerror=alert(7)>"#;

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Fails where the markup stands in a page as markup.
fn assert_harmless(answer: &Answer, asked: &str) {
    let text = String::from_utf8(answer.decoded()).unwrap();
    for broken_out in ["<script>alert", "<img src=x", "\"></a></script>", "'\"></a>"] {
        assert!(!text.contains(broken_out), "{asked}: {broken_out} in the page");
    }
    assert!(!text.contains("<script>"), "{asked}: an inline script, which the policy would stop anyway");
    assert_ne!(answer.status, 500, "{asked}");
}

#[tokio::test]
async fn markup_in_any_parameter_of_any_page_stays_text() {
    let site = Site::open(&[]).await;
    let further = ["hardware1", "model1", "quant1", "kind", "page", "lang", "nonsense"];
    let names: Vec<&str> = PARAMETERS.iter().chain(FILTERS).map(|(name, _)| *name).chain(further).collect();
    for (_, page) in PAGES {
        let (path, query) = page.split_once('?').unwrap_or((page, "a=b"));
        for name in &names {
            // As the only one of its name, and beside the one that leads to an answer.
            let others: Vec<_> =
                query.split('&').filter(|pair| !pair.starts_with(&format!("{name}="))).collect();
            let asked = format!("{path}?{}&{name}={}", others.join("&"), encoded(MARKUP));
            assert_harmless(&site.get(&asked).await, &asked);
        }
        let asked = format!("{path}?{query}&{}={}", encoded(MARKUP), encoded(MARKUP));
        assert_harmless(&site.get(&asked).await, &asked);
    }
    for path in ["/m/", "/d/", "/problems/", "/assets/", "/wasm/", "/"] {
        let asked = format!("{path}{}", encoded(MARKUP));
        let answer = site.get(&asked).await;
        assert_eq!(answer.status, 404, "{asked}");
        assert_harmless(&answer, &asked);
    }
}

#[tokio::test]
async fn the_api_sends_hostile_text_back_as_json_only() {
    let site = Site::open(&[]).await;
    for (name, _) in PARAMETERS {
        // Beside a machine and a model, so that nothing but the text is at fault.
        let rest: Vec<_> = ["hardware=rtx-3090", "model=llama-3.1-8b"]
            .into_iter()
            .filter(|pair| !pair.starts_with(&format!("{name}=")))
            .collect();
        let asked = format!("/api/v1/estimate?{}&{name}={}", rest.join("&"), encoded(MARKUP));
        let answer = site.get(&asked).await;
        assert_eq!(answer.status, 400, "{name}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        let errors = answer.json()["errors"].clone();
        assert!(errors.as_array().unwrap().iter().any(|error| error["field"] == *name), "{name}: {errors}");
    }
    for path in ["/api/v1/estimate", "/api/v1/models", "/api/"] {
        let answer = site.get(&format!("{path}?{}=1", encoded(MARKUP))).await;
        assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
    }
}

#[tokio::test]
async fn numbers_that_are_none_are_refused_by_name() {
    let site = Site::open(&[]).await;
    let numbers = [
        "devices",
        "bandwidth_gb_s",
        "memory_gib",
        "usable_gib",
        "compute_f16_tflops",
        "host_ram_gib",
        "host_bandwidth_gb_s",
        "power",
        "context",
        "prompt",
        "cached",
        "streams",
        "target_tps",
    ];
    let hostile = [
        "NaN",
        "nan",
        "inf",
        "-inf",
        "infinity",
        "-1",
        "-0.5",
        "1e308",
        "1e999",
        "-1e308",
        "0x10",
        "١٢",
        "1 2",
        "--5",
        "99999999999999999999",
        "1e-400x",
        "%00",
        "1%00",
    ];
    for name in numbers {
        for value in hostile {
            let asked = format!("/api/v1/estimate?model=llama-3.1-8b&{name}={}", encode_spaces(value));
            // Parameters of a machine of one's own are tried on one.
            let own = matches!(name, "bandwidth_gb_s" | "memory_gib" | "usable_gib" | "compute_f16_tflops");
            let asked = match name {
                _ if !own => asked + "&hardware=rtx-3090",
                "bandwidth_gb_s" => asked + "&memory_gib=24",
                "memory_gib" => asked + "&bandwidth_gb_s=900",
                _ => asked + "&bandwidth_gb_s=900&memory_gib=24",
            };
            let answer = site.get(&asked).await;
            assert_eq!(answer.status, 400, "{asked}: {}", answer.text());
            let errors = answer.json()["errors"].clone();
            assert!(
                errors.as_array().unwrap().iter().any(|error| error["field"] == name),
                "{asked}: {errors}"
            );
        }
    }
}

fn encode_spaces(value: &str) -> String {
    if value.is_ascii() { value.replace(' ', "+") } else { encoded(value) }
}

#[tokio::test]
async fn broken_escapes_and_overlong_text() {
    let site = Site::open(&[]).await;
    for value in ["%", "%4", "%zz", "%ff", "%C3%28", "%ED%A0%80"] {
        let answer = site.get(&format!("/api/v1/estimate?model={value}")).await;
        assert_eq!(answer.status, 400, "{value}");
        assert!(answer.json()["detail"].as_str().unwrap().contains("percent"), "{}", answer.text());
        // A page makes the best of it.
        assert_eq!(site.get(&format!("/?q={value}")).await.status, 200, "{value}");
    }
    let long = "a".repeat(5000);
    let answer = site.get(&format!("/api/v1/estimate?model={long}")).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json()["field"], "model");
    assert!(answer.body.len() < 1000, "an answer to a long text is short: {}", answer.text());
    assert_eq!(site.get(&format!("/?hardware={long}")).await.status, 200);
    assert_eq!(site.get(&format!("/?hardware={long}{long}")).await.status, 414);
}

/// A query of our own names with values of any kind.
fn any_query() -> impl Strategy<Value = String> {
    let names: Vec<&'static str> = PARAMETERS.iter().chain(FILTERS).map(|(name, _)| *name).collect();
    let value = prop_oneof![
        ".{0,12}",
        "[0-9]{1,9}[kKmM]?",
        "-?[0-9]{1,4}\\.[0-9]{1,4}(e-?[0-9]{1,3})?",
        prop::sample::select(vec![
            "rtx-3090",
            "m4-max",
            "llama-3.1-8b",
            "q4_k_m",
            "mlx",
            "vllm",
            "tensor",
            "batch",
            "1:2"
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec((prop::sample::select(names), value), 0..6).prop_map(|pairs| {
        pairs.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect::<Vec<_>>().join("&")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever is asked, it is answered or refused: never a fault of ours, and never a number that is none.
    #[test]
    fn any_query_is_answered_or_refused(queries in prop::collection::vec(any_query(), 8)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let site = Site::open(&[]).await;
            for query in queries {
                let asked = format!("/api/v1/estimate?model=llama-3.1-8b&{query}");
                let answer = site.get(&asked).await;
                assert!(answer.status == 200 || answer.status == 400, "{asked}: {}", answer.text());
                let body = answer.json();
                assert!(answer.status != 200 || body["footprint_gib"]["total"].as_f64().is_some_and(f64::is_finite), "{asked}");
                assert_eq!(site.get(&format!("/compare?hardware1=rtx-3090&model1=llama-3.1-8b&{query}")).await.status, 200);
            }
        });
    }
}
