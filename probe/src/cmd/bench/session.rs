//! One runtime with one model through all points of a run.

use std::time::Instant;

use super::progress::Progress;
use super::time::Time;
use crate::cmd::beside::Beside;
use crate::driver::{DriverError, ModelRef, Need, Runtime};
use crate::http::HttpError;
use crate::interrupt;
use crate::measure::{Bench as Bencher, Lengths, Limits, Series};
use crate::plan::Point;
use crate::trace;

/// Why a point cannot be run as things stand: the runtime's word before the model's own, since it says what to change; then
/// the memory that the largest contexts are estimated to take.
pub(super) fn barred(
    runtime: &dyn Runtime,
    model: &ModelRef,
    beside: &Beside,
    point: &Point,
) -> Option<String> {
    let need = Need { context_tokens: point.context_tokens(), streams: point.streams };
    if let Err(error) = runtime.fits(model, need) {
        return Some(error.published()).filter(|_| error.is_limit());
    }
    if let Some(limit) = model.context_tokens.filter(|limit| *limit < need.context_tokens) {
        return Some(format!(
            "the model's context ends at {limit} tokens, {} are needed",
            need.context_tokens
        ));
    }
    let is_too_big = point.workload == "W3" && runtime.takes_memory_when_asked() && beside.is_too_big(point);
    is_too_big.then(|| {
        "by the estimate its model and cache take more memory than there is; a smaller quantisation may fit".to_owned()
    })
}

/// What kept a point from its result, in the words that go into the run: ours alone.
pub(super) fn explain(error: &DriverError, point: &Point) -> String {
    if error.is_out_of_time() {
        return format!(
            "one repeat was not done when the run's time was up; --full or --workload {} gives it more",
            point.workload
        );
    }
    error.published()
}

/// One runtime with one model through all points.
pub(super) struct Session<'a> {
    pub runtime: &'a mut Box<dyn Runtime>,
    pub model: &'a ModelRef,
    /// Found out once.
    pub lengths: Option<Lengths>,
    pub points: &'a [Point],
    /// It takes requests and answers none: what comes after the first of them is not tried.
    pub hangs: bool,
}

impl Session<'_> {
    /// Measures a point.
    ///
    /// # Errors
    /// Whatever kept it from its first repeat; of a server of ours that died meanwhile, its last words.
    pub fn measure(
        &mut self,
        point: &Point,
        limits: Limits,
        run_id: &str,
        no_reasoning: bool,
        progress: &Progress,
        time: &mut Time<'_>,
    ) -> Result<Series, DriverError> {
        if self.hangs {
            return Err(DriverError::Hung);
        }
        let begun = Instant::now();
        let lengths = self.get_ready(point, limits, run_id).map_err(|error| {
            // The run's time went by, or a minute, with not a word.
            if error.is_out_of_time() || error.is_hang() { DriverError::Hung } else { error }
        });
        let measured = lengths.and_then(|lengths| {
            time.ready_took(begun.elapsed());
            let (runtime, model) = (&**self.runtime, self.model);
            let bench = Bencher { runtime, model, nonce: run_id.to_owned(), lengths, no_reasoning, limits };
            bench.run(point, &mut |round| progress.show(round))
        });
        measured.map_err(|error| {
            self.hangs = error.is_hang();
            // A server is asked for its end first: what tells us of Ctrl-C may come later than what it did to a server
            // that was just being started.
            let error = if interrupt::requested() { error } else { self.runtime.died().unwrap_or(error) };
            // Whatever else went wrong once Ctrl-C had come is its doing.
            if interrupt::requested() { HttpError::Interrupted.into() } else { error }
        })
    }

    /// Makes the runtime ready for a point, and finds out how prompts get their length.
    fn get_ready(&mut self, point: &Point, limits: Limits, run_id: &str) -> Result<Lengths, DriverError> {
        self.prepare(point, limits)?;
        let lengths = match self.lengths {
            Some(lengths) => lengths,
            None => Bencher::lengths(&**self.runtime, self.model, run_id, limits.until)?,
        };
        self.lengths = Some(lengths);
        Ok(lengths)
    }

    /// Makes the runtime ready for a point; points that come later with as many streams are served by the same start, as
    /// far as the trace's length.
    fn prepare(&mut self, point: &Point, limits: Limits) -> Result<(), DriverError> {
        let (model, streams) = (self.model, point.streams);
        let own = point.context_tokens();
        let shared = self
            .points
            .iter()
            .filter(|other| other.streams == streams && other.workload != "W3")
            .map(Point::context_tokens)
            .filter(|tokens| model.context_tokens.is_none_or(|limit| *tokens <= limit))
            .fold(own, u32::max);
        let ready = self.runtime.prepare(model, Need { context_tokens: shared, streams });
        if shared > own && ready.is_err() {
            self.runtime.prepare(model, Need { context_tokens: own, streams })?;
        } else {
            ready?;
        }
        let Some(tokens) = trace_tokens(&**self.runtime, model, point, limits.until)? else { return Ok(()) };
        if let Some(limit) = model.context_tokens.filter(|limit| *limit < tokens) {
            let reason =
                format!("the trace is {tokens} tokens for this model, whose context ends at {limit}");
            return Err(DriverError::Limit(reason));
        }
        self.runtime.prepare(model, Need { context_tokens: tokens, streams })
    }
}

