//! What a person does: ask, change the question, go back, lose the network, have no scripts at all.

use anyhow::Result;
use house::site::Site;
use house::webdriver::Browser;
use serde_json::json;

/// Marks this document, so that a reload cannot pass for a swap, and waits for the WASM engine.
pub(crate) fn settle(browser: &Browser) -> Result<()> {
    browser.run("window.sameDocument = true", &json!([]))?;
    browser
        .wait("performance.getEntriesByType('resource').some((entry) => entry.name.includes('_bg.wasm'))")?;
    // Loaded is not yet started: once this import is ready, the loader's own is too.
    browser.run("return import('/wasm/index.js').then((wasm) => wasm.default())", &json!([]))?;
    Ok(())
}

pub(crate) fn same_document(browser: &Browser) -> Result<bool> {
    Ok(browser.run("return window.sameDocument === true", &json!([]))? == true)
}

/// How many requests this document has made.
fn requests(browser: &Browser) -> Result<u64> {
    // But for what people measured, which nobody but the server knows.
    const COUNT: &str = "return performance.getEntriesByType('resource').filter((e) => !e.name.includes('/medians.lines')).length";
    Ok(browser.run(COUNT, &json!([]))?.as_u64().unwrap_or_default())
}

#[test]
fn the_answer_follows_the_question_without_a_reload_and_back_again() -> Result<()> {
    let site = Site::open(&[])?;
    let browser = Browser::open()?;
    browser.go(&site.at("/?hardware=rtx-3090"))?;
    settle(&browser)?;
    let first = browser.text("#results")?;
    assert!(first.contains("RTX 3090"), "{first:.300}");
    let made = requests(&browser)?;

    browser.keys("[name=context]", "32k")?;
    browser.wait("location.search.includes('context=32k')")?;
    browser.wait(&format!("document.querySelector('#results').innerText !== {}", json!(first)))?;
    let second = browser.text("#results")?;
    browser.choose("select[name=fits]", "whole")?;
    browser.wait(&format!("document.querySelector('#results').innerText !== {}", json!(second)))?;
    assert!(browser.url()?.contains("fits=whole"));

    // One step back for each field, however many keys it took.
    browser.back()?;
    browser.wait(&format!("document.querySelector('#results').innerText === {}", json!(second)))?;
    browser.back()?;
    browser.wait(&format!("document.querySelector('#results').innerText === {}", json!(first)))?;
    assert_eq!(browser.run("return document.querySelector('[name=context]').value", &json!([]))?, "");
    assert_eq!(browser.url()?, site.at("/?hardware=rtx-3090"));

    assert!(same_document(&browser)?, "the page was loaded again");
    assert_eq!(requests(&browser)?, made, "answers came over the network");
    assert_eq!(browser.errors()?, [""; 0]);
    Ok(())
}

#[test]
fn with_the_server_gone_the_page_still_answers() -> Result<()> {
    let mut site = Site::open(&[])?;
    let browser = Browser::open()?;
    browser.go(&site.at("/?hardware=rtx-3090"))?;
    settle(&browser)?;
    let before = browser.text("#results")?;
    site.end()?;

    browser.run("document.querySelector('[name=hardware]').value = ''", &json!([]))?;
    browser.keys("[name=hardware]", "RTX 4090")?;
    browser.wait("document.querySelector('#results').innerText.includes('RTX 4090')")?;
    assert_ne!(browser.text("#results")?, before);
    assert!(same_document(&browser)?);
    Ok(())
}

#[test]
fn without_wasm_the_server_renders_what_changes() -> Result<()> {
    let site = Site::without_wasm()?;
    let browser = Browser::open()?;
    browser.go(&site.at("/?hardware=rtx-3090"))?;
    browser.run("window.sameDocument = true", &json!([]))?;
    let before = browser.text("#results")?;
    browser.keys("[name=context]", "64k")?;
    browser.wait(&format!("document.querySelector('#results').innerText !== {}", json!(before)))?;
    browser.wait("!document.querySelector('#results').hasAttribute('aria-busy')")?;
    assert!(same_document(&browser)?);

    let changed = browser.text("#results")?;
    browser.go(&site.at("/?hardware=rtx-3090&context=64k"))?;
    assert_eq!(browser.text("#results")?, changed);
    Ok(())
}

#[test]
fn without_javascript_the_form_is_a_form() -> Result<()> {
    let site = Site::open(&[])?;
    let browser = Browser::open()?;
    let page = site.at("/?hardware=rtx-3090&context=32k");
    browser.go(&page)?;
    let with_scripts = browser.text("#results")?;

    browser.javascript(false)?;
    browser.go(&page)?;
    assert_eq!(browser.text("#results")?, with_scripts);
    browser.go(&site.at("/"))?;
    browser.keys("[name=hardware]", "RTX 3090")?;
    browser.click("#query button")?;
    browser.wait("location.search.includes('hardware=RTX')")?;
    assert!(browser.text("#results")?.contains("RTX 3090"));
    assert_eq!(browser.errors()?, [""; 0]);
    Ok(())
}

