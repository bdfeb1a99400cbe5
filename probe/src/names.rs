//! Names that others gave: what of them may go into a run, and how they are printed.

/// A name as a run may hold it: of a path, whichever machine's, the last part alone; nothing that a terminal obeys.
pub fn public(name: &str) -> String {
    printable(if is_path(name) { last_part(name) } else { name.to_owned() }.as_str())
}

/// The last part of a path; of one into Hugging Face's cache, which ends in a digest, the repository.
pub fn last_part(path: &str) -> String {
    let mut parts = path.split(['/', '\\']).filter(|part| !part.is_empty());
    if let Some(repository) = parts.clone().find_map(|part| part.strip_prefix("models--")) {
        return repository.replace("--", "/");
    }
    parts.next_back().unwrap_or("unnamed").to_owned()
}

/// Whether a name is a path rather than an organisation with a model (`org/model`), or a service's own longer name.
fn is_path(name: &str) -> bool {
    let is_drive =
        matches!(name.as_bytes(), [letter, b':', b'/' | b'\\', ..] if letter.is_ascii_alphabetic());
    let begins = ["./", "../", "file:"].iter().any(|start| name.starts_with(start));
    let is_deep = name.matches('/').count() > 1 && !name.starts_with("accounts/");
    let is_file = name.contains('/') && name.to_ascii_lowercase().ends_with(".gguf");
    name.starts_with(['/', '~']) || name.contains('\\') || is_drive || begins || is_deep || is_file
}

/// Text that a terminal shows and does not obey: control characters by their number, and those that turn the direction of
/// what follows.
pub fn printable(text: &str) -> String {
    let turns =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || turns(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_path_only_the_last_part_leaves() {
        for (name, expected) in [
            ("/home/alice/models/Qwen3-8B", "Qwen3-8B"),
            ("/home/alice/models/Qwen3-8B/", "Qwen3-8B"),
            (r"C:\Users\alice\Qwen3-8B-Q4_K_M.gguf", "Qwen3-8B-Q4_K_M.gguf"),
            ("C:/Users/alice/q.gguf", "q.gguf"),
            (r"\\server\alice\q.gguf", "q.gguf"),
            ("~alice/q", "q"),
            ("../alice/q", "q"),
            ("models/alice/Qwen3-8B", "Qwen3-8B"),
            ("alice/q.GGUF", "q.GGUF"),
            ("/home/alice/.cache/huggingface/hub/models--Qwen--Qwen3-8B/snapshots/0a1b", "Qwen/Qwen3-8B"),
            ("/", "unnamed"),
            ("Qwen/Qwen3-8B", "Qwen/Qwen3-8B"),
            ("qwen3:8b", "qwen3:8b"),
            ("ggml-org/gemma-3-270m-GGUF:Q8_0", "ggml-org/gemma-3-270m-GGUF:Q8_0"),
            ("accounts/fireworks/models/llama-v3p1-8b", "accounts/fireworks/models/llama-v3p1-8b"),
        ] {
            assert_eq!(public(name), expected);
        }
    }

    #[test]
    fn a_terminal_obeys_no_name() {
        assert_eq!(public("a\x1b[2Jb"), r"a\u{1b}[2Jb");
        assert_eq!(printable("a\u{202e}b"), r"a\u{202e}b");
    }
}
