//! Several devices in one text: `2x RTX 3090`, `rtx-3090 + rtx-3060 12gb`, `RTX 3090 and RTX 3060`.
//!
//! They are told apart before a name is looked up: a lookup finds a device in a longer text, and would pass over the others.

use alloc::vec::Vec;

use crate::catalog::Catalog;
use crate::lookup::Lookup;

/// The names in a text, each as often as it is meant.
///
/// Commas and spaced plus signs outside of brackets always part names. A plus sign without blanks, and "and", do so where
/// what they part are devices: a plus sign may be part of a name ("Ryzen AI Max+ 395").
pub(super) fn names<'t>(text: &'t str, catalog: &Catalog) -> Vec<&'t str> {
    let mut names = Vec::new();
    for part in parts(text, &[",", " + "]) {
        let finer = parts(part, &["+", " and ", " & ", " AND "]);
        let apart = finer.len() > 1 && !is_row(part, catalog) && {
            // A text that leads to no more than one of its parts does would lose the others: they are told as unknown. Of
            // a name with a plus sign the rest may lead to the device: "AMD RYZEN AI MAX", "395".
            let telling = if part.contains('+') { &finer[..1] } else { &finer[..] };
            finer.iter().all(|name| leads_on(counted(name).1, catalog))
                || telling.iter().any(|name| is_same(name, part, catalog))
        };
        for name in if apart { finer } else { alloc::vec![part] } {
            let (count, bare) = counted(name);
            // The name itself may begin or end like a count.
            let whole = bare.len() == name.len() || is_row(name, catalog) || !leads_on(bare, catalog);
            let (count, name) = if whole { (1, name) } else { (count, bare) };
            for _ in 0..count {
                names.push(name);
            }
        }
    }
    names
}

/// Whether a row is called so to the letter.
fn is_row(name: &str, catalog: &Catalog) -> bool {
    catalog.devices().iter().any(|row| row.id == name || row.name.eq_ignore_ascii_case(name))
}

/// Whether a name leads to a device, or to several of which one could be meant.
fn leads_on(name: &str, catalog: &Catalog) -> bool {
    !matches!(catalog.device(name), Err(Lookup::Unknown { .. }))
}

/// Whether two texts lead to one and the same device.
fn is_same(a: &str, b: &str, catalog: &Catalog) -> bool {
    let id = |text| catalog.device(text).ok().map(|row| row.id.as_str());
    id(a).is_some_and(|found| id(b) == Some(found))
}

/// What stands between the signs, outside of brackets; no part is empty. "Advanced Micro Devices, Inc." is one name.
fn parts<'t>(text: &'t str, signs: &[&str]) -> Vec<&'t str> {
    let mut parts = Vec::new();
    let (mut start, mut depth) = (0, 0_u32);
    for (at, sign) in text.char_indices() {
        match sign {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if let Some(found) =
            signs.iter().find(|sign| depth == 0 && at >= start && text[at..].starts_with(**sign))
            && !text[at..].starts_with(", Inc")
        {
            parts.push(&text[start..at]);
            start = at + found.len();
        }
    }
    parts.push(&text[start..]);
    parts.into_iter().map(str::trim).filter(|part| !part.is_empty()).collect()
}

