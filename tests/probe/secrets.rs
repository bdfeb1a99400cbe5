//! Tools that tell everything they know: none of it may come out anywhere.

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

/// Every file below a folder.
fn walk(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { files.extend(walk(&path)?) } else { files.push(path) }
    }
    Ok(files)
}
