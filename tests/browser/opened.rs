//! A model from its own files: dropped, from another host by ranges, and every way in which a host can refuse.

use std::collections::BTreeMap;

use anyhow::Result;
use house::files::{FileServer, Served};
use house::gguf_make::models::{self, Quant, Size};
use house::gguf_make::{Fill, Gguf};
use house::site::Site;
use house::webdriver::Browser;
use serde_json::json;

/// Llama 3.1 8B.
const EIGHT_B: Size = Size {
    layers: 32,
    hidden: 4096,
    heads: 32,
    kv_heads: 8,
    head_dim: 128,
    ffn: 14_336,
    vocab: 128_256,
    context: 131_072,
    quant: Quant::Q4Km,
};

/// On a host: the header, and as many bytes as the tensors have.
fn hosted(made: &Gguf) -> Served {
    let header = made.header();
    let tensors = made.tensors.iter().map(|t| t.format.tensor_bytes(&t.dims).next_multiple_of(32) as usize);
    Served { length: header.len() + tensors.sum::<usize>(), ..Served::open(header) }
}

fn hosts(files: &[(&str, Served)]) -> Result<FileServer> {
    FileServer::start(files.iter().map(|(path, file)| ((*path).to_owned(), file.clone())).collect())
}

/// The site, allowed to read from this host.
fn site(host: &FileServer) -> Result<Site> {
    Site::open(&["--connect-src", &host.origin])
}

/// Opens the page about any model for an address, on one machine, and waits for `#results` to say something.
fn opened(browser: &Browser, site: &Site, address: &str, wanted: &str) -> Result<String> {
    browser.go(&site.at(&format!("/gguf?hardware=rtx-3090&address={address}")))?;
    browser.wait(&format!("document.querySelector('#results').innerText.includes({})", json!(wanted)))?;
    browser.text("#results")
}

#[test]
fn a_dropped_file_is_estimated_without_the_server() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("My-8B-Q4_K_M.gguf");
    models::llama(EIGHT_B, None).write(&path, Fill::Zeros)?;
    let mut site = Site::open(&[])?;
    let browser = Browser::open()?;
    browser.go(&site.at("/gguf?hardware=rtx-3090"))?;
    browser.wait("performance.getEntriesByType('resource').some((entry) => entry.name.includes('.rows'))")?;
    browser.run("return import('/wasm/gguf_page.js').then((page) => page.default())", &json!([]))?;
    site.end()?;

    browser.keys("#gguf-file", &path.to_string_lossy())?;
    browser.wait("document.querySelector('#results').innerText.includes('tensors')")?;
    let results = browser.text("#results")?;
    assert!(results.contains("My-8B-Q4_K_M"), "{results}");
    assert!(results.contains("291 tensors") && results.contains("tok/s"), "{results}");

    // The context of the form counts for the file, too.
    browser.keys("[name=context]", "100k")?;
    browser.wait(&format!("document.querySelector('#results').innerText !== {}", json!(results)))?;
    assert!(browser.text("#results")?.contains("291 tensors"));

    let text = folder.path().join("notes.gguf");
    std::fs::write(&text, "these are no tensors")?;
    browser.keys("#gguf-file", &text.to_string_lossy())?;
    browser.wait("document.querySelector('#results').innerText.includes('not a GGUF')")?;
    Ok(())
}

#[test]
fn a_file_on_another_host_is_read_by_its_header_alone() -> Result<()> {
    let host = hosts(&[("/me/my/resolve/main/m-Q4_K_M.gguf", hosted(&models::llama(EIGHT_B, None)))])?;
    let site = site(&host)?;
    let browser = Browser::open()?;
    let address = format!("{}/me/my/resolve/main/m-Q4_K_M.gguf", host.origin);
    let results = opened(&browser, &site, &address, "291 tensors")?;
    assert!(results.contains("4.6 GiB") && results.contains("tok/s"), "{results}");
    assert!(host.sent() < 16 << 20, "{} bytes were fetched for a header", host.sent());
    assert_eq!(browser.errors()?, [""; 0]);

    // Pasted by hand into a page that is open already.
    browser.go(&site.at("/gguf?hardware=m4-max-40-core"))?;
    browser.keys("[name=address]", &address)?;
    browser.click("#gguf-address button")?;
    browser.wait("document.querySelector('#results').innerText.includes('291 tensors')")?;
    assert!(browser.url()?.contains("address="));
    Ok(())
}

#[test]
fn a_repository_lists_every_file_with_a_verdict() -> Result<()> {
    let small = hosted(&models::llama(EIGHT_B, None));
    let large = Served { length: 60 << 30, ..Served::open(models::llama(EIGHT_B, None).header()) };
    let listing = json!({"siblings": [
        {"rfilename": "README.md", "size": 10},
        {"rfilename": "mmproj-f16.gguf", "size": 10},
        {"rfilename": "m-Q4_K_M.gguf", "size": small.length},
        {"rfilename": "m-BF16-00002-of-00002.gguf", "size": large.length / 2},
        {"rfilename": "m-BF16-00001-of-00002.gguf", "size": large.length / 2},
    ]});
    let host = hosts(&[
        ("/api/models/me/my/revision/main", Served::open(listing.to_string())),
        ("/me/my/resolve/main/m-Q4_K_M.gguf", small),
    ])?;
    let site = site(&host)?;
    let browser = Browser::open()?;
    let results = opened(&browser, &site, &format!("{}/me/my", host.origin), "m-Q4_K_M")?;
    let rows = browser.run(
        "return [...document.querySelectorAll('#results tbody tr')].map((r) => r.innerText)",
        &json!([]),
    )?;
    let rows: Vec<&str> =
        rows.as_array().into_iter().flatten().filter_map(serde_json::Value::as_str).collect();
    assert_eq!(rows.len(), 2, "two models, one of them split: {results}");
    assert!(rows[0].contains("2 parts") && !rows[0].contains("whole"), "{rows:?}");
    assert!(rows[1].contains("m-Q4_K_M") && rows[1].contains('–'), "a range of speeds: {rows:?}");
    Ok(())
}

