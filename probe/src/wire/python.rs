//! Runtimes that are Python modules: installed or not is asked of Python, without importing them, which takes seconds.

use crate::detect::host::{Host, Machine};

/// The version of an installed Python package.
pub fn package_version(package: &str) -> Option<String> {
    version_by(&Machine, package)
}

fn version_by(host: &dyn Host, package: &str) -> Option<String> {
    let script = format!("import importlib.metadata as m; print(m.version({package:?}))");
    let text = host.run("python3", &["-c", &script]).or_else(|| host.run("python", &["-c", &script]))?;
    let version = text.trim();
    (!version.is_empty() && version.starts_with(|c: char| c.is_ascii_digit())).then(|| version.to_owned())
}

/// Why the server of a module is absent, in the light of the module being there.
///
/// `packages` are those that the program serves, the newest first.
pub fn absence(reason: &str, packages: &[&str], program: &str) -> String {
    absence_on(&Machine, reason, packages, program)
}

fn absence_on(host: &dyn Host, reason: &str, packages: &[&str], program: &str) -> String {
    let installed = packages.iter().find_map(|package| Some((package, version_by(host, package)?)));
    match installed {
        Some((package, version)) => {
            format!("{reason}; {package} {version} is installed, its server ({program}) does not run")
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
        assert_eq!(version_by(&host, "mlx-lm").as_deref(), Some("0.32.2"));
        assert_eq!(version_by(&Recorded::new(Platform::Linux), "mlx-lm"), None);
        // Whichever of them is there.
        let older = Recorded::new(Platform::Linux)
            .command("python3 -c import importlib.metadata as m; print(m.version(\"exllamav2\"))", "0.3.2\n");
        let says = absence_on(&older, "nothing listens", &["exllamav3", "exllamav2"], "TabbyAPI");
        assert_eq!(says, "nothing listens; exllamav2 0.3.2 is installed, its server (TabbyAPI) does not run");
    }
}
