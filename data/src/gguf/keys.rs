//! The metadata of one architecture, asked for by the keys' last words.

use super::error::GgufError;
use super::header::{Header, Value};
use crate::messages::WORDS;
use alloc::{format, string::String, vec::Vec};

/// More layers than any model; a claim beyond it is damage.
const MAX_LAYERS: u64 = 1024;

/// `general.architecture` and the keys under its name.
pub(super) struct Keys<'a> {
    header: &'a Header,
    /// `llama`, `gemma3`, …
    pub architecture: &'a str,
    /// All layers, those that only guess further tokens among them.
    pub all_layers: u32,
    /// Layers that only guess further tokens: the last ones.
    pub guess_layers: u32,
}

impl<'a> Keys<'a> {
    pub fn new(header: &'a Header) -> Result<Self, GgufError> {
        let key = "general.architecture";
        let architecture =
            header.get(key).and_then(Value::as_str).ok_or(GgufError::MissingKey(key.into()))?;
        let mut keys = Keys { header, architecture, all_layers: 0, guess_layers: 0 };
        keys.makes_text()?;
        let layers = keys.needed("block_count")?;
        if layers == 0 || layers > MAX_LAYERS {
            return Err(GgufError::Corrupt { at: 0, what: WORDS.damage.layers });
        }
        keys.all_layers = layers as u32;
        keys.guess_layers = keys.u32("nextn_predict_layers").filter(|&n| n < keys.all_layers).unwrap_or(0);
        Ok(keys)
    }

    /// Refuses what is no language model: parts that go with one, and encoders.
    fn makes_text(&self) -> Result<(), GgufError> {
        let kind = self.general("type").and_then(Value::as_str).unwrap_or("model");
        let pooled = self.u64("pooling_type").is_some_and(|kind| kind > 0);
        let encoder = ["bert", "embed", "t5encoder"].iter().any(|word| self.architecture.contains(word));
        Err(GgufError::NotText(match kind {
            _ if self.architecture == "clip" || kind == "mmproj" => WORDS.model.vision,
            "adapter" => WORDS.model.adapter,
            _ if pooled || encoder => WORDS.model.embeddings,
            _ => return Ok(()),
        }))
    }

    /// Layers that a token passes.
    pub fn layers(&self) -> u32 {
        self.all_layers - self.guess_layers
    }

    pub fn value(&self, key: &str) -> Option<&'a Value> {
        self.header.get(&format!("{}.{key}", self.architecture))
    }

    pub fn u64(&self, key: &str) -> Option<u64> {
        self.value(key)?.as_u64()
    }

    pub fn u32(&self, key: &str) -> Option<u32> {
        u32::try_from(self.u64(key)?).ok()
    }

    pub fn f64(&self, key: &str) -> Option<f64> {
        self.value(key)?.as_f64()
    }

    pub fn needed(&self, key: &str) -> Result<u64, GgufError> {
        self.u64(key).ok_or_else(|| GgufError::MissingKey(format!("{}.{key}", self.architecture)))
    }

    pub fn general(&self, key: &str) -> Option<&'a Value> {
        self.header.get(&format!("general.{key}"))
    }

    pub fn text(&self, key: &str) -> Option<String> {
        self.general(key).and_then(Value::as_str).map(String::from)
    }

    /// One number for each layer, from an array or from one number for all.
    pub fn per_layer(&self, key: &str) -> Option<Vec<u32>> {
        let count = self.all_layers as usize;
        match self.value(key)? {
            Value::Array(array) => {
                let mut numbers: Vec<u32> = array
                    .items
                    .iter()
                    .map(|item| item.as_u64().unwrap_or(0).min(u32::MAX.into()) as u32)
                    .collect();
                if numbers.is_empty() {
                    return None;
                }
                numbers.resize(count, 0);
                Some(numbers)
            }
            one => Some(alloc::vec![u32::try_from(one.as_u64()?).ok()?; count]),
        }
    }

    /// One truth value for each layer, from an array of truth values or numbers; `None` for a single value.
    pub fn flags(&self, key: &str) -> Option<Vec<bool>> {
        let Value::Array(array) = self.value(key)? else { return None };
        let mut flags: Vec<bool> = array.items.iter().map(|item| item.as_bool() == Some(true)).collect();
        if flags.is_empty() {
            return None;
        }
        flags.resize(self.all_layers as usize, false);
        Some(flags)
    }
}
