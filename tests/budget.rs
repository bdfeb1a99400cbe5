//! Pages open on a slow line: HTML and style sheet of each together, after gzip.

use std::io::Write;

use anyhow::{Context, Result};
use flate2::{Compression, write::GzEncoder};
use house::reports;
use house::site::Site;

/// Bytes of one page and its style sheet.
const PAGE_BYTES: usize = 30_000;

#[test]
fn every_page_is_within_its_budget() -> Result<()> {
    let reports::Reported { site, pages, .. } = &reports::open(Site::without_wasm_but)?;
    let mut over = Vec::new();
    for (name, path) in pages {
        let html = get(&site.at(path))?;
        let style =
            after(&html, "rel=\"stylesheet\" href=\"").with_context(|| format!("{name} has no style"))?;
        let size = gzip_len(&html)? + gzip_len(&get(&site.at(style))?)?;
        println!("{size:>7} bytes  {name}");
        if size > PAGE_BYTES {
            over.push(format!("{name} is {size} bytes"));
        }
    }
    assert!(over.is_empty(), "over {PAGE_BYTES} bytes after gzip: {}", over.join(", "));
    Ok(())
}

/// Bytes of our own scripts, those that every page loads and those of single pages.
const SCRIPT_BYTES: usize = 5_000;

#[test]
fn our_scripts_are_within_their_budget() -> Result<()> {
    let site = Site::without_wasm()?;
    let mut sum = 0;
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../web/assets"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".js") {
            let size = gzip_len(&get(&site.at(&format!("/assets/{name}")))?)?;
            println!("{size:>7} bytes  {name}");
            sum += size;
        }
    }
    // The package's entry lies beside the modules, as it was written.
    sum += gzip_len(include_str!("../web/wasm/package/index.js"))?;
    assert!(sum > 0 && sum <= SCRIPT_BYTES, "{sum} bytes after gzip, of {SCRIPT_BYTES}");
    Ok(())
}

fn get(url: &str) -> Result<String> {
    Ok(house::local_http().get(url).call()?.body_mut().read_to_string()?)
}

/// What follows a marker, up to the closing quote.
fn after<'a>(html: &'a str, marker: &str) -> Option<&'a str> {
    html.split_once(marker)?.1.split('"').next()
}

fn gzip_len(text: &str) -> Result<usize> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(text.as_bytes())?;
    Ok(gzip.finish()?.len())
}
