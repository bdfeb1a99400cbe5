//! What a format found, on its way to becoming a [`Run`].

use alloc::{string::String, vec::Vec};
use core::{fmt::Write, ops::Range};

use super::{
    flag::{Flag, Problem},
    number::Number,
    page::Page,
    reading::{DecodeRule, Field, Mark, Run, Span, Tool},
    text::Stain,
};

/// How the finding stood in the text, as far as it matters for what may be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Lines that one program prints once, at the end of an answer.
    Block,
    /// Lines of a log, many in a row.
    Log,
    /// Rows of a table.
    Table,
    /// A JSON document.
    Json,
}

/// One run, with places in the clean text.
pub(super) struct Found {
    pub run: Run,
    pub kind: Kind,
    /// From its first to its last line, in the clean text.
    pub at: Range<usize>,
    /// Why it cannot be used.
    pub problem: Option<Problem>,
    /// What is known of printed values, for the arithmetic.
    pub prefill: Part,
    pub decode: Part,
    pub total: Option<Number>,
    /// The block has all lines that its tool prints.
    pub complete: bool,
    /// A printed time span, in milliseconds of the log's clock: to see whether requests overlap.
    pub clock_ms: Option<Range<f64>>,
    /// Slot and task of a server that has several.
    pub key: Option<(u64, u64)>,
    /// Tokens that the total counts.
    pub total_count: Option<Number>,
    /// Time that is in the total and in no part, as printed.
    pub unaccounted: Option<Number>,
    /// Seconds that the total may contain besides its parts: sampling, loading.
    pub other_s: f64,
    /// The text says why time may be in no part: somebody typed, an image was encoded.
    pub gap_explained: bool,
    /// The worst thing in the lines that are kept.
    pub stain: Option<Stain>,
}

/// Count, time and rate of one phase, as printed.
#[derive(Default, Clone)]
pub(super) struct Part {
    pub count: Option<Number>,
    /// In seconds.
    pub time: Option<Number>,
    pub rate: Option<Number>,
    /// In milliseconds.
    pub per_token_ms: Option<Number>,
}

impl Found {
    #[inline(never)]
    pub fn new(tool: Tool, era: &'static str, kind: Kind, at: Range<usize>) -> Found {
        let run = Run {
            tool,
            era,
            decode_tps: None,
            prefill_tps: None,
            aggregate_tps: None,
            end_to_end_tps: None,
            prompt_tokens: None,
            output_tokens: None,
            cached_tokens: None,
            depth_tokens: None,
            streams: None,
            prefill_s: None,
            decode_s: None,
            total_s: None,
            load_s: None,
            decode_rule: None,
            model: None,
            quant: None,
            size: None,
            backend: None,
            device: None,
            flags: Vec::new(),
            spans: Vec::new(),
            lines: String::new(),
        };
        let (prefill, decode) = (Part::default(), Part::default());
        Found {
            run,
            kind,
            at,
            problem: None,
            prefill,
            decode,
            total: None,
            complete: true,
            clock_ms: None,
            key: None,
            total_count: None,
            unaccounted: None,
            other_s: 0.0,
            gap_explained: false,
            stain: None,
        }
    }

    /// Sets a field to a printed number. Numbers that no tool prints make the finding useless.
    pub fn set(&mut self, field: Field, number: &Number) {
        if number.odd || !(0.0..1e12).contains(&number.value) {
            self.refuse(Problem::NoNumber);
            return;
        }
        self.put(field, number.value, number.range.clone(), false);
    }

    /// Sets a field to a value that was computed from what stands in the range.
    pub fn compute(&mut self, field: Field, value: f64, from: Range<usize>) {
        if value.is_finite() && value > 0.0 {
            self.put(field, value, from, true);
        }
    }

