//! What packed rows look like, as one number: it changes whenever they would be read differently.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::fnv::{FNV, fnv1a};

/// The shape of the catalogue's rows, rules and constants. `data` is this crate's folder.
pub fn of_rows(data: &Path) -> io::Result<u64> {
    let mut sources = rust_files(&data.join("src/row"))?;
    sources.push(data.join("src/constants/part.rs"));
    shape(data, &sources)
}

/// The shape of the table of runs.
pub fn of_table(data: &Path) -> io::Result<u64> {
    shape(data, &[data.join("src/table/mod.rs")])
}

/// FNV-1a over the sources that say what is packed, and over those types of the estimator that it is made of.
fn shape(data: &Path, sources: &[PathBuf]) -> io::Result<u64> {
    let rows = texts(sources)?;
    let estimator = texts(&rust_files(&data.join("../estimator/src"))?)?;
    let types = packed_types(&rows, &estimator);
    let said = rows.iter().map(String::as_str).chain(types.into_values());
    Ok(said.fold(FNV, |hash, text| fnv1a(hash, text.bytes())))
}

fn rust_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let paths: io::Result<Vec<PathBuf>> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect();
    let mut paths = paths?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    paths.sort();
    Ok(paths)
}

fn texts(paths: &[PathBuf]) -> io::Result<Vec<String>> {
    paths.iter().map(fs::read_to_string).collect()
}

/// The estimator's types that rows name, and those that they are made of in turn, each with its declaration.
fn packed_types<'t>(rows: &[String], estimator: &'t [String]) -> BTreeMap<&'t str, &'t str> {
    let declared: BTreeMap<&str, &str> = estimator.iter().flat_map(|text| declarations(text)).collect();
    let mut wanted: Vec<&str> = rows.iter().flat_map(|text| imports(text)).flat_map(words).collect();
    let mut found = BTreeMap::new();
    while let Some(name) = wanted.pop() {
        // What is declared nowhere is a function or a word of another crate.
        let Some((name, declaration)) = declared.get_key_value(name) else { continue };
        if found.insert(*name, *declaration).is_none() {
            wanted.extend(words(declaration));
        }
    }
    found
}

/// What is named behind each `estimator::`: one name, or a list in braces.
fn imports(text: &str) -> impl Iterator<Item = &str> {
    text.split("estimator::").skip(1).map(|rest| {
        let end = match rest.strip_prefix('{') {
            Some(list) => 1 + list.find('}').unwrap_or(list.len()),
            None => rest.find(|sign: char| !is_of_word(sign)).unwrap_or(rest.len()),
        };
        &rest[..end]
    })
}

/// Public structs and enums of a source, with the text of each.
fn declarations(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let starts = ["\npub struct ", "\npub enum "]
        .into_iter()
        .flat_map(move |start| text.match_indices(start).map(|(at, start)| at + start.len()));
    starts.map(move |at| {
        let rest = &text[at..];
        let line = rest.lines().next().unwrap_or_default();
        let end = if line.ends_with(';') { line.len() } else { rest.find("\n}").unwrap_or(rest.len()) };
        (words(rest).next().unwrap_or_default(), &rest[..end])
    })
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|sign: char| !is_of_word(sign)).filter(|word| !word.is_empty())
}

fn is_of_word(sign: char) -> bool {
    sign.is_alphanumeric() || sign == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATA: &str = env!("CARGO_MANIFEST_DIR");

    #[test]
    fn the_rows_of_this_build_have_this_shape() {
        let built = include_bytes!(concat!(env!("OUT_DIR"), "/rows.shape"));
        assert_eq!(of_rows(Path::new(DATA)).unwrap().to_le_bytes(), *built);
        let built = include_bytes!(concat!(env!("OUT_DIR"), "/table.shape"));
        assert_eq!(of_table(Path::new(DATA)).unwrap().to_le_bytes(), *built);
    }

    #[test]
    fn the_estimators_types_in_rows_are_seen() {
        let rows = texts(&rust_files(&Path::new(DATA).join("src/row")).unwrap()).unwrap();
        let estimator = texts(&rust_files(&Path::new(DATA).join("../estimator/src")).unwrap()).unwrap();
        let types = packed_types(&rows, &estimator);
        for name in ["HardwareClass", "ComputeFormat", "Offload", "MemoryRules", "BufferRules", "Experts"] {
            assert!(types.contains_key(name), "{name} of {:?}", types.keys());
        }
        assert!(types["HardwareClass"].contains("DiscreteGpu") && types["Experts"].contains("active: u32"));
        assert!(!types.contains_key("Estimate"), "no row holds one");
    }

    #[test]
    fn another_declaration_is_another_shape_and_another_equation_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        for path in ["data/src/row", "data/src/constants", "estimator/src"] {
            fs::create_dir_all(at(path)).unwrap();
        }
        let write = |path: &str, text: &str| fs::write(at(path), text).unwrap();
        let shape = || of_rows(&at("data")).unwrap();
        write("data/src/row/device.rs", "use estimator::{\n    Class,\n    Share,\n};\n");
        write("data/src/constants/part.rs", "pub struct Part(f64);\n");
        let estimator = "//! Types.\npub enum Class {\n    A,\n    B,\n}\npub struct Share(Inner);\npub struct Inner {\n    x: f32,\n}\n\
                         pub struct Apart {\n    y: f32,\n}\nfn f() -> f64 {\n    1.0\n}\n";
        let with = |from: &str, to: &str| {
            write("estimator/src/types.rs", &estimator.replace(from, to));
            shape()
        };
        let first = with("", "");
        assert_eq!(first, with("1.0", "2.0"));
        assert_eq!(first, with("y: f32", "y: f64"), "it is in no row");
        assert_ne!(first, with("    A,\n    B,\n", "    B,\n    A,\n"));
        assert_ne!(first, with("x: f32", "x: f64"), "in what a row's type is made of");
        assert_ne!(first, with("Share(Inner)", "Share(f32)"));
    }
}
