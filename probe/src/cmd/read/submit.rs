//! `read --submit`: sends the timing lines of one run, and nothing else of the text.

use std::io::Write;

use anyhow::{Context, Result};
use data::Catalog;
use data::paste::{Reading, Run};
use data::row::Runtime;
use data::submission::Paste;

use crate::client::Sent;
use crate::cmd::{UsageError, upload};
use crate::detect;
use data::machine;

/// What the text leaves open about the run that is sent.
#[derive(clap::Args)]
pub struct Submit {
    /// Send the run to a results server: its timing lines, and the names below.
    #[arg(long)]
    submit: bool,
    /// Which of several runs, counted from 1.
    #[arg(long, value_name = "N", requires = "submit")]
    run: Option<usize>,
    /// The device it ran on; without it what the text names, else this machine.
    #[arg(long, value_name = "ID", requires = "submit")]
    hardware: Option<String>,
    /// The model, where the text does not name it.
    #[arg(long, value_name = "ID", requires = "submit")]
    model: Option<String>,
    /// The quantisation, where the text does not name it.
    #[arg(long, value_name = "ID", requires = "submit")]
    quant: Option<String>,
    /// The runtime, where the text leaves it open.
    #[arg(long, value_name = "NAME", requires = "submit")]
    runtime: Option<String>,
    /// The server; without it LLM_SPEED_SERVER, or the one on this machine.
    #[arg(long, value_name = "URL", requires = "submit")]
    server: Option<String>,
    /// With --submit: ask the server what it would say, and send nothing that it keeps.
    #[arg(long, requires = "submit")]
    dry_run: bool,
    /// With --submit: print the bytes that would be sent, and send nothing.
    #[arg(long, requires = "submit")]
    print_payload: bool,
}

impl Submit {
    /// Whether anything is to be sent.
    pub fn is_wanted(&self) -> bool {
        self.submit
    }

    /// Sends the chosen run, and prints its page.
    pub fn send(&self, reading: &Reading, out: &mut dyn Write) -> Result<()> {
        let paste = self.paste(reading)?;
        if self.print_payload {
            return crate::cmd::sent::print(&serde_json::to_vec(&paste)?, out);
        }
        let client = upload::client(self.server.as_deref())?;
        if self.dry_run {
            let tried = client.try_paste(&paste)?;
            return Ok(writeln!(out, "{}", upload::told(&tried, &client))?);
        }
        eprintln!(
            "sending {} lines as {} at {} on {} to {} …",
            paste.lines.lines().count(),
            paste.model,
            paste.quant,
            paste.hardware,
            client.place()
        );
        let page = match client.send_paste(&paste)? {
            Sent::Taken(receipt) => {
                for reason in &receipt.reasons {
                    eprintln!("  {}: {}", receipt.state.name(), reason.says);
                }
                receipt.url.context("the server took the run and named no page")?
            }
            Sent::Known(page) => page.context("the server has this run already, and names no page")?,
        };
        Ok(writeln!(out, "{}", client.page(&page))?)
    }

    fn paste(&self, reading: &Reading) -> Result<Paste> {
        let run = self.chosen(reading)?;
        let catalog = Catalog::embedded();
        let hardware = match self.hardware.as_ref().or(run.device.as_ref()) {
            Some(text) => resolved("hardware", text, catalog.device(text).map(|row| &row.id))?,
            None => this_machine()?,
        };
        let text = self.model.as_ref().or(run.model.as_ref()).ok_or_else(|| missing("model"))?;
        let model = resolved("model", text, catalog.model(text).map(|row| &row.id))?;
        let text = self.quant.as_ref().or(run.quant.as_ref()).ok_or_else(|| missing("quant"))?;
        let quant = resolved("quant", text, catalog.quant(text).map(|row| &row.id))?;
        if let Some(name) = self.runtime.as_deref().filter(|name| !is_runtime(name)) {
            let known: Vec<&str> = Runtime::ALL.into_iter().map(Runtime::name).collect();
            return Err(UsageError(format!("--runtime {name}: it is one of {}", known.join(", "))).into());
        }
        Ok(Paste {
            lines: run.lines.clone(),
            hardware,
            model,
            quant,
            runtime: self.runtime.clone(),
            ..Paste::default()
        })
    }

