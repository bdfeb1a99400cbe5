//! The README shows what the program prints.

use std::process::Command;

use anyhow::{Context, Result};
use house::site::program;

const README: &str = include_str!("../../README.md");

#[test]
fn the_example_is_what_the_program_prints() -> Result<()> {
    let command =
        README.lines().find_map(|line| line.strip_prefix("$ llm-speed-probe ")).context("a command")?;
    let shown = README.split("<!-- example:begin -->\n```text\n").nth(1).context("an example")?;
    let shown = shown.split("```\n<!-- example:end -->").next().context("its end")?;
    let output = Command::new(program("llm-speed-probe")?).args(command.split_whitespace()).output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout)?;
    assert_eq!(printed.trim_end(), shown.trim_end(), "run `cargo xtask bless`");
    Ok(())
}
