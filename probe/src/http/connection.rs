//! One connection, kept open between requests, and the clock at its socket.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use rustls::{ClientConnection, StreamOwned};

use super::body::{Body, Framing};
use super::{HttpError, Url, tls};
use crate::interrupt;

/// How long each kind of silence may last.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// Until the connection stands.
    pub connect: Duration,
    /// Until the first byte of the answer: a long prompt on a slow processor takes minutes.
    pub first_byte: Duration,
    /// Between two arrivals afterwards.
    pub idle: Duration,
    /// The moment at which waiting ends whatever comes: the end of a run's time.
    pub until: Option<Instant>,
}

impl Timeouts {
    /// For asking who is there.
    pub const QUICK: Timeouts = Timeouts {
        connect: Duration::from_millis(500),
        first_byte: Duration::from_secs(3),
        idle: Duration::from_secs(3),
        until: None,
    };
    /// For a server that somebody waits for.
    pub const PATIENT: Timeouts = Timeouts {
        connect: Duration::from_secs(10),
        first_byte: Duration::from_secs(60),
        idle: Duration::from_secs(60),
        until: None,
    };
    /// For workloads.
    pub const WORKLOAD: Timeouts = Timeouts {
        connect: Duration::from_secs(10),
        first_byte: Duration::from_secs(1800),
        idle: Duration::from_secs(120),
        until: None,
    };
}

impl Timeouts {
    /// The same, and no waiting after this moment.
    pub fn until(self, until: Option<Instant>) -> Timeouts {
        Timeouts { until, ..self }
    }
}

/// A head longer than this is no server that we know.
const HEAD_LIMIT_BYTES: usize = 64 << 10;
const HEADERS_LIMIT: usize = 100;

/// What is being done while not a byte of an answer has come.
pub const WAITING: &str = "waiting for the answer";

/// What a request brings along: its type and its bytes.
type Content<'a> = Option<(&'static str, &'a [u8])>;

/// A connection to one server.
pub struct Connection {
    url: Url,
    headers: Vec<(String, String)>,
    timeouts: Timeouts,
    socket: Option<Socket>,
    /// Whether the socket has brought an answer before.
    has_served: bool,
}

/// The answer to a request; the body is read from it as it arrives.
pub struct Response<'a> {
    /// Status code.
    pub status: u16,
    /// Header fields, names in lower case.
    pub headers: Vec<(String, String)>,
    /// When the last byte of the request had been written.
    pub sent: Instant,
    /// The body.
    pub body: Body<'a>,
}

impl Response<'_> {
    /// What it says it is, for sentences: `200 with text/html`.
    pub fn told(&self) -> String {
        let kind = header(&self.headers, "content-type").unwrap_or("no content type");
        format!("{} with {}", self.status, kind.split(';').next().unwrap_or(kind).trim())
    }
}

pub(super) enum Socket {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Socket {
    fn tcp(&self) -> &TcpStream {
        match self {
            Socket::Plain(tcp) => tcp,
            Socket::Tls(tls) => &tls.sock,
        }
    }

    /// Whether the server has hung up while nothing was going on.
    fn is_stale(&self) -> bool {
        let tcp = self.tcp();
        if tcp.set_nonblocking(true).is_err() {
            return true;
        }
        let peeked = tcp.peek(&mut [0]);
        let back = tcp.set_nonblocking(false);
        // Bytes that nobody asked for end a connection too: with TLS they are its farewell.
        !matches!(peeked, Err(error) if error.kind() == io::ErrorKind::WouldBlock) || back.is_err()
    }

