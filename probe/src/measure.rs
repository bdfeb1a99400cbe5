//! Runs the points of a plan on a runtime: warm-up, repeats until the answer is sure enough, several streams, the trace.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use data::timings::{Chunk, Timings, quantile};

use crate::driver::{DriverError, ModelRef, Prompt, Reply, Request, Runtime, Stream};
use crate::interrupt;
use crate::plan::{Point, WARM_UP_OUTPUT_TOKENS};
use crate::prompt::{self, Matter, Measure, Seed};
use crate::statistics::summary;
use crate::trace;

/// How long the very first answer may take where nothing else limits it: the largest models are read from a slow disk for
/// minutes.
const FIRST_ANSWER: Duration = Duration::from_secs(900);

/// Relative half width of the median's interval at which repeating ends.
const SETTLED: f64 = 0.03;

/// How a runtime's prompts are cut to length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Lengths {
    /// It offers its tokenizer.
    Counted,
    /// Two requests were made, and a line laid through them.
    Calibrated {
        /// Tokens of template and start.
        fixed: f64,
        /// Tokens of a word.
        per_word: f64,
    },
}

/// What a series of repeats is given.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Fewest and most repeats that are wanted.
    pub repeats: (u32, u32),
    /// Repeats that the plan has time for, whatever the point takes.
    pub planned: u32,
    /// No repeat beyond those is begun that would end after this moment.
    pub spare_until: Option<Instant>,
    /// No repeat beyond the first is begun that would end after this moment, and what still runs then is given up.
    pub until: Option<Instant>,
}

impl Limits {
    /// Whether another repeat, as long as the last one, still has its time.
    fn allow(&self, done: u32, last: Duration) -> bool {
        let end = Instant::now() + last;
        let spare = done < self.planned || self.spare_until.is_none_or(|until| end <= until);
        spare && self.until.is_none_or(|until| end <= until)
    }
}

/// One runtime with one model, and a nonce that makes this run's prompts its own.
pub struct Bench<'a> {
    /// The runtime.
    pub runtime: &'a dyn Runtime,
    /// The model.
    pub model: &'a ModelRef,
    /// Text that no earlier run had.
    pub nonce: String,
    /// How prompts get their length.
    pub lengths: Lengths,
    /// Whether thinking is switched off where it can be.
    pub no_reasoning: bool,
    /// What repeats are given.
    pub limits: Limits,
}

/// All repeats of a point: for each, the replies of its streams or turns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// By repeat.
    pub rounds: Vec<Vec<Reply>>,
    /// Whether the lengths of the prompts rest on a calibration.
    pub calibrated: bool,
    /// What sets how many streams the runtime works on at once.
    pub streams_flag: Option<&'static str>,
}

