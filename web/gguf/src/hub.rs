//! Where a model is, from what a person pastes: the address of a file, or a repository of Hugging Face (or of a host that
//! answers in the same way).

use page::view::FileProblem;

/// The host that a bare `owner/name` means.
const HUGGING_FACE: &str = "https://huggingface.co";

/// What an address points at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// One GGUF file.
    File {
        /// Where its bytes are.
        url: String,
    },
    /// A repository with many.
    Repo(Repo),
}

/// A repository at one revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repo {
    /// Scheme and host, without a slash at the end.
    endpoint: String,
    /// `owner/name`
    pub name: String,
    /// Branch, tag or commit.
    revision: String,
}

impl Place {
    /// Reads what was pasted: `owner/name`, with or without `hf.co/` before or `:Q4_K_M` behind it, the address of a
    /// page on Hugging Face, or of a `.gguf` file anywhere. Anything else is an error that holds its first 120 characters.
    pub fn read(text: &str) -> Result<Self, FileProblem> {
        let text = text.trim();
        let fail = || FileProblem::NotAPlace(text.chars().take(120).collect());
        let has_scheme = text.starts_with("https://") || text.starts_with("http://");
        let (endpoint, path) = if has_scheme {
            let host_at = text.find("://").map_or(0, |at| at + 3);
            let path_at = text[host_at..].find('/').map_or(text.len(), |at| host_at + at);
            (&text[..path_at], &text[path_at..])
        } else {
            let bare = ["hf.co/", "huggingface.co/", "hf://"].iter().find_map(|host| text.strip_prefix(host));
            (HUGGING_FACE, bare.unwrap_or(text))
        };
        if endpoint.ends_with("://") {
            return Err(fail());
        }
        let endpoint = if endpoint == "https://hf.co" { HUGGING_FACE } else { endpoint };
        let plain_path = path.split(['?', '#']).next().unwrap_or_default();
        let parts: Vec<&str> = plain_path.split('/').filter(|part| !part.is_empty()).collect();
        let repo = |name: &str, revision: &str| Repo {
            endpoint: endpoint.to_owned(),
            name: format!("{}/{name}", parts[0]),
            revision: revision.to_owned(),
        };
        match parts.as_slice() {
            [_, name, "blob" | "resolve", revision, file @ ..] if ends_in_gguf(plain_path) => {
                Ok(Place::File { url: repo(name, revision).raw_url(&file.join("/")) })
            }
            [_, name, "blob" | "resolve" | "tree", revision, ..] => Ok(Place::Repo(repo(name, revision))),
            _ if has_scheme && ends_in_gguf(plain_path) => Ok(Place::File { url: text.to_owned() }),
            [owner, name] if is_name(owner) => {
                // `owner/name:Q4_K_M`, as llama.cpp and Ollama take it: the listing shows that file among the others.
                let name = name.split(':').next().unwrap_or_default();
                if is_name(name) { Ok(Place::Repo(repo(name, "main"))) } else { Err(fail()) }
            }
            _ => Err(fail()),
        }
    }
}

impl Repo {
    /// Where the host lists the repository's files with their sizes.
    pub fn listing_url(&self) -> String {
        format!("{}/api/models/{}/revision/{}?blobs=true", self.endpoint, self.name, self.revision)
    }

    /// Where a file's bytes are, from its path in the listing.
    pub fn file_url(&self, path: &str) -> String {
        self.raw_url(&escaped(path))
    }

    /// The same, for a path that is escaped already.
    fn raw_url(&self, path: &str) -> String {
        format!("{}/{}/resolve/{}/{path}", self.endpoint, self.name, self.revision)
    }
}

fn ends_in_gguf(path: &str) -> bool {
    path.len() > 5 && path.to_ascii_lowercase().ends_with(".gguf")
}

/// Whether this can be an owner or a repository: what Hugging Face lets them be made of.
fn is_name(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !text.is_empty() && text.len() <= 96 && text.bytes().all(is_letter) && !text.starts_with('.')
}

/// Percent escapes for what may not stand in a path.
fn escaped(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'/' | b'+') {
            out.push(char::from(byte));
        } else {
            let digit = |value: u8| char::from(b"0123456789ABCDEF"[usize::from(value)]);
            out.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_people_paste_them() {
        #[rustfmt::skip]
        let files = [
            ("https://huggingface.co/a/b/resolve/main/x-Q4_K_M.gguf", "https://huggingface.co/a/b/resolve/main/x-Q4_K_M.gguf"),
            ("https://huggingface.co/a/b/blob/main/sub/x%20y.gguf?download=true", "https://huggingface.co/a/b/resolve/main/sub/x%20y.gguf"),
            ("https://hf.co/a/b/blob/main/x.GGUF", "https://huggingface.co/a/b/resolve/main/x.GGUF"),
            (" http://127.0.0.1:9000/m.gguf?signed=1 ", "http://127.0.0.1:9000/m.gguf?signed=1"),
        ];
        for (text, url) in files {
            assert_eq!(Place::read(text), Ok(Place::File { url: url.to_owned() }), "{text}");
        }
        #[rustfmt::skip]
        let repos = [
            ("bartowski/Qwen_Qwen3-8B-GGUF", "https://huggingface.co/api/models/bartowski/Qwen_Qwen3-8B-GGUF/revision/main?blobs=true"),
            ("hf.co/a/b:Q4_K_M", "https://huggingface.co/api/models/a/b/revision/main?blobs=true"),
            ("https://huggingface.co/a/b/", "https://huggingface.co/api/models/a/b/revision/main?blobs=true"),
            ("https://huggingface.co/a/b/tree/v2/sub", "https://huggingface.co/api/models/a/b/revision/v2?blobs=true"),
            ("https://huggingface.co/a/b/blob/main/config.json", "https://huggingface.co/api/models/a/b/revision/main?blobs=true"),
            ("http://127.0.0.1:9000/a/b", "http://127.0.0.1:9000/api/models/a/b/revision/main?blobs=true"),
        ];
        for (text, listing) in repos {
            let Ok(Place::Repo(repo)) = Place::read(text) else { panic!("{text} is a repository") };
            assert_eq!(repo.listing_url(), listing, "{text}");
        }
    }

    #[test]
    fn what_is_no_place_is_refused_in_its_own_words() {
        for text in ["", "Qwen3", "a/b/c", "https://", "https:///x.gguf", "../etc", "a/..", "a b/c", "/"] {
            let error = Place::read(text).expect_err(text);
            assert_eq!(error, FileProblem::NotAPlace(text.to_owned()));
        }
    }

    #[test]
    fn file_names_are_escaped() {
        let Ok(Place::Repo(repo)) = Place::read("a/b") else { panic!("a/b is a repository") };
        assert_eq!(
            repo.file_url("q4 #1/é.gguf"),
            "https://huggingface.co/a/b/resolve/main/q4%20%231/%C3%A9.gguf"
        );
    }
}