#[test]
fn a_machine_that_is_not_known_is_answered_with_near_ones() -> Result<()> {
    let site = Site::open(&[])?;
    let browser = Browser::open()?;
    browser.go(&site.at("/"))?;
    settle(&browser)?;
    browser.keys("[name=hardware]", "RTX 9999")?;
    browser.wait("document.querySelector('#results [role=alert] a')")?;
    // What is offered instead is a link that answers in place.
    browser.click("#results [role=alert] a")?;
    browser.wait("!document.querySelector('#results [role=alert]')")?;
    assert!(same_document(&browser)?);
    Ok(())
}

/// What a browser says of a machine, put in the place of this one's software renderer.
const A_GRAPHICS_CARD: &str = "WebGLRenderingContext.prototype.getExtension = () => ({});\
    WebGLRenderingContext.prototype.getParameter = (what) => what === 0x9246\
        ? 'ANGLE (NVIDIA, NVIDIA GeForce RTX 3090 (0x00002204) Direct3D11 vs_5_0 ps_5_0, D3D11)' : 0;\
    HTMLCanvasElement.prototype.getContext = () => Object.create(WebGLRenderingContext.prototype);";

#[test]
fn the_browsers_own_name_for_the_machine_is_only_suggested() -> Result<()> {
    let site = Site::open(&[])?;
    let browser = Browser::open()?;
    browser.go(&site.at("/"))?;
    settle(&browser)?;
    assert_eq!(browser.run("return document.querySelector('#suggest').hidden", &json!([]))?, true);

    browser.devtools("Page.addScriptToEvaluateOnNewDocument", &json!({"source": A_GRAPHICS_CARD}))?;
    browser.go(&site.at("/?context=8k"))?;
    browser.wait("!document.querySelector('#suggest').hidden")?;
    let words = browser.text("#suggest")?;
    assert!(words.contains("RTX 3090") && words.contains("Choose another"), "{words}");
    assert!(!browser.url()?.contains("hardware"), "nothing is chosen for a person");
    browser.click("#suggest a")?;
    browser.wait("location.search.includes('hardware=rtx-3090')")?;
    assert!(browser.url()?.contains("context=8k"));
    assert!(browser.text("#results")?.contains("RTX 3090"));
    assert!(browser.run("return document.querySelector('#suggest').hidden", &json!([]))? == true);
    assert_eq!(browser.errors()?, [""; 0]);
    Ok(())
}

#[test]
fn on_a_phone_the_button_and_the_pager_lead_to_the_answers() -> Result<()> {
    let site = Site::without_wasm()?;
    let browser = Browser::open()?;
    browser.size(390, 800)?;
    browser.go(&site.at("/?hardware=rtx-3090"))?;
    let seen = "document.activeElement.id === 'results' && \
        Math.abs(document.querySelector('#results').getBoundingClientRect().top) < 40";
    // The address says it all already, and the answers stand below the form.
    browser.click("#query .submit")?;
    browser.wait(seen)?;
    browser.click(".pager a[rel=next]")?;
    browser.wait("document.querySelector('.pager a[rel=prev]')")?;
    browser.wait(seen)?;
    Ok(())
}

#[test]
fn the_title_follows_the_answers() -> Result<()> {
    let site = Site::open(&[])?;
    let browser = Browser::open()?;
    let title = |browser: &Browser| browser.run("return document.title", &json!([]));
    browser.go(&site.at("/?hardware=rtx-4090"))?;
    let of_another = title(&browser)?;
    browser.go(&site.at("/"))?;
    let of_none = title(&browser)?;
    browser.go(&site.at("/?hardware=rtx-3090"))?;
    settle(&browser)?;
    assert!(title(&browser)? != of_none && title(&browser)? != of_another);
    browser.run("document.querySelector('[name=hardware]').value = ''", &json!([]))?;
    browser.keys("[name=hardware]", "rtx-4090")?;
    browser.wait(&format!("document.title === {of_another}"))?;
    browser.run(
        "const field = document.querySelector('[name=hardware]'); field.value = '';\
        field.dispatchEvent(new Event('input', { bubbles: true }))",
        &json!([]),
    )?;
    browser.wait(&format!("document.title === {of_none}"))?;

    // On a model's page the server tells the rest of it: what was measured, and the links above.
    browser.go(&site.at("/m/qwen3-14b?hardware=rtx-4090"))?;
    let (of_another, ways) = (title(&browser)?, browser.run("return ways.innerHTML", &json!([]))?);
    browser.go(&site.at("/m/qwen3-14b?hardware=rtx-3090"))?;
    settle(&browser)?;
    browser.run("document.querySelector('[name=hardware]').value = ''", &json!([]))?;
    browser.keys("[name=hardware]", "rtx-4090")?;
    browser.wait(&format!("document.title === {of_another}"))?;
    browser.wait(&format!("document.getElementById('ways').innerHTML === {ways}"))?;
    assert!(same_document(&browser)?);
    Ok(())
}
