//! GGUF files made to measure: any shape, with a tokeniser, so that real runtimes load them.
//!
//! The weights are zero or random. Memory and speed do not depend on what they say, and a file of zeros is sparse:
//! a model of the shape of one with a hundred billion weights takes a few megabytes of disk.
//!
//! Written without the reader that it tests: the two share no code.

pub mod models;
pub(crate) mod tokenizer;

pub use tokenizer::words;

use anyhow::{Context, Result, ensure};
use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

/// Tensors start at multiples of this many bytes.
const ALIGNMENT: u64 = 32;

/// A number format: its number in a file, weights and bytes of a block, and how random bits become a block.
///
/// Random bits are first masked with `and`, then `or` is added: that sets scales and exponents so that the weights
/// have a standard deviation of about 0.02 and are all finite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// `general.file_type` and tensor type share no numbers; this is the tensor type.
    pub number: u32,
    /// Weights in one block.
    pub weights: u64,
    /// Bytes in one block.
    pub bytes: u64,
    fixed: &'static [(usize, &'static [u8])],
    masks: (&'static [u8], &'static [u8]),
}

/// Formats whose blocks have fixed bytes at fixed places (scales), and random ones elsewhere.
const fn block(number: u32, weights: u64, bytes: u64, fixed: &'static [(usize, &'static [u8])]) -> Format {
    Format { number, weights, bytes, fixed, masks: (&[0xff], &[0]) }
}

/// Formats whose numbers are masked.
const fn float(number: u32, bytes: u64, and: &'static [u8], or: &'static [u8]) -> Format {
    Format { number, weights: 1, bytes, fixed: &[], masks: (and, or) }
}

/// 32-bit floats between 2⁻⁶ and 2⁻⁵, of either sign.
pub const F32: Format = float(0, 4, &[0xff, 0xff, 0x7f, 0x80], &[0, 0, 0x80, 0x3c]);
/// 16-bit floats in the same range.
pub const F16: Format = float(1, 2, &[0xff, 0x83], &[0, 0x24]);
/// Brain floats in the same range.
pub const BF16: Format = float(30, 2, &[0x7f, 0x80], &[0x80, 0x3c]);
/// 4 bits and a scale of 0.0043.
pub const Q4_0: Format = block(2, 32, 18, &[(0, &[0x70, 0x1c])]);
/// 8 bits and a scale of 0.00027.
pub const Q8_0: Format = block(8, 32, 34, &[(0, &[0x70, 0x0c])]);
/// 4 bits, and eight scales and minima of 6 bits, all of them 32.
pub const Q4_K: Format = block(
    12,
    256,
    144,
    &[
        (0, &[0x70, 0x08]),
        (2, &[0x40, 0x14]),
        (4, &[0xa0, 0xa0, 0xa0, 0xa0, 0xa0, 0xa0, 0xa0, 0xa0, 0, 0, 0, 0]),
    ],
);
/// 5 bits, likewise.
pub const Q5_K: Format = block(
    13,
    256,
    176,
    &[
        (0, &[0x70, 0x04]),
        (2, &[0x40, 0x14]),
        (4, &[0xa0, 0xa0, 0xa0, 0xa0, 0xa0, 0xa0, 0xa0, 0xa0, 0, 0, 0, 0]),
    ],
);
/// 6 bits, sixteen scales of 8, and a scale.
pub const Q6_K: Format = block(14, 256, 210, &[(192, &[8; 16]), (208, &[0x70, 0x08])]);
/// 4-bit floats and a shared exponent.
pub const MXFP4: Format = block(39, 32, 17, &[(0, &[0x78])]);

impl Format {
    /// This format, or the one that llama-quantize takes instead for rows that its blocks do not divide.
    #[must_use]
    pub fn for_row(self, row: u64) -> Format {
        if row.is_multiple_of(self.weights) {
            self
        } else if row.is_multiple_of(Q8_0.weights) {
            Q8_0
        } else {
            F16
        }
    }

    /// The same blocks under another number: a type that nobody knows.
    #[must_use]
    pub const fn with_number(self, number: u32) -> Format {
        Format { number, ..self }
    }

    /// Bytes of a tensor.
    #[must_use]
    pub fn tensor_bytes(self, dims: &[u64]) -> u64 {
        dims.iter().product::<u64>() / self.weights * self.bytes
    }
}

/// A metadata value.
#[derive(Debug, Clone)]
pub enum Value {
    /// A 32-bit number.
    U32(u32),
    /// A 32-bit float.
    F32(f32),
    /// A truth value.
    Bool(bool),
    /// A text.
    Text(String),
    /// 32-bit numbers.
    U32s(Vec<u32>),
    /// 32-bit signed numbers.
    I32s(Vec<i32>),
    /// Truth values.
    Bools(Vec<bool>),
    /// Texts.
    Texts(Vec<String>),
}

/// A tensor to be written.
#[derive(Debug, Clone)]
pub struct Tensor {
    /// `blk.0.attn_q.weight`
    pub name: String,
    /// Row length first.
    pub dims: Vec<u64>,
    /// Number format.
    pub format: Format,
}

/// What the weights are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fill {
    /// Zeros, and a sparse file.
    Zeros,
    /// Random bits from this seed; norms are 1. Its text is nonsense, but text.
    Random(u64),
}

