//! Whole pages: the frame around results, and the pages that are rendered by the server alone.

use askama::Template;

use crate::card::{JOB, SETUP};
use crate::contribute::{self, ContributeView};
use crate::form::{self, Choices, Place};
use crate::measured::{self, MeasuredView};
use crate::messages::Messages;
use crate::query::Query;
use crate::view::{CompareView, DeviceView, FileView, HomeView, ModelView, Problem};
use crate::{compare, device, file, home, model};

/// What every page needs to know of its site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Scheme and host under which the site is reached, `https://example.org`; empty where nobody said, and then what
    /// other sites are told is relative to the page.
    pub origin: String,
    /// Address of the style sheet: [`stylesheet`], served as a file.
    pub style: String,
    /// Address of the loader; empty where pages go without.
    pub loader: String,
    /// Address of the contribute page's own script.
    pub contribute: String,
    /// Address of the script with which a reader doubts a result.
    pub dispute: String,
    /// What the form's lists offer.
    pub choices: Choices,
}

/// The style of all pages and charts, to be served as one file.
#[must_use]
pub fn stylesheet() -> String {
    let charts = chart::stylesheet(chart::Theme::Auto);
    let pages = include_str!("../../assets/style.css");
    // Comments and indentation are for us; the rules read the same without.
    let mut out = String::with_capacity(charts.len() + pages.len());
    let mut rest = pages;
    while let Some((before, after)) = rest.split_once("/*") {
        out.push_str(before);
        rest = after.split_once("*/").map_or("", |(_, tail)| tail);
    }
    out.push_str(rest);
    let lines: Vec<&str> =
        charts.lines().chain(out.lines()).map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}

#[derive(Template)]
#[template(path = "document.html")]
struct Document<'a> {
    m: &'a Messages,
    site: &'a Site,
    title: &'a str,
    heading: &'a str,
    /// The path of the entry of the menu that is current.
    current: &'a str,
    above: String,
    form: String,
    /// Address of the page's script; empty for none.
    script: &'a str,
    /// Inside `#results` where there is a form, else the whole body.
    body: String,
    /// What stands under the results and is not swapped with them.
    below: String,
    /// Address of the picture that other sites show beside a link; empty for none.
    preview: String,
    /// What search engines and other sites show of the page.
    description: &'a str,
    frame: &'static str,
}

impl Document<'_> {
    fn menu(&self) -> [(&'static str, &'static str); 8] {
        let w = &self.m.site;
        [
            ("/", w.home),
            ("/compare", w.compare),
            (BENCHMARKS, self.m.benchmarks.menu),
            ("/gguf", w.gguf),
            (crate::leaderboard::PATH, self.m.leaderboard.title),
            ("/contribute", self.m.pasting.menu),
            ("/methodology", w.method),
            ("/about", w.about),
        ]
    }
}

/// One page as it is framed.
#[derive(Default)]
pub(crate) struct Frame<'a> {
    pub(crate) title: &'a str,
    /// The visible heading; empty where the results bring their own.
    pub(crate) heading: &'a str,
    pub(crate) current: &'a str,
    /// What stands above form and results, such as a box to drop a file into.
    pub(crate) above: String,
    pub(crate) form: String,
    pub(crate) body: String,
    /// What stands under the results and is not swapped with them.
    pub(crate) below: String,
    /// Path of the picture that other sites show beside a link; empty for none.
    pub(crate) preview: String,
    /// What other sites show of the page beside its title; empty for what the site is.
    pub(crate) description: &'a str,
    /// Whether a page without a form takes the whole width.
    pub(crate) wide: bool,
    /// Address of the script of a page without a form; empty for none.
    pub(crate) script: &'a str,
}

