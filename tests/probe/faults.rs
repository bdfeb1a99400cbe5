//! What a runtime, a person or a disk can do to a run: each finished workload survives, and what was started ends.

use house::pace::Fault;

use super::*;

#[test]
fn a_failing_workload_has_its_reason_and_the_others_run() -> Result<()> {
    let words = |fault| match fault {
        Fault::Refuse => "500: out of memory",
        Fault::Cut => "cut while reading the answer",
        Fault::Malformed => "a malformed chunk",
        Fault::Hang => "not done when the run's time was up",
        Fault::Error => "the GPU fell off the bus",
    };
    for fault in Fault::ALL {
        // 4,096 tokens are W2 alone.
        let stage = Stage::new(Pace { decode_tps: 2000.0, fault: Some((4000, fault)), ..Pace::default() })?;
        let output =
            stage.bench(&["--no-upload", "--workload", "W1,W2,W4", "--budget", "8", "--repeat", "1"])?;
        let stderr = utf8(&output.stderr);
        assert!(output.status.success(), "{fault:?}: {stderr}");
        let run = stage.saved()?;
        let reason = of(&run, "W2")[0]["skipped"].as_str().with_context(|| format!("{fault:?}"))?;
        assert!(reason.contains(words(fault)), "{fault:?}: {reason}");
        // More streams than one are a matter of time here.
        for found in [of(&run, "W1")[0], of(&run, "W4")[0]] {
            assert!(found["skipped"].is_null(), "{fault:?}: {found:#}");
        }
    }
    Ok(())
}

/// Waits for a first finished workload and then does something to the run.
fn in_the_middle(stage: &Stage, mut command: Command, act: impl Fn(&Child) -> Result<()>) -> Result<Output> {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    until("a first workload", || finished(&stage.home()) >= 1)?;
    act(&child)?;
    Ok(child.wait_with_output()?)
}

#[test]
#[cfg(unix)]
fn an_interrupted_run_is_saved_and_its_server_ended() -> Result<()> {
    let stage = Stage::new(Pace::default())?;
    let command = stage.starting(&["--full", "--workload", "W1,W4"])?;
    let output = in_the_middle(&stage, command, |child| signal(child, "INT"))?;
    assert_eq!(output.status.code(), Some(0), "{}", utf8(&output.stderr));
    let run = stage.saved()?;
    assert!(of(&run, "W1")[0]["skipped"].is_null());
    assert!(of(&run, "W4").iter().any(|found| found["skipped"] == "interrupted"), "{run:#}");
    let left = stage.started();
    assert!(left.is_empty(), "{left:?}");
    Ok(())
}

/// No file may grow beyond half a KiB, as on a disk that is full: nothing can be saved anywhere, so the run comes out on
/// standard output, whole.
#[test]
#[cfg(unix)]
fn a_full_disk_loses_no_result() -> Result<()> {
    let stage = Stage::new(Pace::default())?;
    let home = stage.home();
    std::fs::create_dir_all(&home)?;
    let line = "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\"";
    let mut command = Command::new("bash");
    command.env("LLM_SPEED_HOME", &home).stdin(Stdio::null()).args(["-c", line]);
    command.arg(site::program("llm-speed-probe")?);
    command.args(["bench", "--backend", "llama.cpp", "--base-url", &stage.server.url]);
    command.args(["--no-upload", "--workload", "W1", "--repeat", "1"]);
    let output = command.output()?;
    let (stdout, stderr) = (utf8(&output.stdout), utf8(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("cannot be saved"), "{stderr}");
    let run: Value = serde_json::from_str(&stdout).with_context(|| stdout.clone())?;
    assert!(of(&run, "W1")[0]["decode_tps"].as_f64().is_some());
    let rescued = stage.folder.path().join("rescued.json");
    std::fs::write(&rescued, &stdout)?;
    assert!(verifies(&rescued)?);
    Ok(())
}
