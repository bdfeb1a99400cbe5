//! Rules about devices.

use crate::catalog::Catalog;
use crate::row::{DeviceClass, HardwareRow, Link};

/// Asks every device, and puts its id before the answer.
fn each(catalog: &Catalog, ask: impl Fn(&HardwareRow) -> Option<String>) -> Vec<String> {
    let answers = catalog.devices().iter().filter_map(|row| ask(row).map(|wrong| (row, wrong)));
    answers.map(|(row, wrong)| format!("{}: {wrong}", row.id)).collect()
}

pub(super) fn memory_is_given(catalog: &Catalog) -> Vec<String> {
    each(catalog, |row| {
        let asked = matches!(row.class, DeviceClass::Cpu | DeviceClass::Mobile);
        let ascending = row.memory_gib.windows(2).all(|pair| pair[0] < pair[1]);
        if row.memory_gib.is_empty() && !asked {
            Some("how much memory has it?".to_owned())
        } else if row.usual_gib.is_some_and(|usual| !row.memory_gib.contains(&usual)) {
            Some("its usual memory is none that it is sold with".to_owned())
        } else {
            (!ascending).then(|| "its memory sizes do not ascend".to_owned())
        }
    })
}

pub(super) fn figures_are_positive(catalog: &Catalog) -> Vec<String> {
    each(catalog, |row| {
        let figures = [
            Some(row.bandwidth_gb_s),
            row.compute_f16_tflops,
            row.compute_int8_tops,
            row.compute_fp8_tflops,
            row.compute_fp4_tflops,
            row.tdp_w.map(f64::from),
            row.link.map(Link::gb_s),
        ];
        let figures = figures.into_iter().flatten().chain(row.memory_gib.iter().copied());
        let wrong: Vec<String> = figures
            .filter(|figure| !(figure.is_finite() && *figure > 0.0))
            .map(|figure| figure.to_string())
            .collect();
        (!wrong.is_empty()).then(|| format!("not above zero: {}", wrong.join(", ")))
    })
}

pub(super) fn bandwidth_is_channels_times_transfers(catalog: &Catalog) -> Vec<String> {
    each(catalog, |row| {
        let computed = f64::from(row.channels?) * f64::from(row.memory_mt_s?) * 8.0 / 1000.0;
        let off = (row.bandwidth_gb_s / computed - 1.0).abs() > 0.01;
        off.then(|| format!("{} GB/s, but its channels carry {computed}", row.bandwidth_gb_s))
    })
}

/// Arithmetic is what prompts cost on a processor: without its cores every one of a family would read them alike.
pub(super) fn processors_say_their_cores(catalog: &Catalog) -> Vec<String> {
    each(catalog, |row| match (row.class, row.processor()) {
        (DeviceClass::Cpu, None) => Some("how many cores has it, and how wide are they?".to_owned()),
        (DeviceClass::Cpu, Some(processor)) => {
            let possible = (1..=512).contains(&processor.cores) && [8, 16, 32, 64].contains(&processor.wide);
            (!possible).then(|| format!("{} cores of {}", processor.cores, processor.wide))
        }
        (_, Some(_)) => Some("its graphics compute, not its cores".to_owned()),
        (_, None) => None,
    })
}

/// `tensor-rate:336x1860MHzx256` is units × clock × operations a clock.
pub(super) fn compute_follows_its_formula(catalog: &Catalog) -> Vec<String> {
    each(catalog, |row| {
        let formula = row.sources.iter().find_map(|source| source.strip_prefix("tensor-rate:"))?;
        let factors: Option<Vec<f64>> =
            formula.split('x').map(|factor| factor.trim_end_matches("MHz").parse().ok()).collect();
        let Some(factors) = factors else { return Some(format!("{formula:?} is no formula")) };
        let computed = factors.iter().product::<f64>() / 1e6;
        let given = row.compute_f16_tflops.unwrap_or_default();
        ((given / computed - 1.0).abs() > 0.01)
            .then(|| format!("{given} TFLOPS, but {formula} is {computed:.2}"))
    })
}

/// Blackwell Ultra is the exception that its maker states: int8 gave way to FP4.
pub(super) fn narrower_formats_are_no_slower(catalog: &Catalog) -> Vec<String> {
    each(catalog, |row| {
        let f16 = row.compute_f16_tflops?;
        let traded = row.generation.as_deref() == Some("blackwell_ultra");
        let int8 = row.compute_int8_tops.filter(|_| !traded);
        let slower = [int8, row.compute_fp8_tflops, row.compute_fp4_tflops]
            .into_iter()
            .flatten()
            .find(|ops| *ops < f16);
        slower.map(|ops| format!("{ops} in a narrower format, {f16} in f16"))
    })
}
