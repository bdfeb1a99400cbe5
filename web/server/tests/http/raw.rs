//! Bytes that no client library would send, over a real connection to the whole server: line ends in headers, and bodies that do
//! not say how long they are.

use std::net::SocketAddr;

use server::{Ended, Limits};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::connected::{Running, exchange, read};

async fn start(more: &[&str]) -> Running {
    Running::start(more, Limits::default(), server::router).await
}

/// Still there after all that: it answers, and ends as it should.
async fn ends_well(running: Running) {
    let answer =
        exchange(running.addr, b"GET /healthz HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    running.stop.send(()).unwrap();
    assert_eq!(running.ended.await.unwrap(), Ended::Drained);
}

/// Lines of the answers' heads that only a header of the attacker's own could be.
fn planted(answer: &str) -> bool {
    let heads = answer.split("\r\n\r\n").next().unwrap_or_default();
    heads.lines().any(|line| {
        let line = line.to_ascii_lowercase();
        line.starts_with("x-planted") || line.starts_with("set-cookie")
    })
}

/// What comes back in some header or page: the address asked for, the host, the scheme, and where the client comes from.
const ECHOED: [&str; 8] = [
    "Host",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Forwarded-For",
    "Forwarded",
    "Referer",
    "Accept-Language",
    "If-None-Match",
];

/// Where they are read: pages that tell their own address, one that leads on, one that limits by address, and any other.
const ASKED: [&str; 5] = ["/", "/robots.txt", "/embed", "/compare?model1=a", "/api/v1/challenge?digest=00"];

#[tokio::test]
async fn a_line_end_in_a_header_plants_none() {
    let running = start(&["--trusted-proxies", "1"]).await;
    for name in ECHOED {
        for end in ["\r\n", "\n", "\r", "\u{0}", "\r\n "] {
            for path in ASKED {
                let host = if name == "Host" { "" } else { "Host: test\r\n" };
                let request = format!(
                    "GET {path} HTTP/1.1\r\n{host}{name}: https{end}X-Planted: yes\r\nConnection: close\r\n\r\n"
                );
                let answer = exchange(running.addr, request.as_bytes()).await;
                assert!(answer.starts_with("HTTP/1.1 "), "{name}, {end:?}, {path}: {answer}");
                assert!(!answer.starts_with("HTTP/1.1 5"), "{name}, {end:?}, {path}: {answer}");
                assert!(!planted(&answer), "{name}, {end:?}, {path}: {answer}");
                assert!(!answer.contains("X-Planted"), "{name}, {end:?}, {path}: it comes back in the page");
                // What is part of a value by the letter of the protocol is no header value of HTTP/1.1.
                if matches!(end, "\r" | "\u{0}") {
                    assert!(answer.starts_with("HTTP/1.1 400"), "{name}, {end:?}, {path}: {answer}");
                }
            }
        }
    }
    ends_well(running).await;
}

/// The same in the address itself, where it is written as escapes: it is text of a query, and of a `Location` no more.
#[tokio::test]
async fn a_line_end_in_an_address_plants_none() {
    let running = start(&[]).await;
    for path in [
        "/d/%0d%0aX-Planted:%20yes",
        "/m/%0d%0aSet-Cookie:%20a=b",
        "/compare?model1=%0d%0aX-Planted:%20yes&hardware1=rtx-3090",
        "/contribute?model=%0d%0aX-Planted:%20yes",
        "/?hardware=%0d%0aX-Planted:%20yes&lang=%0aSet-Cookie:%20a=b",
        "/r/%0d%0aX-Planted:%20yes",
        "/badge/%0d%0aX-Planted:%20yes.svg",
        "/dump/%0d%0aX-Planted:%20yes",
        "/update/%0d%0aX-Planted:%20yes",
        "//%0d%0aX-Planted:%20yes/..",
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
        let answer = exchange(running.addr, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 ") && !answer.starts_with("HTTP/1.1 5"), "{path}: {answer}");
        assert!(!planted(&answer), "{path}: {answer}");
    }
    ends_well(running).await;
}

/// Chunks of `size` bytes until so many were sent or the server had enough; its answer, and how many it let through.
async fn chunked(addr: SocketAddr, path: &str, size: usize, most: usize) -> (String, usize) {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("{size:x}\r\n{}\r\n", " ".repeat(size));
    let mut sent = 0;
    while sent < most {
        if stream.write_all(chunk.as_bytes()).await.is_err() {
            break;
        }
        sent += size;
    }
    let _ = stream.write_all(b"0\r\n\r\n").await;
    (read(&mut stream).await, sent)
}

/// A body without `Content-Length` is counted as it comes, and refused in the same words as one that says its length.
#[tokio::test]
async fn chunks_beyond_the_cap_are_not_read_to_their_end() {
    let running = start(&[]).await;
    // More than any address takes, and more than the system keeps between two ends of a connection.
    const MOST: usize = 64 << 20;
    for path in [
        "/api/v1/runs",
        "/api/v1/pastes",
        "/api/v1/evidence",
        "/api/v1/disputes",
        "/api/v1/withdraw",
        "/contribute",
    ] {
        let (answer, sent) = chunked(running.addr, path, 64 << 10, MOST).await;
        assert!(sent < MOST, "{path}: all of {sent} bytes were read");
        // A reset may overtake the answer, but never stands for a success.
        if !answer.is_empty() {
            assert!(answer.starts_with("HTTP/1.1 413"), "{path}: {answer}");
        }
        // Said beforehand, it is refused before a byte of it.
        let said = format!(
            "POST {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {MOST}\r\n\r\n"
        );
        let answer = exchange(running.addr, said.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 413"), "{path}: {answer}");
    }
    // One byte over, in one chunk: the answer always arrives.
    let (answer, _) = chunked(running.addr, "/api/v1/disputes", 300 << 10, 1).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    ends_well(running).await;
}

/// Two lengths, or a length beside chunks, are how one request is smuggled behind another.
#[tokio::test]
async fn a_body_of_two_lengths_is_one_request_at_most() {
    let running = start(&[]).await;
    let hidden = "GET /healthz HTTP/1.1\r\nHost: test\r\nX: ";
    for lengths in [
        format!("Content-Length: 4\r\nContent-Length: {}\r\n", hidden.len()),
        "Content-Length: +4\r\n".to_owned(),
        "Content-Length: 4, 5\r\n".to_owned(),
        "Content-Length: -1\r\n".to_owned(),
        "Transfer-Encoding: chunked, identity\r\n".to_owned(),
        "Transfer-Encoding: xchunked\r\n".to_owned(),
    ] {
        let request = format!("POST /api/v1/disputes HTTP/1.1\r\nHost: test\r\n{lengths}\r\n{hidden}");
        let mut stream = TcpStream::connect(running.addr).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let answer = read(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{lengths}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{lengths}: a second answer: {answer}");
    }
    ends_well(running).await;
}
