//! All models on one machine: the results of the first page.

use askama::Template;
use chart::Verdict;

use crate::card::{JOB, SETUP};
use crate::figures::{self, Figure};
use crate::messages::Messages;
use crate::query::Query;
use crate::view::{HomeView, MachineNote, Told};
use crate::{figure, listing};

#[derive(Template)]
#[template(path = "home_results.html")]
struct HomeResults<'a> {
    m: &'a Messages,
    problems: String,
    machine: Option<MachineLine<'a>>,
    summary: String,
    rule: String,
    figures: Vec<Figure>,
    listing: String,
    popular: Vec<(String, &'a str)>,
    scope: String,
}

/// The picked machine in one line.
pub(crate) struct MachineLine<'a> {
    pub(crate) name: &'a str,
    pub(crate) links: Vec<(String, &'a str)>,
    pub(crate) facts: String,
    pub(crate) unverified: Vec<String>,
}

impl<'a> MachineLine<'a> {
    pub(crate) fn new(machine: &'a MachineNote, query: &Query, m: &Messages) -> Self {
        let bandwidths: Vec<String> = machine.bandwidth_gb_s.iter().map(|b| figure::number(*b)).collect();
        let memory = m.results.usable(&figure::gib(machine.memory_gib), &figure::gib(machine.usable_gib));
        // A machine of one kind is described on that device's page as it is here; of several each has a page.
        let told = query.only(if machine.devices.len() == 1 { SETUP } else { JOB });
        MachineLine {
            name: &machine.name,
            links: machine
                .devices
                .iter()
                .map(|(id, name)| (told.link(&format!("/d/{id}"), &[("hardware", "")]), name.as_str()))
                .collect(),
            facts: format!("{memory} · {}", m.results.bandwidth(&bandwidths.join(" + "))),
            unverified: machine.unverified.iter().map(|what| m.results.unverified(what)).collect(),
        }
    }
}

/// What goes into `#results` for all models on one machine; `path` is the page's own.
pub fn results(view: &HomeView, path: &str, query: &Query, m: &Messages) -> askama::Result<String> {
    let count = |verdicts: &[Verdict]| view.spots.iter().filter(|s| verdicts.contains(&s.verdict)).count();
    let whole = count(&[Verdict::Runs, Verdict::Slow]);
    let runs = whole + count(&[Verdict::Offloaded]);
    let context = figure::tokens(view.wanted.context_tokens);
    let minimum = figure::number(view.wanted.minimum_tps);
    // In families the strongest of each comes first, and not the strongest of all.
    let by_capability = matches!(query.get("sort"), "" | "capability") && !query.is("group", "family");
    let mut figures = Vec::new();
    if let Some(machine) = view.machine.as_ref().filter(|_| !view.spots.is_empty()) {
        figures.push(figures::capability(&view.spots, &machine.name, view.wanted, m));
        figures.extend(figures::context(&view.curves, view.longest_context, &machine.name, m));
    }
    let hardware = path.strip_prefix("/d/").unwrap_or(query.get("hardware"));
    HomeResults {
        m,
        problems: listing::problems(&view.problems, path, query, m)?,
        machine: view.machine.as_ref().map(|machine| MachineLine::new(machine, query, m)),
        summary: m.results.many(&runs.to_string(), &whole.to_string()),
        rule: if by_capability {
            m.results.rule(&context, &minimum)
        } else {
            m.results.rule_sorted(&context, &minimum)
        },
        figures,
        listing: listing::listing(
            &view.cards,
            view.pages,
            m.results.none,
            path,
            query,
            &listing::asked(query, &view.problems).link("", &[("model", ""), ("hardware", hardware)]),
            m,
        )?,
        popular: view
            .start
            .popular
            .iter()
            .map(|(id, name)| (query.link(path, &[("hardware", id)]), name.as_str()))
            .collect(),
        scope: {
            let (devices, models, quants) = view.start.counts;
            m.start.scope(&devices.to_string(), &models.to_string(), &quants.to_string())
        },
    }
    .render()
}

#[derive(Template)]
#[template(path = "suggestion.html")]
struct Suggestion<'a> {
    m: &'a Messages,
    words: String,
    href: String,
}

/// What goes into `#suggest`: the machine that the browser itself names, for people to take or to leave.
pub fn suggestion(told: &Told, path: &str, query: &Query, m: &Messages) -> askama::Result<String> {
    let href = query.link(path, &[("hardware", &told.hardware), ("page", "")]);
    let words = match told.threads_and_memory {
        None => m.results.suggested(&told.name),
        Some((threads, None)) => m.results.suggested_threads(&told.name, &threads.to_string()),
        Some((threads, Some(gib))) => {
            m.results.suggested_memory(&format!("{gib}"), &told.name, &threads.to_string())
        }
    };
    Suggestion { m, words, href }.render()
}
