//! Which model a source means, and what its file holds.

use data::Catalog;
use data::row::{ModelRow, QuantGroup, QuantRow};
use data::subject::{bits, shape};
use estimator::{BitsPerWeight, LayerKind, Layers, Model, Weights};

use crate::devices::ModelName;
use crate::row::MeasurementRow;
use crate::text::{common_run, key, occurs};

const GIB: f64 = (1_u64 << 30) as f64;
const BILLION: f64 = 1e9;

/// What is known about a row's model.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// The row's id; empty for a shape that was guessed from its size.
    pub id: String,
    /// Its shape.
    pub model: Model,
    /// The quantisation that its routed experts are published in, where GGUF files keep it.
    pub native_experts: bool,
}

/// A quantisation as far as a source tells.
#[derive(Clone, Debug, PartialEq)]
pub struct Quant {
    /// Its group.
    pub group: QuantGroup,
    /// Bits by role for a model with tables of its own.
    pub bits: BitsPerWeight,
    /// Bits over a whole file.
    pub whole: f64,
    /// Brain floats, which some back ends do not multiply.
    pub brain: bool,
}

/// Models by their names.
pub struct Models<'c> {
    catalog: &'c Catalog,
    keys: Vec<(String, &'c ModelRow)>,
    spellings: Vec<ModelName>,
}

const NOISE: [&str; 17] = [
    "gguf",
    "instruct",
    "chat",
    "-hf",
    "preview",
    "thinking",
    "reasoning",
    "distill",
    "latest",
    "unsloth",
    "nvidia",
    "meta",
    "-it",
    "_it",
    " it",
    "base",
    "awq",
];

fn model_key(name: &str) -> String {
    let mut name = name.rsplit('/').next().unwrap_or(name).to_lowercase();
    for word in NOISE {
        name = name.replace(word, " ");
    }
    // "Qwen3-5-27B" and "Qwen3.5-27B" are one model: sizes tell apart what looks alike without points.
    key(&name).replace('.', "")
}

/// Sizes that a name tells: total and active parameters, 10⁹.
#[must_use]
pub fn sizes(name: &str) -> (Option<f64>, Option<f64>) {
    let bytes = name.as_bytes();
    let (mut total, mut active) = (None, None);
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let start = at;
        while at < bytes.len() && (bytes[at].is_ascii_digit() || bytes[at] == b'.') {
            at += 1;
        }
        let number = name[start..at].trim_end_matches('.').parse::<f64>().ok();
        let mut unit = at;
        if bytes.get(unit) == Some(&b' ') {
            unit += 1;
        }
        let scale = match bytes.get(unit).map(u8::to_ascii_lowercase) {
            Some(b'b') => 1.0,
            Some(b'm') => 1e-3,
            _ => continue,
        };
        let ends = bytes.get(unit + 1).is_none_or(|b| !b.is_ascii_alphanumeric());
        // "7b1" is 7.1.
        let tenths = bytes.get(unit + 1).filter(|b| b.is_ascii_digit() && unit + 2 == bytes.len());
        let before = start.checked_sub(1).map(|i| bytes[i].to_ascii_lowercase());
        let Some(number) = number.filter(|value| *value > 0.0 && (ends || tenths.is_some())) else {
            continue;
        };
        let number = number + tenths.map_or(0.0, |digit| f64::from(digit - b'0') / 10.0);
        let size = number * scale;
        let experts_follow = name[unit + 1..].strip_prefix('-').is_some_and(|rest| {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            digits > 0 && rest[digits..].starts_with(['E', 'e'])
        });
        match before {
            _ if experts_follow => {}
            Some(b'a') if total.is_some() => active = active.or(Some(size)),
            // "8x7B" names one expert's size, "17B-128E" the active size: neither is the total.
            Some(b'x') => {}
            _ => total = total.or(Some(size)),
        }
    }
    (total, active)
}

impl<'c> Models<'c> {
    /// The catalogue's models, and the spellings of `data/measurement-names.toml`.
    #[must_use]
    pub fn new(catalog: &'c Catalog, spellings: Vec<ModelName>) -> Self {
        let mut keys = Vec::new();
        for row in catalog.models() {
            let names = [row.id.as_str(), row.name.as_str()];
            let more = row.aliases.iter().chain(&row.shared_names).map(String::as_str);
            let mut own: Vec<String> = names.into_iter().chain(more).map(model_key).collect();
            own.sort();
            own.dedup();
            keys.extend(own.into_iter().map(|key| (key, row)));
        }
        Models { catalog, keys, spellings }
    }

