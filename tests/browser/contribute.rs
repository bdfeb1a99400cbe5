//! Contributing a paste: read at once, asked where it is unclear, sent with proof of work, and found again.

use anyhow::Result;
use house::site::Site;
use house::webdriver::Browser;
use serde_json::json;

const PASTE: &str = "user: my secret prompt\n\
    llama_perf_context_print:        load time =     946.79 ms\n\
    llama_perf_context_print: prompt eval time =    1280.00 ms /   512 tokens (    2.50 ms per token,   400.00 tokens per second)\n\
    llama_perf_context_print:        eval time =    4310.00 ms /   127 runs   (   33.94 ms per token,    29.47 tokens per second)\n\
    llama_perf_context_print:       total time =    5610.00 ms /   639 tokens\n";

fn fill(browser: &Browser, field: &str, text: &str) -> Result<()> {
    let set = "const field = document.querySelector(arguments[0]); field.value = arguments[1];\
        field.dispatchEvent(new Event('input', { bubbles: true }))";
    browser.run(set, &json!([format!("#contribute [name={field}]"), text])).map(drop)
}

/// The page with its module at hand; the site lives as long as it is held.
fn contribute_page() -> Result<(Site, Browser)> {
    let site = Site::open(&[])?;
    let browser = Browser::open()?;
    browser.go(&site.at("/contribute"))?;
    browser.wait(
        "performance.getEntriesByType('resource').some((entry) => entry.name.includes('contribute_bg'))",
    )?;
    Ok((site, browser))
}

#[test]
fn a_paste_is_previewed_sent_and_found_again() -> Result<()> {
    let (_site, browser) = contribute_page()?;
    fill(&browser, "text", PASTE)?;
    browser.wait("document.querySelector('#results mark')")?;
    let read = browser.text("#results pre.paste")?;
    assert!(read.contains("29.47decode tok/s"), "each value says what it was read as: {read}");
    assert_eq!(browser.run("return document.querySelector('#contribute-drop').hidden", &json!([]))?, false);

    // An ambiguous machine is asked, not guessed.
    fill(&browser, "hardware", "m4-max")?;
    fill(&browser, "model", "qwen3-14b")?;
    fill(&browser, "quant", "Q4_K_M")?;
    browser.wait("document.querySelector('#results button[name=hardware_is]')")?;
    browser.click("#results button[name=hardware_is][value=m4-max-40-core]")?;
    browser.wait("document.querySelector('#send') && !document.querySelector('#send').hidden")?;
    let hidden = browser.run("return document.querySelector('#without').hidden", &json!([]))?;
    assert_eq!(hidden, true, "the command is for those who cannot send from here");
    // Another machine was meant: what was picked for the first is not sent for it.
    fill(&browser, "hardware", "m4-ma")?;
    browser.wait("!document.querySelector('#contribute [name=hardware_is]')")?;
    fill(&browser, "hardware", "m4-max")?;
    browser.wait("document.querySelector('#results button[name=hardware_is][value=m4-max-40-core]')")?;
    browser.click("#results button[name=hardware_is][value=m4-max-40-core]")?;
    browser.wait("document.querySelector('#send') && !document.querySelector('#send').hidden")?;
    let results = browser.text("#results")?;
    assert!(results.contains("Our estimate") && results.contains('×'), "{results}");
    assert!(!browser.text("#results pre.paste:last-of-type")?.contains("secret"), "{results}");

    browser.click("#send")?;
    browser.wait("document.querySelector('#results a[href^=\"/r/\"]')")?;
    browser.click("#results a[href^='/r/']")?;
    browser.wait("location.pathname.startsWith('/r/')")?;
    let page = browser.text("body")?;
    assert!(
        page.contains("Qwen3-14B on Apple M4 Max (40-core GPU)") && page.contains("pasted lines"),
        "{page}"
    );
    assert!(page.contains("512 in, 127 out"), "{page}");
    assert!(!page.contains("secret"), "{page}");

    // A reader doubts it: the work is done in the browser, and the page shows what was said, as text.
    let address = browser.run("return location.href", &json!([]))?;
    browser.wait("!document.querySelector('#dispute').hidden")?;
    let doubt = "<img src=x onerror=alert(1)> Half of that is what others get.";
    browser.run("document.querySelector('#dispute textarea').value = arguments[0]", &json!([doubt]))?;
    browser.click("#dispute .submit")?;
    browser.wait("document.querySelector('.thread li[id^=dispute-]')")?;
    assert!(browser.text(".thread")?.contains(doubt), "{}", browser.text(".thread")?);
    browser.wait("location.hash.startsWith('#dispute-')")?;
    assert_eq!(browser.errors()?, [""; 0]);

    // Without scripts the form is not there, and the probe's command is.
    browser.javascript(false)?;
    browser.go(address.as_str().unwrap_or_default())?;
    let page = browser.text("#doubt")?;
    assert!(page.contains("llm-speed-probe dispute "), "{page}");
    assert_eq!(browser.run("return document.querySelector('#dispute').hidden", &json!([]))?, true);
    Ok(())
}

