//! The package in a page of another site.

use std::collections::BTreeMap;
use std::fs;

use anyhow::Result;
use house::files::{FileServer, Served};
use house::site::{Site, wasm_package};
use house::webdriver::Browser;
use serde_json::Value;

/// Every file of the package, and the example beside it, on a host that is not ours.
fn other_site() -> Result<FileServer> {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../web/wasm/example.html");
    let mut files = BTreeMap::from([("/".to_owned(), Served::open(fs::read(example)?))]);
    for entry in fs::read_dir(wasm_package()?)? {
        let entry = entry?;
        let path = format!("/llm-speed/{}", entry.file_name().to_string_lossy());
        files.insert(path, Served::open(fs::read(entry.path())?));
    }
    FileServer::start(files)
}

#[test]
fn the_example_answers_what_the_api_answers() -> Result<()> {
    let (there, ours, browser) = (other_site()?, Site::open(&[])?, Browser::open()?);
    browser.go(&there.origin)?;
    browser.wait("document.querySelector('#answer').textContent.includes('tokens a second')")?;
    let words = browser.text("#answer")?;

    let question = "/api/v1/estimate?hardware=rtx-3090&model=llama-3.1-8b&quant=q4_k_m&context=8192";
    let api: Value = house::local_http().get(ours.at(question)).call()?.body_mut().read_json()?;
    let tps = |end: &str| format!("{:.0}", api["decode_tps"][end].as_f64().unwrap_or_default());
    let expected = format!(
        "{} to {} tokens a second, most likely {}; bound by {}",
        tps("low"),
        tps("high"),
        tps("mid"),
        api["bound_by"].as_str().unwrap_or_default()
    );
    assert_eq!(words, expected);
    assert_eq!(browser.errors()?, [""; 0]);
    Ok(())
}

/// What `package.json` promises is in the folder, and nothing that it forgets is.
#[test]
fn the_package_is_whole() -> Result<()> {
    let folder = wasm_package()?;
    let package: Value = serde_json::from_slice(&fs::read(folder.join("package.json"))?)?;
    let mut promised: Vec<String> = serde_json::from_value(package["files"].clone())?;
    promised.push("package.json".to_owned());
    promised.sort();
    let mut there: Vec<String> = fs::read_dir(&folder)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<Result<_>>()?;
    let own = |name: &str| {
        ["contribute", "benchmarks", "gguf", "work"].iter().any(|module| name.starts_with(module))
    };
    // The types of the raw module are of no use to a person; modules of single pages and what is packed already are for
    // our own server.
    there.retain(|name| name != "llm_speed_bg.wasm.d.ts" && !name.ends_with(".gz") && !own(name));
    there.sort();
    assert_eq!(there, promised);
    assert_eq!(package["version"], env!("CARGO_PKG_VERSION"));
    Ok(())
}

/// `<can-it-run>` on a page of another site: the script loads, the frame comes from us and says what the API says.
#[test]
fn the_element_shows_our_answer_on_another_site() -> Result<()> {
    let ours = Site::open(&[])?;
    let page = format!(
        "<!doctype html><meta charset=utf-8><title>another site</title><link rel=icon href=data:,>\
         <script type=module src='{}'></script>\
         <can-it-run device=rtx-3090 model=llama-3.1-8b quant=q4_k_m context=8192></can-it-run>",
        ours.at("/embed/can-it-run.js")
    );
    let there = FileServer::start(BTreeMap::from([("/".to_owned(), Served::open(page))]))?;
    let browser = Browser::open()?;
    browser.go(&there.origin)?;
    let frame = "document.querySelector('can-it-run').shadowRoot?.firstElementChild";
    let address = browser.wait(&format!("{frame}?.src"))?;
    let wanted = ours.at("/embed/rtx-3090/llama-3.1-8b?quant=q4_k_m&context=8192");
    assert_eq!(address, wanted.as_str());

    browser.into_frame(&format!("return {frame}"))?;
    browser.wait("document.querySelector('.framed dd b')")?;
    let question = "/api/v1/estimate?hardware=rtx-3090&model=llama-3.1-8b&quant=q4_k_m&context=8192";
    let api: Value = house::local_http().get(ours.at(question)).call()?.body_mut().read_json()?;
    let tps = |end: &str| format!("{:.0}", api["decode_tps"][end].as_f64().unwrap_or_default());
    assert_eq!(browser.text(".framed dd b")?, format!("{}–{}", tps("low"), tps("high")));
    let colour = "return getComputedStyle(document.querySelector('.framed main')).borderTopStyle";
    assert_eq!(browser.run(colour, &serde_json::json!([]))?, "solid", "our style sheet is there");
    browser.out_of_frames()?;

    // Another attribute is another answer.
    browser.run(
        "document.querySelector('can-it-run').setAttribute('model', 'qwen3-8b')",
        &serde_json::json!([]),
    )?;
    browser.wait(&format!("{frame}.src.includes('/qwen3-8b?')"))?;
    assert_eq!(browser.errors()?, [""; 0]);
    Ok(())
}

/// No other page of ours lets itself be framed.
#[test]
fn a_page_that_is_no_embed_refuses_a_frame() -> Result<()> {
    let ours = Site::open(&[])?;
    let page = format!("<!doctype html><title>t</title><iframe src='{}'></iframe>", ours.at("/about"));
    let there = FileServer::start(BTreeMap::from([("/".to_owned(), Served::open(page))]))?;
    let browser = Browser::open()?;
    browser.go(&there.origin)?;
    browser.run("return new Promise((done) => setTimeout(done, 500))", &serde_json::json!([]))?;
    assert!(browser.errors()?.iter().any(|line| line.contains("frame-ancestors")));
    Ok(())
}
