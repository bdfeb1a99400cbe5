//! `login`: signs in at a results server, so that this machine's runs belong to a profile there.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use data::envelope::CLAIM_TYPE;
use data::submission::MachineClaim;

use super::sent;
use crate::client::Client;
use crate::client::login::{self, Service, Session};
use crate::{calendar, interrupt, runs};

/// Sign in at a results server with GitHub, by a code that is typed in a browser.
#[derive(clap::Args)]
pub struct Login {
    /// The server; without it LLM_SPEED_SERVER, or the one on this machine.
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// Take the profile away again: name, token, and which machines belong to it. The runs stay, without a name.
    #[arg(long)]
    unlink: bool,
}

pub fn run(arguments: &Login, out: &mut dyn Write) -> Result<()> {
    interrupt::listen().context("Ctrl-C cannot be handled")?;
    let client = super::upload::client(arguments.server.as_deref())?;
    let folder = runs::data_folder()?;
    if arguments.unlink {
        return unlink(&client, &folder, out);
    }
    let service = Service::of(&client);
    let invitation = service.invite()?;
    writeln!(out, "type {} at {}", invitation.user_code, invitation.verification_uri)?;
    out.flush()?;
    let granted = service.wait(&invitation)?;
    let session = Session { server: client.place(), profile: granted.profile, token: granted.token };
    login::keep(&folder, session.clone()).context("the token cannot be kept")?;
    writeln!(out, "signed in as {}: {}", session.profile, client.page(&format!("/u/{}", session.profile)))?;
    // What was sent before belongs to the profile as well; one run a machine is enough, and the newest will do.
    if let Some(sent) = sent::newest(&folder, &client) {
        let claimed = sent.seed().and_then(|seed| claim(&client, &sent.result, &seed, &session));
        match claimed {
            Ok(()) => writeln!(out, "this machine's runs are listed there")?,
            Err(error) => eprintln!("note: this machine's runs are not listed there yet: {error:#}"),
        }
    }
    Ok(())
}

fn unlink(client: &Client, folder: &Path, out: &mut dyn Write) -> Result<()> {
    let place = client.place();
    let session =
        login::session(folder, &place).with_context(|| format!("nobody is signed in at {place}"))?;
    client.unlink(&session)?;
    login::forget(folder, &place).context("the token cannot be removed")?;
    writeln!(out, "{} is gone from {place}; its runs stay, without a name", session.profile)?;
    Ok(())
}

/// Shows that the machine of a result belongs to who is signed in.
///
/// # Errors
/// When the server does not take it, in its words.
pub fn claim(client: &Client, result: &str, seed: &[u8; 32], session: &Session) -> Result<()> {
    let message = MachineClaim {
        result: result.to_owned(),
        profile: session.profile.clone(),
        at_ms: calendar::now_ms(),
    };
    client.send_claim(CLAIM_TYPE, &message, seed, session)?;
    Ok(())
}