    /// Reads what comes next, for as long as `limit`, unless Ctrl-C comes first.
    pub(super) fn wait(
        &mut self,
        buffer: &mut [u8],
        limit: Duration,
        until: Option<Instant>,
        doing: &'static str,
    ) -> Result<usize, HttpError> {
        let start = Instant::now();
        loop {
            // Asked before each read too: a slow answer that never pauses would go on for ever.
            if until.is_some_and(|until| Instant::now() >= until) {
                return Err(HttpError::OutOfTime);
            }
            if interrupt::requested() {
                return Err(HttpError::Interrupted);
            }
            let error = match self.read(buffer) {
                Ok(count) => return Ok(count),
                Err(error) => error,
            };
            if !is_wait(&error) || start.elapsed() >= limit {
                return Err(HttpError::from_io(&error, doing, limit));
            }
        }
    }
}

/// How soon a connection is cut that the server had closed as idle.
const AT_ONCE: Duration = Duration::from_secs(1);

/// How long one wait at the socket lasts: the longest that Ctrl-C goes unnoticed.
const SLICE: Duration = Duration::from_millis(200);

/// Whether nothing came within one wait, which says nothing of the connection. Linux says WouldBlock where Windows and macOS
/// say TimedOut.
pub(super) fn is_wait(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Socket::Plain(tcp) => tcp.read(buffer),
            Socket::Tls(tls) => tls.read(buffer),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Socket::Plain(tcp) => tcp.write(bytes),
            Socket::Tls(tls) => tls.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Socket::Plain(tcp) => tcp.flush(),
            Socket::Tls(tls) => tls.flush(),
        }
    }
}

/// An answer of which the head was read.
struct Answered {
    socket: Socket,
    status: u16,
    headers: Vec<(String, String)>,
    sent: Instant,
    arrived: Instant,
    /// What came of the body with the head.
    rest: Vec<u8>,
}

impl Connection {
    /// A connection that will be opened when it is first needed.
    pub fn new(url: Url, headers: Vec<(String, String)>, timeouts: Timeouts) -> Connection {
        Connection { url, headers, timeouts, socket: None, has_served: false }
    }

    /// From now on no answer is waited for after this moment.
    pub fn wait_until(&mut self, until: Option<Instant>) {
        self.timeouts.until = until;
    }

    /// Opens the connection unless it stands: so that no handshake is inside a measured time.
    ///
    /// # Errors
    /// When nobody listens, or the network or TLS fails.
    pub fn open(&mut self) -> Result<(), HttpError> {
        if self.socket.as_ref().is_some_and(|socket| !socket.is_stale()) {
            return Ok(());
        }
        self.socket = None;
        self.has_served = false;
        let address = self.url.authority();
        let unreachable = |source: io::Error| match source.kind() {
            io::ErrorKind::ConnectionRefused => HttpError::Refused { address: address.clone() },
            _ => HttpError::Unreachable { address: address.clone(), source },
        };
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for place in (self.url.host.as_str(), self.url.port).to_socket_addrs().map_err(unreachable)? {
            match TcpStream::connect_timeout(&place, self.timeouts.connect) {
                Ok(tcp) => {
                    tcp.set_nodelay(true).map_err(unreachable)?;
                    tcp.set_write_timeout(Some(self.timeouts.idle)).map_err(unreachable)?;
                    tcp.set_read_timeout(Some(SLICE.min(self.timeouts.first_byte))).map_err(unreachable)?;
                    self.socket = Some(if self.url.tls {
                        tls::open(&self.url.host, tcp, self.timeouts)?
                    } else {
                        Socket::Plain(tcp)
                    });
                    return Ok(());
                }
                Err(error) => last = error,
            }
        }
        Err(unreachable(last))
    }

