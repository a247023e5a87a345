//! Connections: detects that the peer closed, limits how long a write waits, adds a problem to the bare refusals of the
//! HTTP layer, and refuses a connection too many.

use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use crate::bare;
use crate::problem::{PROBLEM_JSON, Problem};
use crate::request::RequestError;

/// A second handle of a socket, to detect that the peer closes it.
#[derive(Debug)]
pub struct Closed(TcpStream);

impl Closed {
    /// Watches a socket by another descriptor of it.
    ///
    /// # Errors
    ///
    /// Fails if the runtime cannot watch the socket.
    pub fn new(socket: OwnedFd) -> io::Result<Self> {
        TcpStream::from_std(socket.into()).map(Self)
    }

    /// Waits until the peer has closed, or the connection has failed.
    pub async fn wait(self) {
        // An error is the end as well.
        while let Ok(ready) = self.0.ready(Interest::READABLE).await {
            if ready.is_read_closed() {
                return;
            }
            // What came is for the other handle to read; here it only must not be told again.
            let _ = self.0.try_io(Interest::READABLE, || Err::<(), _>(io::ErrorKind::WouldBlock.into()));
        }
    }
}

/// The stream of an HTTP connection: reads pass through, and writes have two additions.
///
/// - The peer must read: 64 KiB, or all unread bytes, within the write timeout.
/// - A refusal of the HTTP layer without a body gets a problem like all others.
///
/// With TLS it wraps the stream of plain bytes.
#[derive(Debug)]
pub struct Connection<S> {
    stream: S,
    reader: Reader,
    /// Maximum bytes of a request's head, for the problem about larger ones.
    head: usize,
    /// The problem that replaces a write, and how many of its bytes are written.
    instead: Option<(Vec<u8>, usize)>,
}

impl<S> Connection<S> {
    /// Wraps a stream. `write` is the write timeout, and `head` the maximum size of a request's head in bytes.
    pub fn new(stream: S, write: Duration, head: usize) -> Self {
        Self { stream, reader: Reader { timeout: write, waits: None, taken: 0 }, head, instead: None }
    }
}

/// How fast the peer reads.
#[derive(Debug)]
struct Reader {
    timeout: Duration,
    /// Runs while written bytes are unread.
    waits: Option<Pin<Box<Sleep>>>,
    /// Bytes that the peer has read since.
    taken: usize,
}

/// Bytes that the peer must read within the timeout; a byte now and then does not count.
const TAKEN: usize = 64 << 10;

impl Reader {
    /// Records the result of a write; fails if the peer read too little for too long.
    fn waited<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
        taken: impl Fn(&T) -> Taken,
    ) -> Poll<io::Result<T>> {
        match &written {
            Poll::Ready(Ok(written)) => match taken(written) {
                Taken::All => self.waits = None,
                Taken::Part(bytes) => {
                    self.taken = self.taken.saturating_add(bytes);
                    if self.taken >= TAKEN {
                        self.waits = None;
                    }
                }
            },
            Poll::Ready(Err(_)) => self.waits = None,
            Poll::Pending => {
                let timeout = self.timeout;
                self.waits.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
            }
        }
        let Some(waits) = &mut self.waits else {
            self.taken = 0;
            return written;
        };
        if waits.as_mut().poll(context).is_pending() {
            return written;
        }
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer reads too slowly")))
    }
}

/// Answers a connection over the limit with a problem, and closes it. Gives up after 100 ms.
///
/// Only for connections without TLS.
pub async fn refuse(mut stream: TcpStream) {
    let problem = Problem::of(&RequestError::TooManyConnections);
    let body = serde_json::to_string(&problem).unwrap_or_default();
    let answer = format!(
        "HTTP/1.1 {} {}\r\ncontent-type: {PROBLEM_JSON}\r\nretry-after: 1\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        problem.status(),
        problem.title(),
        body.len()
    );
    let _ = tokio::time::timeout(Duration::from_millis(100), stream.write_all(answer.as_bytes())).await;
}

/// How many of the bytes were written.
enum Taken {
    All,
    Part(usize),
}

fn part(of: usize) -> impl Fn(&usize) -> Taken {
    move |taken| if *taken >= of { Taken::All } else { Taken::Part(*taken) }
}

impl<S: AsyncWrite + Unpin> Connection<S> {
    /// Writes the problem; ready when all of it is written.
    fn drain(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some((text, done)) = &mut self.instead {
            let left = text.get(*done..).unwrap_or_default();
            if left.is_empty() {
                self.instead = None;
                break;
            }
            let written = Pin::new(&mut self.stream).poll_write(context, left);
            let count = ready!(self.reader.waited(context, written, part(left.len())))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            *done = done.saturating_add(count);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Connection<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Connection<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.drain(context))?;
        if let Some(text) = bare::problem(bytes, self.head) {
            self.instead = Some((text, 0));
            // Taken whole: the rest goes out before anything else does, and before a flush ends.
            if let Poll::Ready(Err(error)) = self.drain(context) {
                return Poll::Ready(Err(error));
            }
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.reader.waited(context, written, part(bytes.len()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut some = slices.iter().filter(|slice| !slice.is_empty());
        if let (Some(only), None) = (some.next(), some.next())
            && only.len() <= bare::LONGEST
        {
            return self.poll_write(context, only);
        }
        ready!(self.drain(context))?;
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        let all = slices.iter().fold(0_usize, |sum, slice| sum.saturating_add(slice.len()));
        self.reader.waited(context, written, part(all))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.drain(context))?;
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.reader.waited(context, flushed, |()| Taken::Part(0))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.drain(context))?;
        let closed = Pin::new(&mut self.stream).poll_shutdown(context);
        self.reader.waited(context, closed, |()| Taken::All)
    }
}
