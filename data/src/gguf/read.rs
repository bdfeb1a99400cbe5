//! Bytes → [`Header`]: every length is checked before it is believed.

use super::error::{GgufError, Looks};
use super::header::{Array, Header, Tensor, Value};
use super::types::TensorType;
use crate::messages::WORDS;
use alloc::{string::String, vec::Vec};

/// The longest header that we ask anyone to fetch; the longest known are about 30 MB, nearly all of it tokeniser.
pub const MAX_HEADER_BYTES: u64 = 512 << 20;
/// A key's greatest length, by the format.
const MAX_KEY_BYTES: u64 = 65_535;
/// A tensor name's greatest length that we read; llama.cpp allows 63.
const MAX_NAME_BYTES: u64 = 1024;
/// Texts up to this length are kept: names, not chat templates.
const MAX_KEPT_TEXT_BYTES: u64 = 1024;
/// Numeric arrays up to this length are kept: one entry a layer, not one a token.
const MAX_KEPT_ITEMS: u64 = 2048;
/// Arrays of arrays may nest this deep; nothing known nests at all.
const MAX_NESTING: u32 = 4;
/// Dimensions of a tensor, by the format.
const MAX_DIMS: u32 = 4;
const DEFAULT_ALIGNMENT: u64 = 32;
const MAGIC: &[u8] = b"GGUF";

/// Reads the header out of a prefix of a GGUF file.
///
/// `file_bytes` is the length of the whole file where it is known; with it, a file that ends too early is told
/// from a prefix that is too short.
///
/// # Errors
/// [`GgufError::NeedMore`] if the prefix ends before the header does; see the other members of [`GgufError`].
pub fn read(prefix: &[u8], file_bytes: Option<u64>) -> Result<Header, GgufError> {
    if prefix.is_empty() && file_bytes.is_some_and(|bytes| bytes > 0) {
        return Err(GgufError::NeedMore { bytes_at_least: MAGIC.len() as u64 });
    }
    let mut cursor = Cursor { bytes: prefix, at: 0, long: true };
    let header = header(&mut cursor);
    match (header, file_bytes) {
        (Err(GgufError::NeedMore { bytes_at_least }), Some(file)) if bytes_at_least > file => {
            Err(GgufError::CutOff { file_bytes: file, needed_bytes: bytes_at_least })
        }
        (Err(GgufError::NeedMore { bytes_at_least }), _) if bytes_at_least > MAX_HEADER_BYTES => {
            let at = cursor.at as u64;
            Err(GgufError::Corrupt { at, what: WORDS.damage.length })
        }
        (Ok(header), Some(file)) if header.end_bytes() > file => {
            Err(GgufError::CutOff { file_bytes: file, needed_bytes: header.end_bytes() })
        }
        (result, _) => result,
    }
}

fn header(cursor: &mut Cursor<'_>) -> Result<Header, GgufError> {
    let start = &cursor.bytes[..cursor.bytes.len().min(MAGIC.len())];
    if start.is_empty() || !MAGIC.starts_with(start) {
        return Err(GgufError::NotGguf(Looks::at(cursor.bytes)));
    }
    cursor.take(4)?;
    let version = cursor.u32()?;
    match version {
        1 => cursor.long = false,
        2 | 3 => {}
        // 1 to 3 with their bytes in the other order
        0x0100_0000 | 0x0200_0000 | 0x0300_0000 => return Err(GgufError::BigEndian),
        other => return Err(GgufError::Version(other)),
    }
    let tensor_count = cursor.length()?;
    let pair_count = cursor.length()?;
    // a pair is at least an empty key, a type and one byte; a tensor at least a name, a dimension, type and offset
    cursor.expect(
        pair_count
            .saturating_mul(cursor.length_bytes() + 5)
            .saturating_add(tensor_count.saturating_mul(cursor.length_bytes() + 16)),
    )?;
    let metadata = metadata(cursor, pair_count)?;
    let alignment = match metadata.iter().find(|(key, _)| key == "general.alignment").map(|(_, value)| value)
    {
        None => DEFAULT_ALIGNMENT,
        Some(value) => value
            .as_u64()
            .filter(|bytes| bytes.is_power_of_two() && *bytes <= 1 << 20)
            .ok_or(cursor.corrupt(WORDS.damage.alignment))?,
    };
    let mut tensors = Vec::new();
    for _ in 0..tensor_count {
        tensors.push(tensor(cursor, alignment)?);
    }
    let mut names: Vec<&str> = tensors.iter().map(|tensor: &Tensor| tensor.name.as_str()).collect();
    if has_twins(&mut names) {
        return Err(cursor.corrupt(WORDS.damage.tensor_twins));
    }
    // Runtimes hold files to it: each tensor starts where the one before it ends, padding included.
    let mut end = 0_u64;
    for tensor in &tensors {
        if tensor.offset != end {
            return Err(cursor.corrupt(WORDS.damage.tensor_gap));
        }
        end = end.saturating_add(tensor.bytes.next_multiple_of(alignment));
    }
    let data_offset = (cursor.at as u64).next_multiple_of(alignment);
    Ok(Header { version, metadata, tensors, alignment, data_offset })
}

