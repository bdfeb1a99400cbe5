//! A server of one answer, for tests.

use std::io::{Read, Write};

use super::Client;

/// What a server was asked that gives this answer to one request.
pub(super) fn asked(status: &str, answer: &str, ask: impl FnOnce(&Client)) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let client = Client::new(Some(&format!("http://{}", listener.local_addr().unwrap()))).unwrap();
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{answer}",
        answer.len()
    );
    let heard = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut heard = Vec::new();
        let mut piece = [0; 4096];
        let whole = |heard: &[u8]| {
            let text = String::from_utf8_lossy(heard).to_lowercase();
            let (head, body) = text.split_once("\r\n\r\n")?;
            let length =
                head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
            let length: usize = length.unwrap_or(0);
            (body.len() >= length).then_some(())
        };
        while whole(&heard).is_none() {
            let count = stream.read(&mut piece).unwrap();
            assert!(count > 0, "the client hung up");
            heard.extend_from_slice(&piece[..count]);
        }
        stream.write_all(answer.as_bytes()).unwrap();
        String::from_utf8(heard).unwrap()
    });
    ask(&client);
    heard.join().unwrap()
}
