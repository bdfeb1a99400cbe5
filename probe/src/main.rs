//! `llm-speed-probe`: everything is in the library, so that tests need no process.

use std::process::ExitCode;

fn main() -> ExitCode {
    probe::cmd::main(std::env::args_os(), &mut std::io::stdout().lock())
}
