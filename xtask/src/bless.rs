//! Writes what is kept in one form: `cargo xtask bless`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::tools;

/// Where the README's example begins and ends.
const EXAMPLE: [&str; 2] = ["<!-- example:begin -->\n```text\n", "```\n<!-- example:end -->"];

/// Rewrites the files under `data/`, the API's description and the README's example; says which of them changed.
pub fn run() -> Result<()> {
    let rows = tools::root().join("data");
    for path in data::files::bless(&rows)? {
        println!("{}", path.display());
    }
    schemas(&rows.join(data::runs::schema::FOLDER))?;
    let mut openapi =
        tools::cargo(["test", "--quiet", "--package", "llm-speed-server", "--test", "http", "openapi"]);
    tools::run(openapi.env("LLM_SPEED_BLESS", "1"))?;
    example()
}

/// The shapes of the YAML files, made of their rows.
fn schemas(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    for (name, text) in data::runs::schema::files() {
        let path = folder.join(name);
        if fs::read_to_string(&path).ok().as_ref() != Some(&text) {
            fs::write(&path, text).with_context(|| path.display().to_string())?;
            println!("{}", path.display());
        }
    }
    Ok(())
}

/// Puts into the README what the program prints for the command above it.
fn example() -> Result<()> {
    let path = tools::root().join("README.md");
    let readme = fs::read_to_string(&path).context("README.md")?;
    let printed = tools::read(&mut tools::cargo(command(&readme)?))?;
    let new = spliced(&readme, &printed).context("README.md has no place for the example")?;
    if new != readme {
        fs::write(&path, new).context("README.md")?;
        println!("{}", path.display());
    }
    Ok(())
}

/// The arguments of cargo for the first command of the README.
fn command(readme: &str) -> Result<Vec<&str>> {
    let line = readme.lines().find_map(|line| line.strip_prefix("$ llm-speed-probe "));
    let args = line.context("README.md shows no command of llm-speed-probe")?.split_whitespace();
    Ok(["run", "--quiet", "--package", "llm-speed-probe", "--"].into_iter().chain(args).collect())
}

/// The README with `printed` as its example.
fn spliced(readme: &str, printed: &str) -> Option<String> {
    let start = readme.find(EXAMPLE[0])? + EXAMPLE[0].len();
    let end = start + readme[start..].find(EXAMPLE[1])?;
    Some(format!("{}{}\n{}", &readme[..start], printed.trim_end(), &readme[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_example_is_replaced() {
        let readme = "before\n<!-- example:begin -->\n```text\nold\n```\n<!-- example:end -->\nafter\n";
        let new = spliced(readme, "new\n").expect("there is a place");
        assert_eq!(new, readme.replace("old", "new"));
        assert_eq!(spliced("no place", "new"), None);
    }

    #[test]
    fn the_readme_has_a_command_and_a_place() {
        let readme = fs::read_to_string(tools::root().join("README.md")).expect("README.md");
        assert_eq!(command(&readme).expect("a command")[5], "estimate");
        assert!(spliced(&readme, "").is_some());
    }
}
