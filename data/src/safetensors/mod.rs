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
use crate::messages::WORDS;
use alloc::string::{String, ToString};
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
        f.write_str(&match self {
            SafetensorsError::NeedMore { bytes_at_least } => {
                WORDS.safetensors.need_more(&bytes_at_least.to_string())
            }
            SafetensorsError::CutOff { file_bytes, needed_bytes } => {
                WORDS.safetensors.cut_off(&file_bytes.to_string(), &needed_bytes.to_string())
            }
            SafetensorsError::NotSafetensors(Looks::Unknown | Looks::Safetensors) => {
                WORDS.safetensors.not_safetensors(WORDS.safetensors.no_length)
            }
            SafetensorsError::NotSafetensors(looks) => WORDS.safetensors.not_safetensors(&looks.to_string()),
            SafetensorsError::Header(error) => WORDS.safetensors.header(&error.to_string()),
            SafetensorsError::Tensor { name, what } => {
                WORDS.safetensors.tensor(&name.escape_default().to_string(), what)
            }
            SafetensorsError::Config(error) => WORDS.safetensors.config(&error.to_string()),
            SafetensorsError::MissingKey(key) => WORDS.safetensors.missing_key(key),
            SafetensorsError::Shards(what) => WORDS.safetensors.shards(what),
        })
    }
}

impl core::error::Error for SafetensorsError {}
