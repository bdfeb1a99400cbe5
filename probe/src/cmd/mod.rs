//! The commands, one file each: their arguments beside the function that uses them.
//!
//! Results go to the writer that is handed in (standard output), progress and warnings to standard error.

mod answer;
mod bench;
mod beside;
mod compare;
mod detect;
mod dispute;
mod estimate;
mod evidence;
mod fit;
mod list_models;
mod login;
mod manual;
mod question;
mod read;
mod runtimes;
mod self_update;
mod sent;
mod upload;
mod verify;
mod verify_log;
mod withdraw;
mod words;

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::names::printable;

/// The work failed.
const FAILED: u8 = 1;
/// The command line asked for something that cannot be: clap's own code for its refusals too.
const USAGE: u8 = 2;

/// How fast does this machine run language models? Measure it, or estimate it.
#[derive(Parser)]
#[command(name = "llm-speed-probe", version, max_term_width = 100, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Bench(bench::Bench),
    Detect(detect::Detect),
    ListModels(list_models::ListModels),
    Compare(compare::Compare),
    Estimate(estimate::Estimate),
    Fit(fit::Fit),
    Read(read::Read),
    Verify(verify::Verify),
    Upload(upload::Upload),
    Dispute(dispute::Dispute),
    Evidence(evidence::Evidence),
    Answer(answer::Answer),
    Withdraw(withdraw::Withdraw),
    VerifyRun(verify_log::VerifyRun),
    VerifyLog(verify_log::VerifyLog),
    Login(login::Login),
    SelfUpdate(self_update::SelfUpdate),
    Completions(manual::Completions),
    Man(manual::Man),
}

/// A wish on the command line that cannot be met: ends with code 2, like a misspelt flag.
#[derive(Debug)]
pub struct UsageError(pub String);

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}

/// Runs a command line; the whole program.
pub fn main(arguments: impl IntoIterator<Item = OsString>, out: &mut dyn Write) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(refusal) => {
            // Help and version are results too. When even that cannot be printed, there is nobody left to tell.
            let _ = refusal.print();
            return ExitCode::from(if refusal.use_stderr() { USAGE } else { 0 });
        }
    };
    let result = match &cli.command {
        Command::Bench(arguments) => bench::run(arguments, out),
        Command::Detect(arguments) => detect::run(arguments, out),
        Command::ListModels(arguments) => list_models::run(arguments, out),
        Command::Compare(arguments) => compare::run(arguments, out),
        Command::Read(arguments) => read::run(arguments, out),
        Command::Verify(arguments) => verify::run(arguments, out),
        Command::Upload(arguments) => upload::run(arguments, out),
        Command::Dispute(arguments) => dispute::run(arguments, out),
        Command::Evidence(arguments) => evidence::run(arguments, out),
        Command::Answer(arguments) => answer::run(arguments, out),
        Command::Withdraw(arguments) => withdraw::run(arguments, out),
        Command::VerifyRun(arguments) => verify_log::run(arguments, out),
        Command::VerifyLog(arguments) => verify_log::log(arguments, out),
        Command::Login(arguments) => login::run(arguments, out),
        Command::SelfUpdate(arguments) => self_update::run(arguments, out),
        Command::Completions(arguments) => manual::completions(arguments, out),
        Command::Man(_) => manual::man(out),
        Command::Estimate(arguments) => estimate::run(arguments, out),
        Command::Fit(arguments) => fit::run(arguments, out),
    };
    match result.and_then(|()| Ok(out.flush()?)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit(&error),
    }
}

fn exit(error: &anyhow::Error) -> ExitCode {
    // `llm-speed-probe fit | head`: the reader has seen enough, which is no failure of ours.
    if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
        return ExitCode::SUCCESS;
    }
    // A server's words may be among them: shown, not obeyed.
    for (at, line) in format!("{error:#}").lines().enumerate() {
        let start = if at == 0 { "llm-speed-probe: " } else { "" };
        eprintln!("{start}{}", printable(line));
    }
    ExitCode::from(if error.is::<UsageError>() { USAGE } else { FAILED })
}