    /// Asks for a resource.
    ///
    /// # Errors
    /// Any [`HttpError`]; a status of 400 and more is one, with the server's words.
    pub fn get(&mut self, resource: &str) -> Result<Response<'_>, HttpError> {
        self.send("GET", resource, None)
    }

    /// Sends JSON to a resource.
    ///
    /// # Errors
    /// As [`Connection::get`].
    pub fn post(&mut self, resource: &str, json: &[u8]) -> Result<Response<'_>, HttpError> {
        self.send("POST", resource, Some(("application/json", json)))
    }

    /// Asks for a resource to be taken away.
    ///
    /// # Errors
    /// As [`Connection::get`].
    pub fn delete(&mut self, resource: &str) -> Result<Response<'_>, HttpError> {
        self.send("DELETE", resource, None)
    }

    /// Sends the fields of a form to a resource.
    ///
    /// # Errors
    /// As [`Connection::get`].
    pub fn post_form(&mut self, resource: &str, fields: &str) -> Result<Response<'_>, HttpError> {
        self.send("POST", resource, Some(("application/x-www-form-urlencoded", fields.as_bytes())))
    }

    /// Sends a request. A server may close an idle connection at the very moment at which we use it: then nothing was
    /// answered, and the request goes out once more on a fresh one. A cut at any other time is the server's end: what it
    /// worked on for minutes is not asked for again, and where nobody listens any more, it is the cut that is told.
    fn send(
        &mut self,
        method: &str,
        resource: &str,
        content: Content<'_>,
    ) -> Result<Response<'_>, HttpError> {
        let request = self.request(method, resource, content);
        self.open()?;
        let was_idle = self.has_served;
        let begun = Instant::now();
        let answered = match self.exchange(&request) {
            Err(cut @ HttpError::Cut { .. }) if was_idle && begun.elapsed() < AT_ONCE => {
                if self.open().is_err() {
                    return Err(cut);
                }
                self.exchange(&request)?
            }
            result => result?,
        };
        self.has_served = true;
        self.respond(answered)
    }

    /// Writes the request and reads the head of the answer. The socket is given up on any error.
    fn exchange(&mut self, request: &[u8]) -> Result<Answered, HttpError> {
        let timeouts = self.timeouts;
        let Some(mut socket) = self.socket.take() else { return Err(HttpError::Cut { doing: "connecting" }) };
        let sending = |error: io::Error| HttpError::from_io(&error, "sending the request", timeouts.idle);
        socket.write_all(request).and_then(|()| socket.flush()).map_err(sending)?;
        let sent = Instant::now();
        let mut bytes = Vec::new();
        let mut arrived;
        let (status, headers, head_length) = loop {
            let mut buffer = [0u8; 16 << 10];
            let count = socket.wait(&mut buffer, timeouts.first_byte, timeouts.until, WAITING)?;
            arrived = Instant::now();
            if count == 0 {
                return Err(HttpError::Cut { doing: WAITING });
            }
            bytes.extend_from_slice(&buffer[..count]);
            if let Some(head) = parse_head(&bytes)? {
                break head;
            }
            if bytes.len() > HEAD_LIMIT_BYTES {
                return Err(HttpError::Malformed("its head does not end".to_owned()));
            }
        };
        let rest = bytes.split_off(head_length);
        Ok(Answered { socket, status, headers, sent, arrived, rest })
    }

    /// The answer whose head was read, its body still to come.
    fn respond(&mut self, answered: Answered) -> Result<Response<'_>, HttpError> {
        let Answered { socket, status, headers, sent, arrived, rest } = answered;
        let framing = Framing::of(&headers)?;
        let keep = !header(&headers, "connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        let mut body = Body::new(&mut self.socket, socket, rest, arrived, framing, keep, self.timeouts);
        if status >= 400 {
            let text = String::from_utf8_lossy(&body.read_all(64 << 10).unwrap_or_default()).into_owned();
            return Err(HttpError::Status { status, body: text });
        }
        Ok(Response { status, headers, sent, body })
    }

    fn request(&self, method: &str, resource: &str, content: Content<'_>) -> Vec<u8> {
        let mut head = format!(
            "{method} {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: llm-speed-probe/{}\r\n",
            self.url.path(resource),
            self.url.authority(),
            env!("CARGO_PKG_VERSION"),
        );
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("accept")) {
            head.push_str("Accept: */*\r\n");
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let body = content.map_or(&[][..], |(kind, body)| {
            head.push_str(&format!("Content-Type: {kind}\r\nContent-Length: {}\r\n", body.len()));
            body
        });
        head.push_str("\r\n");
        let mut request = head.into_bytes();
        request.extend_from_slice(body);
        request
    }
}

/// Value of a header field.
pub(super) fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// Status, header fields and length of the head; `None` while it is not complete.
type Head = (u16, Vec<(String, String)>, usize);

fn parse_head(bytes: &[u8]) -> Result<Option<Head>, HttpError> {
    let mut fields = [httparse::EMPTY_HEADER; HEADERS_LIMIT];
    let mut response = httparse::Response::new(&mut fields);
    let malformed = |error: httparse::Error| HttpError::Malformed(error.to_string());
    let httparse::Status::Complete(length) = response.parse(bytes).map_err(malformed)? else {
        return Ok(None);
    };
    let headers = response
        .headers
        .iter()
        .map(|field| {
            (field.name.to_ascii_lowercase(), String::from_utf8_lossy(field.value).trim().to_owned())
        })
        .collect();
    Ok(Some((response.code.unwrap_or(0), headers, length)))
}
