//! Every reader of foreign bytes against its corpus, and against bytes made from it: on any compiler, in every run.
//!
//! `cargo xtask fuzz --minutes N` does the same for longer, and by coverage where cargo-fuzz can be had. A failing input
//! is left in a folder that is named, to become a seed.

#[path = "fuzz/targets.rs"]
mod targets;

use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use data::table::Table;
use house::gguf_make::Fill;
use house::gguf_make::models::{self, Quant, Size};
use probe::prompt::Seed;
use targets::{TARGETS, Target};

/// Longest seed: what is larger is cut, since mutation wants many tries.
const LONGEST_BYTES: usize = 24 << 10;

/// Inputs made from the corpus in a usual run, for each target.
const USUAL_TRIES: u32 = 400;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

/// Every file of a folder, cut to length, in the order of their names.
fn folder(path: &Path) -> Result<Vec<Vec<u8>>> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let files = paths.iter().filter(|path| path.is_file()).map(|path| {
        let mut bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
        bytes.truncate(LONGEST_BYTES);
        Ok(bytes)
    });
    files.collect()
}

/// The committed corpus of a target, and what the project has of its kind anyway.
fn seeds(name: &str) -> Result<Vec<Vec<u8>>> {
    let mut seeds = folder(&root().join("fuzz/corpus").join(name))?;
    match name {
        "gguf" => seeds.extend(headers()?),
        "safetensors" => seeds.push(repository()?),
        "paste" => {
            seeds.extend(folder(&root().join("paste"))?);
            // Each of the further pastes is a seed of its own.
            let further = std::fs::read_to_string(root().join("paste/more.txt"))?;
            seeds.extend(further.split("\n==== ").map(|text| text.as_bytes().to_vec()));
        }
        "catalog" => {
            seeds.extend(folder(&root().join("../data/hardware"))?);
            seeds.extend(folder(&root().join("../data/models"))?);
        }
        "manifest" => seeds.extend(folder(&root().join("../data/suites"))?),
        _ => {}
    }
    if name == "rows" {
        seeds.push(data::packed::BYTES.to_vec());
    }
    if name == "runs" {
        seeds.extend(tables());
    }
    ensure!(!seeds.is_empty(), "{name} has no corpus");
    Ok(seeds)
}

/// A made-up model.
const SMALL: Size = Size {
    layers: 2,
    hidden: 64,
    heads: 2,
    kv_heads: 1,
    head_dim: 32,
    ffn: 128,
    vocab: 512,
    context: 4096,
    quant: Quant::Q4Km,
};

/// Packed tables of runs: one with nothing in it, and one of every tenth row that was published.
fn tables() -> Vec<Vec<u8>> {
    let mut some = targets::published().clone();
    let mut number = 0;
    some.rows.retain(|_| {
        number += 1;
        number % 10 == 1
    });
    [Table::default(), some].iter().map(|table| data::table::to_bytes(table).expect("it is packed")).collect()
}

/// Headers of made-up models.
fn headers() -> Result<Vec<Vec<u8>>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("small.gguf");
    models::llama(SMALL, None).write(&path, Fill::Random(1))?;
    let mut bytes = std::fs::read(path)?;
    bytes.truncate(LONGEST_BYTES);
    Ok(vec![bytes])
}

/// A repository of the same shape, as the target takes it.
fn repository() -> Result<Vec<u8>> {
    let folder = tempfile::tempdir()?;
    house::hf_make::write(SMALL, folder.path())?;
    let mut bytes = std::fs::read(folder.path().join("config.json"))?;
    bytes.push(0);
    bytes.extend(std::fs::read(folder.path().join("model.safetensors"))?);
    bytes.truncate(LONGEST_BYTES);
    Ok(bytes)
}

/// Numbers that readers trip over.
const AWKWARD: &[&[u8]] = &[
    b"0",
    b"-1",
    b"4294967296",
    b"18446744073709551615",
    b"1e999",
    b"NaN",
    b"-0.0",
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
    b"\x80",
    b"\"",
    b"{",
    b"]",
    b"\r\n",
    b"\xe2\x80\xae",
    b"data: ",
    b"%00",
    b"&&=",
    b"tok/s",
];

