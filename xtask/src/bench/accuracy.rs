//! Our errors beside others' on the same held-out rows: `cargo xtask bench accuracy`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use data::Catalog;

use super::peers::{self, LLMFIT};
use super::{lines, printed};
use crate::tools;

/// whichllm on PyPI. It does not start with later releases of the two that it reads its command line with.
const WHICHLLM: [&str; 3] = ["whichllm==0.5.21", "typer==0.16.*", "click<8.2"];

/// Calls whichllm's own function; a file of its own, so that it is read and formatted as one. Under the package's name it
/// would be taken for the package.
const WHICHLLM_PROGRAM: &str = "xtask/peers/whichllm_accuracy.py";

/// Of the rows with a speed, the share of peak bandwidth that rules of thumb give out.
const ROOFLINE: f64 = 0.65;

/// What the README and the page about the method set beside our errors.
const PEERS: &str = "data/peers.toml";

/// A class with fewer cells has no ratio and no rows for dense models and experts apart.
const ENOUGH: usize = 20;

/// The classes in the order and words of the book.
const CLASSES: [(&str, &str); 7] = [
    ("nvidia", "NVIDIA"),
    ("apple", "Apple"),
    ("amd", "AMD"),
    ("intel", "Intel"),
    ("unified", "unified machines"),
    ("cpu", "processors"),
    ("mobile", "phones"),
];

/// What a cell is asked of others with: columns of the cells and of what they are handed, which has no measured speed.
const ASKED: [&str; 10] = [
    "class",
    "device",
    "vendor",
    "bandwidth_gb_s",
    "memory_gib",
    "model_row",
    "params_b",
    "active_params_b",
    "size_gib",
    "context",
];

/// A held-out cell.
struct Cell {
    class: String,
    device: String,
    experts: bool,
    /// Whether 8,192 tokens or more are in its context.
    deep: bool,
    measured: f64,
    /// Ours of it, from a fit without its device.
    ours: f64,
    /// Bandwidth over the bytes of a token, times the usual share.
    roofline: Option<f64>,
    /// Its line in what others are handed.
    asked: String,
}

/// Whoever answers, and what of each cell.
struct Answers {
    name: &'static str,
    speeds: Vec<Option<f64>>,
}

/// Every figure and class, leaving one device out at a time; then decode beside others.
pub fn run(_: &str) -> Result<String> {
    let folder = tools::target_dir()?.join("bench-peers");
    fs::create_dir_all(&folder)?;
    let held_out = folder.join("held-out.csv");
    let mut score = tools::cargo(["run", "--quiet", "--package", "llm-speed-calibrate", "--"]);
    score.args(["score", "--cv", "device", "--cells"]).arg(&held_out);
    let classes = lines(&mut score, |line| line.contains(" devices "))?;
    let cells = read(&held_out)?;
    let asked = folder.join("asked.tsv");
    fs::write(&asked, handed(&cells))?;
    let (llmfit, listed) = llmfit(&asked)?;
    let answers = [
        Answers { name: "ours", speeds: cells.iter().map(|cell| Some(cell.ours)).collect() },
        Answers { name: "llmfit", speeds: llmfit },
        Answers { name: "whichllm", speeds: whichllm(&folder, &asked)? },
        Answers { name: "roofline", speeds: cells.iter().map(|cell| cell.roofline).collect() },
    ];
    let deep = cells.iter().filter(|cell| cell.deep).count();
    let mut table = String::new();
    beside(&cells, &answers, &mut table)?;
    println!("{table}");
    fs::write(tools::root().join(PEERS), peers_file(&cells, &answers)?)?;
    Ok(format!("{}\n{}\n{table}", printed(&classes), about(cells.len(), deep, listed)))
}

