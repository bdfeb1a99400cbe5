//! Runtimes that are Python modules: installed or not is asked of Python, without importing them, which takes seconds.

use crate::detect::host::{Host, Machine};

/// An installed Python package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Its version.
    pub version: String,
    /// The Python that has it.
    pub python: &'static str,
}

/// An installed package, by its name.
pub fn package(name: &str) -> Option<Package> {
    package_on(&Machine, name)
}

fn package_on(host: &dyn Host, name: &str) -> Option<Package> {
    let script = format!("import importlib.metadata as m; print(m.version({name:?}))");
    ["python3", "python"].into_iter().find_map(|python| {
        let text = host.run(python, &["-c", &script])?;
        let version = text.trim().to_owned();
        version.starts_with(|c: char| c.is_ascii_digit()).then_some(Package { version, python })
    })
}

/// Why the server of a module is absent, in the light of the module being there.
///
/// `packages` are those that the program serves, the newest first.
pub fn absence(reason: &str, packages: &[&str], program: &str) -> String {
    absence_on(&Machine, reason, packages, program)
}

fn absence_on(host: &dyn Host, reason: &str, packages: &[&str], program: &str) -> String {
    let installed = packages.iter().find_map(|name| Some((name, package_on(host, name)?.version)));
    match installed {
        Some((name, version)) => {
            format!("{reason}; {name} {version} is installed, its server ({program}) does not run")
        }
        None => reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::host::{Platform, recorded::Recorded};

    #[test]
    fn a_package_is_found_by_its_metadata() {
        let host = Recorded::new(Platform::Linux).command("python3 -c", "0.32.2\n");
        let found = |python| Some(Package { version: "0.32.2".to_owned(), python });
        assert_eq!(package_on(&host, "mlx-lm"), found("python3"));
        let windows = Recorded::new(Platform::Windows).command("python -c", "0.32.2\r\n");
        assert_eq!(package_on(&windows, "mlx-lm"), found("python"));
        assert_eq!(package_on(&Recorded::new(Platform::Linux), "mlx-lm"), None);
        // Whichever of them is there.
        let older = Recorded::new(Platform::Linux)
            .command("python3 -c import importlib.metadata as m; print(m.version(\"exllamav2\"))", "0.3.2\n");
        let says = absence_on(&older, "nothing listens", &["exllamav3", "exllamav2"], "TabbyAPI");
        assert_eq!(says, "nothing listens; exllamav2 0.3.2 is installed, its server (TabbyAPI) does not run");
    }
}
