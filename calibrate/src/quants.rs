//! Which quantisation a source means.

use data::Catalog;
use data::row::{QuantGroup, QuantRow};
use data::subject::bits;
use estimator::BitsPerWeight;
use estimator::units::GIB;

use crate::models::Known;
use crate::row::MeasurementRow;

/// A quantisation as far as a source tells.
#[derive(Clone, Debug, PartialEq)]
pub struct Quant {
    /// Its group.
    pub group: QuantGroup,
    /// Bits by role for a model with tables of its own.
    pub bits: BitsPerWeight,
    /// Bits over a whole file.
    pub whole: f64,
    /// The row of the catalogue; empty where a label has none.
    pub id: String,
}

/// The quantisation of a measurement; `None` where neither its label nor its model's name tells.
#[must_use]
pub fn quant(catalog: &Catalog, row: &MeasurementRow, known: &Known) -> Option<Quant> {
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
    // Ollama's tags without a suffix are as published where that was in four bits, else Q4_K_M.
    let label = if known.native_experts { "MXFP4" } else { "Q4_K_M" };
    matches!(row.engine.to_lowercase().as_str(), "ollama" | "").then(|| of_label(catalog, label))?
}

/// The format that is most likely where nobody says: what was published in four bits as it is; the published floats in servers
/// and on machines made for them, where those fit; else four bits.
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
        () if known.native_experts && !engine.contains("mlx") => "MXFP4",
        () if serves && fit => "BF16",
        () if serves => "AWQ",
        () if engine.contains("mlx") => "MLX-4BIT",
        () if datacentre && fit && row.device_class != "unified_other" => "F16",
        () => "Q4_K_M",
    };
    of_label(catalog, label)
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
        ("FLOAT32", "F32"),
        ("_R4", ""),
        ("_R8", ""),
    ] {
        label = label.replace(from, to);
    }
    label.trim().to_owned()
}

fn of_row(row: &QuantRow) -> Quant {
    Quant { group: row.group, bits: bits(row, false), whole: row.bits_per_weight, id: row.id.clone() }
}

fn plain(group: QuantGroup, whole: f64) -> Quant {
    Quant {
        group,
        bits: BitsPerWeight { bulk: whole, embedding: whole, head: whole },
        whole,
        id: String::new(),
    }
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
    fn labels_are_read_as_people_write_them() {
        let catalog = Catalog::embedded();
        let of =
            |label: &str| of_label(catalog, &normal_label(label)).map(|quant| (quant.group, quant.whole));
        let row = |id: &str| {
            catalog.quants().iter().find(|row| row.id == id).map(|row| (row.group, row.bits_per_weight))
        };
        for (label, id) in [
            ("Q4_K - Medium", "q4_k_m"),
            ("i1-IQ3_XXS", "iq3_xxs"),
            ("Q4_K_M-imat", "q4_k_m"),
            ("FP16", "f16"),
            ("AWQ INT4", "awq"),
            ("4-bit", "mlx-4bit"),
        ] {
            assert_eq!(of(label), row(id), "{label}");
            assert!(row(id).is_some(), "{id}");
        }
        assert_eq!(of("4.65bpw"), Some((QuantGroup::Exl2, 4.65)));
        assert_eq!(of("EXL3 3.0bpw"), Some((QuantGroup::Exl3, 3.0)));
        assert_eq!(of("banana"), None);
    }
}
