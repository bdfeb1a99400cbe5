//! The form: its fields, what they say now, and which of them a page shows.

mod setups;

use std::borrow::Cow;
use std::iter;

use askama::Template;
use data::query::CACHE_TYPES;

use crate::card::{JOB, SETUP};
use crate::messages::Messages;
use crate::query::Query;
use crate::view::Problem;

/// What the form's lists offer, from the catalogue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choices {
    /// Names of all devices.
    pub devices: Vec<String>,
    /// Names of all models.
    pub models: Vec<String>,
    /// Names of all quantisations.
    pub quants: Vec<String>,
    /// Families of models.
    pub families: Vec<String>,
    /// Licences of models.
    pub licenses: Vec<String>,
}

/// Which page the form stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Home,
    Model,
    Device,
    Compare,
    File,
    Embed,
}

/// One field.
struct Field<'a> {
    name: Cow<'static, str>,
    label: &'static str,
    kind: Kind<'a>,
    invalid: bool,
    /// Whether it takes the whole width.
    wide: bool,
}

enum Kind<'a> {
    /// Free text: value, hint, id of a list of suggestions, and the keyboard that suits it.
    Text { value: &'a str, hint: &'static str, list: &'static str, keyboard: &'static str },
    /// One of: value, label, whether it is chosen.
    Select(Vec<(&'a str, &'a str, bool)>),
}

struct Group<'a> {
    heading: Cow<'static, str>,
    help: &'static str,
    /// Whether it is folded away until it is wanted.
    folds: bool,
    open: bool,
    fields: Vec<Field<'a>>,
}

#[derive(Template)]
#[template(path = "form.html")]
struct Form<'a> {
    m: &'a Messages,
    action: &'a str,
    groups: Vec<Group<'a>>,
    /// Address of the module that answers, where the page has one of its own.
    engine: &'static str,
    /// What is asked for and no field shows, so that the button of a page without scripts keeps it.
    kept: Vec<(&'a str, &'a str)>,
    lists: Vec<(&'static str, Vec<&'a str>)>,
}

/// Context lengths that the field suggests.
const CONTEXTS: [&str; 8] = ["2k", "4k", "8k", "16k", "32k", "64k", "128k", "256k"];
const RUNTIMES: [&str; 5] = ["ollama", "mlx", "vllm", "exllamav2", "exllamav3"];
const BACKENDS: [&str; 6] = ["cuda", "rocm", "vulkan", "metal", "sycl", "cpu"];

struct Maker<'a> {
    query: &'a Query,
    problems: &'a [Problem],
}

impl<'a> Maker<'a> {
    fn field(&self, name: impl Into<Cow<'static, str>>, label: &'static str, kind: Kind<'a>) -> Field<'a> {
        let name = name.into();
        let invalid = self.problems.iter().any(|p| p.field == name);
        let wide = matches!(&*name, "hardware" | "q" | "sort" | "class" | "quant" | "kind");
        Field { name, label, kind, invalid, wide }
    }

    fn text(
        &self,
        name: impl Into<Cow<'static, str>>,
        label: &'static str,
        hint: &'static str,
        list: &'static str,
    ) -> Field<'a> {
        let name = name.into();
        let kind = Kind::Text { value: self.query.get(&name), hint, list, keyboard: "" };
        self.field(name, label, kind)
    }

    fn number(
        &self,
        name: impl Into<Cow<'static, str>>,
        label: &'static str,
        hint: &'static str,
    ) -> Field<'a> {
        let name = name.into();
        let kind = Kind::Text { value: self.query.get(&name), hint, list: "", keyboard: "decimal" };
        self.field(name, label, kind)
    }

    fn select(
        &self,
        name: impl Into<Cow<'static, str>>,
        label: &'static str,
        options: Vec<(&'a str, &'a str)>,
    ) -> Field<'a> {
        let name = name.into();
        let now = self.query.get(&name);
        // What is in force stands in the list as it was spelt, or beside the list: `split=2:1` is a value too.
        let chosen = options.iter().position(|(value, _)| value.eq_ignore_ascii_case(now));
        let mut options: Vec<_> = options
            .into_iter()
            .enumerate()
            .map(|(at, (value, words))| (value, words, Some(at) == chosen))
            .collect();
        let mut field = self.field(name, label, Kind::Select(Vec::new()));
        if chosen.is_none() && !field.invalid {
            options.push((now, now, true));
        }
        field.kind = Kind::Select(options);
        field
    }

    /// Whether any of these fields says something, or is wrong.
    fn any(&self, fields: &[Field<'a>]) -> bool {
        fields.iter().any(|field| !self.query.get(&field.name).is_empty() || field.invalid)
    }
}