/// A GGUF file to be.
#[derive(Debug, Clone, Default)]
pub struct Gguf {
    /// Metadata in order.
    pub metadata: Vec<(String, Value)>,
    /// Tensors in order.
    pub tensors: Vec<Tensor>,
}

impl Gguf {
    /// Adds a metadata value.
    pub fn set(&mut self, key: impl Into<String>, value: Value) {
        self.metadata.push((key.into(), value));
    }

    /// Adds a tensor.
    pub fn add(&mut self, name: impl Into<String>, dims: &[u64], format: Format) {
        self.tensors.push(Tensor { name: name.into(), dims: dims.to_vec(), format });
    }

    /// The header with its padding: everything before the first tensor's data.
    #[must_use]
    pub fn header(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(b"GGUF");
        bytes.extend(3_u32.to_le_bytes());
        bytes.extend((self.tensors.len() as u64).to_le_bytes());
        bytes.extend((self.metadata.len() as u64).to_le_bytes());
        for (key, value) in &self.metadata {
            put_text(&mut bytes, key);
            put_value(&mut bytes, value);
        }
        let mut offset = 0_u64;
        for tensor in &self.tensors {
            put_text(&mut bytes, &tensor.name);
            bytes.extend((tensor.dims.len() as u32).to_le_bytes());
            tensor.dims.iter().for_each(|dim| bytes.extend(dim.to_le_bytes()));
            bytes.extend(tensor.format.number.to_le_bytes());
            bytes.extend(offset.to_le_bytes());
            offset += tensor.format.tensor_bytes(&tensor.dims).next_multiple_of(ALIGNMENT);
        }
        bytes.resize(bytes.len().next_multiple_of(ALIGNMENT as usize), 0);
        bytes
    }

    /// Writes the file; says how long it is.
    pub fn write(&self, path: &Path, fill: Fill) -> Result<u64> {
        let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        let mut out = BufWriter::with_capacity(1 << 20, file);
        let header = self.header();
        out.write_all(&header)?;
        let mut at = header.len() as u64;
        for tensor in &self.tensors {
            let row = tensor.dims[0];
            ensure!(row.is_multiple_of(tensor.format.weights), "rows of {} do not fit {}", row, tensor.name);
            let bytes = tensor.format.tensor_bytes(&tensor.dims);
            match fill {
                Fill::Zeros => {}
                Fill::Random(seed) => put_weights(&mut out, tensor, bytes, seed ^ at)?,
            }
            at += bytes.next_multiple_of(ALIGNMENT);
            out.seek(SeekFrom::Start(at))?;
        }
        out.flush()?;
        out.get_ref().set_len(at)?;
        Ok(at)
    }
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}

fn put_value(out: &mut Vec<u8>, value: &Value) {
    let kind = |out: &mut Vec<u8>, number: u32| out.extend(number.to_le_bytes());
    let array = |out: &mut Vec<u8>, number: u32, length: usize| {
        out.extend(9_u32.to_le_bytes());
        out.extend(number.to_le_bytes());
        out.extend((length as u64).to_le_bytes());
    };
    match value {
        Value::U32(number) => {
            kind(out, 4);
            out.extend(number.to_le_bytes());
        }
        Value::F32(number) => {
            kind(out, 6);
            out.extend(number.to_le_bytes());
        }
        Value::Bool(truth) => {
            kind(out, 7);
            out.push((*truth).into());
        }
        Value::Text(text) => {
            kind(out, 8);
            put_text(out, text);
        }
        Value::U32s(numbers) => {
            array(out, 4, numbers.len());
            numbers.iter().for_each(|number| out.extend(number.to_le_bytes()));
        }
        Value::I32s(numbers) => {
            array(out, 5, numbers.len());
            numbers.iter().for_each(|number| out.extend(number.to_le_bytes()));
        }
        Value::Bools(truths) => {
            array(out, 7, truths.len());
            out.extend(truths.iter().map(|truth| u8::from(*truth)));
        }
        Value::Texts(texts) => {
            array(out, 8, texts.len());
            texts.iter().for_each(|text| put_text(out, text));
        }
    }
}

/// Writes one tensor's weights: norms are ones, the rest random blocks.
fn put_weights(out: &mut impl Write, tensor: &Tensor, bytes: u64, seed: u64) -> Result<()> {
    if tensor.name.ends_with("norm.weight") && tensor.format == F32 {
        for _ in 0..bytes / 4 {
            out.write_all(&1.0_f32.to_le_bytes())?;
        }
        return Ok(());
    }
    let mut random = Random(seed | 1);
    let mut block = vec![0_u8; tensor.format.bytes as usize];
    for _ in 0..bytes / tensor.format.bytes {
        for chunk in block.chunks_mut(8) {
            let bits = random.next().to_le_bytes();
            chunk.copy_from_slice(&bits[..chunk.len()]);
        }
        let (and, or) = tensor.format.masks;
        for (byte, (and, or)) in block.iter_mut().zip(and.iter().cycle().zip(or.iter().cycle())) {
            *byte = *byte & and | or;
        }
        for (at, fixed) in tensor.format.fixed {
            block[*at..at + fixed.len()].copy_from_slice(fixed);
        }
        out.write_all(&block)?;
    }
    Ok(())
}

/// Marsaglia's xorshift64*: the same file from the same seed, everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}
