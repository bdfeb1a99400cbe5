//! Every table as a file.

use serde_json::Value;

use crate::client::{BEHIND, Site};
use crate::measured::taken;

/// Cells of a line of CSV.
fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    for sign in line.chars() {
        match sign {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(std::mem::take(&mut cell)),
            sign => cell.push(sign),
        }
    }
    cells.push(cell);
    cells
}

#[tokio::test]
async fn each_table_says_the_same_in_both_forms() {
    let site = Site::open(BEHIND).await;
    taken(&site, 1..=3).await;
    let catalog = site.app.catalog();
    let board = site.get("/api/v1/tables/leaderboard.json").await.json();
    let result = board[0]["newest_result"].as_str().unwrap().to_owned();
    for (name, rows) in [
        ("models", Some(catalog.models().len())),
        ("hardware", Some(catalog.devices().len())),
        ("quants", Some(catalog.quants().len())),
        ("medians", None),
        ("leaderboard", Some(1)),
        ("wanted", None),
        ("rigs", None),
        ("queued", Some(data::runs::RunRows::embedded().queued.len())),
        ("compare", None),
        ("scores", None),
        ("losses", Some(6)),
        ("constants", None),
        ("quantisations", None),
        ("curves", None),
        ("traces", None),
        ("result", None),
    ] {
        let asked = match name {
            "compare" => {
                "?hardware1=rtx-3090&model1=qwen3-8b&hardware3=m4-max-40-core&model3=qwen3-8b".into()
            }
            "quantisations" => "?model=qwen3-8b&hardware=rtx-3090".into(),
            "curves" | "traces" => "?model=llama-3.1-8b".into(),
            "result" => format!("?id={result}"),
            _ => String::new(),
        };
        let json = site.get(&format!("/api/v1/tables/{name}.json{asked}")).await;
        assert_eq!(json.header("content-type"), "application/json", "{name}");
        assert_eq!(json.header("access-control-allow-origin"), "*");
        let json = json.json();
        let json = json.as_array().unwrap();
        let csv = site.get(&format!("/api/v1/tables/{name}.csv{asked}")).await;
        assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8", "{name}");
        let mut lines = csv.text().lines();
        let columns = cells(lines.next().unwrap());
        let lines: Vec<_> = lines.map(cells).collect();
        assert_eq!(lines.len(), json.len(), "{name}");
        assert!(rows.is_none_or(|rows| rows == json.len()), "{name} has {} rows", json.len());
        assert!(!json.is_empty(), "{name}");
        for (line, object) in lines.iter().zip(json) {
            assert_eq!(line.len(), columns.len(), "{name}: {line:?}");
            for (column, cell) in columns.iter().zip(line) {
                let cell = cell.strip_prefix('\'').unwrap_or(cell);
                match &object[column] {
                    Value::Null => assert_eq!(cell, "", "{name}: {column}"),
                    Value::String(text) => assert_eq!(cell, text, "{name}: {column}"),
                    // Reading JSON may round the last bit.
                    Value::Number(number) => {
                        let (one, other) = (cell.parse::<f64>().unwrap(), number.as_f64().unwrap());
                        assert!(
                            (one - other).abs() <= 1e-12 * other.abs(),
                            "{name}: {column}: {cell}, {number}"
                        );
                    }
                    other => assert_eq!(cell, other.to_string(), "{name}: {column}"),
                }
            }
        }
    }
}

#[tokio::test]
async fn what_fits_is_what_the_api_answers() {
    let site = Site::open(&[]).await;
    let fits = site.get("/api/v1/tables/fits.json?hardware=rtx-3090&context=8k").await.json();
    let fits = fits.as_array().unwrap();
    assert_eq!(fits.len(), site.app.catalog().models().len(), "every page of the list");
    let row = fits.iter().find(|row| row["model"] == "llama-3.1-8b").unwrap();
    let quant = row["quant"].as_str().unwrap();
    let api = format!("/api/v1/estimate?hardware=rtx-3090&model=llama-3.1-8b&quant={quant}&context=8k");
    let answer = site.get(&api).await.json();
    assert_eq!(row["decode_mid_tps"], answer["decode_tps"]["mid"]);
    assert_eq!(row["verdict"], answer["placement"]);
    // The strongest that runs at a speed, first.
    let strong =
        site.get("/api/v1/tables/fits.json?hardware=rtx-3090&min_tps=40&fits=whole&sort=capability").await;
    let strong = strong.json();
    let strong = strong.as_array().unwrap();
    assert!(strong.len() > 5 && strong.len() < fits.len());
    assert!(strong.iter().all(|row| row["decode_mid_tps"].as_f64().unwrap() >= 40.0));

    // A machine's capability is that of the model, which is asked for once.
    let machines = site.get("/api/v1/tables/fits.json?model=Llama-3.1-8B&context=8k").await.json();
    let models = site.get("/api/v1/tables/models.json").await.json();
    let model = models.as_array().unwrap().iter().find(|row| row["id"] == "llama-3.1-8b").unwrap();
    assert_eq!(
        (&machines[0]["capability"], &machines[0]["arena_elo"]),
        (&model["capability"], &model["arena_elo"])
    );

    let machines = site.get("/api/v1/tables/fits.csv?model=Llama-3.1-8B&context=8k").await;
    assert!(machines.text().lines().count() > 300, "{}", machines.text().lines().count());
    for (query, status) in [
        ("", 400),
        ("?hardware=rtx-9999", 400),
        ("?model=none", 400),
        ("?hardware=rtx-3090&colour=red", 400),
        ("?model=qwen3-8b&context=zz", 400),
    ] {
        let answer = site.get(&format!("/api/v1/tables/fits.csv{query}")).await;
        assert_eq!(answer.status, status, "{query}: {}", answer.text());
    }
    for path in ["fits.xml", "none.csv", "models", "models.csv.csv"] {
        assert_eq!(site.get(&format!("/api/v1/tables/{path}")).await.status, 404, "{path}");
    }
    assert_eq!(site.get("/api/v1/tables/models.csv?q=x").await.status, 400);
}