impl Frame<'_> {
    pub(crate) fn with_body(self, body: String) -> Self {
        Frame { body, ..self }
    }

    pub(crate) fn render(self, m: &Messages, site: &Site) -> askama::Result<String> {
        let frame = match (self.form.is_empty(), self.current) {
            (true, _) if self.wide => "broad",
            (true, _) => "plain",
            // A table of nine columns wants the whole width, so its filters stand above it.
            (false, BENCHMARKS) => "asks wide",
            (false, _) => "asks",
        };
        let script = match (self.form.is_empty(), self.current) {
            (true, _) => self.script,
            (false, CONTRIBUTE) => &site.contribute,
            (false, _) => &site.loader,
        };
        Document {
            script,
            m,
            site,
            title: self.title,
            description: if self.description.is_empty() { m.start.lead } else { self.description },
            heading: self.heading,
            current: self.current,
            above: self.above,
            form: self.form,
            body: self.body,
            below: self.below,
            preview: if self.preview.is_empty() {
                String::new()
            } else {
                format!("{}{}", site.origin, self.preview)
            },
            frame,
        }
        .render()
    }
}

/// Where the table of runs is.
const BENCHMARKS: &str = crate::benchmarks::PATH;
/// Where the contribute page is.
const CONTRIBUTE: &str = "/contribute";

