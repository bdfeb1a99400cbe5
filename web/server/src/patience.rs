//! A connection whose client has to read what it asked for: an answer that nobody takes is not kept for it for ever.
//!
//! hyper waits without end for a client that does not read, so a few thousand requests for the longest file, each left
//! lying, would hold all connections and their answers in memory.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

/// So much has to be taken within the time that a client has: a modem takes it in three seconds.
const LEAST_BYTES: usize = 16 << 10;

/// A connection that ends itself when its client leaves an answer lying.
#[derive(Debug)]
pub struct Patient {
    stream: TcpStream,
    patience: Duration,
    /// Bytes written since the time began to run.
    taken: usize,
    /// When it ends; none while nothing waits to be taken.
    end: Option<Pin<Box<Sleep>>>,
}

impl Patient {
    /// The client has `patience` to take each 16 KiB, or what is left of an answer.
    pub fn new(stream: TcpStream, patience: Duration) -> Self {
        Patient { stream, patience, taken: 0, end: None }
    }

    /// What became of a write: the time runs from the first that has to wait, until enough was taken.
    fn wrote(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(written) = written {
            self.taken += written.as_ref().map_or(0, |bytes| *bytes);
            if self.taken >= LEAST_BYTES {
                self.all_taken();
            }
            return Poll::Ready(written);
        }
        let patience = self.patience;
        ready!(self.end.get_or_insert_with(|| Box::pin(sleep(patience))).as_mut().poll(cx));
        // What the system still holds for it goes as well, and is not offered for minutes more.
        let _ = self.stream.set_zero_linger();
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read")))
    }

    fn all_taken(&mut self) {
        self.taken = 0;
        self.end = None;
    }
}

impl AsyncRead for Patient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wrote(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.wrote(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes when it has written all there is.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.all_taken();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
