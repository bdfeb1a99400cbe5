//! Tools that tell everything they know: none of it may come out anywhere.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use house::pace::Fault;
use house::site::Site;

use super::*;

/// What must not be found, in any spelling of its letters' case.
const SECRET: &str = "SECRET";

/// Programs that print what the real ones print, and serial numbers, names and addresses beside it.
const TOOLS: &[(&str, &str)] = &[
    (
        "nvidia-smi",
        r#"case "$*" in
*query-gpu=name*) echo "NVIDIA GeForce RTX 4090, 570.133.07, 95.02.3C.00.01, 00000000:01:00.0, 24564, 450.00, 450.00, 8.9" ;;
*query-gpu=clocks*) echo "2520, 10501, 61, 98, 21000, 420.11, 0x0000000000000000" ;;
*query-compute-apps*) echo "4711" ;;
*-L*) echo "GPU 0: NVIDIA GeForce RTX 4090 (UUID: GPU-SECRET-UUID)" ;;
*) echo "| NVIDIA-SMI 570.133.07  Driver Version: 570.133.07  CUDA Version: 12.8 |"; echo "| 0 N/A 4711 C /home/SECRET-USER/llama-server |" ;;
esac"#,
    ),
    (
        "dmidecode",
        r#"printf 'Handle 0x0011, DMI type 17\nMemory Device\n\tSize: 32 GB\n\tLocator: DIMM 0\n\tBank Locator: P0 CHANNEL A\n\tType: DDR5\n\tConfigured Memory Speed: 5600 MT/s\n\tSerial Number: SECRET-DIMM\n\tAsset Tag: SECRET-TAG\n'"#,
    ),
    (
        "rocm-smi",
        r#"echo '{"card0": {"Serial Number": "SECRET-ROCM", "Unique ID": "SECRET-UID", "Card Series": "AMD Radeon RX 7900 XTX"}}'"#,
    ),
    ("lspci", "echo '01:00.0 VGA compatible controller: SECRET-LSPCI'"),
    ("lscpu", "echo 'Model name: SECRET-LSCPU'"),
    ("hostname", "echo SECRET-HOST"),
    ("uname", "echo Linux SECRET-HOST 6.12.0"),
    ("whoami", "echo SECRET-USER"),
    ("ip", "echo 'link/ether SE:CR:ET:00:00:01'"),
    ("systemd-detect-virt", "echo none; echo SECRET-VIRT >&2"),
    ("python3", "echo 'SECRET-PYTHON'"),
    ("ollama", "echo SECRET-OLLAMA"),
];

/// A folder of those programs.
#[cfg(unix)]
fn tools(folder: &Path) -> Result<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let tools = folder.join("SECRET-TOOLS");
    std::fs::create_dir_all(&tools)?;
    for (name, body) in TOOLS {
        let path = tools.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{body}\n"))?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
    }
    Ok(tools)
}

#[cfg(unix)]
fn surrounded(mut command: Command, tools: &Path) -> Command {
    let path = format!("{}:/usr/bin:/bin", tools.display());
    command.env("PATH", path).env("USER", "SECRET-USER").env("HOSTNAME", "SECRET-HOST");
    command
        .env("LOGNAME", "SECRET-USER")
        .env("SSH_CONNECTION", "SECRET-ADDRESS")
        .env("HOME", "/home/SECRET-USER");
    command
}

fn check(what: &str, bytes: &[u8]) {
    let text = utf8(bytes).to_ascii_uppercase();
    if let Some(at) = text.find(SECRET).or_else(|| text.find("SE:CR")) {
        let from = text[..at].char_indices().rev().nth(80).map_or(0, |(at, _)| at);
        panic!("{what}: …{}…", text[from..].chars().take(200).collect::<String>());
    }
}

