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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// When the bytes that completed it arrived.
    pub arrived: Instant,
    /// What stood behind `data:`, several lines joined; or the line.
    pub data: &'a str,
}

/// A line longer than this is no event of a language model.
const LINE_LIMIT_BYTES: usize = 16 << 20;

/// Cuts events out of bytes. Its memory is used again for each of them: a stream is many thousands.
#[derive(Debug)]
pub struct Cutter {
    format: Format,
    /// The beginning of a line whose end has not come.
    line: Vec<u8>,
    /// The lines of an event whose end has not come, where there is one.
    data: String,
    has_data: bool,
}

impl Cutter {
    /// For a stream in this format.
    pub fn new(format: Format) -> Cutter {
        Cutter { format, line: Vec::new(), data: String::new(), has_data: false }
    }

    /// Takes bytes that arrived at one moment and hands over each event that they complete.
    ///
    /// # Errors
    /// On a line without an end, and what `each` returns.
    pub fn feed<E: From<HttpError>>(
        &mut self,
        bytes: &[u8],
        arrived: Instant,
        each: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line = &rest[..end];
            rest = &rest[end + 1..];
            if self.line.is_empty() {
                self.take_line(line, arrived, each)?;
            } else {
                self.line.extend_from_slice(line);
                self.end_line(arrived, each)?;
            }
        }
        self.line.extend_from_slice(rest);
        if self.line.len() > LINE_LIMIT_BYTES {
            return Err(HttpError::Malformed("an event without an end".to_owned()).into());
        }
        Ok(())
    }

    /// The stream has ended: a last event may lack its empty line.
    ///
    /// # Errors
    /// What `each` returns.
    pub fn finish<E>(
        &mut self,
        arrived: Instant,
        each: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if !self.line.is_empty() {
            self.end_line(arrived, each)?;
        }
        self.end_event(arrived, each)
    }

    /// The line that was begun is whole.
    fn end_line<E>(
        &mut self,
        arrived: Instant,
        each: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let line = std::mem::take(&mut self.line);
        let taken = self.take_line(&line, arrived, each);
        self.line = line;
        self.line.clear();
        taken
    }

    /// The event whose lines were gathered is whole.
    fn end_event<E>(
        &mut self,
        arrived: Instant,
        each: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if !std::mem::take(&mut self.has_data) {
            return Ok(());
        }
        let told = each(&Event { arrived, data: &self.data });
        self.data.clear();
        told
    }

    fn take_line<E>(
        &mut self,
        line: &[u8],
        arrived: Instant,
        each: &mut impl FnMut(&Event<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let text = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line));
        match self.format {
            Format::JsonLines if text.trim().is_empty() => Ok(()),
            Format::JsonLines => each(&Event { arrived, data: &text }),
            Format::ServerSent if text.is_empty() => self.end_event(arrived, each),
            // Comments (`: keepalive`), `event:`, `id:` and `retry:` carry nothing that is timed: the names of
            // events stand in their data too.
            Format::ServerSent => {
                if let Some(value) = text.strip_prefix("data:") {
                    if std::mem::replace(&mut self.has_data, true) {
                        self.data.push('\n');
                    }
                    self.data.push_str(value.strip_prefix(' ').unwrap_or(value));
                }
                Ok(())
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
    mut each: impl FnMut(&Event<'_>) -> Result<(), E>,
) -> Result<Option<Instant>, E> {
    let mut cutter = Cutter::new(format);
    let mut bytes = Vec::new();
    let mut last = None;
    while let Some(arrived) = body.read(&mut bytes)? {
        last = Some(arrived);
        cutter.feed(&bytes, arrived, &mut each)?;
        bytes.clear();
    }
    if let Some(arrived) = last {
        cutter.finish(arrived, &mut each)?;
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
        let mut each = |event: &Event<'_>| {
            events.push(event.data.to_owned());
            Ok::<(), HttpError>(())
        };
        for piece in pieces {
            cutter.feed(piece, now, &mut each).unwrap();
        }
        cutter.finish(now, &mut each).unwrap();
        events
    }

    const STREAM: &[u8] = b": keepalive 79/80\r\n\r\nevent: message_start\ndata: {\"a\":\"\xc3\xa9\"}\n\n\
        data:two\ndata: lines\n\ndata: [DONE]\n\n";

    #[test]
    fn events_lose_their_wrapping_only() {
        let expected = ["{\"a\":\"é\"}", "two\nlines", "[DONE]"];
        assert_eq!(cut(Format::ServerSent, &[STREAM]), expected);
        assert_eq!(cut(Format::ServerSent, &[b"data: no end"]), ["no end"]);
        assert_eq!(
            cut(Format::ServerSent, &[b"data:\n\n\n", b"data: a\n\n"]),
            ["", "a"],
            "empty is an event, none is not"
        );
        assert_eq!(
            cut(Format::JsonLines, &[b"{\"a\":1}\n\n{\"b\":2}\r\n{\"c\":3}"]),
            ["{\"a\":1}", "{\"b\":2}", "{\"c\":3}"]
        );
    }

    #[test]
    fn an_event_is_stamped_with_the_bytes_that_complete_it() {
        let mut cutter = Cutter::new(Format::ServerSent);
        let mut stamps = Vec::new();
        let mut each = |event: &Event<'_>| {
            stamps.push(event.arrived);
            Ok::<(), HttpError>(())
        };
        let early = Instant::now();
        let late = early + std::time::Duration::from_millis(5);
        cutter.feed(b"data: a\n\ndata: b", early, &mut each).unwrap();
        cutter.feed(b"\n\n", late, &mut each).unwrap();
        assert_eq!(stamps, [early, late]);
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
