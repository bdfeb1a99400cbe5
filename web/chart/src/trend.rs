//! What was measured again and again: speed over versions and days, with the changes that are more than chance marked.

use crate::frame::{Key, Plan, Sign, most_ticks};
use crate::range::Range;
use crate::scale::{Axis, Format, Scale, Spread};
use crate::svg::{Anchor, Caption, Shape, Size};

/// One measurement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step<'a> {
    /// Where it stands: index of its stop.
    pub stop: usize,
    /// What was measured there.
    pub value: Range,
    /// Whether a later one replaced it.
    pub is_superseded: bool,
    /// How it changed from the one before, in a word, where that is more than chance; empty otherwise.
    pub told: &'a str,
    /// Shown when a pointer rests on the mark.
    pub tip: &'a str,
}

/// What was measured in one way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Way<'a> {
    /// Its name in the legend.
    pub name: &'a str,
    /// Its measurements, by their stops.
    pub steps: &'a [Step<'a>],
}

/// The chart of [`trend`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrendChart<'a> {
    /// Title and text alternative.
    pub caption: Caption<'a>,
    /// Size of the whole chart.
    pub size: Size,
    /// Words of the x axis.
    pub x_label: &'a str,
    /// The axis from bottom to top.
    pub y: Axis<'a>,
    /// From left to right: version and day, a line each.
    pub stops: &'a [[&'a str; 2]],
    /// The ways, each in its own colour and shape.
    pub ways: &'a [Way<'a>],
    /// The legend's words for a ring and for a hollow mark.
    pub signs: [&'a str; 2],
}

/// A mark for each measurement with its range, lines between those of one way, a ring where a change is told.
pub fn trend(chart: &TrendChart<'_>) -> String {
    let (_, y_most) = most_ticks(chart.size);
    let drawable = |step: &&Step<'_>| step.stop < chart.stops.len() && step.value.placeable(chart.y.spread);
    let steps = || chart.ways.iter().flat_map(|way| way.steps).filter(drawable);
    let values = steps().flat_map(|step| [step.value.low, step.value.high]);
    let any = steps().next().is_some();
    let mut keys = Key::of_groups(chart.ways.iter().map(|way| way.name).filter(|_| chart.ways.len() > 1));
    let [told, superseded] = chart.signs;
    if steps().any(|step| !step.told.is_empty()) {
        keys.push(Key { class: "edge".into(), sign: Sign::Mark(Shape::nth(0)), name: told });
    }
    if steps().any(|step| step.is_superseded) {
        keys.push(Key { class: "open c5".into(), sign: Sign::Mark(Shape::nth(0)), name: superseded });
    }
    // Half a stop of air at both ends.
    let ends = [-0.5, chart.stops.len() as f64 - 0.5];
    let words: Vec<(f64, [&str; 2])> =
        chart.stops.iter().enumerate().map(|(at, words)| (at as f64, *words)).collect();
    let plan = Plan {
        class: "lines",
        size: chart.size,
        caption: &chart.caption,
        x: (
            Axis { label: chart.x_label, spread: Spread::Linear, format: Format::Number },
            Scale::exactly(ends[0], ends[1]).filter(|_| any),
        ),
        y: (chart.y, Scale::around(chart.y.spread, values, y_most)),
        keys: &keys,
        shelf: 0.0,
        words: Some(&words),
    };
    plan.draw(|frame| {
        for (i, way) in chart.ways.iter().enumerate() {
            let colour = format!("c{}", i % 6);
            let steps: Vec<&Step<'_>> = way.steps.iter().filter(drawable).collect();
            let spot = |step: &Step<'_>| (frame.x.at(step.stop as f64), frame.y.at(step.value.mid));
            let spots: Vec<(f64, f64)> = steps.iter().map(|step| spot(step)).collect();
            if spots.len() > 1 {
                frame.svg.path(&format!("curve {colour}"), spots.iter().copied(), false);
            }
            for (step, at) in steps.iter().zip(&spots) {
                if step.value.low < step.value.high {
                    let ends = [step.value.low, step.value.high].map(|tps| (at.0, frame.y.at(tps)));
                    frame.svg.line(&format!("range {colour}"), ends[0], ends[1]);
                }
                let class = if step.is_superseded { "open" } else { "dot" };
                frame.svg.mark(&format!("{class} {colour}"), Shape::nth(i), *at, 4.0, step.tip);
                if !step.told.is_empty() {
                    frame.svg.mark("edge", Shape::nth(0), *at, 8.5, "");
                    frame.named(Anchor::Middle, (at.0, at.1 - 13.0), step.told);
                }
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(stop: usize, mid: f64, told: &'static str) -> Step<'static> {
        let value = Range { low: 0.9 * mid, mid, high: 1.1 * mid };
        Step { stop, value, is_superseded: stop == 0, told, tip: "t" }
    }

    fn drawn(steps: &[Step<'_>]) -> String {
        trend(&TrendChart {
            caption: Caption { id: "t", title: "t", description: "d", empty: "nothing" },
            size: Size { width: 410.0, height: 320.0 },
            x_label: "version",
            y: Axis { label: "tok/s", spread: Spread::Linear, format: Format::Number },
            stops: &[["b1", "2026-01-02"], ["b2", "2026-02-03"], ["b3", "2026-03-04"]],
            ways: &[Way { name: "CUDA", steps }],
            signs: ["beyond noise", "superseded"],
        })
    }

    #[test]
    fn each_step_is_a_mark_and_a_told_change_a_ring() {
        let svg = drawn(&[step(0, 10.0, ""), step(1, 10.2, ""), step(2, 20.0, "+96 %")]);
        assert_eq!(svg.matches("class=\"dot c0\"").count(), 2, "{svg}");
        assert_eq!(svg.matches("class=\"open c0\"").count(), 1, "{svg}");
        assert_eq!(svg.matches("class=\"range c0\"").count(), 3, "{svg}");
        assert_eq!(svg.matches("class=\"edge\"").count(), 1, "{svg}");
        for words in [">b1<", ">2026-03-04<", ">+96 %<", ">beyond noise<", ">superseded<", ">version<"] {
            assert!(svg.contains(words), "{words}: {svg}");
        }
    }

    #[test]
    fn what_has_no_place_is_left_out() {
        let lost = [step(7, 10.0, ""), step(1, f64::NAN, "")];
        assert!(drawn(&lost).contains(">nothing<") && drawn(&[]).contains(">nothing<"));
    }
}
