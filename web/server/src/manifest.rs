//! `llm-speed-server manifest …`: makes, signs and checks what probes update themselves with. It needs no database and is
//! best run where the signing key is, apart from the machine that serves.

use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use data::Catalog;
use data::digest::digest;
use data::update::{MANIFEST, Manifest, Program, SuiteFile, stays_inside};
use minisign::{KeyPair, PublicKey, SecretKey, SecretKeyBox, SignatureBox};

use crate::gate::day;
use crate::private;
use crate::submit::now_ms;
use crate::update::{self, SIGNATURE};

/// Holds the password of a key that has one.
const PASSWORD: &str = "LLM_SPEED_SIGNING_PASSWORD";

/// What is done with manifests.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Task {
    /// Make a signing key; the public one is printed, to be pinned when the probe is built (LLM_SPEED_UPDATE_KEYS).
    Key {
        /// Where the secret key goes; it must not be there yet.
        file: PathBuf,
    },
    /// Write a manifest of programs and suites into a folder, with what it names.
    Make(Make),
    /// Sign a folder's manifest.
    Sign {
        /// The folder.
        dir: PathBuf,
        /// The secret key, as `manifest key` or minisign writes it; where it has a password, it is in
        /// LLM_SPEED_SIGNING_PASSWORD or asked for.
        #[arg(long)]
        key: PathBuf,
    },
    /// See whether probes would believe what a folder holds.
    Check {
        /// The folder.
        dir: PathBuf,
        /// Keys that are pinned, as `manifest key` prints them.
        #[arg(long = "key", required = true)]
        keys: Vec<String>,
    },
}

/// What goes into a manifest.
#[derive(Debug, Clone, clap::Args)]
pub struct Make {
    /// The folder.
    dir: PathBuf,
    /// Its number, above the last one's; one above it where not given.
    #[arg(long)]
    serial: Option<u64>,
    /// The last day on which it is believed, 2027-01-31.
    #[arg(long)]
    expires: String,
    /// The version of the programs.
    #[arg(long, default_value = env!("CARGO_PKG_VERSION"))]
    version: String,
    /// The program of one kind of machine, x86_64-linux=FILE. May be repeated.
    #[arg(long = "program", value_name = "TARGET=FILE")]
    programs: Vec<String>,
    /// Id of a suite that this server knows and takes runs of. May be repeated.
    #[arg(long = "suite", value_name = "ID")]
    suites: Vec<String>,
}

/// Does it; what there is to read goes to `out`.
///
/// # Errors
/// In a sentence, why it could not be done.
pub fn run(task: &Task, out: &mut dyn Write) -> Result<()> {
    match task {
        Task::Key { file } => key(file, out),
        Task::Make(make) => self::make(make, out),
        Task::Sign { dir, key } => sign(dir, key, out),
        Task::Check { dir, keys } => check(dir, keys, out),
    }
}

fn key(file: &Path, out: &mut dyn Write) -> Result<()> {
    ensure!(!file.exists(), "{} is there already; name a place where nothing is", file.display());
    let pair = KeyPair::generate_unencrypted_keypair().context("no key could be made")?;
    let text = pair.sk.to_box(None).context("no key could be made")?.into_string();
    let written = private::create_new(file).and_then(|mut file| file.write_all(text.as_bytes()));
    written.with_context(|| format!("{} cannot be written", file.display()))?;
    writeln!(out, "{}", pair.pk.to_base64()).context("standard output")
}

/// Writes a file whole or not at all: a probe that comes by reads the old one or the new one.
fn write_whole(folder: &Path, path: &str, bytes: &[u8]) -> Result<()> {
    let file = folder.join(path);
    let beside = file.with_extension("new");
    let parent = file.parent().context("a file has a folder")?;
    let written = fs::create_dir_all(parent)
        .and_then(|()| fs::write(&beside, bytes))
        .and_then(|()| fs::rename(&beside, &file));
    written.with_context(|| format!("{} cannot be written", file.display()))
}

