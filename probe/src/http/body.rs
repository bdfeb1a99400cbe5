//! A body as it arrives: by chunks, by length, or until the connection closes.

use std::time::Instant;

use super::HttpError;
use super::connection::{Socket, Timeouts, header};

/// How the end of a body is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// A size before each piece, a piece of size nothing at the end.
    Chunked,
    /// So many bytes.
    Length(u64),
    /// Until the server hangs up.
    UntilClose,
}

impl Framing {
    pub(super) fn of(headers: &[(String, String)]) -> Result<Framing, HttpError> {
        if header(headers, "transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
            return Ok(Framing::Chunked);
        }
        match header(headers, "content-length") {
            Some(length) => length
                .parse()
                .map(Framing::Length)
                .map_err(|_| HttpError::Malformed(format!("a length of {length:?}"))),
            None => Ok(Framing::UntilClose),
        }
    }
}

/// Where in a chunked body we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Before a size line.
    Size,
    /// Inside a piece, with so many bytes to come.
    Data(u64),
    /// Before the line end that follows a piece.
    DataEnd,
    /// In the lines after the last piece.
    Trailer,
    /// Behind everything.
    Done,
}

/// The most that one read brings.
const LANDING_BYTES: usize = 16 << 10;
/// No chunk-size line is longer.
const LINE_LIMIT_BYTES: usize = 4096;

/// A body that is read as it arrives. When it was read to its end, the connection can be used again.
pub struct Body<'a> {
    home: &'a mut Option<Socket>,
    socket: Option<Socket>,
    buffer: Vec<u8>,
    /// Where the socket's bytes come in: made once, since to clear so much for each token costs more than to read it.
    landing: Vec<u8>,
    arrived: Instant,
    framing: Framing,
    place: Place,
    left: u64,
    keep: bool,
    timeouts: Timeouts,
    heard: bool,
}

impl<'a> Body<'a> {
    pub(super) fn new(
        home: &'a mut Option<Socket>,
        socket: Socket,
        first: Vec<u8>,
        arrived: Instant,
        framing: Framing,
        keep: bool,
        timeouts: Timeouts,
    ) -> Body<'a> {
        let left = if let Framing::Length(length) = framing { length } else { 0 };
        let keep = keep && framing != Framing::UntilClose;
        let socket = Some(socket);
        Body {
            home,
            socket,
            buffer: first,
            landing: Vec::new(),
            arrived,
            framing,
            place: Place::Size,
            left,
            keep,
            timeouts,
            heard: false,
        }
    }

    /// Appends what has arrived next to `out` and says when it came in at the socket; `None` at the end.
    ///
    /// The moment is that of the read which brought the bytes, before anything was made of them.
    ///
    /// # Errors
    /// A stall, a cut or bytes that are not HTTP.
    pub fn read(&mut self, out: &mut Vec<u8>) -> Result<Option<Instant>, HttpError> {
        loop {
            let before = out.len();
            let arrived = self.arrived;
            let done = self.unwrap_buffer(out)?;
            if out.len() > before {
                if done {
                    self.give_back();
                }
                return Ok(Some(arrived));
            }
            if done {
                self.give_back();
                return Ok(None);
            }
            let Some(socket) = self.socket.as_mut() else { return Ok(None) };
            self.landing.resize(LANDING_BYTES, 0);
            let limit = if self.heard { self.timeouts.idle } else { self.timeouts.first_byte };
            let count = socket.wait(&mut self.landing, limit, self.timeouts.until, "reading the answer")?;
            self.arrived = Instant::now();
            self.heard = true;
            if count == 0 {
                self.socket = None;
                if self.framing == Framing::UntilClose {
                    return Ok(None);
                }
                return Err(HttpError::Cut { doing: "reading the answer" });
            }
            self.buffer.extend_from_slice(&self.landing[..count]);
        }
    }

    /// The whole body, up to a limit.
    ///
    /// # Errors
    /// As [`Body::read`]; more than `limit_bytes` is malformed.
    pub fn read_all(&mut self, limit_bytes: usize) -> Result<Vec<u8>, HttpError> {
        let mut all = Vec::new();
        while self.read(&mut all)?.is_some() {
            if all.len() > limit_bytes {
                return Err(HttpError::Malformed(format!("more than {limit_bytes} bytes")));
            }
        }
        Ok(all)
    }

    /// Moves what the buffer holds of the body to `out`; true when the body is complete.
    fn unwrap_buffer(&mut self, out: &mut Vec<u8>) -> Result<bool, HttpError> {
        match self.framing {
            Framing::UntilClose => {
                out.append(&mut self.buffer);
                Ok(false)
            }
            Framing::Length(_) => {
                let take = self.buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
                out.extend(self.buffer.drain(..take));
                self.left -= take as u64;
                Ok(self.left == 0)
            }
            Framing::Chunked => self.unwrap_chunks(out),
        }
    }

    fn unwrap_chunks(&mut self, out: &mut Vec<u8>) -> Result<bool, HttpError> {
        let mut used = 0;
        let result = loop {
            let rest = &self.buffer[used..];
            match self.place {
                Place::Done => break Ok(true),
                Place::Data(left) => {
                    let take = rest.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    if take == 0 {
                        break Ok(false);
                    }
                    out.extend_from_slice(&rest[..take]);
                    used += take;
                    let left = left - take as u64;
                    self.place = if left == 0 { Place::DataEnd } else { Place::Data(left) };
                }
                Place::Size | Place::DataEnd | Place::Trailer => {
                    let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
                        if rest.len() > LINE_LIMIT_BYTES {
                            break Err(HttpError::Malformed("a chunk without a size".to_owned()));
                        }
                        break Ok(false);
                    };
                    let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
                    self.place = match (self.place, line.is_empty()) {
                        (Place::DataEnd, true) => Place::Size,
                        (Place::DataEnd, false) => {
                            break Err(HttpError::Malformed("a chunk longer than its size".to_owned()));
                        }
                        (Place::Trailer, true) => Place::Done,
                        (Place::Trailer, false) => Place::Trailer,
                        _ => match chunk_size(line) {
                            Some(0) => Place::Trailer,
                            Some(size) => Place::Data(size),
                            None => break Err(HttpError::Malformed("a chunk without a size".to_owned())),
                        },
                    };
                    used += end + 1;
                }
            }
        };
        self.buffer.drain(..used);
        result
    }

    /// Read to its end: the connection may serve the next request.
    fn give_back(&mut self) {
        if let Some(socket) = self.socket.take()
            && self.keep
        {
            *self.home = Some(socket);
        }
    }
}

/// Hexadecimal, perhaps with an extension behind a semicolon.
fn chunk_size(line: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(line).ok()?;
    u64::from_str_radix(text.split(';').next()?.trim(), 16).ok()
}
