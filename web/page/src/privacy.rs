//! What a run sends, field by field, as the payload's own schema says.

use askama::Template;

use crate::document::{Frame, Site};
use crate::messages::Messages;

/// One field of the payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its path: `fingerprint.gpus.name`.
    pub path: String,
    /// What it is.
    pub says: String,
}

#[derive(Template)]
#[template(path = "privacy.html")]
struct Privacy<'a> {
    m: &'a Messages,
    fields: &'a [Field],
}

/// The page about what is sent and what is kept.
pub fn privacy_page(fields: &[Field], m: &Messages, site: &Site) -> askama::Result<String> {
    Frame {
        title: &format!("{} – {}", m.privacy.title, m.site.name),
        heading: m.privacy.title,
        current: "",
        body: Privacy { m, fields }.render()?,
        ..Frame::default()
    }
    .render(m, site)
}
