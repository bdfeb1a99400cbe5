//! Curves out of reports: speed against context, against requests at once, and the newest runs of the trace.

use std::collections::BTreeMap;

use data::Engine;
use data::row::WorkloadRow;
use data::submission::{MEDIAN_FROM, MedianCell, Submission};
use estimator::Range;
use page::measured::{CurvePoint, MeasuredCurve, Trace};

use super::{Behind, SETUPS, estimate, setup, voices, voted};
use crate::app::App;
use crate::store::{Report, StoreError};

/// Curves in one chart: more could not be told apart.
const CURVES: usize = 3;
/// Runs of the trace that are shown.
const TRACES: usize = 8;
/// Newest runs that the speed of all requests together is read from.
const TOGETHER: usize = 12;

/// Which of a suite's workloads makes which curve, by what they vary.
pub(super) struct Workloads<'a> {
    rows: Vec<&'a WorkloadRow>,
}

impl<'a> Workloads<'a> {
    pub(super) fn of(engine: &Engine<'a>) -> Self {
        Workloads { rows: engine.catalog.suites().iter().flat_map(|suite| &suite.workload).collect() }
    }

    pub(super) fn find(&self, report: &Report) -> Option<&'a WorkloadRow> {
        self.rows.iter().find(|row| row.id == report.workload).copied()
    }
}

/// The length that a point aimed at: engines count a few tokens more or fewer. None where it is more than a tenth off, which
/// is another length; a trace may be cut to its first turns.
pub fn aimed_at(row: &WorkloadRow, prompt_tokens: u32) -> Option<u32> {
    let near = row.prompt_tokens.iter().copied().min_by_key(|target| target.abs_diff(prompt_tokens));
    near.filter(|target| {
        row.turns > 1 || u64::from(target.abs_diff(prompt_tokens)) * 10 <= u64::from(*target)
    })
}

/// Cells that differ in depth or streams alone.
pub(super) struct Group<'a> {
    cell: &'a MedianCell,
    pub(super) keys: Vec<&'a str>,
}

/// The groups with most reports among those that hold at least two places of an axis.
pub(super) fn most_reported<'a>(
    cells: &[(&'a str, &'a MedianCell)],
    place: impl Fn(&MedianCell) -> Option<u32>,
) -> Vec<Group<'a>> {
    // Cells come with the most reports first, so the first of a group tells its rank.
    let mut groups: Vec<(Group<'a>, Vec<u32>)> = Vec::new();
    for (key, cell) in cells {
        let Some(at) = place(cell) else { continue };
        let alike = |other: &MedianCell| {
            (&other.device, &other.model, &other.quant, &other.runtime, other.speculative)
                == (&cell.device, &cell.model, &cell.quant, &cell.runtime, cell.speculative)
        };
        match groups.iter_mut().find(|(group, _)| alike(group.cell)) {
            Some((group, places)) => {
                group.keys.push(key);
                places.push(at);
            }
            None => groups.push((Group { cell, keys: vec![key] }, vec![at])),
        }
    }
    let several = |places: &[u32]| places.iter().any(|place| *place != places[0]);
    groups.into_iter().filter(|(_, places)| several(places)).map(|(group, _)| group).take(CURVES).collect()
}

/// A curve of reports that stand at a place each; none where all stand at one.
fn curve<'r>(
    engine: &Engine<'_>,
    cell: &MedianCell,
    reports: &'r [Report],
    place: impl Fn(&'r Report) -> Option<u32>,
    estimate: impl Fn(u32) -> Option<Range>,
) -> Option<MeasuredCurve> {
    let mut by_place: BTreeMap<u32, Vec<&Report>> = BTreeMap::new();
    for report in reports {
        if let Some(at) = place(report) {
            by_place.entry(at).or_default().push(report);
        }
    }
    let told = by_place.iter().filter_map(|(at, reports)| Some((*at, voices(reports)?)));
    drawn(engine, cell, told, estimate)
}

/// A curve of medians, each at its place with the submitters behind it; one of fewer than a median is made of is no point.
fn drawn(
    engine: &Engine<'_>,
    cell: &MedianCell,
    told: impl Iterator<Item = (u32, (Range, u32))>,
    estimate: impl Fn(u32) -> Option<Range>,
) -> Option<MeasuredCurve> {
    let points: Vec<CurvePoint> = told
        .filter(|(_, (_, voters))| *voters >= MEDIAN_FROM)
        .map(|(at, (decode_tps, count))| CurvePoint { at, count, decode_tps, estimate_tps: estimate(at) })
        .collect();
    (points.len() > 1).then(|| MeasuredCurve { setup: setup(engine, cell), points })
}

/// Speed against context: workloads of one turn with one request at a time, where one varies its prompt.
pub(super) fn decay(
    engine: &Engine<'_>,
    group: &Group<'_>,
    reports: &[Report],
    workloads: &Workloads<'_>,
) -> Option<MeasuredCurve> {
    let varies = |report: &Report| workloads.find(report).is_some_and(|row| row.prompt_tokens.len() > 1);
    if !reports.iter().any(varies) {
        return None;
    }
    let mut output_at: BTreeMap<u32, u32> = BTreeMap::new();
    for report in reports {
        if let Some((row, target)) =
            workloads.find(report).and_then(|row| Some((row, aimed_at(row, report.prompt_tokens)?)))
        {
            output_at.insert(target + row.output_tokens, row.output_tokens);
        }
    }
    let place = |report: &Report| {
        let row = workloads.find(report).filter(|row| row.turns == 1 && report.streams == 1)?;
        Some(aimed_at(row, report.prompt_tokens)? + row.output_tokens)
    };
    let expected = |at: u32| {
        let output = output_at.get(&at).copied().unwrap_or_default();
        estimate(engine, group.cell, at - output, output, 1)
    };
    curve(engine, group.cell, reports, place, expected)
}

