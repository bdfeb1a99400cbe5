//! What somebody is told who names a runtime: what to start where it is not here, and what a service will be asked for.

use super::*;

/// A service of the stand-in's, by the driver of one that costs money.
fn service(stage: &Stage, arguments: &[&str]) -> Result<Output> {
    let mut command = probe(&stage.home())?;
    command.args(["bench", "--backend", "openrouter", "--base-url", &stage.server.url, "--api-key", "key"]);
    command.args(["--no-upload", "--repeat", "2"]).args(arguments).output().context("the probe runs")
}

/// Chunks with a token that the stand-in has made.
fn made(stage: &Stage) -> Result<u64> {
    let mut answer = house::local_http().get(format!("{}/streams", stage.server.url)).call()?;
    let told: Value = serde_json::from_str(&answer.body_mut().read_to_string()?)?;
    told["chunks"].as_u64().context("a count")
}

/// Before anything is sent, the plan says how many tokens that will be; with `--plan` it is all that happens.
#[test]
fn a_service_is_told_with_its_tokens() -> Result<()> {
    let stage = Stage::new(Pace { decode_tps: 2000.0, ..Pace::default() })?;
    let output = service(&stage, &["--workload", "W1,W4", "--plan"])?;
    let (stdout, stderr) = (utf8(&output.stdout), utf8(&output.stderr));
    assert!(output.status.success() && stdout.is_empty(), "{stdout}{stderr}");
    // W1: 128 to warm up and twice 128, for 16 and twice 256. W4 with 29 streams in all: 512 and twice 1,024 each.
    let told = "sends about 74,624 tokens of prompts and asks for 15,840 of answers; --workload and --repeat";
    assert!(stderr.contains(told), "{stderr}");
    assert_eq!((made(&stage)?, finished(&stage.home())), (0, 0), "a plan is a plan");

    let output = service(&stage, &["--workload", "W1"])?;
    let stderr = utf8(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert!(stderr.contains("sends about 384 tokens of prompts and asks for 528 of answers"), "{stderr}");
    // And one token for each of the two requests that tell how words become tokens.
    assert_eq!(made(&stage)?, 528 + 2);

    // A server of one's own costs nothing.
    let output = stage.bench(&["--workload", "W1", "--plan"])?;
    let stderr = utf8(&output.stderr);
    assert!(output.status.success() && !stderr.contains("tokens of prompts"), "{stderr}");
    Ok(())
}

#[test]
fn a_runtime_that_was_named_and_is_not_here_is_one_sentence() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let mut command = probe(folder.path())?;
    command.args(["bench", "--backend", "exllama", "--base-url", &format!("http://{nobody}")]);
    let output = command.output()?;
    let stderr = utf8(&output.stderr);
    assert_eq!((output.status.code(), stderr.lines().count()), (Some(1), 1), "{stderr}");
    assert!(
        stderr.starts_with(&format!("llm-speed-probe: exllama: nothing listens at {nobody}")),
        "{stderr}"
    );
    let hint = "; start TabbyAPI (https://github.com/theroyallab/tabbyAPI, `python main.py`) with a model, and give its \
                key with --api-key or in TABBY_API_KEY\n";
    assert!(stderr.ends_with(hint), "{stderr}");
    Ok(())
}

/// An address where nobody listens is told once, not once for each runtime that might be there.
#[test]
fn an_address_where_nobody_listens_is_one_sentence() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let output = probe(folder.path())?.args(["bench", "--base-url", &format!("http://{nobody}")]).output()?;
    let stderr = utf8(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("nothing listens at") && stderr.lines().count() == 1, "{stderr}");
    Ok(())
}

/// Where the result could not be written is told before anything is measured.
#[test]
fn a_file_that_cannot_be_written_is_told_before_the_run() -> Result<()> {
    let stage = Stage::new(Pace::default())?;
    let file = stage.folder.path().join("no-folder");
    std::fs::write(&file, "")?;
    let path = file.join("run.json");
    let output =
        stage.bench(&["--no-upload", "--workload", "W1", "--json", path.to_str().context("text")?])?;
    let stderr = utf8(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("--json") && stderr.contains("cannot be written"), "{stderr}");
    assert!(!stage.home().join("runs").exists(), "nothing was measured");
    Ok(())
}

/// Models in Hugging Face's cache are listed for the runtimes that do not run, with size and digest.
#[test]
fn models_on_the_disk_are_listed() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let snapshot = folder.path().join("hub/models--mlx-community--tiny-4bit/snapshots/abc");
    std::fs::create_dir_all(&snapshot)?;
    let header = r#"{"a":{"dtype":"BF16","shape":[4,8],"data_offsets":[0,64]}}"#;
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(&[7; 64]);
    std::fs::write(snapshot.join("model.safetensors"), &bytes)?;
    std::fs::write(snapshot.join("config.json"), r#"{"quantization":{"group_size":64,"bits":4}}"#)?;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let mut command = probe(folder.path())?;
    command.args(["list-models", "--json", "--backend", "mlx", "--base-url", &format!("http://{nobody}")]);
    let output = command.env_remove("HF_HUB_CACHE").env("HF_HOME", folder.path()).output()?;
    let told: Value = serde_json::from_slice(&output.stdout)?;
    let model = &told["on_disk"]["mlx"][0];
    assert_eq!(
        (model["id"].as_str(), model["quant"].as_str()),
        (Some("mlx-community/tiny-4bit"), Some("4bit"))
    );
    assert_eq!(model["size_bytes"].as_u64(), Some(bytes.len() as u64));
    assert!(model["digest"].as_str().is_some_and(|digest| digest.len() == 64), "{told:#}");
    Ok(())
}
