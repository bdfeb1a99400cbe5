//! What the server's program does besides serving: dump, backup, and the acts of a maintainer. Every act is an event.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use data::checkpoint::Checkpoint;
use data::submission::SENTENCE_LIMIT;
use tokio::sync::mpsc;

use crate::api::log::ORIGIN;
use crate::args::Args;
use crate::dump::{self, Form};
use crate::gate::strict::hides;
use crate::manifest;
use crate::store::{Actor, Change, Changed, EventKind, Head, Store};
use crate::submit::now_ms;

/// A command.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Command {
    /// Write every result to standard output, a line for each point.
    Export {
        /// In which form.
        #[arg(long, value_enum, default_value = "jsonl")]
        form: Form,
    },
    /// Write the whole database to a file, while the server runs.
    Backup {
        /// The file; it must not be there yet.
        file: PathBuf,
    },
    /// Make a database of a backup; there must be none yet.
    Restore {
        /// What `backup` wrote.
        file: PathBuf,
    },
    /// Print the log's checkpoint.
    Checkpoint,
    /// What probes update themselves with.
    #[command(subcommand)]
    Manifest(manifest::Task),
    /// Acts of a maintainer.
    #[command(subcommand)]
    Admin(Act),
}

/// What a maintainer does, and why: the reason is shown with the result.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Act {
    /// A result waits, and does not count.
    Hold(About),
    /// A result that was held, flagged or withdrawn counts.
    Release(About),
    /// A result is taken back; it stays visible.
    Withdraw(About),
    /// Answer a dispute.
    Answer(AboutDispute),
    /// End a dispute.
    Settle(AboutDispute),
    /// Erase the bytes that were sent; the log keeps their place.
    Erase(About),
    /// Take a profile away, with its tokens and its ties to machines; the results stay, without a name.
    Unlink {
        /// The profile's name.
        name: String,
    },
    /// Print the key that signed a result, which nothing public shows.
    Key {
        /// Id of the result.
        result: String,
    },
    /// A key may not submit any more.
    BanKey {
        /// The public key, 64 hexadecimal digits.
        key: String,
        /// Why.
        #[arg(long)]
        says: String,
    },
}

/// A result, and why.
#[derive(Debug, Clone, clap::Args)]
pub struct About {
    /// Its id.
    result: String,
    /// Why.
    #[arg(long)]
    says: String,
}

/// A dispute, and what is said.
#[derive(Debug, Clone, clap::Args)]
pub struct AboutDispute {
    /// Id of the result.
    result: String,
    /// Number of the dispute.
    dispute: u64,
    /// What.
    #[arg(long)]
    says: String,
}

/// Does it; what there is to read goes to `out`.
///
/// # Errors
/// In a sentence, why it could not be done.
pub async fn run(command: &Command, args: &Args, out: &mut (dyn Write + Send)) -> Result<()> {
    if let Command::Manifest(task) = command {
        return manifest::run(task, out);
    }
    if let Command::Restore { file } = command {
        Store::restore(&args.data_dir, args.database_url.as_deref(), file).await?;
    }
    let store = Store::existing(args).await?;
    match command {
        Command::Export { form } => export(&store, *form, out).await?,
        Command::Backup { file } => {
            let head = store.backup(file, args.database_url.as_deref()).await?;
            checkpoint(&store, head, out).await?;
        }
        Command::Restore { .. } | Command::Checkpoint => checkpoint(&store, store.head().await?, out).await?,
        Command::Admin(act) => act_on(&store, act, out).await?,
        Command::Manifest(_) => {}
    }
    store.close().await;
    Ok(())
}

async fn export(store: &Store, form: Form, out: &mut (dyn Write + Send)) -> Result<()> {
    let (sender, mut pieces) = mpsc::channel(4);
    let reader = store.clone();
    let writing = tokio::spawn(async move { dump::write(&reader, form, &sender).await });
    while let Some(piece) = pieces.recv().await {
        out.write_all(&piece?).context("standard output")?;
    }
    Ok(writing.await??)
}

