//! Setups side by side.

use data::Engine;
use data::query::{Filters, Params};

use super::{curve, passing_over};
#[cfg(feature = "full")]
use crate::card::{JOB, SETUP};
use crate::query::{NAMES, Query};
use crate::view::{Column, CompareView, Curve, MOST_SETUPS, Problem};

/// The view of all setups in the query: `hardware1`, `model1`, `quant1`, and so on, with one job for all but for what a setup
/// says itself: `context1`, `runtime1`, `kv1`, `memory_gib1` and every other parameter.
#[must_use]
pub fn compare(engine: &Engine<'_>, query: &Query) -> CompareView {
    let mut columns = Vec::new();
    let mut curves = Vec::new();
    for n in 1..=MOST_SETUPS {
        let setup = query.of_setup(n);
        let [hardware, model, quant] = NAMES.map(|name| setup.get(name));
        if hardware.is_empty() && model.is_empty() {
            continue;
        }
        let mut read = None;
        let (_, problems) = passing_over(&setup, &mut |setup| {
            read = Some(column(engine, setup)?);
            Ok(())
        });
        let (mut column, curve) = read.unwrap_or_else(|| {
            let unread = Column {
                number: n,
                machine: hardware.to_owned(),
                model: model.to_owned(),
                quant: quant.to_owned(),
                answer: None,
                fast_enough: false,
                problems: Vec::new(),
            };
            (unread, None)
        });
        column.number = n;
        column.problems = problems.into_iter().map(|problem| numbered(query, problem, n)).collect();
        columns.push(column);
        curves.extend(curve);
    }
    CompareView { columns, curves }
}

/// Where the first setups of a list stand side by side, for a query that asks for a list (`hardware`: models on a machine;
/// `model`: machines with a model) and names no setup by number; `None` where it asks for none, or cannot be read.
#[cfg(feature = "full")]
#[must_use]
pub fn first_of_list(engine: &Engine<'_>, query: &Query) -> Option<String> {
    let numbered = |name: &str| {
        ["hardware", "model"].iter().any(|field| name.strip_prefix(field).is_some_and(|n| !n.is_empty()))
    };
    if query.pairs().any(|(name, _)| numbered(name)) {
        return None;
    }
    let (model, machine) = (query.get("model"), query.get("hardware"));
    let (cards, job) = if model.is_empty() {
        // The machine in all that describes it, the same in each column.
        (super::every_model(engine, query, MOST_SETUPS), query.with("hardware", "").only(SETUP))
    } else {
        let id = &engine.catalog.model(model).ok()?.id;
        (super::model_everywhere(engine, id, &query.with("model", ""), MOST_SETUPS), query.only(JOB))
    };
    let mut names: Vec<(String, String)> = Vec::new();
    for (at, card) in cards.ok()?.into_iter().enumerate() {
        let hardware =
            if model.is_empty() { machine.to_owned() } else { card.answer.setup.hardware.join(",") };
        let setup = card.answer.setup;
        for (name, value) in [("hardware", hardware), ("model", setup.model), ("quant", setup.quant)] {
            names.push((format!("{name}{}", at + 1), value));
        }
    }
    let names: Vec<(&str, &str)> =
        names.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    (!names.is_empty()).then(|| job.link("/compare", &names))
}

/// A problem with `hardware` is one with `hardware2` in the second setup; one with the job belongs to all, unless the setup
/// said so itself.
fn numbered(query: &Query, problem: Problem, n: usize) -> Problem {
    let own = format!("{}{n}", problem.field);
    let is_own = NAMES.contains(&problem.field.as_str()) || !query.get(&own).is_empty();
    Problem { field: if is_own { own } else { problem.field }, ..problem }
}

fn column(engine: &Engine<'_>, query: &Query) -> Result<(Column, Option<Curve>), Vec<Problem>> {
    let params = Params::read_page(query.pairs().filter(|(_, value)| !value.is_empty()))?;
    let (rig, job) = engine.read(&params).map_err(|mut problems| {
        // A model that is not known is told together with a machine that is not.
        let unknown = |name| engine.catalog.model(name).err().map(|lookup| lookup.at("model", name));
        problems.extend(params.get("model").and_then(unknown));
        problems
    })?;
    let minimum_tps = Filters::read(&params, engine.rules)?.min_tps;
    let chosen = engine.choose(&params, &rig, &job)?;
    let name = format!("{} · {}", rig, chosen.model.name);
    let curve = curve(engine, &rig, &job, chosen.model, chosen.quant, &name);
    let answer = engine.answer(&rig, &job, &chosen);
    let column = Column {
        number: 0,
        machine: rig.to_string(),
        model: chosen.model.name.clone(),
        quant: chosen.quant.name.clone(),
        fast_enough: answer.decode_tps.is_some_and(|tps| tps.mid >= minimum_tps),
        answer: Some(answer),
        problems: Vec::new(),
    };
    Ok((column, Some(curve).filter(|curve| !curve.points.is_empty())))
}
