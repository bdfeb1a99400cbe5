//! One machine, one model, one job: all that an estimate needs beside the fitted constants.

use crate::cache::CacheTypes;
use crate::hardware::Machine;
use crate::model::Model;
use crate::weights::Weights;

/// The job: how much text, how many at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Workload {
    /// Tokens in the prompt.
    pub prompt_tokens: u32,
    /// Leading tokens of the prompt that the cache already holds.
    pub cached_tokens: u32,
    /// Tokens in the cache of each stream while it decodes.
    pub context_tokens: u32,
    /// Requests decoded side by side, at least 1.
    pub streams: u32,
}

impl Workload {
    /// Tokens of prompt that must be computed before the first answer token, at least 1.
    #[must_use]
    pub fn new_tokens(&self) -> f64 {
        f64::from(self.prompt_tokens.saturating_sub(self.cached_tokens).max(1))
    }

    /// Tokens that each stream's cache must hold.
    #[must_use]
    pub fn held_tokens(&self) -> f64 {
        f64::from(self.context_tokens.max(self.prompt_tokens))
    }

    /// Streams as a number, at least 1.
    #[must_use]
    pub fn parallel(&self) -> f64 {
        f64::from(self.streams.max(1))
    }
}

/// Everything about one question except the fitted constants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setup {
    /// Devices and host.
    pub machine: Machine,
    /// The model's shape.
    pub model: Model,
    /// Its weights in bytes, at the quantisation in question.
    pub weights: Weights,
    /// Types of the cache.
    pub cache: CacheTypes,
    /// The job.
    pub workload: Workload,
}