fn make(wanted: &Make, out: &mut dyn Write) -> Result<()> {
    let last = if wanted.dir.join(MANIFEST).exists() {
        update::read(&wanted.dir).map_err(anyhow::Error::msg)?.serial
    } else {
        0
    };
    let serial = wanted.serial.unwrap_or(last + 1);
    ensure!(
        serial > last,
        "the folder's manifest is number {last}: a probe that saw it refuses number {serial}; leave --serial out"
    );
    let today = day::of_ms(now_ms());
    ensure!(
        day::number(&wanted.expires).is_some(),
        "--expires {} is no day; write 2027-01-31",
        wanted.expires
    );
    ensure!(wanted.expires >= today, "--expires {} is over; today is {today}", wanted.expires);
    ensure!(
        !wanted.programs.is_empty() || !wanted.suites.is_empty(),
        "a manifest of nothing; name programs or suites"
    );
    let mut manifest = Manifest {
        serial,
        expires: wanted.expires.clone(),
        version: wanted.version.clone(),
        programs: Vec::new(),
        suites: Vec::new(),
    };
    for named in &wanted.programs {
        let (target, file) =
            named.split_once('=').with_context(|| format!("--program {named}: write TARGET=FILE"))?;
        let bytes = fs::read(file).with_context(|| format!("{file} cannot be read"))?;
        let path = format!("programs/{}/{target}/llm-speed-probe", wanted.version);
        ensure!(
            stays_inside(&path),
            "--program {named}: a target and a version are letters, digits, dots, - and _"
        );
        write_whole(&wanted.dir, &path, &bytes)?;
        manifest.programs.push(Program { target: target.to_owned(), path, sha256: digest(&bytes) });
    }
    for id in &wanted.suites {
        let suites = Catalog::embedded().suites();
        let known = || suites.iter().map(|suite| suite.id.as_str()).collect::<Vec<_>>().join(", ");
        let suite = suites.iter().find(|suite| suite.id == *id);
        let suite = suite.with_context(|| format!("there is no suite {id}; there are {}", known()))?;
        let bytes = serde_json::to_vec(suite).context("a suite has a JSON form")?;
        let path = format!("suites/{id}.json");
        write_whole(&wanted.dir, &path, &bytes)?;
        manifest.suites.push(SuiteFile { id: id.clone(), path, sha256: digest(&bytes) });
    }
    // A signature of the old one must not stand beside the new one.
    let signature = wanted.dir.join(SIGNATURE);
    if signature.exists() {
        fs::remove_file(&signature).with_context(|| format!("{} cannot be removed", signature.display()))?;
    }
    let text = serde_json::to_string_pretty(&manifest).context("a manifest has a JSON form")? + "\n";
    write_whole(&wanted.dir, MANIFEST, text.as_bytes())?;
    writeln!(out, "number {serial}, good until {}; sign it next", manifest.expires).context("standard output")
}

fn secret(file: &Path) -> Result<SecretKey> {
    let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let no_key = || format!("{} is no secret key of minisign", file.display());
    let parsed = || SecretKeyBox::from_string(&text).with_context(no_key);
    if let Ok(key) = parsed()?.into_unencrypted_secret_key() {
        return Ok(key);
    }
    let password = std::env::var(PASSWORD).ok();
    parsed()?
        .into_secret_key(password)
        .with_context(|| format!("{}: no secret key, or another password", file.display()))
}

fn sign(dir: &Path, key: &Path, out: &mut dyn Write) -> Result<()> {
    let manifest = update::read(dir).map_err(anyhow::Error::msg)?;
    let bytes = fs::read(dir.join(MANIFEST)).context("the manifest was there a moment ago")?;
    let comment = format!("llm-speed manifest {}, good until {}", manifest.serial, manifest.expires);
    let signature = minisign::sign(None, &secret(key)?, Cursor::new(&bytes), Some(&comment), None);
    let signature = signature.context("the manifest cannot be signed")?;
    write_whole(dir, SIGNATURE, signature.into_string().as_bytes())?;
    writeln!(out, "{comment}: signed").context("standard output")
}

fn check(dir: &Path, keys: &[String], out: &mut dyn Write) -> Result<()> {
    let manifest = update::read(dir).map_err(anyhow::Error::msg)?;
    let bytes = fs::read(dir.join(MANIFEST)).context("the manifest was there a moment ago")?;
    let signature = fs::read_to_string(dir.join(SIGNATURE)).context("it is not signed")?;
    let signature = SignatureBox::from_string(&signature).context("the signature is cut or none")?;
    let mut is_signed = false;
    for key in keys {
        let key =
            PublicKey::from_base64(key).with_context(|| format!("{key} is no public key of minisign"))?;
        is_signed |= minisign::verify(&key, &signature, Cursor::new(&bytes), true, false, false).is_ok();
    }
    ensure!(is_signed, "none of these keys signed the manifest, or it was changed since");
    let today = day::of_ms(now_ms());
    if !manifest.is_good_on(&today) {
        bail!("the manifest was good until {}; make and sign a new one", manifest.expires);
    }
    for (path, sha256) in manifest.files() {
        let bytes = fs::read(dir.join(path)).with_context(|| format!("{path} cannot be read"))?;
        ensure!(digest(&bytes) == sha256, "{path} is not the file that the manifest names");
    }
    writeln!(
        out,
        "number {}, good until {}, {} files",
        manifest.serial,
        manifest.expires,
        manifest.files().count()
    )
    .context("standard output")
}
