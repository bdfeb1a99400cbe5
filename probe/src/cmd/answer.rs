//! `answer`: what the submitter says to a dispute.

use std::io::Write;

use anyhow::Result;
use data::envelope::ANSWER_TYPE;
use data::submission::DisputeAnswer;
use serde_json::Value;

use super::sent::{SentRun, Which};
use crate::calendar;

/// Answer a dispute about a run that was sent from here.
#[derive(clap::Args)]
pub struct Answer {
    #[command(flatten)]
    which: Which,
    /// Number of the dispute, as the result's page shows it.
    #[arg(long, value_name = "N", default_value_t = 1)]
    dispute: u64,
    /// The answer, which is shown.
    #[arg(long, value_name = "TEXT")]
    says: String,
    /// A later result of the same setup that gives the same speed: its id, or its page. The server compares them.
    #[arg(long, value_name = "RESULT")]
    reproduces: Option<String>,
    /// Print the bytes that would be signed and sent, and send nothing.
    #[arg(long)]
    print_payload: bool,
}

pub fn run(arguments: &Answer, out: &mut dyn Write) -> Result<()> {
    let sent = SentRun::find(&arguments.which)?;
    let message = DisputeAnswer {
        result: sent.result.clone(),
        dispute: arguments.dispute,
        says: arguments.says.clone(),
        reproduces: arguments.reproduces.as_deref().map(|page| super::sent::result_of(page).to_owned()),
        at_ms: calendar::now_ms(),
    };
    if arguments.print_payload {
        return super::sent::print(&serde_json::to_vec(&message)?, out);
    }
    let _: Value = sent.client.send_signed("/api/v1/answers", ANSWER_TYPE, &message, &sent.seed()?)?;
    writeln!(out, "{}#dispute-{}", sent.page(), arguments.dispute)?;
    Ok(())
}
