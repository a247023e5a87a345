//! A connection to a server: plain, or TLS.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// A connection to a server.
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Calls the same method of either kind.
macro_rules! either {
    ($stream:ident, $inner:ident => $call:expr) => {
        match $stream.get_mut() {
            Stream::Plain(stream) => {
                let $inner = Pin::new(stream);
                $call
            }
            Stream::Tls(stream) => {
                let $inner = Pin::new(&mut **stream);
                $call
            }
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_read(context, buffer))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        either!(self, stream => stream.poll_write(context, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self, stream => stream.poll_write_vectored(context, slices))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_shutdown(context))
    }
}

/// Counts the bytes that a server sends: heads, framing and content.
#[derive(Debug, Clone)]
pub(crate) struct Wire {
    counts: Arc<Counts>,
    /// Bytes that can be anything but content.
    allowance: u64,
}

#[derive(Debug, Default)]
struct Counts {
    /// The responses that have begun.
    responses: AtomicU64,
    read: AtomicU64,
    content: AtomicU64,
    turn: AtomicU64,
}

/// Bytes that can stand around one byte of content. A chunk of one byte has five.
const AROUND: u64 = 16;
/// Bytes that are read before the reader yields.
const TURN: u64 = 256 << 10;

impl Wire {
    pub(crate) fn new(allowance: u64) -> Self {
        Self { counts: Arc::default(), allowance }
    }

    /// Begins a response. A connection can have several, one after the other.
    pub(crate) fn begin(&self) {
        self.counts.responses.fetch_add(1, Ordering::Relaxed);
        self.counts.read.store(0, Ordering::Relaxed);
        self.counts.content.store(0, Ordering::Relaxed);
        self.begin_turn();
    }

    /// Begins a turn of the reader. Within one the connection reads a bounded number of bytes: the HTTP library alone
    /// would read on as long as a server sends what is no content, and nothing else would run on the thread.
    pub(crate) fn begin_turn(&self) {
        self.counts.turn.store(0, Ordering::Relaxed);
    }

