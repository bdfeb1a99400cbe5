//! Reads the speeds out of whatever a runtime printed and a person pasted.
//!
//! ```text
//! bytes → text    clean lines, each byte with its way back
//!       → page    lines and JSON documents
//!       → found   what the formats recognise: one file each, `scan` and `scan_docs`
//!       → check   the arithmetic of each run
//!       → verdict what is believed, asked, refused
//! ```
//!
//! Nothing here trusts the text. It may be cut, wrapped, edited, or written by a model that was asked to. A line
//! counts only where its tool prints it, a number only if it agrees with the others, and what cannot be checked is
//! said. The work is linear in the length of the text, which is bounded; only `core` and `alloc` are used.

mod answer;
mod batched;
mod bench;
mod bench_fields;
mod bench_table;
mod check;
mod context;
mod devices;
mod docs;
mod exllama;
mod flag;
mod found;
mod frame;
mod index;
mod koboldcpp;
mod koboldcpp_bench;
mod koboldcpp_check;
mod llama_lines;
mod llama_perf;
mod llama_slots;
mod lm_studio;
mod logcat;
mod marks;
mod mlx;
mod number;
mod ollama;
mod ollama_repr;
mod page;
mod prefix;
mod reading;
mod server_json;
mod sglang;
mod speeds;
mod tabby;
mod table;
mod tensorrt;
mod text;
mod textgen;
mod undo;
mod verdict;
mod vllm;

use alloc::vec::Vec;
use core::ops::Range;

pub use flag::{Flag, Problem};
pub use reading::{DecodeRule, Field, Ignored, Mark, Reading, Run, Span, Tool, Verdict};
pub use text::MAX_BYTES;

use found::Found;
use page::{Firsts, Page};
use text::Text;

