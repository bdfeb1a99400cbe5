//! The site that sample pages stand on, and all of them by name.

use data::runs::RunRows;
use page::benchmarks::{Around, Offers, benchmarks_page};
use page::measured::MeasuredView;
use page::messages::EN;
use page::{Choices, ErrorView, Query, Site};

use crate::sample;

pub fn site() -> Site {
    Site {
        origin: "https://llm-speed.example".into(),
        style: "style.css".into(),
        loader: "loader.js".into(),
        contribute: "contribute.js".into(),
        dispute: "dispute.js".into(),
        choices: Choices {
            devices: (0..340).map(|i| sample::device(i).name).collect(),
            models: (0..230).map(|i| sample::model(i).name).collect(),
            quants: vec!["Q4_K_M".into(), "Q8_0".into()],
            families: (0..9).map(|i| sample::model(i).family).collect(),
            licenses: vec!["apache-2.0".into(), "mit".into()],
        },
    }
}

/// The table of runs, with a campaign that has everything.
fn benchmarks(query: &str, site: &Site) -> askama::Result<String> {
    let (table, wanted) = sample::table();
    let around = Around { runs: RunRows::embedded(), wanted: &wanted, offers: &Offers::of(&table) };
    benchmarks_page(&table, &around, &Query::parse(query), &EN, site)
}

/// Every page, rendered.
pub fn pages() -> Vec<(&'static str, String)> {
    let site = site();
    let query = Query::parse("hardware=GeForce+RTX+3090&context=32k");
    let setups =
        Query::parse("hardware1=RTX+3090&model1=qwen3-30b&hardware2=M4+Max&model2=llama-70b&context=32k");
    let mut start = sample::home(0);
    start.machine = None;
    let near = vec![("/m/qwen3-30b-a3b".to_owned(), "Qwen3 30B-A3B".to_owned())];
    let rendered = [
        ("start", page::home_page(&start, &Query::default(), &EN, &site)),
        ("home", page::home_page(&sample::home(230), &query, &EN, &site)),
        ("model", page::model_page(&sample::model_page(true), &sample::measured(), &query, &EN, &site)),
        (
            "model-bare",
            page::model_page(
                &sample::model_page(false),
                &MeasuredView::default(),
                &Query::default(),
                &EN,
                &site,
            ),
        ),
        ("device", page::device_page(&sample::device_page(), &sample::measured(), &query, &EN, &site)),
        ("compare", page::compare_page(&sample::compare(), &sample::measured(), &setups, &EN, &site)),
        ("benchmarks", benchmarks("", &site)),
        (
            "benchmarks-asked",
            benchmarks("shape=short&sort=-ratio&per_page=2&page=2&trend=rtx-3090,llama-3.1-8b,q4_k_m", &site),
        ),
        ("benchmarks-wrong", benchmarks("shape=round&sort=colour&per_page=9999&q=nothing+like+it", &site)),
        ("gguf", page::gguf_page(&sample::file(), &query, &EN, &site)),
        ("method", page::method_page(&sample::method(), &EN, &site)),
        ("about", page::about_page(&EN, &site)),
        ("error", page::error_page(&ErrorView::NotKnown { what: "qwen33".into(), near }, &EN, &site)),
    ];
    rendered.into_iter().map(|(name, html)| (name, html.expect("writing to a String cannot fail"))).collect()
}