    /// Counts content.
    pub(crate) fn add_content(&self, bytes: u64) {
        self.counts.content.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Returns true if the server has sent far more than its content needs: informational responses, zeros before the
    /// size of a chunk and the like, which no other cap counts.
    pub(crate) fn is_padded(&self) -> bool {
        let content = self.counts.content.load(Ordering::Relaxed);
        self.counts.read.load(Ordering::Relaxed)
            > content.saturating_mul(AROUND).saturating_add(self.allowance)
    }

    fn turn_is_over(&self) -> bool {
        self.counts.turn.load(Ordering::Relaxed) >= TURN
    }

    fn add(&self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.counts.read.fetch_add(bytes, Ordering::Relaxed);
        self.counts.turn.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Follows the heads of a response, and refuses a line feed without a carriage return in front of it. The HTTP library
/// takes one for the end of a line, and others do not: they would see other headers.
#[derive(Debug, Default)]
struct Lines {
    response: u64,
    /// Lines of this head that have ended.
    ended: usize,
    /// Bytes of this line.
    length: usize,
    last: u8,
    /// The head is of an informational response, so another head follows it.
    informational: bool,
    over: bool,
}

impl Lines {
    /// Takes bytes of a response. Returns false for a bare line feed in a head.
    fn pass(&mut self, response: u64, bytes: &[u8]) -> bool {
        if self.response != response {
            *self = Self { response, ..Self::default() };
        }
        for &byte in bytes {
            if self.over {
                break;
            }
            if byte != b'\n' {
                if (self.ended, self.length) == (0, "HTTP/1.1 ".len()) {
                    self.informational = byte == b'1';
                }
                self.length = self.length.saturating_add(1);
            } else if self.last != b'\r' {
                return false;
            } else {
                match (self.length, self.ended) {
                    // The HTTP library skips empty lines in front of a head.
                    (1, 0) => {}
                    (1, _) => {
                        self.ended = 0;
                        self.over = !self.informational;
                    }
                    _ => self.ended = self.ended.saturating_add(1),
                }
                self.length = 0;
            }
            self.last = byte;
        }
        true
    }
}

/// A connection whose received bytes are counted, and whose heads are followed.
pub(crate) struct Metered {
    stream: Stream,
    wire: Wire,
    lines: Lines,
}

impl Metered {
    pub(crate) fn new(stream: Stream, wire: Wire) -> Self {
        Self { stream, wire, lines: Lines::default() }
    }
}

impl AsyncRead for Metered {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let own = self.get_mut();
        if own.wire.is_padded() {
            return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
        }
        if own.wire.turn_is_over() {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut own.stream).poll_read(context, buffer);
        let read = buffer.filled().get(before..).unwrap_or_default();
        own.wire.add(read.len());
        let response = own.wire.counts.responses.load(Ordering::Relaxed);
        if !own.lines.pass(response, read) {
            return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
        }
        polled
    }
}

impl AsyncWrite for Metered {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_passes_up_to_its_allowance_and_one_byte_more_does_not() {
        let wire = Wire::new(100);
        wire.add(100);
        assert!(!wire.is_padded());
        wire.add(1);
        assert!(wire.is_padded());
        wire.add_content(1);
        assert!(!wire.is_padded());
        wire.add(15);
        assert!(!wire.is_padded());
        wire.add(1);
        assert!(wire.is_padded());
        wire.begin();
        assert!(!wire.is_padded());
    }

    #[test]
    fn a_turn_ends_after_its_bytes() {
        let turn = usize::try_from(TURN).unwrap();
        let wire = Wire::new(u64::MAX);
        wire.add(turn - 1);
        assert!(!wire.turn_is_over());
        wire.add(1);
        assert!(wire.turn_is_over());
        wire.begin_turn();
        assert!(!wire.turn_is_over());
    }

    /// Data that is there is not read before the next turn.
    #[tokio::test]
    async fn a_reader_yields_between_turns() {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        #[allow(clippy::disallowed_methods, reason = "a test is its own server")]
        let (client, server) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (mut server, _) = server.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut server, b"data").await.unwrap();
        let wire = Wire::new(u64::MAX);
        let client = client.unwrap();
        client.readable().await.unwrap();
        let mut metered = Metered::new(Stream::Plain(client), wire.clone());
        wire.add(usize::try_from(TURN).unwrap());
        let mut bytes = [0; 8];
        let mut context = Context::from_waker(std::task::Waker::noop());
        let mut buffer = ReadBuf::new(&mut bytes);
        assert!(Pin::new(&mut metered).poll_read(&mut context, &mut buffer).is_pending());
        wire.begin_turn();
        assert!(Pin::new(&mut metered).poll_read(&mut context, &mut buffer).is_ready());
        assert_eq!(buffer.filled(), b"data");
    }

    #[test]
    fn a_line_feed_alone_ends_no_line_of_a_head() {
        let pass = |text: &str| {
            // In one piece, and byte by byte.
            let whole = Lines::default().pass(1, text.as_bytes());
            let mut lines = Lines::default();
            assert_eq!(text.bytes().all(|byte| lines.pass(1, &[byte])), whole, "{text:?}");
            whole
        };
        for text in [
            "HTTP/1.1 200 OK\r\nx: y\r\n\r\nbody\n\nbody",
            "\r\nHTTP/1.1 200 OK\r\n\r\n\n",
            "HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\nHTTP/1.1 200 OK\r\n\r\n\n",
        ] {
            assert!(pass(text), "{text:?}");
        }
        for text in [
            "\nHTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\n\r\n",
            "HTTP/1.1 200 OK\r\nx: y\n\r\n",
            "HTTP/1.1 200 OK\r\nx: y\r\n\n",
            "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\n\n",
        ] {
            assert!(!pass(text), "{text:?}");
        }
        // The next response of a connection has a head again.
        let mut lines = Lines::default();
        assert!(lines.pass(1, b"HTTP/1.1 200 OK\r\n\r\n\n"));
        assert!(!lines.pass(2, b"HTTP/1.1 200 OK\n"));
    }
}
