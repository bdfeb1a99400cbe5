//! Blocks of llama.cpp's timing lines: of its programs, of what links it, and of its server's log.
//!
//! A block is one run. Its lines stand together, except in the log of a server, where slot and task tell which
//! belong to which. What else the log says of slots is read in `llama_slots`.

use alloc::vec::Vec;
use core::ops::Range;

use super::{
    flag::{Flag, Problem},
    found::{Found, Kind, Part},
    index::Index,
    llama_lines::{Item, Label, TimingLine, label, slot, timing},
    llama_slots,
    number::{Cursor, Number},
    page::{Firsts, Line, Page},
    prefix,
    reading::{Field, Tool},
};

/// Lines that do not belong to it may stand between the lines of a block, so many at most.
const MAX_GAP: usize = 8;

/// A timing line and where it stood.
struct Entry {
    line: TimingLine,
    range: Range<usize>,
    number: usize,
}

/// The lines of one run.
#[derive(Default)]
struct Block {
    entries: Vec<Entry>,
    /// Slot and task, where the log tells.
    key: Option<(u64, u64)>,
    /// Where the key stood, if on a line of its own.
    header: Option<Range<usize>>,
    /// Tokens that an example said it decoded in all, on a line shortly before.
    batched: bool,
    /// Of the draft or the target model of `llama-speculative`.
    speculative: bool,
}

impl Block {
    fn get(&self, item: Item) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.line.item == item)
    }

    /// Whether a line that comes now belongs to this block.
    fn takes(&self, line: &TimingLine, number: usize) -> bool {
        let Some(last) = self.entries.last() else { return true };
        if self.get(line.item).is_some() {
            // Sampling and samplers are two lines of one item.
            return line.item == Item::Sample && last.line.item == Item::Sample;
        }
        if self.key.is_none() && number - last.number > MAX_GAP {
            return false;
        }
        // After its total a block has nothing but small print, unless it was pasted upside down.
        let ended = self.get(Item::Total).is_some() && self.entries[0].line.item != Item::Total;
        !ended || matches!(line.item, Item::Unaccounted | Item::Draft)
    }
}

/// What timing lines, labels and headers begin with.
const FIRSTS: Firsts = Firsts::new("lpcsmegtud");

/// Reads all blocks.
pub(super) fn scan(page: &Page<'_>, out: &mut Vec<Found>) {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open = Index::default();
    let place = |key: Option<(u64, u64)>| key.map_or([u64::MAX; 2], |(slot, task)| [slot, task]);
    let mut header: Option<((u64, u64), Range<usize>)> = None;
    let mut ended: Option<((u64, u64), usize)> = None;
    let mut decoded_at = None;
    let mut speculative = false;
    let mut taken = 0;
    for (number, source) in sources(page) {
        // The rest of a line that was broken may look like another: `prompt` and `eval time`.
        if matches!(source, Source::Line(at) if page.lines[at].body < taken) {
            continue;
        }
        let lines = read_all(page, &source);
        if let Some((_, range)) = lines.last() {
            taken = range.end;
        }
        if lines.is_empty()
            && let Source::Line(at) = source
        {
            let body = page.body(&page.lines[at]);
            speculative |= matches!(body.trim_end(), "draft:" | "target:");
            if body.starts_with("main: decoded ") {
                decoded_at = Some(number);
            }
            let whole = page.lines[at].body..page.lines[at].end;
            let mut cursor = Cursor::new(page.text(), whole.clone());
            if let Some(key) = slot(&mut cursor, Some("print_timing")) {
                // A header; the lines of progress that look like one are told by what follows.
                header = cursor.ended().then_some((key, whole)).or(header);
            }
        }
        for (line, range) in lines {
            let key = match line.label {
                Label::Slot(slot, task) => Some((slot, task)),
                Label::Bare => {
                    // Drafts are told of below the total.
                    let small_print = matches!(line.item, Item::Draft | Item::Unaccounted);
                    let before = ended.filter(|(_, at)| small_print && number - at <= MAX_GAP);
                    header.as_ref().map(|(key, _)| *key).or(before.map(|(key, _)| key))
                }
                _ => None,
            };
            let takes = |key| open.get(place(key)).filter(|at| blocks[*at].takes(&line, number));
            // Drafts are told of below the total, and the header of the block above may have been cut off.
            let beheaded =
                |at: &usize| blocks[*at].entries.last().is_some_and(|last| number - last.number <= MAX_GAP);
            let current =
                takes(key).or_else(|| takes(None).filter(|at| line.item == Item::Draft && beheaded(at)));
            let at = current.unwrap_or_else(|| {
                let batched = decoded_at.is_some_and(|at| number - at <= MAX_GAP);
                let header =
                    header.as_ref().filter(|_| line.label == Label::Bare).map(|(_, range)| range.clone());
                blocks.push(Block { key, header, batched, speculative, ..Block::default() });
                open.set(place(key), blocks.len() - 1);
                blocks.len() - 1
            });
            if line.item == Item::Total && line.label == Label::Bare {
                ended = header.take().map(|(key, _)| (key, number)).or(ended);
            }
            blocks[at].entries.push(Entry { line, range, number });
        }
    }
    let first = out.len();
    let signs = ["interactive mode", "image encoded in", "image slice encoded in"];
    let gap_explained = !blocks.is_empty() && signs.iter().any(|sign| page.text().contains(sign));
    let asked = blocks.iter().any(|block| block.key.is_none()).then(|| asked_at(page)).flatten();
    for block in &blocks {
        out.extend(finish(page, block).map(|mut found| {
            let waited = asked.is_some_and(|asked| asked < found.at.start) || is_ended_by_hand(page, block);
            found.gap_explained = gap_explained || (waited && found.run.tool == Tool::LlamaCpp);
            found
        }));
    }
    llama_slots::apply(page, &mut out[first..]);
}