/// A format: it adds what it recognises.
type Format = fn(&Page<'_>, &mut Vec<Found>);

/// The formats of JSON documents. A new one is a new line, here or below.
const DOC_FORMATS: [Format; 7] = [
    server_json::scan,
    ollama::scan_docs,
    lm_studio::scan_docs,
    vllm::scan_docs,
    tabby::scan_docs,
    bench_fields::scan_docs,
    batched::scan_docs,
];

/// The formats of lines.
const LINE_FORMATS: [Format; 16] = [
    llama_perf::scan,
    speeds::scan,
    ollama::scan,
    ollama_repr::scan,
    table::scan,
    bench_fields::scan,
    mlx::scan,
    vllm::scan,
    sglang::scan,
    tabby::scan,
    exllama::scan,
    koboldcpp::scan,
    koboldcpp_bench::scan,
    textgen::scan,
    lm_studio::scan,
    tensorrt::scan,
];

/// Text with more runs than this is a whole log: it was not broken by hand.
const MOST_MENDED: usize = 64;

/// Runs of one paste, copies among them. Each is read again by itself, and nobody picks one out of thousands; logs of this
/// length have fewer, whatever their tool.
const MOST_RUNS: usize = 2048;

/// Reads a paste: every run in it, where each value stood, and what to make of it.
pub fn read(bytes: &[u8]) -> Reading {
    if bytes.len() > MAX_BYTES {
        return verdict::nothing(Problem::TooLong);
    }
    let text = Text::new(bytes).undressed();
    let once = text.once();
    let Some(mut reading) = read_whole(once.as_ref().unwrap_or(&text)) else {
        return verdict::nothing(Problem::TooLong);
    };
    if once.is_some() {
        reading.runs.iter_mut().for_each(verdict::repeated);
    }
    verdict::settle(reading, reads_again)
}

/// Reads the text as it stands; and again with breaks taken out, where that tells more. `None` of too many runs.
fn read_whole(text: &Text) -> Option<Reading> {
    let plain = read_text(text)?;
    if plain.runs.len() > MOST_MENDED {
        return Some(plain);
    }
    let better = |best: Reading, text: Text| match read_text(&text) {
        Some(other) if is_better(&other, &best) => other,
        _ => best,
    };
    let joined = [text.unwrapped(), text.rows_joined()].into_iter().flatten().fold(plain, better);
    let is_cut = joined.runs.iter().all(|run| run.flags.contains(&Flag::Truncated));
    if joined.verdict != Verdict::Refused && !is_cut {
        return Some(joined);
    }
    let told = |best: Reading, text: Text| {
        let Some(other) = read_text(&text) else { return best };
        // What is wrong with lines behind a mark says more than that there are none.
        let tells = best.ignored.is_empty() && !other.ignored.is_empty();
        if tells || is_better(&other, &best) { other } else { best }
    };
    let unframed = text.unframed();
    let unbroken = unframed.as_ref().and_then(Text::unwrapped);
    let plainer = [
        text.without_json_lines(),
        text.unmarked(),
        unframed,
        unbroken,
        text.without_python(),
        text.without_lists(),
    ];
    Some(plainer.into_iter().flatten().fold(joined, told))
}

/// Whether breaks were rightly taken out. Joining lines that belong apart must never hide one that was refused, nor
/// one that is asked about.
fn is_better(joined: &Reading, plain: &Reading) -> bool {
    let near = |one: Option<f64>, other: Option<f64>| match (one, other) {
        (Some(one), Some(other)) => (one - other).abs() <= one * 1e-9,
        (one, other) => one == other,
    };
    let same = |one: &Run, other: &Run| {
        near(one.decode_tps, other.decode_tps) && near(one.prefill_tps, other.prefill_tps)
    };
    if joined.verdict == Verdict::Refused {
        // A key that stands twice is seen only in the whole document.
        let is_double = |ignored: &Ignored| ignored.because == Problem::DuplicateKey;
        return plain.verdict != Verdict::Flagged && joined.ignored.iter().any(is_double);
    }
    match plain.verdict {
        Verdict::Refused => plain.ignored.iter().all(|ignored| ignored.because == Problem::Nothing),
        Verdict::Flagged => {
            let cut_off = plain.runs.iter().all(|run| run.flags.contains(&Flag::Truncated));
            cut_off && speeds_of(joined) > speeds_of(plain)
        }
        _ => {
            let has = |run: &Run| {
                joined.runs.iter().any(|other| {
                    same(run, other)
                        || (near(run.prefill_tps, other.prefill_tps) && run.decode_tps.is_none())
                        || (near(run.decode_tps, other.decode_tps) && run.prefill_tps.is_none())
                })
            };
            speeds_of(joined) > speeds_of(plain)
                && joined.ignored.len() >= plain.ignored.len()
                && plain.runs.iter().all(has)
        }
    }
}

/// Whether the lines that are kept of a run say what the whole text says: whoever keeps them has nothing else.
fn reads_again(run: &Run) -> bool {
    let text = Text::new(run.lines.as_bytes());
    let Some((page, found)) = find(Page::new(&text)) else { return false };
    let same = |one: &Run| one.decode_tps == run.decode_tps && one.prefill_tps == run.prefill_tps;
    match found.as_slice() {
        // There is nothing to decide between.
        [one] if one.problem.is_none() && one.tells() => same(&one.run),
        _ => matches!(verdict::decide(&page, found).runs.as_slice(), [one] if same(one)),
    }
}

fn speeds_of(reading: &Reading) -> usize {
    let speeds = reading.runs.iter().flat_map(|run| [run.decode_tps, run.prefill_tps]);
    speeds.flatten().count()
}

fn read_text(text: &Text) -> Option<Reading> {
    let (page, found) = find(Page::new(text))?;
    Some(verdict::decide(&page, found))
}

/// What the formats recognise, checked; `None` of too many runs.
fn find(mut page: Page<'_>) -> Option<(Page<'_>, Vec<Found>)> {
    let mut found: Vec<Found> = Vec::new();
    for format in DOC_FORMATS {
        format(&page, &mut found);
    }
    let mut known: Vec<Range<usize>> = found.iter().map(|run| run.at.clone()).collect();
    known.sort_by_key(|range| range.start);
    page.give_back(&known);
    for format in LINE_FORMATS {
        format(&page, &mut found);
    }
    if found.len() > MOST_RUNS {
        return None;
    }
    context::apply(&page, &mut found);
    let flags = kept_flags(&page);
    for run in &mut found {
        flags.iter().for_each(|flag| run.flag(*flag));
        check::check(&page, run);
    }
    Some((page, found))
}

/// The flags that came with lines that were kept from an earlier reading.
fn kept_flags(page: &Page<'_>) -> Vec<Flag> {
    const FIRSTS: Firsts = Firsts::new("l");
    let lines = page.starting(FIRSTS);
    let lines = lines.filter_map(|(_, line)| page.body(line).strip_prefix(verdict::FLAG_LINE));
    lines.flat_map(str::split_ascii_whitespace).filter_map(Flag::from_word).collect()
}

#[cfg(test)]
mod tests {
    use super::{MAX_BYTES, number::work, read};
    use alloc::{format, string::String};

    /// Steps for each byte of the text, at its full length: of text that makes the formats look far.
    fn steps_per_byte(unit: &str) -> f64 {
        let text = unit.repeat(MAX_BYTES / unit.len());
        work::take();
        read(text.as_bytes());
        work::take() as f64 / text.len() as f64
    }

    #[test]
    fn the_work_is_linear_in_the_text() {
        let spaces = " ".repeat(5_000);
        let units: [String; 14] = [
            "prompt eval time =\n".into(),
            format!("eval time ={spaces}\n"),
            format!("prompt eval time ={spaces}"),
            "eval time = 1.00 ms /\n".into(),
            "{\"a\":".into(),
            "{\"a\":\n".into(),
            "[\n{\n".into(),
            "[{\"a\":1},\n".into(),
            "{\"a\":\"b\n".into(),
            "Metrics (ID: a): 1 tokens generated in\n".into(),
            "Decode batch\n".into(),
            "slot print_timing: id 0 | task 0 |\n".into(),
            "| a | b | c | 1.00 ± 1.00 |\n".into(),
            "9".into(),
        ];
        for unit in units {
            let shown: String = unit.chars().take(40).collect();
            let steps = steps_per_byte(&unit);
            assert!(steps < 40.0, "{shown:?}: {steps} steps for each byte");
        }
    }
}