#[test]
#[cfg(unix)]
fn not_a_byte_of_a_secret_comes_out() -> Result<()> {
    let stage = Stage::new(Pace { decode_tps: 2000.0, ..Pace::default() })?;
    let tools = tools(stage.folder.path())?;
    for arguments in
        [vec!["detect"], vec!["detect", "--json"], vec!["list-models", "--base-url", &stage.server.url]]
    {
        let mut command = surrounded(probe(&stage.home())?, &tools);
        let output = command.args(&arguments).output()?;
        assert!(output.status.success(), "{}", utf8(&output.stderr));
        check(&format!("{arguments:?} on standard output"), &output.stdout);
        check(&format!("{arguments:?} on standard error"), &output.stderr);
        if arguments == ["detect"] {
            assert!(
                utf8(&output.stdout).contains("RTX 4090"),
                "the tools were asked: {}",
                utf8(&output.stdout)
            );
        }
    }
    let command = stage.command(&[
        "--no-upload",
        "--workload",
        "W1",
        "--repeat",
        "1",
        "--print-payload",
        "--json",
        "-",
    ])?;
    let output = surrounded(command, &tools).output()?;
    assert!(output.status.success(), "{}", utf8(&output.stderr));
    check("bench on standard output", &output.stdout);
    check("bench on standard error", &output.stderr);
    check("the saved run", stage.saved()?.to_string().as_bytes());
    for entry in walk(&stage.home())? {
        check(&entry.display().to_string(), &std::fs::read(&entry)?);
    }
    Ok(())
}

/// A server elsewhere that names its model by a path and says everything it knows when it fails.
fn talkative() -> Pace {
    Pace {
        decode_tps: 2000.0,
        model: "/home/SECRET-USER/models/Qwen3-8B".to_owned(),
        words: "failed to open /home/SECRET-USER/models/Qwen3-8B on SECRET-HOST".to_owned(),
        fault: Some((4000, Fault::Error)),
        ..Pace::default()
    }
}

/// Three workloads of which one fails, and one is a conversation.
const THREE: [&str; 6] = ["--workload", "W1,W2,W5", "--repeat", "1", "--turns", "2"];