/// `2x NAME`, `2 × NAME`, `2 NAME`, `NAME x2`, `NAME (2x)` and `NAME (x2)`: how many, and the name; one where no count is
/// given.
fn counted(text: &str) -> (usize, &str) {
    let times = |sign: char| matches!(sign, 'x' | 'X' | '×');
    let number = |text: &str| text.parse().ok().filter(|count| (1..=99).contains(count));
    if let Some((name, inside)) = text.strip_suffix(')').and_then(|text| text.rsplit_once('('))
        && let inside = inside.trim()
        && let Some(count) = number(inside.trim_matches(times).trim())
        && inside.contains(times)
    {
        return (count, name.trim_end());
    }
    let digits = text.trim_start_matches(|sign: char| sign.is_ascii_digit());
    if let Some(count) = number(&text[..text.len() - digits.len()])
        && let Some(name) = digits.trim_start().strip_prefix(times).or_else(|| digits.strip_prefix(' '))
    {
        return (count, name.trim_start());
    }
    let before = text.trim_end_matches(|sign: char| sign.is_ascii_digit());
    if let Some(count) = number(&text[before.len()..])
        && let Some(name) = before.trim_end().strip_suffix(times)
        && name.ends_with([' ', ')', ']'])
    {
        return (count, name.trim_end());
    }
    (1, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str) -> Vec<&'static str> {
        let catalog = Catalog::embedded();
        let id = |name| catalog.device(name).map_or("?", |row| row.id.as_str());
        names(text, catalog).into_iter().map(id).collect()
    }

    #[test]
    fn no_device_of_several_is_lost() {
        let two = ["rtx-3090", "rtx-3090"];
        for text in [
            "2x RTX 3090",
            "2 x RTX 3090",
            "2× RTX 3090",
            "2xRTX 3090",
            "RTX 3090 x2",
            "RTX 3090 × 2",
            "RTX 3090 x 2",
            "RTX 3090 (2x)",
            "RTX 3090 (x2)",
            "RTX 3090 (× 2)",
            "2 RTX 3090",
            "rtx-3090,rtx-3090",
            "RTX 3090 + RTX 3090",
            "RTX 3090+RTX 3090",
            "RTX 3090 and RTX 3090",
            "rtx3090 & rtx3090",
        ] {
            assert_eq!(ids(text), two, "{text}");
        }
        let unequal = ["rtx-3090", "rtx-3060-12gb"];
        for text in [
            "rtx-3090 + rtx-3060 12gb",
            "RTX 3090+RTX 3060",
            "RTX 3090 and RTX 3060",
            "rtx-3090, RTX 3060 12GB",
            "NVIDIA GeForce RTX 3090 & NVIDIA GeForce RTX 3060",
        ] {
            assert_eq!(ids(text), unequal, "{text}");
        }
        assert_eq!(ids("2x RTX 3090 + RTX 3060"), ["rtx-3090", "rtx-3090", "rtx-3060-12gb"]);
        // What is unknown is told, not passed over.
        assert_eq!(ids("RTX 3090 + RTX 9999"), ["rtx-3090", "?"]);
        for text in ["RTX 3090, RTX 9999", "RTX 3090 and RTX 9999", "RTX 3090+RTX 9999"] {
            assert_eq!(ids(text), ["rtx-3090", "?"], "{text}");
        }
        assert_eq!(ids("RTX 9999 & RTX 3090"), ["?", "rtx-3090"]);
    }

    #[test]
    fn signs_that_belong_to_a_name_part_nothing() {
        #[rustfmt::skip]
        let vectors = [
            ("AMD RYZEN AI MAX+ 395 w/ Radeon 8060S", "ryzen-ai-max-395"),
            ("Ryzen AI Max+ 395", "ryzen-ai-max-395"),
            ("Intel(R) Xeon(R) Platinum 8480+", "xeon-platinum-8480"),
            ("Apple M4 Max 12P+4E+40GPU", "m4-max-40-core"),
            ("AMD Radeon RX 7900 XTX (radeonsi, navi31, LLVM 17.0.6, DRM 3.57)", "rx-7900-xtx"),
            ("Advanced Micro Devices, Inc. [AMD/ATI] Navi 31 [Radeon Pro W7900] (rev c8)", "pro-w7900"),
            ("NVIDIA Corporation GA106 [GeForce RTX 3060 Lite Hash Rate] (rev a1)", "rtx-3060-12gb"),
        ];
        for (text, id) in vectors {
            assert_eq!(ids(text), [id], "{text}");
        }
    }

    #[test]
    fn every_name_of_the_catalogue_is_one_device() {
        let catalog = Catalog::embedded();
        for row in catalog.devices() {
            for name in [&row.id, &row.name].into_iter().chain(&row.aliases) {
                assert_eq!(names(name, catalog).len(), 1, "{name}: {:?}", names(name, catalog));
            }
        }
    }
}
