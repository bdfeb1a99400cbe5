//! The rules of `data/rules.toml`, as the estimator wants them.

use estimator::{CacheLayout, Device, HardwareClass, RuntimeRules};

use crate::row::{RuleRows, Runtime, RuntimeRow};

/// All rules.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// As they were read.
    pub rows: RuleRows,
}

impl Rules {
    /// What drives a device of this maker, class and generation: names with blanks between, the usual one first.
    #[must_use]
    pub fn backends(&self, vendor: &str, class: &str, generation: &str) -> &str {
        let fits = |line: &&String| {
            let mut who = line.split(':').next().unwrap_or_default().split(' ');
            let maker = who.next().unwrap_or_default();
            let all = (maker == "any" || maker == vendor) && who.next() == Some(class);
            all && who.next().is_none_or(|first| first == generation || who.any(|other| other == generation))
        };
        let line = self.rows.driven.iter().find(fits);
        line.and_then(|line| line.rsplit(':').next()).unwrap_or_default().trim_start()
    }

    /// What is known of a runtime.
    #[must_use]
    pub fn runtime_row(&self, runtime: Runtime) -> &RuntimeRow {
        self.rows.runtimes.get(runtime.name()).expect("a test keeps a row for every runtime")
    }

    /// A runtime's habits on a device.
    #[must_use]
    pub fn runtime(&self, runtime: Runtime, device: &Device) -> RuntimeRules {
        let row = self.runtime_row(runtime);
        let on_card = device.class == HardwareClass::DiscreteGpu;
        let reserve_gib = if on_card { row.reserve_card_gib } else { row.reserve_ram_gib };
        RuntimeRules {
            layout: CacheLayout { pad_tokens: row.pad_tokens, windows_capped: row.windows_capped },
            micro_batch: row.micro_batch,
            embedding_on_host: row.embedding_on_host,
            offload: row.offload,
            reserve_gib: reserve_gib + row.reserve_share * device.memory_gib,
            logits_for_all: row.logits_for_all,
            buffer: self.rows.buffer,
        }
    }
}

#[cfg(all(test, feature = "embedded"))]
mod tests {
    use super::*;
    use crate::backend::Backend;
    use crate::catalog::Catalog;
    use crate::query::{CLASSES, cache_type};

    #[test]
    fn every_runtime_has_its_habits() {
        for runtime in Runtime::ALL {
            assert!(Rules::embedded().rows.runtimes.contains_key(runtime.name()), "{}", runtime.name());
        }
    }

    /// A name that is misspelt in the rules would silently rule out nothing.
    #[test]
    fn words_in_the_rules_are_names_of_something() {
        let (rules, catalog) = (&Rules::embedded().rows, Catalog::embedded());
        let generation = |word: &str| {
            assert!(catalog.devices().iter().any(|row| row.generation.as_deref() == Some(word)), "{word}");
        };
        let backends = |words: &str| {
            assert!(
                words.split(' ').all(|word| Backend::ALL.iter().any(|one| one.name() == word)),
                "{words}"
            );
        };
        for line in &rules.driven {
            let (who, what) = line.split_once(": ").expect(line);
            backends(what);
            let words: Vec<&str> = who.split(' ').collect();
            assert!(
                words[0] == "any" || catalog.devices().iter().any(|row| row.vendor == words[0]),
                "{line}"
            );
            assert!(CLASSES.iter().any(|(name, _)| *name == words[1]), "{line}");
            words[2..].iter().copied().for_each(generation);
        }
        for row in rules.runtimes.values() {
            backends(&row.backends);
            let class = |word: &&str| CLASSES.iter().any(|(name, _)| name == word);
            row.without.split(' ').filter(|word| !word.is_empty() && !class(word)).for_each(generation);
            assert!(row.cache.split(' ').all(|word| cache_type(word).is_some()), "{}", row.cache);
        }
        for id in rules.stand_in.seldom.split(' ') {
            assert!(catalog.quants().iter().any(|row| row.id == *id), "{id}");
        }
    }

    #[test]
    fn every_device_is_driven_by_something() {
        let rules = Rules::embedded();
        for row in Catalog::embedded().devices() {
            let class = CLASSES.iter().find(|(_, class)| *class == row.class).map_or("", |(name, _)| name);
            let backends = rules.backends(&row.vendor, class, row.generation.as_deref().unwrap_or(""));
            assert!(!backends.is_empty(), "{}", row.id);
            let is_card = row.class == HardwareClass::DiscreteGpu;
            assert_eq!(backends.contains("cpu"), !is_card, "{}", row.id);
        }
    }
}
