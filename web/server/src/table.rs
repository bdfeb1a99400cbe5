//! A table as files have it: the same rows as JSON and as CSV.

use serde_json::{Map, Value};

use crate::representation::{JSON, Representation};

/// Comma-separated values, always UTF-8.
pub const CSV: &str = "text/csv; charset=utf-8";

/// How a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// An array of objects.
    Json,
    /// A line of names, then one line each.
    Csv,
}

impl Form {
    /// By the end of a file's name; its beginning, and which form.
    pub fn of(name: &str) -> Option<(&str, Form)> {
        name.strip_suffix(".json")
            .map(|name| (name, Form::Json))
            .or_else(|| name.strip_suffix(".csv").map(|name| (name, Form::Csv)))
    }
}

/// Rows under named columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Names of the columns.
    pub columns: Vec<&'static str>,
    /// The rows, each as long as the columns.
    pub rows: Vec<Vec<Value>>,
}

/// A column: its name, and what it says of an item.
pub type Column<T> = (&'static str, fn(&T) -> Value);

impl Table {
    /// A row for each item, under these columns.
    pub fn of<T>(items: impl IntoIterator<Item = T>, columns: &[Column<T>]) -> Table {
        Table {
            columns: columns.iter().map(|(name, _)| *name).collect(),
            rows: items.into_iter().map(|item| columns.iter().map(|(_, of)| of(&item)).collect()).collect(),
        }
    }

    /// The table as it is sent.
    pub fn written(&self, form: Form) -> Representation {
        match form {
            Form::Json => Representation::new(JSON, self.json()),
            Form::Csv => Representation::new(CSV, self.csv()),
        }
    }

    fn json(&self) -> String {
        let object = |row: &Vec<Value>| -> Value {
            let pairs = self.columns.iter().zip(row).map(|(name, value)| ((*name).to_owned(), value.clone()));
            Value::Object(pairs.collect::<Map<_, _>>())
        };
        Value::Array(self.rows.iter().map(object).collect()).to_string()
    }

    fn csv(&self) -> String {
        let mut out = self.columns.join(",") + "\n";
        for row in &self.rows {
            out.push_str(&line(row.iter()));
        }
        out
    }
}

/// Values as one line of CSV, with its end.
pub fn line<'a>(values: impl Iterator<Item = &'a Value>) -> String {
    values.map(cell).collect::<Vec<_>>().join(",") + "\n"
}

/// A value as a cell: quoted where it must be, and never a formula of a spreadsheet.
pub fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let harmless = if value.is_string() && text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text
    };
    if harmless.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", harmless.replace('"', "\"\""))
    } else {
        harmless
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn cells_are_text_and_no_formulas() {
        let text = |text: &str| cell(&Value::from(text));
        assert_eq!(text("=cmd|' /C calc'!A0"), "'=cmd|' /C calc'!A0");
        // OWASP's list of what begins a formula.
        for sign in ['=', '+', '-', '@', '\t', '\r'] {
            let cell = text(&format!("{sign}1+1"));
            assert!(cell.trim_start_matches('"').starts_with(&format!("'{sign}")), "{cell:?}");
        }
        assert_eq!(text("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(text("plain"), "plain");
        assert_eq!(cell(&json!(-1.5)), "-1.5", "a number is no formula");
        assert_eq!(cell(&Value::Null), "");
    }

    #[test]
    fn both_forms_say_the_same() {
        let table = Table {
            columns: vec!["id", "tps"],
            rows: vec![vec![json!("a,b"), json!(1.5)], vec![json!("c"), json!(null)]],
        };
        assert_eq!(table.csv(), "id,tps\n\"a,b\",1.5\nc,\n");
        assert_eq!(table.json(), r#"[{"id":"a,b","tps":1.5},{"id":"c","tps":null}]"#);
        assert_eq!(Form::of("models.csv"), Some(("models", Form::Csv)));
        assert_eq!(Form::of("models.xml"), None);
    }
}