impl Bench<'_> {
    /// Finds out how prompts get their length here: one question, or two short requests.
    ///
    /// # Errors
    /// When the runtime does not answer.
    pub fn lengths(
        runtime: &dyn Runtime,
        model: &ModelRef,
        nonce: &str,
        until: Option<Instant>,
    ) -> Result<Lengths, DriverError> {
        let until = Some(until.unwrap_or_else(|| Instant::now() + FIRST_ANSWER));
        if runtime.count_tokens(model, "one two three", until)?.is_some() {
            return Ok(Lengths::Counted);
        }
        let mut stream = runtime.stream(model);
        let mut observe = |words: usize, name: &str| {
            // One token a word and nothing fixed: the text has exactly so many words.
            let plain = Measure::Calibrated { fixed: 0.0, per_word: 1.0 };
            let text = prompt::fit(&Seed::of(&[name, nonce]), Matter::Sentences, words as u32, &plain)?.text;
            let prompt = Prompt::Text(text);
            let request = Request { prompt, output_tokens: 1, reuse_cache: false, no_reasoning: true, until };
            Ok::<f64, DriverError>(f64::from(stream.run(&request)?.timings.prompt_tokens))
        };
        let (short, long) = (observe(40, "short")?, observe(240, "long")?);
        if long <= short {
            // It counts nothing. The words are of the kind that is one token each.
            return Ok(Lengths::Calibrated { fixed: 0.0, per_word: 1.0 });
        }
        let per_word = ((long - short) / 200.0).max(0.1);
        Ok(Lengths::Calibrated { fixed: short - 40.0 * per_word, per_word })
    }

    /// Runs a point.
    ///
    /// # Errors
    /// Whatever kept the first repeat from its answer; a later failure ends the series with what is there.
    pub fn run(&self, point: &Point, progress: &mut dyn FnMut(u32)) -> Result<Series, DriverError> {
        let mut streams: Vec<Box<dyn Stream>> =
            (0..point.streams).map(|_| self.runtime.stream(self.model)).collect();
        self.warm_up(point, &mut streams)?;
        let mut series = Series {
            rounds: Vec::new(),
            calibrated: matches!(self.lengths, Lengths::Calibrated { .. }),
            streams_flag: self.runtime.streams_flag(),
        };
        let (least, most) = self.limits.repeats;
        for round in 0..most {
            let begun = Instant::now();
            let replies = if point.turns > 1 {
                self.replay(point, round, &mut streams)
            } else {
                self.together(point, round, &mut streams)
            };
            match replies {
                Ok(replies) => series.rounds.push(replies),
                Err(error) if series.rounds.is_empty() => return Err(error),
                Err(error) if error.is_interrupt() || error.is_out_of_time() => break,
                Err(error) => {
                    eprintln!("  stopped after {} repeats: {error}", series.rounds.len());
                    break;
                }
            }
            progress(round + 1);
            let rates: Vec<f64> = series.rounds.iter().filter_map(|round| decode_of(round)).collect();
            let settled = summary(&rates).is_some_and(|s| s.count >= 2 && s.half_width() <= SETTLED);
            let enough = round + 1 >= least && settled;
            if enough || interrupt::requested() || !self.limits.allow(round + 1, begun.elapsed()) {
                break;
            }
        }
        Ok(series)
    }

    fn request(
        &self,
        point: &Point,
        name: &str,
        (prompt_tokens, output_tokens): (u32, u32),
    ) -> Result<Request, DriverError> {
        let seed = seed(point, name, &self.nonce);
        let counter = |text: &str| {
            let count = self.runtime.count_tokens(self.model, text, self.limits.until)?;
            count.ok_or_else(|| DriverError::UnknownReply("the tokenizer went away".to_owned()))
        };
        let measure = match &self.lengths {
            Lengths::Counted => Measure::Counter(&counter),
            Lengths::Calibrated { fixed, per_word } => {
                Measure::Calibrated { fixed: *fixed, per_word: *per_word }
            }
        };
        let fitted = prompt::fit(&seed, Matter::of(&point.name), prompt_tokens, &measure)?;
        Ok(Request {
            prompt: Prompt::Text(fitted.text),
            output_tokens,
            reuse_cache: false,
            no_reasoning: self.no_reasoning,
            until: self.limits.until,
        })
    }

    /// Pages the model in, raises clocks and compiles what is compiled on first use.
    fn warm_up(&self, point: &Point, streams: &mut [Box<dyn Stream>]) -> Result<(), DriverError> {
        let lengths = (point.warm_up_tokens(), WARM_UP_OUTPUT_TOKENS);
        for (index, stream) in streams.iter_mut().enumerate() {
            stream.run(&self.request(point, &format!("warm-up {index}"), lengths)?)?;
        }
        Ok(())
    }

    /// All streams begin at once, each with a prompt of its own.
    fn together(
        &self,
        point: &Point,
        round: u32,
        streams: &mut [Box<dyn Stream>],
    ) -> Result<Vec<Reply>, DriverError> {
        let lengths = (point.prompt_tokens, point.output_tokens);
        let requests: Vec<Request> = (0..streams.len())
            .map(|index| self.request(point, &format!("{round}/{index}"), lengths))
            .collect::<Result<_, _>>()?;
        if let ([stream], [request]) = (&mut *streams, requests.as_slice()) {
            return Ok(vec![stream.run(request)?]);
        }
        let start = Barrier::new(streams.len());
        std::thread::scope(|scope| {
            let handles: Vec<_> = streams
                .iter_mut()
                .zip(&requests)
                .map(|(stream, request)| {
                    let start = &start;
                    scope.spawn(move || {
                        stream.get_ready();
                        start.wait();
                        let begin = Instant::now();
                        stream.run(request).map(|reply| (begin, reply))
                    })
                })
                .collect();
            let mut replies = Vec::new();
            for handle in handles {
                let joined = handle.join();
                let (begin, reply) = joined.map_err(|_| DriverError::Own("a stream's thread broke"))??;
                replies.push((begin, reply));
            }
            Ok(on_one_clock(replies))
        })
    }

    /// The trace, turn by turn, on one connection.
    fn replay(
        &self,
        point: &Point,
        round: u32,
        streams: &mut [Box<dyn Stream>],
    ) -> Result<Vec<Reply>, DriverError> {
        let stream = streams.first_mut().ok_or(DriverError::Empty)?;
        trace::turns(&format!("{}-{round}", self.nonce))
            .into_iter()
            .take(point.turns as usize)
            .map(|messages| {
                stream.run(&Request {
                    prompt: Prompt::Chat(messages),
                    output_tokens: point.output_tokens,
                    reuse_cache: true,
                    no_reasoning: self.no_reasoning,
                    until: self.limits.until,
                })
            })
            .collect()
    }
}