/// What a trace's last turn needs in this model's tokens, where its text is longer than the suite reckons with.
fn trace_tokens(
    runtime: &dyn Runtime,
    model: &ModelRef,
    point: &Point,
    until: Option<Instant>,
) -> Result<Option<u32>, DriverError> {
    /// Tokens that a chat template puts around a message, generously.
    const AROUND_A_MESSAGE: u32 = 24;
    if point.turns < 2 {
        return Ok(None);
    }
    let messages = trace::turns("").into_iter().take(point.turns as usize).next_back().unwrap_or_default();
    let text: Vec<&str> = messages.iter().map(|message| message.content.as_str()).collect();
    let Some(tokens) = runtime.count_tokens(model, &text.join("\n"), until)? else { return Ok(None) };
    let needed = tokens + messages.len() as u32 * AROUND_A_MESSAGE + point.output_tokens;
    Ok((needed > point.context_tokens()).then_some(needed))
}

#[cfg(test)]
mod tests {
    use data::fingerprint::Fingerprint;

    use super::*;
    use crate::driver::Stream;

    /// A runtime that serves contexts up to a length, and takes their memory when it is asked or has it already.
    struct Fake {
        context_tokens: u32,
        takes_memory: bool,
    }

    impl Runtime for Fake {
        fn version(&self) -> String {
            String::new()
        }

        fn place(&self) -> String {
            String::new()
        }

        fn is_here(&self) -> bool {
            true
        }

        fn models(&self) -> Result<Vec<ModelRef>, DriverError> {
            Ok(Vec::new())
        }

        fn fits(&self, _: &ModelRef, need: Need) -> Result<(), DriverError> {
            if need.context_tokens <= self.context_tokens {
                return Ok(());
            }
            Err(DriverError::Limit("start it with -c".to_owned()))
        }

        fn takes_memory_when_asked(&self) -> bool {
            self.takes_memory
        }

        fn prepare(&mut self, _: &ModelRef, _: Need) -> Result<(), DriverError> {
            Ok(())
        }

        fn count_tokens(
            &self,
            _: &ModelRef,
            _: &str,
            _: Option<Instant>,
        ) -> Result<Option<u32>, DriverError> {
            Ok(None)
        }

        fn stream(&self, _: &ModelRef) -> Box<dyn Stream> {
            unreachable!("nothing is run here")
        }
    }

    fn point(workload: &str, prompt_tokens: u32) -> Point {
        Point {
            workload: workload.to_owned(),
            name: String::new(),
            prompt_tokens,
            output_tokens: 256,
            streams: 1,
            turns: 1,
        }
    }

    #[test]
    fn memory_is_asked_of_the_estimator_before_a_large_context() {
        let mut small = Fingerprint::default();
        small.ram.total_gib = 8.0;
        small.cpu.model = "AMD Ryzen 5 5600X 6-Core Processor".to_owned();
        (small.cpu.cores, small.cpu.threads) = (6, 12);
        let model = |id: &str| ModelRef {
            id: id.to_owned(),
            quant: Some("Q4_K_M".to_owned()),
            ..ModelRef::default()
        };
        let why = |id: &str, workload: &str, prompt_tokens, takes_memory| {
            let (model, runtime) = (model(id), Fake { context_tokens: 140_000, takes_memory });
            let beside = Beside::new(&small, "llama.cpp", &model, true);
            assert!(beside.model.is_some(), "{id} is in the catalogue");
            barred(&runtime, &model, &beside, &point(workload, prompt_tokens))
        };
        let large = why("llama-3.1-8b", "W3", 130_816, true);
        assert!(large.as_ref().is_some_and(|why| why.contains("more memory than there is")), "{large:?}");
        assert_eq!(why("llama-3.1-8b", "W3", 130_816, false), None, "it has the memory already");
        assert_eq!(why("llama-3.1-8b", "W1", 128, true), None, "an estimate does not forbid a trial");
        assert_eq!(why("llama-3.2-1b", "W3", 32_512, true), None, "that fits");
        let named = model("llama-3.1-8b");
        let speed = |is_here| Beside::new(&small, "llama.cpp", &named, is_here).speed(&point("W1", 128));
        assert!(speed(true).is_some(), "this machine");
        assert_eq!(speed(false), None, "this machine's estimate says nothing of another one");
    }

    #[test]
    fn the_runtimes_word_goes_before_the_models() {
        let model = ModelRef { id: "m".to_owned(), context_tokens: Some(8192), ..ModelRef::default() };
        let beside = Beside::new(&Fingerprint::default(), "vllm", &model, true);
        let why = |context_tokens| {
            let runtime = Fake { context_tokens, takes_memory: false };
            barred(&runtime, &model, &beside, &point("W2", 16_384))
        };
        assert_eq!(why(8192).as_deref(), Some("start it with -c"));
        assert!(why(140_000).is_some_and(|why| why.contains("the model's context ends at 8192 tokens")));
    }
}