#[derive(Template)]
#[template(path = "contribute.html")]
struct ContributeForm<'a> {
    m: &'a Messages,
    text: &'a str,
    /// Name, label, hint, value, list of suggestions.
    fields: [(&'static str, &'static str, &'static str, &'a str, &'static str); 3],
    lists: [(&'static str, &'a [String]); 3],
    /// What buttons among the results picked before: a form sends the last button alone.
    picked: Vec<(&'static str, &'a str)>,
}

/// Contributing what another tool printed: the form with `text` in it, and how it was read.
pub fn contribute_page(
    view: &ContributeView,
    text: &str,
    query: &Query,
    m: &Messages,
    site: &Site,
) -> askama::Result<String> {
    let w = &m.contribute;
    let about = &m.pasting;
    let choices = &site.choices;
    let form = ContributeForm {
        m,
        text,
        fields: [
            ("hardware", w.machine, about.machine_hint, query.get("hardware"), "hardwares"),
            ("model", w.model, about.model_hint, query.get("model"), "models"),
            ("quant", w.quant, about.quant_hint, query.get("quant"), "quants"),
        ],
        lists: [("hardwares", &choices.devices), ("models", &choices.models), ("quants", &choices.quants)],
        picked: contribute::PICKS
            .map(|name| (name, query.get(name)))
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .collect(),
    };
    Frame {
        title: &format!("{} – {}", about.title, m.site.name),
        description: about.lead,
        heading: about.title,
        current: CONTRIBUTE,
        form: form.render()?,
        body: contribute::results(view, m)?,
        ..Frame::default()
    }
    .render(m, site)
}

/// The first page: all models on one machine.
pub fn home_page(view: &HomeView, query: &Query, m: &Messages, site: &Site) -> askama::Result<String> {
    let title = match &view.machine {
        Some(machine) => format!("{} – {}", machine.name, m.site.name),
        None => format!("{} – {}", m.site.name, m.site.tagline),
    };
    let about = view.machine.as_ref().map(|machine| m.site.device_about(&machine.name)).unwrap_or_default();
    Frame {
        title: &title,
        description: &about,
        heading: m.site.tagline,
        current: "/",
        form: form::form(Place::Home, "/", &site.choices, query, &view.problems, m)?,
        body: home::results(view, "/", query, m)?,
        ..Frame::default()
    }
    .render(m, site)
}

/// A model's page, with what was measured of it.
pub fn model_page(
    view: &ModelView,
    seen: &MeasuredView,
    query: &Query,
    m: &Messages,
    site: &Site,
) -> askama::Result<String> {
    let path = format!("/m/{}", view.model.id);
    // One device of the catalogue as it is sold is a pair that other sites can show: their addresses say the job alone.
    let of_machine = |name: &&&str| **name != "hardware" && !JOB.contains(name);
    let is_sold_so = SETUP.iter().filter(of_machine).all(|name| query.get(name).is_empty());
    let device = view.machine.as_ref().filter(|machine| machine.devices.len() == 1 && is_sold_so);
    let (preview, embed) = match device.and_then(|machine| machine.devices.first()) {
        Some((device, _)) => {
            let job = query.only(JOB).with("quant", query.get("quant"));
            let embed = job.with("hardware", device).with("model", &view.model.id).link("/embed", &[]);
            (job.link(&format!("/social/{device}/{}.png", view.model.id), &[]), embed)
        }
        None => (String::new(), String::new()),
    };
    let name = &view.model.name;
    let (title, about) = match &view.machine {
        Some(machine) => (m.site.pair_title(&machine.name, name), m.site.pair_about(&machine.name, name)),
        None => (m.site.model_title(name), m.site.model_about(name)),
    };
    Frame {
        title: &title,
        description: &about,
        heading: &view.model.name,
        current: "",
        form: form::form(Place::Model, &path, &site.choices, query, &view.problems, m)?,
        body: model::results(view, &path, query, m)?,
        above: measured::jump(
            seen,
            &measured::Ways {
                runs: format!("{BENCHMARKS}?model={}", view.model.id),
                board: format!("{}?model={}", crate::leaderboard::PATH, view.model.id),
                embed: &embed,
            },
            m,
        ),
        preview,
        below: measured::section(seen, m)?,
        ..Frame::default()
    }
    .render(m, site)
}

/// A device's page, with what was measured on it.
pub fn device_page(
    view: &DeviceView,
    seen: &MeasuredView,
    query: &Query,
    m: &Messages,
    site: &Site,
) -> askama::Result<String> {
    let path = format!("/d/{}", view.device.id);
    Frame {
        title: &m.site.device_title(&view.device.name),
        description: &m.site.device_about(&view.device.name),
        heading: &view.device.name,
        current: "",
        form: form::form(Place::Device, &path, &site.choices, query, &view.models.problems, m)?,
        body: device::results(view, &path, query, m)?,
        above: measured::jump(
            seen,
            &measured::Ways {
                runs: format!("{BENCHMARKS}?hardware={}", view.device.id),
                board: format!("{}?class={}", crate::leaderboard::PATH, view.device.class),
                embed: "",
            },
            m,
        ),
        below: measured::section(seen, m)?,
        ..Frame::default()
    }
    .render(m, site)
}

/// Setups side by side, with what was measured of them.
pub fn compare_page(
    view: &CompareView,
    seen: &MeasuredView,
    query: &Query,
    m: &Messages,
    site: &Site,
) -> askama::Result<String> {
    let problems: Vec<Problem> =
        view.columns.iter().flat_map(|column| column.problems.iter().cloned()).collect();
    let named = view.columns.iter().filter(|column| column.answer.is_some());
    let names: Vec<String> = named.map(|column| m.report.heading(&column.machine, &column.model)).collect();
    let what = if names.is_empty() { m.compare.title.to_owned() } else { names.join(", ") };
    Frame {
        title: &format!("{what} – {}", m.site.name),
        description: &m.site.compare_about(&what),
        heading: m.compare.title,
        current: "/compare",
        form: form::form(Place::Compare, "/compare", &site.choices, query, &problems, m)?,
        body: compare::results(view, "/compare", query, m)?,
        above: measured::jump(seen, &measured::Ways::default(), m),
        // Of nothing, nothing was measured and nothing is missing.
        below: if view.columns.is_empty() { String::new() } else { measured::section(seen, m)? },
        ..Frame::default()
    }
    .render(m, site)
}

#[derive(Template)]
#[template(path = "drop.html")]
struct Drop<'a> {
    m: &'a Messages,
    address: &'a str,
    /// What the other form says: the machine and the job.
    kept: Vec<(&'a str, &'a str)>,
}

/// Any model: a box for a file or an address, and what was read from it.
pub fn gguf_page(view: &FileView, query: &Query, m: &Messages, site: &Site) -> askama::Result<String> {
    Frame {
        title: &format!("{} – {}", m.gguf.title, m.site.name),
        description: m.drop.lead,
        heading: m.gguf.title,
        current: "/gguf",
        above: Drop { m, address: query.get("address"), kept: form::kept(query, SETUP) }.render()?,
        form: form::form(Place::File, "/gguf", &site.choices, query, &view.problems, m)?,
        body: file::results(view, "/gguf", query, m)?,
        ..Frame::default()
    }
    .render(m, site)
}
