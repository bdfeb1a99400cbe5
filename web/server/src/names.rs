//! What the keys in the database are called: machines, models, quantisations.

use std::fmt::Write as _;

use data::Catalog;

/// A machine as cells name it, taken apart: `rtx-3090+rtx-3090@70%`.
#[derive(Clone, Debug, PartialEq)]
pub struct MachineKey<'a> {
    /// The id of each device.
    pub ids: Vec<&'a str>,
    /// Power limit as a share of stock, where one was set.
    pub power_share: Option<f64>,
}

impl<'a> MachineKey<'a> {
    /// Reads a key.
    pub fn read(key: &'a str) -> Self {
        let (ids, cap) = key.split_once('@').map_or((key, None), |(ids, cap)| (ids, Some(cap)));
        let percent = cap.and_then(|cap| cap.trim_end_matches('%').parse::<f64>().ok());
        MachineKey { ids: ids.split('+').collect(), power_share: percent.map(|percent| percent / 100.0) }
    }

    /// The machine in words, and the page of its first device where it has one.
    pub fn name(&self, catalog: &Catalog) -> (String, String) {
        let row = |id: &str| catalog.devices().iter().find(|row| row.id == id);
        let mut kinds: Vec<(&str, u32)> = Vec::new();
        for id in &self.ids {
            match kinds.iter_mut().find(|(known, _)| known == id) {
                Some((_, count)) => *count += 1,
                None => kinds.push((id, 1)),
            }
        }
        let mut name = String::new();
        for (id, count) in kinds {
            let between = if name.is_empty() { "" } else { " + " };
            let times = if count > 1 { format!("{count} × ") } else { String::new() };
            let _ = write!(name, "{between}{times}{}", row(id).map_or(id, |row| row.name.as_str()));
        }
        if let Some(share) = self.power_share {
            let _ = write!(name, " ({:.0} % power)", share * 100.0);
        }
        let page = self.ids.first().and_then(|id| row(id)).map(|row| format!("/d/{}", row.id));
        (name, page.unwrap_or_default())
    }

    /// What the engine is asked for this machine.
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs = vec![("hardware", self.ids.join(","))];
        pairs.extend(self.power_share.map(|share| ("power", share.to_string())));
        pairs
    }
}

/// A model in words, and its page where it has one.
pub fn model(catalog: &Catalog, id: &str) -> (String, String) {
    match catalog.models().iter().find(|row| row.id == id) {
        Some(row) => (row.name.clone(), format!("/m/{id}")),
        None => (id.to_owned(), String::new()),
    }
}

/// A quantisation in words.
pub fn quant<'a>(catalog: &'a Catalog, id: &'a str) -> &'a str {
    catalog.quants().iter().find(|row| row.id == id).map_or(id, |row| row.name.as_str())
}

/// How it ran, in words: quantisation, runtime, and whether a draft model helped.
pub fn how(catalog: &Catalog, quant_id: &str, runtime: &str, speculative: bool) -> String {
    let speculative = if speculative { " · speculative" } else { "" };
    format!("{} · {runtime}{speculative}", quant(catalog, quant_id))
}

/// The class of a machine's first device, as the wire spells it.
pub fn class(catalog: &Catalog, machine: &str) -> Option<&'static str> {
    let key = MachineKey::read(machine);
    let row = catalog.devices().iter().find(|row| Some(&row.id.as_str()) == key.ids.first())?;
    Some(page::gather::class_name(row))
}

/// How good a model is held to be, 0 to 100.
pub fn capability(catalog: &Catalog, id: &str) -> Option<f64> {
    catalog.models().iter().find(|row| row.id == id).map(|row| row.capability.score())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_and_named() {
        let catalog = Catalog::embedded();
        let name = |key: &str| MachineKey::read(key).name(catalog);
        let (one, page) = name("rtx-3090");
        assert!(one.ends_with("RTX 3090") && page == "/d/rtx-3090", "{one}");
        assert_eq!(name("rtx-3090+rtx-3090@70%").0, format!("2 × {one} (70 % power)"));
        assert_eq!(name("some-card").0, "some-card");
        assert_eq!(name("some-card").1, "");
        assert_eq!(
            MachineKey::read("a@70%").pairs(),
            [("hardware", "a".to_owned()), ("power", "0.7".to_owned())]
        );
    }
}
