//! The table of runs: sorted and filtered in place, back again, and all of it without scripts too.

use anyhow::Result;
use house::site::Site;
use house::webdriver::Browser;
use serde_json::{Value, json};

/// The first cells of the rows of the first family.
const FIRST_FAMILY: &str = "return [...document.querySelector('.family-rows').querySelectorAll('tbody th a')].map((a) => a.textContent)";
/// The backends of all rows.
const BACKENDS: &str =
    "return [...document.querySelectorAll('.runs-table td:nth-child(4)')].map((cell) => cell.textContent)";

fn texts(browser: &Browser, script: &str) -> Result<Vec<String>> {
    let texts = browser.run(script, &json!([]))?;
    Ok(texts.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect())
}

fn requests(browser: &Browser) -> Result<Value> {
    browser.run("return performance.getEntriesByType('resource').length", &json!([]))
}

#[test]
fn rows_are_sorted_and_filtered_in_place_and_back_again() -> Result<()> {
    let site = Site::open(&[])?;
    let browser = Browser::open()?;
    browser.go(&site.at("/benchmarks"))?;
    browser.run("window.sameDocument = true", &json!([]))?;
    browser.run("return import('/wasm/benchmarks_page.js').then((page) => page.default())", &json!([]))?;
    let fastest = texts(&browser, FIRST_FAMILY)?;
    assert_eq!(fastest.first().map(String::as_str), Some("E2B-it"), "the fastest first: {fastest:?}");
    let made = requests(&browser)?;

    // A click on a head sorts, a second one turns it round.
    browser.click(".family-rows a.term[href*='sort=variant']")?;
    browser.wait("document.querySelector('th[aria-sort=ascending] a')?.textContent === 'Variant'")?;
    let up = texts(&browser, FIRST_FAMILY)?;
    assert!(up.is_sorted() && up != fastest, "{up:?}");
    browser.click(".family-rows a.term[href*='sort=-variant']")?;
    browser.wait("document.querySelector('th[aria-sort=descending] a')?.textContent === 'Variant'")?;
    assert!(texts(&browser, FIRST_FAMILY)?.iter().rev().is_sorted());

    browser.choose("select[name=backend]", "vulkan")?;
    browser.wait("location.search.includes('backend=vulkan')")?;
    browser.wait("document.querySelectorAll('.runs-table tbody tr').length < 10")?;
    let vulkan = texts(&browser, BACKENDS)?;
    assert!(!vulkan.is_empty() && vulkan.iter().all(|words| words.contains("(vulkan)")), "{vulkan:?}");
    browser.keys("[name=q]", "qwen")?;
    browser.wait("location.search.includes('q=qwen')")?;
    browser.wait("document.querySelectorAll('.runs-table tbody tr').length === 1")?;

    for _ in 0..2 {
        browser.back()?;
    }
    browser.wait("!location.search.includes('backend')")?;
    browser.wait("document.querySelectorAll('.runs-table tbody tr').length > 40")?;
    assert_eq!(browser.run("return document.querySelector('[name=backend]').value", &json!([]))?, "");
    for _ in 0..2 {
        browser.back()?;
    }
    browser.wait("location.search === ''")?;
    browser.wait(&format!(
        "JSON.stringify((() => {{ {FIRST_FAMILY} }})()) === {}",
        json!(serde_json::to_string(&fastest)?)
    ))?;
    assert_eq!(browser.run("return window.sameDocument === true", &json!([]))?, true, "it was loaded again");
    assert_eq!(requests(&browser)?, made, "rows came over the network");
    assert_eq!(browser.errors()?, [""; 0]);
    Ok(())
}

#[test]
fn without_javascript_links_sort_the_form_filters_and_terms_are_explained_to_the_keyboard() -> Result<()> {
    let site = Site::open(&[])?;
    let browser = Browser::open()?;
    browser.javascript(false)?;
    browser.go(&site.at("/benchmarks?q=gemma"))?;
    browser.click(".family-rows a.term[href*='sort=ratio']")?;
    browser.wait("location.search.includes('sort=ratio') && location.search.includes('q=gemma')")?;
    browser.choose("select[name=backend]", "cpu")?;
    browser.click("#query .submit")?;
    browser.wait("location.search.includes('backend=cpu') && location.search.includes('sort=ratio')")?;
    let backends = texts(&browser, BACKENDS)?;
    assert!(!backends.is_empty() && backends.iter().all(|words| words.contains("(cpu)")), "{backends:?}");

    let shown = "return getComputedStyle(document.querySelector('th .tip')).display";
    assert_eq!(browser.run(shown, &json!([]))?, "none");
    browser.keys("select[name=per_page]", "\u{e004}\u{e004}\u{e004}")?;
    browser.run("document.querySelector('th a.term').focus()", &json!([]))?;
    assert_eq!(browser.run(shown, &json!([]))?, "block");
    let words = browser.text("th .tip")?;
    assert!(words.contains("the model of a family"), "{words}");
    Ok(())
}

#[test]
fn a_head_that_was_pressed_keeps_the_focus_though_its_address_turns() -> Result<()> {
    let site = Site::without_wasm()?;
    let browser = Browser::open()?;
    browser.go(&site.at("/benchmarks"))?;
    let press = "const head = document.querySelectorAll('.family-rows thead')[1].querySelector('a.term[href*=\"sort=quant\"]');\
        head.focus(); head.click(); return head.closest('details').querySelector('h2').textContent";
    let family = browser.run(press, &json!([]))?;
    browser.wait("document.querySelector('th[aria-sort=ascending] a')?.textContent.startsWith('Quant')")?;
    let held = "return [document.activeElement.textContent.slice(0, 5),\
        document.activeElement.closest('details')?.querySelector('h2').textContent]";
    assert_eq!(browser.run(held, &json!([]))?, json!(["Quant", family]));
    Ok(())
}
