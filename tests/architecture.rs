//! Who may know whom. A crate that is missing here fails, and so does an arrow that is not listed.

#[path = "architecture/claims.rs"]
mod claims;
#[path = "architecture/source.rs"]
mod source;
#[path = "architecture/words.rs"]
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use source::{lines, said, sources};

/// Crate → crates of this house that its library may use.
#[rustfmt::skip]
const MAY_USE: &[(&str, &[&str])] = &[
    ("llm-speed-estimator", &[]),
    ("llm-speed-chart",     &[]),
    ("llm-speed-data",      &["estimator"]),
    ("llm-speed-probe",     &["estimator", "data"]),
    ("llm-speed-calibrate", &["estimator", "data", "chart"]),
    ("llm-speed-page",      &["estimator", "data", "chart"]),
    ("llm-speed-browser",   &["data", "page"]),
    ("llm-speed-wasm",      &["data", "page", "browser"]),
    ("llm-speed-gguf",      &["estimator", "data", "page", "browser"]),
    ("llm-speed-contribute", &["data", "page"]),
    ("llm-speed-benchmarks", &["data", "page"]),
    ("llm-speed-work",      &["data"]),
    ("llm-speed-server",    &["estimator", "data", "page"]),
    ("llm-speed-tests",     &["estimator", "data", "chart", "page", "probe", "calibrate", "server", "wasm"]),
    ("xtask",               &["data"]),
];

/// What a crate may stand on, other people's crates included, where that is almost nothing.
const STANDS_ON: &[(&str, &[&str])] =
    &[("llm-speed-estimator", &["libm", "serde"]), ("llm-speed-chart", &[])];

/// What a browser loads, and what is built for it.
const IN_A_BROWSER: &[&str] = &["page", "browser", "wasm", "gguf", "contribute", "benchmarks", "work"];

/// Features of `data` that no browser has: the rows lie beside the modules, and nothing reads files.
const NATIVE_FEATURES: &[&str] = &["embedded", "files", "runs", "schema", "openapi", "envelope"];

/// A rule about what the sources under a folder (or one file) may not say.
struct Ban {
    /// Folder or file.
    place: &'static str,
    /// What stays out, as it would be written.
    words: &'static [&'static str],
    /// Folders and files within `place` that the rule leaves alone.
    except: &'static [&'static str],
    /// Why.
    because: &'static str,
}

/// Ways out of a pure function.
const OUTSIDE: &[&str] = &[
    "std::fs",
    "std::io",
    "std::net",
    "std::process",
    "std::env",
    "std::time",
    "std::thread::",
    "SystemTime",
    "Instant",
    "rand::",
    "getrandom",
    "web_sys",
    "js_sys",
    "wasm_bindgen",
    "tokio",
    "axum",
    "sqlx",
    "reqwest",
    "ureq",
    "toml::",
];

/// What pages are written in.
const MARKUP: &[&str] = &["<html", "<body", "<div", "<section", "<table", "<span", "<p>"];

#[rustfmt::skip]
const BANS: &[Ban] = &[
    Ban { place: "estimator/src", words: &["std::", "alloc::", "extern crate", "String", "Vec<", "Box<", "vec!", "format!", "println!", ".powf(", ".powi(", ".sqrt()", ".exp()", ".ln()"], except: &[], because: "the estimator runs in a browser, an optimiser and on bare metal, with the same bits" },
    Ban { place: "estimator/src/constants.rs", words: &["Default"], except: &[], because: "a constant without a measurement behind it does not exist" },
    Ban { place: "data/src", words: &["std::net", "std::process", "std::time", "std::env", "std::thread::", "SystemTime", "Instant", "rand::", "getrandom", "reqwest", "ureq", "tokio", "web_sys", "js_sys", "wasm_bindgen"], except: &[], because: "data's answers are the same everywhere: network, processes, clock and chance are handed in" },
    Ban { place: "data/src", words: &["std::fs", "std::io", "toml::"], except: &["data/src/files"], because: "only the files feature touches files, and nothing else reads TOML" },
    Ban { place: "data/src/gguf", words: &["std::"], except: &[], because: "the GGUF reader uses only core and alloc" },
    Ban { place: "data/src/paste", words: &["std::"], except: &[], because: "the paste reader uses only core and alloc" },
    Ban { place: "data/src/json", words: &["std::"], except: &[], because: "the readers of foreign text stand on it" },
    Ban { place: "probe/src/drivers", words: &["crate::cmd", "crate::report", "crate::client"], except: &[], because: "a driver is read, tested and deleted alone" },
    Ban { place: "web/page/src", words: OUTSIDE, except: &[], because: "the page is a pure function" },
    Ban { place: "web/chart/src", words: OUTSIDE, except: &[], because: "a chart is made of plain numbers" },
    Ban { place: "web/server/src", words: MARKUP, except: &[], because: "markup lives in the page" },
    Ban { place: "web/browser/src", words: MARKUP, except: &[], because: "markup lives in the page" },
    Ban { place: "web/wasm/src", words: MARKUP, except: &[], because: "markup lives in the page" },
    Ban { place: "web/gguf/src", words: MARKUP, except: &[], because: "markup lives in the page" },
    Ban { place: "web/contribute/src", words: MARKUP, except: &[], because: "markup lives in the page" },
    Ban { place: "web/benchmarks/src", words: MARKUP, except: &[], because: "markup lives in the page" },
    Ban { place: "web/server/src", words: &["sqlx::", "SELECT ", "INSERT ", "UPDATE ", "DELETE FROM "], except: &["web/server/src/store"], because: "SQL lives in the store" },
    Ban { place: "web/server/src/store", words: &["axum", "StatusCode", "http::"], except: &[], because: "the store knows no HTTP" },
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace").to_owned()
}