/// The held-out cells of decode by llama.cpp, or by what runs it.
fn read(path: &Path) -> Result<Vec<Cell>> {
    let mut reader = csv::Reader::from_path(path)?;
    let names: Vec<String> = reader.headers()?.iter().map(str::to_owned).collect();
    let mut cells = Vec::new();
    for record in reader.records() {
        let record = record?;
        let row: BTreeMap<&str, &str> = names.iter().map(String::as_str).zip(record.iter()).collect();
        if (row["figure"], row["kind"]) == ("decode", "llama.cpp") {
            cells.push(cell(&row)?);
        }
    }
    ensure!(!cells.is_empty(), "{} has no cells of decode", path.display());
    Ok(cells)
}

fn cell(row: &BTreeMap<&str, &str>) -> Result<Cell> {
    let number = |name: &str| row[name].parse::<f64>().with_context(|| format!("no {name} in a cell"));
    let (total, active) = (number("params_b")?, number("active_params_b")?);
    let bytes = number("size_gib")? * f64::from(1 << 30);
    let bits = bytes * 8.0 / (total * 1e9);
    let roofline = number("bandwidth_gb_s")? * 1e9 / (bytes * active / total) * ROOFLINE;
    let mut asked: Vec<String> = ASKED.iter().map(|name| row[name].to_owned()).collect();
    asked.extend([label(row["quant"], row["model_row"], bits), format!("{bits:.3}")]);
    Ok(Cell {
        class: row["class"].to_owned(),
        device: row["device"].to_owned(),
        experts: has_experts(row["model_row"]),
        deep: number("context")? >= 8192.0,
        measured: number("measured")?,
        ours: number("predicted")?,
        roofline: Some(roofline).filter(|speed| speed.is_finite() && *speed > 0.0),
        asked: asked.join("\t"),
    })
}

/// Whether a model of the catalogue is a mixture of experts: one may leave weights unread without being one (Gemma's E-series).
fn has_experts(id: &str) -> bool {
    Catalog::embedded().models().iter().any(|row| row.id == id && row.experts.is_some())
}

/// A quantisation as most programs spell it, without the words of those who made the file: `UD-Q4_K_XL` is `Q4_K_M` to a
/// program that knows no finer. gpt-oss comes in its own four bits under any label but that of whole floats.
fn label(stated: &str, model: &str, bits: f64) -> String {
    if model.starts_with("gpt-oss") && bits < 8.0 {
        return "MXFP4".to_owned();
    }
    let mut label = stated.to_uppercase();
    for (from, to) in [
        ("UD-", ""),
        ("GGUF-", ""),
        ("UNSLOTH-DYNAMIC-", ""),
        (" - MEDIUM", "_M"),
        (" - SMALL", "_S"),
        (" - LARGE", "_L"),
        ("FP16", "F16"),
        ("Q8_K_XL", "Q8_0"),
        ("Q6_K_XL", "Q6_K"),
        ("_XL", "_M"),
    ] {
        label = label.replace(from, to);
    }
    label.trim().to_owned()
}

/// The cells as others are handed them.
fn handed(cells: &[Cell]) -> String {
    let mut text = ASKED.join("\t") + "\tquant\tbits_per_weight\n";
    for cell in cells {
        text.push_str(&cell.asked);
        text.push('\n');
    }
    text
}

/// llmfit's answers, and of how many cells it lists the model.
fn llmfit(asked: &Path) -> Result<(Vec<Option<f64>>, usize)> {
    let said = tools::read(Command::new(peers::llmfit("accuracy")?).arg(asked))?;
    let listed = said.lines().filter(|line| line.ends_with("theirs")).count();
    Ok((speeds(&said), listed))
}

/// whichllm's answers, from an installation of its own.
fn whichllm(folder: &Path, asked: &Path) -> Result<Vec<Option<f64>>> {
    let place = folder.join("whichllm");
    let python: PathBuf = place.join("bin/python");
    if !python.exists() {
        tools::run(Command::new("python3").args(["-m", "venv"]).arg(&place))?;
    }
    tools::run(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(WHICHLLM))?;
    Ok(speeds(&tools::read(Command::new(&python).arg(tools::root().join(WHICHLLM_PROGRAM)).arg(asked))?))
}

