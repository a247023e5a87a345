//! `wasi:io/poll`: waits for times and for what the host does, in any mix, until the run's deadline.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use wasmtime::component::Resource;

use super::tasks::Tasks;
use crate::capability::{Interface, Registry};
use crate::error::HostError;
use crate::state::{GuestState, Stop};
use crate::wasi::wasi;

/// `poll.pollable`. Handle 0 is always ready; the others are in [`super::Io`]'s table.
#[derive(Debug)]
pub(crate) struct Pollable;

/// What a pollable waits for.
#[derive(Clone)]
pub(crate) enum Ready {
    /// Nothing: it is ready.
    Now,
    /// A time.
    Timer(Timer),
    /// The host.
    Host(Arc<dyn Condition>),
}

/// A time on the run's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timer {
    /// Time on the run's clock.
    pub(crate) at: Duration,
    /// Time on the host's clock; none for now.
    pub(crate) ready: Option<Instant>,
}

/// Something that the tasks of a run bring about.
pub(crate) trait Condition: Send + Sync {
    /// Starts the task that brings it about, if that takes one and none is under way.
    fn begin(&self, tasks: &Arc<Tasks>);

    /// Returns whether it is fulfilled.
    fn is_ready(&self) -> bool;
}

impl std::fmt::Debug for Ready {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Now => f.write_str("Now"),
            Self::Timer(timer) => timer.fmt(f),
            Self::Host(_) => f.write_str("Host"),
        }
    }
}

impl Ready {
    fn is_ready(&self, now: Instant) -> bool {
        match self {
            Self::Now => true,
            Self::Timer(timer) => timer.ready.is_none_or(|ready| ready <= now),
            Self::Host(condition) => condition.is_ready(),
        }
    }

    /// Returns true for a timer of a fixed clock. In a `poll` it is not ready before a condition of the host.
    fn is_fixed_timer(&self) -> bool {
        matches!(self, Self::Timer(Timer { ready: None, .. }))
    }
}

/// Adds the resource `pollable` to an interface that uses it.
pub(crate) fn resource(interface: &mut Interface<'_>) -> Result<(), HostError> {
    interface.resource_with::<Pollable>("pollable", |state, handle| free(state, handle.rep())).map(drop)
}

/// Frees a pollable whose handle the guest gave away.
pub(crate) fn free(state: &mut GuestState, handle: u32) {
    state.wasi.io.pollables.remove(handle);
}

/// Makes a pollable. Fails the run if it has too many.
pub(crate) fn pollable(state: &mut GuestState, ready: Ready) -> wasmtime::Result<Resource<Pollable>> {
    let handle = match ready {
        Ready::Now => 0,
        Ready::Timer(_) | Ready::Host(_) => {
            let handle = state.wasi.io.pollables.add(ready);
            handle.ok_or_else(|| super::too_many(state, "pollables"))?
        }
    };
    Ok(Resource::new_own(handle))
}

fn of(state: &GuestState, pollable: &Resource<Pollable>) -> Ready {
    state.wasi.io.pollables.get(pollable.rep()).cloned().unwrap_or(Ready::Now)
}

/// A wait until one of several things is ready. It does not borrow the run's state.
#[derive(Default)]
pub(crate) struct Wait {
    /// Whether something is ready already.
    over: bool,
    conditions: Vec<Arc<dyn Condition>>,
    until: Option<Instant>,
    tasks: Option<Arc<Tasks>>,
}

