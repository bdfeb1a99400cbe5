//! Made-up views of a real size and shape, for tests and the gallery. The figures mean nothing.

use data::answer::{Answer, Verdict};
use estimator::Range;
use page::view::*;
use page::{MethodView, Table};

mod answers;
mod reports;
mod runs;

pub use answers::answer;
pub use reports::measured;
pub use runs::table;

/// A number in 0..1 that looks random and is always the same.
fn scattered(i: usize, salt: usize) -> f64 {
    let mut bits = (i as u64 * 1000 + salt as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

const FAMILIES: [&str; 9] =
    ["Qwen3", "Llama", "Gemma", "Mistral", "gpt-oss", "DeepSeek", "Phi", "Granite", "Nemotron"];

pub const USABLE_GIB: f64 = 22.9;

fn spread(mid: f64) -> Range {
    Range { low: 0.88 * mid, mid, high: 1.11 * mid }
}

pub fn model(i: usize) -> ModelNote {
    let family = FAMILIES[i % FAMILIES.len()];
    let params_b = (0.6 * 750f64.powf(scattered(i, 1)) * 10.0).round() / 10.0;
    let sparse = i.is_multiple_of(3) && params_b > 12.0;
    let active_params_b = if sparse { (params_b / 9.0 * 10.0).round() / 10.0 } else { params_b };
    let size = if params_b > 20.0 { format!("{params_b:.0}B") } else { format!("{params_b}B") };
    let name = if sparse {
        format!("{family} {size}-A{active_params_b:.0}B Instruct")
    } else {
        format!("{family} {}.{} {size}", 1 + i % 4, i % 2)
    };
    let elo = (i % 5 < 2).then_some(1000 + (62.0 * (params_b + 1.0).ln() + 90.0 * scattered(i, 8)) as u16);
    ModelNote {
        id: name.to_lowercase().replace([' ', '.'], "-"),
        name,
        family: family.into(),
        params_b,
        active_params_b,
        score: (12.0 + 11.0 * (params_b + 1.0).ln() + 14.0 * scattered(i, 8)).min(97.0).round(),
        elo,
        basis: if elo.is_some() { String::new() } else { "size class and published MMLU-Pro".into() },
    }
}

pub fn device(i: usize) -> DeviceNote {
    const NAMES: [&str; 12] = [
        "GeForce RTX 3060",
        "GeForce RTX 3090",
        "GeForce RTX 4090",
        "GeForce RTX 5090",
        "Radeon RX 7900 XTX",
        "Apple M4 Max",
        "Apple M2 Ultra",
        "Ryzen AI Max+ 395",
        "Arc B580",
        "Tesla P40",
        "H100 PCIe",
        "Core i7-13700K",
    ];
    DeviceNote {
        id: format!("device-{i}"),
        name: format!(
            "{}{}",
            NAMES[i % NAMES.len()],
            if i < NAMES.len() { String::new() } else { format!(" v{i}") }
        ),
        class: ["discrete_gpu", "apple", "unified", "cpu"][i % 4].into(),
        memory_gib: [12.0, 24.0, 16.0, 32.0][i % 4],
        bandwidth_gb_s: 360.0 + 40.0 * i as f64,
    }
}

pub fn card(subject: Subject, i: usize, params_b: f64, active_b: f64) -> Card {
    let answer = answer(i, params_b, active_b);
    Card {
        subject,
        quant: "Q4_K_M".into(),
        fast_enough: answer.decode_tps.is_some_and(|tps| tps.mid >= 10.0),
        measured: (i % 11 == 4 && answer.decode_tps.is_some()).then(|| Measured {
            decode_tps: answer.decode_tps.map(|range| range.mid * 1.04),
            count: 7,
            signed: 5,
        }),
        answer,
    }
}

pub fn curves(count: usize) -> Vec<Curve> {
    let curve = |c: usize| Curve {
        name: model(c * 7 + 2).name,
        points: (10..18u32)
            .map(|e| (1 << e, spread((140.0 - 35.0 * c as f64) / (1.0 + f64::from(1u32 << e) / 90_000.0))))
            .collect(),
    };
    (0..count).map(curve).collect()
}

pub fn machine() -> MachineNote {
    MachineNote {
        name: "GeForce RTX 3090".into(),
        devices: vec![("geforce-rtx-3090".into(), "GeForce RTX 3090".into())],
        memory_gib: 24.0,
        usable_gib: USABLE_GIB,
        bandwidth_gb_s: vec![936.2],
        unverified: Vec::new(),
    }
}

pub fn home(models: usize) -> HomeView {
    let mut cards: Vec<Card> = (0..models)
        .map(|i| {
            let note = model(i);
            let (params_b, active_b) = (note.params_b, note.active_params_b);
            card(Subject::Model(note), i, params_b, active_b)
        })
        .collect();
    let score = |card: &Card| match &card.subject {
        Subject::Model(model) => model.score,
        _ => 0.0,
    };
    cards.sort_by(|a, b| {
        let rank = |c: &Card| (c.answer.placement, !c.fast_enough);
        rank(a).cmp(&rank(b)).then(score(b).total_cmp(&score(a)))
    });
    HomeView {
        machine: Some(machine()),
        wanted: Wanted { context_tokens: 32_768, minimum_tps: 10.0 },
        spots: cards
            .iter()
            .map(|card| Spot {
                id: card.answer.setup.model.clone(),
                quant: card.answer.setup.quant.clone(),
                measured: card.measured.filter(|by| by.decode_tps.is_some()),
                name: match &card.subject {
                    Subject::Model(model) => model.name.clone(),
                    _ => String::new(),
                },
                score: score(card),
                decode_tps: card.answer.decode_tps,
                verdict: match card.answer.placement {
                    Verdict::Whole if card.fast_enough => chart::Verdict::Runs,
                    Verdict::Whole => chart::Verdict::Slow,
                    Verdict::Offloaded => chart::Verdict::Offloaded,
                    Verdict::TooBig => chart::Verdict::TooBig,
                },
            })
            .collect(),
        pages: Pages::asked("1", cards.len()),
        cards: cards.into_iter().take(PER_PAGE).collect(),
        curves: curves(3),
        longest_context: Some(98_304),
        problems: Vec::new(),
        start: start(),
    }
}

pub fn start() -> StartNote {
    let names = [
        "GeForce RTX 3060 12 GB",
        "GeForce RTX 3090",
        "GeForce RTX 4070",
        "GeForce RTX 4090",
        "Radeon RX 7900 XTX",
        "Apple M4 Max",
        "Apple M3 Pro",
        "Strix Halo 128 GB",
        "DGX Spark",
        "Core i7-13700K",
    ];
    StartNote {
        popular: names.iter().map(|n| (n.to_lowercase().replace(' ', "-"), (*n).to_owned())).collect(),
        counts: (344, 264, 92),
    }
}

fn outcome(answer: &Answer) -> Outcome {
    Outcome {
        verdict: match answer.placement {
            Verdict::Whole => chart::Verdict::Runs,
            Verdict::Offloaded => chart::Verdict::Offloaded,
            Verdict::TooBig => chart::Verdict::TooBig,
        },
        decode_tps: answer.decode_tps,
        ttft_ms: answer.ttft_ms,
        footprint_gib: answer.footprint_gib,
    }
}

pub fn model_page(with_machine: bool) -> ModelView {
    let note = ModelNote {
        id: "qwen3-30b-a3b".into(),
        name: "Qwen3 30B-A3B".into(),
        family: "Qwen3".into(),
        params_b: 30.5,
        active_params_b: 3.3,
        score: 61.0,
        elo: Some(1318),
        basis: String::new(),
    };
    const QUANTS: [(&str, f64, &str); 7] = [
        ("Q8_0", 8.5, "negligible"),
        ("Q6_K", 6.57, "negligible"),
        ("Q5_K_M", 5.7, "small"),
        ("Q4_K_M", 4.84, "small"),
        ("IQ4_XS", 4.3, "noticeable"),
        ("Q3_K_M", 3.9, "noticeable"),
        ("Q2_K", 3.0, "large"),
    ];
    let cards: Vec<Card> = (0..40)
        .map(|i| card(Subject::Device(device(i)), i, 8.0 + 3.0 * i as f64, 3.3 + i as f64 / 9.0))
        .collect();
    ModelView {
        facts: ModelFacts {
            native_context_tokens: 40_960,
            layers: vec![(48, LayerKind::Full(4))],
            experts: Some((8, 128)),
            kv_bytes_per_token: 98_304.0,
            released: Some("2025-04".into()),
            license: Some("apache-2.0".into()),
            hf_repo: Some("Qwen/Qwen3-30B-A3B".into()),
            sources: vec!["config.json of Qwen/Qwen3-30B-A3B".into()],
            unverified: None,
        },
        wanted: Wanted { context_tokens: 32_768, minimum_tps: 10.0 },
        quant: String::new(),
        counts: (cards.len(), cards.iter().filter(|c| c.answer.decode_tps.is_some()).count()),
        pages: Pages::asked("1", cards.len()),
        cards,
        machine: with_machine.then(machine),
        quants: QUANTS
            .iter()
            .enumerate()
            .filter(|_| with_machine)
            .map(|(i, (name, bits, loss))| {
                let answer = answer(i, 30.5 * bits / 4.8, 3.3);
                QuantLine {
                    id: name.to_lowercase(),
                    name: (*name).into(),
                    bits_per_weight: *bits,
                    weights_gib: answer.footprint_gib.weights,
                    loss: (*loss).into(),
                    outcome: outcome(&answer),
                    evidence: answer.evidence,
                }
            })
            .collect(),
        curves: if with_machine { curves(1) } else { Vec::new() },
        longest_context: Some(98_304),
        problems: Vec::new(),
        model: note,
    }
}

pub fn device_page() -> DeviceView {
    DeviceView {
        device: device(1),
        memory_sizes_gib: vec![24.0],
        memory_kind: Some("GDDR6X".into()),
        compute_f16_tflops: Some(71.0),
        power_w: Some(350),
        release_year: Some(2020),
        sources: vec!["NVIDIA Ampere GA102 whitepaper, table 9".into()],
        unverified: None,
        models: home(120),
    }
}

pub fn compare() -> CompareView {
    let column = |i: usize, machine: &str, params_b: f64, active_b: f64| Column {
        number: i,
        machine: machine.into(),
        model: model(i).name,
        quant: "Q4_K_M".into(),
        answer: Some(answer(i, params_b, active_b)),
        fast_enough: true,
        problems: Vec::new(),
    };
    CompareView {
        columns: vec![
            column(1, "GeForce RTX 3090", 30.5, 3.3),
            column(2, "Apple M4 Max", 70.0, 70.0),
            column(3, "Ryzen AI Max+ 395", 117.0, 5.1),
            column(4, "Core i7-13700K", 405.0, 405.0),
        ],
        curves: curves(3),
    }
}

pub fn file() -> FileView {
    FileView {
        machine: "GeForce RTX 3090".into(),
        file: Some(FileNote {
            format: FileFormat::Gguf,
            name: "Qwen3-30B-A3B-Q4_K_M.gguf".into(),
            size_gib: 17.3,
            bits_per_weight: 4.87,
            tensors: 579,
        }),
        card: Some(card(Subject::File("Qwen3-30B-A3B-Q4_K_M.gguf".into()), 2, 30.5, 3.3)),
        repo: "bartowski/Qwen_Qwen3-30B-A3B-GGUF".into(),
        files: (0..5)
            .map(|i| {
                let answer = answer(i, 18.0 + 12.0 * i as f64, 3.3);
                FileLine {
                    name: format!("Qwen3-30B-A3B-Q{}_K_M.gguf", i + 2),
                    size_gib: answer.footprint_gib.weights,
                    parts: 1 + i as u32 / 3,
                    address: format!("https://huggingface.co/bartowski/x/resolve/main/Q{i}.gguf"),
                    outcome: Some(outcome(&answer)),
                }
            })
            .collect(),
        ..FileView::default()
    }
}

pub fn method() -> MethodView<'static> {
    let row = |cells: [&str; 4]| cells.map(str::to_owned).to_vec();
    MethodView {
        markdown: "# Decode\n\nSeconds for one step:\n\n```text\nt = W/(B·e) + o\n```\n\n| symbol | unit |\n|--|--|\n| `W` | bytes |\n\n<b style=\"color:red\">raw</b>\n",
        fitted_on: "2026-11-22".into(),
        rows: 2140,
        scores: Table {
            caption: "Median error of devices that were left out".into(),
            head: row(["Class", "Rows", "Devices", "Median error"]),
            rows: vec![
                row(["Graphics card", "1,203", "61", "8.1 %"]),
                row(["Apple silicon", "611", "32", "6.4 %"]),
            ],
        },
        losses: Table::default(),
        constants: Vec::new(),
    }
}