    fn put(&mut self, field: Field, value: f64, range: Range<usize>, computed: bool) {
        let run = &mut self.run;
        let whole = Some(value as u64);
        match field {
            Field::DecodeTps => run.decode_tps = Some(value),
            Field::PrefillTps => run.prefill_tps = Some(value),
            Field::AggregateTps => run.aggregate_tps = Some(value),
            Field::EndToEndTps => run.end_to_end_tps = Some(value),
            Field::PromptTokens => run.prompt_tokens = whole,
            Field::OutputTokens => run.output_tokens = whole,
            Field::CachedTokens => run.cached_tokens = whole,
            Field::DepthTokens => run.depth_tokens = whole,
            Field::Streams => run.streams = whole,
            Field::PrefillS => run.prefill_s = Some(value),
            Field::DecodeS => run.decode_s = Some(value),
            Field::TotalS => run.total_s = Some(value),
            Field::LoadS => run.load_s = Some(value),
            Field::Model | Field::Quant | Field::Size | Field::Backend | Field::Device => return,
        }
        self.mark(field, range, computed);
    }

    /// Remembers where a value stood; a value that is set again stands at its new place.
    fn mark(&mut self, field: Field, range: Range<usize>, computed: bool) {
        self.run.spans.retain(|mark| mark.field != field);
        self.run.spans.push(Mark { field, span: Span { start: range.start, end: range.end }, computed });
    }

    /// Sets a name, unless it is not one that a model, a quantisation or a device has.
    pub fn name(&mut self, field: Field, name: &Name) {
        if name.range.is_empty() {
            return;
        }
        let Some(text) = name.safe() else {
            self.flag(Flag::StrangeName);
            return;
        };
        let slot = match field {
            Field::Model => &mut self.run.model,
            Field::Quant => &mut self.run.quant,
            Field::Size => &mut self.run.size,
            Field::Backend => &mut self.run.backend,
            Field::Device => &mut self.run.device,
            _ => return,
        };
        *slot = Some(text.into());
        self.mark(field, name.range.clone(), false);
    }

    pub fn flag(&mut self, flag: Flag) {
        if !self.run.flags.contains(&flag) {
            self.run.flags.push(flag);
        }
    }

    /// The first problem stays: it is the one to tell about.
    pub fn refuse(&mut self, problem: Problem) {
        self.problem.get_or_insert(problem);
    }

    /// Takes a value back: it is not what it seems.
    pub fn drop(&mut self, field: Field) {
        match field {
            Field::DecodeTps => self.run.decode_tps = None,
            Field::PrefillTps => self.run.prefill_tps = None,
            _ => return,
        }
        self.run.spans.retain(|mark| mark.field != field);
    }

    /// Much of the total is in no part. Somebody waited, or the parts were made shorter: which of them cannot be told.
    pub fn unaccounted(&mut self) {
        self.flag(Flag::Unaccounted);
        self.drop(Field::DecodeTps);
        self.drop(Field::PrefillTps);
    }

    /// Fills counts, times and rates of a phase into the run; computes the rate where none was printed.
    pub fn fill(&mut self, decode: bool) {
        use Field::{DecodeS, DecodeTps, OutputTokens, PrefillS, PrefillTps, PromptTokens};
        let (part, tokens, seconds, rate) = if decode {
            (self.decode.clone(), OutputTokens, DecodeS, DecodeTps)
        } else {
            (self.prefill.clone(), PromptTokens, PrefillS, PrefillTps)
        };
        if let Some(count) = &part.count {
            if !count.is_count() {
                self.refuse(Problem::NoNumber);
                return;
            }
            self.set(tokens, count);
        }
        if let Some(time) = &part.time {
            self.set(seconds, time);
        }
        match (&part.rate, &part.count, &part.time) {
            (Some(printed), ..) => self.set(rate, printed),
            (None, Some(count), Some(time)) if time.value > 0.0 => {
                let from = count.range.start.min(time.range.start)..count.range.end.max(time.range.end);
                self.compute(rate, count.value / time.value, from);
                self.flag(Flag::Computed);
                if decode {
                    self.run.decode_rule = Some(DecodeRule::AllTokens);
                }
            }
            _ => {}
        }
    }

