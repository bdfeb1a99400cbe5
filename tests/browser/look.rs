//! Every page as it is seen: no errors in the console, nothing against the content policy, readable for everybody, on a
//! phone and in the dark.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use house::reports;
use house::site::{Site, wasm_package};
use house::webdriver::Browser;
use serde_json::{Value, json};

/// The accessibility checker, pinned: <https://github.com/dequelabs/axe-core>.
const AXE: &str = "axe-core@4.14.1";

/// Its source, installed by npm into the target directory the first time.
fn axe() -> Result<String> {
    let folder: PathBuf = wasm_package()?.with_file_name(AXE.replace('@', "-"));
    let script = folder.join("node_modules/axe-core/axe.min.js");
    if !script.is_file() {
        fs::create_dir_all(&folder)?;
        let status = Command::new("npm")
            .args(["install", "--no-save", "--no-audit", "--no-fund", "--silent", "--prefix"])
            .arg(&folder)
            .arg(AXE)
            .status()
            .context("npm did not start; `apt-get install npm`")?;
        if !status.success() {
            bail!("npm could not install {AXE}");
        }
    }
    fs::read_to_string(&script).with_context(|| format!("{} is not readable", script.display()))
}

/// Findings of weight, as `rule: first element`.
fn serious(browser: &Browser, axe: &str) -> Result<Vec<String>> {
    browser.run(&format!("{axe}; window.axe = axe"), &json!([]))?;
    let found = browser.run("return axe.run(document, {resultTypes: ['violations']})", &json!([]))?;
    let violations = found["violations"].as_array().context("axe answered in another form")?;
    assert!(found["passes"].as_array().is_some_and(|passes| passes.len() > 5), "axe looked at nothing");
    let weighty =
        violations.iter().filter(|rule| rule["impact"] == "serious" || rule["impact"] == "critical");
    Ok(weighty.map(|rule| format!("{}: {}", rule["id"], rule["nodes"][0]["html"])).collect())
}

#[test]
fn every_page_is_accessible_in_light_and_dark_and_on_a_phone() -> Result<()> {
    let axe = axe()?;
    let reports::Reported { site, pages, .. } = &reports::open(Site::open)?;
    let browser = Browser::open()?;
    let mut findings = Vec::new();
    for (dark, width) in [(false, 1280), (true, 1280), (false, 390)] {
        browser.dark(dark)?;
        browser.size(width, 900)?;
        for (name, path) in pages {
            browser.go(&site.at(path))?;
            let found = serious(&browser, &axe)?;
            findings.extend(found.iter().map(|what| format!("{name}, dark {dark}, {width} px: {what}")));
            let wide = browser.run("return document.documentElement.scrollWidth", &json!([]))?;
            if wide.as_u64().is_some_and(|wide| wide > u64::from(width)) {
                findings.push(format!("{name} is {wide} px wide on {width} px"));
            }
        }
    }
    assert!(findings.is_empty(), "{}", findings.join("\n"));
    Ok(())
}

/// The checker itself: on a page with a known fault it finds it.
#[test]
fn the_checker_finds_a_planted_fault() -> Result<()> {
    let browser = Browser::open()?;
    browser.go(
        "data:text/html,<!doctype html><html lang=en><title>t</title><main><h1>h</h1><input></main></html>",
    )?;
    let found = serious(&browser, &axe()?)?;
    assert!(found.iter().any(|what| what.contains("label")), "{found:?}");
    Ok(())
}

#[test]
fn no_page_writes_an_error_to_the_console() -> Result<()> {
    let reports::Reported { site, pages, .. } = &reports::open(Site::open)?;
    let browser = Browser::open()?;
    for (name, path) in pages {
        browser.go(&site.at(path))?;
        // The loader and what it loads have run by then.
        browser.run("return new Promise((done) => setTimeout(done, 300))", &json!([]))?;
        let errors = browser.errors()?;
        // A page that does not exist is reported as such by the browser itself.
        let own = errors.iter().filter(|line| name != "not-found" || !line.contains("404"));
        assert_eq!(own.collect::<Vec<_>>(), [""; 0], "{name}");
    }
    Ok(())
}

#[test]
fn dark_and_light_differ_and_follow_the_reader() -> Result<()> {
    let site = Site::open(&[])?;
    let browser = Browser::open()?;
    let background = |dark: bool| -> Result<Value> {
        browser.dark(dark)?;
        browser.go(&site.at("/"))?;
        browser.run("return getComputedStyle(document.body).backgroundColor", &json!([]))
    };
    assert_ne!(background(false)?, background(true)?);
    Ok(())
}