/// Where llama-cli first waited for somebody to type: behind this mark, which quotes whole lines of a mail as well.
fn asked_at(page: &Page<'_>) -> Option<usize> {
    let quotes = |line: &Line| page.text().as_bytes().get(line.start) == Some(&b'>');
    let is_prompt = |line: &Line| {
        quotes(line) && page.text().get(line.start..line.end).is_some_and(|text| text.starts_with("> "))
    };
    let is_quoted =
        page.starting(FIRSTS).any(|(_, line)| quotes(line) && page.body(line).starts_with("llama_"));
    page.all_plain().map(|(_, line)| line).find(|line| !is_quoted && is_prompt(line)).map(|line| line.start)
}

/// Whether somebody ended the program: it says so below the lines that it prints then.
fn is_ended_by_hand(page: &Page<'_>, block: &Block) -> bool {
    let last = block.entries.last().map_or(0, |entry| entry.number);
    let below = page.lines.iter().skip(last + 1).take(2);
    below.map(|line| page.body(line)).any(|body| body.starts_with("Interrupted by user"))
}

/// Where a timing line may stand.
enum Source {
    Line(usize),
    /// The message of a log line in JSON.
    Message {
        range: Range<usize>,
        key: Option<(u64, u64)>,
    },
}

/// All places where a timing line may stand, in the order of the text.
fn sources(page: &Page<'_>) -> Vec<(usize, Source)> {
    let mut sources: Vec<(usize, Source)> =
        page.starting(FIRSTS).map(|(number, _)| (number, Source::Line(number))).collect();
    for doc in &page.docs {
        let is_timing = doc.root.name(&["function"]).is_some_and(|name| name.text.contains("print_timing"));
        let message = doc.root.name(&["msg"]).filter(|_| is_timing);
        if let Some(message) = message {
            let id = |key: &str| doc.root.number(&[key]).map(|id| id.value as u64);
            let key = id("slot_id").or(id("id_slot")).zip(id("task_id").or(id("id_task")));
            let number = page.lines.partition_point(|line| line.end <= doc.range.start);
            sources.push((number, Source::Message { range: message.range, key }));
        }
    }
    sources.sort_by_key(|(number, _)| *number);
    sources
}

