//! The catalogue's lists.

use crate::client::Site;

#[tokio::test]
async fn the_lists_hold_every_row_with_its_sources() {
    let site = Site::open(&[]).await;
    let catalog = site.app.catalog();
    for (key, rows) in [
        ("hardware", catalog.devices().len()),
        ("models", catalog.models().len()),
        ("quants", catalog.quants().len()),
    ] {
        let answer = site.get(&format!("/api/v1/{key}")).await;
        assert_eq!(answer.header("content-type"), "application/json");
        let body = answer.json();
        let listed = body[key].as_array().unwrap();
        assert_eq!(listed.len(), rows);
        let known: Vec<_> =
            body["sources"].as_array().unwrap().iter().map(|source| source["id"].clone()).collect();
        for row in listed {
            let citations = row["sources"].as_array().unwrap();
            assert!(!citations.is_empty(), "{} has no source", row["id"]);
            for citation in citations {
                let citation = citation.as_str().unwrap();
                let id = citation.split_once(':').map_or(citation, |(id, _)| id);
                assert!(known.iter().any(|known| known == id), "{} cites {citation}", row["id"]);
            }
        }
    }
}

#[tokio::test]
async fn figures_pass_through_unchanged() {
    let site = Site::open(&[]).await;
    let row = site.app.catalog().devices().iter().find(|row| row.id == "rtx-3090").unwrap();
    let body = site.get("/api/v1/hardware").await.json();
    let sent = body["hardware"].as_array().unwrap().iter().find(|sent| sent["id"] == "rtx-3090").unwrap();
    assert_eq!(sent["bandwidth_gb_s"], row.bandwidth_gb_s);
    assert_eq!(sent["memory_gib"], serde_json::json!(row.memory_gib));
    assert_eq!(sent["class"], "discrete_gpu");
}

#[tokio::test]
async fn a_parameter_that_a_list_does_not_take_is_refused() {
    let site = Site::open(&[]).await;
    for path in ["hardware", "models", "quants", "openapi.json"] {
        let answer = site.get(&format!("/api/v1/{path}?q=rtx")).await;
        assert_eq!(answer.status, 400, "{path}");
        assert_eq!(answer.json()["field"], "q");
        assert_eq!(site.get(&format!("/api/v1/{path}?%zz")).await.status, 400);
        assert_eq!(site.get(&format!("/api/v1/{path}?")).await.status, 200);
        assert_eq!(site.ask("POST", &format!("/api/v1/{path}"), &[]).await.status, 405);
    }
}
