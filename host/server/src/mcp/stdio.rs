//! MCP on standard input and output.
//!
//! One thread reads, answers what it can answer at once, and writes. A call that does not end in its first slice
//! continues in the runtime, and a second thread writes its response. So a short call switches no thread, and
//! responses that are ready together are written together.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use rmcp::ErrorData;
use rmcp::model::ProtocolVersion;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio_util::task::TaskTracker;

use super::agent::TOGETHER;
use super::id::Id;
use super::message::{self, Call, Message};
use super::out::{CHUNK, Notes, Out, locked};
use super::protocol::{is_handshake, negotiate, revision};
use super::reply::Reply;
use super::scan::Scan;
use super::work::{Protocol, Sender, Work};
use crate::app::App;
use crate::error::ServeError;
use crate::principal::Principal;
use crate::sizes::ENVELOPE;

/// Ready responses wait this long, or for this many bytes, to be written together.
const GATHER: Duration = Duration::from_micros(250);
const GATHERED: usize = 32 << 10;

/// Running requests, which their caller can cancel.
type Running = Arc<Mutex<HashMap<Id, (AbortHandle, bool)>>>;

/// The session of one caller.
struct Session {
    protocol: Protocol,
    principal: Arc<Principal>,
    out: Arc<Out>,
    /// The revision that the handshake agreed on.
    revision: Option<&'static ProtocolVersion>,
    running: Running,
    tasks: TaskTracker,
    runtime: Handle,
    /// Whether changes are announced.
    tells: bool,
    /// When the oldest waiting response became ready.
    since: Option<Instant>,
}

/// Serves until the input ends and all requests are answered. Call it inside a runtime.
pub(crate) async fn speak(
    app: &App,
    principal: &Arc<Principal>,
    input: impl Read + Send + 'static,
    output: impl Write + Send + 'static,
) -> std::io::Result<()> {
    let out = Out::new(Box::new(output), app.work().answers.hold(principal.account.answers()));
    let mut session = Session {
        protocol: Protocol::new(app),
        principal: Arc::clone(principal),
        out: Arc::clone(&out),
        revision: None,
        running: Running::default(),
        tasks: TaskTracker::new(),
        runtime: Handle::current(),
        tells: false,
        since: None,
    };
    let tasks = session.tasks.clone();
    let (ended, end) = oneshot::channel();
    let written = Arc::clone(&out);
    let (wrote, writes) = oneshot::channel::<()>();
    std::thread::Builder::new().name("ringfence-write".to_owned()).spawn(move || {
        written.write();
        drop(wrote);
    })?;
    std::thread::Builder::new().name("ringfence-read".to_owned()).spawn(move || {
        let runtime = session.runtime.clone();
        let _runtime = runtime.enter();
        let read = session.read(input);
        session.stop_listening();
        let _ = ended.send(read);
    })?;
    let stopping = app.work().stopping.clone();
    let read = tokio::select! {
        read = end => read.unwrap_or(Ok(())),
        () = stopping.cancelled() => Ok(()),
    };
    tasks.close();
    tasks.wait().await;
    out.end();
    let _ = writes.await;
    read
}