async fn checkpoint(store: &Store, head: Head, out: &mut (dyn Write + Send)) -> Result<()> {
    let (edge, secrets) = (head.edge, store.secrets().await?);
    let checkpoint = Checkpoint { origin: ORIGIN.to_owned(), size: edge.size, root: edge.root() };
    write!(out, "{}", checkpoint.sign(&secrets.log_seed)).context("standard output")
}

async fn act_on(store: &Store, act: &Act, out: &mut (dyn Write + Send)) -> Result<()> {
    let (kind, result, dispute, says) = match act {
        Act::Hold(about) => (EventKind::Held, &about.result, None, &about.says),
        Act::Release(about) => (EventKind::Reinstated, &about.result, None, &about.says),
        Act::Withdraw(about) => (EventKind::Withdrawn, &about.result, None, &about.says),
        Act::Answer(about) => (EventKind::Answered, &about.result, Some(about.dispute), &about.says),
        Act::Settle(about) => (EventKind::Settled, &about.result, Some(about.dispute), &about.says),
        Act::Erase(about) => return erase(store, about, out).await,
        Act::Key { result } => {
            let stored = store.result(result).await?;
            let key = stored.with_context(|| format!("there is no result {result}"))?.run.signing_key;
            let key = if key.is_empty() { "nobody signed it: it was pasted" } else { &key };
            return writeln!(out, "{key}").context("standard output");
        }
        Act::Unlink { name } => {
            let found = store.contribution(name).await?;
            let found = found.with_context(|| format!("there is no profile {name}"))?;
            store.unlink(&found.profile.subject).await?;
            return writeln!(out, "{name} is gone; its results stay, without a name")
                .context("standard output");
        }
        Act::BanKey { key, says } => {
            if data::digest::unhex32(key).is_none() {
                bail!("{key} is no key: 64 lower-case hexadecimal digits");
            }
            reason(says)?;
            let signed = store.ban_key(key, says, now_ms()).await?;
            return writeln!(
                out,
                "{key} may not submit any more; results that it signed and that say so now: {signed}"
            )
            .context("standard output");
        }
    };
    reason(says)?;
    let change = Change { kind, actor: Actor::Maintainer, dispute, code: String::new(), says: says.clone() };
    match store.change(result, &change, now_ms()).await? {
        Changed::Done(_, standing) => {
            let doubt = if standing.in_doubt() {
                format!(", open disputes: {}", standing.disputes)
            } else {
                String::new()
            };
            writeln!(out, "{result}: {}{doubt}", standing.state().name()).context("standard output")
        }
        Changed::TakenBack => {
            bail!(
                "the submitter of {result} took it back; it stays withdrawn, and nobody else may change that"
            )
        }
        Changed::Repeated(number) => bail!("that was written down before, as number {number} of {result}"),
        Changed::Unknown => bail!("there is no result {result}, or no such dispute that is open"),
    }
}

/// A reason is shown with the result, so it must say something, and nothing that cannot be seen.
fn reason(says: &str) -> Result<()> {
    if says.trim().is_empty() {
        bail!("--says is empty; say why in a sentence, it is shown with the result");
    }
    if says.chars().count() > SENTENCE_LIMIT {
        bail!("--says has more than {SENTENCE_LIMIT} characters; say it in fewer");
    }
    match says.chars().find(|sign| hides(*sign) && !matches!(sign, '\n' | '\t')) {
        None => Ok(()),
        Some(sign) => {
            bail!("--says has the character U+{:04X}, which cannot be seen; remove it", u32::from(sign))
        }
    }
}

async fn erase(store: &Store, about: &About, out: &mut (dyn Write + Send)) -> Result<()> {
    reason(&about.says)?;
    store.result(&about.result).await?.with_context(|| format!("there is no result {}", about.result))?;
    if !store.erase(&about.result, &about.says, now_ms()).await? {
        bail!("its bytes were erased before");
    }
    writeln!(out, "{}: erased; its place in the log stays", about.result).context("standard output")
}