#[tokio::test]
async fn what_a_page_shows_leads_to_the_same_as_data() {
    let site = Site::open(BEHIND).await;
    taken(&site, 1..=3).await;
    for (page, tables) in [
        (
            "/m/llama-3.1-8b?hardware=rtx-3090&utm=1&context=zz",
            &["fits", "quantisations", "curves", "traces"][..],
        ),
        ("/d/rtx-3090?min_tps=abc&model=qwen3-8b", &["fits", "curves", "traces"]),
        ("/compare?hardware1=rtx-3090&model1=llama-3.1-8b&min_tps=4&utm=1", &["compare"]),
        ("/methodology", &["scores", "losses", "constants"]),
        ("/leaderboard?utm=1&class=zzz", &["leaderboard"]),
    ] {
        let html = site.get(page).await;
        for table in tables {
            let link = html.text().split(&format!("href=\"/api/v1/tables/{table}.csv")).nth(1);
            let link = link.unwrap_or_else(|| panic!("{page} leads to no {table}"));
            let link = link.split('"').next().unwrap().replace("&#38;", "&");
            let file = site.get(&format!("/api/v1/tables/{table}.csv{link}")).await;
            assert_eq!(file.status, 200, "{page}: {table}.csv{link}: {}", file.text());
            assert!(file.text().lines().count() > 1, "{page}: {table}.csv{link}");
        }
    }
    for (path, field) in [
        ("quantisations.csv?model=qwen3-8b", "hardware"),
        ("curves.csv", "model"),
        ("traces.csv?model=none", "model"),
    ] {
        let answer = site.get(&format!("/api/v1/tables/{path}")).await;
        let says = format!("{field}: ");
        assert!(answer.status == 400 && answer.text().contains(&says), "{path}: {}", answer.text());
    }
    assert_eq!(site.get("/api/v1/tables/result.csv?id=none").await.status, 404);
}

#[tokio::test]
async fn trends_are_a_table_and_one_that_is_not_there_is_told() {
    let site = Site::open(&[]).await;
    let csv = site.get("/api/v1/tables/trends.csv").await;
    assert!(
        csv.text().starts_with("trend,device,model,quant,runtime,build,backend,concurrency,measured_on,")
    );
    let known = &site.get("/api/v1/tables/wanted.json").await.json()[0]["command"];
    assert!(known.as_str().unwrap().starts_with("llm-speed-probe bench --shapes --model "), "{known}");
    let refusal = site.get("/api/v1/tables/trends.json?trend=nothing").await;
    assert_eq!(refusal.status, 400);
    assert!(refusal.text().contains("Nothing was measured of"), "{}", refusal.text());
}

#[tokio::test]
async fn a_comparison_is_a_table_of_what_its_page_answers() {
    let site = Site::open(&[]).await;
    let asked = "hardware1=rtx-3090&model1=qwen3-8b&quant1=q4_k_m&hardware2=rtx-4090&model2=qwen3-8b&quant2=q4_k_m&context=8k";
    let rows = site.get(&format!("/api/v1/tables/compare.json?{asked}")).await.json();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 2);
    for (row, device) in rows.iter().zip(["rtx-3090", "rtx-4090"]) {
        let api = format!("/api/v1/estimate?hardware={device}&model=qwen3-8b&quant=q4_k_m&context=8k");
        let answer = site.get(&api).await.json();
        assert_eq!((&row["device"], &row["decode_mid_tps"]), (&device.into(), &answer["decode_tps"]["mid"]));
    }
    for (query, field) in [
        ("", "hardware1"),
        ("?hardware2=rtx-9999&model2=qwen3-8b", "hardware2"),
        ("?hardware7=rtx-3090&model7=qwen3-8b", "hardware7"),
        ("?q=words", "q"),
    ] {
        let answer = site.get(&format!("/api/v1/tables/compare.csv{query}")).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["field"]),
            (400, &field.into()),
            "{query}: {}",
            answer.text()
        );
    }
    assert_eq!(site.get("/api/v1/tables/contributors.csv").await.status, 404, "nobody can sign in here");
}

/// Whatever a client says that it accepts, or says nothing: data is refused as data.
#[tokio::test]
async fn an_address_of_data_refuses_as_data() {
    let site = Site::open(&[]).await;
    for path in [
        "/benchmarks.json?nonsense=1",
        "/benchmarks.csv?per_page=0",
        "/api/v1/tables/models.csv?q=x",
        "/api/v1/tables/fits.json",
        "/dump/results.csv?form=csv",
        "/dump/results.jsonl?x",
        "/privacy.json?x=1",
        "/dump/none.csv",
        "/dump/none.jsonl",
        "/none.json",
        "/none.csv",
        "/update/none.json",
    ] {
        for accept in [None, Some("text/html"), Some("*/*")] {
            let headers: Vec<_> = accept.iter().map(|accept| ("accept", *accept)).collect();
            let answer = site.ask("GET", path, &headers).await;
            assert!(answer.status.is_client_error(), "{path}");
            assert_eq!(answer.header("content-type"), "application/problem+json", "{path} {accept:?}");
            assert!(answer.json()["detail"].as_str().unwrap().ends_with('.'), "{path}");
        }
    }
}
