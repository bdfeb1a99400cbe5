//! `dispute`: doubts a result, anybody's.

use std::io::Write;

use anyhow::Result;
use data::submission::Dispute as Doubt;
use serde_json::Value;

use super::UsageError;

/// Doubt a result; its page shows what you say, under no name.
#[derive(clap::Args)]
pub struct Dispute {
    /// The result's id, or the address of its page.
    #[arg(value_name = "RESULT")]
    result: String,
    /// What cannot be right, and why.
    #[arg(long, value_name = "TEXT")]
    says: String,
    /// The server; without it that of the address, LLM_SPEED_SERVER, or the one on this machine.
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// Print the bytes that would be sent, and send nothing.
    #[arg(long)]
    print_payload: bool,
}

pub fn run(arguments: &Dispute, out: &mut dyn Write) -> Result<()> {
    let (origin, id) = parts(&arguments.result);
    if id.is_empty() || arguments.says.trim().is_empty() {
        return Err(
            UsageError("name a result, and say in a sentence what is wrong with it".to_owned()).into()
        );
    }
    let doubt = Doubt { result: id.to_owned(), says: arguments.says.clone() };
    if arguments.print_payload {
        return super::sent::print(&serde_json::to_vec(&doubt)?, out);
    }
    let client = super::upload::client(arguments.server.as_deref().or(origin))?;
    let opened: Value = client.send_dispute(&doubt)?;
    writeln!(out, "{}", client.page(opened["url"].as_str().unwrap_or_default()))?;
    Ok(())
}

/// Server and id of what may be an address: `https://host/r/abc#dispute-3`.
fn parts(result: &str) -> (Option<&str>, &str) {
    let bare = result.split(['#', '?']).next().unwrap_or_default();
    match bare.rsplit_once("/r/") {
        Some((origin, id)) => (Some(origin).filter(|origin| !origin.is_empty()), id),
        None => (None, bare),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_the_whole_text() {
        let dispute = Dispute {
            result: "https://h.example/r/abc".into(),
            says: "Too fast.".into(),
            server: None,
            print_payload: true,
        };
        let mut out = Vec::new();
        run(&dispute, &mut out).unwrap();
        assert_eq!(out, b"{\"result\":\"abc\",\"says\":\"Too fast.\"}\n");
    }

    #[test]
    fn a_page_names_its_server() {
        assert_eq!(parts("abc"), (None, "abc"));
        assert_eq!(parts("/r/abc"), (None, "abc"));
        assert_eq!(parts("https://h.example/base/r/abc#dispute-3"), (Some("https://h.example/base"), "abc"));
    }
}
