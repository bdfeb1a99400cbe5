//! `login`: signs in, so that later runs belong to a profile.

use std::io::Write;

use anyhow::{Context, Result};

use super::UsageError;
use crate::client::login::{self, Service};
use crate::{interrupt, runs};

/// Sign in with GitHub, by a code that is typed in a browser.
#[derive(clap::Args)]
pub struct Login {
    /// The sign-in service.
    #[arg(long, value_name = "URL", default_value = "https://github.com")]
    identity: String,
    /// The id under which the results server is registered there; without it LLM_SPEED_CLIENT_ID.
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
}

pub fn run(arguments: &Login, out: &mut dyn Write) -> Result<()> {
    interrupt::listen().context("Ctrl-C cannot be handled")?;
    let variable = || std::env::var("LLM_SPEED_CLIENT_ID").ok().filter(|id| !id.is_empty());
    let id = arguments.client_id.clone().or_else(variable).ok_or_else(|| {
        UsageError(
            "--client-id: the results server's id at the sign-in service is needed; whoever runs the server has it"
                .to_owned(),
        )
    })?;
    let service =
        Service::new(&arguments.identity, &id).map_err(|error| UsageError(format!("--identity: {error}")))?;
    let invitation = service.invite()?;
    writeln!(out, "type {} at {}", invitation.user_code, invitation.verification_uri)?;
    out.flush()?;
    let token = service.wait(&invitation)?;
    login::keep(&runs::data_folder()?, &token).context("the token cannot be kept")?;
    writeln!(out, "signed in")?;
    Ok(())
}