fn metadata(cursor: &mut Cursor<'_>, count: u64) -> Result<Vec<(String, Value)>, GgufError> {
    let mut metadata = Vec::new();
    for _ in 0..count {
        let key = cursor.text(MAX_KEY_BYTES, WORDS.damage.key_length)?;
        let kind = cursor.u32()?;
        let mut value = value(cursor, kind, 0)?;
        if let (true, Value::Array(array)) = (key.starts_with("tokenizer."), &mut value) {
            array.items = Vec::new(); // one entry a token: nothing that anyone asks for
        }
        metadata.push((key, value));
    }
    let mut keys: Vec<&str> = metadata.iter().map(|(key, _)| key.as_str()).collect();
    if has_twins(&mut keys) {
        return Err(cursor.corrupt(WORDS.damage.key_twins));
    }
    Ok(metadata)
}

/// Whether two of these names are one.
fn has_twins(names: &mut [&str]) -> bool {
    names.sort_unstable();
    names.windows(2).any(|pair| pair[0] == pair[1])
}

fn tensor(cursor: &mut Cursor<'_>, alignment: u64) -> Result<Tensor, GgufError> {
    let name = cursor.text(MAX_NAME_BYTES, WORDS.damage.name_length)?;
    let dim_count = cursor.u32()?;
    if dim_count > MAX_DIMS {
        return Err(cursor.corrupt(WORDS.damage.dimensions));
    }
    let mut dims = Vec::new();
    for _ in 0..dim_count {
        dims.push(cursor.length()?);
    }
    let number = cursor.u32()?;
    let offset = cursor.u64()?;
    let Some(kind) = TensorType::from_number(number) else {
        return Err(GgufError::UnknownType { tensor: name, number });
    };
    let Some(weights) = dims.iter().try_fold(1_u64, |product, &dim| product.checked_mul(dim)) else {
        return Err(cursor.corrupt(WORDS.damage.weights));
    };
    let Some(bytes) = kind.tensor_bytes(&dims) else {
        return Err(cursor.corrupt(WORDS.damage.blocks));
    };
    if offset % alignment != 0 {
        return Err(cursor.corrupt(WORDS.damage.offset));
    }
    // so that data offset + offset + padded bytes can be added without a further thought
    if bytes > 1 << 60 || offset > 1 << 60 {
        return Err(cursor.corrupt(WORDS.damage.size));
    }
    Ok(Tensor { name, dims, kind, offset, weights, bytes })
}

/// Numbers of the value types, by the format.
mod kind {
    pub const U8: u32 = 0;
    pub const I8: u32 = 1;
    pub const U16: u32 = 2;
    pub const I16: u32 = 3;
    pub const U32: u32 = 4;
    pub const I32: u32 = 5;
    pub const F32: u32 = 6;
    pub const BOOL: u32 = 7;
    pub const TEXT: u32 = 8;
    pub const ARRAY: u32 = 9;
    pub const U64: u32 = 10;
    pub const I64: u32 = 11;
    pub const F64: u32 = 12;
}

