//! Text that means harm, stored: in every text field of everything that people send, and then in every page, picture, list
//! and file that shows it.

use data::digest::digest;
use data::envelope::ANSWER_TYPE;
use data::fingerprint::{GpuState, HostState};
use data::submission::{Submission, WorkloadResult};
use serde_json::{Value, json};
use utoipa::OpenApi;

use crate::client::{Answer, BEHIND, Site};
use crate::results::{doubt, signed};
use crate::sample;

/// In every hostile text, so that it is found again.
const MARK: &str = "evil7";

/// Markup, SQL and formulas: each begins as another formula of a spreadsheet does.
const HOSTILE: [&str; 4] = [
    r#"=evil7'"><b id=evil7>"#,
    "@evil7'); DROP TABLE run; --",
    "-evil7]]></text></svg><script>evil7()</script>",
    r#"+evil7" onload="evil7()"#,
];

/// What of them stands in a page only where they became markup.
const BROKEN_OUT: [&str; 4] = ["<b id=evil7", "<script>evil7", "</text></svg><script", "evil7\" onload=\""];

#[derive(OpenApi)]
#[openapi(components(schemas(Submission)))]
struct Sent;

/// Where a text stands: a value, or a name in a map.
#[derive(Clone, Debug, PartialEq)]
enum Place {
    Value(String),
    Name(String),
}

/// Every place for a text in what has this schema, in the first element of lists and under the first name of maps of `whole`.
fn texts(document: &Value, schema: &Value, at: &str, whole: &Value, found: &mut Vec<Place>) {
    if let Some(reference) = schema["$ref"].as_str() {
        let schema = document.pointer(&reference[1..]).expect("a schema");
        return texts(document, schema, at, whole, found);
    }
    for choice in schema["oneOf"].as_array().into_iter().flatten() {
        texts(document, choice, at, whole, found);
    }
    let is = |name: &str| {
        schema["type"] == name || schema["type"].as_array().is_some_and(|types| types.contains(&name.into()))
    };
    if is("string") && schema["enum"].is_null() {
        assert!(whole.pointer(at).is_some_and(Value::is_string), "the whole run lacks a text at {at}");
        found.push(Place::Value(at.to_owned()));
    }
    if is("array") {
        texts(document, &schema["items"], &format!("{at}/0"), whole, found);
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        texts(document, property, &format!("{at}/{name}"), whole, found);
    }
    if schema["additionalProperties"].is_object() {
        let names = whole.pointer(at).and_then(Value::as_object);
        let name = names.and_then(|names| names.keys().next());
        let name = name.unwrap_or_else(|| panic!("the whole run lacks an entry at {at}"));
        found.push(Place::Name(at.to_owned()));
        texts(document, &schema["additionalProperties"], &format!("{at}/{name}"), whole, found);
    }
}

/// A run in which no text is left out.
fn whole(who: u8) -> Value {
    let mut run = sample::run(who, sample::estimated("rtx-3090"));
    run.model.id = Some("llama-3.1-8b".into());
    run.model.prefix_digest = Some(sample::FILE.into());
    let gpu = &mut run.fingerprint.gpus[0];
    gpu.driver = Some("570.1".into());
    gpu.vbios = Some("94.02".into());
    gpu.pci_bus = Some("0000:01:00.0".into());
    gpu.architecture = Some("8.6".into());
    run.fingerprint.cpu.features = vec!["avx2".into()];
    run.fingerprint.cpu.cache_kib.insert("3".into(), 32_768);
    run.fingerprint.ram.kind = Some("DDR5".into());
    run.fingerprint.stacks.insert("cuda".into(), "12.9".into());
    run.fingerprint.enclosure.virtual_machine = Some("kvm".into());
    run.fingerprint.enclosure.container = Some("docker".into());
    let state = HostState {
        governor: Some("performance".into()),
        scaling_driver: Some("amd-pstate".into()),
        gpus: vec![GpuState { throttle: vec!["idle".into()], ..GpuState::default() }],
        ..HostState::default()
    };
    (run.before, run.during, run.after) = (state.clone(), Some(state.clone()), state);
    let mut left_out = WorkloadResult::skipped("W3", 32_512, 1, "no time".into());
    left_out.flags.push("unstable".into());
    run.workloads.insert(0, left_out);
    serde_json::to_value(run).unwrap()
}

