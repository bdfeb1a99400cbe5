//! What holds for every chart, whatever numbers and words come in.

use chart::{
    Axis, CapabilityChart, Caption, FactorRow, Format, Group, LineChart, ModelSpeed, Pair, Part, Point,
    Range, ScatterChart, Series, Size, Spread, Theme, Verdict,
};
use proptest::prelude::*;
use roxmltree::{Document, Node};

/// Names as strangers write them: any character, markup included.
const ANY_NAME: &str = "(\\PC|[<>&\"']|\u{0}|\u{202e}){0,24}";

fn any_number() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        0.1..500.0f64,
        -10.0..10.0f64,
        Just(0.0),
        Just(f64::NAN),
        Just(f64::INFINITY),
        Just(f64::MAX),
        Just(f64::MIN_POSITIVE)
    ]
}

fn any_range() -> impl Strategy<Value = Range> {
    prop_oneof![
        [any_number(), any_number(), any_number()].prop_map(|[low, mid, high]| Range { low, mid, high }),
        (0.5..200.0f64).prop_map(|mid| Range { low: 0.8 * mid, mid, high: 1.3 * mid }),
    ]
}

fn any_size() -> impl Strategy<Value = Size> {
    (any_number(), any_number()).prop_map(|(width, height)| Size { width, height })
}

fn any_verdict() -> impl Strategy<Value = Verdict> {
    prop::sample::select(Verdict::ALL.to_vec())
}

fn caption(name: &str) -> Caption<'_> {
    Caption { id: name, title: name, description: name, empty: name }
}

/// The laws: well-formed XML, all numbers finite, no style, no script, nothing that runs, each id once.
fn keeps_the_laws(svg: &str) -> Result<(), TestCaseError> {
    let document = Document::parse(svg).map_err(|e| TestCaseError::fail(format!("{e}\n{svg}")))?;
    let mut ids = Vec::new();
    for node in document.descendants().filter(Node::is_element) {
        let name = node.tag_name().name();
        prop_assert!(
            ["svg", "title", "desc", "text", "line", "rect", "circle", "path"].contains(&name),
            "element {name}"
        );
        for attribute in node.attributes() {
            let (key, value) = (attribute.name(), attribute.value());
            prop_assert!(key != "style" && !key.starts_with("on"), "attribute {key}");
            if key == "id" {
                ids.push(value);
            }
            if ["x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width", "height", "d", "viewBox"]
                .contains(&key)
            {
                numbers_are_finite(value)?;
            }
        }
    }
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    prop_assert_eq!(ids.len(), all, "an id stands twice");
    for theme in [Theme::Auto, Theme::Light, Theme::Dark] {
        let file = chart::standalone(svg, theme);
        prop_assert!(Document::parse(&file).is_ok(), "not well-formed as a file:\n{file}");
    }
    Ok(())
}

fn numbers_are_finite(value: &str) -> Result<(), TestCaseError> {
    for word in
        value.split(|c: char| c.is_ascii_whitespace() || "MLlhvmZ".contains(c)).filter(|w| !w.is_empty())
    {
        let number: f64 = word.parse().map_err(|_| TestCaseError::fail(format!("{word:?} in {value:?}")))?;
        prop_assert!(number.is_finite() && number.abs() < 1e6, "{value}");
    }
    Ok(())
}

proptest! {
    #[test]
    fn capability_chart_keeps_the_laws(
        models in prop::collection::vec((ANY_NAME, any_number(), prop::option::of(any_range()), any_verdict()), 0..30),
        size in any_size(),
        minimum in prop::option::of(any_number()),
    ) {
        let models: Vec<ModelSpeed<'_>> = models
            .iter()
            .map(|(name, capability, decode_tps, verdict)| ModelSpeed {
                name,
                tip: name,
                capability: *capability,
                decode_tps: *decode_tps,
                verdict: *verdict,
            })
            .collect();
        let chart = CapabilityChart {
            caption: caption("cap"),
            size,
            capability_label: "capability",
            speed_label: "tok/s",
            verdict_names: ["runs", "slow", "offloaded", "too big"],
            minimum: minimum.map(|tps| (tps, "wanted")),
            models: &models,
        };
        let svg = chart::speed_over_capability(&chart);
        keeps_the_laws(&svg)?;
        prop_assert_eq!(svg, chart::speed_over_capability(&chart), "the same input gives the same bytes");
    }

    #[test]
    fn line_chart_keeps_the_laws(
        series in prop::collection::vec((ANY_NAME, prop::collection::vec((any_number(), any_range()), 0..20), any::<bool>()), 0..8),
        spreads in prop::sample::select(vec![
            (Spread::Linear, Spread::Linear), (Spread::Log2, Spread::Linear), (Spread::Log10, Spread::Log10),
        ]),
        marks in prop::option::of(any_number()),
        size in any_size(),
    ) {
        let points: Vec<Vec<Point>> =
            series.iter().map(|(_, points, _)| points.iter().map(|&(x, y)| Point { x, y }).collect()).collect();
        let series: Vec<Series<'_>> = series
            .iter()
            .zip(&points)
            .map(|((name, _, measured), points)| Series { name, points, measured: *measured })
            .collect();
        keeps_the_laws(&chart::line(&LineChart {
            caption: caption("line"),
            size,
            x: Axis { label: "x", spread: spreads.0, format: Format::Tokens },
            y: Axis { label: "y", spread: spreads.1, format: Format::Number },
            series: &series,
            level: marks.map(|v| (v, "level")),
            limit: marks.map(|v| (v, "limit")),
        }))?;
    }

    #[test]
    fn scatter_keeps_the_laws(
        groups in prop::collection::vec((ANY_NAME, prop::collection::vec((any_number(), any_number()), 0..20)), 0..8),
        within_factor in prop::option::of(any_number()),
        size in any_size(),
    ) {
        let pairs: Vec<Vec<Pair<'_>>> = groups
            .iter()
            .map(|(name, pairs)| pairs.iter().map(|&(predicted, measured)| Pair { predicted, measured, tip: name }).collect())
            .collect();
        let groups: Vec<Group<'_>> = groups.iter().zip(&pairs).map(|((name, _), pairs)| Group { name, pairs }).collect();
        keeps_the_laws(&chart::scatter(&ScatterChart {
            caption: caption("scatter"),
            size,
            predicted_label: "predicted",
            measured_label: "measured",
            groups: &groups,
            within_factor,
        }))?;
    }

    #[test]
    fn residual_keeps_the_laws(
        rows in prop::collection::vec((ANY_NAME, prop::collection::vec(any_number(), 0..12)), 0..12),
        width in any_number(),
    ) {
        let rows: Vec<FactorRow<'_>> = rows.iter().map(|(name, factors)| FactorRow { name, factors }).collect();
        keeps_the_laws(&chart::residual(&caption("residual"), width, "measured ÷ predicted", &rows))?;
    }

    #[test]
    fn small_bars_keep_the_laws(
        range in any_range(),
        track in (any_number(), any_number()),
        verdict in any_verdict(),
        measured in prop::option::of(any_number()),
        parts in prop::collection::vec((ANY_NAME, any_number()), 0..8),
        usable_gib in any_number(),
        alt in prop::option::of(ANY_NAME),
    ) {
        keeps_the_laws(&chart::range_bar(range, track, verdict, measured, alt.as_deref()))?;
        keeps_the_laws(&chart::verdict_mark(verdict, alt.as_deref()))?;
        let parts: Vec<Part<'_>> = parts.iter().map(|(name, gib)| Part { name, gib: *gib }).collect();
        keeps_the_laws(&chart::memory_bar(&parts, usable_gib, alt.as_deref()))?;
    }
}

