//! The published parameters as flags, and this machine where none is named.

use anyhow::Result;
use clap::{Arg, ArgMatches, Command};
use data::Engine;
use data::query::{FILTERS, FieldError, PARAMETERS, Params};

use super::UsageError;
use crate::detect::{self, bandwidth};

/// Every published parameter as a flag of the same name; dashes and underscores are both understood.
#[derive(Clone, Debug, Default)]
pub struct Question {
    given: Vec<(&'static str, String)>,
}

/// The same, with the filters of a list.
#[derive(Clone, Debug, Default)]
pub struct ListQuestion(pub Question);

type Names = &'static [(&'static str, &'static str)];

fn augment(command: Command, lists: &[Names]) -> Command {
    lists.iter().flat_map(|list| list.iter()).fold(command, |command, (name, help)| {
        let flag = name.replace('_', "-");
        let arg = Arg::new(*name).value_name("VALUE").help(*help);
        // The help of the API speaks of its own spelling; that is accepted too.
        let arg = if flag == *name { arg.long(*name) } else { arg.long(flag).alias(*name) };
        command.arg(arg)
    })
}

fn read(matches: &ArgMatches, lists: &[Names]) -> Question {
    let given = lists
        .iter()
        .flat_map(|list| list.iter())
        .filter_map(|(name, _)| Some((*name, matches.get_one::<String>(name)?.clone())))
        .collect();
    Question { given }
}

macro_rules! arguments {
    ($type:ty, $lists:expr, $wrap:expr) => {
        impl clap::FromArgMatches for $type {
            fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
                Ok($wrap(read(matches, $lists)))
            }

            fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
                *self = $wrap(read(matches, $lists));
                Ok(())
            }
        }

        impl clap::Args for $type {
            fn augment_args(command: Command) -> Command {
                augment(command, $lists)
            }

            fn augment_args_for_update(command: Command) -> Command {
                augment(command, $lists)
            }
        }
    };
}

arguments!(Question, &[PARAMETERS], |question| question);
arguments!(ListQuestion, &[PARAMETERS, FILTERS], ListQuestion);

impl Question {
    /// The text of one parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.given.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
    }

    /// The parameters for the engine: without a device or figures of one's own, those of this machine are put in front.
    /// What was typed goes before what was found.
    ///
    /// # Errors
    /// [`UsageError`] on a value that is too long.
    pub fn params(&self, engine: &Engine<'_>) -> Result<Params> {
        let names_machine =
            ["hardware", "bandwidth_gb_s", "class"].iter().any(|name| self.get(name).is_some());
        let mut pairs: Vec<(&str, &str)> = Vec::new();
        let found = if names_machine { Vec::new() } else { this_machine(engine) };
        pairs.extend(
            found
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .filter(|(name, _)| self.get(name).is_none()),
        );
        pairs.extend(self.given.iter().map(|(name, value)| (*name, value.as_str())));
        Params::read_page(pairs).map_err(|errors| usage(&errors).into())
    }
}

/// This machine by its published parameters; remarks go to standard error.
fn this_machine(engine: &Engine<'_>) -> Vec<(&'static str, String)> {
    let mut fingerprint = detect::this_machine();
    let measured =
        bandwidth::measure(super::detect::BANDWIDTH_BUDGET, detect::spare_memory_gib(&fingerprint));
    fingerprint.ram.read_gb_s = Some(super::detect::round(measured.read_gb_s));
    let this = super::beside::this_machine(engine, &fingerprint);
    for note in &this.notes {
        eprintln!("note: {note}");
    }
    let words: Vec<String> = this.pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    eprintln!("this machine: {}", words.join(" "));
    this.pairs
}

/// Errors of the published parameters in the words of flags.
pub fn usage(errors: &[FieldError]) -> UsageError {
    let line = |error: &FieldError| {
        let flag = error.field.replace('_', "-");
        let near =
            if error.near.is_empty() { String::new() } else { format!(" Near: {}.", error.near.join(", ")) };
        format!("--{flag}: {}{near}", error.message)
    };
    UsageError(errors.iter().map(line).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Args, FromArgMatches};

    fn parse(arguments: &[&str]) -> Question {
        let command = Question::augment_args(Command::new("x").no_binary_name(true));
        Question::from_arg_matches(&command.try_get_matches_from(arguments).unwrap()).unwrap()
    }

    #[test]
    fn every_parameter_is_a_flag_in_both_spellings() {
        for (name, _) in PARAMETERS {
            for flag in [format!("--{name}"), format!("--{}", name.replace('_', "-"))] {
                assert_eq!(parse(&[&flag, "12"]).get(name), Some("12"), "{flag}");
            }
        }
    }

    #[test]
    fn errors_speak_of_flags() {
        let error = FieldError::with_near("kv_v", "No.".to_owned(), vec!["q8_0".to_owned()]);
        assert_eq!(usage(&[error]).0, "--kv-v: No. Near: q8_0.");
    }
}
