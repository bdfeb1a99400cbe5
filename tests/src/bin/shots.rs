//! The camera behind `cargo xtask shots`: every page, light and dark, wide and narrow, with and without its scripts.
//!
//! `shots FOLDER [WORD]` writes one PNG each into the folder, of the pages whose name holds the word.

use std::path::PathBuf;
use std::{env, fs};

use anyhow::{Context, Result};
use house::reports;
use house::site::Site;
use house::webdriver::Browser;

/// How a page is looked at.
struct Look {
    name: &'static str,
    width: u32,
    dark: bool,
    javascript: bool,
}

const LOOKS: &[Look] = &[
    Look { name: "light", width: 1280, dark: false, javascript: true },
    Look { name: "dark", width: 1280, dark: true, javascript: true },
    Look { name: "phone", width: 390, dark: false, javascript: true },
    Look { name: "phone-dark", width: 390, dark: true, javascript: true },
    Look { name: "no-js", width: 1280, dark: false, javascript: false },
];

fn main() -> Result<()> {
    let mut args = env::args().skip(1);
    let folder = PathBuf::from(args.next().context("shots FOLDER [WORD]")?);
    let only = args.next().unwrap_or_default();
    fs::create_dir_all(&folder)?;
    let reports::Reported { site, pages, .. } = &reports::open(Site::open)?;
    let browser = Browser::open()?;
    for look in LOOKS {
        browser.size(look.width, 1000)?;
        browser.dark(look.dark)?;
        browser.javascript(look.javascript)?;
        for (name, path) in pages.iter().filter(|(name, _)| name.contains(&only)) {
            browser.go(&site.at(path))?;
            let file = folder.join(format!("{name}-{}.png", look.name));
            fs::write(&file, browser.picture()?)?;
            println!("{}", file.display());
        }
    }
    Ok(())
}