/// The timing lines at a place: one, or all of a block where a page has lost the breaks between them.
fn read_all(page: &Page<'_>, source: &Source) -> Vec<(TimingLine, Range<usize>)> {
    let mut lines: Vec<(TimingLine, Range<usize>)> = read(page, source).into_iter().collect();
    let Source::Line(number) = source else { return lines };
    let end = page.lines[*number].end;
    while let Some((before, range)) = lines.last() {
        let rest = page.text().get(range.end..end).unwrap_or_default();
        let start = range.end + prefix::body(rest);
        if !before.whole || start == range.end {
            break;
        }
        let mut cursor = Cursor::new(page.text(), start..end);
        let own = label(&mut cursor);
        // Below a header the lines have no label of their own.
        let label = if own == Label::Bare { before.label } else { own };
        cursor.spaces();
        let mut start = start;
        if cursor.eat("graphs reused =") {
            cursor.number();
            // On a line of its own it has a label, and so has what follows.
            start = cursor.at + prefix::body(page.text().get(cursor.at..end).unwrap_or_default());
            cursor = Cursor::new(page.text(), start..end);
            self::label(&mut cursor);
        }
        let Some(line) = timing(&mut cursor, label, false) else { break };
        lines.push((line, start..cursor.at));
    }
    lines
}

/// The timing line at a place: whole, or broken by a console, or cut off.
fn read(page: &Page<'_>, source: &Source) -> Option<(TimingLine, Range<usize>)> {
    let matcher = |cut: bool| {
        move |cursor: &mut Cursor<'_>| {
            let label = label(cursor);
            timing(cursor, label, cut)
        }
    };
    match source {
        Source::Line(number) => {
            let line = &page.lines[*number];
            let mut start = Cursor::new(page.text(), line.body..line.end);
            if slot(&mut start, None).is_some() && start.ended() {
                return None;
            }
            let whole = page.match_line(*number, matcher(false));
            whole.or_else(|| {
                let line = &page.lines[*number];
                let mut cursor = Cursor::new(page.text(), line.body..line.end);
                let timing = matcher(true)(&mut cursor)?;
                // The beginning of a unit shows that the count before it is whole.
                let end = page.text().floor_char_boundary((cursor.at + 3).min(line.end));
                Some((timing, line.body..end))
            })
        }
        Source::Message { range, key } => {
            let mut cursor = Cursor::new(page.text(), range.clone());
            let mut line = matcher(false)(&mut cursor)?;
            line.label = key.map_or(Label::Server, |(slot, task)| Label::Slot(slot, task));
            Some((line, range.start..cursor.at))
        }
    }
}

/// A block as a finding; nothing if it tells neither of prompt nor of output.
fn finish(page: &Page<'_>, block: &Block) -> Option<Found> {
    let first = block.entries.first()?;
    let predict = block.get(Item::Predict);
    if block.get(Item::Prompt).is_none() && block.get(Item::Eval).is_none() && predict.is_none() {
        return None;
    }
    let label = block.entries.iter().map(|entry| entry.line.label).find(|label| *label != Label::Bare);
    let of_library = block.get(Item::Eval).is_some_and(|entry| entry.line.runs);
    let label = label.unwrap_or(if of_library { Label::Library } else { Label::Bare });
    let tool = if label.is_server() { Tool::LlamaServer } else { Tool::LlamaCpp };
    let kind = if block.key.is_some() { Kind::Log } else { Kind::Block };
    let mut found = Found::new(tool, label.era(), kind, first.range.clone());
    found.key = block.key;
    if let Some(header) = &block.header {
        found.keep(page, header.clone());
    }
    for entry in &block.entries {
        let lost = block.key.filter(|_| entry.line.label == Label::Bare && block.header.is_none());
        if let Some((slot, task)) = lost {
            // A break came between the label and its line.
            let line = page.text().get(entry.range.clone()).unwrap_or_default();
            let line: Vec<&str> = line.split('\n').collect();
            found.keep_text(format_args!(
                "slot print_timing: id {slot} | task {task} | {}",
                line.concat().trim()
            ));
        } else {
            found.keep(page, entry.range.clone());
        }
    }
    found.prefill = part(block.get(Item::Prompt));
    found.decode = part(block.get(Item::Eval));
    for (item, decode) in [(Item::Prompt, false), (Item::Eval, true)] {
        match block.get(item) {
            Some(entry) if entry.line.whole => phase(&mut found, block, decode),
            Some(entry) => {
                let tokens = if decode { Field::OutputTokens } else { Field::PromptTokens };
                if let Some(count) = entry.line.count.as_ref().filter(|count| count.is_count()) {
                    found.set(tokens, count);
                }
                found.flag(Flag::Truncated);
            }
            None => {}
        }
    }
    if let Some(entry) = predict {
        found.flag(Flag::Combined);
        found.set(Field::TotalS, &entry.line.time.ms_to_s());
    }
    small_print(&mut found, block);
    let zero = |entry: &&Entry| entry.line.whole && entry.line.time.value == 0.0;
    if !found.has_speed() && block.get(Item::Eval).filter(zero).is_some() {
        // A binding that switched the measuring off prints zeros for all.
        found.refuse(Problem::Zeros);
    }
    Some(found)
}