    /// The model of a measurement; `None` where neither name nor columns tell its size.
    #[must_use]
    pub fn find(&self, row: &MeasurementRow) -> Option<Known> {
        let lower = row.model.to_lowercase();
        let spelled = self
            .spellings
            .iter()
            .find(|spelling| occurs(&lower, &spelling.has))
            .and_then(|spelling| self.catalog.models().iter().find(|model| model.id == spelling.row));
        let found = spelled.or_else(|| self.by_name(row));
        found.map(known).or_else(|| self.by_size(row))
    }

    fn by_name(&self, row: &MeasurementRow) -> Option<&'c ModelRow> {
        let wanted = model_key(&row.model);
        if let Some((_, exact)) = self.keys.iter().find(|(key, _)| *key == wanted) {
            return Some(exact);
        }
        let (total, active) = sizes(&row.model);
        let total = total.or(row.params_b.filter(|_| !row.model.chars().any(|c| c.is_ascii_digit())));
        let mut best: Option<(usize, usize, &ModelRow)> = None;
        for (key, model) in &self.keys {
            let run = common_run(&wanted, key);
            let named = run == key.len() || run == wanted.len();
            let agrees = match total {
                Some(total) => {
                    let effective = key.contains("e2b") || key.contains("e4b");
                    let same = |a: f64, b: f64| (a / b).ln().abs() < 0.13;
                    (same(total, model.params_b) || (effective && named))
                        && active.is_none_or(|active| (active / model.active_params_b).ln().abs() < 0.4)
                        && run >= 5
                }
                None => named && run >= 4,
            };
            // A name that states one size only is a dense model's, where there is one.
            let routed = model.experts.is_some() && active.is_none() && !wanted.contains("moe");
            let gap = key.len().abs_diff(wanted.len()) + if routed { 6 } else { 0 };
            if agrees && best.is_none_or(|(r, g, _)| run > r || (run == r && gap < g)) {
                best = Some((run, gap, model));
            }
        }
        best.map(|(.., model)| model)
    }

    /// A shape like that of the catalogue's model that is nearest in size.
    fn by_size(&self, row: &MeasurementRow) -> Option<Known> {
        let (total, active) = sizes(&row.model);
        let stated = row.params_b.filter(|value| *value > 0.0);
        // A column that contradicts the name is another model's.
        let total = match (stated, total) {
            (Some(column), Some(name)) if (column / name).ln().abs() > 0.7 => name,
            (column, name) => column.or(name)?,
        };
        let active = row.active_params_b.or(active).filter(|active| *active < total);
        let off = |model: &ModelRow| {
            let size = (model.params_b / total).ln().abs();
            match active {
                Some(active) => size + (model.active_params_b / active).ln().abs(),
                None => size,
            }
        };
        let alike = self.catalog.models().iter().filter(|model| model.experts.is_some() == active.is_some());
        let nearest = alike.min_by(|a, b| off(a).total_cmp(&off(b)))?;
        let mut model = shape(nearest);
        let scale = total / model.params_b;
        model.params_b = total;
        model.active_params_b = active.unwrap_or(total);
        model.hidden_size = (f64::from(model.hidden_size) * scale.sqrt()).round() as u32;
        Some(Known { id: String::new(), model, native_experts: false })
    }
}

fn known(row: &ModelRow) -> Known {
    Known {
        id: row.id.clone(),
        model: shape(row),
        native_experts: row.experts.is_some() && row.native_quant.as_deref() == Some("mxfp4"),
    }
}

