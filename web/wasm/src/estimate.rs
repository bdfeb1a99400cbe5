//! `estimate(setup)`: one question from JavaScript, one answer to it.

use data::Engine;
use data::answer::Answer;
use data::messages::WORDS;
use data::query::{FieldError, Params};
use js_sys::{Array, Object, Reflect};
use serde::Serialize;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::prelude::*;

/// A value of a setup: JavaScript's here, and any that can be made up where the rule is tried.
pub trait Given: Sized {
    /// Whether it counts as left out.
    fn is_nothing(&self) -> bool;
    /// It as a text, where it is one.
    fn text(&self) -> Option<String>;
    /// It as a number, where it is one.
    fn number(&self) -> Option<f64>;
    /// What is in it, where it is a list.
    fn list(&self) -> Option<impl Iterator<Item = Self>>;
}

impl Given for JsValue {
    fn is_nothing(&self) -> bool {
        self.is_null() || self.is_undefined()
    }

    fn text(&self) -> Option<String> {
        self.as_string()
    }

    fn number(&self) -> Option<f64> {
        self.as_f64()
    }

    fn list(&self) -> Option<impl Iterator<Item = JsValue>> {
        self.dyn_ref::<Array>().map(Array::iter)
    }
}

/// The parameters of a setup, which is an object.
///
/// # Errors
/// Every parameter that could not be read, in a sentence each.
pub fn params(setup: &JsValue) -> Result<Params, Vec<FieldError>> {
    let Some(object) = setup.dyn_ref::<Object>() else {
        let message = WORDS.module.setup("{hardware: \"rtx-3090\", model: \"llama-3.1-8b\"}");
        return Err(vec![FieldError::new("setup", message)]);
    };
    read(Object::entries(object).iter().map(|entry| {
        let entry: Array = entry.unchecked_into();
        (entry.get(0).as_string().unwrap_or_default(), entry.get(1))
    }))
}

/// Parameters as text, from names with values that are texts, numbers, or lists of either.
///
/// # Errors
/// Every parameter that could not be read, in a sentence each.
pub fn read<V: Given>(setup: impl Iterator<Item = (String, V)>) -> Result<Params, Vec<FieldError>> {
    let mut pairs = Vec::new();
    let mut errors = Vec::new();
    for (name, value) in setup {
        match text(&value) {
            Ok(Some(text)) => pairs.push((name, text)),
            Ok(None) => {}
            Err(message) => errors.push(FieldError::new(&name, message)),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    Params::read(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())))
}

/// A value as it would stand in an address.
fn text<V: Given>(value: &V) -> Result<Option<String>, String> {
    if value.is_nothing() {
        return Ok(None);
    }
    if let Some(text) = value.text() {
        return Ok(Some(text));
    }
    if let Some(number) = value.number() {
        return Ok(Some(number.to_string()));
    }
    if let Some(list) = value.list() {
        let texts: Result<Vec<Option<String>>, String> = list.map(|item| text(&item)).collect();
        return Ok(Some(texts?.into_iter().flatten().collect::<Vec<_>>().join(",")));
    }
    Err(WORDS.module.setup_value.to_owned())
}

/// The answer to parameters.
///
/// # Errors
/// All that cannot be answered, at once.
pub fn answer(engine: &Engine<'_>, params: &Params) -> Result<Answer, Vec<FieldError>> {
    let (rig, job) = engine.read(params)?;
    let chosen = engine.choose(params, &rig, &job)?;
    Ok(engine.answer(&rig, &job, &chosen))
}

/// A value as the API would send it: absent numbers are null, maps are objects.
///
/// # Errors
/// When JavaScript cannot hold it.
pub fn to_js<T: Serialize>(value: &T) -> Result<JsValue, JsValue> {
    value.serialize(&Serializer::json_compatible()).map_err(JsValue::from)
}

/// What is thrown for bad parameters: an `Error` whose message says it all, with `errors` for programs.
pub fn thrown(errors: &[FieldError]) -> JsValue {
    let sentences: Vec<String> = errors.iter().map(ToString::to_string).collect();
    let error = js_sys::Error::new(&sentences.join(" "));
    if let Ok(list) = to_js(&errors) {
        // Setting a new property on a new Error cannot fail.
        let _ = Reflect::set(&error, &"errors".into(), &list);
    }
    error.into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use data::query::PARAMETERS;
    use serde_json::Value;

    use super::*;

    const TYPES: &str = include_str!("types.d.ts");

    /// Field names of one TypeScript interface; those that may be absent end in `?`.
    fn fields(interface: &str) -> BTreeSet<&'static str> {
        let start = TYPES.find(&format!("interface {interface} ")).expect(interface);
        let body =
            TYPES[start..].split_once('{').and_then(|(_, rest)| rest.split_once("\n}")).expect(interface).0;
        body.lines()
            .map(str::trim)
            .filter(|line| !line.starts_with("/**") && !line.is_empty())
            .map(|line| line.split_once(':').expect(line).0)
            .collect()
    }

    fn given(pairs: &[(&str, &str)]) -> Value {
        let params = Params::read(pairs.iter().copied()).expect("the parameters are good");
        serde_json::to_value(answer(&Engine::embedded(), &params).expect("the setup is good"))
            .expect("an answer is JSON")
    }

    /// Every field that is sent is declared, and every declared field is sent unless it may be absent.
    fn holds(value: &Value, interface: &str) {
        let declared = fields(interface);
        let sent: BTreeSet<&str> = value.as_object().expect(interface).keys().map(String::as_str).collect();
        for name in &sent {
            let optional = format!("{name}?");
            assert!(
                declared.contains(name) || declared.contains(optional.as_str()),
                "{interface}.{name} is not declared"
            );
        }
        for name in declared.iter().filter(|name| !name.ends_with('?')) {
            assert!(sent.contains(name), "{interface}.{name} is declared and not sent");
        }
    }

    #[test]
    fn the_declared_setup_has_every_parameter() {
        let declared: BTreeSet<&str> =
            fields("Setup").iter().map(|name| name.trim_end_matches('?')).collect();
        let published: BTreeSet<&str> = PARAMETERS.iter().map(|(name, _)| *name).collect();
        assert_eq!(declared, published);
    }

    #[test]
    fn the_declared_answer_is_what_is_sent() {
        let setups: [&[(&str, &str)]; 3] = [
            &[("hardware", "rtx-3090"), ("model", "llama-3.1-8b"), ("quant", "q4_k_m")],
            &[("hardware", "rtx-3090"), ("model", "llama-3.1-70b"), ("quant", "q4_k_m"), ("streams", "4")],
            &[("hardware", "rtx-3060-12gb"), ("model", "deepseek-v3"), ("runtime", "vllm")],
        ];
        for setup in setups {
            let answer = given(setup);
            holds(&answer, "Answer");
            holds(&answer["setup"], "Asked");
            holds(&answer["footprint_gib"], "FootprintGib");
            holds(&answer["inverse"], "Inverse");
            holds(&answer["evidence"], "EvidenceByFigure");
            holds(&answer["evidence"]["decode"], "Evidence");
            if answer["placement"] != "too_big" {
                holds(&answer["decode_tps"], "Range");
            }
        }
    }
}