/// `config.json` and two shards of Llama 3.1 8B in bf16.
fn shards() -> [(&'static str, Served); 4] {
    let mut parts: [Vec<(String, Vec<u64>)>; 2] = [vec![], vec![]];
    parts[0].push(("model.embed_tokens.weight".into(), vec![128_256, 4096]));
    for layer in 0..32 {
        let part = &mut parts[usize::from(layer >= 16)];
        let mut add = |rest: &str, dims: &[u64]| {
            part.push((format!("model.layers.{layer}.{rest}.weight"), dims.to_vec()));
        };
        for (rest, rows, columns) in [
            ("self_attn.q_proj", 4096, 4096),
            ("self_attn.k_proj", 1024, 4096),
            ("self_attn.v_proj", 1024, 4096),
            ("self_attn.o_proj", 4096, 4096),
            ("mlp.gate_proj", 14_336, 4096),
            ("mlp.up_proj", 14_336, 4096),
            ("mlp.down_proj", 4096, 14_336),
        ] {
            add(rest, &[rows, columns]);
        }
        add("input_layernorm", &[4096]);
        add("post_attention_layernorm", &[4096]);
    }
    parts[1].push(("model.norm.weight".into(), vec![4096]));
    parts[1].push(("lm_head.weight".into(), vec![128_256, 4096]));
    let [first, second] = parts.map(|tensors| {
        let mut header = BTreeMap::new();
        let mut at = 0;
        for (name, dims) in tensors {
            let end = at + 2 * dims.iter().product::<u64>();
            header.insert(name, json!({"dtype": "BF16", "shape": dims, "data_offsets": [at, end]}));
            at = end;
        }
        let text = json!(header).to_string();
        let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
        bytes.extend(text.as_bytes());
        Served { length: bytes.len() + at as usize, ..Served::open(bytes) }
    });
    let config = json!({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32,
        "num_attention_heads": 32, "num_key_value_heads": 8, "intermediate_size": 14_336, "vocab_size": 128_256,
        "max_position_embeddings": 131_072, "tie_word_embeddings": false,
    });
    let listing = json!({"siblings": [
        {"rfilename": "config.json", "size": 800},
        {"rfilename": "model-00001-of-00002.safetensors", "size": first.length},
        {"rfilename": "model-00002-of-00002.safetensors", "size": second.length},
    ]});
    [
        ("/api/models/me/eight/revision/main", Served::open(listing.to_string())),
        ("/me/eight/resolve/main/config.json", Served::open(config.to_string())),
        ("/me/eight/resolve/main/model-00001-of-00002.safetensors", first),
        ("/me/eight/resolve/main/model-00002-of-00002.safetensors", second),
    ]
}

#[test]
fn a_safetensors_repository_gives_exact_bytes_to_vllm() -> Result<()> {
    let host = hosts(&shards())?;
    let site = site(&host)?;
    let browser = Browser::open()?;
    let results = opened(&browser, &site, &format!("{}/me/eight", host.origin), "291 tensors")?;
    // 8,030,261,248 weights of two bytes.
    assert!(results.contains("15 GiB of safetensors, 16.00 bits"), "{results}");
    assert!(results.contains("tok/s"), "{results}");
    assert!(host.sent() < 1 << 20, "{} bytes were fetched for headers", host.sent());
    assert_eq!(browser.errors()?, [""; 0]);
    Ok(())
}

#[test]
fn every_refusal_says_what_to_do() -> Result<()> {
    let good = hosted(&models::llama(EIGHT_B, None));
    let host = hosts(&[
        ("/cors.gguf", Served { cors: false, ..good.clone() }),
        ("/signin.gguf", Served { refuse: Some(401), ..good.clone() }),
        ("/licence.gguf", Served { refuse: Some(403), ..good.clone() }),
        ("/whole.gguf", Served { ranges: false, ..good.clone() }),
        ("/page.gguf", Served::open("<!doctype html><title>Sign in</title>")),
        ("/cut.gguf", Served::open(good.bytes[..2000].to_vec())),
        ("/api/models/me/empty/revision/main", Served::open(r#"{"siblings": []}"#)),
    ])?;
    let site = site(&host)?;
    let browser = Browser::open()?;
    for (path, sentence) in [
        ("/cors.gguf", "does not let a page read it (CORS). Download the file and drop it here"),
        ("/signin.gguf", "the host said 401). Download the file yourself and drop it here"),
        ("/licence.gguf", "the host said 403). Download the file yourself and drop it here"),
        ("/whole.gguf", "we will not fetch 4.6 GiB to read a header. Download the file and drop it here"),
        ("/page.gguf", "This is not a GGUF file:"),
        ("/cut.gguf", "This is not a GGUF file:"),
        ("/nothing.gguf", "There is nothing at this address"),
        ("/me/empty", "holds neither GGUF nor safetensors files"),
    ] {
        let results = opened(&browser, &site, &format!("{}{path}", host.origin), sentence)?;
        assert!(!results.contains("tok/s"), "{path}: {results}");
    }
    assert!(host.sent() < 8 << 20, "{} bytes were fetched for nothing", host.sent());
    opened(&browser, &site, "http://127.0.0.1:1/x.gguf", "did not answer").map(drop).or_else(|_| {
        // A port that the page's policy does not allow is refused before anyone is asked: the same to a reader.
        opened(&browser, &site, "neither+nor", "copy it from the address bar").map(drop)
    })
}
