//! Every reader of foreign bytes against its corpus, and against bytes made from it: on any compiler, in every run.
//!
//! `cargo xtask fuzz --minutes N` does the same for longer, and by coverage where cargo-fuzz can be had. A failing input
//! is left in a folder that is named, to become a seed.

#[path = "fuzz/targets.rs"]
mod targets;

use std::panic;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
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

/// Runs a target on an input; the input is kept where it breaks something.
fn runs((name, target): Target, input: &[u8]) -> Result<()> {
    if panic::catch_unwind(|| target(input)).is_ok() {
        return Ok(());
    }
    let folder = std::env::temp_dir().join("llm-speed-fuzz");
    std::fs::create_dir_all(&folder)?;
    let file = folder.join(format!("{name}-{}", data::digest::digest(input)));
    std::fs::write(&file, input)?;
    anyhow::bail!("{name} broke on {} (above is why); make it a seed of the corpus", file.display())
}

#[test]
fn the_corpus_breaks_nothing() -> Result<()> {
    for target in TARGETS {
        for seed in seeds(target.0)? {
            runs(*target, &seed)?;
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
        let corpus = seeds(target.0)?;
        let start = seconds.map_or_else(String::new, |_| format!("{:?}", std::time::SystemTime::now()));
        let mut seed = Seed::of(&["fuzz", target.0, &start]);
        let end = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
        let mut tries = 0_u32;
        while end.map_or(tries < USUAL_TRIES, |end| Instant::now() < end) {
            let mut input = corpus[below(&mut seed, corpus.len())].clone();
            mutate(&mut seed, &mut input, &corpus);
            runs(*target, &input)?;
            tries += 1;
        }
        println!("{}: {tries} inputs from {} seeds", target.0, corpus.len());
    }
    Ok(())
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
