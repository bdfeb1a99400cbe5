//! All models on one machine.

use data::Engine;
use data::choice::Chosen;
use data::shortlist::{Card as Listed, Tier, shortlist};

use super::{Asked, chart_verdict, curve, machine_note, model_note, names_a_machine, readable, wanted};
use crate::query::Query;
use crate::view::{Card, HomeView, PER_PAGE, Pages, Problem, Spot, StartNote, Subject};

/// Machines to start with, by names that the catalogue knows; what it does not know is left out.
const POPULAR: [&str; 12] = [
    "RTX 3060 12GB",
    "RTX 3090",
    "RTX 4060 Ti 16GB",
    "RTX 4070",
    "RTX 4090",
    "RTX 5070 Ti",
    "RTX 5090",
    "RX 7900 XTX",
    "m4-max-40-core",
    "m2-pro-19-core",
    "Ryzen AI Max+ 395",
    "DGX Spark",
];

/// Curves of speed against context in one chart: more could not be told apart.
const CURVES: usize = 3;
/// How much faster a less capable model must be for a curve of its own: their bands then hardly overlap.
const CLEARLY: f64 = 1.8;

/// The first page's view, also for an address that cannot be read in whole: then it says what is wrong.
#[must_use]
pub fn home(engine: &Engine<'_>, query: &Query) -> HomeView {
    match readable(engine, query) {
        (Some(asked), _, problems) => answered(engine, query, &asked, problems),
        // An address without a machine is no mistake but a beginning.
        _ if !names_a_machine(query) => unanswered(engine, Vec::new()),
        (None, _, problems) => unanswered(engine, problems),
    }
}

/// Every model on one machine, in the order of its page: the first so many of all its pages.
///
/// # Errors
/// What of the query could not be read; nothing where it names no machine.
#[cfg(feature = "full")]
pub fn every_model(engine: &Engine<'_>, query: &Query, most: usize) -> Result<Vec<Card>, Vec<Problem>> {
    let asked = super::asked(engine, query)
        .map_err(|problems| if names_a_machine(query) { problems } else { Vec::new() })?;
    let listed = shortlist(engine, &asked.rig, &asked.job, &asked.filters);
    Ok(listed.iter().take(most).map(|listed| card(engine, &asked, listed)).collect())
}

fn unanswered(engine: &Engine<'_>, problems: Vec<Problem>) -> HomeView {
    let catalog = engine.catalog;
    let popular = POPULAR.iter().filter_map(|name| catalog.device(name).ok());
    HomeView {
        machine: None,
        wanted: wanted(engine, None),
        spots: Vec::new(),
        cards: Vec::new(),
        pages: Pages::asked("", 0),
        curves: Vec::new(),
        longest_context: None,
        problems,
        start: StartNote {
            popular: popular.map(|row| (row.id.clone(), row.name.clone())).collect(),
            counts: (catalog.devices().len(), catalog.models().len(), catalog.quants().len()),
        },
    }
}

fn answered(engine: &Engine<'_>, query: &Query, asked: &Asked<'_>, problems: Vec<Problem>) -> HomeView {
    let Asked { rig, job, filters } = asked;
    let listed = shortlist(engine, rig, job, filters);
    let pages = Pages::asked(query.get("page"), listed.len());
    let shown = listed.iter().skip(pages.first()).take(PER_PAGE);
    HomeView {
        machine: Some(machine_note(engine, rig)),
        wanted: wanted(engine, Some(asked)),
        spots: listed.iter().map(|card| spot(card, filters.min_tps)).collect(),
        cards: shown.map(|listed| card(engine, asked, listed)).collect(),
        pages,
        curves: telling(&listed)
            .into_iter()
            .map(|card| curve(engine, rig, job, card.model, card.quant, &card.model.name))
            .filter(|curve| !curve.points.is_empty())
            .collect(),
        longest_context: None,
        problems,
        start: StartNote::default(),
    }
}

/// Models whose curves tell most: the most capable that runs well, then ever less capable ones that are clearly faster.
fn telling<'a, 'c>(listed: &'a [Listed<'c>]) -> Vec<&'a Listed<'c>> {
    let mut well: Vec<&Listed<'_>> = listed.iter().filter(|card| card.tier == Tier::Well).collect();
    let score = |card: &Listed<'_>| card.model.capability.score();
    well.sort_unstable_by(|a, b| score(b).total_cmp(&score(a)).then_with(|| a.model.id.cmp(&b.model.id)));
    let mut fastest_tps = 0.0;
    well.retain(|card| {
        let clearly = card.brief.decode_tps() > CLEARLY * fastest_tps;
        if clearly {
            fastest_tps = card.brief.decode_tps();
        }
        clearly
    });
    well.truncate(CURVES);
    well
}

fn spot(listed: &Listed<'_>, minimum_tps: f64) -> Spot {
    let fast_enough = listed.brief.decode_tps() >= minimum_tps;
    Spot {
        id: listed.model.id.clone(),
        quant: listed.quant.id.clone(),
        name: listed.model.name.clone(),
        score: listed.model.capability.score(),
        decode_tps: listed.brief.estimate.speeds.map(|speeds| speeds.decode_tps),
        verdict: chart_verdict(&listed.brief.estimate.placement, fast_enough),
        measured: None,
    }
}

fn card(engine: &Engine<'_>, asked: &Asked<'_>, listed: &Listed<'_>) -> Card {
    let chosen = Chosen { model: listed.model, quant: listed.quant, asked: None };
    Card {
        subject: Subject::Model(model_note(listed.model)),
        quant: listed.quant.name.clone(),
        answer: engine.answer(&asked.rig, &asked.job, &chosen),
        fast_enough: listed.brief.decode_tps() >= asked.filters.min_tps,
        measured: None,
    }
}
