//! With the keyboard alone: every stop is seen, and everything that is asked can be asked.

use anyhow::{Result, ensure};
use house::site::Site;
use house::webdriver::Browser;
use serde_json::json;

use crate::journey::settle;

// Keys, as WebDriver writes them.
const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";
const DOWN: &str = "\u{e015}";
const ESCAPE: &str = "\u{e00c}";

/// Presses Tab until the focus is on what the selector finds; it must be visible wherever it stops.
fn tab_to(browser: &Browser, css: &str) -> Result<()> {
    const STOP: &str = "const on = document.activeElement, style = getComputedStyle(on);\
        const seen = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1;\
        return [on.matches(arguments[0]), seen || on === document.body, on.outerHTML.slice(0, 120)]";
    for _ in 0..400 {
        browser.press(TAB)?;
        let stop = browser.run(STOP, &json!([css]))?;
        ensure!(stop[1] == true, "the focus is not seen on {}", stop[2]);
        if stop[0] == true {
            return Ok(());
        }
    }
    anyhow::bail!("Tab does not come to {css}")
}

#[test]
fn a_journey_without_a_pointer() -> Result<()> {
    let site = Site::open(&[])?;
    let browser = Browser::open()?;
    browser.go(&site.at("/"))?;
    settle(&browser)?;
    tab_to(&browser, "[name=hardware]")?;
    browser.press("rtx-3090")?;
    browser.wait("document.querySelector('#results').innerText.includes('RTX 3090')")?;
    tab_to(&browser, "[name=context]")?;
    browser.press("32k")?;
    browser.wait("location.search.includes('context=32k')")?;
    tab_to(&browser, "select[name=use]")?;
    browser.press(DOWN)?;
    browser.wait("location.search.includes('use=chat')")?;

    tab_to(&browser, "#results .card h3 a")?;
    browser.press(ENTER)?;
    browser.wait("location.pathname.startsWith('/m/')")?;
    assert!(browser.url()?.contains("context=32k"), "{}", browser.url()?);
    // The browser's own key for it never reaches a page.
    browser.back()?;
    browser.wait("location.pathname === '/' && document.querySelector('#results .card')")?;
    assert_eq!(browser.run("return document.querySelector('[name=context]').value", &json!([]))?, "32k");

    tab_to(&browser, "nav a[href='/benchmarks']")?;
    browser.press(ENTER)?;
    browser.wait("location.pathname === '/benchmarks'")?;
    tab_to(&browser, ".family-rows a.term[href*='sort=variant']")?;
    browser.press(ENTER)?;
    browser.wait("document.querySelector('th[aria-sort=ascending] a')?.textContent === 'Variant'")?;
    assert_eq!(browser.run("return document.activeElement.textContent", &json!([]))?, "Variant");
    assert_eq!(browser.errors()?, [""; 0]);
    Ok(())
}

#[test]
fn a_term_is_explained_on_hover_and_on_focus_until_escape() -> Result<()> {
    const TERM: &str = ".family-rows th:nth-child(2) a.term";
    let shown = |browser: &Browser| {
        let tips = "return [...document.querySelectorAll('.tip')].filter((tip) => tip.offsetParent).map((tip) => tip.textContent)";
        browser.run(tips, &json!([]))
    };
    let site = Site::open(&[])?;
    let browser = Browser::open()?;
    browser.go(&site.at("/benchmarks"))?;
    browser.wait("document.readyState === 'complete'")?;
    let meaning = browser.run(
        "return [document.querySelector(arguments[0]).nextElementSibling.textContent]",
        &json!([TERM]),
    )?;
    assert!(meaning[0].as_str().is_some_and(|words| words.len() > 20), "{meaning}");
    assert_eq!(shown(&browser)?, json!([]));

    browser.hover(TERM)?;
    assert_eq!(shown(&browser)?, meaning, "under the pointer");
    browser.press(ESCAPE)?;
    assert_eq!(shown(&browser)?, json!([]), "put away while the pointer rests");
    browser.hover("h1")?;
    browser.hover(TERM)?;
    assert_eq!(shown(&browser)?, meaning, "pointed at again");
    browser.hover("h1")?;
    assert_eq!(shown(&browser)?, json!([]), "and left");

    tab_to(&browser, TERM)?;
    assert_eq!(shown(&browser)?, meaning, "with the focus");
    browser.press(ESCAPE)?;
    assert_eq!(shown(&browser)?, json!([]));
    let focused = browser.run("return document.activeElement.matches(arguments[0])", &json!([TERM]))?;
    assert_eq!(focused, true, "Escape takes the tip away, not the place");
    Ok(())
}
