//! `calibrate`: measurements in, constants out.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use calibrate::folds::By;
use calibrate::{commands, row};
use clap::{Parser, Subcommand};

/// Fits the constants of the estimates to measurements, and says how good they are.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Fit, and write constants with their scores.
    Refit {
        /// Folder of measurement files, or one file.
        #[arg(long, default_value = "data/measurements")]
        measurements: PathBuf,
        /// Where the constants go.
        #[arg(long, default_value = "data/constants.toml")]
        out: PathBuf,
    },
    /// Fail if the committed constants are not what the committed measurements give.
    Check {
        /// Folder of measurement files.
        #[arg(long, default_value = "data/measurements")]
        measurements: PathBuf,
        /// The constants to check.
        #[arg(long, default_value = "data/constants.toml")]
        constants: PathBuf,
    },
    /// Leave one device or model out at a time, refit, and say how well it is predicted.
    Score {
        /// Folder of measurement files, or one file.
        #[arg(long, default_value = "data/measurements")]
        measurements: PathBuf,
        /// What is left out.
        #[arg(long, value_parser = ["device", "model"], default_value = "device")]
        cv: String,
        /// Figures to score; all without this.
        #[arg(long)]
        figure: Vec<String>,
        /// Lists the worst rows and the constants of this group.
        #[arg(long)]
        worst: Option<String>,
    },
    /// Predict every row of a file; reads no measured value.
    Predict {
        /// A file with the columns of a measurement file.
        #[arg(long)]
        measurements: PathBuf,
        /// Where to write the rows, with status and prediction beside them.
        #[arg(long)]
        out: PathBuf,
    },
}

fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::Refit { measurements, out } => {
            let text = fitted_text(&measurements)?;
            std::fs::write(&out, text).with_context(|| format!("{} cannot be written", out.display()))?;
            println!("wrote {}", out.display());
            Ok(())
        }
        Command::Check { measurements, constants } => {
            let committed = std::fs::read_to_string(&constants)
                .with_context(|| format!("{} cannot be read", constants.display()))?;
            if fitted_text(&measurements)? != committed {
                bail!("{} is not what the measurements give: run `calibrate refit`", constants.display());
            }
            println!("{} is what the measurements give", constants.display());
            Ok(())
        }
        Command::Score { measurements, cv, figure, worst } => {
            let by = if cv == "model" { By::Model } else { By::Device };
            commands::cross_validate(&measurements, by, &figure, worst.as_deref())
        }
        Command::Predict { measurements, out } => commands::predict(&measurements, &out),
    }
}

fn fitted_text(measurements: &Path) -> Result<String> {
    let rows = row::read(measurements)?;
    commands::refit_text(&rows, &commands::digest(measurements)?, |message| eprintln!("{message}"))
}
