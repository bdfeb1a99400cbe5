//! Submitting as a client does: challenge, work, request, receipt, and every way in which it is refused.

use axum::body::Body;
use axum::http::Request;
use data::checkpoint::Checkpoint;
use data::digest::{digest, unhex32};
use data::merkle;
use serde_json::{Value, json};

use crate::client::{BEHIND, Site, refused};
use crate::sample;

fn fair() -> f64 {
    sample::estimated("rtx-3090")
}

#[tokio::test]
async fn a_run_is_taken_and_the_log_proves_it() {
    let site = Site::open(BEHIND).await;
    for who in 1..=3 {
        let answer = site.submit(who, &sample::run(who, fair()), &format!("192.0.2.{who}")).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        assert_eq!(answer.json()["state"], "accepted");
        assert_eq!(answer.json()["log_index"], u64::from(who) - 1);
    }
    let payload = serde_json::to_vec(&sample::run(2, fair())).unwrap();
    let note = site.get("/log/checkpoint").await;
    let key = site.get("/log/key").await;
    let key = unhex32(key.text().trim()).unwrap();
    let checkpoint = Checkpoint::verify(note.text(), &key).unwrap();
    assert_eq!(checkpoint.size, 3);

    let proof = site.get(&format!("/api/v1/log/inclusion?digest={}", digest(&payload))).await.json();
    let hashes = |proof: &Value| -> Vec<merkle::Hash> {
        proof["hashes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|hash| unhex32(hash.as_str().unwrap()).unwrap())
            .collect()
    };
    let leaf = merkle::leaf(&unhex32(&digest(&payload)).unwrap());
    assert!(merkle::includes(1, 3, leaf, &hashes(&proof), &checkpoint.root));
    let first =
        merkle::leaf(&unhex32(&digest(&serde_json::to_vec(&sample::run(1, fair())).unwrap())).unwrap());
    let proof = site.get("/api/v1/log/consistency?from=1&to=3").await.json();
    assert!(merkle::continues(1, 3, &first, &checkpoint.root, &hashes(&proof)));
    for (path, status) in [
        ("/api/v1/log/inclusion", 400),
        ("/api/v1/log/inclusion?digest=aa", 404),
        ("/api/v1/log/consistency?from=0", 400),
        ("/api/v1/log/consistency?from=2&to=9", 400),
        ("/api/v1/log/consistency?from=x", 400),
        ("/api/v1/log/consistency?from=1&of=2", 400),
    ] {
        assert_eq!(site.get(path).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn a_dry_run_says_what_would_be_said_and_keeps_nothing() {
    let site = Site::open(BEHIND).await;
    let body = |speed: f64| json!({ "envelope": sample::sealed(1, &sample::run(1, speed)), "pow": null });
    let fine = site.post("/api/v1/runs?dry_run=1", "192.0.2.1", &body(fair())).await;
    assert_eq!((fine.status.as_u16(), &fine.json()["state"]), (200, &json!("accepted")));
    assert!(fine.json().get("id").is_none());
    let wild = site.post("/api/v1/runs?dry_run=1", "192.0.2.1", &body(fair() * 9.0)).await;
    assert_eq!(wild.json()["state"], "held");
    assert_eq!(wild.json()["reasons"][1]["code"], "above_roofline", "{}", wild.text());
    assert_eq!(site.app.store().head().await.unwrap().edge.size, 0);
    refused(&site.post("/api/v1/runs", "192.0.2.1", &body(fair())).await, 403, "missing");
}

#[tokio::test]
async fn a_changed_or_foreign_envelope_is_refused_in_a_sentence() {
    let site = Site::open(BEHIND).await;
    let run = sample::run(1, fair());
    let bytes = serde_json::to_vec(&run).unwrap();
    let whole = sample::sealed(1, &run);
    let post = async |envelope: &data::envelope::Envelope| {
        site.post("/api/v1/runs?dry_run=1", "192.0.2.1", &json!({ "envelope": envelope, "pow": null })).await
    };
    assert_eq!(post(&whole).await.status, 200);
    let changed = |change: &dyn Fn(&mut data::envelope::Envelope)| {
        let mut envelope = whole.clone();
        change(&mut envelope);
        envelope
    };
    let other = sample::sealed(2, &sample::run(2, fair()));
    // The payload of another run, and one digit of this one's.
    refused(&post(&changed(&|e| e.payload.clone_from(&other.payload))).await, 403, "changed");
    let faster = data::envelope::seal(
        String::from_utf8(bytes.clone()).unwrap().replace("b7000", "b7001").as_bytes(),
        &sample::seed(1),
    );
    refused(&post(&changed(&|e| e.payload.clone_from(&faster.payload))).await, 403, "changed");
    // The signature of another key, and another key's name on this one.
    refused(&post(&changed(&|e| e.signatures.clone_from(&other.signatures))).await, 403, "another key");
    refused(
        &post(&changed(&|e| e.signatures[0].keyid.clone_from(&other.signatures[0].keyid))).await,
        403,
        "another key",
    );
    // One good signature does not carry a bad one.
    refused(&post(&changed(&|e| e.signatures.extend(other.signatures.clone()))).await, 403, "one signature");
    refused(&post(&changed(&|e| e.signatures.clear())).await, 403, "one signature");
    refused(&post(&changed(&|e| e.signatures[0].keyid = "00".repeat(32))).await, 403, "");
    refused(&post(&changed(&|e| e.payload.push('='))).await, 403, "not written");
    // The same bytes, signed to say something else, and called a run.
    let foreign = data::envelope::seal_as(data::envelope::ANSWER_TYPE, &bytes, &sample::seed(1));
    refused(&post(&foreign).await, 403, "this reads");
    refused(&post(&changed(&|e| e.signatures.clone_from(&foreign.signatures))).await, 403, "changed");
    assert_eq!(site.app.store().head().await.unwrap().edge.size, 0);
}

#[tokio::test]
async fn what_was_changed_or_cannot_be_is_refused_in_a_sentence() {
    let site = Site::open(BEHIND).await;
    let run = sample::run(1, fair());
    let mut envelope = serde_json::to_value(sample::sealed(1, &run)).unwrap();
    envelope["signatures"][0]["keyid"] = json!(sample::sealed(2, &run).signatures[0].keyid);
    let post = async |body: Value| site.post("/api/v1/runs?dry_run=1", "192.0.2.1", &body).await;
    refused(&post(json!({ "envelope": envelope, "pow": null })).await, 403, "signature");
    let sealed = |change: &dyn Fn(&mut data::submission::Submission)| {
        let mut run = sample::run(1, fair());
        change(&mut run);
        json!({ "envelope": sample::sealed(1, &run), "pow": null })
    };
    refused(&post(sealed(&|run| run.measured_on = "2999-01-01".into())).await, 422, "not come");
    refused(&post(sealed(&|run| run.suite = "suite-v9".into())).await, 422, "suite-v1");
    refused(&post(sealed(&|run| run.tag = Some("me".into()))).await, 422, "tag");
    refused(&post(sealed(&|run| run.workloads[0].workload = "W9".into())).await, 422, "W9");
    refused(&post(sealed(&|run| run.model.params = Some(70_000_000_000))).await, 422, "another model");
    refused(&post(sealed(&|run| run.backend.version = "b1\u{202E}".into())).await, 400, "U+202E");
    refused(&post(sealed(&|run| run.fingerprint.gpus[0].name = "x".repeat(600))).await, 400, "longer");
    refused(
        &post(json!({ "envelope": sample::sealed(1, &run), "pow": null, "admin": true })).await,
        400,
        "admin",
    );

    // Signed, and no run at all.
    let text = data::envelope::seal(b"{\"suite\":\"suite-v1\",\"suite\":\"suite-v1\"}", &sample::seed(1));
    refused(&post(json!({ "envelope": text, "pow": null })).await, 400, "twice");

    for (headers, status) in [
        (vec![("content-type", "text/plain")], 415),
        (vec![("content-type", "application/json"), ("content-encoding", "gzip")], 415),
        (vec![("content-type", "application/json")], 400),
    ] {
        let mut request = Request::builder().method("POST").uri("/api/v1/runs");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer = site.send(request.body(Body::from("\u{1}")).unwrap()).await;
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    let huge = json!({ "envelope": { "payload": "A".repeat(200_000) } });
    assert_eq!(site.post("/api/v1/runs", "192.0.2.1", &huge).await.status, 413);
    assert_eq!(site.app.store().head().await.unwrap().edge.size, 0);
}

#[tokio::test]
async fn pasted_lines_are_read_by_the_same_reader() {
    let site = Site::open(BEHIND).await;
    let printed = "\
llama_perf_context_print: prompt eval time =     123.32 ms /   512 tokens (    0.24 ms per token,  4151.80 tokens per second)
llama_perf_context_print:        eval time =    2337.47 ms /   255 runs   (    9.17 ms per token,   109.09 tokens per second)
llama_perf_context_print:       total time =    2478.51 ms /   767 tokens
";
    let reading = data::paste::read(format!("my secret prompt\n{printed}").as_bytes());
    let lines = reading.timing_lines(0).unwrap();
    assert!(!lines.contains("secret"));
    let text = |lines: &str, model: &str| {
        json!({ "lines": lines, "hardware": "RTX 3090", "model": model, "quant": "Q4_K_M" }).to_string()
    };
    let send = async |text: String, from: &str| {
        let pow = site.work(&digest(text.as_bytes())).await;
        site.post("/api/v1/pastes", from, &json!({ "text": text, "pow": pow })).await
    };
    let taken = send(text(lines, "llama-3.1-8b"), "192.0.2.1").await;
    assert_eq!(taken.status, 201, "{}", taken.text());
    assert_eq!(taken.json()["state"], "accepted", "{}", taken.text());
    assert!(taken.text().contains("\"pasted\""));
    refused(
        &send(text(&format!("my secret prompt\n{lines}"), "llama-3.1-8b"), "192.0.2.1").await,
        422,
        "only the timing lines",
    );
    refused(&send(text(lines, "no such model"), "192.0.2.1").await, 422, "model");
    refused(&send(text("nothing at all", "llama-3.1-8b"), "192.0.2.1").await, 422, "");
    refused(&send("{\"lines\":1}".into(), "192.0.2.1").await, 400, "form");
    let window = data::paste::read(
        b"Engine 000: Avg prompt throughput: 4.1 tokens/s, Avg generation throughput: 6.2 tokens/s, Running: 1 reqs, \
        Waiting: 0 reqs, GPU KV cache usage: 0.0%\n",
    );
    let lines = window.timing_lines(0).unwrap();
    refused(&send(text(lines, "llama-3.1-8b"), "192.0.2.1").await, 422, "nothing to send");
}

#[tokio::test]
async fn a_form_that_is_not_utf_8_is_told_of_its_text() {
    let site = Site::open(BEHIND).await;
    for body in [&b"text=a\xb1b"[..], b"text=%B1"] {
        let request = Request::builder()
            .method("POST")
            .uri("/contribute")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Body::from(body));
        let answer = site.send(request.unwrap()).await;
        assert_eq!(answer.status, 400, "{}", answer.text());
        let text = answer.text();
        assert!(text.contains("is not UTF-8. Save the text") && !text.contains("In the address"), "{text}");
    }
}

/// Which runtime a tool means is one answer: what the page shows and sends is what the server files.
#[tokio::test]
async fn page_and_server_agree_on_the_runtime_of_every_tool() {
    const KOBOLD: &str = "[12:00:01] CtxLimit:271/4096, Amt:100/100, Init:0.00s, Process:0.67s (255.22T/s), \
        Generate:8.44s (11.85T/s), Total:9.11s\n";
    const SWEEP: &str = "\
|    PP |     TG |   N_KV |   T_PP s | S_PP t/s |   T_TG s | S_TG t/s |
|   512 |    128 |      0 |    4.757 |   107.63 |    9.559 |    13.39 |
";
    const OLLAMA: &str = include_str!("../../../../tests/paste/ollama-verbose.txt");
    const MLX: &str =
        "Prompt: 64 tokens, 517.804 tokens-per-sec\nGeneration: 132 tokens, 45.362 tokens-per-sec\n";
    const TABBY: &str = "Metrics: 250 tokens generated in 9.97 seconds (Queue: 0.0 s, Process: 0 cached tokens and 1190 \
        new tokens at 727.64 T/s, Generate: 30.0 T/s, Context: 1190 tokens)\n";
    let studio = |engine: &str| {
        json!({
            "usage": { "prompt_tokens": 24, "completion_tokens": 530 },
            "stats": { "tokens_per_second": 51.43, "generation_time": 10.305 },
            "runtime": { "name": engine },
        })
        .to_string()
    };
    let site = Site::open(BEHIND).await;
    let engine = data::Engine::embedded();
    for (printed, picked, runtime) in [
        (KOBOLD.to_owned(), "", "llama.cpp"),
        (SWEEP.to_owned(), "", "llama.cpp"),
        (OLLAMA.to_owned(), "", "ollama"),
        (OLLAMA.replace("318.09", "318.1"), "", ""),
        (MLX.to_owned(), "", "mlx"),
        (TABBY.to_owned(), "&runtime_is=exllamav3", "exllamav3"),
        (TABBY.replace("9.97", "10.26").replace("30.0 T/s", "29.0 T/s"), "", "tabbyapi"),
        (studio("llama.cpp-linux-x86_64-nvidia-cuda12"), "&runtime=ollama", "llama.cpp"),
        (studio("mlx-llm-mac-arm64-apple-metal-advsimd"), "", "mlx"),
    ] {
        let machine = if runtime == "mlx" { "m4-max-40-core" } else { "rtx-3090" };
        let named = format!("hardware={machine}&model=llama-3.1-8b&quant=Q4_K_M{picked}");
        let query = page::Query::parse(&named);
        let view = page::gather::contribute(&engine, printed.as_bytes(), &query);
        if runtime.is_empty() {
            assert!(view.lines.is_empty(), "it was edited: {printed}");
            continue;
        }
        let paste = data::submission::Paste {
            lines: view.lines.clone(),
            hardware: view.machine.id().unwrap().into(),
            model: view.model.id().unwrap().into(),
            quant: view.quant.id().unwrap().into(),
            runtime: view.runtime.id().map(str::to_owned),
            ..Default::default()
        };
        let text = paste.to_json();
        let pow = site.work(&digest(text.as_bytes())).await;
        let taken = site.post("/api/v1/pastes", "192.0.2.7", &json!({ "text": text, "pow": pow })).await;
        assert_eq!(taken.status, 201, "{printed}: {}", taken.text());
        let url = format!("/api/v1/results/{}", taken.json()["id"].as_str().unwrap());
        assert_eq!(site.get(&url).await.json()["runtime"], runtime, "{printed}");
        // What the page does not know it leaves open, and the server files the tool's own name.
        assert_eq!(view.runtime.id().unwrap_or("tabbyapi"), runtime, "{printed}");
    }
}
