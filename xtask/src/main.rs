//! Every chore of the project, in Rust: `cargo xtask <chore>`.
//!
//! One file a chore. What several need (finding programs, installing packages, running cargo) is in `tools`, and what a
//! cross build needs is in `toolchain`.

mod bench;
mod bill;
mod bless;
mod budget;
mod dist;
mod engines;
mod failures;
mod fuzz;
mod serve;
mod shots;
mod supply;
mod test;
mod toolchain;
mod tools;
mod wasm;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The chores of llm-speed.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Open the house: build the WASM package and the server, and start it.
    Serve(serve::Serve),
    /// Everything that CI checks: format, lints, tests, docs, bare metal, WASM with its size budget, browser.
    Test(test::Test),
    /// Benchmarks, and the books of what was measured.
    Bench(bench::Bench),
    /// Write what is kept in one form: the files under `data/`, the API's description, the README's example.
    Bless,
    /// The probe as a static archive for Linux, with its checksum, and bills of materials.
    Dist(dist::Dist),
    /// Install the engines and the model that tests compare us with, and print where they are.
    Engines(engines::Engines),
    /// Bytes made from the corpus against every reader of foreign bytes.
    Fuzz(fuzz::Fuzz),
    /// Pictures of every page for people to look at: light, dark, phone width, without JavaScript.
    Shots(shots::Shots),
    /// Licences and advisories, the oldest compiler, packages, and whether the WASM package can be made again.
    Supply(supply::Supply),
    /// Build the WASM package into `target/web/pkg` and check its size.
    Wasm(wasm::Wasm),
}

fn main() -> ExitCode {
    let done = match Cli::parse().chore {
        Chore::Serve(args) => serve::run(&args),
        Chore::Test(args) => test::run(&args),
        Chore::Bench(args) => bench::run(&args),
        Chore::Bless => bless::run(),
        Chore::Dist(args) => dist::run(&args),
        Chore::Engines(args) => engines::run(&args),
        Chore::Fuzz(args) => fuzz::run(&args),
        Chore::Shots(args) => shots::run(&args),
        Chore::Supply(args) => supply::run(&args),
        Chore::Wasm(args) => wasm::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
