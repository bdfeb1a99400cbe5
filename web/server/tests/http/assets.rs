//! Files that pages load.

use crate::client::Site;

#[tokio::test]
async fn a_pinned_file_is_kept_for_ever() {
    let site = Site::open(&[]).await;
    let answer = site.get("/assets/loader.js").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "text/javascript; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "no-cache");
    let version = site.app.assets().version("loader.js").unwrap();
    let pinned = site.get(&format!("/assets/loader.js?v={version}")).await;
    assert_eq!(pinned.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(pinned.body, answer.body);
    for coding in ["gzip", "br"] {
        let packed = site.ask("GET", "/assets/loader.js", &[("accept-encoding", coding)]).await;
        assert_eq!(packed.header("content-encoding"), coding);
        assert_eq!(packed.decoded(), answer.body);
    }
}

#[tokio::test]
async fn no_path_leads_out_of_the_folder() {
    let site = Site::open(&[]).await;
    for path in [
        "/assets/nothing",
        "/assets/..%2f..%2fCargo.toml",
        "/assets/%2e%2e/Cargo.toml",
        "/assets/",
        "/assets/%ff",
    ] {
        let status = site.get(path).await.status;
        assert!(status == 404 || status == 400, "{path}: {status}");
    }
}

#[tokio::test]
async fn the_wasm_package_is_served_where_there_is_one() {
    assert_eq!(Site::open(&[]).await.get("/wasm/llm_speed.js").await.status, 404);

    let package = tempfile::tempdir().unwrap();
    let module: Vec<u8> = b"\0asm\x01\0\0\0".iter().copied().cycle().take(4096).collect();
    std::fs::write(package.path().join("llm_speed_bg.wasm"), &module).unwrap();
    std::fs::write(package.path().join("llm_speed.js"), "export default async () => {};").unwrap();
    let site = Site::open(&["--wasm-dir", package.path().to_str().unwrap()]).await;
    let answer = site.ask("GET", "/wasm/llm_speed_bg.wasm", &[("accept-encoding", "br")]).await;
    // Browsers compile while they load only under this very type.
    assert_eq!(answer.header("content-type"), "application/wasm");
    assert_eq!(answer.header("content-encoding"), "br");
    assert_eq!(answer.decoded(), module);
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(site.get("/wasm/llm_speed.js").await.header("content-type"), "text/javascript; charset=utf-8");
}

#[tokio::test]
async fn health_readiness_robots_and_what_problems_mean() {
    let site = Site::open(&[]).await;
    for (path, text) in [("/healthz", "ok\n"), ("/readyz", "ready\n")] {
        let answer = site.get(path).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text(), answer.header("cache-control")),
            (200, text, "no-store")
        );
    }
    site.app.store().close().await;
    let answer = site.get("/readyz").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["type"], "/problems/not-ready");
    assert_eq!(site.get("/healthz").await.status, 200);

    assert!(site.get("/robots.txt").await.text().starts_with("User-agent: *\n"));
    for kind in server::problem::Kind::ALL {
        let answer = site.get(&format!("/problems/{}", kind.slug())).await;
        assert!(answer.text().contains(kind.explanation()));
    }
    assert_eq!(site.get("/problems/none").await.status, 404);
}
