//! What a repository holds, from the listing of its host.

use data::gguf::Part;
use data::json::{self, JsonError};

/// The models in one repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// GGUF models by name; those in several files are one.
    pub ggufs: Vec<GgufModel>,
    /// Whether there is a `config.json`.
    pub has_config: bool,
    /// Paths of safetensors files that hold the model itself, in order.
    pub safetensors: Vec<String>,
}

/// One GGUF model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GgufModel {
    /// Its path without number and ending.
    pub name: String,
    /// Paths of its parts, in order.
    pub paths: Vec<String>,
    /// Bytes of all parts; `None` where the host does not say.
    pub bytes: Option<u64>,
    /// Parts that its names speak of; with fewer paths it is not complete.
    pub parts: u32,
}

impl Listing {
    /// Reads the answer of `/api/models/{name}/revision/{revision}?blobs=true`.
    pub fn read(text: &str) -> Result<Self, JsonError> {
        let root = json::read(text)?;
        let mut listing = Listing::default();
        // By name and number, so that the parts of one model stand together and in order.
        let mut parts: Vec<(Part<'_>, &str, Option<u64>)> = Vec::new();
        for file in root.get("siblings").map(json::Node::items).unwrap_or_default() {
            let Some(path) = file.get("rfilename").and_then(json::Node::as_str) else { continue };
            let bytes = file.get("size").and_then(json::Node::as_u64);
            let lower = path.to_ascii_lowercase();
            if lower == "config.json" {
                listing.has_config = true;
            } else if lower.ends_with(".safetensors") && is_whole_model(&lower) {
                listing.safetensors.push(path.to_owned());
            } else if lower.ends_with(".gguf") && is_language_model(&lower) {
                let whole = Part { stem: &path[..path.len() - ".gguf".len()], number: 1, count: 1 };
                parts.push((Part::of(path).unwrap_or(whole), path, bytes));
            }
        }
        listing.safetensors.sort_unstable();
        parts.sort_unstable_by(|(a, ..), (b, ..)| a.stem.cmp(b.stem).then(a.number.cmp(&b.number)));
        parts.dedup_by(|(a, ..), (b, ..)| a.stem == b.stem && a.number == b.number);
        listing.ggufs = parts
            .chunk_by(|(a, ..), (b, ..)| a.stem == b.stem)
            .map(|parts| GgufModel {
                name: parts[0].0.stem.to_owned(),
                parts: parts[0].0.count,
                bytes: parts.iter().map(|(_, _, bytes)| *bytes).sum(),
                paths: parts.iter().map(|(_, path, _)| (*path).to_owned()).collect(),
            })
            .collect();
        Ok(listing)
    }
}

/// Vision encoders and importance matrices come as GGUF too, and are not what one asks for.
fn is_language_model(lower: &str) -> bool {
    let file = lower.rsplit('/').next().unwrap_or(lower);
    !file.starts_with("mmproj") && !file.contains("imatrix")
}

/// Adapters and the original shards beside converted ones are not the model.
fn is_whole_model(lower: &str) -> bool {
    !lower.contains("adapter") && !lower.contains('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn split_files_are_one_model() -> Result<(), JsonError> {
        let listing = Listing::read(
            r#"{"siblings": [
                {"rfilename": "README.md", "size": 9},
                {"rfilename": "Q8_0/m-Q8_0-00002-of-00002.gguf", "size": 30},
                {"rfilename": "Q8_0/m-Q8_0-00001-of-00002.gguf", "size": 12},
                {"rfilename": "m-Q4_K_M.gguf", "size": 7},
                {"rfilename": "mmproj-m-f16.gguf", "size": 1},
                {"rfilename": "m.imatrix.gguf"},
                {"rfilename": "config.json"},
                {"rfilename": "model-00002-of-00002.safetensors"},
                {"rfilename": "model-00001-of-00002.safetensors"},
                {"rfilename": "original/consolidated.safetensors"}
            ]}"#,
        )?;
        let names: Vec<_> = listing.ggufs.iter().map(|model| (model.name.as_str(), model.bytes)).collect();
        assert_eq!(names, [("Q8_0/m-Q8_0", Some(42)), ("m-Q4_K_M", Some(7))]);
        assert_eq!(listing.ggufs[0].paths[0], "Q8_0/m-Q8_0-00001-of-00002.gguf");
        assert_eq!(
            listing.safetensors,
            ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
        );
        assert!(listing.has_config);
        Ok(())
    }

    #[test]
    fn an_unknown_size_stays_unknown() -> Result<(), JsonError> {
        let listing = Listing::read(
            r#"{"siblings": [{"rfilename": "a-00001-of-00002.gguf", "size": 1}, {"rfilename": "b.gguf"}]}"#,
        )?;
        assert_eq!(listing.ggufs[0].parts as usize, listing.ggufs[0].paths.len() + 1);
        assert_eq!(listing.ggufs[1].bytes, None);
        assert_eq!(Listing::read("{}")?, Listing::default());
        assert!(Listing::read("<html>").is_err());
        Ok(())
    }
}