/// Where the text of one request comes from. Points of one workload have prompts of their own as well: a longer one that
/// began as a shorter one did would be read out of a prefix cache.
fn seed(point: &Point, name: &str, nonce: &str) -> Seed {
    let Point { workload, prompt_tokens, streams, .. } = point;
    Seed::of(&[workload, &prompt_tokens.to_string(), &streams.to_string(), name, nonce])
}

/// Streams are stamped from their own requests' end; how much later each began is added, so that their tokens can be
/// laid beside each other.
fn on_one_clock(replies: Vec<(Instant, Reply)>) -> Vec<Reply> {
    let first = replies.iter().map(|(begin, _)| *begin).min();
    replies
        .into_iter()
        .map(|(begin, mut reply)| {
            let later = first.map_or(Duration::ZERO, |first| begin - first);
            reply.extras["began_after_ms"] = (later.as_secs_f64() * 1000.0).into();
            reply
        })
        .collect()
}

/// The middle of the decode rates of a round's replies.
pub fn decode_of(round: &[Reply]) -> Option<f64> {
    let rates: Vec<f64> = round.iter().filter_map(|reply| decode_rate(&reply.timings)).collect();
    quantile(&rates, 0.5)
}

/// Our clock's rate, unless the way to us bunched the tokens: then the engine's.
fn decode_rate(timings: &Timings) -> Option<f64> {
    if timings.is_buffered() {
        return timings.engine.as_ref().and_then(data::timings::EngineClock::decode_tps);
    }
    timings.decode_tps()
}

fn began(reply: &Reply) -> f64 {
    reply.extras.get("began_after_ms").and_then(serde_json::Value::as_f64).unwrap_or(0.0)
}

/// From when until when every stream was making tokens, in milliseconds; it ends before it begins where one waited for
/// another's end.
fn together(round: &[Reply]) -> Option<(f64, f64)> {
    let mut from = 0.0f64;
    let mut until = f64::INFINITY;
    for reply in round {
        let chunks = &reply.timings.chunks;
        from = from.max(began(reply) + chunks.first()?.at_ms);
        until = until.min(began(reply) + chunks.last()?.at_ms);
    }
    Some((from, until))
}

/// Share of a stream's own time in which all others were at work too: the middle of the streams; none where replies came
/// whole, so that nothing can be told. A server that queues gives none of it.
pub fn share_together(round: &[Reply]) -> Option<f64> {
    let (from, until) = together(round)?;
    let spans: Vec<f64> = round.iter().map(|reply| reply.timings.span_ms()).filter(|ms| *ms > 0.0).collect();
    let span = quantile(&spans, 0.5).filter(|_| spans.len() == round.len())?;
    Some(((until - from) / span).clamp(0.0, 1.0))
}