/// The value with the text at its place.
fn with(mut value: Value, place: &Place, text: &str) -> Value {
    match place {
        Place::Value(at) => *value.pointer_mut(at).unwrap() = text.into(),
        Place::Name(at) => {
            let map = value.pointer_mut(at).unwrap().as_object_mut().unwrap();
            let first = map.keys().next().unwrap().clone();
            let kept = map.remove(&first).unwrap();
            map.insert(text.to_owned(), kept);
        }
    }
    value
}

async fn send(site: &Site, who: u8, run: &Value) -> Answer {
    let payload = run.to_string();
    let envelope = data::envelope::seal(payload.as_bytes(), &sample::seed(who));
    let pow = site.work(&digest(payload.as_bytes())).await;
    let from = format!("192.0.2.{who}");
    site.post("/api/v1/runs", &from, &json!({ "envelope": envelope, "pow": pow })).await
}

/// Sends a run with each text in each place, a machine each; the ids of those that were taken, and the places.
async fn runs(site: &Site) -> (Vec<String>, Vec<Place>) {
    let document = serde_json::to_value(Sent::openapi()).unwrap();
    let mut places = Vec::new();
    let schema = &document["components"]["schemas"]["Submission"];
    texts(&document, schema, "", &whole(1), &mut places);
    assert!(places.len() >= 30, "{places:?}");
    let (mut ids, mut taken) = (Vec::new(), Vec::new());
    for (number, place) in places.iter().enumerate() {
        // Every place has a markup that breaks out of text, and one of the others.
        for text in [HOSTILE[0], HOSTILE[1 + number % 3]] {
            let who = u8::try_from(1 + ids.len()).expect("fewer machines");
            let answer = send(site, who, &with(whole(who), place, text)).await;
            if answer.status == 201 {
                ids.push(answer.json()["id"].as_str().unwrap().to_owned());
                taken.push(place.clone());
            } else {
                assert!(matches!(answer.status.as_u16(), 400 | 422), "{place:?}: {}", answer.text());
                read(&format!("the refusal of {place:?}"), &answer);
            }
        }
    }
    (ids, taken)
}

/// Pastes whose lines have names in them, and names that are looked up.
async fn pastes(site: &Site) -> Vec<String> {
    let mut ids = Vec::new();
    for text in HOSTILE {
        let table = format!(
            "| model | size | params | backend | ngl | test | t/s |\n| --- | ---: | ---: | --- | --: | ---: | ---: |\n\
             | llama 8B Q4_K - Medium {text} | 4.58 GiB | 8.03 B | CUDA | 99 | tg128 | 109.09 ± 0.30 |\n\nbuild: {text} (7000)\n"
        );
        let reading = data::paste::read(table.as_bytes());
        let lines = reading.timing_lines(0).unwrap_or(&table).to_owned();
        for field in ["", "hardware", "model", "quant", "runtime"] {
            let mut sent = json!({
                "lines": lines, "hardware": "RTX 3090", "model": "llama-3.1-8b", "quant": "Q4_K_M",
                "runtime": "llama.cpp",
            });
            if !field.is_empty() {
                sent[field] = text.into();
            }
            let sent = sent.to_string();
            let pow = site.work(&digest(sent.as_bytes())).await;
            let answer =
                site.post("/api/v1/pastes", "192.0.2.250", &json!({ "text": sent, "pow": pow })).await;
            if answer.status == 201 {
                ids.push(answer.json()["id"].as_str().unwrap().to_owned());
            } else {
                read(&format!("the refusal of a paste's {field:?}"), &answer);
            }
        }
    }
    ids
}

