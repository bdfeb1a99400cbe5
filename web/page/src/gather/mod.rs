//! From the engine and a query to the view of a page: what is asked is read, answered, and named.
//!
//! The server and the browser call the same functions, so a page and its swapped-in region agree to the digit.

mod compare;
#[cfg(feature = "contribute")]
mod contribute;
mod device;
#[cfg(feature = "gguf")]
mod file;
mod home;
mod measured;
#[cfg(feature = "full")]
mod method;
mod model;
#[cfg(feature = "full")]
mod wanted;

use std::borrow::Cow;

pub use compare::compare;
#[cfg(feature = "full")]
pub use compare::first_of_list;
#[cfg(feature = "contribute")]
pub use contribute::contribute;
use data::Engine;
use data::engine::Brief;
use data::query::{Filters, Job, Params, Rig};
use data::row::{Capability, HardwareRow, ModelRow, QuantRow};
use data::subject::Subject;
pub use device::device;
use estimator::Placement;
#[cfg(feature = "gguf")]
pub use file::{Reading, file};
#[cfg(feature = "full")]
pub use home::every_model;
pub use home::home;
#[cfg(feature = "full")]
pub use measured::in_index;
pub use measured::{in_lines, measured, measured_of_all};
#[cfg(feature = "full")]
pub use method::{loss_words, method};
pub use model::model;
#[cfg(feature = "full")]
pub use model::model_everywhere;
#[cfg(feature = "full")]
pub use wanted::wanted as wanted_runs;

use crate::messages::Messages;
use crate::query::Query;
use crate::view::{Curve, MachineNote, ModelNote, Outcome, Problem, Wanted};

/// Renders the results of the page at this path, `None` where that page is the server's alone. What was measured comes in
/// lines ([`data::medians::lines`]); there may be none.
#[must_use]
pub fn render(engine: &Engine<'_>, path: &str, query: &Query, lines: &str, m: &Messages) -> Option<String> {
    let html = match path.strip_prefix('/')?.split_once('/') {
        None if path == "/" => {
            let mut view = home(engine, query);
            measured_of_all(&mut view, in_lines(lines));
            crate::home_results(&view, path, query, m)
        }
        None if path == "/compare" => crate::compare_results(&compare(engine, query), path, query, m),
        Some(("m", id)) => {
            let mut view = model(engine, id, query)?;
            measured(&mut view.cards, in_lines(lines));
            crate::model_results(&view, path, query, m)
        }
        Some(("d", id)) => {
            let mut view = device(engine, id, query)?;
            measured_of_all(&mut view.models, in_lines(lines));
            crate::device_results(&view, path, query, m)
        }
        _ => return None,
    };
    html.ok()
}

/// Names of everything that the form's lists offer.
#[cfg(feature = "full")]
#[must_use]
pub fn choices(catalog: &data::Catalog) -> crate::Choices {
    let sorted = |mut names: Vec<String>| {
        names.sort_by_key(|name| name.to_ascii_lowercase());
        names.dedup();
        names
    };
    crate::Choices {
        devices: sorted(catalog.devices().iter().map(|row| row.name.clone()).collect()),
        models: sorted(catalog.models().iter().map(|row| row.name.clone()).collect()),
        quants: catalog.quants_by_quality().map(|row| row.name.clone()).collect(),
        families: sorted(catalog.models().iter().map(|row| row.family.clone()).collect()),
        licenses: sorted(catalog.models().iter().filter_map(|row| row.license.clone()).collect()),
    }
}

/// What was asked, understood.
struct Asked<'c> {
    rig: Rig<'c>,
    job: Job,
    filters: Filters,
}

/// Machine, job and filters; all problems at once.
fn asked<'c>(engine: &Engine<'c>, query: &Query) -> Result<Asked<'c>, Vec<Problem>> {
    let params = Params::read_page(query.pairs())?;
    let filters = Filters::read(&params, engine.rules).and_then(|filters| filters.known(engine.catalog));
    match (engine.read(&params), filters) {
        (Ok((rig, job)), Ok(filters)) => Ok(Asked { rig, job, filters }),
        (machine, filters) => {
            let mut problems = machine.err().unwrap_or_default();
            problems.extend(filters.err().unwrap_or_default());
            Err(problems)
        }
    }
}

/// Reads a query, and where some of it cannot be read what is left without that: what was read in the end, and all that is wrong.
/// One mistyped number takes no answer away. Whoever reads keeps the answer; where nothing is left to answer there is none.
fn passing_over(
    query: &Query,
    read: &mut dyn FnMut(&Query) -> Result<(), Vec<Problem>>,
) -> (Query, Vec<Problem>) {
    let (mut left, mut problems) = (query.clone(), Vec::new());
    while let Err(new) = read(&left) {
        let next = left.readable(&new);
        // What is wrong with what nobody wrote follows from what was passed over before.
        let is_end = next == left;
        if !is_end || problems.is_empty() {
            problems.extend(new);
        }
        if is_end {
            break;
        }
        left = next;
    }
    (left, problems)
}

/// Machine, job and filters as far as they can be read; no machine, no answer.
fn readable<'c>(engine: &Engine<'c>, query: &Query) -> (Option<Asked<'c>>, Query, Vec<Problem>) {
    let mut read = None;
    let (left, problems) = passing_over(query, &mut |query| {
        read = Some(asked(engine, query)?);
        Ok(())
    });
    (read, left, problems)
}

