//! Setups side by side.

use data::Engine;
use data::query::Params;

use super::curve;
use crate::query::Query;
use crate::view::{Column, CompareView, Curve, MOST_SETUPS, Problem};

/// The view of all setups in the query: `hardware1`, `model1`, `quant1`, and so on, with one job for all.
#[must_use]
pub fn compare(engine: &Engine<'_>, query: &Query) -> CompareView {
    let mut columns = Vec::new();
    let mut curves = Vec::new();
    for n in 1..=MOST_SETUPS {
        let field = |name: &str| query.get(&format!("{name}{n}"));
        let [hardware, model, quant] = ["hardware", "model", "quant"].map(field);
        if hardware.is_empty() && model.is_empty() {
            continue;
        }
        let setup = query.with("hardware", hardware).with("model", model).with("quant", quant);
        match column(engine, &setup) {
            Ok((column, curve)) => {
                columns.push(column);
                curves.extend(curve);
            }
            Err(problems) => columns.push(Column {
                number: n,
                machine: hardware.to_owned(),
                model: model.to_owned(),
                quant: quant.to_owned(),
                answer: None,
                problems: problems.into_iter().map(|problem| numbered(problem, n)).collect(),
            }),
        }
        columns.last_mut().into_iter().for_each(|column| column.number = n);
    }
    CompareView { columns, curves }
}

/// A problem with `hardware` is one with `hardware2` in the second setup; one with the job belongs to all.
fn numbered(problem: Problem, n: usize) -> Problem {
    let own = ["hardware", "model", "quant"].contains(&problem.field.as_str());
    Problem { field: if own { format!("{}{n}", problem.field) } else { problem.field }, ..problem }
}

fn column(engine: &Engine<'_>, query: &Query) -> Result<(Column, Option<Curve>), Vec<Problem>> {
    let params = Params::read_known(query.pairs().filter(|(_, value)| !value.is_empty()))?;
    let (rig, job) = engine.read(&params)?;
    let chosen = engine.choose(&params, &rig, &job)?;
    let name = format!("{} · {}", rig, chosen.model.name);
    let curve = curve(engine, &rig, &job, chosen.model, chosen.quant, &name);
    let column = Column {
        number: 0,
        machine: rig.to_string(),
        model: chosen.model.name.clone(),
        quant: chosen.quant.name.clone(),
        answer: Some(engine.answer(&rig, &job, &chosen)),
        problems: Vec::new(),
    };
    Ok((column, Some(curve).filter(|curve| !curve.points.is_empty())))
}