/// What is said about a result: by anyone, by who sent it, and by a maintainer.
async fn sayings(site: &Site, id: &str) {
    for text in HOSTILE {
        let opened = doubt(site, id, text).await;
        assert_eq!(opened.status, 201, "{}", opened.text());
        let number = opened.json()["dispute"].as_u64().unwrap();
        let at_ms = server::submit::now_ms();
        let message = json!({ "result": id, "dispute": number, "says": text, "at_ms": at_ms });
        let answered = site.post("/api/v1/answers", "192.0.2.1", &signed(1, ANSWER_TYPE, &message)).await;
        assert_eq!(answered.status, 201, "{}", answered.text());
        let number = number.to_string();
        site.command(&["admin", "answer", id, &number, &format!("--says={text}")]).await.unwrap();
    }
}

/// Cells of a file of CSV, line breaks within quotes too.
fn cells(text: &str) -> Vec<String> {
    let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    // RFC 4180 ends lines by both signs.
    for sign in text.replace("\r\n", "\n").chars() {
        match sign {
            '"' => quoted = !quoted,
            ',' | '\n' if !quoted => cells.push(std::mem::take(&mut cell)),
            sign => cell.push(sign),
        }
    }
    cells
}

/// Fails where a text is more than text; whether one of ours is there.
#[track_caller]
fn read(address: &str, answer: &Answer) -> bool {
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{address}");
    let body = answer.decoded();
    let kind = answer.header("content-type").split(';').next().unwrap().to_owned();
    // No text: a picture, and rows for the page's module, which a browser shows to nobody.
    if matches!(kind.as_str(), "image/png" | "application/octet-stream") {
        return false;
    }
    let text = String::from_utf8(body).unwrap_or_else(|error| panic!("{address}: {error}"));
    match kind.as_str() {
        "text/html" | "image/svg+xml" | "application/xml" => {
            for broken_out in BROKEN_OUT {
                assert!(!text.contains(broken_out), "{address}: {broken_out} is markup");
            }
        }
        "text/csv" => {
            for cell in cells(&text) {
                let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
                assert!(!is_formula || cell.parse::<f64>().is_ok(), "{address}: {cell:?} is a formula");
            }
        }
        "application/json" | "application/problem+json" => {
            serde_json::from_str::<Value>(&text).unwrap_or_else(|error| panic!("{address}: {error}"));
        }
        // A browser shows these as text, or not at all.
        "text/plain" | "text/javascript" | "application/x-ndjson" | "application/jsonl" => {}
        other => panic!("{address} is {other:?}, which this test cannot read"),
    }
    text.contains(MARK)
}

/// Addresses that show what people sent, beside those of single results; a new route belongs here.
const SHOWN: &[&str] = &[
    "/",
    "/?hardware=rtx-3090&context=1024",
    "/m/llama-3.1-8b",
    "/m/llama-3.1-8b?hardware=rtx-3090",
    "/d/rtx-3090",
    "/compare?hardware1=rtx-3090&model1=llama-3.1-8b&quant1=q4_k_m",
    "/medians.lines?path=/&hardware=rtx-3090",
    "/benchmarks",
    "/benchmarks?from=community",
    "/benchmarks.json?from=community",
    "/benchmarks.csv?from=community",
    "/benchmarks.rows",
    "/gguf",
    "/contribute",
    "/methodology",
    "/about",
    "/privacy",
    "/privacy.json",
    "/leaderboard",
    "/sitemap.xml",
    "/sitemap/0.xml",
    "/robots.txt",
    "/embed",
    "/embed/can-it-run.js",
    "/embed/rtx-3090/llama-3.1-8b",
    "/badge/rtx-3090/llama-3.1-8b.svg",
    "/social/rtx-3090/llama-3.1-8b.png",
    "/dump/results.csv",
    "/dump/results.jsonl",
    "/log/checkpoint",
    "/log/key",
    "/api/v1/export",
    "/api/v1/medians",
    "/api/v1/benchmarks?from=community",
    "/api/v1/tables/medians.json",
    "/api/v1/tables/medians.csv",
    "/api/v1/tables/leaderboard.json",
    "/api/v1/tables/leaderboard.csv",
    "/api/v1/tables/wanted.csv",
    "/api/v1/tables/rigs.csv",
];

