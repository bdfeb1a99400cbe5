//! `mlx_lm`: what `generate` prints below an answer, and the averages of `benchmark`.
//!
//! ```text
//! Prompt: 64 tokens, 17.804 tokens-per-sec
//! Generation: 32 tokens, 5.362 tokens-per-sec
//! Averages: prompt_tps=1521.109, generation_tps=46.145, peak_memory=1.604
//! ```
//!
//! Both divide one token more than were timed, which matters for very short outputs.

use alloc::{format, vec::Vec};
use core::ops::Range;

use super::{
    flag::{Flag, Problem},
    found::{Found, Kind},
    number::{Cursor, Number},
    page::{Firsts, Page},
    reading::{Field, Tool},
};

/// With fewer output tokens the token that is counted but not timed is more than an eighth of the speed.
const FEWEST: f64 = 8.0;

/// What the lines begin with, and the bars around an answer.
const FIRSTS: Firsts = Firsts::new("=PGART$pm");

/// Reads answers and benchmarks.
pub(super) fn scan(page: &Page<'_>, out: &mut Vec<Found>) {
    // A person's own word may stand before averages.
    let has_speeds = page.text().contains("prompt_tps=");
    if !has_speeds && !page.any(FIRSTS) {
        return;
    }
    let mut prompt: Option<(usize, Found)> = None;
    let mut sizes: Option<Asked> = None;
    let mut trials: Vec<Found> = Vec::new();
    let mut told = Told::default();
    let mut bars = Bars::default();
    for (number, line) in page.all_plain() {
        let is_near = FIRSTS.has(line) || bars.block.is_some();
        let body = page.body(line);
        if !(is_near || has_speeds && body.contains("prompt_tps=")) {
            continue;
        }
        if is_bar(body) {
            bars.pass(number, out.len());
        } else if page.is_separator(line) || body.contains("mlx_lm") {
            bars.block = None;
        }
        // Its batched form, whose speeds are of all streams together, has a word before the same lines.
        let batched =
            page.text().get(line.start..line.body).is_some_and(|mark| mark.contains("batch_generate"));
        if body.starts_with("Prompt:") {
            if let Some((speed, range)) = page.match_line(number, |cursor| speed(cursor, "Prompt:")) {
                if batched {
                    continue;
                }
                out.extend(prompt.take().map(|(_, found)| found));
                let mut found =
                    Found::new(Tool::MlxLm, "mlx_lm.generate, from 2023-12", Kind::Block, range.clone());
                found.keep(page, range);
                set(&mut found, &speed, Field::PromptTokens, Field::PrefillTps);
                prompt = Some((number, found));
            }
        } else if body.starts_with("Generation:") {
            if let Some((speed, range)) = page.match_line(number, |cursor| speed(cursor, "Generation:")) {
                if batched {
                    out.push(together(page, &speed, line.start..range.end));
                    continue;
                }
                let near = prompt.take_if(|(at, _)| number - *at <= 3).map(|(_, found)| found);
                let mut found = near.unwrap_or_else(|| {
                    Found::new(Tool::MlxLm, "mlx_lm.generate, from 2023-12", Kind::Block, range.clone())
                });
                found.keep(page, range);
                set(&mut found, &speed, Field::OutputTokens, Field::DecodeTps);
                inflated(&mut found, speed.0.as_ref());
                bars.place(number, out, found);
            }
        } else if body.starts_with("Audio:") || body.starts_with("Real-time factor:") {
            // A model of sounds: its prompt is not timed alone.
            prompt = None;
        } else if let Some((read, range)) = page.match_line(number, asked) {
            sizes = Some(Asked { range, ..read });
        } else if body.contains("prompt_tps=")
            && let Some(((trial, speeds), range)) = page.match_line(number, averages)
        {
            let mut found = benchmark(page, &speeds, sizes.as_ref(), range);
            if let Some(trial) = trial {
                told.add(&trial, &speeds);
                trials.push(found);
            } else {
                if !told.have(&speeds) {
                    found.refuse(Problem::Edited);
                }
                told = Told::default();
                trials.clear();
                out.push(found);
            }
        }
    }
    out.extend(prompt.map(|(_, found)| found));
    // Trials count only where their average was cut off.
    out.append(&mut trials);
}

