//! The stand-in of `house::pace` as a program, under the options of llama-server that the probe uses:
//! `pace --port 8080 [-c TOKENS] [-np SLOTS] [--prefill TPS] [--decode TPS] [--exit-at TOKENS]`; what it does not know it
//! ignores. With `--exit-at` it ends in the middle of the answer to a prompt of that length.

use std::env;
use std::time::Duration;

use anyhow::{Context, Result};
use house::pace::{Fault, Pace, Server};

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().collect();
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).cloned()
    };
    let number = |name: &str| value(name).map(|text| text.parse::<f64>().context(text)).transpose();
    let usual = Pace::default();
    let slots = number("-np")?.map_or(usual.slots, |count| count as u32);
    let pace = Pace {
        slots,
        context_tokens: number("-c")?.map_or(usual.context_tokens, |all| all as u32 / slots.max(1)),
        prefill_tps: number("--prefill")?.unwrap_or(usual.prefill_tps),
        decode_tps: number("--decode")?.unwrap_or(usual.decode_tps),
        fault: number("--exit-at")?.map(|tokens| (tokens as u32, Fault::Exit)),
        chunks_a_write: number("--chunks-a-write")?.map_or(1, |count| count as u32),
        ..usual
    };
    let server = Server::listen(pace, number("--port")?.map_or(0, |port| port as u16))?;
    println!("listening on {}", server.url);
    loop {
        std::thread::sleep(Duration::from_secs(3600));
    }
}
