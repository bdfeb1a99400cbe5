//! What a GGUF header says, before anything is made of it.

use super::types::TensorType;
use alloc::{string::String, vec::Vec};

/// The header of one GGUF file.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// Version of the format: 1, 2 or 3.
    pub version: u32,
    /// Keys and values; of long texts and of long or non-numeric arrays only the length.
    pub metadata: Vec<(String, Value)>,
    /// In the order of the file.
    pub tensors: Vec<Tensor>,
    /// Tensors start at multiples of this many bytes.
    pub alignment: u64,
    /// Where the tensors' data starts in the file, in bytes.
    pub data_offset: u64,
}

/// One tensor's entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// `blk.0.attn_q.weight`
    pub name: String,
    /// Row length first.
    pub dims: Vec<u64>,
    /// Number format.
    pub kind: TensorType,
    /// Where it starts, in bytes from [`Header::data_offset`].
    pub offset: u64,
    /// How many weights it has.
    pub weights: u64,
    /// How many bytes it has, without padding.
    pub bytes: u64,
}

/// A metadata value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Whole and not negative.
    Unsigned(u64),
    /// Whole.
    Signed(i64),
    /// Any number.
    Float(f64),
    /// A truth value.
    Bool(bool),
    /// A short text.
    Text(String),
    /// A text too long to keep, such as a chat template.
    LongText {
        /// Its length.
        bytes: u64,
    },
    /// Several values of one type.
    Array(Array),
}

/// An array of the metadata.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// How many elements the file has.
    pub length: u64,
    /// The elements, if they are numbers or truth values and not too many; else none.
    pub items: Vec<Value>,
}

impl Value {
    /// A whole number that is not negative.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Value::Unsigned(number) => Some(*number),
            Value::Signed(number) => u64::try_from(*number).ok(),
            _ => None,
        }
    }

    /// Any number.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Unsigned(number) => Some(*number as f64),
            Value::Signed(number) => Some(*number as f64),
            Value::Float(number) => Some(*number),
            _ => None,
        }
    }

    /// A truth value, also written as a number.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(truth) => Some(*truth),
            _ => self.as_u64().map(|number| number != 0),
        }
    }

    /// A short text.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Value::Text(text) = self { Some(text) } else { None }
    }
}

impl Header {
    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.metadata.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// A tensor by its name.
    #[must_use]
    pub fn tensor(&self, name: &str) -> Option<&Tensor> {
        self.tensors.iter().find(|tensor| tensor.name == name)
    }

    /// Where the last tensor ends in the file, in bytes, without the padding behind it.
    #[must_use]
    pub fn end_bytes(&self) -> u64 {
        self.data_offset + self.tensors.iter().map(|t| t.offset + t.bytes).max().unwrap_or(0)
    }

    /// Length of the file, in bytes: the data offset and each tensor with its padding, one after the other.
    #[must_use]
    pub fn file_bytes(&self) -> u64 {
        self.tensors.iter().fold(self.data_offset, |sum, tensor| {
            sum.saturating_add(tensor.bytes.next_multiple_of(self.alignment))
        })
    }

    /// Bytes of all tensors, without padding.
    #[must_use]
    pub fn tensor_bytes(&self) -> u64 {
        self.tensors.iter().fold(0, |sum: u64, tensor| sum.saturating_add(tensor.bytes))
    }
}
