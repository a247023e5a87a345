//! Connections: detects that the peer closed, limits how long a write waits, and refuses a connection too many.

use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

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

/// A stream with a write timeout: the peer must read within a time.
#[derive(Debug)]
pub struct WriteTimeout<S> {
    stream: S,
    timeout: Duration,
    /// Runs while written bytes are unread.
    waits: Option<Pin<Box<Sleep>>>,
    /// Bytes that the peer has read since.
    taken: usize,
}

/// Bytes that the peer must read within the timeout; a byte now and then does not count.
const TAKEN: usize = 64 << 10;

impl<S> WriteTimeout<S> {
    /// Wraps a stream: the peer must read 64 KiB, or all unread bytes, within this time.
    pub fn new(stream: S, timeout: Duration) -> Self {
        Self { stream, timeout, waits: None, taken: 0 }
    }

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

impl<S: AsyncRead + Unpin> AsyncRead for WriteTimeout<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WriteTimeout<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.waited(context, written, part(bytes.len()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        let all = slices.iter().fold(0_usize, |sum, slice| sum.saturating_add(slice.len()));
        self.waited(context, written, part(all))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.waited(context, flushed, |()| Taken::Part(0))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let closed = Pin::new(&mut self.stream).poll_shutdown(context);
        self.waited(context, closed, |()| Taken::All)
    }
}