fn is_bar(body: &str) -> bool {
    body.len() >= 10 && body.bytes().all(|byte| byte == b'=')
}

/// The bars above and below each answer. The program prints its lines below the lower one: of two blocks with a single bar
/// between them the first stood in the answer, wherever in it.
#[derive(Default)]
struct Bars {
    /// The line of the last bar, if there was one.
    last: Option<usize>,
    /// The findings that came before the bar before it, and before it.
    before: [usize; 2],
    /// The finding that followed a bar at once, if no command and no block of code came since.
    block: Option<usize>,
}

impl Bars {
    fn pass(&mut self, number: usize, found: usize) {
        self.last = Some(number);
        self.before = [self.before[1], found];
    }

    /// Adds a finding; if it follows a bar at once, what stood between that bar and the one above was said.
    fn place(&mut self, number: usize, out: &mut Vec<Found>, mut found: Found) {
        // Prompt and output are two lines.
        if self.last.is_some_and(|last| number - last <= 2) {
            let [from, to] = self.before;
            for said in out[from..to].iter_mut().filter(|said| said.kind == Kind::Block) {
                said.problem = Some(Problem::InAnswer);
                found.flag(Flag::AnswerText);
            }
            // With both its bars it is a run of its own, or an answer that imitates one.
            if let Some(block) = self.block.replace(out.len()) {
                out[block].flag(Flag::PerhapsAnswer);
            }
        }
        out.push(found);
    }
}

fn speed(cursor: &mut Cursor<'_>, key: &str) -> Option<(Option<Number>, Number)> {
    cursor.need(key)?;
    let first = cursor.number()?;
    if cursor.eat(" tokens-per-sec") {
        // Until August 2024 without counts.
        return Some((None, first));
    }
    cursor.need(" tokens,")?;
    let rate = cursor.number()?;
    if !cursor.eat(" tokens-per-sec") {
        // MLX for Swift.
        cursor.need(" tokens/s")?;
    }
    Some((Some(first), rate))
}

/// The speed of several streams.
fn together(page: &Page<'_>, (count, rate): &(Option<Number>, Number), range: Range<usize>) -> Found {
    let mut found =
        Found::new(Tool::MlxLm, "mlx_lm batch_generate, from 2025-10", Kind::Block, range.clone());
    let text = page.text().get(range.clone()).unwrap_or_default();
    let start = text.find("[batch_generate]").unwrap_or(0);
    found.keep(page, range.start + start..range.end);
    if let Some(count) = count {
        found.set(Field::OutputTokens, count);
    }
    found.set(Field::AggregateTps, rate);
    found.flag(Flag::Aggregate);
    found
}

fn set(found: &mut Found, (count, rate): &(Option<Number>, Number), tokens: Field, tps: Field) {
    match count {
        Some(count) => found.set(tokens, count),
        None => found.flag(Flag::RatesOnly),
    }
    found.set(tps, rate);
}

fn inflated(found: &mut Found, count: Option<&Number>) {
    if count.is_some_and(|count| count.value > 1.0 && count.value < FEWEST) {
        found.drop(Field::DecodeTps);
        found.flag(Flag::InflatedByCount);
    }
}

/// How many tokens were asked for: in the command or in what the benchmark says of itself.
struct Asked {
    prompt: Number,
    output: Number,
    /// Streams at once.
    streams: Option<Number>,
    range: Range<usize>,
}

fn asked(cursor: &mut Cursor<'_>) -> Option<Asked> {
    if cursor.eat("Timing with prompt_tokens=") {
        let prompt = cursor.number()?;
        if !cursor.eat(", generation_tokens=") {
            // In the first version of August 2025.
            cursor.need(" and generation_tokens=")?;
        }
        let output = cursor.number()?;
        let streams = if cursor.eat(", batch_size=") { cursor.number() } else { None };
        return Some(Asked { prompt, output, streams, range: 0..0 });
    }
    cursor.eat("$ ");
    cursor.eat("python -m ");
    cursor.need("mlx_lm.benchmark")?;
    let value = |flags: [&str; 2]| {
        let mut cursor = cursor.clone();
        flags.into_iter().find(|flag| cursor.after(flag)).and_then(|_| cursor.number())
    };
    let prompt = value([" -p ", " --prompt-tokens "])?;
    let output = value([" -g ", " --generation-tokens "])?;
    let streams = value([" -b ", " --batch-size "]);
    cursor.after("");
    Some(Asked { prompt, output, streams, range: 0..0 })
}

