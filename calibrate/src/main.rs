//! `calibrate`: measurements in, constants out.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use calibrate::folds::By;
use calibrate::{commands, row, validate};
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
        /// A dump of the server, in JSON Lines: its accepted runs are fitted to as well.
        #[arg(long)]
        submissions: Option<PathBuf>,
        /// Where the constants go.
        #[arg(long, default_value = "data/constants.toml")]
        out: PathBuf,
        /// Folder for a report in Markdown with pictures.
        #[arg(long)]
        report: Option<PathBuf>,
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
    /// Say how well the committed constants do on files; with --cv, refit leaving one device or model out at a time.
    Score {
        /// Measurement files, or folders of them.
        files: Vec<PathBuf>,
        /// The same, by name.
        #[arg(long)]
        measurements: Vec<PathBuf>,
        /// As JSON.
        #[arg(long)]
        json: bool,
        /// What is left out.
        #[arg(long, value_parser = ["device", "model"])]
        cv: Option<String>,
        /// With --cv: figures to score; all without this.
        #[arg(long, requires = "cv")]
        figure: Vec<String>,
        /// With --cv: writes each held-out cell beside its prediction, as CSV.
        #[arg(long, requires = "cv")]
        cells: Option<PathBuf>,
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
        Command::Refit { measurements, submissions, out, report } => {
            let asked = commands::Refit {
                measurements: &measurements,
                submissions: submissions.as_deref(),
                out: &out,
                report: report.as_deref(),
            };
            println!("{}", commands::run_refit(&asked, |message| eprintln!("{message}"))?);
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
        Command::Score { mut files, measurements, json, cv, figure, cells } => {
            files.extend(measurements);
            if files.is_empty() {
                files.push(PathBuf::from("data/measurements"));
            }
            match cv.as_deref() {
                None => println!("{}", commands::score_files(&files, json)?),
                Some(cv) => {
                    let by = if cv == "model" { By::Model } else { By::Device };
                    let asked =
                        validate::Asked { files: &files, by, figures: &figure, cells: cells.as_deref() };
                    println!("{}", validate::text(&validate::cross_validate(&asked)?, json)?);
                }
            }
            Ok(())
        }
        Command::Predict { measurements, out } => commands::predict(&measurements, &out),
    }
}

fn fitted_text(measurements: &Path) -> Result<String> {
    let rows = row::read(measurements)?;
    commands::refit_text(&rows, &commands::digest(measurements)?, |message| eprintln!("{message}"))
}
