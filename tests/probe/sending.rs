//! Nothing is sent without a yes, and the last line says where the run is.

use super::*;

/// A run that takes a second.
const SHORT: [&str; 6] = ["--workload", "W1", "--repeat", "1", "--server", "http://127.0.0.1:9"];

#[test]
fn in_a_pipe_without_consent_the_run_stays() -> Result<()> {
    let stage = Stage::new(Pace { decode_tps: 2000.0, ..Pace::default() })?;
    let output = stage.bench(&SHORT)?;
    let (stdout, stderr) = (utf8(&output.stdout), utf8(&output.stderr));
    assert!(output.status.success(), "{stderr}");
    assert!(stderr.contains("nobody has agreed") && stderr.contains("llm-speed-probe upload "), "{stderr}");
    assert!(stdout.lines().last().is_some_and(|line| line.starts_with("run ")), "{stdout}");
    Ok(())
}

#[test]
fn with_consent_and_no_server_the_run_stays_too() -> Result<()> {
    let stage = Stage::new(Pace { decode_tps: 2000.0, ..Pace::default() })?;
    let agreed = probe(&stage.home())?.args(["upload", "--automatic", "yes"]).output()?;
    assert!(agreed.status.success(), "{}", utf8(&agreed.stderr));
    let output = stage.bench(&SHORT)?;
    let stderr = utf8(&output.stderr);
    assert!(output.status.success(), "an upload that fails is no failure of the run: {stderr}");
    assert!(stderr.contains("nothing listens at 127.0.0.1:9"), "{stderr}");
    let id = stage.saved()?["run_id"].as_str().context("an id")?.to_owned();
    let upload = probe(&stage.home())?.args(["upload", &id, "--server", "http://127.0.0.1:9"]).output()?;
    assert_eq!(upload.status.code(), Some(1));
    assert!(utf8(&upload.stderr).contains("1 of 1 runs were not sent"), "{}", utf8(&upload.stderr));
    Ok(())
}

#[test]
fn exit_codes_tell_usage_from_failure() -> Result<()> {
    let home = tempfile::tempdir()?;
    for (arguments, code) in [
        (vec!["--version"], 0),
        (vec!["man"], 0),
        (vec!["completions", "bash"], 0),
        (vec!["verify", "absent"], 1),
        (vec!["upload"], 2),
        (vec!["compare", "one"], 2),
        (vec!["bench", "--workload", "W9"], 2),
        (vec!["bench", "--model", "/no/such/file.gguf"], 2),
        (vec!["estimate", "--model", "/no/such/file.gguf"], 2),
        (vec!["bench", "--frobnicate"], 2),
    ] {
        let output = probe(home.path())?.args(&arguments).output()?;
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", utf8(&output.stderr));
    }
    let missing = probe(home.path())?.args(["estimate", "--model", "/no/such/file.gguf"]).output()?;
    assert!(
        utf8(&missing.stderr).contains("there is no file /no/such/file.gguf"),
        "{}",
        utf8(&missing.stderr)
    );
    Ok(())
}