/// `Averages: …` or `Trial 1:  …`, also below a word of the person's own.
fn averages(cursor: &mut Cursor<'_>) -> Option<(Option<Number>, [Number; 2])> {
    let trial = if cursor.eat("Averages:") {
        None
    } else if cursor.eat("Trial ") {
        let trial = cursor.number()?;
        cursor.need(":")?;
        Some(trial)
    } else {
        let word = cursor.word();
        (word.len() <= 16 && word.ends_with(':')).then_some(())?;
        cursor.need(" Averages:")?;
        None
    };
    cursor.need(" prompt_tps=")?;
    let prompt = cursor.number()?;
    cursor.need(", generation_tps=")?;
    let output = cursor.number()?;
    cursor.need(", peak_memory=")?;
    cursor.number()?;
    Some((trial, [prompt, output]))
}

/// The lowest and the highest speeds of trials, from the first on.
#[derive(Default)]
struct Told {
    trials: usize,
    range: [[f64; 2]; 2],
}

impl Told {
    /// Adds a trial. Of trials that begin in their middle, the average may lie outside of what is left.
    fn add(&mut self, trial: &Number, speeds: &[Number; 2]) {
        let is_first = trial.value == 1.0;
        if is_first {
            self.range = [[f64::INFINITY, 0.0]; 2];
        }
        self.trials = if is_first || (self.trials > 0 && trial.value == (self.trials + 1) as f64) {
            trial.value as usize
        } else {
            0
        };
        for ([lowest, highest], speed) in self.range.iter_mut().zip(speeds) {
            *lowest = lowest.min(speed.value - speed.half_digit() * 2.01);
            *highest = highest.max(speed.value + speed.half_digit() * 2.01);
        }
    }

    /// Whether an average is among them.
    fn have(&self, average: &[Number; 2]) -> bool {
        let mut pairs = self.range.iter().zip(average);
        self.trials == 0
            || pairs.all(|([lowest, highest], speed)| (*lowest..=*highest).contains(&speed.value))
    }
}

fn benchmark(
    page: &Page<'_>,
    [prompt, output]: &[Number; 2],
    sizes: Option<&Asked>,
    range: Range<usize>,
) -> Found {
    let mut found = Found::new(Tool::MlxLm, "mlx_lm.benchmark, from 2025-06", Kind::Table, range.clone());
    let together = sizes.and_then(|asked| asked.streams.as_ref()).filter(|streams| streams.value > 1.0);
    if let Some(asked) = sizes {
        let digits = |number: &Number| page.text().get(number.range.clone()).unwrap_or_default();
        found.stain = page.stain(&asked.range);
        let streams = together.map(|streams| format!(", batch_size={}", digits(streams)));
        found.keep_text(format_args!(
            "Timing with prompt_tokens={}, generation_tokens={}{}",
            digits(&asked.prompt),
            digits(&asked.output),
            streams.unwrap_or_default()
        ));
        found.set(Field::PromptTokens, &asked.prompt);
        found.set(Field::OutputTokens, &asked.output);
    }
    // The person's own word before it is theirs.
    let start = page.text()[range.clone()].find("Averages:").unwrap_or(0);
    found.keep(page, range.start + start..range.end);
    if let Some(streams) = together {
        found.set(Field::Streams, streams);
        found.set(Field::AggregateTps, output);
        found.flag(Flag::Aggregate);
        return found;
    }
    found.set(Field::PrefillTps, prompt);
    found.set(Field::DecodeTps, output);
    inflated(&mut found, sizes.map(|asked| &asked.output));
    found
}