fn below(seed: &mut Seed, limit: usize) -> usize {
    (seed.next_u64() % limit.max(1) as u64) as usize
}

/// One to eight small changes: bits, cuts, copies, awkward values, a piece of another seed.
fn mutate(seed: &mut Seed, bytes: &mut Vec<u8>, others: &[Vec<u8>]) {
    // The rows are longer than any other seed, and no shorter ones are whole.
    let longest = bytes.len().max(2 * LONGEST_BYTES);
    for _ in 0..=below(seed, 8) {
        let at = below(seed, bytes.len() + 1);
        match below(seed, 6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << below(seed, 8),
            1 => bytes.truncate(at),
            2 => {
                let end = at + below(seed, bytes.len() - at + 1).min(64);
                bytes.drain(at..end);
            }
            3 => {
                let piece = AWKWARD[below(seed, AWKWARD.len())];
                let end = (at + piece.len() * below(seed, 2)).min(bytes.len());
                bytes.splice(at..end, piece.iter().copied());
            }
            4 => {
                let end = at + below(seed, bytes.len() - at + 1).min(256);
                let copy = bytes[at..end].to_vec();
                let to = below(seed, bytes.len() + 1);
                bytes.splice(to..to, copy);
            }
            _ => {
                let other = &others[below(seed, others.len())];
                let from = below(seed, other.len() + 1);
                let end = from + below(seed, other.len() - from + 1).min(512);
                bytes.splice(at..at, other[from..end].iter().copied());
            }
        }
    }
    bytes.truncate(longest);
}

/// One input may take so long: milliseconds are usual, and the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(20);

/// Stack of the thread that inputs are read on: what each worker of the server has, by tokio's default.
const STACK_BYTES: usize = 2 << 20;

/// A thread that reads inputs with one target. Each input is in a file before it is read, and the thread's name is that
/// file's path: whoever overflows the stack ends the program, and all that it still says is that name.
struct Reader {
    name: &'static str,
    patience: Duration,
    file: PathBuf,
    inputs: Sender<Vec<u8>>,
    done: Receiver<bool>,
}

impl Reader {
    fn start((name, target): Target, patience: Duration) -> Result<Reader> {
        let folder = std::env::temp_dir().join("llm-speed-fuzz");
        std::fs::create_dir_all(&folder)?;
        let file = folder.join(format!("{name}-{}-read-last", std::process::id()));
        let (inputs, waiting) = mpsc::channel::<Vec<u8>>();
        let (told, done) = mpsc::channel();
        thread::Builder::new().name(file.display().to_string()).stack_size(STACK_BYTES).spawn(move || {
            for input in waiting {
                let is_fine = panic::catch_unwind(AssertUnwindSafe(|| target(&input))).is_ok();
                // Nobody waits any more for what took too long.
                let _ = told.send(is_fine);
            }
        })?;
        Ok(Reader { name, patience, file, inputs, done })
    }

    /// Reads an input; it is kept where it breaks something, or takes too long.
    fn read(&self, input: &[u8]) -> Result<()> {
        std::fs::write(&self.file, input)?;
        self.inputs.send(input.to_vec())?;
        let why = match self.done.recv_timeout(self.patience) {
            Ok(true) => return Ok(()),
            Ok(false) => "broke (above is why)".to_owned(),
            Err(RecvTimeoutError::Timeout) => format!("took more than {:?}", self.patience),
            Err(RecvTimeoutError::Disconnected) => "ended its thread".to_owned(),
        };
        let kept = self.file.with_file_name(format!("{}-{}", self.name, data::digest::digest(input)));
        std::fs::rename(&self.file, &kept)?;
        anyhow::bail!("{} {why} on {}; make it a seed of the corpus", self.name, kept.display())
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // What was read last is of interest only where the program ended on it.
        let _ = std::fs::remove_file(&self.file);
    }
}