#[tokio::test]
async fn what_is_stored_stays_text_in_every_page_picture_list_and_file() {
    let site = Site::open(&[BEHIND, &["--work", "1"]].concat()).await;
    let (mut ids, places) = runs(&site).await;
    for at in ["/model/ref", "/fingerprint/gpus/0/name", "/fingerprint/cpu/model"] {
        assert!(places.contains(&Place::Value(at.to_owned())), "{at} is refused: then it is no free text");
    }
    // What is kept where erasure does not reach is no place for text.
    for at in ["/backend/version", "/workloads/0/flags/0"] {
        assert!(!places.contains(&Place::Value(at.to_owned())), "{at} is kept for ever, and takes text");
    }
    sayings(&site, &ids[0]).await;
    ids.extend(pastes(&site).await);
    assert!(ids.len() > places.len(), "no paste was taken");

    let of_results = ids.iter().flat_map(|id| {
        [
            format!("/r/{id}"),
            format!("/badge/{id}.svg"),
            format!("/social/r/{id}.png"),
            format!("/api/v1/results/{id}"),
        ]
    });
    let all: Vec<String> = SHOWN.iter().map(|address| (*address).to_owned()).chain(of_results).collect();
    let mut showing = Vec::new();
    for address in &all {
        let answer = site.get(address).await;
        assert_eq!(answer.status, 200, "{address}: {}", String::from_utf8_lossy(&answer.body));
        if read(address, &answer) {
            showing.push(address.as_str());
        }
    }
    // It is there, or nothing was tested.
    let shows = |part: &str| showing.iter().filter(|address| address.contains(part)).count();
    assert!(shows("/r/") > 20 && shows("/api/v1/results/") > 40, "{showing:?}");
    assert!(shows("/dump/results.csv") == 1 && shows("/api/v1/export") == 1, "{showing:?}");
    // Formulas are not: nothing that the dump holds takes one.
    let dump = site.get("/dump/results.csv").await;
    assert!(dump.text().contains("evil7") && !dump.text().contains("=evil7"), "{}", dump.text());
    // Nobody's SQL was run: all that was taken is still there.
    assert_eq!(site.app.store().head().await.unwrap().edge.size, ids.len() as u64);

    // Every address of a page is one of these.
    let others = ["/u/{name}", "/contributors"];
    let missed: Vec<_> = crate::pages::routes()
        .into_iter()
        .filter(|route| !others.contains(route))
        .filter(|route| {
            !all.iter().any(|address| crate::pages::is_of(address.split('?').next().unwrap(), route))
        })
        .collect();
    assert!(missed.is_empty(), "{missed:?}: not read here");
}

#[test]
fn what_breaks_out_is_seen() {
    let answer = |kind: &'static str, body: &str| {
        let mut headers = axum::http::HeaderMap::new();
        headers.insert("content-type", kind.parse().unwrap());
        headers.insert("x-content-type-options", "nosniff".parse().unwrap());
        Answer { status: axum::http::StatusCode::OK, headers, body: body.as_bytes().to_vec() }
    };
    let breaks = |kind: &'static str, body: &str| {
        let answer = answer(kind, body);
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| read("planted", &answer))).is_err()
    };
    for text in HOSTILE {
        assert!(breaks("text/html", text) || text.starts_with('@'), "{text}");
        assert!(breaks("text/csv", &format!("a,\"{}\"\n", text.replace('"', "\"\""))), "{text}");
    }
    assert!(breaks("application/json", "{\"a\": \"evil7\"\"}"));
    assert!(!breaks("text/csv", "a,'=evil7,-1.5\n") && !breaks("text/html", "&#60;b id=evil7&#62;"));
}