    /// Keeps a line: what goes out when the run is contributed.
    pub fn keep(&mut self, page: &Page<'_>, range: Range<usize>) {
        self.at = self.at.start.min(range.start)..self.at.end.max(range.end);
        self.stain = self.stain.or(page.stain(&range));
        let line = page.text().get(range).unwrap_or_default();
        self.run.lines.extend(line.trim_end().chars().filter(|c| *c != '\n'));
        self.run.lines.push('\n');
    }

    /// Keeps a line that is put together from parts.
    pub fn keep_text(&mut self, line: core::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = self.run.lines.write_fmt(line);
        self.run.lines.push('\n');
    }

    /// Keeps numbers out of a JSON document, in their order, as a smaller one.
    pub fn keep_members(
        &mut self,
        page: &Page<'_>,
        within: Option<&str>,
        members: &[(&str, Option<Number>)],
    ) {
        let mut line = String::from("{");
        if let Some(within) = within {
            let _ = write!(line, "\"{within}\":{{");
        }
        let mut comma = "";
        for (key, number) in members {
            let Some(number) = number else { continue };
            let digits = page.text().get(number.range.clone()).unwrap_or_default();
            let _ = write!(line, "{comma}\"{key}\":{digits}");
            comma = ",";
        }
        line.push_str(if within.is_some() { "}" } else { "" });
        if let Some(model) = &self.run.model {
            // A model and its quantisation were one file name.
            let (dash, quant) = self.run.quant.as_ref().map_or(("", ""), |quant| ("-", quant));
            let _ = write!(line, "{comma}\"model\":\"{model}{dash}{quant}\"");
        }
        line.push('}');
        self.keep_text(format_args!("{line}"));
    }

    /// Whether a value of this field was found.
    pub fn has(&self, field: Field) -> bool {
        self.run.spans.iter().any(|mark| mark.field == field)
    }

    /// Whether there is something in it to show or to ask about.
    pub fn tells(&self) -> bool {
        let asks = || self.run.flags.iter().any(|flag| flag.asks());
        self.has_speed() || self.run.aggregate_tps.is_some() || asks()
    }

    /// Whether it has a speed of a single stream.
    pub fn has_speed(&self) -> bool {
        self.run.decode_tps.is_some() || self.run.prefill_tps.is_some()
    }
}

/// A name that stood in the text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Name {
    pub text: String,
    pub range: Range<usize>,
}

impl Name {
    pub fn new(page: &Page<'_>, range: Range<usize>) -> Name {
        let text = page.text().get(range.clone()).unwrap_or_default();
        let lead = text.len() - text.trim_start().len();
        let trimmed = text.trim();
        let start = range.start + lead;
        Name { text: trimmed.into(), range: start..start + trimmed.len() }
    }

    /// The part of a name from one byte to another.
    pub fn part(&self, range: Range<usize>) -> Name {
        let text = self.text.get(range.clone()).unwrap_or_default();
        let lead = text.len() - text.trim_start().len();
        let start = self.range.start + range.start + lead;
        Name { text: text.trim().into(), range: start..start + text.trim().len() }
    }

    /// Without the folders before it: a path tells who somebody is.
    pub fn base(&self) -> Name {
        let from = self.text.rfind(['/', '\\']).map_or(0, |slash| slash + 1);
        let is_hub_name = self.text.matches('/').count() == 1
            && !self.text.starts_with(['/', '.', '~'])
            && !self.text.contains('\\')
            && !self.text.ends_with(".gguf");
        if is_hub_name { self.clone() } else { self.part(from..self.text.len()) }
    }

    /// The name, if it is made of what names are made of. What is not could be made to do harm somewhere.
    pub fn safe(&self) -> Option<&str> {
        safe(&self.text)
    }
}

/// What [`Name::safe`] says of a text.
pub(super) fn safe(text: &str) -> Option<&str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b" ._:/@+()-,[]|?".contains(&byte);
    let fits = (1..=120).contains(&text.len());
    let has_dashes = || text.as_bytes().windows(2).any(|pair| pair == b"--");
    (fits && text.bytes().all(allowed) && !has_dashes()).then_some(text)
}