#[test]
fn without_javascript_the_server_reads_the_paste_and_keeps_nothing() -> Result<()> {
    let site = Site::open(&[])?;
    let browser = Browser::open()?;
    browser.javascript(false)?;
    browser.go(&site.at("/contribute"))?;
    fill(&browser, "text", PASTE)?;
    browser.click("#contribute .submit")?;
    browser.wait("document.querySelector('#results mark')")?;
    let results = browser.text("#results")?;
    assert!(results.contains("The text does not say"), "{results}");
    fill(&browser, "hardware", "rtx-3060-12gb")?;
    fill(&browser, "model", "qwen3-14b")?;
    fill(&browser, "quant", "q4_k_m")?;
    browser.click("#contribute .submit")?;
    browser.wait("document.querySelector('#without code')")?;
    let results = browser.text("#results")?;
    let command =
        "llm-speed-probe read FILE --submit --hardware rtx-3060-12gb --model qwen3-14b --quant q4_k_m";
    assert!(results.contains(command), "{results}");
    Ok(())
}

#[test]
fn with_scripts_and_without_the_module_the_command_is_told_and_what_was_picked_stays() -> Result<()> {
    let site = Site::without_wasm()?;
    let browser = Browser::open()?;
    browser.go(&site.at("/contribute"))?;
    for (field, text) in
        [("text", PASTE), ("hardware", "m4-max"), ("model", "qwen3-14b"), ("quant", "q4_k_m")]
    {
        fill(&browser, field, text)?;
    }
    browser.click("#contribute .submit")?;
    browser.wait("document.querySelector('#results button[name=hardware_is]')")?;
    browser.click("#results button[name=hardware_is][value=m4-max-40-core]")?;
    browser.wait("document.querySelector('#without code')")?;
    let told = browser.text("#results")?;
    assert!(told.contains("llm-speed-probe read FILE --submit --hardware m4-max-40-core"), "{told}");
    let kept = "return document.querySelector('#contribute [name=hardware_is]')?.value";
    assert_eq!(browser.run(kept, &json!([]))?, "m4-max-40-core");
    let drop = "return document.querySelector('#contribute-drop').hidden";
    assert_eq!(browser.run(drop, &json!([]))?, true, "no file can be read here");
    Ok(())
}

#[test]
fn what_cannot_be_used_says_what_to_paste_instead() -> Result<()> {
    let (_site, browser) = contribute_page()?;
    fill(&browser, "text", "I get 120 tok/s, trust me")?;
    browser.wait("document.querySelector('#results .reading.over')")?;
    assert!(browser.text("#results")?.contains("Paste the lines"));
    assert_eq!(browser.run("return document.querySelector('#send')", &json!([]))?, serde_json::Value::Null);
    Ok(())
}
