//! How a repository's weights are packed, and what that is called.

use super::config::Config;
use super::header::Tensor;
use crate::json::Node;
use crate::number;
use alloc::{format, string::String};

/// What `config.json` says of the weights' format.
pub(super) struct Packing {
    /// As the catalogue names it: `AWQ 4-bit`, `FP8`; empty for plain floats.
    pub name: String,
    /// Bits of one weight where several are packed into one number.
    bits: Option<u64>,
    /// Whether bytes hold two 4-bit weights each.
    pairs: bool,
    /// Bits of a weight in ExLlama's words, which need not be whole.
    exl_bits: Option<f64>,
}

impl Packing {
    pub fn of(config: &Config<'_>) -> Self {
        let plain = Packing { name: String::new(), bits: None, pairs: false, exl_bits: None };
        let Some(quant) = config.quantisation() else { return plain };
        let number = |key: &str| quant.get(key).and_then(Node::as_u64);
        let bits = number("bits").or(number("w_bit"));
        let packed =
            |name: String, bits: Option<u64>| Packing { name, bits, pairs: bits == Some(4), exl_bits: None };
        let method = quant.get("quant_method").and_then(Node::as_str).unwrap_or_default();
        match method {
            // MLX has no method
            "" => match quant.get("mode").and_then(Node::as_str) {
                Some(mode @ ("mxfp4" | "nvfp4" | "mxfp8")) => {
                    packed(format!("MLX {}", mode.to_ascii_uppercase()), bits)
                }
                _ => packed(format!("MLX {}-bit", bits.unwrap_or(4)), bits.or(Some(4))),
            },
            "awq" => packed(format!("AWQ {}-bit", bits.unwrap_or(4)), bits.or(Some(4))),
            "gptq" | "auto-round" => packed(format!("GPTQ {}-bit", bits.unwrap_or(4)), bits.or(Some(4))),
            "fp8" | "fbgemm_fp8" => packed("FP8".into(), None),
            "mxfp4" => packed("MXFP4".into(), Some(4)),
            "exl2" => exl("EXL2", quant),
            "exl3" => exl("EXL3", quant),
            "bitsandbytes" => {
                let four = quant.get("load_in_4bit").and_then(Node::as_bool) == Some(true);
                if four {
                    packed("bitsandbytes 4-bit".into(), Some(4))
                } else {
                    packed("bitsandbytes 8-bit".into(), None)
                }
            }
            "modelopt" | "modelopt_fp4" => match quant.get("quant_algo").and_then(Node::as_str) {
                Some("FP8") => packed("FP8".into(), None),
                _ => packed("NVFP4".into(), Some(4)),
            },
            "compressed-tensors" => compressed(quant),
            other => packed(other.to_ascii_uppercase(), bits),
        }
    }

    /// How many weights of the model a tensor holds: none, if it only scales or describes others.
    pub fn weights(&self, tensor: &Tensor) -> u64 {
        let last = tensor.name.rsplit('.').next().unwrap_or_default();
        let describes = [
            "scale",
            "scales",
            "biases",
            "qzeros",
            "g_idx",
            "scale_2",
            "absmax",
            "quant_map",
            "SCB",
            "zero_point",
        ];
        let holds_no_weights =
            describes.iter().any(|word| last == *word || last.ends_with(&format!("_{word}")))
                || [
                    "weight_scale_inv",
                    "weight_shape",
                    "qscale_max",
                    "q_group_map",
                    "q_groups",
                    "q_perm",
                    "q_invperm",
                    "suh",
                    "svh",
                    "su",
                    "sv",
                ]
                .contains(&last)
                || tensor.name.contains("quant_state");
        if holds_no_weights && !self.name.is_empty() {
            return 0;
        }
        if let (Some(bits), "q_weight" | "trellis") = (self.exl_bits, last) {
            return (tensor.bytes as f64 * 8.0 / bits) as u64;
        }
        let per_number = match (tensor.dtype.as_str(), self.bits) {
            ("I32" | "U32", Some(bits @ 1..=32)) => {
                // 32 numbers of 3 bits lie in 3 words
                return number::share(tensor.elements, 32, bits as u32);
            }
            ("U8" | "I8", _) if self.pairs => 2,
            _ => 1,
        };
        tensor.elements.saturating_mul(per_number)
    }
}

fn exl(name: &str, quant: &Node<'_>) -> Packing {
    let bits =
        quant.get("bits").and_then(Node::as_f64).filter(|bits| (1.0..=8.0).contains(bits)).unwrap_or(4.0);
    Packing { name: format!("{name} {bits:.1} bpw"), bits: None, pairs: false, exl_bits: Some(bits) }
}

/// compressed-tensors describes each group of layers; the first group with weights names the whole.
fn compressed(quant: &Node<'_>) -> Packing {
    let groups = quant.get("config_groups").map(Node::entries).unwrap_or_default();
    let group = groups
        .iter()
        .map(|(_, group)| group)
        .find(|group| group.get("weights").is_some_and(|w| !w.is_null()));
    let weights = group.and_then(|group| group.get("weights"));
    let bits = weights.and_then(|weights| weights.get("num_bits")).and_then(Node::as_u64);
    let float = weights.and_then(|weights| weights.get("type")).and_then(Node::as_str) == Some("float");
    let activations =
        group.and_then(|group| group.get("input_activations")).is_some_and(|node| !node.is_null());
    let format = quant.get("format").and_then(Node::as_str).unwrap_or_default();
    let (name, bits) = match (bits, float) {
        _ if format.starts_with("nvfp4") => ("NVFP4", Some(4)),
        (Some(4), true) if format.starts_with("mxfp4") => ("MXFP4", Some(4)),
        (Some(4), true) => ("NVFP4", Some(4)),
        (Some(8), true) => ("FP8", None),
        (Some(8), false) if activations => ("INT8 (W8A8)", Some(8)),
        (Some(8), false) => ("INT8 (W8A16)", Some(8)),
        (Some(4), false) if activations => ("INT4 (W4A8)", Some(4)),
        (Some(4), false) => ("INT4 (W4A16)", Some(4)),
        (bits, _) => ("compressed-tensors", bits),
    };
    Packing { name: name.into(), bits, pairs: bits == Some(4) && format != "pack-quantized", exl_bits: None }
}
