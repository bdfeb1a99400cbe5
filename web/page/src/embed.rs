//! A model on a machine as other sites show it: in a frame, and the page that hands out the snippets.

use askama::Template;
use chart::Verdict;
use data::answer::Answer;

use crate::card::{self, JOB, TRACK_TPS, plain};
use crate::document::{Frame, Site};
use crate::form::{self, Place};
use crate::messages::Messages;
use crate::query::Query;
use crate::text::{ErrorView, Near};
use crate::view::{Measured, Problem};
use crate::{figure, listing, words};

/// A model on a machine.
#[derive(Clone, Debug, PartialEq)]
pub struct PairView {
    /// The machine's id.
    pub device_id: String,
    /// Its name.
    pub device: String,
    /// The model's id.
    pub model_id: String,
    /// Its name.
    pub model: String,
    /// Name of the quantisation.
    pub quant: String,
    /// The estimate.
    pub answer: Answer,
    /// Least decode speed that counts as fast enough, tokens a second.
    pub minimum_tps: f64,
    /// What was measured of the very same setup.
    pub measured: Option<Measured>,
}

impl PairView {
    /// How it runs.
    pub(crate) fn verdict(&self) -> Verdict {
        words::verdict(&self.answer, self.answer.decode_tps.is_some_and(|tps| tps.mid >= self.minimum_tps))
    }

    /// Its speed and what that rests on: the median where there is one, else the estimate; none where it does not run.
    pub(crate) fn speed(&self, m: &Messages) -> Option<(String, String)> {
        let measured = self.measured.and_then(|by| Some((by.decode_tps?, card::median_of(by, m))));
        match (measured, self.answer.decode_tps) {
            (Some((tps, of)), _) => Some((figure::number(tps), of)),
            (None, Some(range)) => Some((figure::range(range), m.embed.estimated.to_owned())),
            (None, None) => None,
        }
    }

    /// The page with the whole answer.
    fn page(&self, query: &Query) -> String {
        query.only(JOB).with("hardware", &self.device_id).link(&format!("/m/{}", self.model_id), &[])
    }
}

#[derive(Template)]
#[template(path = "embed.html")]
struct Embed<'a> {
    m: &'a Messages,
    site: &'a Site,
    pair: &'a PairView,
    title: String,
    class: &'static str,
    mark: String,
    verdict: &'static str,
    speed: String,
    ground: String,
    bar: String,
    ttft: String,
    memory: String,
    memory_bar: String,
    href: String,
}

/// The document inside a frame on another site: small, without script.
pub fn embed_page(pair: &PairView, query: &Query, m: &Messages, site: &Site) -> askama::Result<String> {
    let answer = &pair.answer;
    let verdict = pair.verdict();
    let (speed, ground) = pair.speed(m).unwrap_or_default();
    let measured = pair.measured.and_then(|by| by.decode_tps);
    Embed {
        m,
        site,
        pair,
        title: m.report.heading(&pair.device, &pair.model),
        class: verdict.class(),
        mark: chart::verdict_mark(verdict, None),
        verdict: words::verdict_word(verdict, m),
        speed,
        ground,
        bar: answer
            .decode_tps
            .map(|range| chart::range_bar(plain(range), TRACK_TPS, verdict, measured, None))
            .unwrap_or_default(),
        ttft: answer.ttft_ms.map(figure::duration).unwrap_or_default(),
        memory: card::memory(&answer.footprint_gib, m),
        memory_bar: card::memory_bar(&answer.footprint_gib, m),
        href: pair.page(query),
    }
    .render()
}

#[derive(Template)]
#[template(path = "embed_error.html")]
struct EmbedError<'a> {
    m: &'a Messages,
    site: &'a Site,
    title: String,
    /// Where the frame's foot leads.
    href: &'static str,
    text: &'a str,
    near: &'a Near,
}

/// The document inside a frame whose address asks for nothing that there is: what is wrong, and what may be meant.
pub fn embed_error_page(view: &ErrorView, m: &Messages, site: &Site) -> askama::Result<String> {
    let (title, text, near) = view.words(m);
    EmbedError { m, site, title, href: "/", text, near }.render()
}

