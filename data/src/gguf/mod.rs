//! GGUF: from the first bytes of a file to the exact model.
//!
//! [`read`] takes any prefix of a file and either returns its [`Header`], or says how many bytes it needs, so that a
//! browser fetches a few megabytes of a model of a hundred gigabytes. Every length in the file is checked before it
//! is believed. [`model`] turns the headers of one model, split or not, into a [`ModelShape`].
//!
//! The format: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>. Versions 1 to 3, little-endian.

mod convert;
mod error;
mod header;
mod keys;
mod layers;
mod model;
mod quant;
mod read;
pub mod shape;
mod split;
mod types;

pub use convert::TooVaried;
pub use error::{GgufError, Looks};
pub use header::{Array, Header, Tensor, Value};
pub use model::model;
pub(crate) use quant::tally;
pub use read::{MAX_HEADER_BYTES, read};
pub use shape::ModelShape;
pub use split::{Part, check_parts};
pub use types::TensorType;
