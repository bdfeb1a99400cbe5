//! Quantisations: `data/quants.toml`.

use serde::{Deserialize, Serialize};

/// Which family of formats a quantisation belongs to; kernels, and so efficiencies, differ by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuantGroup {
    /// Unquantised floats: f32, f16.
    Float,
    /// Brain floats, which some back ends cannot multiply.
    BrainFloat,
    /// GGUF's first formats: Q4_0 to Q8_0.
    Legacy,
    /// GGUF's K-quants.
    K,
    /// GGUF's codebook quants.
    Iq,
    /// GGUF mixes chosen tensor by tensor ("dynamic", XL).
    Ud,
    /// GGUF ternary formats.
    Ternary,
    /// Formats that only the ik_llama.cpp fork reads.
    IkLlama,
    /// Microscaling FP4.
    Mxfp,
    /// Eight-bit floats.
    Fp8,
    /// Plain integers, weights and perhaps activations.
    Int,
    /// Activation-aware four-bit.
    Awq,
    /// GPTQ.
    Gptq,
    /// NVIDIA's FP4.
    Nvfp4,
    /// ExLlamaV2.
    Exl2,
    /// ExLlamaV3.
    Exl3,
    /// MLX's group quantisation.
    Mlx,
}

/// A program that runs models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Runtime {
    /// llama.cpp and what is built on it.
    #[serde(rename = "llama.cpp")]
    LlamaCpp,
    /// Ollama.
    #[serde(rename = "ollama")]
    Ollama,
    /// MLX on Apple silicon.
    #[serde(rename = "mlx")]
    Mlx,
    /// vLLM.
    #[serde(rename = "vllm")]
    Vllm,
    /// ExLlamaV2.
    #[serde(rename = "exllamav2")]
    ExLlamaV2,
    /// ExLlamaV3.
    #[serde(rename = "exllamav3")]
    ExLlamaV3,
}

impl Runtime {
    /// All of them, the usual one first.
    pub const ALL: [Runtime; 6] = [
        Runtime::LlamaCpp,
        Runtime::Ollama,
        Runtime::Mlx,
        Runtime::Vllm,
        Runtime::ExLlamaV2,
        Runtime::ExLlamaV3,
    ];

    /// The name people type.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Runtime::LlamaCpp => "llama.cpp",
            Runtime::Ollama => "ollama",
            Runtime::Mlx => "mlx",
            Runtime::Vllm => "vllm",
            Runtime::ExLlamaV2 => "exllamav2",
            Runtime::ExLlamaV3 => "exllamav3",
        }
    }
}

/// The number format in which matrix units can multiply a quantised weight without widening it first.
pub use estimator::ComputeFormat as MatrixFormat;

/// What quantisation costs in quality, against the published weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuantLoss {
    /// The weights as published, or wider.
    None,
    /// Not told apart from the original in use.
    Negligible,
    /// Seen in perplexity, seldom in use.
    Small,
    /// Seen in use on hard questions.
    Noticeable,
    /// A last resort before a smaller model.
    Large,
    /// Mostly of interest for very large models.
    Severe,
}

impl QuantLoss {
    /// One word for the reader.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            QuantLoss::None => "none",
            QuantLoss::Negligible => "negligible",
            QuantLoss::Small => "small",
            QuantLoss::Noticeable => "noticeable",
            QuantLoss::Large => "large",
            QuantLoss::Severe => "severe",
        }
    }
}

/// Bits a weight that a GGUF quantisation takes more of matrices whose rows no whole number of blocks fills, by their role.
///
/// K and IQ types come in blocks of 256 elements. Where rows are no multiple of that, llama.cpp's quantiser takes a type with
/// blocks of 32: IQ4_NL for IQ types, Q4_0 for Q2_K and Q3_K, Q5_0 for Q4_K, Q5_1 for Q5_K, Q8_0 for Q6_K and for any head.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FallbackBits {
    /// The layers' matrices but for those below, and an embedding table of its own.
    pub matrices: f64,
    /// The matrices that lead out of feed-forward blocks: mixes keep them wider, so that they fall back to wider types.
    pub down: f64,
    /// The output head, and an embedding table that is also the head.
    pub head: f64,
}

/// One quantisation in `data/quants.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuantRow {
    /// Stable key: the name in lower case.
    pub id: String,
    /// As its tools write it.
    pub name: String,
    /// Its family.
    pub group: QuantGroup,
    /// Bits a weight over a whole file of a usual model: measured, or the block's layout where all is one type.
    pub bits_per_weight: f64,
    /// Bits a weight of the layers' matrices, where head and embedding are kept otherwise.
    #[serde(default)]
    pub bulk_bits_per_weight: Option<f64>,
    /// Bits a weight of the output head, and of an embedding table that is also the head.
    #[serde(default)]
    pub head_bits_per_weight: Option<f64>,
    /// Bits a weight of an embedding table of its own.
    #[serde(default)]
    pub embedding_bits_per_weight: Option<f64>,
    /// Bits a weight of what every token reads in the layers of a mixture of experts, where only experts are in the format
    /// that names the file.
    #[serde(default)]
    pub dense_bits_per_weight: Option<f64>,
    /// What llama.cpp's quantiser adds where blocks do not fit.
    #[serde(default)]
    pub fallback_bits: Option<FallbackBits>,
    /// The format its weights can be multiplied in, where device and runtime have that path.
    pub matrix_format: MatrixFormat,
    /// 0 to 100, to order quantisations of one model: higher is closer to the published weights.
    pub quality: u8,
    /// What it costs, in a word.
    pub loss: QuantLoss,
    /// Who loads it.
    pub runtimes: Vec<Runtime>,
    /// What else it is called.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Where each number was read: `source` or `source:place`.
    pub sources: Vec<String>,
    /// What was recalled rather than read, in words; to be shown beside the row.
    #[serde(default)]
    pub unverified: Option<String>,
}
