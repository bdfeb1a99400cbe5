//! `config.json`, whose keys each family spells in its own way.

use super::SafetensorsError;
use crate::json::Node;
use alloc::string::String;

/// The part of `config.json` that describes the language model, and the whole around it.
pub(super) struct Config<'a> {
    root: &'a Node<'a>,
    text: &'a Node<'a>,
}

impl<'a> Config<'a> {
    pub fn new(root: &'a Node<'a>) -> Self {
        let nested = ["text_config", "llm_config", "language_config", "thinker_config"];
        let mut text = root;
        // Qwen-Omni nests twice
        while let Some(inner) =
            nested.iter().find_map(|key| text.get(key).filter(|node| !node.entries().is_empty()))
        {
            text = inner;
        }
        Config { root, text }
    }

    /// The value of the first of these keys that is there and not null: of the language model, else of the whole.
    pub fn get(&self, keys: &[&str]) -> Option<&'a Node<'a>> {
        let of =
            |node: &'a Node<'a>| keys.iter().find_map(|key| node.get(key).filter(|value| !value.is_null()));
        of(self.text).or_else(|| of(self.root))
    }

    pub fn u32(&self, keys: &[&str]) -> Option<u32> {
        u32::try_from(self.get(keys)?.as_u64()?).ok()
    }

    pub fn f64(&self, keys: &[&str]) -> Option<f64> {
        self.get(keys)?.as_f64()
    }

    pub fn flag(&self, key: &str) -> Option<bool> {
        self.get(&[key])?.as_bool()
    }

    pub fn needed(&self, keys: &[&'static str]) -> Result<u32, SafetensorsError> {
        self.u32(keys).filter(|&number| number > 0).ok_or(SafetensorsError::MissingKey(keys[0]))
    }

    /// `qwen3_moe`; the language model's where it has its own.
    pub fn model_type(&self) -> &'a str {
        self.get(&["model_type"]).and_then(|node| node.as_str()).unwrap_or_default()
    }

    /// `Qwen3MoeForCausalLM`, else the type.
    pub fn architecture(&self) -> String {
        let listed = self.root.get("architectures").and_then(|list| list.items().first());
        listed.and_then(Node::as_str).unwrap_or(self.model_type()).into()
    }

    /// Name of the checkpoint, where it is written down and no path.
    pub fn name(&self) -> Option<String> {
        let name = self.root.get("_name_or_path")?.as_str()?;
        let name = name.rsplit('/').next().unwrap_or(name);
        (!name.is_empty() && name != ".").then(|| name.into())
    }

    pub fn hidden(&self) -> Result<u32, SafetensorsError> {
        self.needed(&["hidden_size", "n_embd", "d_model", "dim", "model_dim"])
    }

    pub fn layers(&self) -> Result<u32, SafetensorsError> {
        self.needed(&["num_hidden_layers", "n_layer", "n_layers", "num_layers"])
    }

    /// How the weights are quantised, if they are.
    pub fn quantisation(&self) -> Option<&'a Node<'a>> {
        // MLX writes `quantization` (and of late repeats it as `quantization_config`), everyone else the latter
        let of = |key| self.root.get(key).or_else(|| self.text.get(key));
        of("quantization").or_else(|| of("quantization_config")).filter(|node| !node.entries().is_empty())
    }
}
