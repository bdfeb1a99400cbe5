//! How many cores a processor has and how wide they are, from its name.

use anyhow::{Context, Result};
use data::row::{MadeFor, Processor};
use serde::Deserialize;

use crate::text::occurs;

/// One line of `data/measurement-processors.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    has: Vec<String>,
    cores: u32,
    wide: u32,
    power: MadeFor,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    multiplies_bf16: Vec<String>,
    processor: Vec<Line>,
}

/// Processors by their names.
pub struct Processors {
    multiplies_bf16: Vec<String>,
    lines: Vec<Line>,
}

/// `data/measurement-processors.toml`, as it was built in.
const PROCESSORS: &str = include_str!("../../data/measurement-processors.toml");

impl Processors {
    /// The lines of `data/measurement-processors.toml`, as they were built in.
    ///
    /// # Errors
    ///
    /// When the file has another shape.
    pub fn new() -> Result<Self> {
        let file: File =
            toml::from_str(PROCESSORS).context("data/measurement-processors.toml does not have its shape")?;
        Ok(Processors { multiplies_bf16: file.multiplies_bf16, lines: file.processor })
    }

    /// Whether a processor of that name multiplies brain floats by itself.
    #[must_use]
    pub fn multiplies_bf16(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        self.multiplies_bf16.iter().any(|entry| occurs(&name, entry))
    }

    /// The processor of that name; `None` where no line knows it.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Processor> {
        let name = name.to_lowercase();
        let holds = |entry: &String| entry.split(", ").all(|part| occurs(&name, part));
        let line = self.lines.iter().find(|line| line.has.iter().any(holds))?;
        let cores = stated_cores(&name).unwrap_or(line.cores);
        Some(Processor { cores, wide: line.wide, made_for: line.power })
    }
}

/// A count of cores in the name itself: "16-core", "24 cores", "eight-core", "4 vcpu".
///
/// Of a name in lower case.
#[must_use]
pub fn stated_cores(name: &str) -> Option<u32> {
    const WORDS: [(&str, u32); 6] = [
        ("dual-core", 2),
        ("quad-core", 4),
        ("six-core", 6),
        ("eight-core", 8),
        ("twelve-core", 12),
        ("sixteen-core", 16),
    ];
    let spelled = || WORDS.iter().find(|(word, _)| name.contains(word)).map(|(_, count)| *count);
    ["-core processor", "-cores", " cores", "-core cpu", " vcpu"]
        .iter()
        .find_map(|unit| {
            let before = &name[..name.find(unit)?];
            let digits = before.len() - before.bytes().rev().take_while(u8::is_ascii_digit).count();
            before[digits..].parse().ok().filter(|count: &u32| (1..=512).contains(count))
        })
        .or_else(spelled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> (u32, u32, MadeFor) {
        let found = Processors::new().expect("the file has its shape").find(name).expect("a line knows it");
        (found.cores, found.wide, found.made_for)
    }

    #[test]
    fn names_tell_cores() {
        assert_eq!(of("AMD Ryzen 9 7950X 16-Core Processor (znver4)"), (16, 64, MadeFor::Desktop));
        assert_eq!(of("AMD Ryzen 9 7950X"), (16, 64, MadeFor::Desktop));
        assert_eq!(of("Intel Core i7-10710U CPU @ 1.10GHz (skylake)"), (6, 32, MadeFor::Thin));
        assert_eq!(of("Intel Core i5-2500 CPU @ 3.30GHz (sandybridge)"), (4, 16, MadeFor::Desktop));
        assert_eq!(of("13th Gen Intel Core i9-13900HX (alderlake)"), (8, 32, MadeFor::Laptop));
        assert_eq!(of("Oracle Ampere A1 (4 vCPU)"), (4, 16, MadeFor::Server));
        assert_eq!(of("AMD FX(tm)-8320 Eight-Core Processor (bdver2)"), (8, 8, MadeFor::Desktop));
        assert_eq!(of("AMD EPYC 9634 84-Core Processor (znver4)"), (84, 64, MadeFor::Server));
        assert_eq!(of("Intel Xeon E5-2683 v4 system (32 cores, 4-ch)"), (32, 32, MadeFor::Server));
        assert_eq!(of("Google Pixel 6a (Tensor G1 CPU, 4 threads)"), (4, 16, MadeFor::Thin));
        assert!(Processors::new().expect("the file has its shape").find("NVIDIA RTX 5090").is_none());
    }

    #[test]
    fn processors_with_brain_floats_are_told_by_line_or_core() {
        let processors = Processors::new().expect("the file has its shape");
        for name in [
            "AMD Ryzen 9 7950X 16-Core Processor (znver4)",
            "AMD Ryzen 7 9800X3D 8-Core Processor",
            "AMD Ryzen AI 9 HX 370 w/ Radeon 890M",
            "Intel Xeon Platinum 8470 (sapphirerapids)",
        ] {
            assert!(processors.multiplies_bf16(name), "{name}");
        }
        for name in [
            "AMD Ryzen 9 5950X 16-Core Processor (znver3)",
            "Intel Core i9-14900K (alderlake)",
            "Intel Xeon Gold 6338N CPU @ 2.20GHz (icelake-server)",
        ] {
            assert!(!processors.multiplies_bf16(name), "{name}");
        }
    }
}
