//! One device: its facts, and what runs on it.

use askama::Template;

use crate::messages::Messages;
use crate::query::Query;
use crate::view::DeviceView;
use crate::{figure, home};

#[derive(Template)]
#[template(path = "device_results.html")]
struct DeviceResults<'a> {
    m: &'a Messages,
    known: Vec<(&'static str, String)>,
    unverified: String,
    models: String,
    sources: &'a [String],
}

/// What goes into `#results` for one device; `path` is the page's own.
pub fn results(view: &DeviceView, path: &str, query: &Query, m: &Messages) -> askama::Result<String> {
    DeviceResults {
        m,
        known: known(view, m),
        unverified: view.unverified.as_ref().map(|what| m.results.unverified(what)).unwrap_or_default(),
        models: home::results(&view.models, path, query, m)?,
        sources: &view.sources,
    }
    .render()
}

/// What kind of machine it is, in words.
pub(crate) fn class_word<'m>(class: &str, m: &'m Messages) -> &'m str {
    match class {
        "discrete_gpu" => m.device.class_discrete_gpu,
        "apple" => m.device.class_apple,
        "unified" => m.device.class_unified,
        "cpu" => m.device.class_cpu,
        _ => m.device.class_mobile,
    }
}

fn known(view: &DeviceView, m: &Messages) -> Vec<(&'static str, String)> {
    let w = &m.device;
    let sizes: Vec<String> = view.memory_sizes_gib.iter().map(|gib| figure::gib(*gib)).collect();
    let memory =
        if sizes.is_empty() { w.memory_yours.to_owned() } else { format!("{} GiB", sizes.join(", ")) };
    let memory = view.memory_kind.iter().fold(memory, |memory, kind| format!("{memory} {kind}"));
    let compute = view
        .compute_f16_tflops
        .map_or(w.compute_open.to_owned(), |tflops| format!("{} TFLOPS", figure::number(tflops)));
    let mut known = vec![
        (w.kind, class_word(&view.device.class, m).to_owned()),
        (w.memory, memory),
        (w.bandwidth, format!("{} GB/s", figure::number(view.device.bandwidth_gb_s))),
        (w.compute, compute),
    ];
    known.extend(view.power_w.map(|watts| (w.power, format!("{watts} W"))));
    known.extend(view.release_year.map(|year| (w.year, year.to_string())));
    known
}
