//! All that answers need in one compact file: it is part of a program, and lies beside the WASM module in a browser.

#[cfg(feature = "embedded")]
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::catalog::Catalog;
use crate::constants::Fitted;
use crate::engine::Engine;
use crate::messages::WORDS;
use crate::row::{Rows, RuleRows};
use crate::rules::Rules;

/// The file, as `build.rs` packed it.
#[cfg(feature = "embedded")]
pub static BYTES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/rows.packed"));

/// What the shapes of rows hashed to when this was built: a file of another shape is refused, not misread.
static SHAPE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/rows.shape"));

/// What the file holds, in its order, before the suites.
#[derive(Serialize, Deserialize)]
struct Content {
    rows: Rows,
    rules: RuleRows,
    fitted: Fitted,
}

/// Why a file could not be unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PackedError {
    /// It was packed by another version.
    Shape,
    /// It is cut off or damaged.
    Damaged,
}

impl core::fmt::Display for PackedError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            PackedError::Shape => WORDS.packed.shape,
            PackedError::Damaged => WORDS.packed.damaged,
        })
    }
}

impl core::error::Error for PackedError {}

/// What a file holds, and the bytes of its suites.
fn content(bytes: &[u8]) -> Result<(Content, &[u8]), PackedError> {
    let content = bytes.strip_prefix(SHAPE).ok_or(PackedError::Shape)?;
    postcard::take_from_bytes(content).map_err(|_| PackedError::Damaged)
}

/// Rows, rules and constants, ready to answer.
#[derive(Debug)]
pub struct Unpacked {
    catalog: Catalog,
    rules: Rules,
    fitted: Fitted,
}

impl Unpacked {
    /// Unpacks a file, without its suites.
    ///
    /// # Errors
    /// When another version packed it, or it is cut off or damaged.
    pub fn read(bytes: &[u8]) -> Result<Self, PackedError> {
        content(bytes).map(|(content, _)| Unpacked::of(content))
    }

    fn of(content: Content) -> Self {
        Unpacked {
            catalog: Catalog::new(content.rows),
            rules: Rules { rows: content.rules },
            fitted: content.fitted,
        }
    }

    /// Unpacks a file whole.
    #[cfg(feature = "embedded")]
    fn read_all(bytes: &[u8]) -> Result<Self, PackedError> {
        let (mut content, suites) = content(bytes)?;
        content.rows.suites = postcard::from_bytes(suites).map_err(|_| PackedError::Damaged)?;
        Ok(Unpacked::of(content))
    }

    /// The file that is part of this program. Unpacked on first use, then kept.
    #[cfg(feature = "embedded")]
    pub fn embedded() -> &'static Unpacked {
        static EMBEDDED: OnceLock<Unpacked> = OnceLock::new();
        EMBEDDED.get_or_init(|| Unpacked::read_all(BYTES).expect("build.rs packed rows of this very shape"))
    }

    /// The engine on it.
    #[must_use]
    pub fn engine(&self) -> Engine<'_> {
        Engine { catalog: &self.catalog, rules: &self.rules, fitted: &self.fitted }
    }
}

#[cfg(feature = "embedded")]
impl Catalog {
    /// The rows that were built in.
    #[must_use]
    pub fn embedded() -> &'static Catalog {
        &Unpacked::embedded().catalog
    }
}

#[cfg(feature = "embedded")]
impl Rules {
    /// The rules that were built in.
    #[must_use]
    pub fn embedded() -> &'static Rules {
        &Unpacked::embedded().rules
    }
}

#[cfg(feature = "embedded")]
impl Fitted {
    /// The constants that were built in.
    #[must_use]
    pub fn embedded() -> &'static Fitted {
        &Unpacked::embedded().fitted
    }
}

#[cfg(feature = "embedded")]
impl Engine<'static> {
    /// The engine on all that was built in.
    #[must_use]
    pub fn embedded() -> Engine<'static> {
        Unpacked::embedded().engine()
    }
}

#[cfg(all(test, feature = "embedded"))]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_another_shape_or_cut_off_is_refused() {
        let mut other = BYTES.to_vec();
        other[0] ^= 1;
        assert_eq!(Unpacked::read(&other).err(), Some(PackedError::Shape));
        assert_eq!(Unpacked::read(&BYTES[..BYTES.len() / 2]).err(), Some(PackedError::Damaged));
        assert_eq!(Unpacked::read(b"").err(), Some(PackedError::Shape));
        assert_eq!(Unpacked::read_all(&BYTES[..BYTES.len() - 1]).err(), Some(PackedError::Damaged));
    }
}
