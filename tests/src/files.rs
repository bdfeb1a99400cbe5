//! A small web server for files, so that tests need no network: with ranges and cross-origin headers, or without, as a
//! real host would be with or without them.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use anyhow::Result;

/// How a file is served.
#[derive(Clone, Debug)]
pub struct Served {
    /// Its bytes.
    pub bytes: Vec<u8>,
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
        Self { bytes: bytes.into(), cors: true, ranges: true, refuse: None }
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
    let mut lines = BufReader::new(stream).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    let mut words = request.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut range = None;
    for line in lines {
        let line = line?;
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("range")
        {
            range = parse_range(value.trim());
        }
    }

    let path = target.split('?').next().unwrap_or_default();
    let Some(file) = files.get(path) else { return head(stream, "404 Not Found", true, &[], 0) };
    if method == "OPTIONS" {
        let status = if file.cors { "204 No Content" } else { "405 Method Not Allowed" };
        return head(stream, status, file.cors, &[], 0);
    }
    if let Some(status) = file.refuse {
        return head(stream, &format!("{status} Refused"), file.cors, &[], 0);
    }
    let whole = file.bytes.len();
    let (status, body, extra) = match range.filter(|_| file.ranges) {
        Some((start, end)) if start < whole => {
            let end = end.min(whole - 1);
            let content_range = format!("Content-Range: bytes {start}-{end}/{whole}");
            ("206 Partial Content", &file.bytes[start..=end], vec![content_range])
        }
        Some(_) => {
            return head(stream, "416 Range Not Satisfiable", file.cors, &[], 0);
        }
        None => ("200 OK", &file.bytes[..], vec![]),
    };
    head(stream, status, file.cors, &extra, body.len())?;
    if method != "HEAD" {
        for chunk in body.chunks(1 << 16) {
            stream.write_all(chunk)?;
            *sent.lock().expect("no test panics while it counts") += chunk.len();
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
}