fn part(entry: Option<&Entry>) -> Part {
    let Some(entry) = entry.filter(|entry| entry.line.whole) else { return Part::default() };
    let line = &entry.line;
    Part {
        count: line.count.clone(),
        time: Some(line.time.ms_to_s()),
        rate: line.rate.clone(),
        per_token_ms: line.per_token_ms.clone(),
    }
}

/// Prompt or output, where its line is whole. Zero milliseconds mean that it did not happen.
fn phase(found: &mut Found, block: &Block, decode: bool) {
    let part = if decode { &found.decode } else { &found.prefill };
    let is_zero = |number: &Option<Number>| number.as_ref().is_some_and(|number| number.value == 0.0);
    if !is_zero(&part.time) {
        found.fill(decode);
        return;
    }
    let sampled = block.get(Item::Sample).and_then(|entry| entry.line.count.as_ref());
    if decode
        && found.run.tool == Tool::LlamaCpp
        && (block.batched || sampled.is_some_and(|runs| runs.value > 1.0))
    {
        // Tokens came out although nothing was decoded alone: the batches were booked as prompt.
        found.refuse(Problem::Batched);
        return;
    }
    if let Some(count) = part.count.clone().filter(|_| found.run.tool == Tool::LlamaServer) {
        found.set(if decode { Field::OutputTokens } else { Field::PromptTokens }, &count);
    }
    if decode {
        found.decode = Part::default();
    } else {
        // llama-cpp-python reuses the whole of a prompt that it has seen.
        found.prefill = Part::default();
        found.flag(Flag::PrefillFromCache);
    }
}

/// Total, load, drafts, order.
fn small_print(found: &mut Found, block: &Block) {
    if let Some(entry) = block.get(Item::Total) {
        let total = entry.line.time.ms_to_s();
        if entry.line.whole {
            found.set(Field::TotalS, &total);
            found.total = Some(total);
            found.total_count = entry.line.count.clone();
        }
    }
    if let Some(entry) = block.get(Item::Sample) {
        found.other_s += entry.line.time.value / 1e3;
    }
    if let Some(entry) = block.get(Item::Load).filter(|entry| entry.line.whole) {
        found.set(Field::LoadS, &entry.line.time.ms_to_s());
        // Until September 2024 the total could begin with the loading, and loading could end with the first prompt.
        if entry.line.label == Label::PrintTimings {
            let time_s = |part: &Part| part.time.as_ref().map_or(0.0, |time| time.value);
            let load_s = entry.line.time.value / 1e3;
            let parts_s = time_s(&found.prefill) + time_s(&found.decode) + found.other_s;
            let fits = found.total.as_ref().is_some_and(|total| parts_s + load_s <= total.value);
            found.other_s += if fits { load_s } else { (load_s - time_s(&found.prefill)).max(0.0) };
        }
    }
    found.unaccounted =
        block.get(Item::Unaccounted).filter(|entry| entry.line.whole).map(|entry| entry.line.time.ms_to_s());
    if block
        .get(Item::Draft)
        .and_then(|entry| entry.line.count.as_ref())
        .is_some_and(|drafts| drafts.value > 0.0)
    {
        found.flag(Flag::Speculative);
    }
    if block.speculative {
        found.refuse(Problem::DraftModel);
    }
    let order = |item| block.entries.iter().position(|entry| entry.line.item == item);
    let comes_late = |early, late| matches!((order(early), order(late)), (Some(a), Some(b)) if a > b);
    if comes_late(Item::Prompt, Item::Eval) || comes_late(Item::Eval, Item::Total) {
        found.flag(Flag::Reversed);
    }
    found.complete = block.get(Item::Total).is_some();
}
