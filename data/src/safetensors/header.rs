//! One shard's header.

use super::SafetensorsError;
use crate::gguf::Looks;
use crate::json::{self, JsonErrorKind, Node};
use crate::messages::WORDS;
use alloc::{string::String, vec::Vec};

/// Longer headers are refused by the format's own reader.
const MAX_HEADER_BYTES: u64 = 100_000_000;
/// Bytes of the length before the header.
const LENGTH_BYTES: u64 = 8;

/// What one shard holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// In the order of the text.
    pub tensors: Vec<Tensor>,
    /// Where the tensors' data starts, in bytes.
    pub data_offset: u64,
    /// Length of the shard: data offset and data.
    pub file_bytes: u64,
}

/// One tensor's entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// `model.layers.0.self_attn.q_proj.weight`
    pub name: String,
    /// As the file writes it: `BF16`.
    pub dtype: String,
    /// Outermost dimension first.
    pub shape: Vec<u64>,
    /// How many numbers it holds, packed or not.
    pub elements: u64,
    /// How many bytes.
    pub bytes: u64,
}

/// Bits of one number of a type.
fn bits(dtype: &str) -> Option<u64> {
    Some(match dtype {
        "F64" | "I64" | "U64" | "C64" => 64,
        "F32" | "I32" | "U32" => 32,
        "F16" | "BF16" | "I16" | "U16" => 16,
        "F8_E4M3" | "F8_E5M2" | "F8_E8M0" | "F8_E4M3FNUZ" | "F8_E5M2FNUZ" | "I8" | "U8" | "BOOL" => 8,
        "F6_E2M3" | "F6_E3M2" => 6,
        "F4" => 4,
        _ => return None,
    })
}

/// Reads the header out of a prefix of a shard; `file_bytes` is the length of the whole shard where it is known.
///
/// # Errors
/// [`SafetensorsError::NeedMore`] if the prefix ends before the header does; see its other members.
pub fn read(prefix: &[u8], file_bytes: Option<u64>) -> Result<Header, SafetensorsError> {
    let need = |bytes_at_least: u64| match file_bytes {
        Some(file) if file < bytes_at_least => {
            SafetensorsError::CutOff { file_bytes: file, needed_bytes: bytes_at_least }
        }
        _ => SafetensorsError::NeedMore { bytes_at_least },
    };
    if prefix.is_empty() && file_bytes.is_none_or(|bytes| bytes == 0) {
        return Err(SafetensorsError::NotSafetensors(Looks::Empty));
    }
    let Some((length, rest)) = prefix.split_first_chunk::<{ LENGTH_BYTES as usize }>() else {
        return Err(need(LENGTH_BYTES));
    };
    let length = u64::from_le_bytes(*length);
    if length > MAX_HEADER_BYTES || rest.first().is_some_and(|&byte| byte != b'{') {
        return Err(SafetensorsError::NotSafetensors(Looks::at(prefix)));
    }
    let Some(text) = rest.get(..length as usize) else {
        return Err(need(LENGTH_BYTES + length));
    };
    let broken = |at: usize, kind| SafetensorsError::Header(json::JsonError { at, kind });
    let text = core::str::from_utf8(text)
        .map_err(|error| broken(error.valid_up_to(), JsonErrorKind::Expected(WORDS.json.expected_utf8)))?;
    let root = json::read(text).map_err(SafetensorsError::Header)?;
    let data_offset = LENGTH_BYTES + length;
    let mut end = 0;
    let mut tensors = Vec::new();
    for (name, entry) in root.entries().iter().filter(|(name, _)| name != "__metadata__") {
        let (tensor, tensor_end) = tensor(name, entry)?;
        end = end.max(tensor_end);
        tensors.push(tensor);
    }
    let needed_bytes = data_offset.saturating_add(end);
    match file_bytes {
        Some(file) if file < needed_bytes => Err(SafetensorsError::CutOff { file_bytes: file, needed_bytes }),
        _ => Ok(Header { tensors, data_offset, file_bytes: needed_bytes }),
    }
}

/// The tensor, and where it ends in the data.
fn tensor(name: &str, entry: &Node<'_>) -> Result<(Tensor, u64), SafetensorsError> {
    let fault = |what| SafetensorsError::Tensor { name: name.into(), what };
    let dtype = entry.get("dtype").and_then(Node::as_str).ok_or(fault(WORDS.safetensors.no_dtype))?;
    let bits = bits(dtype).ok_or(fault(WORDS.safetensors.dtype))?;
    let whole = |node: &Node<'_>| node.as_u64();
    let shape = entry.get("shape").map(|node| node.items().iter().map(whole).collect::<Option<Vec<u64>>>());
    let shape = shape.flatten().ok_or(fault(WORDS.safetensors.no_shape))?;
    let elements = shape.iter().try_fold(1_u64, |product, &dim| product.checked_mul(dim));
    let elements = elements.ok_or(fault(WORDS.safetensors.elements))?;
    let offsets = entry.get("data_offsets").map(Node::items).unwrap_or_default();
    let [start, end] = offsets else { return Err(fault(WORDS.safetensors.no_offsets)) };
    let bytes = end.as_u64().zip(start.as_u64()).and_then(|(end, start)| end.checked_sub(start));
    let bytes = bytes.ok_or(fault(WORDS.safetensors.ends_first))?;
    if elements.checked_mul(bits).map(|bits| bits.div_ceil(8)) != Some(bytes) {
        return Err(fault(WORDS.safetensors.bytes));
    }
    let tensor = Tensor { name: name.into(), dtype: dtype.into(), shape, elements, bytes };
    Ok((tensor, end.as_u64().unwrap_or(0)))
}
