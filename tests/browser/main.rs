//! The site in a real browser: chromium, headless, against the real server. `cargo xtask test` builds both sides first.

mod benchmarks;
mod contribute;
mod embed;
mod journey;
mod keyboard;
mod look;
mod opened;
mod pages;
mod same;

use std::collections::BTreeMap;

use anyhow::Result;
use house::files::{FileServer, Served};
use house::webdriver::Browser;

/// The driver itself, on a page that is known to be broken: the errors that other tests must not see are seen here.
#[test]
fn the_browser_reports_what_goes_wrong() -> Result<()> {
    let html = "<!doctype html><title>t</title><p id=p>before</p>\
        <script>p.textContent = 'script ran'; missing()</script>";
    let files = FileServer::start(BTreeMap::from([("/".to_owned(), Served::open(html))]))?;
    let browser = Browser::open()?;
    browser.go(&files.origin)?;
    assert_eq!(browser.text("#p")?, "script ran");
    assert!(browser.errors()?.iter().any(|line| line.contains("missing is not defined")));

    browser.javascript(false)?;
    browser.go(&files.origin)?;
    assert_eq!(browser.text("#p")?, "before");
    assert_eq!(browser.picture()?[1..4], *b"PNG");
    Ok(())
}
