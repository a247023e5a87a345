//! Starts children on one thread, which lives as long as a [`crate::Compiler`].
//!
//! On Linux the kernel ends a child with its parent, and for the kernel the parent is the thread that started it.
//! Threads of an async runtime can end early: a worker after `block_in_place`, or a runtime that is dropped while
//! another runs. The kernel would then kill a child that compiles an honest component.

use std::io;
use std::sync::mpsc::{self, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread;

use tokio::process::{Child, Command};
use tokio::runtime::Handle;

/// The thread, which starts with the first child and ends when this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Starter(Mutex<Option<Sender<Order>>>);

#[derive(Debug)]
struct Order {
    command: Command,
    /// The runtime that talks to the child.
    runtime: Handle,
    answer: Sender<io::Result<Child>>,
}

impl Starter {
    /// Starts a child, and waits until it runs. That takes as long as a start on this thread would.
    pub(crate) fn start(&self, command: Command) -> io::Result<Child> {
        let runtime = Handle::try_current().map_err(io::Error::other)?;
        let gone = || io::Error::other("the thread that starts compilers ended unexpectedly");
        let (answer, answered) = mpsc::channel();
        self.orders()?.send(Order { command, runtime, answer }).map_err(|_| gone())?;
        answered.recv().map_err(|_| gone())?
    }

    fn orders(&self) -> io::Result<Sender<Order>> {
        // What is kept is whole at any time, so a panic elsewhere says nothing against it.
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(orders) = &*kept {
            return Ok(orders.clone());
        }
        let (orders, taken) = mpsc::channel::<Order>();
        thread::Builder::new().name("ringfence-compile".to_owned()).spawn(move || {
            for Order { mut command, runtime, answer } in taken {
                let _inside = runtime.enter();
                // Whoever ordered it waits for the answer.
                let _ = answer.send(command.spawn());
            }
        })?;
        Ok(kept.insert(orders).clone())
    }
}