impl Wait {
    /// Begins to wait for any of `ready`.
    pub(crate) fn for_any<'a>(state: &mut GuestState, ready: impl IntoIterator<Item = &'a Ready>) -> Self {
        let mut wait = Self { tasks: state.wasi.io.tasks.clone(), ..Self::default() };
        let (now, mut any, mut fixed) = (Instant::now(), false, false);
        for one in ready {
            any = true;
            match one {
                Ready::Now => wait.over = true,
                Ready::Timer(Timer { ready: None, .. }) => fixed = true,
                Ready::Timer(Timer { ready: Some(ready), .. }) if *ready <= now => wait.over = true,
                Ready::Timer(Timer { ready, .. }) => wait.until = wait.until.into_iter().chain(*ready).min(),
                Ready::Host(condition) => {
                    condition.begin(wait.tasks.get_or_insert_with(|| state.wasi.io.tasks()));
                    wait.conditions.push(Arc::clone(condition));
                }
            }
        }
        // A wait for nothing is refused after the call. A timer of a fixed clock lets the host go first: otherwise each
        // request with a timeout would time out at once.
        wait.over |= !any || (fixed && wait.conditions.is_empty());
        if let Some(tasks) = &wait.tasks {
            tasks.drive();
        }
        wait
    }

    /// Begins to wait for one thing.
    pub(crate) fn until(state: &mut GuestState, ready: &Ready) -> Self {
        Self::for_any(state, [ready])
    }

    /// Waits. The run's tasks go on meanwhile, those for which nobody waits too.
    pub(crate) async fn over(self) {
        let Self { over, conditions, until, tasks } = self;
        if over {
            return;
        }
        let Some(tasks) = tasks else {
            if let Some(until) = until {
                tokio::time::sleep_until(until.into()).await;
            }
            return;
        };
        let mut timer = pin!(async {
            match until {
                Some(until) => tokio::time::sleep_until(until.into()).await,
                None => std::future::pending().await,
            }
        });
        poll_fn(|context| {
            tasks.register(context.waker());
            tasks.drive();
            if conditions.iter().any(|condition| condition.is_ready()) {
                return Poll::Ready(());
            }
            timer.as_mut().poll(context)
        })
        .await;
    }
}

pub(super) fn link(registry: &mut Registry) -> Result<(), HostError> {
    let mut poll = registry.interface(wasi!("io/poll"))?;
    resource(&mut poll)?;
    poll.func("[method]pollable.ready", |mut store, (pollable,): (Resource<Pollable>,)| {
        let state = store.data_mut();
        let ready = of(state, &pollable);
        if let Ready::Host(condition) = &ready {
            let tasks = state.wasi.io.tasks();
            condition.begin(&tasks);
            tasks.drive();
        }
        Ok((ready.is_ready(Instant::now()),))
    })?
    .func_async(
        "[method]pollable.block",
        |state, (pollable,): (Resource<Pollable>,)| {
            let ready = of(state, &pollable);
            let wait = Wait::until(state, &ready);
            async move {
                wait.over().await;
                ready
            }
        },
        |state, ready| {
            if let Ready::Timer(timer) = ready {
                state.wasi.clock.reach(timer.at);
            }
            Ok(())
        },
    )?
    .func_async(
        "poll",
        |state, (pollables,): (Vec<Resource<Pollable>>,)| {
            let all: Vec<Ready> = pollables.iter().map(|pollable| of(state, pollable)).collect();
            let wait = Wait::for_any(state, &all);
            async move {
                wait.over().await;
                all
            }
        },
        |state, all| {
            if all.is_empty() {
                let text = "`poll` was called with an empty list".into();
                return Err(state.stop(Stop::Trap("empty-poll", text)));
            }
            let now = Instant::now();
            let beside_host = all.iter().any(|one| matches!(one, Ready::Host(_)));
            let is_ready = |one: &Ready| one.is_ready(now) && !(beside_host && one.is_fixed_timer());
            let ready: Vec<(u32, &Ready)> = (0_u32..).zip(&all).filter(|(_, one)| is_ready(one)).collect();
            reach_first(state, &ready);
            Ok((ready.into_iter().map(|(index, _)| index).collect::<Vec<u32>>(),))
        },
    )?;
    Ok(())
}

/// With a fixed clock every time is reached at once. The clock advances to the earliest timer, and the guest sees only
/// the pollables ready by then.
fn reach_first(state: &mut GuestState, ready: &[(u32, &Ready)]) {
    let times = ready.iter().filter_map(|(_, one)| match one {
        Ready::Timer(timer) => Some(timer.at),
        Ready::Now | Ready::Host(_) => None,
    });
    if let Some(first) = times.min() {
        state.wasi.clock.reach(first);
    }
}