fn value(cursor: &mut Cursor<'_>, kind: u32, depth: u32) -> Result<Value, GgufError> {
    Ok(match kind {
        kind::U8 => Value::Unsigned(cursor.array::<1>()?[0].into()),
        kind::I8 => Value::Signed(i8::from_le_bytes(cursor.array()?).into()),
        kind::U16 => Value::Unsigned(u16::from_le_bytes(cursor.array()?).into()),
        kind::I16 => Value::Signed(i16::from_le_bytes(cursor.array()?).into()),
        kind::U32 => Value::Unsigned(cursor.u32()?.into()),
        kind::I32 => Value::Signed(i32::from_le_bytes(cursor.array()?).into()),
        kind::F32 => Value::Float(f32::from_le_bytes(cursor.array()?).into()),
        kind::BOOL => Value::Bool(cursor.array::<1>()?[0] != 0),
        kind::TEXT => text(cursor)?,
        kind::ARRAY => Value::Array(array(cursor, depth)?),
        kind::U64 => Value::Unsigned(cursor.u64()?),
        kind::I64 => Value::Signed(i64::from_le_bytes(cursor.array()?)),
        kind::F64 => Value::Float(f64::from_le_bytes(cursor.array()?)),
        _ => return Err(cursor.corrupt(WORDS.damage.value_type)),
    })
}

fn text(cursor: &mut Cursor<'_>) -> Result<Value, GgufError> {
    let bytes = cursor.length()?;
    let text = cursor.take(bytes)?;
    if bytes > MAX_KEPT_TEXT_BYTES {
        return Ok(Value::LongText { bytes });
    }
    Ok(Value::Text(String::from_utf8_lossy(text).into_owned()))
}

fn array(cursor: &mut Cursor<'_>, depth: u32) -> Result<Array, GgufError> {
    let kind = cursor.u32()?;
    let length = cursor.length()?;
    let item_bytes = match kind {
        kind::U8 | kind::I8 | kind::BOOL => 1,
        kind::U16 | kind::I16 => 2,
        kind::U32 | kind::I32 | kind::F32 => 4,
        kind::U64 | kind::I64 | kind::F64 => 8,
        kind::TEXT => {
            cursor.expect(length.saturating_mul(cursor.length_bytes()))?;
            for _ in 0..length {
                let bytes = cursor.length()?;
                cursor.take(bytes)?;
            }
            return Ok(Array { length, items: Vec::new() });
        }
        kind::ARRAY if depth < MAX_NESTING => {
            cursor.expect(length.saturating_mul(4 + cursor.length_bytes()))?;
            for _ in 0..length {
                array(cursor, depth + 1)?;
            }
            return Ok(Array { length, items: Vec::new() });
        }
        kind::ARRAY => return Err(cursor.corrupt(WORDS.damage.nesting)),
        _ => return Err(cursor.corrupt(WORDS.damage.array_type)),
    };
    let mut items = Vec::new();
    if length <= MAX_KEPT_ITEMS {
        for _ in 0..length {
            items.push(value(cursor, kind, depth + 1)?);
        }
    } else {
        cursor.take(length.saturating_mul(item_bytes))?;
    }
    Ok(Array { length, items })
}

/// A place in the prefix. Nothing is read beyond its end, and nothing is allocated for what is not there.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Lengths take eight bytes, and four in version 1.
    long: bool,
}

impl<'a> Cursor<'a> {
    fn corrupt(&self, what: &'static str) -> GgufError {
        GgufError::Corrupt { at: self.at as u64, what }
    }

    /// Fails unless so many bytes follow.
    fn expect(&self, count: u64) -> Result<usize, GgufError> {
        let end = (self.at as u64).saturating_add(count);
        if end > self.bytes.len() as u64 {
            return Err(GgufError::NeedMore { bytes_at_least: end });
        }
        Ok(end as usize)
    }

    fn take(&mut self, count: u64) -> Result<&'a [u8], GgufError> {
        let end = self.expect(count)?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], GgufError> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(N as u64)?);
        Ok(bytes)
    }

    fn u32(&mut self) -> Result<u32, GgufError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn u64(&mut self) -> Result<u64, GgufError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// Bytes that a count or a length takes.
    fn length_bytes(&self) -> u64 {
        if self.long { 8 } else { 4 }
    }

    fn length(&mut self) -> Result<u64, GgufError> {
        if self.long { self.u64() } else { Ok(self.u32()?.into()) }
    }

    fn text(&mut self, max_bytes: u64, too_long: &'static str) -> Result<String, GgufError> {
        let bytes = self.length()?;
        if bytes > max_bytes {
            return Err(self.corrupt(too_long));
        }
        let text = self.take(bytes)?;
        core::str::from_utf8(text).map(String::from).map_err(|_| self.corrupt(WORDS.damage.utf8))
    }
}
