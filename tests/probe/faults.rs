//! What a runtime, a person or a disk can do to a run: each finished workload survives, and what was started ends.

use house::pace::Fault;

use super::*;

#[test]
fn a_failing_workload_has_its_reason_and_the_others_run() -> Result<()> {
    // For the person who runs it, and for everybody: a server's own words are no part of a run.
    let words = |fault| match fault {
        Fault::Refuse => ("500: out of memory", "the server answered 500"),
        Fault::Cut => ("cut while reading the answer", "cut while reading the answer"),
        Fault::Malformed => ("a malformed chunk", "the answer cannot be read"),
        Fault::Hang => ("not done when the run's time was up", "not done when the run's time was up"),
        Fault::Error => ("broke off: out of memory", "the runtime broke off its answer with an error"),
        Fault::Deaf | Fault::Exit => ("", ""),
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
        let (told, published) = words(fault);
        assert!(stderr.contains(told), "{fault:?}: {stderr}");
        assert!(reason.contains(published) && !reason.contains("out of memory"), "{fault:?}: {reason}");
        // More streams than one are a matter of time here.
        for found in [of(&run, "W1")[0], of(&run, "W4")[0]] {
            assert!(found["skipped"].is_null(), "{fault:?}: {found:#}");
        }
    }
    Ok(())
}

/// A request that is taken and never answered, before anything was measured: the run ends in its time, and says why.
#[test]
fn a_server_that_takes_requests_and_answers_none_is_given_up() -> Result<()> {
    // It counts tokens, and answers none of W1's prompts.
    let stage = Stage::new(Pace { fault: Some((100, Fault::Deaf)), ..Pace::default() })?;
    let begun = Instant::now();
    let output = stage.bench(&["--no-upload", "--workload", "W1,W2", "--budget", "4"])?;
    assert_eq!(output.status.code(), Some(1), "{}", utf8(&output.stderr));
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    Ok(())
}

/// A server whose tokenizer hangs is asked once, not once for each workload.
#[test]
fn a_tokenizer_that_hangs_ends_the_run_in_its_time() -> Result<()> {
    let deaf = std::net::TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}", deaf.local_addr()?);
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for mut client in deaf.incoming().flatten() {
            let mut buffer = [0; 4096];
            let count = std::io::Read::read(&mut client, &mut buffer).unwrap_or(0);
            let asked = String::from_utf8_lossy(&buffer[..count]).into_owned();
            let answer = match asked.lines().next().unwrap_or("") {
                line if line.starts_with("GET /version") => r#"{"version":"0.32.0"}"#,
                line if line.starts_with("GET /v1/models") => r#"{"data":[{"id":"m"}]}"#,
                // Taken, and kept.
                _ => {
                    held.push(client);
                    continue;
                }
            };
            let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length";
            let reply = format!("{head}: {}\r\n\r\n{answer}", answer.len());
            // Whoever hangs up first ends this connection only.
            let _ = std::io::Write::write_all(&mut client, reply.as_bytes());
        }
    });
    let stage = Stage::new(Pace::default())?;
    let mut command = probe(&stage.home())?;
    command.args(["bench", "--backend", "vllm", "--base-url", &url, "--no-upload", "--budget", "4"]);
    let begun = Instant::now();
    let output = command.args(["--workload", "W1,W2,W4"]).output()?;
    let stderr = utf8(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}\n{stderr}", begun.elapsed());
    let run = stage.saved()?;
    let reason = of(&run, "W1")[0]["skipped"].as_str().context("a reason")?;
    assert!(reason.contains("gave no answer in time"), "{reason}");
    assert!(of(&run, "W2").iter().chain(&of(&run, "W4")).all(|one| one["skipped"].is_string()), "{run:#}");
    Ok(())
}

