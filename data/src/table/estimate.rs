//! Our estimate of one figure of the table, by the way that any question takes.

use estimator::Range;

use super::Unestimated;
use crate::Engine;
use crate::query::Params;
use crate::subject::Subject;

/// A range, or why there is none.
pub(super) type Estimated = Result<Range, Unestimated>;

/// What an estimate depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Setup {
    pub(super) device: String,
    /// Of a processor that the catalogue does not name; zero of any other. In thousandths of a GB/s.
    pub(super) bandwidth_mb_s: u32,
    pub(super) devices: u32,
    pub(super) split: String,
    /// Thousandths, since a hash wants whole numbers.
    pub(super) power: u32,
    pub(super) memory_mib: u32,
    pub(super) model: String,
    pub(super) quant: String,
    pub(super) runtime: String,
    pub(super) backend: String,
    pub(super) streams: u32,
    pub(super) prompt_tokens: u32,
    pub(super) cached_tokens: u32,
    pub(super) output_tokens: u32,
}

/// What the estimator says of a setup.
pub(super) fn estimate(engine: &Engine<'_>, setup: &Setup) -> Estimated {
    if setup.model.is_empty() {
        return Err(Unestimated::ModelUnknown);
    }
    if setup.quant.is_empty() {
        return Err(Unestimated::QuantUnknown);
    }
    let first = engine.catalog.devices().iter().find(|row| setup.device.split(',').next() == Some(&*row.id));
    let mut pairs: Vec<(&str, String)> = if setup.bandwidth_mb_s > 0 {
        let bandwidth = f64::from(setup.bandwidth_mb_s) / 1000.0;
        vec![("class", "cpu".to_owned()), ("bandwidth_gb_s", bandwidth.to_string())]
    } else if first.is_some() {
        vec![("hardware", setup.device.clone())]
    } else {
        return Err(Unestimated::DeviceUnknown);
    };
    pairs.extend([
        ("model", setup.model.clone()),
        ("quant", setup.quant.clone()),
        ("streams", setup.streams.to_string()),
        ("prompt", setup.prompt_tokens.max(1).to_string()),
        // Half of the answer is in the cache when a middle token of it is made.
        ("context", (setup.prompt_tokens + setup.output_tokens / 2).max(1).to_string()),
    ]);
    let mut push = |name, value: String, wanted: bool| {
        if wanted {
            pairs.push((name, value));
        }
    };
    push("devices", setup.devices.to_string(), setup.devices > 1);
    push("split", setup.split.clone(), !setup.split.is_empty());
    push("power", (f64::from(setup.power) / 1000.0).max(0.1).to_string(), setup.power < 1000);
    push("runtime", setup.runtime.clone(), true);
    push("backend", setup.backend.clone(), !setup.backend.is_empty());
    let cached = setup.cached_tokens.min(setup.prompt_tokens.saturating_sub(1));
    push("cached", cached.to_string(), cached > 0);
    // What a machine reports of its memory is a little less than what it is sold with: the nearest size is meant.
    let reported = f64::from(setup.memory_mib) / 1024.0;
    let near = |a: &&f64, b: &&f64| (**a - reported).abs().total_cmp(&(**b - reported).abs());
    let sizes = first.map_or(&[][..], |row| &row.memory_gib);
    let memory_gib = sizes.iter().min_by(near).copied().unwrap_or(reported);
    push("memory_gib", memory_gib.to_string(), setup.memory_mib > 0 && !setup.device.contains(','));

    let params = Params::read(pairs.iter().map(|(name, value)| (*name, value.as_str())));
    let read = params.and_then(|params| engine.read(&params).map(|(rig, job)| (params, rig, job)));
    let (params, rig, job) = read.map_err(|errors| match errors.first() {
        Some(error) if matches!(error.field.as_str(), "runtime" | "backend") => Unestimated::NotLoaded,
        _ => Unestimated::DeviceUnknown,
    })?;
    let chosen = engine.choose(&params, &rig, &job).map_err(|errors| match errors.first() {
        Some(error) if error.field == "model" => Unestimated::ModelUnknown,
        _ => Unestimated::NotLoaded,
    })?;
    if chosen.asked.is_some() {
        return Err(Unestimated::NotLoaded);
    }
    let subject = Subject::of_row(chosen.model, chosen.quant, job.runtime);
    let speeds = engine.brief(&rig, &job, &subject).estimate.speeds.ok_or(Unestimated::TooBig)?;
    Ok(speeds.decode_tps)
}
