//! What is sent, field by field, as the schemas of what the server reads say.

use askama::Template;

use crate::document::{Frame, Site};
use crate::messages::Messages;
use crate::text::coded;

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
    /// What is said about profiles, as HTML; empty where there are none.
    profile: String,
}

/// The page about what is sent and what is kept. `place` is where people sign in; empty where they cannot.
pub fn privacy_page(fields: &[Field], place: &str, m: &Messages, site: &Site) -> askama::Result<String> {
    let profile = if place.is_empty() { String::new() } else { coded(&m.privacy.profile_text(place)) };
    Frame {
        title: &format!("{} – {}", m.privacy.title, m.site.name),
        description: m.privacy.lead,
        heading: m.privacy.title,
        current: "",
        body: Privacy { m, fields, profile }.render()?,
        ..Frame::default()
    }
    .render(m, site)
}
