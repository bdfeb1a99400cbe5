//! A proxy in front of a server under test, so that clients on one machine come from several addresses.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use anyhow::{Context, Result};

/// A running proxy; it lives as long as the process.
pub struct Forwarder {
    /// `http://127.0.0.1:<port>`.
    pub url: String,
}

impl Forwarder {
    /// Forwards to the server at `origin` in the name of `address`, as `X-Forwarded-For` says it.
    pub fn start(origin: &str, address: &str) -> Result<Forwarder> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let url = format!("http://{}", listener.local_addr()?);
        let target = origin.strip_prefix("http://").context("a plain address")?.to_owned();
        let header = format!("X-Forwarded-For: {address}\r\n");
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (target, header) = (target.clone(), header.clone());
                // Whoever hangs up first ends this connection only.
                std::thread::spawn(move || forward(client, &target, &header));
            }
        });
        Ok(Forwarder { url })
    }
}

fn forward(mut client: TcpStream, target: &str, header: &str) -> Result<()> {
    let mut server = TcpStream::connect(target)?;
    let (mut answers, mut back) = (server.try_clone()?, client.try_clone()?);
    std::thread::spawn(move || std::io::copy(&mut answers, &mut back));
    let mut bytes = Vec::new();
    loop {
        let Some(head) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            let mut buffer = [0; 16_384];
            match client.read(&mut buffer)? {
                0 => return Ok(()),
                count => bytes.extend_from_slice(&buffer[..count]),
            }
            continue;
        };
        let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
        let end = head + 4 + length.unwrap_or(0_usize);
        server.write_all(&bytes[..head + 2])?;
        server.write_all(header.as_bytes())?;
        server.write_all(&bytes[head + 2..bytes.len().min(end)])?;
        if bytes.len() < end {
            let missing = (end - bytes.len()) as u64;
            std::io::copy(&mut (&mut client).take(missing), &mut server)?;
            bytes.clear();
        } else {
            bytes.drain(..end);
        }
    }
}