/// Whether the query names a machine, by its name or by figures.
fn names_a_machine(query: &Query) -> bool {
    ["hardware", "bandwidth_gb_s"].iter().any(|name| !query.get(name).is_empty())
}

/// What the answers are asked for, from a query that could be read or not.
fn wanted(engine: &Engine<'_>, asked: Option<&Asked<'_>>) -> Wanted {
    let defaults = &engine.rules.rows.defaults;
    match asked {
        Some(asked) => {
            Wanted { context_tokens: asked.job.workload.context_tokens, minimum_tps: asked.filters.min_tps }
        }
        None => Wanted { context_tokens: defaults.context_tokens, minimum_tps: defaults.minimum_tps },
    }
}

fn machine_note(engine: &Engine<'_>, rig: &Rig<'_>) -> MachineNote {
    let rules = &engine.rules.rows.memory;
    let mut devices: Vec<(String, String)> = Vec::new();
    let mut unverified = Vec::new();
    for row in rig.devices.iter().filter_map(|device| device.row) {
        if devices.iter().all(|(id, _)| *id != row.id) {
            devices.push((row.id.clone(), row.name.clone()));
            unverified.extend(row.unverified.clone());
        }
    }
    let same = rig.devices.iter().all(|d| d.device.bandwidth_gb_s == rig.first().device.bandwidth_gb_s);
    let shown = if same { 1 } else { rig.devices.len() };
    MachineNote {
        name: rig.to_string(),
        devices,
        memory_gib: rig.devices.iter().map(|d| d.device.memory_gib).sum(),
        usable_gib: rig.devices.iter().map(|d| rules.usable_gib(&d.device)).sum(),
        bandwidth_gb_s: rig.devices.iter().take(shown).map(|d| d.device.bandwidth_gb_s).collect(),
        unverified,
    }
}

fn model_note(row: &ModelRow) -> ModelNote {
    let (elo, basis) = match &row.capability {
        Capability::Arena { elo, .. } => (Some(*elo), String::new()),
        Capability::Editorial { basis, source, .. } => (None, format!("{basis} ({source})")),
    };
    ModelNote {
        id: row.id.clone(),
        name: row.name.clone(),
        family: row.family.clone(),
        params_b: row.params_b,
        active_params_b: row.active_params_b,
        score: row.capability.score(),
        elo,
        basis,
    }
}

fn chart_verdict(placement: &Placement, fast_enough: bool) -> chart::Verdict {
    match placement {
        Placement::Whole if fast_enough => chart::Verdict::Runs,
        Placement::Whole => chart::Verdict::Slow,
        Placement::Offloaded(_) => chart::Verdict::Offloaded,
        Placement::TooBig => chart::Verdict::TooBig,
    }
}

fn outcome(brief: &Brief, minimum_tps: f64) -> Outcome {
    let speeds = brief.estimate.speeds;
    Outcome {
        verdict: chart_verdict(&brief.estimate.placement, brief.decode_tps() >= minimum_tps),
        decode_tps: speeds.map(|s| s.decode_tps),
        ttft_ms: speeds.map(|s| s.ttft_ms),
        footprint_gib: data::engine::footprint_gib(&brief.estimate.footprint),
    }
}

/// Decode speed at growing contexts, as far as the model lies whole on the devices.
fn curve(
    engine: &Engine<'_>,
    rig: &Rig<'_>,
    job: &Job,
    model: &ModelRow,
    quant: &QuantRow,
    name: &str,
) -> Curve {
    const FIRST: u32 = 1024;
    const MOST: u32 = 1 << 20;
    let subject = Subject::of_row(model, quant, job.runtime);
    let lengths = std::iter::successors(Some(FIRST), |tokens| tokens.checked_mul(2));
    let points =
        lengths.take_while(|tokens| *tokens <= model.native_context_tokens.min(MOST)).filter_map(|tokens| {
            let mut longer = *job;
            longer.workload.context_tokens = tokens;
            longer.workload.prompt_tokens = tokens;
            longer.workload.cached_tokens = 0;
            let estimate = engine.brief(rig, &longer, &subject).estimate;
            let whole = matches!(estimate.placement, Placement::Whole);
            estimate.speeds.filter(|_| whole).map(|speeds| (tokens, speeds.decode_tps))
        });
    Curve { name: name.to_owned(), points: points.collect() }
}

/// Where a row's figures were read: what each citation points at, with its place.
fn sources(engine: &Engine<'_>, citations: &[String]) -> Vec<String> {
    citations
        .iter()
        .map(|citation| {
            let place = citation.split_once(':').map_or("", |(_, place)| place);
            let name = engine.catalog.source(citation).map_or(Cow::Borrowed(citation.as_str()), |source| {
                let url = source.url.as_ref().map(|url| format!(", {url}")).unwrap_or_default();
                Cow::Owned(format!("{}{url}", source.name))
            });
            if place.is_empty() { name.into_owned() } else { format!("{name} ({place})") }
        })
        .collect()
}

/// The classes of machines, as the wire spells them.
pub const CLASSES: [&str; 5] = ["discrete_gpu", "apple", "unified", "cpu", "mobile"];

/// The class as the wire spells it.
#[must_use]
pub fn class_name(row: &HardwareRow) -> &'static str {
    use estimator::HardwareClass as Class;
    match row.class {
        Class::Apple => "apple",
        Class::DiscreteGpu => "discrete_gpu",
        Class::Unified => "unified",
        Class::Cpu => "cpu",
        Class::Mobile => "mobile",
    }
}
