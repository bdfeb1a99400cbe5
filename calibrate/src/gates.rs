//! The accuracy that each class is to reach on devices that the fit had not seen, beside what it reached.

use std::collections::BTreeMap;
use std::fmt::Write;

use data::constants::{Figure, Group};

use crate::clean::Reason;
use crate::observation::Observation;
use crate::refit::kind;
use crate::score::{Predicted, binomial, detail, macro_quantile};

/// Devices and rows below which a class is told with an interval, not judged.
const ENOUGH: (usize, usize) = (8, 100);

type Belongs = fn(Figure, &Observation) -> bool;

/// What a class is to reach: median and 90th percentile of absolute errors, as shares of the measured speed, and R² of
/// log speeds.
struct Gate {
    /// The class in words.
    name: &'static str,
    median: f64,
    p90: f64,
    r2: Option<f64>,
    belongs: Belongs,
}

fn decode_of(figure: Figure, row: &Observation, group: Group) -> bool {
    figure == Figure::Decode && row.group() == group && !row.has(Reason::OtherRuntime)
}

fn on_graphics(row: &Observation) -> bool {
    !matches!(row.group(), Group::Cpu | Group::Mobile)
}

/// All classes with their bars.
#[rustfmt::skip]
const GATES: [Gate; 15] = [
    Gate { name: "Apple", median: 0.05, p90: 0.15, r2: Some(0.98), belongs: |f, row| decode_of(f, row, Group::Apple) },
    Gate { name: "discrete NVIDIA", median: 0.07, p90: 0.20, r2: Some(0.96), belongs: |f, row| decode_of(f, row, Group::Nvidia) },
    Gate { name: "discrete AMD", median: 0.10, p90: 0.30, r2: Some(0.90), belongs: |f, row| decode_of(f, row, Group::Amd) },
    Gate { name: "discrete Intel", median: 0.10, p90: 0.30, r2: Some(0.90), belongs: |f, row| decode_of(f, row, Group::Intel) },
    Gate { name: "unified", median: 0.08, p90: 0.25, r2: Some(0.95), belongs: |f, row| decode_of(f, row, Group::Unified) },
    Gate { name: "processors", median: 0.15, p90: 0.40, r2: Some(0.90), belongs: |f, row| decode_of(f, row, Group::Cpu) },
    Gate { name: "decode at 8k and deeper, all classes", median: 0.10, p90: 0.30, r2: None,
        belongs: |f, row| f == Figure::Decode && row.setup.workload.context_tokens >= 8192 && !row.has(Reason::OtherRuntime) },
    Gate { name: "prefill, all graphics", median: 0.15, p90: 0.45, r2: Some(0.90),
        belongs: |f, row| f == Figure::Prefill && on_graphics(row) && !row.has(Reason::OtherRuntime) },
    Gate { name: "partial offload", median: 0.20, p90: 0.50, r2: None, belongs: |f, _| f == Figure::Offload },
    Gate { name: "processors, prefill", median: 0.25, p90: 0.60, r2: None,
        belongs: |f, row| f == Figure::Prefill && row.group() == Group::Cpu && !row.has(Reason::OtherRuntime) },
    Gate { name: "2 to 64 streams, all together", median: 0.20, p90: 0.50, r2: None,
        belongs: |f, row| f == Figure::Streams && row.streams <= 64.0 },
    Gate { name: "vLLM and its kin, one stream", median: 0.20, p90: 0.50, r2: None,
        belongs: |f, row| f == Figure::Decode && matches!(row.runtime, "vllm" | "sglang") },
    Gate { name: "MLX, one stream", median: 0.20, p90: 0.50, r2: None, belongs: |f, row| f == Figure::Decode && row.runtime == "mlx" },
    // What the best of other estimators reaches on llama.cpp's rows of devices kept out.
    Gate { name: "decode, all classes, as the best peer", median: 0.12, p90: 0.34, r2: None,
        belongs: |f, row| f == Figure::Decode && !row.has(Reason::OtherRuntime) },
    Gate { name: "ExLlama, one stream", median: 0.20, p90: 0.50, r2: None,
        belongs: |f, row| f == Figure::Decode && row.runtime.starts_with("exllama") },
];

