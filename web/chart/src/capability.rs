//! How fast each model runs on one machine, against how capable it is.

use crate::frame::{Key, Plan, Sign, most_ticks};
use crate::label::Area;
use crate::range::Range;
use crate::scale::{Axis, Format, Scale, Spread, placeable};
use crate::svg::{Caption, Shape, Size, Svg};

/// How a model runs on a machine, told by colour and by shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All of it in the device's memory, at the wanted speed: a green disc.
    Runs,
    /// All of it in the device's memory, but slower than wanted: an amber triangle.
    Slow,
    /// Part of it in the host's memory: a violet diamond.
    Offloaded,
    /// It does not run: a red cross.
    TooBig,
}

impl Verdict {
    /// Every verdict, best first.
    pub const ALL: [Verdict; 4] = [Verdict::Runs, Verdict::Slow, Verdict::Offloaded, Verdict::TooBig];

    /// The class that colours a chart element with this verdict.
    pub const fn class(self) -> &'static str {
        match self {
            Verdict::Runs => "runs",
            Verdict::Slow => "slow",
            Verdict::Offloaded => "spill",
            Verdict::TooBig => "over",
        }
    }

    pub(crate) const fn shape(self) -> Shape {
        match self {
            Verdict::Runs => Shape::Circle,
            Verdict::Slow => Shape::Triangle,
            Verdict::Offloaded => Shape::Diamond,
            Verdict::TooBig => Shape::Cross,
        }
    }
}

/// One model in [`speed_over_capability`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ModelSpeed<'a> {
    /// Short name, written beside the mark where there is room.
    pub name: &'a str,
    /// Shown when a pointer rests on the mark.
    pub tip: &'a str,
    /// Capability score, 0 to 100.
    pub capability: f64,
    /// Tokens per second; `None` where the model does not run.
    pub decode_tps: Option<Range>,
    /// How it runs.
    pub verdict: Verdict,
}

/// The chart of [`speed_over_capability`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CapabilityChart<'a> {
    /// Title and text alternative.
    pub caption: Caption<'a>,
    /// Size of the whole chart.
    pub size: Size,
    /// Words of the capability axis.
    pub capability_label: &'a str,
    /// Words of the speed axis.
    pub speed_label: &'a str,
    /// Names of the four verdicts, in the order of [`Verdict::ALL`].
    pub verdict_names: [&'a str; 4],
    /// A dashed line at this speed in tokens per second, with its name.
    pub minimum: Option<(f64, &'a str)>,
    /// The models.
    pub models: &'a [ModelSpeed<'a>],
}

/// Speed ranges over capability, speed on a logarithmic axis.
///
/// A bar spans low to high, the mark stands on mid. Models that do not run stand on the shelf under the lowest speed.
/// Names go first to models that no other model beats in both speed and capability.
pub fn speed_over_capability(chart: &CapabilityChart<'_>) -> String {
    let placed: Vec<&ModelSpeed<'_>> = chart.models.iter().filter(|m| m.capability.is_finite()).collect();
    let speeds = placed.iter().filter_map(|m| m.decode_tps).flat_map(|r| [r.low, r.high]);
    let (x_most, y_most) = most_ticks(chart.size);
    let any_off = placed.iter().any(|m| speed(m).is_none());
    let keys: Vec<Key<'_>> = Verdict::ALL
        .into_iter()
        .zip(chart.verdict_names)
        .filter(|(verdict, _)| placed.iter().any(|m| m.verdict == *verdict))
        .map(|(verdict, name)| Key {
            class: verdict.class().to_owned(),
            sign: Sign::Mark(verdict.shape()),
            name,
        })
        .collect();
    let x_axis = Axis { label: chart.capability_label, spread: Spread::Linear, format: Format::Number };
    let y_axis = Axis { label: chart.speed_label, spread: Spread::Log10, format: Format::Number };
    let plan = Plan {
        class: "capability",
        size: chart.size,
        caption: &chart.caption,
        x: (x_axis, Scale::around(x_axis.spread, placed.iter().map(|m| m.capability), x_most)),
        y: (y_axis, Scale::around(y_axis.spread, speeds, y_most)),
        keys: &keys,
        shelf: if any_off { 22.0 } else { 6.0 },
        words: None,
    };
    plan.draw(|frame| {
        let mut free = frame.free();
        if let Some((tps, name)) = chart.minimum {
            frame.level(tps, name, &mut free);
        }
        let mut spots = Vec::with_capacity(placed.len());
        for model in &placed {
            let x = frame.x.at(model.capability);
            let spot = match speed(model) {
                Some(range) => {
                    let (low, mid, high) =
                        (frame.y.at(range.low), frame.y.at(range.mid), frame.y.at(range.high));
                    frame.svg.line(&format!("range {}", model.verdict.class()), (x, low), (x, high));
                    free.take(Area { left: x - 2.0, top: high, right: x + 2.0, bottom: low });
                    (x, mid)
                }
                None => (x, frame.plot.bottom - 9.0),
            };
            free.take(Area::around(spot, 5.0, 5.0));
            spots.push(spot);
        }
        // Marks lie on top of all bars, and shrink where they are many.
        let radius = if placed.len() > 80 { 3.6 } else { 4.5 };
        for (model, spot) in placed.iter().zip(&spots) {
            let class = format!("dot {}", model.verdict.class());
            frame.svg.mark(&class, model.verdict.shape(), *spot, radius, model.tip);
        }
        for i in most_telling_first(&placed) {
            if let Some(name) = free.place(placed[i].name, spots[i], 8.0) {
                frame.named(name.anchor, name.at, placed[i].name);
            }
        }
    })
}

/// The range, where it can stand on a logarithmic axis.
fn speed(model: &ModelSpeed<'_>) -> Option<Range> {
    let range = model.decode_tps?;
    [range.low, range.mid, range.high].iter().all(|v| placeable(*v, Spread::Log10).is_some()).then_some(range)
}

/// Models that run, unbeaten ones first, then by capability.
fn most_telling_first(models: &[&ModelSpeed<'_>]) -> Vec<usize> {
    let mut by_capability: Vec<(usize, f64, f64)> = models
        .iter()
        .enumerate()
        .filter_map(|(i, m)| speed(m).map(|range| (i, m.capability, range.mid)))
        .collect();
    by_capability.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(b.2.total_cmp(&a.2)).then(a.0.cmp(&b.0)));
    let mut fastest_so_far = 0.0;
    let (unbeaten, beaten): (Vec<_>, Vec<_>) = by_capability.into_iter().partition(|(_, _, tps)| {
        let leads = *tps > fastest_so_far;
        fastest_so_far = tps.max(fastest_so_far);
        leads
    });
    unbeaten.into_iter().chain(beaten).map(|(i, _, _)| i).collect()
}

/// The mark of a verdict alone, for the head of an answer: 14 × 14, in its colour and shape.
///
/// `alt` names it for readers; `None` where the verdict stands beside it in words.
pub fn verdict_mark(verdict: Verdict, alt: Option<&str>) -> String {
    let mut svg = Svg::inline("mark", Size { width: 14.0, height: 14.0 }, alt);
    svg.mark(&format!("part {}", verdict.class()), verdict.shape(), (7.0, 7.0), 5.0, "");
    svg.finish()
}
