//! A paste and its receipt as JSON without serde_json, for browsers: the same text that serde writes, and what it reads.

use alloc::{borrow::ToOwned, string::String, vec::Vec};

use super::{Paste, Reason, Receipt, State};
use crate::json::{self, JsonError, JsonErrorKind, Node, ObjectWriter};
use crate::messages::WORDS;

impl Paste {
    /// What is sent and kept, with the members that serde writes.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = ObjectWriter::default().text("lines", &self.lines).text("hardware", &self.hardware);
        if let Some(devices) = self.devices {
            out = out.number("devices", devices);
        }
        if let Some(memory_gib) = self.memory_gib {
            out = out.number("memory_gib", memory_gib);
        }
        out = out.text("model", &self.model).text("quant", &self.quant);
        if let Some(runtime) = &self.runtime {
            out = out.text("runtime", runtime);
        }
        out.finish()
    }
}

impl Receipt {
    /// Reads what a server answered; members that are not known are passed over.
    ///
    /// # Errors
    /// Where it is no receipt: what was expected there.
    pub fn read(text: &str) -> Result<Receipt, JsonError> {
        let root = json::read(text)?;
        let text = |node: &Node<'_>, key| node.get(key).and_then(Node::as_str).map(str::to_owned);
        let missing =
            |node: &Node<'_>, what| JsonError { at: node.span.start, kind: JsonErrorKind::Expected(what) };
        let mut reasons = Vec::new();
        for reason in root.get("reasons").map(Node::items).unwrap_or_default() {
            let (code, says) = text(reason, "code")
                .zip(text(reason, "says"))
                .ok_or_else(|| missing(reason, WORDS.json.expected_reason))?;
            reasons.push(Reason { code, says });
        }
        Ok(Receipt {
            id: text(&root, "id"),
            url: text(&root, "url"),
            digest: text(&root, "digest").ok_or_else(|| missing(&root, WORDS.json.expected_digest))?,
            state: text(&root, "state")
                .and_then(|name| State::from_name(&name))
                .ok_or_else(|| missing(&root, WORDS.json.expected_state))?,
            reasons,
            log_index: root.get("log_index").and_then(Node::as_u64),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// serde reads the same paste from it as from its own text.
        #[test]
        fn a_paste_is_what_serde_reads(
            lines in any::<String>(),
            names in any::<[String; 3]>(),
            devices in any::<Option<u32>>(),
            quarters in prop::option::of(1..16_384_u16),
            runtime in any::<Option<String>>(),
        ) {
            let [hardware, model, quant] = names;
            let memory_gib = quarters.map(|count| f64::from(count) / 4.0);
            let paste = Paste { lines, hardware, devices, memory_gib, model, quant, runtime };
            let ours = paste.to_json();
            prop_assert_eq!(&serde_json::from_str::<Paste>(&ours).expect("it is a paste"), &paste);
            let theirs = serde_json::to_string(&paste).expect("written");
            prop_assert_eq!(serde_json::from_str::<Paste>(&theirs).expect("it is a paste"), paste);
        }

        /// A receipt that serde wrote is read as it was.
        #[test]
        fn a_receipt_is_what_serde_writes(
            id in any::<Option<String>>(),
            digest in any::<String>(),
            state in prop::sample::select(&State::ALL[..]),
            reasons in prop::collection::vec(any::<(String, String)>(), 0..4),
            log_index in any::<Option<u64>>(),
        ) {
            let reasons = reasons.into_iter().map(|(code, says)| Reason { code, says }).collect();
            let receipt = Receipt { url: id.clone(), id, digest, state, reasons, log_index };
            let text = serde_json::to_string(&receipt).expect("written");
            prop_assert_eq!(Receipt::read(&text).expect("it is a receipt"), receipt);
        }
    }

    #[test]
    fn what_is_no_receipt_is_told() {
        let says = |text: &str| Receipt::read(text).unwrap_err().to_string();
        assert!(says("{}").contains("a receipt with a digest"));
        assert!(says(r#"{"digest":"d","state":"fine","reasons":[]}"#).contains("a receipt with a state"));
        assert!(says(r#"{"digest":"d","state":"held","reasons":[{"code":"x"}]}"#).contains("a sentence"));
        assert!(says("<html>").contains("expected a value"));
    }
}