/// The first word of each line; a dash is no answer.
fn speeds(said: &str) -> Vec<Option<f64>> {
    said.lines().map(|line| line.split('\t').next()?.parse().ok()).collect()
}

/// The table of errors, and the lines for the table of ratios.
fn beside(cells: &[Cell], answers: &[Answers], text: &mut String) -> Result<()> {
    for of in answers {
        ensure!(of.speeds.len() == cells.len(), "{} answered {} times", of.name, of.speeds.len());
    }
    let all_answered = |at: &usize| answers.iter().all(|of| of.speeds[*at].is_some());
    let (answered, rest): (Vec<usize>, Vec<usize>) = (0..cells.len()).partition(all_answered);
    text.push_str("Decode, median error and 90th percentile:\n\n| class | cells | devices |");
    for of in answers {
        write!(text, " {} |", if of.name == "roofline" { "roofline × 0.65" } else { of.name })?;
    }
    writeln!(text, "\n|---|--:|--:|{}", "--:|".repeat(answers.len()))?;
    let mut ratios = String::new();
    for (class, words) in CLASSES {
        let of_class = |at: &usize| cells[*at].class == class;
        let every: Vec<usize> = answered.iter().copied().filter(of_class).collect();
        if every.is_empty() {
            continue;
        }
        let (experts, dense): (Vec<usize>, Vec<usize>) = every.iter().partition(|at| cells[**at].experts);
        row(words, &every, cells, answers, text)?;
        if experts.len() >= ENOUGH && dense.len() >= ENOUGH {
            row(&format!("{words}, dense models"), &dense, cells, answers, text)?;
            row(&format!("{words}, mixtures of experts"), &experts, cells, answers, text)?;
        }
        if every.len() < ENOUGH {
            continue;
        }
        let (ours, others) = answers.split_first().context("ours are first")?;
        let (ours, _) = errors(&every, cells, ours);
        for of in others {
            let (theirs, _) = errors(&every, cells, of);
            writeln!(
                ratios,
                "ratio: median error of decode, {words}, held out | {:.1} % | {} {:.1} % | {:.1}",
                ours * 100.0,
                of.name,
                theirs * 100.0,
                theirs / ours
            )?;
        }
    }
    let left: Vec<String> = answers
        .iter()
        .map(|of| format!("{} {}", of.name, of.speeds.iter().filter(|speed| speed.is_none()).count()))
        .collect();
    writeln!(
        text,
        "\n{} of {} cells are left out; without an answer: {}.",
        rest.len(),
        cells.len(),
        left.join(", ")
    )?;
    text.push_str(&ratios);
    Ok(())
}

/// A row of the table.
fn row(words: &str, at: &[usize], cells: &[Cell], answers: &[Answers], text: &mut String) -> Result<()> {
    let devices: BTreeSet<&str> = at.iter().map(|at| cells[*at].device.as_str()).collect();
    write!(text, "| {words} | {} | {} |", at.len(), devices.len())?;
    for of in answers {
        let (median, p90) = errors(at, cells, of);
        write!(text, " {:.1} %, {:.0} % |", median * 100.0, p90 * 100.0)?;
    }
    text.push('\n');
    Ok(())
}

/// Median and 90th percentile of |predicted / measured - 1|.
fn errors(at: &[usize], cells: &[Cell], of: &Answers) -> (f64, f64) {
    let error = |at: &usize| Some((of.speeds[*at]? / cells[*at].measured - 1.0).abs());
    let errors: Vec<f64> = at.iter().filter_map(error).collect();
    let at = |share| data::timings::quantile(&errors, share).unwrap_or(f64::NAN);
    (at(0.5), at(0.9))
}

