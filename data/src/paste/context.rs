//! What the lines around the timings say of the model and the device.
//!
//! Commands and start-up messages name them. Of a command only the name of the model is used and kept: the rest of
//! it may hold a path or a prompt.

use alloc::{format, string::String, vec::Vec};

use super::{
    bench::is_quant,
    devices::{self, Device, Devices},
    found::{Found, Kind, Name},
    page::{Firsts, Page},
    reading::{Field, Tool},
};

/// What is known at a place of the text, and what is kept of it.
struct Context {
    at: usize,
    /// Whom it is about.
    about: About,
    names: Vec<(Field, Name)>,
    lines: String,
    /// For a table, which says of which it is.
    devices: Devices,
}

impl Context {
    fn new(at: usize, about: About) -> Context {
        Context { at, about, names: Vec::new(), lines: String::new(), devices: Devices::default() }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum About {
    Llama,
    /// A table names its models itself, and not its devices.
    Bench,
    Ollama,
    Mlx,
}

impl About {
    /// Whose names a tool's output goes by, where others tell them.
    fn of(run: &Found) -> Option<About> {
        match run.run.tool {
            Tool::LlamaBench if run.kind == Kind::Table => Some(About::Bench),
            Tool::LlamaCpp | Tool::LlamaServer | Tool::LlamaBatchedBench | Tool::LlamaSweepBench => {
                Some(About::Llama)
            }
            Tool::Ollama | Tool::KTransformers => Some(About::Ollama),
            Tool::MlxLm => Some(About::Mlx),
            _ => None,
        }
    }
}

/// Lines that may stand between the devices and the table below them: of libraries that were loaded.
const MAX_GAP: usize = 8;

/// Gives each run the names that stood before it, where its own lines have none.
pub(super) fn apply(page: &Page<'_>, runs: &mut [Found]) {
    let mut starts: Vec<usize> = Vec::new();
    starts.extend(runs.iter().filter(|run| About::of(run).is_some()).map(|run| run.at.start));
    if starts.is_empty() {
        return;
    }
    starts.sort_unstable();
    let contexts = read(page, &starts);
    let kinds = [About::Llama, About::Bench, About::Ollama, About::Mlx];
    let contexts =
        kinds.map(|about| contexts.iter().filter(|context| context.about == about).collect::<Vec<_>>());
    for run in runs {
        let Some(about) = About::of(run) else { continue };
        let known = &contexts[about as usize];
        let before = known.partition_point(|context| context.at <= run.at.start);
        let Some(context) = before.checked_sub(1).map(|at| known[at]) else { continue };
        let fits = match about {
            About::Bench => run.run.backend.as_deref().is_some_and(|backends| context.devices.fit(backends)),
            _ => run.run.model.is_none(),
        };
        if !fits {
            continue;
        }
        for (field, name) in &context.names {
            run.name(*field, name);
        }
        run.run.lines.insert_str(0, &context.lines);
    }
}

/// The contexts in the order of the text, as far as a run begins after them; each holds also what came before it.
fn read(page: &Page<'_>, starts: &[usize]) -> Vec<Context> {
    let mut contexts: Vec<Context> = Vec::new();
    let mut meta = Meta::default();
    // The last line of a loader: put together with those before it only where a run follows.
    let mut open: Option<usize> = None;
    let mut found_at = None;
    let mut row_at = None;
    for (number, line) in page.plain() {
        let body = page.body(line);
        let at = line.start;
        if is_row(body) {
            // The rows below a header are of its devices; rows that stand apart are of nobody's.
            let is_header = body.contains("t/s");
            let goes_on = row_at.replace(number).is_some_and(|last| number - last <= 2);
            if is_header || !goes_on {
                let near = found_at.take().filter(|found| is_header && number - found <= MAX_GAP);
                contexts.push(meta.of_bench(at, near.is_some()));
            }
            continue;
        }
        let is_meta = META_FIRSTS.has(line);
        let device = is_meta.then(|| devices::device(page, line)).flatten();
        let told = if device.is_none() && is_meta { meta_line(page, body, line.body) } else { None };
        if device.is_some() || told.is_some() {
            if let Some(open) = open.replace(at) {
                let next = starts.partition_point(|start| *start < open);
                if starts.get(next).is_some_and(|start| *start < at) {
                    contexts.push(meta.of_llama(open));
                }
            }
            if device.is_some() {
                found_at = Some(number);
            }
            meta.add(told, device);
        } else if names_model(body)
            && let Some((about, lines, names)) = command(page, body, line.body)
        {
            contexts.extend(open.take().map(|open| meta.of_llama(open)));
            let of_llama = (about == About::Llama).then(|| (lines.clone(), names.clone()));
            meta = Meta { command: of_llama, ..Meta::default() };
            contexts.push(Context { lines, names, ..Context::new(at, about) });
        }
    }
    contexts.extend(open.map(|open| meta.of_llama(open)));
    contexts
}

/// Whether it is a row of a table or its header.
fn is_row(body: &str) -> bool {
    body.starts_with('|') || (body.starts_with("model") && body.contains(['|', '\t']) && body.contains("t/s"))
}

/// Whether a command may name a model: most lines of a log have none of these words, which is cheap to see.
fn names_model(body: &str) -> bool {
    let bytes = body.as_bytes();
    let mut letters = bytes.iter().enumerate().filter(|(_, byte)| matches!(**byte, b'm' | b'h'));
    letters.any(|(at, _)| {
        let (before, from) = bytes.split_at(at);
        from.starts_with(b"model")
            || from.starts_with(b"mlx_lm")
            || (before.ends_with(b"-") && (from.starts_with(b"m") || from.starts_with(b"hf")))
            || (before.ends_with(b"olla") && from.starts_with(b"ma"))
    })
}

/// The lines of a loading model, by what they tell.
const META: [(&str, &str); 6] = [
    ("general.name", "name"),
    ("model type", "type"),
    ("model ftype", "ftype"),
    ("file type", "ftype"),
    ("model size", "size"),
    ("file size", "size"),
];

/// What those lines begin with, and the lines of devices.
const META_FIRSTS: Firsts = Firsts::new("mflpgD");

/// `print_info: file type   = Q4_0`, `llm_load_print_meta: …`, `model      : x.gguf`
fn meta_line(page: &Page<'_>, body: &str, at: usize) -> Option<(&'static str, Name)> {
    let of = |from: usize, to: usize| Name::new(page, at + from..at + to);
    if let Some(rest) = body.strip_prefix("model ").or_else(|| body.strip_prefix("ftype ")) {
        let value = rest.trim_start().strip_prefix(": ")?;
        let key = if body.starts_with("model ") { "file" } else { "ftype" };
        return Some((key, of(body.len() - value.len(), body.len())));
    }
    let (source, rest) = body.split_once(":")?;
    let rest = rest.trim_start();
    if !["llm_load_print_meta", "print_info"].contains(&source) {
        return None;
    }
    let (label, key) = META.iter().find(|(label, _)| rest.starts_with(label))?;
    let value = rest[label.len()..].trim_start().trim_start_matches(['=', ':']).trim_start();
    let from = body.len() - value.len();
    let to = match *label {
        "model size" | "file size" => value.find(" (").unwrap_or(value.len()),
        _ => value.len(),
    };
    Some((key, of(from, from + to)))
}

/// What one start of the program said.
#[derive(Default)]
struct Meta {
    /// Of the command, which names the model where the loader does not.
    command: Option<(String, Vec<(Field, Name)>)>,
    names: Vec<(&'static str, Name)>,
    devices: Devices,
}

impl Meta {
    fn add(&mut self, told: Option<(&'static str, Name)>, device: Option<Device>) {
        if let Some(device) = device {
            self.devices.add(device);
        }
        if let Some((key, name)) = told {
            // A loader starts again with the first of its lines.
            self.names.retain(|(seen, _)| *seen != key);
            self.names.push((key, name));
        }
    }

    /// The device if there is one, and what it is computed with.
    fn of_devices(&self) -> impl Iterator<Item = (Field, Name)> {
        let told = [(Field::Device, self.devices.only()), (Field::Backend, self.devices.backend())];
        told.into_iter().filter_map(|(field, name)| Some((field, name?.clone())))
    }

    /// What a table below it is told: of the devices alone.
    fn of_bench(&self, at: usize, is_near: bool) -> Context {
        let mut context = Context::new(at, About::Bench);
        if is_near {
            context.names.extend(self.of_devices().filter(|(field, _)| *field == Field::Device));
            context.lines = self.devices.kept();
            context.devices = self.devices.clone();
        }
        context
    }

    fn of_llama(&self, at: usize) -> Context {
        let get = |wanted: &str| self.names.iter().find(|(key, _)| *key == wanted).map(|(_, name)| name);
        let mut context = Context::new(at, About::Llama);
        if let Some(name) = get("name") {
            let size =
                get("type").filter(|size| !name.text.contains(size.text.as_str()) && size.text != "?B");
            let text = size.map_or(name.text.clone(), |size| format!("{} {}", name.text, size.text));
            context.names.push((Field::Model, Name { text, range: name.range.clone() }));
        } else if let Some(file) = get("file") {
            context.names.extend(model_and_quant(&file.base()));
        } else if let Some((lines, names)) = &self.command {
            context.names.extend_from_slice(names);
            context.lines.push_str(lines);
        }
        for (field, key) in [(Field::Quant, "ftype"), (Field::Size, "size")] {
            context.names.extend(get(key).map(|name| (field, name.clone())));
        }
        context.names.extend(self.of_devices());
        for (key, label) in [
            ("type", "print_info: model type = "),
            ("ftype", "print_info: file type = "),
            ("size", "print_info: file size = "),
            ("name", "print_info: general.name = "),
        ] {
            if let Some(text) = get(key).and_then(Name::safe) {
                context.lines.extend([label, text, "\n"]);
            }
        }
        context.lines.push_str(&self.devices.kept());
        if let Some(name) = get("file").map(Name::base).as_ref().and_then(Name::safe) {
            context.lines.extend(["model : ", name, "\n"]);
        }
        context
    }
}

/// A command without the prompt of the shell before it.
pub(super) fn command_text(body: &str) -> &str {
    let mut pairs = body.as_bytes().windows(2).take(79);
    let is_prompt = |pair: &[u8]| b"$%#>".contains(&pair[0]) && pair[1] == b' ';
    pairs.position(is_prompt).map_or(body, |at| &body[at + 2..])
}

/// The model of a command: `-m x.gguf`, `ollama run x`, `mlx_lm.generate --model x`; or of a server that loads it.
fn command(page: &Page<'_>, body: &str, at: usize) -> Option<Told> {
    if body.len() > 4096 {
        return None;
    }
    let place = |word: &str| {
        let start = at + (word.as_ptr() as usize - body.as_ptr() as usize);
        Name::new(page, start..start + word.len())
    };
    let after_text = |text: &str| body.split_once(text).map(|(_, rest)| rest);
    if let Some(model) = after_text("using model: ").and_then(|rest| rest.split_ascii_whitespace().next()) {
        return of_ollama(&place(model));
    }
    if let Some(path) = after_text("loading model '").and_then(|rest| rest.split('\'').next()) {
        return of_file(&place(path));
    }
    if let Some(model) = body.strip_prefix("model_name") {
        // Scripts that run a list of prompts say so before it.
        return of_ollama(&place(model.trim_start().strip_prefix('=')?.split_ascii_whitespace().next()?));
    }
    let body = command_text(body);
    let words = || body.split_ascii_whitespace();
    let after = |flags: &[&str]| {
        words().zip(words().skip(1)).find(|(flag, _)| flags.contains(flag)).map(|(_, value)| value)
    };
    let first = words().next()?;
    let runs =
        words().zip(words().skip(1)).position(|(program, verb)| program.contains("ollama") && verb == "run");
    let starts = |names: &[&str]| names.iter().any(|name| first.starts_with(name));
    if let Some(run) = runs.filter(|_| starts(&["ollama", "./ollama", "docker", "podman", "sudo", "time"])) {
        of_ollama(&place(words().skip(run + 2).find(|word| !word.starts_with('-'))?))
    } else if first.starts_with("mlx_lm") || body.contains("-m mlx_lm") {
        of_mlx(&place(after(&["--model"])?).base())
    } else {
        let is_command = starts(&["-", ".", "/", "~", "llama", "main", "build/", "time", "sudo"]);
        if let Some(name) = after(&["-hf", "-hfr", "--hf-repo"]).filter(|_| is_command) {
            return of_hub(&place(name.trim_matches(['"', '\''])));
        }
        let file = after(&["-m", "--model"]).map(|file| file.trim_matches(['"', '\'']));
        of_file(&place(file.filter(|file| is_command && file.ends_with(".gguf"))?))
    }
}

/// Whom a command is about, what is kept of it, and what it names.
type Told = (About, String, Vec<(Field, Name)>);

fn of_ollama(name: &Name) -> Option<Told> {
    let lines = format!("ollama run {}\n", name.safe()?);
    Some((About::Ollama, lines, model_and_quant(name)))
}

/// A model on the hub, with a quantisation for a tag.
fn of_hub(name: &Name) -> Option<Told> {
    let lines = format!("-hf {}\n", name.safe()?);
    Some((About::Llama, lines, model_and_quant(name)))
}

fn model_and_quant(name: &Name) -> Vec<(Field, Name)> {
    let (model, quant) = file_name(name);
    [(Field::Model, model)].into_iter().chain(quant.map(|quant| (Field::Quant, quant))).collect()
}

fn of_mlx(model: &Name) -> Option<Told> {
    let lines = format!("mlx_lm --model {}\n", model.safe()?);
    let mut names = Vec::from([(Field::Model, model.clone())]);
    let end = model.text.len();
    let quant = model.text.rsplit('-').next().filter(|part| part.ends_with("bit"));
    names.extend(quant.map(|quant| (Field::Quant, model.part(end - quant.len()..end))));
    Some((About::Mlx, lines, names))
}

fn of_file(path: &Name) -> Option<Told> {
    let file = path.base();
    let lines = format!("-m {}\n", file.safe()?);
    Some((About::Llama, lines, model_and_quant(&file)))
}

/// Model and quantisation of a file: `Llama-3.2-1B-Instruct-Q4_K_M.gguf`, `x-Q8_0-00001-of-00003.gguf`; and of a name with a
/// tag: `qwen2.5:7b-instruct-q8_0`, `x-GGUF:UD-Q4_K_XL`.
pub(super) fn file_name(file: &Name) -> (Name, Option<Name>) {
    let stem = file.text.strip_suffix(".gguf").unwrap_or(&file.text);
    let stem = match stem.rfind("-of-") {
        Some(of) => stem[..of].rfind('-').map_or(stem, |shard| &stem[..shard]),
        None => stem,
    };
    let mut end = stem.len();
    while let Some(dash) = stem[..end].rfind(['-', '.', ':']) {
        let word = &stem[dash + 1..];
        let unsloth = stem[..dash].ends_with("-UD") || stem[..dash].ends_with(":UD");
        if is_quant(word) {
            let quant = if unsloth { dash - 2 } else { dash + 1 };
            let model_end = if unsloth { dash - 3 } else { dash };
            return (file.part(0..model_end), Some(file.part(quant..stem.len())));
        }
        end = dash;
    }
    (file.part(0..stem.len()), None)
}
