//! Why bytes are not a GGUF that we can read, in words that say what to do.

use alloc::string::{String, ToString};
use core::fmt;

use crate::messages::WORDS;

/// Why there is no header, or not yet.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum GgufError {
    /// The header goes on beyond the bytes given: fetch at least so many from the start of the file and read again.
    NeedMore {
        /// Always more than were given. A lower bound: doubling what you have saves round trips.
        bytes_at_least: u64,
    },
    /// The file itself ends inside its header or its tensors.
    CutOff {
        /// Length of the file.
        file_bytes: u64,
        /// What its header says it holds, at least.
        needed_bytes: u64,
    },
    /// It is something else.
    NotGguf(Looks),
    /// Made for big-endian machines.
    BigEndian,
    /// A version of the format that we do not know.
    Version(u32),
    /// A tensor type that we do not know.
    UnknownType {
        /// The tensor.
        tensor: String,
        /// The number that stands there.
        number: u32,
    },
    /// The header contradicts itself or the format.
    Corrupt {
        /// Byte offset into the file.
        at: u64,
        /// What is wrong there.
        what: &'static str,
    },
    /// A metadata key that the model cannot be understood without.
    MissingKey(String),
    /// A GGUF, but of something that answers no prompt.
    NotText(&'static str),
    /// Its parts are in order one by one, and cannot all be true.
    Contradicts(String),
    /// The parts of a split model do not belong together.
    Parts(String),
}

/// What a file that is no GGUF looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Looks {
    /// Nothing at all.
    Empty,
    /// A page of a web site: an error page, or the page about the file.
    HtmlPage,
    /// safetensors, by its length and JSON at the start.
    Safetensors,
    /// A ZIP archive, such as a PyTorch checkpoint.
    Zip,
    /// A gzip archive.
    Gzip,
    /// A Python pickle: an old PyTorch checkpoint.
    Pickle,
    /// The little text that git keeps in place of a large file.
    LfsPointer,
    /// JSON, such as an error of an API, or `config.json`.
    Json,
    /// GGML, GGMF or GGJT: the formats before GGUF, of before August 2023.
    OldGgml,
    /// None of those.
    Unknown,
}

impl Looks {
    /// What the first bytes of a file look like.
    #[must_use]
    pub fn at(bytes: &[u8]) -> Self {
        let text = bytes.trim_ascii_start();
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let starts = |word: &[u8]| text.len() >= word.len() && text[..word.len()].eq_ignore_ascii_case(word);
        if bytes.is_empty() {
            Looks::Empty
        } else if starts(b"<!doctype") || starts(b"<html") || starts(b"<head") || starts(b"<?xml") {
            Looks::HtmlPage
        } else if starts(b"version https://git-lfs") {
            Looks::LfsPointer
        } else if bytes.starts_with(b"PK\x03\x04") {
            Looks::Zip
        } else if bytes.starts_with(b"\x1f\x8b") {
            Looks::Gzip
        } else if bytes.starts_with(b"\x80\x02") || bytes.starts_with(b"\x80\x04") {
            Looks::Pickle
        } else if [b"lmgg", b"fmgg", b"tjgg", b"algg"].iter().any(|magic| bytes.starts_with(*magic)) {
            Looks::OldGgml
        } else if bytes.len() > 9 && bytes[8] == b'{' && bytes[5..8] == [0, 0, 0] {
            Looks::Safetensors
        } else if starts(b"{") || starts(b"[") {
            Looks::Json
        } else {
            Looks::Unknown
        }
    }
}

impl fmt::Display for Looks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Looks::Empty => WORDS.looks.empty,
            Looks::HtmlPage => WORDS.looks.html_page,
            Looks::Safetensors => WORDS.looks.safetensors,
            Looks::Zip => WORDS.looks.zip,
            Looks::Gzip => WORDS.looks.gzip,
            Looks::Pickle => WORDS.looks.pickle,
            Looks::LfsPointer => WORDS.looks.lfs_pointer,
            Looks::Json => WORDS.looks.json,
            Looks::OldGgml => WORDS.looks.old_ggml,
            Looks::Unknown => WORDS.looks.unknown,
        })
    }
}

impl fmt::Display for GgufError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&match self {
            GgufError::NeedMore { bytes_at_least } => WORDS.gguf.need_more(&bytes_at_least.to_string()),
            GgufError::CutOff { file_bytes, needed_bytes } => {
                WORDS.gguf.cut_off(&file_bytes.to_string(), &needed_bytes.to_string())
            }
            GgufError::NotGguf(looks) => WORDS.gguf.not_gguf(&looks.to_string()),
            GgufError::BigEndian => WORDS.gguf.big_endian.to_string(),
            GgufError::Version(version) => WORDS.gguf.version(&version.to_string()),
            GgufError::UnknownType { tensor, number } => {
                let (fork, tensor) = (*number >= 97, tensor.escape_default().to_string());
                let number = number.to_string();
                if fork {
                    WORDS.gguf.type_of_fork(&number, &tensor)
                } else {
                    WORDS.gguf.unknown_type(&number, &tensor)
                }
            }
            GgufError::Corrupt { at, what } => WORDS.gguf.corrupt(&at.to_string(), what),
            GgufError::MissingKey(key) => WORDS.gguf.missing_key(key),
            GgufError::NotText(what) => WORDS.gguf.not_text(what),
            GgufError::Contradicts(what) => WORDS.gguf.contradicts(what),
            GgufError::Parts(what) => WORDS.gguf.parts(what),
        })
    }
}

impl core::error::Error for GgufError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_it_looks_like() {
        let safetensors = b"\x40\x01\0\0\0\0\0\0{\"__metadata__\"";
        for (bytes, looks) in [
            (&b""[..], Looks::Empty),
            (b"<!DOCTYPE html><html>", Looks::HtmlPage),
            (b"\n  <HTML lang=en>", Looks::HtmlPage),
            (safetensors, Looks::Safetensors),
            (b"PK\x03\x04....", Looks::Zip),
            (b"\x1f\x8b\x08\x00", Looks::Gzip),
            (b"\x80\x02}q\x00", Looks::Pickle),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:", Looks::LfsPointer),
            (b"{\"error\":\"Repository not found\"}", Looks::Json),
            (b"tjgg\x03\0\0\0", Looks::OldGgml),
            (b"\x7fELF", Looks::Unknown),
        ] {
            assert_eq!(Looks::at(bytes), looks, "{}", bytes.escape_ascii());
        }
        assert!(GgufError::NotGguf(Looks::LfsPointer).to_string().contains("git lfs pull"));
        let fork = GgufError::UnknownType { tensor: "output.weight".into(), number: 139 };
        assert!(fork.to_string().contains("139") && fork.to_string().contains("fork"));
    }
}
