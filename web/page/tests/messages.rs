//! Every sentence is said somewhere: one that nobody says costs its bytes in the browser and its work in each language.

use std::fs;
use std::path::Path;

/// Sources and templates under a folder of the workspace's `web`.
fn sources(folder: &Path, all: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder of ours") {
        let path = entry.expect("a readable folder").path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "tests" {
                sources(&path, all);
            }
        } else if name.ends_with(".rs") || name.ends_with(".html") {
            all.push(fs::read_to_string(&path).expect("our own file"));
        }
    }
}

/// Whether `text` holds `word` with no letter of a name behind it.
fn says(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        !text[at + word.len()..].starts_with(|next: char| next.is_alphanumeric() || next == '_')
    })
}

/// Whether a source says a sentence: by its table, or by a name that the table has in it (`let w = &m.table;`).
fn is_said(source: &str, table: &str, key: &str) -> bool {
    let joined: String = source.split_whitespace().collect();
    let whole = format!("m.{table};");
    let of_table = joined.match_indices(&whole).filter_map(|(at, _)| {
        let before = joined[..at].trim_end_matches("self.").trim_end_matches(['&', '=']);
        before.rsplit("let").next().filter(|name| name.len() < 12)
    });
    std::iter::once(table).chain(of_table).any(|name| says(&joined, &format!("{name}.{key}")))
}

#[test]
fn every_sentence_is_said() {
    let mut all = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), &mut all);
    assert!(all.len() > 100, "{} sources", all.len());
    let (mut table, mut count, mut unsaid) = (String::new(), 0, Vec::new());
    for line in include_str!("../messages/en.toml").lines() {
        if let Some(name) = line.strip_prefix('[') {
            table = name.trim_end_matches(']').to_owned();
        } else if let Some((key, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            count += 1;
            if !all.iter().any(|source| is_said(source, &table, key)) {
                unsaid.push(format!("{table}.{key}"));
            }
        }
    }
    assert!(count > 500, "{count} sentences");
    assert!(unsaid.is_empty(), "nobody says {}", unsaid.join(", "));
}

#[test]
fn an_unsaid_sentence_is_noticed() {
    let source = "let w = &m.form;\n w.search_hint, m.form.search";
    for key in ["search_hint", "search"] {
        assert!(is_said(source, "form", key), "{key}");
    }
    assert!(!is_said(source, "form", "searc") && !is_said(source, "site", "search"));
}
