//! Whether runs may be sent by themselves: asked once, remembered in a file that can be read and removed.

use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};

use crate::runs;

fn file(folder: &Path) -> PathBuf {
    folder.join("upload")
}

/// What was answered; none where nobody was asked yet.
pub fn remembered(folder: &Path) -> Option<bool> {
    match std::fs::read_to_string(file(folder)).ok()?.trim() {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

/// Remembers an answer.
///
/// # Errors
/// Those of the file system.
pub fn remember(folder: &Path, answer: bool) -> io::Result<()> {
    runs::write_whole(&file(folder), if answer { b"yes\n" } else { b"no\n" })
}

/// Asks; anything but a plain yes is a no. `None` when the answer did not come: then it is asked again next time.
///
/// # Errors
/// Those of the terminal.
pub fn ask(place: &str, input: &mut dyn BufRead, out: &mut dyn Write) -> io::Result<Option<bool>> {
    writeln!(
        out,
        "\nSend this run, and later ones, to {place}, where everybody can see them? A run holds what `detect` shows, the\n\
         model's name and digest, and the speeds; no name, path, address, prompt or answer (bench --print-payload shows\n\
         every byte). Your answer is remembered; `upload --automatic yes` or `no` changes it."
    )?;
    write!(out, "Send it? [y/N] ")?;
    out.flush()?;
    let mut line = String::new();
    if input.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_remembered() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(remembered(folder.path()), None);
        for answer in [true, false] {
            remember(folder.path(), answer).unwrap();
            assert_eq!(remembered(folder.path()), Some(answer));
        }
        std::fs::write(folder.path().join("upload"), "perhaps").unwrap();
        assert_eq!(remembered(folder.path()), None);
    }

    #[test]
    fn only_a_yes_is_a_yes() {
        let mut shown = Vec::new();
        for (typed, expected) in [
            ("y\n", Some(true)),
            ("YES\n", Some(true)),
            ("\n", Some(false)),
            ("sure\n", Some(false)),
            ("", None),
        ] {
            assert_eq!(
                ask("speed.example", &mut typed.as_bytes(), &mut shown).unwrap(),
                expected,
                "{typed:?}"
            );
        }
        assert!(String::from_utf8(shown).unwrap().contains("speed.example"));
    }
}