/// Folders of the workspace's members, from its manifest.
fn members(root: &Path) -> Vec<PathBuf> {
    let manifest: toml::Table =
        fs::read_to_string(root.join("Cargo.toml")).expect("a workspace").parse().expect("TOML");
    manifest["workspace"]["members"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|member| root.join(member.as_str().expect("a path")))
        .collect()
}

/// A manifest, read.
fn manifest(folder: &Path) -> toml::Table {
    fs::read_to_string(folder.join("Cargo.toml")).expect("a manifest").parse().expect("TOML")
}

/// A manifest's tables of dependencies. What only tests use counts: a crate whose tests know a neighbour cannot be deleted
/// alone, nor can that neighbour.
const TABLES: [&str; 3] = ["dependencies", "build-dependencies", "dev-dependencies"];

/// Everything that a manifest asks for, those of single systems, of tests and of what builds it too.
fn asked(manifest: &toml::Table) -> Vec<(&String, &toml::Value)> {
    let systems =
        manifest.get("target").and_then(toml::Value::as_table).into_iter().flat_map(toml::Table::values);
    let places = systems.filter_map(toml::Value::as_table).chain([manifest]);
    places
        .flat_map(|place| TABLES.iter().filter_map(|table| place.get(*table)?.as_table()))
        .flatten()
        .collect()
}

/// The short name of a dependency that is one of ours, whatever it is called where it is used: ours lie at a path.
fn ours(key: &str, asked: &toml::Value, shared: &toml::Table) -> Option<String> {
    let is_shared = asked.get("workspace").and_then(toml::Value::as_bool) == Some(true);
    let asked = if is_shared { shared.get(key)? } else { asked };
    let name = asked.get("package").and_then(toml::Value::as_str).unwrap_or(key);
    let is_ours = asked.get("path").is_some() || name.starts_with("llm-speed-");
    is_ours.then(|| name.trim_start_matches("llm-speed-").to_owned())
}

/// What is wrong with one manifest. `shared` is the workspace's table of dependencies.
fn arrows(manifest: &toml::Table, shared: &toml::Table) -> Vec<String> {
    let allowed: BTreeMap<_, _> = MAY_USE.iter().copied().collect();
    let name = manifest["package"]["name"].as_str().expect("a name");
    let Some(may_use) = allowed.get(name) else { return vec![format!("{name} has no row in MAY_USE")] };
    let used: BTreeSet<String> =
        asked(manifest).into_iter().filter_map(|(key, asked)| ours(key, asked, shared)).collect();
    let mut wrong: Vec<String> = used
        .into_iter()
        .filter(|used| !may_use.contains(&used.as_str()))
        .map(|used| format!("{name} must never use {used}"))
        .collect();
    let built = |table: &&str| manifest.get(*table)?.as_table();
    let libraries = ["dependencies", "build-dependencies"].iter().filter_map(built).flatten();
    for (key, asked) in libraries {
        let bare = STANDS_ON.iter().find(|(known, _)| *known == name);
        if bare.is_some_and(|(_, on)| !on.contains(&key.as_str())) {
            wrong.push(format!("{name} must never use {key}"));
        }
        let in_a_browser = IN_A_BROWSER.contains(&name.trim_start_matches("llm-speed-"));
        if in_a_browser && ours(key, asked, shared).as_deref() == Some("data") {
            let features = asked.get("features").and_then(toml::Value::as_array).into_iter().flatten();
            let native =
                features.filter_map(toml::Value::as_str).filter(|feature| NATIVE_FEATURES.contains(feature));
            wrong.extend(native.map(|feature| format!("{name} must never ask data for {feature}")));
        }
    }
    wrong
}

