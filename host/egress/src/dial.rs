//! The only place in Ringfence that opens a connection to the outside.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

/// How the door dials the addresses of one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialLimits {
    /// Most addresses that are tried. Default: 8.
    pub addresses: usize,
    /// Most that are tried at once. Default: 4.
    pub at_once: usize,
    /// The wait before the next one is tried as well. Default: 250 ms.
    pub delay: Duration,
    /// The time for all of them. Default: 30 s.
    pub timeout: Duration,
}

impl Default for DialLimits {
    fn default() -> Self {
        Self { addresses: 8, at_once: 4, delay: Duration::from_millis(250), timeout: Duration::from_secs(30) }
    }
}

/// Connects to the first of the addresses that answers. The caller has checked each of them.
///
/// # Errors
///
/// Fails with the error of the last address, or `TimedOut`.
#[allow(clippy::disallowed_methods, reason = "the one place that dials")]
pub(crate) async fn dial(addresses: &[SocketAddr], limits: &DialLimits) -> io::Result<TcpStream> {
    let connected = match addresses {
        [only] => timeout(limits.timeout, TcpStream::connect(*only)).await,
        several => {
            let order = alternate(several, limits.addresses);
            timeout(limits.timeout, race(order, limits, |address| Box::pin(TcpStream::connect(address))))
                .await
        }
    };
    let stream = connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Orders addresses so that the families alternate, beginning with that of the first (RFC 8305).
pub(crate) fn alternate(addresses: &[SocketAddr], most: usize) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (mut first, mut second): (Vec<SocketAddr>, Vec<SocketAddr>) =
        addresses.iter().copied().partition(|address: &SocketAddr| address.is_ipv6() == first_is_v6);
    first.reverse();
    second.reverse();
    let mut order = Vec::new();
    while order.len() < most && !(first.is_empty() && second.is_empty()) {
        order.extend(first.pop());
        if order.len() < most {
            order.extend(second.pop());
        }
    }
    order
}

type Attempt<T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send>>;

enum Event<T> {
    Ended(usize, io::Result<T>),
    Due,
}

/// Starts the next attempt when one fails or the delay is over, and returns the first success.
async fn race<T>(
    addresses: Vec<SocketAddr>,
    limits: &DialLimits,
    connect: impl Fn(SocketAddr) -> Attempt<T>,
) -> io::Result<T> {
    let mut waiting = addresses.into_iter().peekable();
    let mut running: Vec<Attempt<T>> = Vec::new();
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    let mut pause = pin!(sleep_until(Instant::now()));
    let mut due = true;
    loop {
        if due
            && running.len() < limits.at_once
            && let Some(address) = waiting.next()
        {
            running.push(connect(address));
            let next = Instant::now().checked_add(limits.delay);
            pause.as_mut().reset(next.unwrap_or_else(Instant::now));
            due = false;
        }
        if running.is_empty() && waiting.peek().is_none() {
            return Err(last);
        }
        let event = poll_fn(|context| {
            for (at, attempt) in running.iter_mut().enumerate() {
                if let Poll::Ready(ended) = attempt.as_mut().poll(context) {
                    return Poll::Ready(Event::Ended(at, ended));
                }
            }
            if !due && pause.as_mut().poll(context).is_ready() {
                return Poll::Ready(Event::Due);
            }
            Poll::Pending
        });
        match event.await {
            Event::Ended(_, Ok(connected)) => return Ok(connected),
            Event::Ended(at, Err(error)) => {
                drop(running.swap_remove(at));
                last = error;
                due = true;
            }
            Event::Due => due = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};

    use tokio::sync::oneshot;

    use super::*;

    fn addresses(count: u8) -> Vec<SocketAddr> {
        (1..=count).map(|last| SocketAddr::from(([192, 0, 2, last], 443))).collect()
    }

    #[test]
    fn families_alternate_and_at_most_eight_are_tried() {
        let mixed: Vec<SocketAddr> =
            ["[::1]:1", "[::2]:1", "[::3]:1", "1.0.0.1:1", "1.0.0.2:1"].map(|a| a.parse().unwrap()).into();
        let order: Vec<_> = alternate(&mixed, 4).iter().map(ToString::to_string).collect();
        assert_eq!(order, ["[::1]:1", "1.0.0.1:1", "[::2]:1", "1.0.0.2:1"]);
        assert_eq!(alternate(&addresses(20), 8), addresses(8));
        assert_eq!(alternate(&addresses(7), 8), addresses(7));
    }

    #[tokio::test]
    async fn at_most_four_addresses_are_tried_at_once_after_the_delay() {
        let limits = DialLimits { delay: Duration::from_millis(1), ..DialLimits::default() };
        let starts = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&starts);
        let (ended, end) = oneshot::channel::<()>();
        let end = Mutex::new(Some(end));
        // The fourth attempt fails, so a fifth begins; then four are under way and none ends.
        let hanging = race::<()>(addresses(8), &limits, move |address| {
            let count = {
                let mut starts = seen.lock().unwrap();
                starts.push(address);
                starts.len()
            };
            let end = if count == 4 { end.lock().unwrap().take() } else { None };
            Box::pin(async move {
                match end {
                    Some(end) => {
                        Err(end.await.map_or(io::ErrorKind::Other, |()| io::ErrorKind::NotFound).into())
                    }
                    None => std::future::pending().await,
                }
            })
        });
        let watch = async {
            while starts.lock().unwrap().len() < 4 {
                tokio::task::yield_now().await;
            }
            drop(ended);
            while starts.lock().unwrap().len() < 5 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            _ = hanging => panic!("no address answers"),
            () = watch => {}
        }
        assert_eq!(*starts.lock().unwrap(), addresses(5));
    }

    #[tokio::test]
    async fn a_failure_starts_the_next_address_at_once() {
        let tries = AtomicUsize::new(0);
        // The delay never ends within the test.
        let limits = DialLimits { delay: Duration::from_secs(3600), ..DialLimits::default() };
        let connected = race(addresses(8), &limits, |address| {
            let failed = tries.fetch_add(1, Ordering::Relaxed) < 5;
            Box::pin(async move {
                if failed { Err(io::ErrorKind::ConnectionRefused.into()) } else { Ok(address) }
            })
        });
        assert_eq!(connected.await.unwrap(), addresses(6)[5]);
    }

    #[tokio::test]
    async fn the_last_error_is_returned_when_all_addresses_fail() {
        let limits = DialLimits::default();
        let connected = race::<()>(addresses(2), &limits, |_| {
            Box::pin(async { Err(io::ErrorKind::ConnectionRefused.into()) })
        });
        assert_eq!(connected.await.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(dial(&[], &limits).await.unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
