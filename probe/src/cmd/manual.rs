//! `completions` and `man`: both come out of the arguments themselves.

use std::io::Write;

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::Shell;

use super::Cli;

/// Print the completions for a shell.
#[derive(clap::Args)]
pub struct Completions {
    /// Which shell.
    shell: Shell,
}

/// Print the manual page.
#[derive(clap::Args)]
pub struct Man {}

pub fn completions(arguments: &Completions, out: &mut dyn Write) -> Result<()> {
    // clap writes them without a way to say that writing failed, so they are gathered first.
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "llm-speed-probe", &mut text);
    Ok(out.write_all(&text)?)
}

/// One page: the program, then each command with its flags.
pub fn man(out: &mut dyn Write) -> Result<()> {
    let mut command = Cli::command();
    command.build();
    clap_mangen::Man::new(command.clone()).render(&mut *out)?;
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        let page =
            clap_mangen::Man::new(sub.clone().display_name(format!("llm-speed-probe {}", sub.get_name())));
        writeln!(out, ".SH \"{}\"", sub.get_name().to_uppercase())?;
        page.render_description_section(&mut *out)?;
        page.render_synopsis_section(&mut *out)?;
        page.render_options_section(&mut *out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_in_both() {
        let mut page = Vec::new();
        man(&mut page).unwrap();
        let page = String::from_utf8(page).unwrap();
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::PowerShell] {
            let mut text = Vec::new();
            completions(&Completions { shell }, &mut text).unwrap();
            let text = String::from_utf8(text).unwrap();
            for sub in Cli::command().get_subcommands() {
                assert!(text.contains(sub.get_name()), "{shell} misses {}", sub.get_name());
                assert!(
                    page.contains(&format!(".SH \"{}\"", sub.get_name().to_uppercase())),
                    "{}",
                    sub.get_name()
                );
            }
        }
        assert!(page.contains("no\\-upload"), "flags are in the page");
    }
}