impl Session {
    /// Reads to the end, line by line. A line takes no more memory than the largest message.
    fn read(&mut self, mut input: impl Read) -> std::io::Result<()> {
        let mut chunk = vec![0; CHUNK];
        let (mut line, mut scan) = (Vec::new(), None::<Scan>);
        loop {
            let count = match input.read(&mut chunk) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let mut rest = chunk.get(..count).unwrap_or_default();
            while let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
                let (piece, next) = rest.split_at(at);
                rest = next.get(1..).unwrap_or_default();
                if line.is_empty() && scan.is_none() && piece.len() <= self.longest() {
                    self.line(piece);
                } else {
                    self.piece(&mut line, &mut scan, piece);
                    self.end_of_line(&mut line, &mut scan);
                }
                self.write_some();
            }
            self.piece(&mut line, &mut scan, rest);
            self.since = None;
            self.out.settle();
        }
        // A last line may lack its end.
        if !line.is_empty() || scan.is_some() {
            self.end_of_line(&mut line, &mut scan);
            self.out.flush();
        }
        Ok(())
    }

    /// Returns the maximum bytes of a line: the largest input and its envelope.
    fn longest(&self) -> usize {
        let most = self.protocol.app.operator().config.load().largest_input().saturating_add(ENVELOPE);
        usize::try_from(most).unwrap_or(usize::MAX)
    }

    /// Keeps a chunk of a line. Of a line that is too long it keeps only what the response needs.
    fn piece(&self, line: &mut Vec<u8>, scan: &mut Option<Scan>, piece: &[u8]) {
        if scan.is_none() && line.len().saturating_add(piece.len()) > self.longest() {
            let mut new = Scan::default();
            new.feed(ringfence_front::request::unmarked(line));
            *line = Vec::new();
            *scan = Some(new);
        }
        match scan {
            Some(scan) => scan.feed(piece),
            None => line.extend_from_slice(piece),
        }
    }

    fn end_of_line(&mut self, line: &mut Vec<u8>, scan: &mut Option<Scan>) {
        if let Some(scan) = scan.take() {
            let message =
                format!("the line is too long; the limit is {} bytes; send a smaller input", self.longest());
            let error = ErrorData::invalid_request(message, None);
            let id = scan.id();
            self.out.answer(id.as_ref(), &Reply::error(id.as_ref(), &error));
            return;
        }
        let whole = std::mem::take(line);
        self.line(&whole);
        if whole.capacity() <= CHUNK {
            *line = whole;
            line.clear();
        }
    }

    /// Writes if enough bytes are ready or have waited long enough.
    fn write_some(&mut self) {
        let now = Instant::now();
        let since = *self.since.get_or_insert(now);
        let waited = now.saturating_duration_since(since) >= GATHER;
        if waited || self.out.waiting() >= GATHERED {
            self.out.flush();
            self.since = None;
        }
    }

    fn line(&mut self, line: &[u8]) {
        let line = line.trim_ascii();
        if line.is_empty() {
            return;
        }
        match message::read(line) {
            Ok(Message::Request(id, call)) => self.request(id, &call, line),
            Ok(Message::Notification(call)) => self.notification(&call),
            // What wants no answer is counted as well, and there is nobody to tell that it is too much.
            Ok(Message::Response) => drop(self.principal.account.request()),
            Err(malformed) => {
                let _ = self.principal.account.request();
                let error = ErrorData::new(malformed.code, malformed.message, None);
                let in_array = message::ids_in_array(line);
                for id in &in_array {
                    self.out.answer(Some(id), &Reply::error(Some(id), &error));
                }
                if in_array.is_empty() {
                    let id = malformed.id.as_ref();
                    self.out.answer(id, &Reply::error(id, &error));
                }
            }
        }
    }

    fn request(&mut self, id: Id, call: &Call<'_>, line: &[u8]) {
        let agreed = match &*call.method {
            "initialize" if is_handshake(call) => {
                negotiate(call).inspect(|version| self.revision = Some(version))
            }
            // A client may look whether anybody is there before the handshake.
            "ping" if call.params.version().is_none() => {
                Ok(self.revision.unwrap_or(const { &ProtocolVersion::LATEST_WITH_INITIALIZE }))
            }
            _ => revision(call, self.revision),
        };
        let revision = match agreed {
            Ok(revision) => revision,
            Err(error) => {
                self.out.answer(Some(&id), &Reply::error(Some(&id), &error));
                return;
            }
        };
        // Over HTTP the guard counts.
        if let Err(over) = self.principal.account.request() {
            let reply = self.protocol.over(&id, &ServeError::from(over));
            self.out.answer(Some(&id), &reply);
            return;
        }
        let sender =
            Sender { principal: Arc::clone(&self.principal), revision, by_token: false, limits: None };
        match self.protocol.take(id.clone(), call, line, &sender, true) {
            Work::Done(reply) => {
                self.out.answer(Some(&id), &reply);
            }
            work @ (Work::Call(_) | Work::List(_) | Work::Rest(_)) => self.start(id, work),
        }
    }

    /// Starts work that may take time. Answers at once if it ends in its first slice.
    fn start(&self, id: Id, work: Work) {
        let listens = matches!(&work, Work::Rest(rest) if rest.listens);
        let (protocol, notes) = (self.protocol.clone(), Notes::Out(Arc::clone(&self.out)));
        let mut answer = Box::pin(async move { protocol.finish(work, Some(notes)).await });
        let first = answer.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        if let Poll::Ready(reply) = first {
            self.out.answer(Some(&id), &reply);
            return;
        }
        // Held until the task is noted, so that it is noted before it ends.
        let mut running = locked(&self.running);
        let (known, out, of_task) = (Arc::clone(&self.running), Arc::clone(&self.out), id.clone());
        let task = self.tasks.spawn_on(
            async move {
                let reply = answer.await;
                locked(&known).remove(&of_task);
                out.answer(Some(&of_task), &reply);
                out.wake();
            },
            &self.runtime,
        );
        running.insert(id, (task.abort_handle(), listens));
    }

    fn notification(&mut self, call: &Call<'_>) {
        let _ = self.principal.account.request();
        match &*call.method {
            "notifications/cancelled" => {
                let id = call.params.request_id.and_then(|raw| Id::read(raw.get()));
                if let Some((task, _)) = id.and_then(|id| locked(&self.running).remove(&id)) {
                    task.abort();
                }
            }
            "notifications/initialized" if self.revision.is_some() && !self.tells => {
                self.tells = true;
                let (app, principal) = (self.protocol.app.clone(), Arc::clone(&self.principal));
                self.runtime.spawn(tell(app, principal, Arc::clone(&self.out)));
            }
            _ => {}
        }
    }

    /// Stops requests that only wait for changes, because no caller is left to receive them.
    fn stop_listening(&self) {
        for (task, listens) in locked(&self.running).values() {
            if *listens {
                task.abort();
            }
        }
    }
}

/// Announces changes, as revisions with a handshake require.
async fn tell(app: App, principal: Arc<Principal>, out: Arc<Out>) {
    let mut changes = app.skills().librarian.changes();
    let mut seen = app.seen_by(&principal);
    loop {
        tokio::select! {
            () = app.work().stopping.cancelled() => return,
            changed = changes.changed() => if changed.is_err() { return },
        }
        tokio::time::sleep(TOGETHER).await;
        changes.mark_unchanged();
        let now = app.seen_by(&principal);
        if now == seen {
            continue;
        }
        seen = now;
        for list in ["tools", "resources"] {
            let note = format!("{{\"jsonrpc\":\"2.0\",\"method\":\"notifications/{list}/list_changed\"}}");
            out.push(note.into_bytes());
        }
    }
}
