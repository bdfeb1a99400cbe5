//! What is left of a device's name when sources' habits are taken off.

use crate::text::{key, occurs};

/// Words that say nothing about which device it is.
const NOISE: [&str; 16] = [
    "nvidia",
    "geforce",
    "amd",
    "radeon",
    "generation",
    "tesla",
    "(tm)",
    "(r)",
    "graphics",
    "edition",
    "workstation",
    "intel",
    "apple",
    "gpu",
    "card",
    "with max-q design",
];

/// A device's name without what sources write around it.
pub(super) fn device_name_key(name: &str) -> String {
    let mut name = name.to_lowercase().replace("laptop gpu", "laptop").replace("mobile", "laptop");
    // Core counts in words: "12P+4E+40GPU", "(40-core GPU)".
    if let Some(at) = name.find("gpu").filter(|at| name[..*at].ends_with(|c: char| c.is_ascii_digit())) {
        let start = name[..at].rfind(|c: char| !c.is_ascii_digit()).map_or(0, |i| i + 1);
        let cores = name[start..at].to_owned();
        let cut = name.find('(').unwrap_or(name.len());
        let first =
            name[..cut].split_whitespace().take_while(|w| !w.contains('+')).collect::<Vec<_>>().join(" ");
        name = format!("{first} {cores}-core");
    }
    if name.contains("apple m") {
        // "Apple M3 4P+4E", "Apple M2 (MacBook Air)"
        name = name.split_whitespace().take_while(|word| !word.contains('+')).collect::<Vec<_>>().join(" ");
        name = name.replace("(macbook air)", "").replace("(macbook pro)", "");
    }
    for word in NOISE {
        name = name.replace(word, " ");
    }
    key(&name)
}

/// An id without the memory size at its end; `None` where there is none.
pub(super) fn without_size(id: &str) -> Option<&str> {
    let (name, size) = id.rsplit_once('-')?;
    size.strip_suffix("gb").filter(|digits| digits.bytes().all(|b| b.is_ascii_digit())).map(|_| name)
}

/// The key under which a fold leaves a device out.
pub(super) fn fold_key(key: &str) -> String {
    let mut fold = key.to_owned();
    for variant in [
        "-laptop", "-max-q", "-server", "-sff", "-d-v2", "-d", "-gddr6", "-pcie", "-sxm2", "-sxm4", "-sxm5",
        "-nvl",
    ] {
        if let Some(name) = fold.strip_suffix(variant) {
            fold = name.to_owned();
        }
    }
    fold
}

/// A processor's name without its core count, clock and graphics.
pub(super) fn processor_key(name: &str) -> String {
    let cut = [" @", " w/", " with", " (", "-core"].iter().filter_map(|mark| name.find(mark)).min();
    let name = &name[..cut.unwrap_or(name.len())];
    let name = match name.rsplit_once(' ') {
        Some((front, last))
            if cut.is_some() && last.bytes().all(|b| b.is_ascii_digit()) && last.len() <= 2 =>
        {
            front
        }
        _ => name,
    };
    key(&name.replace("cpu", ""))
}

/// The generation that a product number tells.
pub(super) fn generation_of(name: &str) -> &'static str {
    let lines = [
        ("rtx 50##", "blackwell"),
        ("rtx 40##", "ada"),
        ("rtx 30##", "ampere"),
        ("rtx 20##", "turing"),
        ("gtx 16##", "turing"),
        ("gtx 10##", "pascal"),
        ("blackwell", "blackwell"),
        (" ada", "ada"),
        ("rx 9###", "rdna4"),
        ("rx 7###", "rdna3"),
        ("rx 6###", "rdna2"),
        ("rx 5###", "rdna1"),
        ("arc b", "battlemage"),
        ("arc a", "alchemist"),
        (" m1", "m1"),
        (" m2", "m2"),
        (" m3", "m3"),
        (" m4", "m4"),
        (" m5", "m5"),
    ];
    lines.iter().find(|(pattern, _)| occurs(name, pattern)).map_or("", |(_, generation)| generation)
}
