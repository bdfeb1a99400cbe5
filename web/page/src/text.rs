//! Pages of text: the method, what this is, and what went wrong.

use askama::Template;

use crate::document::{Frame, Site};
use crate::messages::Messages;

/// A table of live figures, already written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// What it shows.
    pub caption: String,
    /// Names of its columns.
    pub head: Vec<String>,
    /// Its rows, each as long as the head; the first cell names the row.
    pub rows: Vec<Vec<String>>,
}

/// The method page: the estimator's documentation, and the constants in use.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MethodView<'a> {
    /// METHODOLOGY.md.
    pub markdown: &'a str,
    /// The date of the fit, `YYYY-MM-DD`.
    pub fitted_on: String,
    /// How many measurements it was fitted to.
    pub rows: u32,
    /// How well the constants predict what they have not seen.
    pub scores: Table,
    /// What quantisations lose, in words.
    pub losses: Table,
    /// The constants in use.
    pub constants: Vec<Table>,
}

#[derive(Template)]
#[template(path = "method.html")]
struct Method<'a> {
    m: &'a Messages,
    view: &'a MethodView<'a>,
    fitted: String,
    text: String,
}

/// The method, with the constants in use and their scores.
pub fn method_page(view: &MethodView<'_>, m: &Messages, site: &Site) -> askama::Result<String> {
    let fitted = m.method.fitted(&view.fitted_on, &crate::figure::number(f64::from(view.rows)));
    let body = Method { m, view, fitted, text: rendered(view.markdown) }.render()?;
    framed([m.method.title, m.method.lead], "/methodology", body, m, site)
}

/// Markdown as HTML: our own text, with tables. Its headings go one level down, under the page's own.
fn rendered(markdown: &str) -> String {
    use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};
    let lower = |level: HeadingLevel| match level {
        HeadingLevel::H1 => HeadingLevel::H2,
        HeadingLevel::H2 => HeadingLevel::H3,
        _ => HeadingLevel::H4,
    };
    let events = Parser::new_ext(markdown, Options::ENABLE_TABLES).map(|event| match event {
        Event::Start(Tag::Heading { level, id, classes, attrs }) => {
            Event::Start(Tag::Heading { level: lower(level), id, classes, attrs })
        }
        Event::End(TagEnd::Heading(level)) => Event::End(TagEnd::Heading(lower(level))),
        // Raw HTML is shown as it is written: the page's policy allows no style and no script in it anyway.
        Event::Html(raw) | Event::InlineHtml(raw) => Event::Text(raw),
        // A wide block scrolls sideways, so the keyboard must reach it.
        Event::Start(Tag::CodeBlock(_)) => Event::Html("<pre tabindex=\"0\"><code>".into()),
        Event::End(TagEnd::CodeBlock) => Event::Html("</code></pre>\n".into()),
        // A wide table scrolls too; and an attribute for alignment would be a style.
        Event::Start(Tag::Table(_)) => Event::Html("<table tabindex=\"0\">".into()),
        other => other,
    });
    let mut out = String::new();
    html::push_html(&mut out, events);
    out
}

#[derive(Template)]
#[template(path = "about.html")]
struct About<'a> {
    m: &'a Messages,
    tables_fits: String,
}

/// What this is, where its numbers come from, and what happens to what people type.
pub fn about_page(m: &Messages, site: &Site) -> askama::Result<String> {
    let body = About { m, tables_fits: coded(m.about.tables_fits) }.render()?;
    framed([m.about.title, m.about.what_text], "/about", body, m, site)
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorView {
    /// Nothing is at this address.
    NotFound,
    /// No device or model has this name; these are near, each as a path and a name.
    NotKnown {
        /// What was asked for.
        what: String,
        /// Paths and names of what is near.
        near: Vec<(String, String)>,
    },
    /// The address could not be read: why, in a sentence.
    Bad(String),
    /// The fault is ours.
    Ours,
}

/// Pages that may be meant: paths and names.
pub(crate) type Near = [(String, String)];

impl ErrorView {
    /// A heading, a sentence (or none), and what is near.
    pub(crate) fn words<'v>(&'v self, m: &Messages) -> (String, &'v str, &'v Near) {
        let w = &m.error;
        match self {
            ErrorView::NotFound => (w.not_found.to_owned(), w.not_found_text, &[]),
            ErrorView::NotKnown { what, near } => (w.not_known(what), "", near),
            ErrorView::Bad(why) => (w.bad.to_owned(), why, &[]),
            ErrorView::Ours => (w.wrong.to_owned(), w.wrong_text, &[]),
        }
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct Error<'a> {
    m: &'a Messages,
    text: &'a str,
    near: &'a [(String, String)],
}

/// A page that says what went wrong and where to go.
pub fn error_page(view: &ErrorView, m: &Messages, site: &Site) -> askama::Result<String> {
    let (title, text, near) = view.words(m);
    framed([&title, text], "", Error { m, text, near }.render()?, m, site)
}

/// A page of text under a title, with what search engines say of it.
fn framed(
    [title, description]: [&str; 2],
    current: &str,
    body: String,
    m: &Messages,
    site: &Site,
) -> askama::Result<String> {
    let full_title = format!("{title} – {}", m.site.name);
    let frame = Frame { title: &full_title, description, heading: title, current, ..Frame::default() };
    frame.with_body(body).render(m, site)
}

/// A sentence of the message file as HTML: what stands in backticks is code.
pub(crate) fn coded(sentence: &str) -> String {
    let parts = sentence.split('`').map(crate::picture::escape).enumerate();
    parts.map(|(at, part)| if at % 2 == 1 { format!("<code>{part}</code>") } else { part }).collect()
}

#[cfg(test)]
mod tests {
    use super::{coded, rendered};

    #[test]
    fn backticks_are_code_and_nothing_else_is_markup() {
        let html = coded("`a <b>` makes one; <i> does not.");
        assert_eq!(html, "<code>a &lt;b&gt;</code> makes one; &lt;i&gt; does not.");
    }

    #[test]
    fn headings_go_down_a_rank_and_raw_markup_is_shown_as_written() {
        let html = rendered("# One\n\n<b style=\"x\">raw</b>\n\n```text\na < b\n```\n\n|h|\n|:-:|\n|`c`|\n");
        assert!(html.contains("<h2>One</h2>"), "{html}");
        assert!(html.contains("&lt;b style=") && !html.contains("<b"), "{html}");
        assert!(html.contains("<pre tabindex=\"0\"><code>a &lt; b\n</code></pre>"), "{html}");
        assert!(html.contains("<th>h</th>") && html.contains("<td><code>c</code></td>"), "{html}");
    }
}