/// The values themselves as their labels, after the one that stands for "not given".
fn with_default<'a>(default: &'a str, values: impl IntoIterator<Item = &'a str>) -> Vec<(&'a str, &'a str)> {
    iter::once(("", default)).chain(values.into_iter().map(|v| (v, v))).collect()
}

/// The form of a page. `action` is the page's own path.
pub(crate) fn form<'a>(
    place: Place,
    action: &'a str,
    choices: &'a Choices,
    query: &'a Query,
    problems: &'a [Problem],
    m: &'a Messages,
) -> askama::Result<String> {
    let make = Maker { query, problems };
    let mut groups = Vec::new();
    if place == Place::Embed {
        groups.push(pair(&make, m));
    } else {
        usual(&mut groups, &make, place, choices, m);
    }
    let mut lists = vec![("contexts", CONTEXTS.to_vec())];
    if place != Place::Device {
        lists.push(("hardwares", choices.devices.iter().map(String::as_str).collect()));
    }
    if matches!(place, Place::Model | Place::Compare | Place::Embed) {
        lists.push(("quants", choices.quants.iter().map(String::as_str).collect()));
    }
    if matches!(place, Place::Compare | Place::Embed) {
        lists.push(("models", choices.models.iter().map(String::as_str).collect()));
    }
    let kept = match place {
        // A snippet is of a device as it is sold.
        Place::Embed => kept(query, JOB),
        Place::File => kept(query, &[SETUP, &["address"]].concat()),
        // And what a setup says itself that has no field.
        Place::Compare => query.pairs().filter(|(name, _)| setups::is_of_setup(name)).collect(),
        _ => kept(query, SETUP),
    };
    let is_shown = |name: &str| groups.iter().flat_map(|group| &group.fields).any(|field| field.name == name);
    let kept = kept.into_iter().filter(|(name, _)| *name != "hardware" && !is_shown(name)).collect();
    let engine = if place == Place::File { "/wasm/gguf_page.js" } else { "" };
    Form { m, action, engine, groups, kept, lists }.render()
}

/// What the address says by these names.
pub(crate) fn kept<'a>(query: &'a Query, names: &[&str]) -> Vec<(&'a str, &'a str)> {
    query.pairs().filter(|(name, _)| names.contains(name)).collect()
}

/// The groups of a page that answers.
fn usual<'a>(
    groups: &mut Vec<Group<'a>>,
    make: &Maker<'a>,
    place: Place,
    choices: &'a Choices,
    m: &'a Messages,
) {
    match place {
        Place::Home | Place::Model | Place::File => groups.extend(machine(make, m)),
        // Which machine it is, the page says; how many there are and with how much memory is the reader's to say.
        Place::Device => groups.push(Group {
            heading: m.form.heading.into(),
            help: "",
            folds: false,
            open: true,
            fields: many(make, m).into(),
        }),
        Place::Compare | Place::Embed => {}
    }
    if place == Place::Compare {
        groups.extend(setups::groups(make, m));
    }
    groups.push(job(make, place, m));
    groups.push(cache_and_runtime(make, m));
    if place != Place::Compare {
        groups.push(host(make, m));
    }
    match place {
        Place::Home | Place::Device => groups.extend(model_filters(make, choices, m)),
        Place::Model => groups.push(machine_filters(make, m)),
        Place::Compare | Place::File | Place::Embed => {}
    }
}

/// A machine and a model, for a snippet.
fn pair<'a>(make: &Maker<'a>, m: &Messages) -> Group<'a> {
    let w = &m.form;
    let mut fields = vec![
        make.text("hardware", w.hardware, w.hardware_hint, "hardwares"),
        make.text("model", w.model, w.model_hint, "models"),
        make.text("quant", w.quant, w.quant_hint, "quants"),
        make.text("context", w.context, w.context_hint, "contexts"),
    ];
    fields.iter_mut().for_each(|field| field.wide = true);
    Group { heading: m.embed.what.into(), help: "", folds: false, open: true, fields }
}

fn class_options(default: &'static str, m: &Messages) -> Vec<(&'static str, &'static str)> {
    let w = &m.form;
    vec![
        ("", default),
        ("discrete_gpu", w.class_discrete_gpu),
        ("apple", w.class_apple),
        ("unified", w.class_unified),
        ("cpu", w.class_cpu),
        ("mobile", w.class_mobile),
    ]
}

/// How many of a device there are, and which of the sizes that it is sold with.
fn many<'a>(make: &Maker<'a>, m: &Messages) -> [Field<'a>; 2] {
    [make.number("devices", m.form.devices, "1"), make.number("memory_gib", m.form.memory, "")]
}