/// Tokens of all streams together a second, over the time in which every one of them was making tokens; none where a stream
/// was bunched on its way, so that its stamps tell nothing. Chunks of unknown size count by their mean.
pub fn aggregate_of(round: &[Reply]) -> Option<f64> {
    if round.iter().any(|reply| reply.timings.is_buffered()) {
        return None;
    }
    let (from, until) = together(round)?;
    let tokens: f64 = round
        .iter()
        .flat_map(|reply| {
            let for_one = reply.timings.tokens_for_one();
            let tokens = move |chunk: &Chunk| f64::from(chunk.tokens) * for_one;
            reply.timings.chunks.iter().map(move |chunk| (began(reply) + chunk.at_ms, tokens(chunk)))
        })
        // The tokens that the window's first moment brought were made before it.
        .filter(|(at, _)| *at > from && *at <= until)
        .map(|(_, tokens)| tokens)
        .sum();
    (until > from && tokens > 0.0).then(|| tokens / (until - from) * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(began_ms: f64, first_ms: f64, step_ms: f64, tokens: u32) -> Reply {
        let chunks: Vec<Chunk> =
            (0..tokens).map(|n| Chunk { at_ms: first_ms + f64::from(n) * step_ms, tokens: 1 }).collect();
        let timings = Timings { chunks, output_tokens: tokens, ..Timings::default() };
        Reply { timings, extras: serde_json::json!({"began_after_ms": began_ms}) }
    }

    #[test]
    fn no_two_points_share_their_first_words() {
        let catalog = data::Catalog::embedded();
        let suite = catalog.suites().iter().find(|suite| suite.id == "suite-v1").unwrap();
        let points = crate::plan::points(suite, &[], crate::plan::Extent::Full).unwrap();
        let mut begun = std::collections::BTreeSet::new();
        for point in points.iter().filter(|point| point.turns == 1) {
            for name in ["warm-up", "0", "1"] {
                for stream in 0..point.streams {
                    let seed = seed(point, &format!("{name}/{stream}"), "nonce");
                    let words = prompt::compose(&seed, 24, Matter::Sentences)[..24].join(" ");
                    assert!(begun.insert(words.clone()), "{} begins as another does: {words}", point.words());
                }
            }
        }
    }

    #[test]
    fn streams_count_together_only_while_all_are_at_work() {
        // The second stream's prompt takes longer: 50 tok/s each while both run, whatever came before and after.
        let round = [reply(0.0, 100.0, 20.0, 200), reply(1.0, 1099.0, 20.0, 100)];
        let rate = aggregate_of(&round).unwrap();
        assert!((rate - 100.0).abs() < 1.5, "{rate}");
        // The same chunks, of four tokens each by the whole.
        let bundled = round.clone().map(|mut reply| {
            reply.timings.output_tokens *= 4;
            reply
        });
        let rate = aggregate_of(&bundled).unwrap();
        assert!((rate - 400.0).abs() < 6.0, "{rate}");
        let apart = [reply(0.0, 0.0, 1.0, 10), reply(0.0, 500.0, 1.0, 10)];
        assert_eq!(aggregate_of(&apart), None, "they were never at work together");
        assert_eq!(share_together(&apart), Some(0.0));
        assert!((share_together(&round).unwrap() - 0.66).abs() < 0.02, "two of the middle three seconds");
        // Two at a time: the third begins when the first ends, and never meets it.
        let two_slots =
            [reply(0.0, 0.0, 20.0, 100), reply(0.0, 10.0, 20.0, 100), reply(0.0, 2000.0, 20.0, 100)];
        assert_eq!((share_together(&two_slots), aggregate_of(&two_slots)), (Some(0.0), None));
        let whole = [reply(0.0, 900.0, 0.0, 10), reply(0.0, 950.0, 0.0, 10)];
        assert_eq!(share_together(&whole), None, "what comes in one piece tells no overlap");
    }
}