/// Lines of a source that say a banned word.
fn breaches(text: &str, ban: &Ban) -> Vec<(usize, String)> {
    let is_banned = |(_, line): &(usize, String)| ban.words.iter().any(|word| said(line, word));
    lines(text).into_iter().filter(is_banned).collect()
}

/// Folders and files that a rule names and that are not there: it would keep nothing.
fn missing(ban: &Ban, root: &Path) -> Vec<String> {
    let places = [ban.place].into_iter().chain(ban.except.iter().copied());
    places.filter(|place| sources(&root.join(place)).is_empty()).map(str::to_owned).collect()
}

/// Drivers that a driver's source names: by the folder of all, or by any number of steps up.
fn neighbours<'n>(text: &str, own: &str, all: &'n BTreeSet<String>) -> Vec<&'n str> {
    let lines = lines(text);
    let names = |other: &&String| {
        let paths = [format!("drivers::{other}"), format!("super::{other}")];
        let is_there = |line: &str| paths.iter().any(|path| ends_there(line, path));
        lines.iter().any(|(_, line)| is_there(line))
    };
    all.iter().filter(|other| *other != own).filter(names).map(String::as_str).collect()
}

/// Whether a line has a path, and not one of a longer name.
fn ends_there(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let after = line[at + path.len()..].chars().next();
        !after.is_some_and(|sign| sign.is_alphanumeric() || sign == '_')
    })
}

/// The driver that a file below the folder of all belongs to: its own name, or that of its folder; none of the list.
fn driver_of(path: &Path) -> Option<String> {
    let first = path.components().next()?.as_os_str().to_string_lossy().into_owned();
    let name = first.trim_end_matches(".rs").to_owned();
    (name != "mod").then_some(name)
}

