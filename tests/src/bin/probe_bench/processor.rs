//! Processor time as the kernel counts it.

use std::collections::HashMap;
use std::fs;

use anyhow::{Context, Result};

/// The kernel counts in hundredths of a second for everybody.
const TICKS_A_SECOND: f64 = 100.0;

/// A line of `/proc/PID/stat`, as far as it is read here.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Stat {
    parent: u32,
    /// Its own processor time, seconds.
    own_s: f64,
    /// That of its children that are gone, seconds.
    gone_s: f64,
}

impl Stat {
    fn read(line: &str) -> Result<Stat> {
        // The name is in brackets, and may hold brackets and blanks.
        let fields: Vec<&str> = line.rsplit_once(") ").context("a name in brackets")?.1.split(' ').collect();
        let ticks = |at: usize| -> Result<f64> { Ok(fields.get(at).context("a field")?.parse()?) };
        Ok(Stat {
            parent: fields.get(1).context("a parent")?.parse()?,
            own_s: (ticks(11)? + ticks(12)?) / TICKS_A_SECOND,
            gone_s: (ticks(13)? + ticks(14)?) / TICKS_A_SECOND,
        })
    }
}

/// Seconds of processor time, to a hundredth, that this process has used so far; what it started is not in it.
pub fn own() -> Result<f64> {
    Ok(Stat::read(&fs::read_to_string("/proc/self/stat")?)?.own_s)
}

/// Seconds of processor time, to a hundredth, that a process and all that descend from it have used so far.
pub fn of_tree(process: u32) -> Result<f64> {
    let mut stats = HashMap::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // One that ended meanwhile is counted by its parent.
        if let Ok(line) = fs::read_to_string(entry.path().join("stat")) {
            stats.insert(id, Stat::read(&line)?);
        }
    }
    stats.get(&process).context("the process is gone")?;
    Ok(sum(&stats, process))
}

fn sum(stats: &HashMap<u32, Stat>, process: u32) -> f64 {
    let own = stats.get(&process).map_or(0.0, |stat| stat.own_s + stat.gone_s);
    let children = stats.iter().filter(|(_, stat)| stat.parent == process);
    own + children.map(|(child, _)| sum(stats, *child)).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_its_processes_and_those_that_are_gone() {
        let line = |parent: u32, ticks: [u32; 4]| {
            let [user, system, gone_user, gone_system] = ticks;
            format!(
                "7 (a (b) c) S {parent} 1 1 0 -1 4194304 1 2 3 4 {user} {system} {gone_user} {gone_system} 20 0 1 0 5"
            )
        };
        let read = |text: String| Stat::read(&text).unwrap();
        let stats = HashMap::from([
            (10, read(line(1, [100, 20, 3, 0]))),
            (11, read(line(10, [50, 0, 0, 0]))),
            (12, read(line(11, [1, 0, 0, 1]))),
            (13, read(line(1, [999, 0, 0, 0]))),
        ]);
        assert!((sum(&stats, 10) - 1.75).abs() < 1e-9, "{}", sum(&stats, 10));
        assert!(Stat::read("7 (no end").is_err());
    }
}