/// A table of all gates: rows of benchmark tools, and all that the class holds.
#[must_use]
pub fn table(predicted: &[(Figure, Vec<Predicted>)], rows: &BTreeMap<usize, &Observation>) -> String {
    let mut text = "## Against the bars\n\nMedian and 90th percentile are given over cells, and as the mean over devices of each one's own. A class with fewer than 8 devices or 100 cells is not judged; instead the share of its cells within the two bars is told with the 95 % interval that so few of them leave (binomial, as if cells were independent).\n\n| class | rows of | cells | devices | median: bar | cells | by device | 90th percentile: bar | cells | by device | R² of logs: bar | cells | verdict |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|\n".to_owned();
    for gate in &GATES {
        let mut all: Vec<&Predicted> = Vec::new();
        for (figure, predicted) in predicted {
            all.extend(predicted.iter().filter(|row| {
                rows.get(&row.index).is_some_and(|observation| (gate.belongs)(*figure, observation))
            }));
        }
        let tools: Vec<&Predicted> = all
            .iter()
            .copied()
            .filter(|row| !matches!(kind(rows[&row.index]), "localscore" | "self-reported"))
            .collect();
        let same = tools.len() == all.len();
        line(&mut text, gate, if same { "all" } else { "tools" }, &tools);
        if !same {
            line(&mut text, gate, "all", &all);
        }
    }
    text.push('\n');
    text
}

fn line(text: &mut String, gate: &Gate, of: &str, rows: &[&Predicted]) {
    if rows.is_empty() {
        return;
    }
    let found = detail(gate.name, rows);
    let s = &found.score;
    let by_device = (s.macro_median, macro_quantile(rows, 0.9));
    let r2 = gate.r2.map_or("".to_owned(), |bar| format!("{bar:.2}"));
    let meets =
        by_device.0 <= gate.median && by_device.1 <= gate.p90 && gate.r2.is_none_or(|bar| s.r2 >= bar);
    let verdict = match meets {
        _ if (s.devices as usize) < ENOUGH.0 || rows.len() < ENOUGH.1 => {
            let within = |bar: f64| {
                let count = rows.iter().filter(|row| row.error() <= bar).count();
                let (low, high) = binomial(count, rows.len());
                let share = count as f64 / rows.len() as f64;
                format!(
                    "{:.0} % ({:.0} to {:.0}) within {:.0} %",
                    share * 100.0,
                    low * 100.0,
                    high * 100.0,
                    bar * 100.0
                )
            };
            format!("too few: {}, {}", within(gate.median), within(gate.p90))
        }
        true => "reached".to_owned(),
        false => "not reached".to_owned(),
    };
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "| {} | {of} | {} | {} | {:.0} % | {:.1} % | {:.1} % | {:.0} % | {:.1} % | {:.1} % | {r2} | {:.3} | {verdict} |",
        gate.name,
        rows.len(),
        s.devices,
        gate.median * 100.0,
        s.median * 100.0,
        by_device.0 * 100.0,
        gate.p90 * 100.0,
        s.p90 * 100.0,
        by_device.1 * 100.0,
        s.r2,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(count: usize, devices: usize, off: f64) -> Vec<Predicted> {
        let of = |index: usize| Predicted {
            index,
            class: "apple".to_owned(),
            device: format!("device {}", index % devices),
            measured: 3.0 + 0.01 * index as f64,
            middle: 3.0 + 0.01 * index as f64 + off,
            low: 0.0,
            high: 9.0,
        };
        (0..count).map(of).collect()
    }

    fn verdict(count: usize, devices: usize, off: f64) -> String {
        let rows = rows(count, devices, off);
        let mut text = String::new();
        line(&mut text, &GATES[0], "all", &rows.iter().collect::<Vec<_>>());
        text
    }

    #[test]
    fn a_class_is_judged_where_it_has_devices_and_rows_enough() {
        assert!(verdict(120, 10, 0.01).contains("| reached |"));
        assert!(verdict(120, 10, 0.10).contains("| not reached |"));
        assert!(
            verdict(120, 3, 0.01).contains("too few: 100 % (97 to 100) within 5 %"),
            "{}",
            verdict(120, 3, 0.01)
        );
        assert!(verdict(40, 10, 0.01).contains("too few"));
    }
}