/// A server of our own that ends by itself: its last words are told, and the next workload has a new one.
#[test]
#[cfg(unix)]
fn a_server_that_dies_is_started_anew() -> Result<()> {
    let stage = Stage::new(Pace::default())?;
    let line = format!("exec '{}' \"$@\" --exit-at 4000", site::program("pace")?.display());
    let program = stage.script("llama-server", &line)?;
    let mut command = stage.starting_with(&program, &["--repeat", "1", "--full"])?;
    // One stream each: one start would serve all three.
    let output = command.args(["--workload", "W1,W2,W5", "--turns", "2"]).output()?;
    let stderr = utf8(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert!(stderr.contains("llama-server ended by itself (exit status: 70)"), "{stderr}");
    assert!(stderr.contains("fatal: out of memory"), "its last words: {stderr}");
    let run = stage.saved()?;
    assert_eq!(of(&run, "W2")[0]["skipped"], "the server that was started for it ended by itself");
    for found in [of(&run, "W1")[0], of(&run, "W5")[0]] {
        assert!(found["skipped"].is_null(), "{found:#}");
    }
    assert!(stage.started().is_empty(), "{:?}", stage.started());
    Ok(())
}

/// llama-bench lies beside llama-server: its rate for the same file stands beside ours.
#[test]
#[cfg(unix)]
fn the_runtimes_own_benchmark_is_laid_beside() -> Result<()> {
    let stage = Stage::new(Pace::default())?;
    let program =
        stage.script("llama-server", &format!("exec '{}' \"$@\"", site::program("pace")?.display()))?;
    stage.script("llama-bench", "echo '[{\"n_prompt\": 0, \"n_gen\": 64, \"avg_ts\": 250.0}]'")?;
    let output = stage.starting_with(&program, &["--full", "--workload", "W1", "--repeat", "1"])?.output()?;
    let stderr = utf8(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert!(stderr.contains("llama-bench on the same file: 250.0 tok/s; measured here: "), "{stderr}");
    let run = stage.saved()?;
    let rate = of(&run, "W1")[0]["decode_tps"].as_f64().context("a rate")?;
    let ratio = run["raw_timings"][0]["extras"]["cross_check"]["ratio"].as_f64().context("a ratio")?;
    assert!((ratio - rate / 250.0).abs() < 1e-9, "{ratio} of {rate}");
    Ok(())
}

/// A server that lets streams wait for each other gives no figures of streams side by side.
#[test]
fn streams_that_wait_are_left_out_with_the_flag_to_set() -> Result<()> {
    let stage = Stage::new(Pace { at_once: 2, ..Pace::default() })?;
    let output = stage.bench(&["--no-upload", "--workload", "W4", "--repeat", "1"])?;
    let stderr = utf8(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let run = stage.saved()?;
    for found in of(&run, "W4") {
        match found["streams"].as_u64() {
            Some(1) => assert!(found["skipped"].is_null(), "{found:#}"),
            streams => {
                let reason = found["skipped"].as_str().with_context(|| format!("{found:#}"))?;
                let flag = format!("-np {}", streams.unwrap_or(0));
                assert!(reason.contains("never all at work at once") && reason.contains(&flag), "{reason}");
                assert!(found["aggregate_tps"].is_null() && found["decode_tps"].is_null(), "{found:#}");
            }
        }
    }
    Ok(())
}

/// What a server cannot serve is no part of the plan, and the reason says what to start it with.
#[test]
fn what_the_context_does_not_hold_is_left_out_of_the_plan() -> Result<()> {
    let stage = Stage::new(Pace { context_tokens: 4096, slots: 4, ..Pace::default() })?;
    let output = stage.bench(&["--no-upload", "--workload", "W1,W2,W4", "--repeat", "1", "--full"])?;
    let stderr = utf8(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let plan: Vec<&str> = stderr.lines().take_while(|line| !line.contains("[1/")).collect();
    let planned = |mark: &str| plan.iter().any(|line| line.contains(mark) && line.contains("left out"));
    assert!(planned("start it with -c 5120") && planned("start it with -np 8"), "{stderr}");
    assert!(plan.iter().any(|line| line.starts_with("3 of 6 points")), "{stderr}");
    let run = stage.saved()?;
    let reason = of(&run, "W2")[0]["skipped"].as_str().context("5,120 tokens do not fit 4,096")?;
    assert!(reason.contains("-c 5120"), "{reason}");
    Ok(())
}

/// On a disk without room the installation's secret is not made, or it is whole.
#[test]
#[cfg(unix)]
fn a_full_disk_leaves_no_half_secret() -> Result<()> {
    let stage = Stage::new(Pace { decode_tps: 2000.0, ..Pace::default() })?;
    let home = stage.home();
    let mut command = Command::new("bash");
    command.env("LLM_SPEED_HOME", &home).stdin(Stdio::null());
    command.args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\""]);
    command.arg(site::program("llm-speed-probe")?);
    let arguments = ["--no-upload", "--workload", "W1", "--repeat", "1"];
    command.args(["bench", "--backend", "llama.cpp", "--base-url", &stage.server.url]).args(arguments);
    let output = command.output()?;
    let stderr = utf8(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("LLM_SPEED_HOME") && stderr.contains("secret:"), "{stderr}");
    let left: Vec<_> = std::fs::read_dir(&home)?.flatten().map(|entry| entry.file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with("secret")), "{left:?}");
    // With room again everything is as it should be.
    let output = stage.bench(&arguments)?;
    assert!(output.status.success(), "{}", utf8(&output.stderr));
    assert_eq!(std::fs::metadata(home.join("secret"))?.len(), 32);
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

/// Ctrl-C on a terminal goes to the whole group of the probe: its server is in another one, and has not crashed.
#[test]
#[cfg(unix)]
fn ctrl_c_on_a_terminal_is_no_crash_of_the_server() -> Result<()> {
    use std::os::unix::process::CommandExt;
    let stage = Stage::new(Pace::default())?;
    let mut command = stage.starting(&["--full", "--workload", "W1,W4"])?;
    command.process_group(0);
    let output = in_the_middle(&stage, command, |child| signal_group(child, "INT"))?;
    let stderr = utf8(&output.stderr);
    assert!(output.status.success() && !stderr.contains("ended by itself"), "{stderr}");
    let run = stage.saved()?;
    assert!(of(&run, "W4").iter().any(|found| found["skipped"] == "interrupted"), "{run:#}");
    assert!(stage.started().is_empty(), "{:?}", stage.started());
    Ok(())
}

/// A stream that never pauses is left as soon as one that does.
#[test]
#[cfg(unix)]
fn ctrl_c_is_noticed_while_tokens_flow() -> Result<()> {
    // 256 tokens take 13 seconds.
    let stage = Stage::new(Pace { decode_tps: 20.0, ..Pace::default() })?;
    let mut command = stage.command(&["--no-upload", "--full", "--workload", "W1", "--repeat", "1"])?;
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let chunks = || -> Option<u64> {
        let mut answer = house::local_http().get(format!("{}/streams", stage.server.url)).call().ok()?;
        let told: Value = serde_json::from_str(&answer.body_mut().read_to_string().ok()?).ok()?;
        told["chunks"].as_u64()
    };
    // The warm-up has 16.
    until("its stream", || chunks().is_some_and(|chunks| chunks > 24))?;
    let begun = Instant::now();
    signal(&child, "INT")?;
    let output = child.wait_with_output()?;
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}: {}", begun.elapsed(), utf8(&output.stderr));
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