    fn chosen<'a>(&self, reading: &'a Reading) -> Result<&'a Run, UsageError> {
        let run = self.picked(reading)?;
        run.unsent().map_or(Ok(run), |why| Err(UsageError(why.to_owned())))
    }

    fn picked<'a>(&self, reading: &'a Reading) -> Result<&'a Run, UsageError> {
        match (self.run, reading.runs.as_slice()) {
            (None, [only]) => Ok(only),
            (None, runs) => {
                Err(UsageError(format!("the text holds {} runs: pick one with --run N", runs.len())))
            }
            (Some(number), runs) => number.checked_sub(1).and_then(|at| runs.get(at)).ok_or_else(|| {
                UsageError(format!("--run {number}: the text holds {} runs, counted from 1", runs.len()))
            }),
        }
    }
}

fn is_runtime(name: &str) -> bool {
    Runtime::ALL.into_iter().any(|runtime| runtime.name() == name)
}

fn missing(flag: &str) -> UsageError {
    UsageError(format!("the text does not name the {flag}: add --{flag} ID"))
}

/// The row's id for what the flag or the text says.
fn resolved(flag: &str, text: &str, found: Result<&String, data::Lookup>) -> Result<String, UsageError> {
    found.cloned().map_err(|error| UsageError(format!("--{flag} {text}: {error}")))
}

fn this_machine() -> Result<String, UsageError> {
    let found = machine::in_catalog(Catalog::embedded(), &detect::this_machine());
    let own = found.pairs.into_iter().find(|(name, _)| *name == "hardware").map(|(_, id)| id);
    let id = own.ok_or_else(|| {
        UsageError("the text names no device, and this machine is in no list: add --hardware ID".to_owned())
    })?;
    eprintln!("the text names no device: taken as run on this machine, {id}; --hardware names another");
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a secret prompt\n\
        llama_perf_context_print: prompt eval time =     521.12 ms /   128 tokens (    4.07 ms per token,   245.62 tokens per second)\n\
        llama_perf_context_print:        eval time =    4310.00 ms /   127 runs   (   33.94 ms per token,    29.47 tokens per second)\n";

    fn submit() -> Submit {
        Submit {
            submit: true,
            run: None,
            hardware: Some("RTX 3090".into()),
            model: Some("Qwen3 14B".into()),
            quant: Some("Q4_K_M".into()),
            runtime: None,
            server: None,
            dry_run: false,
            print_payload: true,
        }
    }

    #[test]
    fn only_timing_lines_and_names_are_sent() {
        let reading = data::paste::read(TEXT.as_bytes());
        let paste = submit().paste(&reading).unwrap();
        assert_eq!((paste.hardware.as_str(), paste.model.as_str()), ("rtx-3090", "qwen3-14b"));
        assert!(paste.lines.contains("29.47") && !paste.lines.contains("secret"), "{}", paste.lines);
    }

    #[test]
    fn what_is_printed_is_what_is_sent() {
        let reading = data::paste::read(TEXT.as_bytes());
        let mut out = Vec::new();
        submit().send(&reading, &mut out).unwrap();
        let sent = serde_json::to_vec(&submit().paste(&reading).unwrap()).unwrap();
        assert_eq!(out, [sent.as_slice(), b"\n"].concat());
    }

    #[test]
    fn what_is_open_is_asked_for() {
        let reading = data::paste::read(TEXT.as_bytes());
        let says = |submit: Submit| submit.paste(&reading).unwrap_err().to_string();
        assert!(says(Submit { model: None, ..submit() }).contains("--model"));
        assert!(says(Submit { hardware: Some("m4-max".into()), ..submit() }).contains("say which"));
        assert!(says(Submit { run: Some(2), ..submit() }).contains("1 runs"));
        assert!(says(Submit { runtime: Some("nope".into()), ..submit() }).contains("one of llama.cpp"));
        let log = "INFO 09-02 13:08:10 [loggers.py:123] Engine 000: Avg prompt throughput: 4.1 tokens/s, Avg generation throughput: 6.2 tokens/s, Running: 1 reqs, Waiting: 0 reqs, GPU KV cache usage: 0.0%\n";
        let window = data::paste::read(log.as_bytes());
        assert_eq!(window.runs.len(), 1);
        assert!(submit().paste(&window).unwrap_err().to_string().contains("nothing to send"));
    }
}
