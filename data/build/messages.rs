//! Turns `messages/*.toml` into Rust: one struct for each table, one field for each sentence. The build scripts of this crate
//! and of `web/page` share it.
//!
//! `en.toml` says which sentences there are. A sentence with `{names}` becomes a method that wants them all, so a
//! missing sentence, a forgotten value and a misspelt name are compile errors. `{rows|row|rows}` is no value but a word beside
//! it: the first where the value is 1, else the last. Another language is another file.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Table → key → sentence.
type Catalogue = BTreeMap<String, BTreeMap<String, String>>;

/// What becomes of the files.
pub struct Form<'a> {
    /// Whether there is a table at all.
    pub is_wanted: &'a dyn Fn(&str) -> bool,
    /// Whether its sentences are there too, and not their names alone.
    pub is_said: &'a dyn Fn(&str) -> bool,
    /// What stands before each method.
    pub attributes: &'a str,
}

/// Writes `messages.rs` of the crate whose build script this is.
pub fn write(form: &Form<'_>) {
    let folder =
        PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("messages");
    println!("cargo::rerun-if-changed={}", folder.display());
    let english = read(&folder.join("en.toml"), form.is_wanted);

    let mut code = String::new();
    structs(&mut code, &english, form.attributes);
    for (language, path) in languages(&folder) {
        let catalogue = if language == "en" { english.clone() } else { read(&path, form.is_wanted) };
        same_names(&english, &catalogue, &language);
        constant(&mut code, &language, &catalogue, form.is_said);
    }
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("messages.rs");
    std::fs::write(&out, code).unwrap_or_else(|e| panic!("cannot write {}: {e}", out.display()));
}

/// The message files, by language.
fn languages(folder: &Path) -> BTreeMap<String, PathBuf> {
    let entries =
        std::fs::read_dir(folder).unwrap_or_else(|e| panic!("cannot list {}: {e}", folder.display()));
    entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .filter_map(|path| Some((path.file_stem()?.to_str()?.to_owned(), path)))
        .collect()
}

fn read(path: &Path, wanted: &dyn Fn(&str) -> bool) -> Catalogue {
    let text =
        std::fs::read_to_string(path).unwrap_or_else(|e| panic!("cannot read {}: {e}", path.display()));
    let mut catalogue: Catalogue =
        toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    catalogue.retain(|table, _| wanted(table));
    catalogue
}

/// What stands in braces in a sentence: the name of a value, and behind a bar the words to choose from by it.
fn places(sentence: &str) -> impl Iterator<Item = (&str, &str)> {
    let inside = sentence.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
    inside.map(|(inside, _)| inside.split_at(inside.find('|').unwrap_or(inside.len())))
}

/// The names in a sentence, sorted, each once.
fn names(sentence: &str) -> Vec<&str> {
    let mut names: Vec<&str> = places(sentence).map(|(name, _)| name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The sentence with the place of each name in their order instead of the name: names need not travel to browsers.
fn numbered(sentence: &str) -> String {
    let names = names(sentence);
    assert!(names.len() <= 10, "a sentence with more than ten values: {sentence}");
    places(sentence).fold(sentence.to_owned(), |text, (name, words)| {
        let count = words.matches('|').count();
        assert!(count == 0 || count == 2, "one word for 1 and one for all others: {sentence}");
        let place = names.binary_search(&name).expect("each name is among the names");
        text.replace(&format!("{{{name}{words}}}"), &format!("{{{place}{words}}}"))
    })
}

/// A translation must want the same values as the original.
fn same_names(english: &Catalogue, other: &Catalogue, language: &str) {
    for (table, sentences) in english {
        for (key, sentence) in sentences {
            let Some(translated) = other.get(table).and_then(|t| t.get(key)) else {
                panic!("messages/{language}.toml lacks {table}.{key}: \"{sentence}\"");
            };
            assert!(
                names(sentence) == names(translated),
                "messages/{language}.toml: {table}.{key} wants {:?}, the English one {:?}",
                names(translated),
                names(sentence)
            );
        }
    }
}

fn struct_name(table: &str) -> String {
    let mut letters = table.chars();
    let first = letters.next().expect("a table has a name").to_ascii_uppercase();
    format!("{first}{}Words", letters.as_str())
}

fn structs(code: &mut String, catalogue: &Catalogue, attributes: &str) {
    put(
        code,
        "/// Every visible sentence in one language.\n#[derive(Clone, Copy, Debug)]\npub struct Messages {\n",
    );
    put(code, "    /// The language's tag, as HTML spells it.\n    pub lang: &'static str,\n");
    for table in catalogue.keys() {
        put(code, &format!("    /// Table `{table}`.\n    pub {table}: {},\n", struct_name(table)));
    }
    put(code, "}\n");
    for (table, sentences) in catalogue {
        let name = struct_name(table);
        put(
            code,
            &format!(
                "/// Sentences of table `{table}`.\n#[derive(Clone, Copy, Debug)]\npub struct {name} {{\n"
            ),
        );
        for (key, sentence) in sentences {
            if names(sentence).is_empty() {
                put(code, &format!("    #[doc = {sentence:?}]\n    pub {key}: &'static str,\n"));
            } else {
                put(code, &format!("    {key}: &'static str,\n"));
            }
        }
        put(code, &format!("}}\nimpl {name} {{\n"));
        for (key, sentence) in sentences {
            let names = names(sentence);
            if names.is_empty() {
                continue;
            }
            let wants: String = names.iter().map(|n| format!(", {n}: &str")).collect();
            put(
                code,
                &format!(
                    "    #[doc = {sentence:?}]\n    #[must_use]\n{attributes}    pub fn {key}(&self{wants}) -> String {{\n        fill(self.{key}, &[{}])\n    }}\n",
                    names.join(", ")
                ),
            );
        }
        put(code, "}\n");
    }
}

fn constant(code: &mut String, language: &str, catalogue: &Catalogue, is_said: &dyn Fn(&str) -> bool) {
    let name = language.replace('-', "_").to_uppercase();
    put(
        code,
        &format!(
            "/// The sentences of `messages/{language}.toml`.\npub const {name}: Messages = Messages {{\n"
        ),
    );
    put(code, &format!("    lang: {language:?},\n"));
    for (table, sentences) in catalogue {
        put(code, &format!("    {table}: {} {{\n", struct_name(table)));
        for (key, sentence) in sentences {
            let sentence = if is_said(table) { numbered(sentence) } else { String::new() };
            put(code, &format!("        {key}: {sentence:?},\n"));
        }
        put(code, "    },\n");
    }
    put(code, "};\n");
}

fn put(code: &mut String, text: &str) {
    code.write_str(text).expect("a String takes all that is written to it");
}
