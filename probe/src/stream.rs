//! Streams of events, cut out of bytes as they arrive: server-sent events and JSON lines.
//!
//! Every event carries the moment at which the bytes that completed it came in at the socket. Nothing is decoded
//! here: what an event means is the driver's business, and comes after the stamp.

use std::time::Instant;

use crate::http::{Body, HttpError};

/// How events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `data: …` lines, an empty line after each event.
    ServerSent,
    /// One JSON object a line.
    JsonLines,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When the bytes that completed it arrived.
    pub arrived: Instant,
    /// What stood behind `data:`, several lines joined; or the line.
    pub data: String,
}

/// A line longer than this is no event of a language model.
const LINE_LIMIT_BYTES: usize = 16 << 20;

/// Cuts events out of bytes.
#[derive(Debug)]
pub struct Cutter {
    format: Format,
    line: Vec<u8>,
    data: Option<String>,
}

impl Cutter {
    /// For a stream in this format.
    pub fn new(format: Format) -> Cutter {
        Cutter { format, line: Vec::new(), data: None }
    }

    /// Takes bytes that arrived at one moment; the events that they complete are appended to `events`.
    ///
    /// # Errors
    /// On a line without an end.
    pub fn feed(&mut self, bytes: &[u8], arrived: Instant, events: &mut Vec<Event>) -> Result<(), HttpError> {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.line.extend_from_slice(&rest[..end]);
            rest = &rest[end + 1..];
            let bytes = std::mem::take(&mut self.line);
            self.take_line(bytes.strip_suffix(b"\r").unwrap_or(&bytes), arrived, events);
            // The memory is used again for the next line.
            self.line = bytes;
            self.line.clear();
        }
        self.line.extend_from_slice(rest);
        if self.line.len() > LINE_LIMIT_BYTES {
            return Err(HttpError::Malformed("an event without an end".to_owned()));
        }
        Ok(())
    }

    /// The stream has ended: a last event may lack its empty line.
    pub fn finish(&mut self, arrived: Instant, events: &mut Vec<Event>) {
        let bytes = std::mem::take(&mut self.line);
        if !bytes.is_empty() {
            self.take_line(bytes.strip_suffix(b"\r").unwrap_or(&bytes), arrived, events);
        }
        if let Some(data) = self.data.take() {
            events.push(Event { arrived, data });
        }
    }

    fn take_line(&mut self, line: &[u8], arrived: Instant, events: &mut Vec<Event>) {
        let text = String::from_utf8_lossy(line);
        match self.format {
            Format::JsonLines => {
                if !text.trim().is_empty() {
                    events.push(Event { arrived, data: text.into_owned() });
                }
            }
            Format::ServerSent if text.is_empty() => {
                if let Some(data) = self.data.take() {
                    events.push(Event { arrived, data });
                }
            }
            // Comments (`: keepalive`), `event:`, `id:` and `retry:` carry nothing that is timed: the names of
            // events stand in their data too.
            Format::ServerSent => {
                if let Some(value) = text.strip_prefix("data:") {
                    let value = value.strip_prefix(' ').unwrap_or(value);
                    match &mut self.data {
                        Some(data) => {
                            data.push('\n');
                            data.push_str(value);
                        }
                        none => *none = Some(value.to_owned()),
                    }
                }
            }
        }
    }
}

/// Reads a body to its end and hands over each event, in order.
///
/// # Errors
/// Those of the body, and what `each` returns; `each` may stop the reading so.
pub fn each_event<E: From<HttpError>>(
    body: &mut Body<'_>,
    format: Format,
    mut each: impl FnMut(&Event) -> Result<(), E>,
) -> Result<Option<Instant>, E> {
    let mut cutter = Cutter::new(format);
    let mut bytes = Vec::new();
    let mut events = Vec::new();
    let mut last = None;
    while let Some(arrived) = body.read(&mut bytes)? {
        last = Some(arrived);
        cutter.feed(&bytes, arrived, &mut events)?;
        bytes.clear();
        for event in events.drain(..) {
            each(&event)?;
        }
    }
    if let Some(arrived) = last {
        cutter.finish(arrived, &mut events);
        for event in events.drain(..) {
            each(&event)?;
        }
    }
    Ok(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(format: Format, pieces: &[&[u8]]) -> Vec<String> {
        let mut cutter = Cutter::new(format);
        let mut events = Vec::new();
        let now = Instant::now();
        for piece in pieces {
            cutter.feed(piece, now, &mut events).unwrap();
        }
        cutter.finish(now, &mut events);
        events.into_iter().map(|event| event.data).collect()
    }

    const STREAM: &[u8] = b": keepalive 79/80\r\n\r\nevent: message_start\ndata: {\"a\":\"\xc3\xa9\"}\n\n\
        data:two\ndata: lines\n\ndata: [DONE]\n\n";

    #[test]
    fn events_lose_their_wrapping_only() {
        let expected = ["{\"a\":\"é\"}", "two\nlines", "[DONE]"];
        assert_eq!(cut(Format::ServerSent, &[STREAM]), expected);
        assert_eq!(cut(Format::ServerSent, &[b"data: no end"]), ["no end"]);
        assert_eq!(
            cut(Format::JsonLines, &[b"{\"a\":1}\n\n{\"b\":2}\r\n{\"c\":3}"]),
            ["{\"a\":1}", "{\"b\":2}", "{\"c\":3}"]
        );
    }

    #[test]
    fn an_event_is_stamped_with_the_bytes_that_complete_it() {
        let mut cutter = Cutter::new(Format::ServerSent);
        let mut events = Vec::new();
        let early = Instant::now();
        let late = early + std::time::Duration::from_millis(5);
        cutter.feed(b"data: a\n\ndata: b", early, &mut events).unwrap();
        cutter.feed(b"\n\n", late, &mut events).unwrap();
        assert_eq!((events[0].arrived, events[1].arrived), (early, late));
    }

    proptest! {
        /// However the network cuts the bytes, the events are the same.
        #[test]
        fn cuts_do_not_matter(cuts in prop::collection::vec(0usize..STREAM.len(), 0..12)) {
            let mut cuts = cuts;
            cuts.sort_unstable();
            let mut pieces = Vec::new();
            let mut from = 0;
            for at in cuts {
                pieces.push(&STREAM[from..at]);
                from = at;
            }
            pieces.push(&STREAM[from..]);
            prop_assert_eq!(cut(Format::ServerSent, &pieces), cut(Format::ServerSent, &[STREAM]));
        }
    }
}
