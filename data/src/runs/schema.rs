//! The shapes of the YAML files as JSON Schema: an editor that knows it completes the keys, says what they mean, and marks what
//! is wrong before a build does. Made of the rows themselves, so that it cannot tell another story.

use schemars::{Schema, schema_for};

use super::{CampaignRow, QueuedRow, RigRow};

/// Where the schemas are, under `data/`: the first line of each YAML file names its own.
pub const FOLDER: &str = "schemas";

/// The files' names and their schemas, as `cargo xtask bless` writes them.
pub fn files() -> [(&'static str, String); 3] {
    let text = |schema: &Schema| format!("{:#}\n", schema.as_value());
    [
        ("campaign.json", text(&schema_for!(CampaignRow))),
        ("queued.json", text(&schema_for!(Vec<QueuedRow>))),
        ("rig.json", text(&schema_for!(RigRow))),
    ]
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn the_schemas_are_those_of_the_rows() {
        for (name, text) in files() {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FOLDER).join(name);
            assert!(fs::read_to_string(&path).ok() == Some(text), "{name}: run `cargo xtask bless`");
        }
    }

    #[test]
    fn every_file_names_its_schema_and_a_misspelt_key_is_in_none() {
        let data = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut seen = 0;
        for (folder, schema) in [("runs", "../schemas/campaign.json"), ("rigs", "../schemas/rig.json")] {
            for entry in fs::read_dir(data.join(folder)).expect(folder) {
                let path = entry.expect("an entry").path();
                let text = fs::read_to_string(&path).expect("a file");
                let line = format!("# yaml-language-server: $schema={schema}\n");
                assert!(text.starts_with(&line), "{} begins with {line:?}", path.display());
                seen += 1;
            }
        }
        assert!(seen >= 4, "{seen} files");
        for (name, text) in files() {
            let schema: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            let row = if name == "queued.json" { &schema["$defs"]["QueuedRow"] } else { &schema };
            assert_eq!(row["additionalProperties"], false, "{name}");
            assert!(row["required"].as_array().is_some_and(|keys| keys.contains(&"id".into())), "{name}");
        }
    }
}
