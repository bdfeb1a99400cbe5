//! safetensors repositories: `config.json` and the headers of the shards → the exact model.
//!
//! A shard starts with the length of its header (eight bytes, little-endian) and the header itself, JSON: [`read`]
//! takes any prefix and says how many bytes it needs. The format:
//! <https://github.com/huggingface/safetensors#format>. [`model`] joins `config.json` and all shards to the same
//! [`ModelShape`](crate::gguf::ModelShape) that a GGUF gives.

mod config;
mod header;
mod layers;
mod model;
mod quant;

pub use header::{Header, Tensor, read};
pub use model::model;

use crate::gguf::Looks;
use crate::json::JsonError;
use alloc::string::String;
use core::fmt;

/// Why there is no model, or not yet.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SafetensorsError {
    /// The header goes on beyond the bytes given: fetch so many from the start of the shard and read again.
    NeedMore {
        /// Exactly what is needed, and always more than was given.
        bytes_at_least: u64,
    },
    /// The shard ends inside its header or its tensors.
    CutOff {
        /// Length of the shard.
        file_bytes: u64,
        /// What its header says it holds.
        needed_bytes: u64,
    },
    /// It is something else.
    NotSafetensors(Looks),
    /// The header of a shard is broken JSON.
    Header(JsonError),
    /// A tensor of the header contradicts itself.
    Tensor {
        /// Which one.
        name: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// `config.json` is broken JSON.
    Config(JsonError),
    /// `config.json` lacks something that the model cannot be understood without.
    MissingKey(&'static str),
    /// Shards are missing, given twice, or of another model.
    Shards(String),
}

impl fmt::Display for SafetensorsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SafetensorsError::NeedMore { bytes_at_least } => {
                write!(f, "the safetensors header is longer than what was read: read {bytes_at_least} bytes")
            }
            SafetensorsError::CutOff { file_bytes, needed_bytes } => write!(
                f,
                "the shard is cut off: it has {file_bytes} bytes and its header speaks of {needed_bytes}; \
                 download it again"
            ),
            SafetensorsError::NotSafetensors(Looks::Unknown | Looks::Safetensors) => {
                f.write_str("this is no safetensors file: it does not start with a length and JSON")
            }
            SafetensorsError::NotSafetensors(looks) => write!(f, "this is no safetensors file: {looks}"),
            SafetensorsError::Header(error) => write!(f, "the header of this shard is broken: {error}"),
            SafetensorsError::Tensor { name, what } => {
                write!(f, "tensor \"{}\" of this shard {what}", name.escape_default())
            }
            SafetensorsError::Config(error) => write!(f, "config.json is broken: {error}"),
            SafetensorsError::MissingKey(key) => {
                write!(f, "config.json has no {key}, so its model cannot be understood")
            }
            SafetensorsError::Shards(what) => write!(f, "the shards do not fit together: {what}"),
        }
    }
}

impl core::error::Error for SafetensorsError {}
