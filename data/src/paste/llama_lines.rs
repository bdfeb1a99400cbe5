//! The timing lines of llama.cpp, one at a time.
//!
//! The library and the server have printed the same sentence since 2023 under changing names:
//!
//! ```text
//! llama_perf_context_print: prompt eval time = 202.22 ms / 19 tokens ( 10.64 ms per token, 93.95 tokens per second)
//! ```

use super::number::{Cursor, Number};

/// What a line tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Item {
    /// Before `llama.h`: prompt and output in one figure.
    Predict,
    Load,
    Sample,
    Prompt,
    Eval,
    Total,
    Unaccounted,
    /// Draft tokens, accepted and generated.
    Draft,
}

/// One timing line.
#[derive(Debug, Clone)]
pub(super) struct TimingLine {
    pub item: Item,
    pub label: Label,
    /// Milliseconds; of drafts, the ratio.
    pub time: Number,
    /// Tokens or runs; of the unaccounted time, its share; of drafts, how many were generated.
    pub count: Option<Number>,
    pub per_token_ms: Option<Number>,
    pub rate: Option<Number>,
    /// The library counts runs where the server counts tokens.
    pub runs: bool,
    /// It ends as its tool ends it. A value at the end of a line that was cut off may be half a value.
    pub whole: bool,
}

/// Who printed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label {
    Main,
    PrintTimings,
    Perf,
    CommonPerf,
    /// `slot print_timing: id 0 | task 7 |`
    Slot(u64, u64),
    /// The server of 2023 and 2024, and ik_llama.cpp.
    Server,
    /// None: the server put the label on a line of its own, or something cut it off.
    Bare,
    /// None, but it counts as the library does.
    Library,
}

impl Label {
    /// The form, with the time from which it was printed.
    pub fn era(self) -> &'static str {
        match self {
            Label::Main => "main, from 2023-03",
            Label::PrintTimings => "llama_print_timings, from 2023-03",
            Label::Perf => "llama_perf_context_print, from 2024-09",
            Label::CommonPerf => "common_perf_print, from 2025-11",
            Label::Slot(..) => "slot print_timing, from 2024-09",
            Label::Server => "print_timings, from 2023-10",
            Label::Bare => "print_timing, from 2024-09",
            Label::Library => "timings of llama.cpp without their label",
        }
    }

    /// Whether the server printed it, which adds up prompt and output to the total.
    pub fn is_server(self) -> bool {
        matches!(self, Label::Slot(..) | Label::Server | Label::Bare)
    }
}

/// The label at the start of a line.
pub(super) fn label(cursor: &mut Cursor<'_>) -> Label {
    const LABELS: [(&str, Label); 8] = [
        ("llama_print_timings:", Label::PrintTimings),
        ("llama_perf_context_print:", Label::Perf),
        ("llama_perf_sampler_print:", Label::Perf),
        ("llama_perf_print:", Label::Perf),
        ("common_perf_print:", Label::CommonPerf),
        ("print_timings:", Label::Server),
        ("main:", Label::Main),
        ("llama_print_timings", Label::PrintTimings),
    ];
    if let Some((slot, task)) = slot(cursor, Some("print_timing")) {
        return Label::Slot(slot, task);
    }
    LABELS.iter().find(|(text, _)| cursor.eat(text)).map_or(Label::Bare, |(_, label)| *label)
}

/// `slot print_timing: id  0 | task 388 | `, of any function or of one.
pub(super) fn slot(cursor: &mut Cursor<'_>, function: Option<&str>) -> Option<(u64, u64)> {
    let start = cursor.clone();
    let found = (|| {
        cursor.need("slot ")?;
        let name = cursor.word();
        let name = name.strip_suffix(':')?;
        function
            .is_none_or(|wanted| name.strip_prefix(wanted).is_some_and(|rest| rest.len() <= 1))
            .then_some(())?;
        cursor.need(" id ")?;
        let slot = cursor.number()?;
        cursor.need(" | task ")?;
        let task = cursor.number()?;
        cursor.need(" |")?;
        Some((slot.value as u64, task.value as u64))
    })();
    if found.is_none() {
        *cursor = start;
    }
    found
}

