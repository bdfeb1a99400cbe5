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
    assert!(
        fresh == checked_in,
        "web/server/openapi.json is stale: run `{BLESS}=1 cargo test -p llm-speed-server --test http openapi`"
    );
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
        let get = &methods["get"];
        assert!(get["operationId"].is_string() && get["summary"].is_string(), "{path}");
        for parameter in get["parameters"].as_array().into_iter().flatten() {
            assert_eq!(parameter["in"], "query", "{path}: {parameter}");
            assert!(parameter["description"].is_string(), "{path}: {parameter}");
        }
    }
}

/// Every list is as described, and so is the refusal of what it does not take.
#[tokio::test]
async fn answers_are_as_described() {
    let site = Site::open(&[]).await;
    let document = document(&site).await;
    for path in ["/api/v1/hardware", "/api/v1/models", "/api/v1/quants"] {
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