/// Weights of a model in a file of known or usual size.
#[must_use]
pub fn weights(known: &Known, quant: &Quant, size_gib: Option<f64>) -> Weights {
    let model = &known.model;
    let mut bits = quant.bits;
    if model.tied_embeddings {
        bits.embedding = bits.head;
    }
    let size = size_gib.map(|size| size * GIB).filter(|size| {
        let guess = model.params_b * 1e9 * quant.whole / 8.0;
        *size > 0.45 * guess && *size < 2.2 * guess || (known.native_experts && *size > 0.1 * guess)
    });
    // Some columns hold parameters in place of bytes: no file of four bits a weight has as many GiB.
    let size = size.filter(|size| {
        let billions = size / GIB / model.params_b;
        quant.whole > 6.0 || known.native_experts || !(0.985..1.015).contains(&billions)
    });
    let widened = |size: &f64| *size > 1.5 * model.params_b * BILLION;
    if !known.native_experts || size.as_ref().is_some_and(widened) {
        let guess = Weights::from_bits(model, bits);
        return size.map_or(guess, |size| guess.scaled_to(size));
    }
    // Experts are published in four bits and stay so in every file but those that someone widened on purpose; the rest is
    // what the label says, or what remains.
    let four = BitsPerWeight { bulk: 4.25, ..bits };
    let mut weights = Weights::from_bits(model, four);
    let rest = Weights {
        routed_bytes: 0.0,
        ..Weights::from_bits(model, BitsPerWeight { bulk: 8.5, embedding: 8.5, head: 8.5 })
    };
    let rest_bytes = match size {
        Some(size) => (size - weights.routed_bytes).max(rest.total_bytes() * 0.5),
        None if quant.group == QuantGroup::Float => rest.total_bytes() * 16.0 / 8.5,
        None => rest.total_bytes(),
    };
    let rest = rest.scaled_to(rest_bytes);
    weights = Weights { routed_bytes: weights.routed_bytes, ..rest };
    weights
}

/// The quantisation of a measurement; `None` where neither its label nor its model's name tells.
#[must_use]
pub fn quant(catalog: &Catalog, row: &MeasurementRow) -> Option<Quant> {
    let label = normal_label(&row.quant);
    if !label.is_empty() {
        return of_label(catalog, &label);
    }
    let name = row.model.to_uppercase().replace('-', "_");
    let in_name = [
        "UD_Q4_K_XL",
        "Q4_K_M",
        "Q4_K_S",
        "Q8_0",
        "Q6_K",
        "Q5_K_M",
        "Q4_0",
        "Q3_K_M",
        "Q2_K",
        "IQ4_XS",
        "MXFP4",
        "BF16",
        "F16",
    ];
    if let Some(found) = in_name.iter().find(|label| name.contains(*label)) {
        return of_label(catalog, &found.replace("UD_", "UD-"));
    }
    // Ollama's tags without a suffix are Q4_K_M.
    matches!(row.engine.to_lowercase().as_str(), "ollama" | "").then(|| of_label(catalog, "Q4_K_M"))?
}

/// The format that is most likely where nobody says: the published floats in servers and on machines made for them, where
/// those fit, else four bits.
#[must_use]
pub fn usual_quant(
    catalog: &Catalog,
    row: &MeasurementRow,
    known: &Known,
    memory_gib: Option<f64>,
) -> Option<Quant> {
    let engine = row.engine.to_lowercase();
    let served = ["vllm", "sglang", "tensorrt", "deepspeed", "transformers", "lightning", "pytorch"];
    let serves = served.iter().any(|name| engine.contains(name));
    let floats_gib = known.model.params_b * 2e9 / GIB;
    let fit = memory_gib.is_none_or(|gib| floats_gib < 0.9 * gib);
    let datacentre = memory_gib.is_some_and(|gib| gib >= 40.0) && row.device_class != "apple";
    let label = match () {
        () if serves && fit => "BF16",
        () if serves => "AWQ",
        () if engine.contains("mlx") => "MLX-4BIT",
        () if datacentre && fit && row.device_class != "unified_other" => "F16",
        () => "Q4_K_M",
    };
    of_label(catalog, label)
}

/// The shape with keys and values of every head in place of compressed vectors.
#[must_use]
pub fn expanded(model: &Model) -> Model {
    let mut layers = Layers::new();
    for group in model.layers.groups() {
        let mut group = *group;
        if let LayerKind::Latent { heads, rope_dim, .. } = group.kind {
            // A head's plain key and its value are twice its rotary key in all such models.
            let (key_dim, value_dim) = (3 * rope_dim, 2 * rope_dim);
            group.kind = LayerKind::Full { heads, kv_heads: heads, key_dim, value_dim };
        }
        if !layers.add(group) {
            return *model;
        }
    }
    Model { layers, ..*model }
}

fn normal_label(label: &str) -> String {
    let mut label = label.to_uppercase();
    for (from, to) in [
        (" - MEDIUM", "_M"),
        (" - SMALL", "_S"),
        (" - LARGE", "_L"),
        ("GGUF-", ""),
        ("UNSLOTH-DYNAMIC-", "UD-"),
        ("I1-", ""),
        ("FP16", "F16"),
        ("FLOAT16", "F16"),
        ("BFLOAT16", "BF16"),
        ("FLOAT32", "F32"),
        ("_R4", ""),
        ("_R8", ""),
    ] {
        label = label.replace(from, to);
    }
    label.trim().to_owned()
}

