//! As much of JSON Schema as our OpenAPI document uses, to hold answers against it.

use serde_json::Value;

/// Everything in which `value` departs from `schema`, each with where it stands. Names that the schema does not
/// list are departures too: an undocumented field is a mistake of ours.
pub fn departures(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(document, schema, value, "$", &mut found);
    found
}

fn check(document: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    let schema = resolved(document, schema);
    for key in schema.as_object().expect("a schema is an object").keys() {
        const KNOWN: &[&str] = &[
            "type",
            "properties",
            "required",
            "items",
            "oneOf",
            "enum",
            "description",
            "example",
            "format",
            "minimum",
            "minItems",
            "additionalProperties",
        ];
        assert!(KNOWN.contains(&key.as_str()), "{at}: this reader knows no {key:?}");
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let fits = choices.iter().filter(|choice| departures(document, choice, value).is_empty()).count();
        if fits != 1 {
            found.push(format!("{at}: {value} fits {fits} of {} forms", choices.len()));
        }
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        found.push(format!("{at}: {value} is none of {allowed:?}"));
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !types.is_empty() && !types.iter().any(|name| is_of(name, value)) {
        found.push(format!("{at}: {value} is no {types:?}"));
    }
    if let Some(least) = schema["minimum"].as_f64()
        && value.as_f64().is_some_and(|number| number < least)
    {
        found.push(format!("{at}: {value} is under {least}"));
    }
    if let (Some(elements), items @ Value::Object(_)) = (value.as_array(), &schema["items"]) {
        for (i, element) in elements.iter().enumerate() {
            check(document, items, element, &format!("{at}[{i}]"), found);
        }
    }
    if let (Some(fields), Some(properties)) = (value.as_object(), schema["properties"].as_object()) {
        for (name, field) in fields {
            match properties.get(name) {
                Some(property) => check(document, property, field, &format!("{at}.{name}"), found),
                None => found.push(format!("{at}.{name} is not documented")),
            }
        }
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !fields.contains_key(name) {
                found.push(format!("{at}.{name} is missing"));
            }
        }
    }
}

/// What a reference points at, or the schema itself.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let Some(reference) = schema["$ref"].as_str() else { return schema };
    let pointer = reference.strip_prefix('#').expect("references stay in the document");
    document.pointer(pointer).unwrap_or_else(|| panic!("{reference} leads nowhere"))
}

fn is_of(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no such type: {other}"),
    }
}

#[test]
fn departures_are_seen() {
    let document = serde_json::json!({"components": {"schemas": {"Row": {
        "type": "object", "required": ["id"],
        "properties": {"id": {"type": "string"}, "watts": {"type": ["integer", "null"], "minimum": 0}},
    }}}});
    let schema = serde_json::json!({"type": "array", "items": {"$ref": "#/components/schemas/Row"}});
    let sent =
        serde_json::json!([{"id": "a", "watts": null}, {"watts": -1}, {"id": 7}, {"id": "b", "more": 1}]);
    assert_eq!(
        departures(&document, &schema, &sent),
        [
            "$[1].watts: -1 is under 0",
            "$[1].id is missing",
            "$[2].id: 7 is no [\"string\"]",
            "$[3].more is not documented"
        ]
    );
}