/// The timing line that stands here. With `cut` it may end early: then the values before the last are good.
pub(super) fn timing(cursor: &mut Cursor<'_>, label: Label, cut: bool) -> Option<TimingLine> {
    const ITEMS: [(&str, Item); 11] = [
        ("prompt eval time =", Item::Prompt),
        ("generation eval time =", Item::Eval),
        ("eval time =", Item::Eval),
        ("load time =", Item::Load),
        ("sample time =", Item::Sample),
        ("sampling time =", Item::Sample),
        ("total time =", Item::Total),
        ("unaccounted time =", Item::Unaccounted),
        ("predict time =", Item::Predict),
        ("draft acceptance rate =", Item::Draft),
        ("draft acceptance =", Item::Draft),
    ];
    cursor.spaces();
    let (text, item) = *ITEMS.iter().find(|(text, _)| cursor.eat(text))?;
    let time = cursor.number()?;
    let mut line = TimingLine {
        item,
        label,
        time,
        count: None,
        per_token_ms: None,
        rate: None,
        runs: false,
        whole: false,
    };
    line.whole = rest(cursor, &mut line).is_some();
    // The first servers counted runs, too, and called it generation.
    line.runs &= text == "eval time =";
    (line.whole || (cut && cursor.cut && line.count.is_some())).then_some(line)
}

/// What follows the time; fills in as far as it goes.
fn rest(cursor: &mut Cursor<'_>, line: &mut TimingLine) -> Option<()> {
    if line.item == Item::Draft {
        cursor.need(" (")?;
        let _accepted = cursor.number()?;
        cursor.need(" accepted /")?;
        line.count = Some(cursor.number()?);
        return cursor.need(" generated)");
    }
    cursor.need(" ms")?;
    let has_count = cursor.eat(" /");
    match line.item {
        Item::Load => Some(()),
        Item::Predict => {
            line.per_token_ms = Some(cursor.number()?);
            cursor.need(" ms per token")
        }
        Item::Unaccounted => {
            line.count = Some(cursor.number()?);
            cursor.need(" %")
        }
        Item::Total | Item::Sample if !has_count => Some(()),
        Item::Total => counted(cursor, line),
        _ => {
            counted(cursor, line)?;
            if !cursor.eat(" (") {
                return None;
            }
            line.per_token_ms = Some(cursor.number()?);
            if !cursor.eat(" ms per token") {
                cursor.need(" ms per run")?;
            }
            if cursor.eat(" )") {
                return Some(());
            }
            cursor.need(" ,")?;
            let rate = cursor.number()?;
            cursor.need(" tokens per second")?;
            line.rate = Some(rate);
            // The bracket may be lost to a cut; the unit before it shows that the number is whole.
            cursor.eat(" )");
            Some(())
        }
    }
}

/// A count and its unit. Of a unit that was cut off the first letter is enough: the count before it is whole.
fn counted(cursor: &mut Cursor<'_>, line: &mut TimingLine) -> Option<()> {
    let count = cursor.number()?;
    cursor.spaces();
    if cursor.rest().starts_with(['t', 'r']) {
        line.count = Some(count);
        line.runs = cursor.rest().starts_with('r');
    }
    let whole = ["tokens", "runs", "token", "run"].iter().any(|unit| cursor.eat(unit));
    whole.then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, cut: bool) -> Option<TimingLine> {
        let mut cursor = Cursor::new(text, 0..text.len());
        let label = label(&mut cursor);
        timing(&mut cursor, label, cut)
    }

    #[test]
    fn every_era_says_the_same() {
        #[rustfmt::skip]
        let vectors = [
            ("llama_print_timings:     eval time =   123.45 ms /   100 runs   (    1.23 ms per run)", Item::Eval, None),
            ("llama_print_timings: prompt eval time = 123.45 ms /   100 tokens (    1.23 ms per token,   810.04 tokens per second)", Item::Prompt, Some(810.04)),
            ("common_perf_print:        eval time = 123.45 ms /   100 runs   (    1.23 ms per token,   810.04 tokens per second)", Item::Eval, Some(810.04)),
            ("generation eval time =  123.45 ms /   100 runs   (    1.23 ms per token,     810.04 tokens per second) | tid=1", Item::Eval, Some(810.04)),
            ("slot print_timing: id  3 | task 1941 | prompt eval time = 123.45 ms /   100 tokens (    1.23 ms per token,   810.04 tokens per second)", Item::Prompt, Some(810.04)),
        ];
        for (text, item, rate) in vectors {
            let line = read(text, false).expect(text);
            assert_eq!((line.item, line.rate.map(|rate| rate.value)), (item, rate), "{text}");
            assert_eq!(
                (line.time.value, line.count.map(|count| count.value)),
                (123.45, Some(100.0)),
                "{text}"
            );
        }
    }

    #[test]
    fn a_cut_line_gives_what_came_before_the_cut() {
        let text = "prompt eval time =     202.22 ms /    19 tok";
        assert!(read(text, false).is_none());
        let line = read(text, true).expect(text);
        assert!(!line.whole);
        assert_eq!(line.count.map(|count| count.value), Some(19.0));
        assert!(read("prompt eval time =     202.22 ms /    19", true).is_none(), "half of 190, or of 1900");
        assert!(read("n_decoded = 100, tg = 12.00 t/s", true).is_none());
    }
}
