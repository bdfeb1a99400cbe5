//! Scripts as they are sent: without the comments and the indentation that are for us. A line on a slow connection is a line.

/// The script without lines that are comments alone, and without indentation. What stands within a line stays as it is.
pub fn script(source: &str) -> String {
    let mut lean = String::with_capacity(source.len());
    let mut in_comment = false;
    for line in source.lines().map(str::trim) {
        let is_comment = in_comment || line.starts_with("/*");
        in_comment = is_comment && !line.ends_with("*/");
        if is_comment || line.is_empty() || line.starts_with("//") {
            continue;
        }
        lean.push_str(line);
        lean.push('\n');
    }
    lean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_indentation_go_and_nothing_else() {
        let source =
            "// head\n\n/** one */\nfunction f() {\n  /*\n   * two\n   */\n  return \"//a\"; // stays\n}\n";
        assert_eq!(script(source), "function f() {\nreturn \"//a\"; // stays\n}\n");
    }

    #[test]
    fn no_script_of_ours_holds_text_over_several_lines() {
        // There a line is part of a text, whatever it looks like.
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets");
        let mut seen = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "js") {
                continue;
            }
            for line in std::fs::read_to_string(&path).unwrap().lines() {
                assert_eq!(line.matches('`').count() % 2, 0, "{}: {line}", path.display());
            }
            seen += 1;
        }
        assert!(seen >= 3);
    }
}
