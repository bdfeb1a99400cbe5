//! Nothing is sent without a yes, and the last line says where the run is.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

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

/// `bench --json - | jq` reads one object; people read the rest on standard error.
#[test]
fn with_json_on_standard_output_nothing_else_is_there() -> Result<()> {
    let stage = Stage::new(Pace { decode_tps: 2000.0, ..Pace::default() })?;
    let output = stage.bench(&["--no-upload", "--workload", "W1", "--repeat", "1", "--json", "-"])?;
    let stderr = utf8(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let run: Value = serde_json::from_slice(&output.stdout).context("one JSON object")?;
    assert_eq!(run, stage.saved()?);
    assert!(
        stderr.contains("decode tok/s") && stderr.lines().any(|line| line.starts_with("run ")),
        "{stderr}"
    );
    // Each flag has its sentence below the table.
    assert!(stderr.contains("one_repeat: it was measured once"), "{stderr}");
    Ok(())
}

/// A copy that cannot be written any more fails the command, which still tells where the run itself is. The copy of an
/// anonymous run has no key: whoever has that can withdraw the run.
#[test]
fn a_copy_hides_neither_the_run_nor_holds_its_key() -> Result<()> {
    let bench = ["--no-upload", "--workload", "W1", "--repeat", "1", "--anon", "--json"];
    let stage = Stage::new(Pace { decode_tps: 2000.0, ..Pace::default() })?;
    let folder = stage.folder.path().join("gone");
    std::fs::create_dir(&folder)?;
    let mut command = stage.command(&bench)?;
    command.arg(folder.join("run.json")).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    // By the first word the file was tried, and could be written.
    let mut stderr = BufReader::new(child.stderr.take().context("a pipe")?);
    let mut told = String::new();
    stderr.read_line(&mut told)?;
    std::fs::remove_dir(&folder)?;
    std::fs::write(&folder, "no folder any more")?;
    stderr.read_to_string(&mut told)?;
    let output = child.wait_with_output()?;
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(utf8(&output.stdout).contains(" saved in "), "{}", utf8(&output.stdout));
    assert!(told.contains("cannot be written"), "{told}");
    assert!(stage.saved()?["anonymous_key"].is_array(), "it stays with the saved run");

    let stage = Stage::new(Pace { decode_tps: 2000.0, ..Pace::default() })?;
    let copy = stage.folder.path().join("run.json");
    let output = stage.command(&bench)?.arg(&copy).output()?;
    assert!(output.status.success(), "{}", utf8(&output.stderr));
    assert!(!std::fs::read_to_string(&copy)?.contains("anonymous_key"));
    let verified = probe(&stage.home())?.arg("verify").arg(&copy).output()?;
    assert!(verified.status.success(), "{}", utf8(&verified.stderr));
    Ok(())
}

/// What was changed after it was signed is not compared; names that are no text are names too.
#[test]
#[cfg(target_os = "linux")]
fn compare_takes_only_what_was_signed() -> Result<()> {
    use std::os::unix::ffi::OsStrExt;
    let stage = Stage::new(Pace { decode_tps: 2000.0, ..Pace::default() })?;
    let at = |name: &[u8]| stage.folder.path().join(std::ffi::OsStr::from_bytes(name));
    let (first, other, forged) = (at(b"first-\xff.json"), at(b"other.json"), at(b"forged.json"));
    for (path, workload) in [(&first, "W1"), (&other, "W4")] {
        let mut command = stage.command(&["--no-upload", "--repeat", "1", "--workload", workload])?;
        let output = command.arg("--budget").arg("8").arg("--json").arg(path).output()?;
        assert!(output.status.success(), "{}", utf8(&output.stderr));
    }
    let compare = |one: &Path, two: &Path| {
        probe(&stage.home())?.arg("compare").args([one, two]).output().context("runs")
    };
    let same = compare(&first, &first)?;
    assert!(same.status.success() && utf8(&same.stdout).contains("decode tok/s"), "{}", utf8(&same.stdout));
    let apart = compare(&first, &other)?;
    assert!(utf8(&apart.stdout).contains("no workload was measured in both"), "{}", utf8(&apart.stdout));
    let alone = probe(&stage.home())?.arg("compare").output()?;
    let listed = utf8(&alone.stderr);
    assert_eq!(alone.status.code(), Some(2), "{listed}");
    assert!(listed.contains("the newest here are:") && listed.lines().count() == 3, "{listed}");
    assert!(listed.contains("llama.cpp b0-pace, llama-3.1-8b: W4"), "{listed}");
    std::fs::write(&forged, utf8(&std::fs::read(&other)?).replacen("b0-pace", "b9-fast", 1))?;
    let refused = compare(&first, &forged)?;
    assert_eq!(refused.status.code(), Some(1));
    assert!(utf8(&refused.stderr).contains("was changed after it was signed"), "{}", utf8(&refused.stderr));
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
        (vec!["bench", "--model", "no-such-file.gguf", "--no-upload"], 2),
        (vec!["bench", "--llama-cpp-path", "/no/such/llama-server"], 2),
        (vec!["bench", "--llama-cpp-path", "/", "--backend", "llama.cpp"], 2),
        (vec!["detect", "--llama-cpp-path", "/no/such/llama-server"], 2),
        (vec!["bench", "--frobnicate"], 2),
        (vec!["bench", "--quick", "--workload", "W3"], 2),
        (vec!["bench", "--quick", "--shapes"], 2),
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