/// Others' errors by class, as calibrate reads them: `[llmfit] "decode nvidia, llama.cpp" = [median, p90]`.
fn peers_file(cells: &[Cell], answers: &[Answers]) -> Result<String> {
    let day = tools::read(Command::new("date").args(["-u", "+%Y-%m-%d"]))?;
    let fitted = data::constants::Fitted::embedded();
    let mut text = format!(
        "# Written by `cargo xtask bench accuracy`: errors of others on the held-out cells of decode, median and 90th\n\
         # percentile of |predicted / measured - 1|. BENCHMARKS.md says what each was given.\n\n\
         date = {:?}\n\
         # Digest of the measurements that the cells are of: beside scores of others these errors say nothing.\n\
         input = {:?}\n",
        day.trim(),
        fitted.provenance.input
    );
    for of in answers.iter().skip(1) {
        writeln!(text, "\n[peers.{}]", of.name)?;
        for (class, _) in CLASSES {
            let at: Vec<usize> = (0..cells.len()).filter(|at| cells[*at].class == class).collect();
            let is_whole = at.iter().all(|at| of.speeds[*at].is_some());
            if at.is_empty() || !is_whole {
                continue;
            }
            let (median, p90) = errors(&at, cells, of);
            writeln!(text, "\"decode {class}, llama.cpp\" = [{median:.4}, {p90:.4}]")?;
        }
    }
    Ok(text)
}

/// What each was given.
fn about(cells: usize, deep: usize, listed: usize) -> String {
    format!(
        "Beside others, on the {cells} cells of decode above by llama.cpp, or by Ollama, which runs it: one stream, one device, the \
         model whole in its memory. All are asked about the same cells in the same run and judged alike, by \
         |predicted / measured - 1|. Ours comes from a fit that had no row of the device; nothing was held back from the others, \
         whose constants may rest on some of these very measurements. Everyone is given the peak bandwidth that the device's \
         maker states, also where their own tables lack the device or say otherwise. Neither llmfit nor whichllm asks of a speed \
         how deep the context is; {deep} cells are at 8,192 tokens and deeper.\n\n\
         - llmfit: llmfit-core {LLMFIT}, `plan` with all the model on the device, whatever its own verdict on room; the model by \
         its own catalogue where that lists the repository ({listed} cells), else by our row. Its `plan` takes ten \
         quantisations and MXFP4; any other is given as the nearest in bits a weight, and gpt-oss as MXFP4, as it advises. \
         On processors, which it does not ask the bandwidth of, it was told 16 cores.\n\
         - whichllm: {}, `estimate_tok_per_sec` with our count of parameters (all, and those a token reads), the true size of the \
         file, maker and bandwidth; a quantisation that it does not list as the nearest in bits a weight. On processors it asks for the \
         model only.\n\
         - roofline: peak bandwidth over the file's bytes (the share that a token reads, by our count), times {ROOFLINE}.\n\
         - canirun.ai: not run; it is a site, its repository states no licence, and it cannot be fetched from the machine of \
         this book. Its formula is a roofline too.\n",
        WHICHLLM[0].replace("==", " "),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_lose_the_words_of_those_who_made_the_file() {
        assert_eq!(label("UD-Q4_K_XL", "qwen3-8b", 4.9), "Q4_K_M");
        assert_eq!(label("Q5_K - Small", "qwen3-8b", 5.5), "Q5_K_S");
        assert_eq!(label("F16", "gpt-oss-20b", 5.3), "MXFP4");
        assert_eq!(label("F16", "gpt-oss-20b", 16.0), "F16");
    }

    #[test]
    fn a_cell_that_one_cannot_answer_counts_for_none() {
        let cell = |measured| Cell {
            class: "apple".to_owned(),
            device: "m1".to_owned(),
            experts: false,
            deep: false,
            measured,
            ours: 10.0,
            roofline: None,
            asked: String::new(),
        };
        let answers = [
            Answers { name: "ours", speeds: vec![Some(10.0), Some(10.0)] },
            Answers { name: "theirs", speeds: vec![Some(15.0), None] },
        ];
        let mut text = String::new();
        beside(&[cell(10.0), cell(20.0)], &answers, &mut text).unwrap();
        assert!(text.contains("| Apple | 1 | 1 | 0.0 %, 0 % | 50.0 %, 50 % |"), "{text}");
        assert!(text.contains("1 of 2 cells are left out; without an answer: ours 0, theirs 1."), "{text}");
    }
}
