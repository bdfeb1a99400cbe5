//! Every chart on one page, with made-up numbers: `cargo run -p llm-speed-chart --example gallery > gallery.html`.

use chart::{
    CapabilityChart, Caption, FactorRow, Group, ModelSpeed, Pair, Part, Point, Range, ScatterChart, Series,
    Size, Theme, Verdict,
};

fn main() {
    println!(
        "<!doctype html><meta charset=utf-8><title>Gallery</title><style>{}\
         body{{background:var(--chart-paper);margin:24px;max-width:640px}}svg{{margin:16px 0;max-width:100%}}</style>",
        chart::stylesheet(Theme::Auto)
    );
    for svg in [capability(), context(), scatter(), residual()] {
        println!("{svg}");
    }
    for (share, verdict) in [(0.5, Verdict::Runs), (1.2, Verdict::Offloaded), (3.0, Verdict::TooBig)] {
        let parts = [("weights", 14.0), ("KV cache", 4.0), ("compute buffer", 1.0), ("runtime", 0.6)]
            .map(|(name, gib)| Part { name, gib: gib * share });
        let range = Range { low: 20.0, mid: 30.0 / share, high: 80.0 };
        println!(
            "<p>{} {} {}</p>",
            chart::verdict_mark(verdict, None),
            chart::memory_bar(&parts, 22.0, Some("memory")),
            chart::range_bar(range, (1.0, 300.0), verdict, Some(45.0), Some("speed"))
        );
    }
}

fn caption<'a>(id: &'a str, title: &'a str) -> Caption<'a> {
    Caption { id, title, description: "An example.", empty: "Nothing to draw." }
}

/// A number in 0..1 that looks random and is always the same.
fn scattered(i: usize, salt: usize) -> f64 {
    let mut bits = (i as u64 * 1000 + salt as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

fn capability() -> String {
    let names: Vec<String> =
        (0..70).map(|i| format!("Model-{}.{} {}B", i % 7 + 1, i % 3, 1 + (i * i) % 71)).collect();
    let models: Vec<ModelSpeed<'_>> = names
        .iter()
        .enumerate()
        .map(|(i, name)| {
            let capability = 15.0 + 70.0 * scattered(i, 1);
            let tps = 400.0 * (-capability / 18.0).exp() * (0.4 + 3.0 * scattered(i, 2));
            let verdict = match tps {
                _ if capability > 75.0 && i % 3 == 0 => Verdict::TooBig,
                t if t > 10.0 => Verdict::Runs,
                _ if i % 2 == 0 => Verdict::Slow,
                _ => Verdict::Offloaded,
            };
            let range = Range { low: 0.85 * tps, mid: tps, high: 1.2 * tps };
            ModelSpeed {
                name,
                tip: name,
                capability,
                decode_tps: (verdict != Verdict::TooBig).then_some(range),
                verdict,
            }
        })
        .collect();
    chart::speed_over_capability(&CapabilityChart {
        caption: caption("capability", "Speed over capability"),
        size: Size::PLOT,
        capability_label: "capability score",
        speed_label: "decode, tokens per second",
        verdict_names: ["runs", "slow", "offloaded", "does not run"],
        minimum: Some((10.0, "10 tok/s")),
        models: &models,
    })
}

fn context() -> String {
    let curve = |peak: f64, bend: f64| -> Vec<Point> {
        (9..18)
            .map(|e| {
                let x = f64::from(1u32 << e);
                let mid = peak / (1.0 + x / bend);
                Point { x, y: Range { low: 0.88 * mid, mid, high: 1.1 * mid } }
            })
            .collect()
    };
    let (one, other) = (curve(140.0, 60_000.0), curve(90.0, 200_000.0));
    chart::speed_over_context(
        caption("context", "Speed over context"),
        Size { width: 640.0, height: 320.0 },
        ("context, tokens", "decode, tokens per second"),
        &[
            Series { name: "Llama 3.1 8B", points: &one, measured: false },
            Series { name: "gpt-oss 20B", points: &other, measured: true },
        ],
        Some((65_536.0, "longest that fits")),
    )
}

fn scatter() -> String {
    let groups: Vec<(&str, Vec<Pair<'_>>)> = ["discrete GPU", "Apple", "unified x86", "CPU"]
        .into_iter()
        .enumerate()
        .map(|(g, name)| {
            let pair = |i: usize| {
                let predicted = 2.0 * 200f64.powf(scattered(i, g));
                Pair { predicted, measured: predicted * (0.7 + 0.6 * scattered(i, g + 9)), tip: name }
            };
            (name, (0..90).map(pair).collect())
        })
        .collect();
    let groups: Vec<Group<'_>> = groups.iter().map(|(name, pairs)| Group { name, pairs }).collect();
    chart::scatter(&ScatterChart {
        caption: caption("scatter", "Predicted against measured"),
        size: Size { width: 520.0, height: 520.0 },
        predicted_label: "predicted, tokens per second",
        measured_label: "measured, tokens per second",
        groups: &groups,
        within_factor: Some(1.25),
    })
}

fn residual() -> String {
    let rows: Vec<(String, Vec<f64>)> = (0..9)
        .map(|i| {
            (
                format!("GeForce RTX {}0", 306 + i),
                (0..12).map(|j| 0.8 + 0.5 * scattered(i * 13 + j, 3)).collect(),
            )
        })
        .collect();
    let rows: Vec<FactorRow<'_>> = rows.iter().map(|(name, factors)| FactorRow { name, factors }).collect();
    chart::residual(&caption("residual", "Residuals"), 640.0, "measured ÷ predicted", &rows)
}
