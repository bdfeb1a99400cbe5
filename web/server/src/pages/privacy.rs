//! `/privacy` and `/privacy.json`: all that is sent, read off the forms that the server reads, so that it cannot drift.

use std::collections::BTreeMap;

use axum::extract::{RawQuery, State};
use data::submission::{
    Dispute, DisputeAnswer, Evidence, MachineClaim, Paste, SignedRequest, Submission, Withdrawal,
};
use page::messages::EN;
use page::privacy::{Field, privacy_page};
use serde_json::Value;
use utoipa::{PartialSchema, ToSchema};

use super::written;
use crate::api::{ProofOfWork, refuse_parameters};
use crate::app::App;
use crate::problem::Problem;
use crate::representation::{HTML, Representation};
use crate::shelf::FIXED;

/// `GET /privacy`.
pub(super) async fn page(State(app): State<App>) -> Result<Representation, Problem> {
    let place = app.identity().map_or("", |identity| identity.host());
    app.shelf().get_or_make("/privacy", FIXED, || {
        let html = written(privacy_page(&fields(), place, &EN, app.site()))?;
        Ok(Representation::new(HTML, html))
    })
}

/// `GET /privacy.json`.
pub(super) async fn json(
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Representation, Problem> {
    refuse_parameters(query.as_deref())?;
    app.shelf().get_or_make("/privacy.json", FIXED, || {
        let fields: BTreeMap<String, String> =
            fields().into_iter().map(|field| (field.path, field.says)).collect();
        Ok(Representation::json(&fields))
    })
}

/// Every field that is sent, with its description: those of a run under their own names, the others behind a word for what
/// they are part of.
pub fn fields() -> Vec<Field> {
    let mut found = Vec::new();
    of::<Submission>("", &mut found);
    of::<Paste>("paste", &mut found);
    of::<Dispute>("dispute", &mut found);
    of::<DisputeAnswer>("answer", &mut found);
    of::<Evidence<ProofOfWork>>("evidence", &mut found);
    of::<Withdrawal>("withdrawal", &mut found);
    of::<MachineClaim>("claim", &mut found);
    of::<SignedRequest>("signed", &mut found);
    found
}

fn of<T: ToSchema>(path: &str, found: &mut Vec<Field>) {
    let mut parts = Vec::new();
    T::schemas(&mut parts);
    // What stands for a type parameter is not among the parts of what has it.
    ProofOfWork::schemas(&mut parts);
    parts.push((ProofOfWork::name().into_owned(), ProofOfWork::schema()));
    let parts: BTreeMap<String, Value> = parts
        .into_iter()
        .filter_map(|(name, schema)| Some((name, serde_json::to_value(schema).ok()?)))
        .collect();
    let whole = serde_json::to_value(T::schema()).unwrap_or_default();
    walk(&whole, path, &parts, found);
}

fn walk(schema: &Value, path: &str, parts: &BTreeMap<String, Value>, found: &mut Vec<Field>) {
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        if let Some(part) = parts.get(name) {
            walk(part, path, parts, found);
        }
        return;
    }
    for one in ["oneOf", "anyOf", "allOf"].iter().filter_map(|kind| schema[*kind].as_array()).flatten() {
        walk(one, path, parts, found);
    }
    if schema["items"].is_object() {
        walk(&schema["items"], path, parts, found);
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        found.push(Field { path: path.clone(), says: description(field) });
        walk(field, &path, parts, found);
    }
}

/// A field's description; of one that may be missing, it stands beside its type.
fn description(field: &Value) -> String {
    let kinds = ["oneOf", "anyOf", "allOf"].iter().filter_map(|kind| field[*kind].as_array()).flatten();
    let mut all = std::iter::once(field).chain(kinds);
    all.find_map(|schema| schema["description"].as_str()).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_a_run_is_there_and_says_what_it_is() {
        let fields = fields();
        for path in [
            "tag",
            "fingerprint.gpus.name",
            "before.gpus.throttle",
            "workloads.clock.engine.decode_tps",
            "model.ref",
            "paste.lines",
            "dispute.says",
            "answer.reproduces",
            "evidence.raw_timings",
            "evidence.pow.solution.counter",
            "withdrawal.says",
            "claim.profile",
            "signed.envelope.signatures.keyid",
        ] {
            assert!(fields.iter().any(|field| field.path == path), "{path}");
        }
        let silent: Vec<&Field> = fields.iter().filter(|field| field.says.is_empty()).collect();
        assert!(silent.is_empty(), "{silent:?}");
        assert!(fields.len() > 100, "{}", fields.len());
    }
}