#[test]
fn no_path_and_no_word_of_a_server_is_in_a_run() -> Result<()> {
    let stage = Stage::new(talkative())?;
    let output = stage.bench(&[&THREE[..], &["--no-upload", "--print-payload", "--json", "-"]].concat())?;
    let stderr = utf8(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert!(stderr.contains("broke off: failed to open"), "a person is told what happened: {stderr}");
    check("the run on standard output", &output.stdout);
    let run = stage.saved()?;
    check("the saved run", run.to_string().as_bytes());
    assert_eq!(run["model"]["ref"], "Qwen3-8B");
    assert!(of(&run, "W2")[0]["skipped"].is_string() && of(&run, "W5")[0]["skipped"].is_null(), "{run:#}");
    assert!(
        run["raw_timings"].to_string().contains("\"model\":\"Qwen3-8B\""),
        "what a reply names is kept, cut"
    );
    for entry in walk(&stage.home())? {
        check(&entry.display().to_string(), &std::fs::read(&entry)?);
    }
    Ok(())
}

/// A model's file in somebody's folder, run by a server that the probe starts.
#[test]
#[cfg(unix)]
fn no_folder_of_a_model_is_in_a_run() -> Result<()> {
    let stage = Stage::new(Pace::default())?;
    let folder = stage.folder.path().join("SECRET-USER");
    std::fs::create_dir(&folder)?;
    let model = folder.join("x.gguf");
    house::gguf_make::models::llama(TINY, None).write(&model, house::gguf_make::Fill::Random(1))?;
    let mut command = probe(&stage.home())?;
    command.args(["bench", "--no-upload", "--backend", "llama.cpp", "--llama-cpp-path"]);
    command.arg(site::program("pace")?).arg("--model").arg(&model);
    let output = command.args(["--workload", "W1", "--repeat", "1", "--print-payload"]).output()?;
    assert!(output.status.success(), "{}", utf8(&output.stderr));
    check("standard output", &output.stdout);
    check("standard error", &output.stderr);
    assert_eq!(stage.saved()?["model"]["ref"], "x.gguf");
    check("the saved run", stage.saved()?.to_string().as_bytes());
    Ok(())
}

/// Of a text only the lines with figures are sent, not what was asked and where it ran.
#[test]
fn no_line_around_a_paste_is_sent() -> Result<()> {
    let stage = Stage::new(Pace::default())?;
    let text = stage.folder.path().join("paste.txt");
    std::fs::write(
        &text,
        "SECRET-USER@SECRET-HOST:~$ ./llama-cli -m /home/SECRET-USER/x.gguf -p 'a SECRET prompt'\n\
         llama_perf_context_print: prompt eval time =     521.12 ms /   128 tokens (    4.07 ms per token,   245.62 tokens per second)\n\
         llama_perf_context_print:        eval time =    4310.00 ms /   127 runs   (   33.94 ms per token,    29.47 tokens per second)\n",
    )?;
    let mut command = probe(&stage.home())?;
    command.args(["read", "--submit", "--print-payload", "--hardware", "rtx-3090", "--model", "qwen3-14b"]);
    let output = command.args(["--quant", "Q4_K_M"]).arg(&text).output()?;
    assert!(output.status.success(), "{}", utf8(&output.stderr));
    assert!(utf8(&output.stdout).contains("29.47"), "{}", utf8(&output.stdout));
    check("what would be sent", &output.stdout);
    Ok(())
}

/// Every byte on the way to a real server.
#[test]
fn not_a_byte_of_a_secret_is_sent() -> Result<()> {
    let site = Site::without_wasm()?;
    let recorder = Recorder::start(&site.origin)?;
    let stage = Stage::new(talkative())?;
    let agreed = probe(&stage.home())?.args(["upload", "--automatic", "yes"]).output()?;
    assert!(agreed.status.success(), "{}", utf8(&agreed.stderr));
    let output = stage.bench(&[&THREE[..], &["--server", &recorder.url]].concat())?;
    let stderr = utf8(&output.stderr);
    assert!(output.status.success() && !stderr.contains("kept on this machine"), "{stderr}");
    let sent = recorder.sent.lock().unwrap_or_else(PoisonError::into_inner).clone();
    check("the upload", &sent);
    // What is signed is wrapped in base64: the server shows what it got.
    let page = utf8(&output.stdout).lines().last().context("a last line")?.to_owned();
    let at = page.find("/r/").with_context(|| page.clone())?;
    let shown = site.at(&page[at..].replace("/r/", "/api/v1/results/"));
    let body = house::local_http().get(shown).call()?.body_mut().read_to_string()?;
    assert!(body.contains("Qwen3-8B"), "{body}");
    check("what the server shows", body.as_bytes());
    Ok(())
}

/// A way to a server on which every byte is kept.
struct Recorder {
    url: String,
    sent: Arc<Mutex<Vec<u8>>>,
}

impl Recorder {
    fn start(origin: &str) -> Result<Recorder> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}", listener.local_addr()?);
        let target = origin.strip_prefix("http://").context("a plain address")?.to_owned();
        let sent: Arc<Mutex<Vec<u8>>> = Arc::default();
        let kept = Arc::clone(&sent);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (target, kept) = (target.clone(), Arc::clone(&kept));
                // Whoever hangs up first ends this connection only.
                std::thread::spawn(move || pass_on(client, &target, &kept));
            }
        });
        Ok(Recorder { url, sent })
    }
}

fn pass_on(mut client: TcpStream, target: &str, kept: &Mutex<Vec<u8>>) -> std::io::Result<()> {
    let mut server = TcpStream::connect(target)?;
    let (mut answers, mut back) = (server.try_clone()?, client.try_clone()?);
    std::thread::spawn(move || std::io::copy(&mut answers, &mut back));
    let mut buffer = [0; 16_384];
    loop {
        let count = client.read(&mut buffer)?;
        if count == 0 {
            return server.shutdown(std::net::Shutdown::Write);
        }
        kept.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&buffer[..count]);
        server.write_all(&buffer[..count])?;
    }
}

/// Every file below a folder.
fn walk(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { files.extend(walk(&path)?) } else { files.push(path) }
    }
    Ok(files)
}