fn of_row(row: &QuantRow) -> Quant {
    Quant { group: row.group, bits: bits(row, false), whole: row.bits_per_weight, brain: row.id == "bf16" }
}

fn plain(group: QuantGroup, whole: f64) -> Quant {
    Quant { group, bits: BitsPerWeight { bulk: whole, embedding: whole, head: whole }, whole, brain: false }
}

fn of_label(catalog: &Catalog, label: &str) -> Option<Quant> {
    let by_id = |id: &str| catalog.quants().iter().find(|row| row.id == id).map(of_row);
    let lower = label.to_lowercase();
    if let Some(exact) = by_id(&lower) {
        return Some(exact);
    }
    if lower.contains("bpw") || lower.contains("exl") {
        let group = if lower.contains("exl3") { QuantGroup::Exl3 } else { QuantGroup::Exl2 };
        let from = lower.strip_prefix("exl3").or_else(|| lower.strip_prefix("exl2")).unwrap_or(&lower);
        let digits = from.find(|c: char| c.is_ascii_digit())?;
        let number: String = from[digits..].chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
        return number.trim_end_matches('.').parse().ok().map(|bits| plain(group, bits));
    }
    // The longest label of the catalogue that this one begins with ("Q4_K_M-imat", "MXFP4 (labelled F16)").
    let dynamic = lower.starts_with("ud-");
    let bare = lower.trim_start_matches("ud-");
    let begins = |row: &&QuantRow| row.group != QuantGroup::Mlx && bare.starts_with(row.id.as_str());
    if let Some(found) = catalog.quants().iter().filter(begins).max_by_key(|row| row.id.len()) {
        let mut quant = of_row(found);
        if bare.starts_with("q4_k_xl") || bare.starts_with("q8_k_xl") || bare.ends_with("_xl") {
            quant = by_id(&format!("ud-{}", &bare[..bare.len().min(7)])).unwrap_or(quant);
        }
        if dynamic {
            quant.group = QuantGroup::Ud;
        }
        return Some(quant);
    }
    if let Some(found) = by_id(&format!("ud-{bare}")) {
        return Some(found);
    }
    let has = |word: &str| lower.contains(word);
    let of = |id: &str| by_id(id);
    match () {
        () if has("nvfp4") => of("nvfp4"),
        () if has("mxfp4") => of("mxfp4"),
        () if has("bf16") => of("bf16"),
        () if has("f32") => of("f32"),
        () if has("f16") => of("f16"),
        () if has("fp8") => of("fp8"),
        () if has("w8a") || has("int8") => of("int8"),
        () if has("awq") => of("awq"),
        () if has("gptq") => of("gptq"),
        () if has("w4a16") || has("int4") || has("autoround") || has("compressed-tensors") => of("int4"),
        () if has("8bit") || has("8-bit") => of("mlx-8bit"),
        () if has("6bit") => of("mlx-6bit"),
        () if has("4bit") || has("4-bit") || has("mixed4") => of("mlx-4bit"),
        () if has("2bit") || has("2-bit") => of("mlx-2bit"),
        () if has("tq") || has("ternary") || lower.starts_with("q1_0") || lower.starts_with("q2_0") => {
            of("tq2_0")
        }
        () => {
            let at = lower.find('q').map(|at| at + 1)?;
            let digit = lower[at..].chars().next().and_then(|c| c.to_digit(10))?;
            let group = if lower.contains("iq") { QuantGroup::Iq } else { QuantGroup::K };
            Some(plain(group, f64::from(digit) + 0.8))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_from_names() {
        assert_eq!(sizes("Qwen3-30B-A3B-Instruct-2507"), (Some(30.0), Some(3.0)));
        assert_eq!(sizes("Llama 3.2 1B Instruct"), (Some(1.0), None));
        assert_eq!(sizes("SmolLM2-135M-Instruct"), (Some(0.135), None));
        assert_eq!(sizes("bloom-7b1"), (Some(7.1), None));
        assert_eq!(sizes("phi-4"), (None, None));
        assert_eq!(sizes("Mixtral-8x7B"), (None, None));
        assert_eq!(sizes("Llama-4-Scout-17B-16E-Instruct"), (None, None));
    }
}
