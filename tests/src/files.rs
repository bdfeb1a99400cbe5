//! A small web server for files, so that tests need no network: with ranges and cross-origin headers, or without, as a
//! real host would be with or without them.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use anyhow::Result;

/// What is written at once.
const PIECE_BYTES: usize = 1 << 16;

/// How a file is served.
#[derive(Clone, Debug)]
pub struct Served {
    /// Its first bytes.
    pub bytes: Vec<u8>,
    /// How long it is: zeros follow, so that a model of gigabytes needs no memory.
    pub length: usize,
    /// Whether other sites may read it (`Access-Control-Allow-Origin`).
    pub cors: bool,
    /// Whether `Range` is honoured; where it is not, the whole file comes with status 200.
    pub ranges: bool,
    /// A status to answer with instead of the file: 401, 403, 404.
    pub refuse: Option<u16>,
}

impl Served {
    /// As Hugging Face serves a public file.
    pub fn open(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self { length: bytes.len(), bytes, cors: true, ranges: true, refuse: None }
    }

    /// The bytes from `start` to before `end`, in pieces.
    fn pieces(&self, start: usize, end: usize) -> impl Iterator<Item = Vec<u8>> {
        (start..end).step_by(PIECE_BYTES).map(move |at| {
            let end = end.min(at + PIECE_BYTES);
            let known = self.bytes.len().clamp(at, end);
            let mut piece = self.bytes.get(at..known).unwrap_or_default().to_vec();
            piece.resize(end - at, 0);
            piece
        })
    }
}

/// Files by path, on a free port of this machine. It counts what it sends.
pub struct FileServer {
    /// `http://127.0.0.1:<port>`.
    pub origin: String,
    sent: Arc<Mutex<usize>>,
}

impl FileServer {
    /// Serves these files (by path with its slash) until the test ends.
    pub fn start(files: BTreeMap<String, Served>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let origin = format!("http://{}", listener.local_addr()?);
        let sent = Arc::new(Mutex::new(0));
        let (files, counter) = (Arc::new(files), Arc::clone(&sent));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (files, counter) = (Arc::clone(&files), Arc::clone(&counter));
                // A browser that goes away in the middle is no failure of the test.
                thread::spawn(move || drop(answer(&stream, &files, &counter)));
            }
        });
        Ok(Self { origin, sent })
    }

    /// Bytes of files sent so far.
    pub fn sent(&self) -> usize {
        *self.sent.lock().expect("no test panics while it counts")
    }
}

fn answer(mut stream: &TcpStream, files: &BTreeMap<String, Served>, sent: &Mutex<usize>) -> Result<()> {
    let mut sent_to_us = BufReader::new(stream);
    let mut request = String::new();
    sent_to_us.read_line(&mut request)?;
    let mut words = request.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (mut range, mut body_bytes) = (None, 0);
    loop {
        let mut line = String::new();
        sent_to_us.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "range" => range = parse_range(value.trim()),
            "content-length" => body_bytes = value.trim().parse()?,
            _ => {}
        }
    }
    // What was posted counts for nothing here, but a connection that closes before it was read is reset.
    std::io::copy(&mut sent_to_us.take(body_bytes), &mut std::io::sink())?;

    let path = target.split('?').next().unwrap_or_default();
    let Some(file) = files.get(path) else { return head(stream, "404 Not Found", true, &[], 0) };
    let media_type = format!("Content-Type: {}", media_type(path));
    if method == "OPTIONS" {
        let status = if file.cors { "204 No Content" } else { "405 Method Not Allowed" };
        return head(stream, status, file.cors, &[], 0);
    }
    if let Some(status) = file.refuse {
        return head(stream, &format!("{status} Refused"), file.cors, &[], 0);
    }
    let whole = file.length;
    let (status, (start, end), extra) = match range.filter(|_| file.ranges) {
        Some((start, end)) if start < whole => {
            let last = end.min(whole - 1);
            let content_range = format!("Content-Range: bytes {start}-{last}/{whole}");
            ("206 Partial Content", (start, last + 1), vec![content_range, media_type])
        }
        Some(_) => {
            return head(stream, "416 Range Not Satisfiable", file.cors, &[], 0);
        }
        None => ("200 OK", (0, whole), vec![media_type]),
    };
    head(stream, status, file.cors, &extra, end - start)?;
    if method != "HEAD" {
        for piece in file.pieces(start, end) {
            // Before it goes out: whoever has read it finds it counted.
            *sent.lock().expect("no test panics while it counts") += piece.len();
            stream.write_all(&piece)?;
        }
    }
    Ok(())
}

fn head(mut stream: &TcpStream, status: &str, cors: bool, extra: &[String], length: usize) -> Result<()> {
    let mut head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n");
    if cors {
        head.push_str("Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Headers: range\r\n");
        head.push_str("Access-Control-Expose-Headers: content-range, content-length\r\n");
    }
    for line in extra {
        head.push_str(line);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    Ok(stream.write_all(head.as_bytes())?)
}

/// Browsers run a script and compile a module only under their own types.
fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("js") => "text/javascript",
        Some("wasm") => "application/wasm",
        Some("gguf" | "safetensors" | "rows") => "application/octet-stream",
        _ => "text/html; charset=utf-8",
    }
}

/// `bytes=0-1023` → `(0, 1023)`; the other forms are not used by a browser reading a header.
fn parse_range(value: &str) -> Option<(usize, usize)> {
    let (start, end) = value.strip_prefix("bytes=")?.split_once('-')?;
    Some((start.parse().ok()?, end.parse().unwrap_or(usize::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_a_first_and_a_last_byte() {
        assert_eq!(parse_range("bytes=0-1023"), Some((0, 1023)));
        assert_eq!(parse_range("bytes=5-"), Some((5, usize::MAX)));
        assert_eq!(parse_range("items=0-1"), None);
    }

    #[test]
    fn ranges_are_cut_and_counted() -> Result<()> {
        let files = BTreeMap::from([("/model.gguf".to_owned(), Served::open(b"GGUF and more".to_vec()))]);
        let server = FileServer::start(files)?;
        let url = format!("{}/model.gguf", server.origin);
        let mut answer = crate::local_http().get(url).header("range", "bytes=0-3").call()?;
        assert_eq!(answer.status(), 206);
        assert_eq!(answer.headers()["content-range"], "bytes 0-3/13");
        assert_eq!(answer.body_mut().read_to_string()?, "GGUF");
        assert_eq!(server.sent(), 4);
        Ok(())
    }

    #[test]
    fn zeros_follow_the_bytes() {
        let file = Served { length: 100_000, ..Served::open(b"GGUF".to_vec()) };
        let sent: Vec<u8> = file.pieces(2, 70_000).flatten().collect();
        assert_eq!((sent.len(), &sent[..4]), (69_998, &b"UF\0\0"[..]));
    }
}
