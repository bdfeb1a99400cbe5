//! `withdraw`: takes a sent run back.

use std::io::Write;

use anyhow::Result;
use data::envelope::WITHDRAWAL_TYPE;
use data::submission::{Receipt, Withdrawal};

use super::sent::{SentRun, Which};
use crate::calendar;

/// Take a sent run back; its page stays, marked as withdrawn.
#[derive(clap::Args)]
pub struct Withdraw {
    #[command(flatten)]
    which: Which,
    /// Why, in a sentence that is shown.
    #[arg(long, value_name = "TEXT", default_value = "")]
    why: String,
    /// Print the bytes that would be signed and sent, and send nothing.
    #[arg(long)]
    print_payload: bool,
}

pub fn run(arguments: &Withdraw, out: &mut dyn Write) -> Result<()> {
    let sent = SentRun::find(&arguments.which)?;
    let message =
        Withdrawal { result: sent.result.clone(), says: arguments.why.clone(), at_ms: calendar::now_ms() };
    if arguments.print_payload {
        return super::sent::print(&serde_json::to_vec(&message)?, out);
    }
    let receipt: Receipt =
        sent.client.send_signed("/api/v1/withdraw", WITHDRAWAL_TYPE, &message, &sent.seed()?)?;
    writeln!(out, "{}\n{}", receipt.state.name(), sent.page())?;
    Ok(())
}
