//! Profiles: what the machines of somebody who signed in have sent, and the board of all who did.

use askama::Template;
use data::submission::State;

use crate::document::{Frame, Site};
use crate::figure;
use crate::messages::Messages;
use crate::report::state_words;
use crate::text::coded;

/// Where the board is.
pub const BOARD: &str = "/contributors";

/// A profile.
#[derive(Clone, Debug, PartialEq)]
pub struct ProfileView {
    /// The name at the identity service.
    pub name: String,
    /// The host where it signed in.
    pub place: String,
    /// Its figures, as the board shows them.
    pub figures: Contributor,
    /// The newest results.
    pub results: Vec<ProfileResult>,
}

/// One result of a profile.
#[derive(Clone, Debug, PartialEq)]
pub struct ProfileResult {
    /// Its id.
    pub id: String,
    /// Day of the measurement.
    pub measured_on: String,
    /// Name of the machine, and its page where it has one.
    pub machine: (String, String),
    /// Name of the model, and its page where it has one.
    pub model: (String, String),
    /// Quantisation and runtime.
    pub how: String,
    /// Decode of its first point, tokens a second and stream.
    pub decode_tps: Option<f64>,
    /// Where it stands.
    pub state: State,
    /// Whether somebody doubts it.
    pub in_doubt: bool,
}

/// A line of the board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contributor {
    /// The name.
    pub name: String,
    /// Cells in which its machines have a vote.
    pub setups: u64,
    /// Results that its machines sent.
    pub results: u64,
    /// Its machines.
    pub machines: u64,
    /// Day on which the profile was made.
    pub since: String,
}

#[derive(Template)]
#[template(path = "profile.html")]
struct Profile<'a> {
    m: &'a Messages,
    view: &'a ProfileView,
    lead: String,
    rows: Vec<Row<'a>>,
    more: String,
}

struct Row<'a> {
    result: &'a ProfileResult,
    decode: String,
    state: String,
}

#[derive(Template)]
#[template(path = "contributors.html")]
struct Board<'a> {
    m: &'a Messages,
    /// What is said where there are none, as HTML.
    none: String,
    rows: &'a [Contributor],
}

/// The page of a profile.
pub fn profile_page(view: &ProfileView, m: &Messages, site: &Site) -> askama::Result<String> {
    let heading = m.profile.heading(&view.name);
    let left_out = view.figures.results.saturating_sub(view.results.len() as u64);
    let rows = view.results.iter().map(|result| Row {
        decode: result.decode_tps.map(figure::number).unwrap_or_default(),
        state: state_words(result.state, result.in_doubt, m),
        result,
    });
    let body = Profile {
        m,
        view,
        lead: m.profile.lead(&view.name, &view.place),
        rows: rows.collect(),
        more: if left_out > 0 { m.profile.more(&left_out.to_string()) } else { String::new() },
    };
    Frame {
        title: &format!("{heading} – {}", m.site.name),
        description: &m.profile.lead(&view.name, &view.place),
        heading: &heading,
        body: body.render()?,
        wide: true,
        ..Frame::default()
    }
    .render(m, site)
}

/// The board of everybody who has a profile.
pub fn contributors_page(rows: &[Contributor], m: &Messages, site: &Site) -> askama::Result<String> {
    Frame {
        title: &format!("{} – {}", m.profile.board, m.site.name),
        description: m.profile.board_lead,
        heading: m.profile.board,
        body: Board { m, none: coded(m.profile.board_none), rows }.render()?,
        wide: true,
        ..Frame::default()
    }
    .render(m, site)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::EN;

    #[test]
    fn names_of_others_are_text() {
        let hostile = "<script>alert(1)</script>";
        let figures = Contributor {
            name: hostile.into(),
            setups: 3,
            results: 9,
            machines: 1,
            since: "2026-11-22".into(),
        };
        let result = ProfileResult {
            id: "abc".into(),
            measured_on: "2026-11-22".into(),
            machine: (hostile.into(), String::new()),
            model: ("Model".into(), "/m/model".into()),
            how: hostile.into(),
            decode_tps: Some(104.0),
            state: State::Withdrawn,
            in_doubt: false,
        };
        let view = ProfileView {
            name: hostile.into(),
            place: "github.com".into(),
            figures: figures.clone(),
            results: vec![result],
        };
        let lead = EN.profile.lead(hostile, "github.com");
        let rows = view
            .results
            .iter()
            .map(|result| Row { result, decode: "104".into(), state: "x".into() })
            .collect();
        let page = Profile { m: &EN, view: &view, lead, rows, more: EN.profile.more("8") }.render().unwrap();
        let board = Board { m: &EN, none: String::new(), rows: &[figures] }.render().unwrap();
        for html in [&page, &board] {
            assert!(!html.contains("<script") && html.contains("&#60;script"), "{html}");
        }
        assert!(page.contains("/r/abc") && page.contains("8 older"), "{page}");
    }
}