#[test]
fn the_corpus_breaks_nothing() -> Result<()> {
    for target in TARGETS {
        let reader = Reader::start(*target, PATIENCE)?;
        for seed in seeds(target.0)? {
            reader.read(&seed)?;
        }
    }
    Ok(())
}

/// `LLM_SPEED_FUZZ_SECONDS` gives each target that long, and another start.
#[test]
fn what_is_made_from_the_corpus_breaks_nothing() -> Result<()> {
    let seconds: Option<u64> =
        std::env::var("LLM_SPEED_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    for target in TARGETS {
        let reader = Reader::start(*target, PATIENCE)?;
        let corpus = seeds(target.0)?;
        let start = seconds.map_or_else(String::new, |_| format!("{:?}", std::time::SystemTime::now()));
        let mut seed = Seed::of(&["fuzz", target.0, &start]);
        let end = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
        let mut tries = 0_u32;
        while end.map_or(tries < USUAL_TRIES, |end| Instant::now() < end) {
            let mut input = corpus[below(&mut seed, corpus.len())].clone();
            mutate(&mut seed, &mut input, &corpus);
            reader.read(&input)?;
            tries += 1;
        }
        println!("{}: {tries} inputs from {} seeds", target.0, corpus.len());
    }
    Ok(())
}

#[test]
fn what_breaks_or_does_not_end_is_told_and_kept() -> Result<()> {
    let told = |target: Target, patience: Duration| -> Result<String> {
        let reader = Reader::start(target, patience)?;
        reader.read(b"fine")?;
        let error = reader.read(b"bad").expect_err("it is told").to_string();
        let kept = error.split(" on ").nth(1).and_then(|rest| rest.split(';').next()).context("a file")?;
        assert_eq!(std::fs::read(kept)?, b"bad");
        std::fs::remove_file(kept)?;
        Ok(error)
    };
    let broken = told(("planted", |input| assert_eq!(input, b"fine")), PATIENCE)?;
    assert!(broken.starts_with("planted broke"), "{broken}");
    let endless: fn(&[u8]) = |input| {
        if input != b"fine" {
            loop {
                thread::park();
            }
        }
    };
    let endless = told(("endless", endless), Duration::from_secs(2))?;
    assert!(endless.starts_with("endless took more than 2s"), "{endless}");
    Ok(())
}

/// The input on which the stack overflows is named, though nothing can be caught.
#[test]
fn an_overflow_names_its_input() -> Result<()> {
    let mut this = Command::new(std::env::current_exe()?);
    let ended = this.args(["--exact", "planted_overflow", "--ignored", "--nocapture"]).output()?;
    let says = String::from_utf8_lossy(&ended.stderr);
    assert!(!ended.status.success(), "{says}");
    let file =
        says.split('\'').find(|part| part.ends_with("-read-last")).with_context(|| says.to_string())?;
    assert!(says.contains("overflowed its stack"), "{says}");
    assert_eq!(std::fs::read(file)?, b"deep");
    std::fs::remove_file(file)?;
    Ok(())
}

/// Goes down as long as it is let.
fn deeper(input: &[u8]) {
    let here = [input.len() as u8; 4096];
    if std::hint::black_box(here)[0] > 0 {
        deeper(input);
    }
    std::hint::black_box(here);
}

#[test]
#[ignore = "ends the program: `an_overflow_names_its_input` starts it"]
fn planted_overflow() {
    let reader = Reader::start(("overflow", deeper), PATIENCE).expect("a thread");
    let _ = reader.read(b"deep");
}

/// What cargo-fuzz starts from: every seed as a file.
#[test]
#[ignore = "writes files: `cargo xtask fuzz` asks for it, and names the folder"]
fn seeds_are_written() -> Result<()> {
    let folder = PathBuf::from(std::env::var_os("LLM_SPEED_FUZZ_SEEDS").context("LLM_SPEED_FUZZ_SEEDS")?);
    for (name, _) in TARGETS {
        let place = folder.join(name);
        std::fs::create_dir_all(&place)?;
        for (number, seed) in seeds(name)?.iter().enumerate() {
            std::fs::write(place.join(format!("{number:04}")), seed)?;
        }
    }
    Ok(())
}
