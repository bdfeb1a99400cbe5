//! The form of what is sent, before any of it is looked at.

use data::json::{self, Node, Value};
use page::messages::EN;
use serde::de::DeserializeOwned;

use super::{Because, Refusal};

/// Longest string that is taken, in characters; names and versions are far shorter.
const LONGEST_TEXT: usize = 512;

/// Reads JSON of a type with no unknown field: valid UTF-8, no key twice, no number without a value, no overlong text, and
/// no character that hides or turns other text.
///
/// `free` names the keys whose text may be longer and may have lines, such as the pasted lines.
///
/// # Errors
/// The first thing that is wrong, in a sentence.
pub fn read<T: DeserializeOwned>(bytes: &[u8], what: &str, free: &[&str]) -> Result<T, Refusal> {
    let malformed = |says: String| Refusal::new(Because::Malformed, says);
    let text = std::str::from_utf8(bytes)
        .map_err(|error| malformed(EN.gate.not_utf8(&error.valid_up_to().to_string(), what)))?;
    let node = json::read(text).map_err(|error| malformed(format!("{what}: {error}.")))?;
    look(&node, "", free).map_err(|says| malformed(format!("{what}: {says}")))?;
    serde_json::from_str(text).map_err(|error| malformed(EN.gate.other_form(&error.to_string(), what)))
}

fn look(node: &Node<'_>, key: &str, free: &[&str]) -> Result<(), String> {
    match &node.value {
        Value::String(text) => text_is_plain(text, key, free.contains(&key)),
        Value::Number(_) if node.as_f64().is_none() => Err(EN.gate.not_finite(key)),
        Value::Array(items) => items.iter().try_for_each(|item| look(item, key, free)),
        Value::Object(entries) => entries.iter().try_for_each(|(name, value)| {
            text_is_plain(name, EN.gate.a_key, false)?;
            look(value, name, free)
        }),
        _ => Ok(()),
    }
}

fn text_is_plain(text: &str, key: &str, free: bool) -> Result<(), String> {
    if !free && text.chars().count() > LONGEST_TEXT {
        return Err(EN.gate.long_text(key, &LONGEST_TEXT.to_string()));
    }
    match text.chars().find(|sign| hides(*sign) && !(free && matches!(sign, '\n' | '\t'))) {
        None => Ok(()),
        Some(sign) => Err(EN.gate.hidden(&format!("{:04X}", u32::from(sign)), key)),
    }
}

/// Control characters, and those that turn the direction of text or have no width.
pub fn hides(sign: char) -> bool {
    sign.is_control()
        || matches!(
            sign,
            '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}'
                | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use data::submission::Dispute;
    use proptest::prelude::*;

    fn dispute(text: &str) -> Result<Dispute, Refusal> {
        read(text.as_bytes(), "the dispute", &["says"])
    }

    #[test]
    fn what_hides_is_named() {
        assert!(dispute(r#"{"result":"a","says":"two\nlines"}"#).is_ok());
        for (text, part) in [
            (r#"{"result":"a\nb","says":""}"#, "U+000A"),
            (r#"{"result":"a","says":"\u202Eevil"}"#, "U+202E"),
            (r#"{"result":"a","says":"zero\u200Bwidth"}"#, "U+200B"),
            (r#"{"result":"a","result":"b","says":""}"#, "twice"),
            (r#"{"result":"a","says":"b","more":1e999}"#, "finite"),
            (r#"{"result":"a","says":"b","more":1}"#, "more"),
            (r#"{"result":"a","says":NaN}"#, "finite"),
            (r#"{"result":"a"}"#, "says"),
            ("", "ends too early"),
        ] {
            let refusal = dispute(text).unwrap_err();
            assert!(refusal.says.contains(part), "{text}: {}", refusal.says);
        }
        assert!(read::<Dispute>(b"\xff", "the dispute", &[]).unwrap_err().says.contains("UTF-8"));
        let hidden = dispute(r#"{"result":"a\nb","says":""}"#).unwrap_err();
        assert_eq!(
            hidden.says,
            "the dispute: result has the character U+000A, which cannot be seen; remove it."
        );
        let long = format!(r#"{{"result":"{}","says":""}}"#, "a".repeat(513));
        assert!(dispute(&long).unwrap_err().says.contains("longer"));
    }

    proptest! {
        /// Whatever comes, it is read or refused, and what is read has nothing hidden in it.
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), says in ".*") {
            let _ = read::<Dispute>(&bytes, "it", &["says"]);
            let text = serde_json::to_string(&Dispute { result: "a".into(), says }).unwrap();
            if let Ok(dispute) = dispute(&text) {
                prop_assert!(!dispute.says.chars().any(|sign| hides(sign) && !matches!(sign, '\n' | '\t')));
            }
        }
    }
}
