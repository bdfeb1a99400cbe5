//! Programs: where they are, how they are run, how a missing one is installed.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The workspace root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask/ lies in the workspace")
}

/// Cargo's target directory, wherever it was configured: this program is `<target>/<profile>/xtask`.
pub fn target_dir() -> Result<PathBuf> {
    let program = env::current_exe().context("where is this program?")?;
    program.ancestors().nth(2).map(Path::to_path_buf).context("this program is not in a target directory")
}

/// A program of the workspace, as `cargo build` leaves it.
pub fn built(program: &str) -> Result<PathBuf> {
    Ok(target_dir()?.join("debug").join(format!("{program}{}", env::consts::EXE_SUFFIX)))
}

/// `cargo`, in the workspace root, the same one that started this chore.
pub fn cargo<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).args(args);
    command
}

/// Runs to the end; output goes where ours goes. Anything but success is an error that shows the command.
pub fn run(command: &mut Command) -> Result<()> {
    let line = shown(command);
    eprintln!("$ {line}");
    let status = command.status().with_context(|| format!("`{line}` did not start"))?;
    if !status.success() {
        bail!("`{line}` failed ({status})");
    }
    Ok(())
}

/// What a command prints, without the last line end.
pub fn read(command: &mut Command) -> Result<String> {
    let line = shown(command);
    let output = command.output().with_context(|| format!("`{line}` did not start"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("`{line}` failed ({}): {}", output.status, said.trim());
    }
    Ok(String::from_utf8(output.stdout)?.trim_end().to_owned())
}

/// The command as a person would type it.
pub fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let words =
        std::iter::once(program.file_name().unwrap_or(command.get_program())).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

/// Where a program is on the path.
pub fn which(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.is_file())
}

/// A program from the registry at this version, built once into the target directory.
pub fn cargo_program(name: &str, version: &str) -> Result<PathBuf> {
    let place = target_dir()?.join("tools").join(format!("{name}-{version}"));
    let program = place.join("bin").join(format!("{name}{}", env::consts::EXE_SUFFIX));
    if !program.is_file() {
        println!("building {name} {version}, once");
        let install = ["install", "--locked", "--quiet", name, "--version", version, "--root"];
        run(cargo(install).arg(&place))?;
    }
    Ok(program)
}

/// Installs Debian packages, where this is Debian (or a relative) and we may.
pub fn apt_install(packages: &[&str]) -> Result<()> {
    let wanted = packages.join(" ");
    if which("apt-get").is_none() {
        bail!("{wanted}: not here, and there is no apt-get to install it with");
    }
    if !is_root() {
        bail!("{wanted}: not here, and only root may install it: `sudo apt-get install {wanted}`");
    }
    run(Command::new("apt-get").args(["update", "-q"]))?;
    run(Command::new("apt-get")
        .args(["install", "-q", "-y", "--no-install-recommends"])
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive"))
}

/// The browser and its driver, installed where they are missing.
pub fn install_browser() -> Result<()> {
    let missing = |(program, package): &(&str, &'static str)| which(program).is_none().then_some(*package);
    let packages: Vec<&str> =
        [("chromedriver", "chromium-driver"), ("chromium", "chromium")].iter().filter_map(missing).collect();
    if packages.is_empty() { Ok(()) } else { apt_install(&packages) }
}

/// Whether we run as root; `id` is asked, since std cannot say.
fn is_root() -> bool {
    read(Command::new("id").arg("-u")).is_ok_and(|uid| uid == "0")
}
