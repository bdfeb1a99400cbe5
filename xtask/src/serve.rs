//! Open the house: `cargo xtask serve`.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::{tools, wasm};

/// Arguments of `cargo xtask serve`.
#[derive(clap::Args)]
pub struct Serve {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:8787")]
    addr: String,
    /// Where the database lies; it is made where there is none.
    #[arg(long, value_name = "DIR", default_value = "data-dir")]
    data_dir: PathBuf,
    /// Anything else for the server, after `--`.
    #[arg(last = true)]
    rest: Vec<String>,
}

/// Builds, then becomes the server. Without a WASM package the site is still whole, since the server renders every page.
pub fn run(args: &Serve) -> Result<()> {
    let package = wasm::build(None);
    tools::run(&mut tools::cargo(["build", "--package", "llm-speed-server"]))?;

    let mut server = Command::new(tools::built("llm-speed-server")?);
    server.args(["--addr", &args.addr, "--data-dir"]).arg(&args.data_dir);
    match package {
        Ok(package) => {
            server.arg("--wasm-dir").arg(package);
        }
        Err(error) => eprintln!("no WASM package, so the server renders every page by itself: {error:#}"),
    }
    become_it(server.args(&args.rest))
}

/// Replaces this process, so that a signal to the chore reaches the server.
#[cfg(unix)]
fn become_it(server: &mut Command) -> Result<()> {
    use std::os::unix::process::CommandExt;
    Err(anyhow::Error::new(server.exec()).context("the server did not start"))
}

#[cfg(not(unix))]
fn become_it(server: &mut Command) -> Result<()> {
    tools::run(server)
}