#[test]
fn a_picture_is_named_and_told() {
    let chart = chart::scatter(&ScatterChart {
        caption: Caption { id: "s 1", title: "A & B", description: "How far off.", empty: "Nothing yet." },
        size: Size::PLOT,
        predicted_label: "predicted",
        measured_label: "measured",
        groups: &[],
        within_factor: None,
    });
    let document = Document::parse(&chart).unwrap();
    let root = document.root_element();
    assert_eq!(root.attribute("role"), Some("img"));
    let text_of = |id: &str| {
        document
            .descendants()
            .find(|n| n.attribute("id") == Some(id))
            .and_then(|n| n.text())
            .unwrap()
            .to_owned()
    };
    let told: Vec<String> = root.attribute("aria-labelledby").unwrap().split(' ').map(text_of).collect();
    assert_eq!(told, ["A & B", "How far off."]);
    assert!(chart.contains("Nothing yet."), "an empty chart says so");
}

#[test]
fn verdicts_differ_in_shape_and_not_only_in_colour() {
    let shapes: Vec<String> =
        Verdict::ALL.iter().map(|v| chart::verdict_mark(*v, None).replace(v.class(), "")).collect();
    for (i, shape) in shapes.iter().enumerate() {
        assert!(!shapes[..i].contains(shape), "{:?} looks like another verdict", Verdict::ALL[i]);
    }
}

#[test]
fn a_faster_model_stands_higher() {
    let speed = |tps: f64| Some(Range::exact(tps));
    let models = [("slow", 5.0), ("quick", 80.0)].map(|(name, tps)| ModelSpeed {
        name,
        tip: name,
        capability: 50.0,
        decode_tps: speed(tps),
        verdict: Verdict::Runs,
    });
    let svg = chart::speed_over_capability(&CapabilityChart {
        caption: caption("order"),
        size: Size::PLOT,
        capability_label: "c",
        speed_label: "s",
        verdict_names: ["runs", "slow", "offloaded", "too big"],
        minimum: Some((10.0, "wanted")),
        models: &models,
    });
    let document = Document::parse(&svg).unwrap();
    let height = |name: &str| -> f64 {
        let tipped = |n: &Node<'_, '_>| n.first_element_child().and_then(|t| t.text()) == Some(name);
        let mark = document.descendants().filter(|n| n.tag_name().name() == "circle").find(tipped);
        mark.unwrap().attribute("cy").unwrap().parse().unwrap()
    };
    assert!(height("quick") < height("slow"), "y grows downwards");
}

#[test]
fn a_footprint_beyond_the_limit_runs_past_the_mark() {
    let parts = [Part { name: "weights", gib: 20.0 }, Part { name: "KV cache", gib: 10.0 }];
    let widths = |svg: &str| -> (f64, f64) {
        let document = Document::parse(svg).unwrap();
        let parts =
            document.descendants().filter(|n| n.attribute("class").is_some_and(|c| c.starts_with("part")));
        let filled = parts.map(|n| n.attribute("width").unwrap().parse::<f64>().unwrap()).sum();
        let limit =
            document.descendants().find(|n| n.attribute("class").is_some_and(|c| c.starts_with("limit")));
        (filled, limit.unwrap().attribute("x1").unwrap().parse().unwrap())
    };
    let (filled, limit) = widths(&chart::memory_bar(&parts, 24.0, None));
    assert!(filled > limit, "30 GiB do not fit in 24");
    let (filled, limit) = widths(&chart::memory_bar(&parts, 40.0, None));
    assert!(filled < limit, "30 GiB fit in 40");
}
