//! Pictures for people: `cargo xtask shots`.

use anyhow::Result;

use crate::{tools, wasm};

/// Arguments of `cargo xtask shots`.
#[derive(clap::Args)]
pub struct Shots {
    /// Only pages whose name holds this word.
    only: Option<String>,
}

/// Builds the site and lets the browser tests' camera look at every page.
pub fn run(args: &Shots) -> Result<()> {
    wasm::build(None)?;
    tools::run(&mut tools::cargo(["build", "--package", "llm-speed-server"]))?;
    tools::install_browser()?;
    let folder = tools::target_dir()?.join("shots");
    let mut camera = tools::cargo(["run", "--quiet", "--package", "llm-speed-tests", "--bin", "shots", "--"]);
    tools::run(camera.arg(&folder).args(&args.only))
}