fn machine<'a>(make: &Maker<'a>, m: &Messages) -> [Group<'a>; 2] {
    let w = &m.form;
    let picked = Group {
        heading: w.heading.into(),
        help: "",
        folds: false,
        open: true,
        fields: iter::once(make.text("hardware", w.hardware, w.hardware_hint, "hardwares"))
            .chain(many(make, m))
            .collect(),
    };
    let fields = vec![
        make.select("class", w.class, class_options("–", m)),
        make.number("bandwidth_gb_s", w.bandwidth, ""),
        make.number("compute_f16_tflops", w.compute, ""),
        make.number("usable_gib", w.usable, w.usable_hint),
    ];
    let own = Group { heading: w.own.into(), help: w.own_help, folds: true, open: make.any(&fields), fields };
    [picked, own]
}

fn job<'a>(make: &Maker<'a>, place: Place, m: &Messages) -> Group<'a> {
    let w = &m.form;
    let usage =
        vec![("", w.usage_any), ("chat", w.usage_chat), ("agent", w.usage_agent), ("batch", w.usage_batch)];
    let mut fields =
        vec![make.text("context", w.context, w.context_hint, "contexts"), make.select("use", w.usage, usage)];
    if place != Place::File {
        fields.push(make.number("min_tps", w.min_tps, "10"));
        fields.push(make.number("streams", w.streams, "1"));
    }
    Group { heading: w.job.into(), help: "", folds: false, open: true, fields }
}

fn cache_and_runtime<'a>(make: &Maker<'a>, m: &Messages) -> Group<'a> {
    let w = &m.form;
    let caches = CACHE_TYPES.into_iter().map(|(name, _)| name);
    let fields = vec![
        make.select(
            "kv",
            w.cache_k,
            with_default(w.cache_any, caches.clone().filter(|name| *name != w.cache_any)),
        ),
        make.select("kv_v", w.cache_v, with_default(w.cache_as_keys, caches)),
        make.select("runtime", w.runtime, with_default(w.runtime_any, RUNTIMES)),
        make.select("backend", w.backend, with_default(w.backend_any, BACKENDS)),
        make.text("prompt", w.prompt, w.prompt_hint, "contexts"),
        make.text("cached", w.cached, "0", "contexts"),
    ];
    Group { heading: w.tuning.into(), help: "", folds: true, open: make.any(&fields), fields }
}

fn host<'a>(make: &Maker<'a>, m: &Messages) -> Group<'a> {
    let w = &m.form;
    let split = vec![("", w.split_any), ("layers", w.split_layers), ("tensor", w.split_tensor)];
    let fields = vec![
        make.number("host_ram_gib", w.host_ram, w.host_ram_hint),
        make.number("host_bandwidth_gb_s", w.host_bandwidth, ""),
        make.text("power", w.power, "1", ""),
        make.select("split", w.split, split),
    ];
    Group { heading: w.host.into(), help: "", folds: true, open: make.any(&fields), fields }
}

fn fits_options(m: &Messages) -> Vec<(&'static str, &'static str)> {
    vec![("", m.form.fits_any), ("runs", m.form.fits_runs), ("whole", m.form.fits_whole)]
}

fn machine_filters<'a>(make: &Maker<'a>, m: &Messages) -> Group<'a> {
    let w = &m.form;
    let fields = vec![
        make.text("q", w.search_machine, w.search_machine_hint, ""),
        make.text("quant", w.quant, w.quant_hint, "quants"),
        make.select("fits", w.fits, fits_options(m)),
        make.select("kind", w.kind, class_options(w.kind_any, m)),
    ];
    Group { heading: w.find.into(), help: "", folds: false, open: true, fields }
}

fn model_filters<'a>(make: &Maker<'a>, choices: &'a Choices, m: &Messages) -> [Group<'a>; 2] {
    let w = &m.form;
    let sort = vec![
        ("", w.sort_capability),
        ("speed", w.sort_speed),
        ("ttft", w.sort_ttft),
        ("size", w.sort_size),
        ("newest", w.sort_newest),
        ("name", w.sort_name),
    ];
    let find =
        vec![make.text("q", w.search, w.search_hint, ""), make.select("fits", w.fits, fits_options(m))];
    let narrow = vec![
        make.select("sort", w.sort, sort),
        make.select(
            "family",
            w.family,
            with_default(w.family_any, choices.families.iter().map(String::as_str)),
        ),
        make.select(
            "license",
            w.license,
            with_default(w.license_any, choices.licenses.iter().map(String::as_str)),
        ),
        make.number("min_score", w.min_score, "0"),
        make.select("group", w.group, vec![("", w.group_none), ("family", w.group_family)]),
    ];
    [
        Group { heading: w.find.into(), help: "", folds: false, open: true, fields: find },
        Group { heading: w.narrow.into(), help: "", folds: true, open: make.any(&narrow), fields: narrow },
    ]
}