/// Speed against requests at once, by the workload that varies them.
pub(super) fn streams(
    engine: &Engine<'_>,
    group: &Group<'_>,
    reports: &[Report],
    workloads: &Workloads<'_>,
) -> Option<MeasuredCurve> {
    let row = |report: &Report| workloads.find(report).filter(|row| row.streams.len() > 1);
    let (prompt, output) = reports.iter().find_map(|report| {
        let row = row(report)?;
        Some((*row.prompt_tokens.first()?, row.output_tokens))
    })?;
    let place = |report: &Report| row(report).map(|_| report.streams);
    let expected = |at: u32| estimate(engine, group.cell, prompt, output, at);
    curve(engine, group.cell, reports, place, expected)
}

/// Speed of all requests together against requests at once, by the same workload: what the points do not hold is read in
/// what was sent.
pub(super) async fn aggregate(
    app: &App,
    group: &Group<'_>,
    reports: &[Report],
    workloads: &Workloads<'_>,
) -> Result<Option<MeasuredCurve>, StoreError> {
    let varied = |report: &Report| workloads.find(report).filter(|row| row.streams.len() > 1);
    let mut newest: Vec<&Report> = reports.iter().filter(|report| varied(report).is_some()).collect();
    let Some(row) = newest.first().and_then(|report| varied(report)) else { return Ok(None) };
    newest.sort_by(|a, b| b.measured_on.cmp(&a.measured_on).then_with(|| a.run.cmp(&b.run)));
    // One run has a report for each number of requests.
    newest.dedup_by(|a, b| a.digest == b.digest);
    newest.truncate(TOGETHER);
    let mut by_streams: BTreeMap<u32, Vec<(&str, f64)>> = BTreeMap::new();
    for report in newest {
        let payload = app.store().payload(&report.digest).await?;
        let run = payload.and_then(|bytes| serde_json::from_slice::<Submission>(&bytes).ok());
        for result in run.iter().flat_map(|run| &run.workloads).filter(|result| result.workload == row.id) {
            // Of one request, all together is that one.
            let alone = result.decode_tps.filter(|_| result.streams == 1);
            if let Some(tps) = result.aggregate_tps.or(alone) {
                by_streams.entry(result.streams).or_default().push((&report.voter, tps));
            }
        }
    }
    let prompt = row.prompt_tokens.first().copied().unwrap_or_default();
    let expected = |at: u32| {
        let each = estimate(app.engine(), group.cell, prompt, row.output_tokens, at)?;
        let all = f64::from(at);
        Some(Range { low: each.low * all, mid: each.mid * all, high: each.high * all })
    };
    let told = by_streams.into_iter().filter_map(|(at, speeds)| Some((at, voted(speeds.into_iter())?)));
    Ok(drawn(app.engine(), group.cell, told, expected))
}

/// The newest runs of the trace: what the points do not hold is read in what was sent.
pub(super) async fn traces(
    app: &App,
    cells: &[(&str, &MedianCell)],
    behind: &mut Behind<'_>,
    workloads: &Workloads<'_>,
) -> Result<Vec<Trace>, StoreError> {
    let Some(row) = workloads.rows.iter().find(|row| row.turns > 1) else { return Ok(Vec::new()) };
    let longest = row.prompt_tokens.iter().copied().max().unwrap_or_default() + row.output_tokens;
    let deepest = data::submission::depth_bucket(longest);
    let mut found = Vec::new();
    let held = cells.iter().filter(|(_, cell)| cell.streams == 1 && cell.depth_tokens <= deepest);
    for (key, cell) in held.take(SETUPS) {
        let reports = behind.of(key).await?.iter().filter(|report| report.workload == row.id);
        found.extend(reports.map(|report| (*cell, report.clone())));
    }
    found.sort_by(|(_, a), (_, b)| b.measured_on.cmp(&a.measured_on).then_with(|| a.run.cmp(&b.run)));
    found.truncate(TRACES);
    let mut traces = Vec::new();
    for (cell, report) in found {
        let payload = app.store().payload(&report.digest).await?;
        let run = payload.and_then(|bytes| serde_json::from_slice::<Submission>(&bytes).ok());
        let result =
            run.as_ref().and_then(|run| run.workloads.iter().find(|result| result.workload == row.id));
        traces.extend(result.and_then(|result| {
            let turns = result.turns.as_ref()?;
            Some(Trace {
                id: report.run.clone(),
                setup: setup(app.engine(), cell),
                measured_on: report.measured_on.clone(),
                turns: turns.count,
                p50_ms: turns.p50_ms,
                p95_ms: turns.p95_ms,
                timeline: turns.timeline.clone(),
                wall_ms: result.wall_ms,
                prompt_tokens: report.prompt_tokens,
                output_tokens: report.output_tokens,
                cache_share: result.prefix_cache_hit_rate,
            })
        }));
    }
    Ok(traces)
}