#[test]
fn arrows_point_down() {
    let root = root();
    let shared = manifest(&root)["workspace"]["dependencies"].as_table().expect("shared versions").clone();
    let wrong: Vec<String> =
        members(&root).iter().flat_map(|member| arrows(&manifest(member), &shared)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn rooms_keep_to_themselves() {
    let root = root();
    let mut wrong = Vec::new();
    for ban in BANS {
        wrong.extend(missing(ban, &root).into_iter().map(|place| format!("{place} is not there")));
        for path in sources(&root.join(ban.place)) {
            if ban.except.iter().any(|except| path.starts_with(root.join(except))) {
                continue;
            }
            let text = fs::read_to_string(&path).expect("a source");
            for (line, said) in breaches(&text, ban) {
                let place = path.strip_prefix(&root).expect("below the root").display();
                wrong.push(format!("{place}:{line}: {said}  ({})", ban.because));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn drivers_do_not_know_each_other() {
    let folder = root().join("probe/src/drivers");
    let below = |path: &Path| driver_of(path.strip_prefix(&folder).expect("below the folder"));
    let files = sources(&folder);
    let all: BTreeSet<String> = files.iter().filter_map(|path| below(path)).collect();
    assert!(all.len() >= 8 && all.contains("llama_cpp"), "{all:?}");
    let mut wrong = Vec::new();
    for path in &files {
        let Some(own) = below(path) else { continue };
        let text = fs::read_to_string(path).expect("a source");
        wrong.extend(neighbours(&text, &own, &all).iter().map(|other| format!("{own} knows {other}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Every crate root says that it is safe, by the workspace's lints, and none opts out.
#[test]
fn unsafe_code_is_forbidden() {
    let root = root();
    let workspace: toml::Table = fs::read_to_string(root.join("Cargo.toml")).unwrap().parse().unwrap();
    assert_eq!(workspace["workspace"]["lints"]["rust"]["unsafe_code"].as_str(), Some("forbid"));
    for member in members(&root) {
        let manifest: toml::Table = fs::read_to_string(member.join("Cargo.toml")).unwrap().parse().unwrap();
        let inherits = manifest["lints"].get("workspace").and_then(toml::Value::as_bool) == Some(true);
        assert!(inherits, "{} has lints of its own", member.display());
    }
}

/// The checks above see a violation when there is one.
#[test]
fn planted_arrows_are_found() {
    let shared: toml::Table = "probe = { package = \"llm-speed-probe\", path = \"probe\" }\n\
         data = { package = \"llm-speed-data\", path = \"data\" }\nserde = \"1\"\n"
        .parse()
        .unwrap();
    let found = |text: &str| arrows(&text.parse().unwrap(), &shared);
    let server = "[package]\nname = \"llm-speed-server\"\n";
    let asks = "probe.workspace = true\ndata.workspace = true\nserde.workspace = true\n";
    assert_eq!(found(&format!("{server}[dependencies]\n{asks}")), ["llm-speed-server must never use probe"]);
    // On one system only, and as what builds it.
    let on_windows = format!("{server}[target.'cfg(windows)'.dependencies]\n{asks}");
    assert_eq!(found(&on_windows), ["llm-speed-server must never use probe"]);
    let builds = format!("{server}[build-dependencies]\nprobe.workspace = true\n");
    assert_eq!(found(&builds), ["llm-speed-server must never use probe"]);
    // Past the workspace's table, under another name; and those that have no short name there.
    let renamed = format!(
        "{server}[dependencies]\nhelp = {{ package = \"llm-speed-probe\", path = \"../../probe\" }}\n"
    );
    assert_eq!(found(&renamed), ["llm-speed-server must never use probe"]);
    for name in ["wasm", "gguf", "work", "contribute", "benchmarks"] {
        let module = format!("{server}[dependencies]\nllm-speed-{name} = {{ path = \"../{name}\" }}\n");
        assert_eq!(found(&module), [format!("llm-speed-server must never use {name}")]);
    }
    assert_eq!(found("[package]\nname = \"llm-speed-extra\"\n"), ["llm-speed-extra has no row in MAY_USE"]);
    // In its tests alone.
    let tested = format!("{server}[dev-dependencies]\nprobe.workspace = true\n");
    assert_eq!(found(&tested), ["llm-speed-server must never use probe"]);
    // Other people's crates, where there are to be none; tests may have their tools.
    let estimator = "[package]\nname = \"llm-speed-estimator\"\n";
    let libraries = "libm = \"1\"\nserde.workspace = true\nrand = \"1\"\n";
    let asks = format!("{estimator}[dependencies]\n{libraries}[dev-dependencies]\nproptest = \"1\"\n");
    assert_eq!(found(&asks), ["llm-speed-estimator must never use rand"]);
    // Files in a browser.
    let wasm = "[package]\nname = \"llm-speed-wasm\"\n[dependencies]\n";
    let asks = format!("{wasm}data = {{ workspace = true, features = [\"digest\", \"files\"] }}\n");
    assert_eq!(found(&asks), ["llm-speed-wasm must never ask data for files"]);
}

#[test]
fn planted_breaches_are_found() {
    let ban = &BANS[0];
    let planted = "use core::fmt;\nfn f() { let x = std::time::Instant::now(); }\n// std:: in a comment\n\
                   #[cfg(test)]\nmod tests {\n    use std::vec;\n}\n";
    assert_eq!(breaches(planted, ban).iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2]);
    assert!(breaches("let tested::Thing = x;", ban).is_empty());
    assert!(!breaches("let y = x.sqrt();", ban).is_empty());
    // Code behind the tests, and paths in groups.
    assert_eq!(breaches(&format!("{planted}fn g() {{ std::process::exit(1); }}\n"), ban).len(), 2);
    let files = BANS.iter().find(|ban| ban.except == ["data/src/files"]).expect("a rule on files");
    assert_eq!(breaches("use std::{fs, path};\n", files).len(), 1);
    assert_eq!(breaches("use std::{\n    path,\n    fs::{self, File},\n};\n", files).len(), 2);
    assert!(breaches("use std::{fmt, path::Path};\n", files).is_empty());
    let nowhere =
        Ban { place: "data/src/no-such-room", words: &["x"], except: &["data/src/nor-this"], because: "" };
    assert_eq!(missing(&nowhere, &root()), ["data/src/no-such-room", "data/src/nor-this"]);
}

#[test]
fn planted_neighbours_are_found() {
    let all: BTreeSet<String> = ["llama_cpp", "ollama", "vllm"].map(str::to_owned).into();
    for text in [
        "use super::llama_cpp::process;\n",
        "use super::super::llama_cpp;\n",
        "use crate::drivers::{llama_cpp, mlx_extra};\n",
        "fn f() { crate::drivers::llama_cpp::go() }\n",
        "#[cfg(test)]\nmod tests {\n}\nuse super::llama_cpp;\n",
    ] {
        assert_eq!(neighbours(text, "ollama", &all), ["llama_cpp"], "{text}");
    }
    assert!(neighbours("use super::llama_cpp_like;\nuse super::ollama::x;\n", "ollama", &all).is_empty());
    for (path, name) in
        [("mod.rs", None), ("ollama.rs", Some("ollama")), ("llama_cpp/mod.rs", Some("llama_cpp"))]
    {
        assert_eq!(driver_of(Path::new(path)).as_deref(), name, "{path}");
    }
}
