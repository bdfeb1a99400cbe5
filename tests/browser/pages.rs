//! The pages beside the first: a model, a device, setups side by side, boards and people.

use anyhow::Result;
use house::reports::{self, Reported, SOMEBODY};
use house::site::Site;
use house::webdriver::Browser;
use serde_json::{Value, json};

use crate::journey::{same_document, settle};

fn count(browser: &Browser, css: &str) -> Result<u64> {
    let found = browser.run("return document.querySelectorAll(arguments[0]).length", &json!([css]))?;
    Ok(found.as_u64().unwrap_or_default())
}

#[test]
fn a_models_page_asks_for_a_machine_and_shows_one_quantisation_everywhere() -> Result<()> {
    let site = Site::open(&[])?;
    let browser = Browser::open()?;
    browser.go(&site.at("/m/qwen3-14b"))?;
    settle(&browser)?;
    assert_eq!(count(&browser, ".stack tbody tr")?, 0, "no machine, no table of quantisations");
    browser.keys("[name=hardware]", "rtx-4090")?;
    browser.wait("document.querySelectorAll('.stack tbody tr').length > 10")?;
    browser.click(".stack tbody tr:nth-child(3) th a")?;
    browser.wait("location.search.includes('quant=')")?;
    browser.wait("document.querySelector('.stack tbody tr:nth-child(3) a[aria-current=true]')")?;
    assert_eq!(count(&browser, ".stack a[aria-current]")?, 1);
    assert!(same_document(&browser)?, "links and fields answer in place");

    // A machine of the list below leads to its page, and the question goes along.
    browser.keys("[name=context]", "8k")?;
    browser.wait("location.search.includes('context=8k')")?;
    browser.click("#results .cards h3 a")?;
    browser.wait("location.pathname !== '/m/qwen3-14b' || !location.search.includes('rtx-4090')")?;
    assert!(browser.url()?.contains("context=8k"), "{}", browser.url()?);
    assert_eq!(browser.errors()?, [""; 0]);
    Ok(())
}

#[test]
fn on_a_phone_verdicts_and_speeds_of_all_quantisations_are_seen_at_once() -> Result<()> {
    let site = Site::without_wasm()?;
    let browser = Browser::open()?;
    browser.size(390, 800)?;
    browser.go(&site.at("/m/qwen3-14b?hardware=rtx-3090"))?;
    let hidden = browser.run(
        "const box = document.querySelector('.stack').closest('.scroll');
        const within = (cell) => { const at = cell.getBoundingClientRect(); return at.width > 0 && at.left >= 0 && at.right <= 390; };
        const rows = [...box.querySelectorAll('tbody tr')];
        const clear = (row) => ['th', '.verdict', '.speed'].every((css) => {
            const cell = row.querySelector(css);
            return cell.textContent.trim() === '' || within(cell);
        });
        return [rows.length, box.scrollWidth - box.clientWidth, rows.filter((row) => !clear(row)).length]",
        &json!([]),
    )?;
    assert!(hidden[0].as_u64().is_some_and(|rows| rows > 10), "{hidden}");
    assert_eq!((&hidden[1], &hidden[2]), (&json!(0), &json!(0)), "scrolled sideways, cells out of sight");
    Ok(())
}

#[test]
fn a_devices_page_finds_models_and_leads_to_them() -> Result<()> {
    let site = Site::open(&[])?;
    let browser = Browser::open()?;
    browser.go(&site.at("/d/rtx-3090"))?;
    settle(&browser)?;
    let one = browser.text("#results")?;
    browser.keys("[name=devices]", "2")?;
    browser.wait("location.search.includes('devices=2')")?;
    browser.wait(&format!("document.querySelector('#results').innerText !== {}", json!(one)))?;
    browser.keys("[name=q]", "coder")?;
    browser.wait(
        "[...document.querySelectorAll('.card h3')].every((head) => /coder/i.test(head.textContent)) \
         && document.querySelector('.card')",
    )?;
    assert!(same_document(&browser)?);
    browser.click(".card h3 a")?;
    browser.wait("location.pathname.startsWith('/m/')")?;
    let url = browser.url()?;
    assert!(url.contains("hardware=rtx-3090") && url.contains("devices=2"), "{url}");
    assert_eq!(browser.errors()?, [""; 0]);
    Ok(())
}

#[test]
fn compared_setups_say_for_themselves_what_differs() -> Result<()> {
    let site = Site::open(&[])?;
    let browser = Browser::open()?;
    browser.go(&site.at("/compare"))?;
    settle(&browser)?;
    for (field, text) in [
        ("hardware1", "rtx-3090"),
        ("model1", "llama-3.1-8b"),
        ("hardware2", "rtx-3090"),
        ("model2", "llama-3.1-8b"),
        ("context2", "32k"),
    ] {
        browser.keys(&format!("[name={field}]"), text)?;
    }
    browser.choose("select[name=kv2]", "q8_0")?;
    browser.wait("document.querySelectorAll('.compare thead th').length === 2")?;
    let row = |browser: &Browser, head: &str| -> Result<Value> {
        browser.run(
            "const row = [...document.querySelectorAll('.compare tbody tr')].find((row) => row.querySelector('th').innerText === arguments[0]);
            return row && [...row.querySelectorAll('td')].map((cell) => cell.innerText.trim())",
            &json!([head]),
        )
    };
    browser.wait("document.querySelector('.compare').innerText.includes('q8_0')")?;
    assert_eq!(row(&browser, "Context, tokens")?, json!(["4k", "32k"]));
    assert_eq!(row(&browser, "KV cache")?, json!(["f16", "q8_0"]));
    assert_eq!(row(&browser, "Runtime")?, Value::Null, "what is the same is not told");
    assert!(same_document(&browser)?);

    // The button asks the server, which answers the same and offers one more.
    let here = browser.text(".compare")?;
    browser.click("#query .submit")?;
    browser.wait("document.querySelector('[name=hardware3]')")?;
    assert_eq!(browser.text(".compare")?, here);
    settle(&browser)?;
    browser.click(".compare thead th:nth-child(3) a")?;
    browser.wait("document.querySelectorAll('.compare thead th').length === 1")?;
    let url = browser.url()?;
    assert!(url.contains("hardware1=") && !url.contains("2="), "{url}");
    assert_eq!(browser.errors()?, [""; 0]);
    Ok(())
}

#[test]
fn boards_are_sorted_and_people_lead_to_their_results() -> Result<()> {
    let Reported { site, .. } = &reports::open(Site::open)?;
    let browser = Browser::open()?;
    browser.go(&site.at("/leaderboard"))?;
    assert!(count(&browser, "tbody tr")? > 0);
    browser.click("thead a[href*='sort=ttft']")?;
    browser.wait("location.search.includes('sort=ttft')")?;
    assert_eq!(count(&browser, "th[aria-sort]")?, 1);
    browser.click("tbody td a[href^='/m/']")?;
    browser.wait("location.pathname.startsWith('/m/')")?;

    browser.go(&site.at("/leaderboard"))?;
    browser.click("a[href='/contributors']")?;
    browser.wait("location.pathname === '/contributors'")?;
    browser.click("tbody th a")?;
    browser.wait(&format!("location.pathname === '/u/{SOMEBODY}'"))?;
    assert!(browser.text("h1")?.contains(SOMEBODY));
    browser.click("#results a[href^='/r/']")?;
    browser.wait("location.pathname.startsWith('/r/')")?;
    assert_eq!(browser.errors()?, [""; 0]);
    Ok(())
}
