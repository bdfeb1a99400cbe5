//! Why bytes are not a GGUF that we can read, in words that say what to do.

use alloc::string::String;
use core::fmt;

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
            Looks::Empty => "it is empty: the download did not start",
            Looks::HtmlPage => {
                "it is a web page: take the link of the file itself (on Hugging Face, /resolve/ in place of /blob/)"
            }
            Looks::Safetensors => "it is safetensors: give its repository, so that config.json can be read too",
            Looks::Zip => "it is a ZIP archive, perhaps a PyTorch checkpoint: unpack or convert it first",
            Looks::Gzip => "it is a gzip archive: unpack it first",
            Looks::Pickle => "it is a PyTorch checkpoint: convert it with llama.cpp's convert_hf_to_gguf.py first",
            Looks::LfsPointer => {
                "it is git's pointer to the file and not the file: run `git lfs pull`, or download it"
            }
            Looks::Json => "it is JSON, perhaps the error message of a server: look into it",
            Looks::OldGgml => "it is GGML of before August 2023, which runtimes no longer read: get a newer file",
            Looks::Unknown => "its first four bytes are not `GGUF`",
        })
    }
}

impl fmt::Display for GgufError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GgufError::NeedMore { bytes_at_least } => {
                write!(f, "the GGUF header is longer than what was read: read at least {bytes_at_least} bytes")
            }
            GgufError::CutOff { file_bytes, needed_bytes } => write!(
                f,
                "the file is cut off: it has {file_bytes} bytes and its header speaks of at least {needed_bytes}; \
                 download it again"
            ),
            GgufError::NotGguf(looks) => write!(f, "this is no GGUF: {looks}"),
            GgufError::BigEndian => f.write_str(
                "this GGUF is for big-endian machines; convert it with llama.cpp's gguf_convert_endian.py first",
            ),
            GgufError::Version(version) => {
                write!(f, "this GGUF has version {version} of the format; versions 1 to 3 are known here")
            }
            GgufError::UnknownType { tensor, number } => {
                write!(f, "tensor \"{}\" has type {number}, which is not known here", tensor.escape_default())?;
                if *number >= 97 {
                    f.write_str(": types from 97 up belong to a fork, such as ik_llama.cpp")?;
                }
                Ok(())
            }
            GgufError::Corrupt { at, what } => {
                write!(f, "this GGUF is damaged at byte {at}: {what}; download it again")
            }
            GgufError::MissingKey(key) => {
                write!(f, "this GGUF has no {key}, so its model cannot be understood")
            }
            GgufError::NotText(what) => {
                write!(f, "this GGUF {what}: it has no speed of answering; take a language model's file")
            }
            GgufError::Contradicts(what) => {
                write!(f, "this GGUF contradicts itself: {what}; no runtime loads it, so get it anew from its publisher")
            }
            GgufError::Parts(what) => write!(f, "the parts of this split model do not fit together: {what}"),
        }
    }
}

impl core::error::Error for GgufError {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

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