#[derive(Template)]
#[template(path = "embed_guide.html")]
struct Guide<'a> {
    m: &'a Messages,
    problems: String,
    /// Address of the frame, for the preview.
    frame: String,
    badge: String,
    preview: String,
    /// Heading, what it is for, and the text to copy.
    snippets: Vec<(&'static str, &'static str, String)>,
}

/// The page that hands out snippets, with `origin` before their addresses; without a pair it says what could not be read.
pub fn embed_guide_page(
    pair: Option<&PairView>,
    problems: &[Problem],
    origin: &str,
    query: &Query,
    m: &Messages,
    site: &Site,
) -> askama::Result<String> {
    let w = &m.embed;
    let guide = match pair {
        Some(pair) => guide(pair, origin, query, m),
        None => Guide {
            m,
            problems: String::new(),
            frame: String::new(),
            badge: String::new(),
            preview: String::new(),
            snippets: Vec::new(),
        },
    };
    let problems_html = listing::problems(problems, "/embed", query, m)?;
    Frame {
        title: &format!("{} – {}", w.title, m.site.name),
        description: w.lead,
        heading: w.title,
        form: form::form(Place::Embed, "/embed", &site.choices, query, problems, m)?,
        body: Guide { problems: problems_html, ..guide }.render()?,
        ..Frame::default()
    }
    .render(m, site)
}

fn guide<'a>(pair: &PairView, origin: &str, query: &Query, m: &'a Messages) -> Guide<'a> {
    let w = &m.embed;
    let job = query.only(JOB);
    let quant = query.get("quant");
    let job = if quant.is_empty() { job } else { job.with("quant", quant) };
    let place = format!("{}/{}", pair.device_id, pair.model_id);
    let frame = job.link(&format!("/embed/{place}"), &[]);
    let badge = job.link(&format!("/badge/{place}.svg"), &[]);
    let preview = job.link(&format!("/social/{place}.png"), &[]);
    let page = pair.page(query);
    let title = m.report.heading(&pair.device, &pair.model);
    let attributes: String = job.pairs().map(|(name, value)| format!(" {name}={}", quoted(value))).collect();
    let (device, model) = (quoted(&pair.device_id), quoted(&pair.model_id));
    let element = format!(
        "<script type=\"module\" src=\"{origin}/embed/can-it-run.js\"></script>\n<can-it-run device={device} model={model}{attributes}></can-it-run>"
    );
    let iframe = format!(
        "<iframe src={} title={} width=\"100%\" height=\"190\" loading=\"lazy\"></iframe>",
        quoted(&format!("{origin}{frame}")),
        quoted(&title)
    );
    let markdown = format!("[![{title}]({origin}{badge})]({origin}{page})");
    let api = job
        .with("hardware", &pair.device_id)
        .with("model", &pair.model_id)
        .link("/api/v1/estimate", &[("min_tps", "")]);
    Guide {
        m,
        problems: String::new(),
        snippets: vec![
            (w.element, w.element_for, element),
            (w.frame, w.frame_for, iframe),
            (w.badge, w.badge_for, markdown),
            (w.preview, w.preview_for, format!("{origin}{preview}")),
            (w.api, w.api_for, format!("{origin}{api}")),
        ],
        frame,
        badge,
        preview,
    }
}

/// An attribute's value with its quotes.
fn quoted(value: &str) -> String {
    format!("\"{}\"", crate::picture::escape(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_element_forwards_every_attribute_that_a_snippet_writes() {
        let element = concat!(env!("CARGO_MANIFEST_DIR"), "/../server/embed/can-it-run.js");
        let script = std::fs::read_to_string(element).expect("the element lies beside us");
        let list = script.split_once("const ASKED = [").and_then(|(_, rest)| rest.split_once(']'));
        let mut asked: Vec<&str> =
            list.expect("one list").0.split(',').map(|name| name.trim().trim_matches('"')).collect();
        let mut written = [JOB, &["quant"]].concat();
        asked.sort_unstable();
        written.sort_unstable();
        assert_eq!(asked, written);
    }
}
