//! The queue: as many wait as may, one more is refused at once, and who gives up frees the place.

use std::future::Future;
use std::path::Path;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use ringfence::Fault;
use ringfence_compile::{CompileError, CompileLimits, Compiler};

use crate::{block_on, compiler, host, validated};

/// One turn, in which a compilation starts, joins the queue or is refused.
pub(crate) fn turn<T>(future: Pin<&mut impl Future<Output = T>>) -> Poll<T> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn just_under_waits_and_just_over_is_refused() {
    let skill = validated(&host(), 1);
    // Whoever holds the only place waits for this one until it is dropped.
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/compile/waits.sh");
    let limits = CompileLimits::default().with_at_once(1).with_queue(2);
    let compiler = Compiler::program(script, limits);
    block_on(async {
        let mut compiles = Box::pin(compiler.compile(&skill));
        assert!(turn(compiles.as_mut()).is_pending());
        let mut first = pin!(compiler.compile(&skill));
        let mut second = Box::pin(compiler.compile(&skill));
        assert!(turn(first.as_mut()).is_pending());
        assert!(turn(second.as_mut()).is_pending());

        let Poll::Ready(Err(error)) = turn(pin!(compiler.compile(&skill))) else {
            panic!("a third waits");
        };
        assert!(matches!(error, CompileError::QueueFull { waiting: 2, cap: 2 }), "{error:?}");
        assert_eq!((error.code(), error.fault()), ("compile-queue-full", Fault::Load));
        let message = error.to_string();
        assert!(message.contains("2 components") && message.contains("try again later"), "{message}");

        // Who gives up makes room for one, and for one only.
        drop(second);
        let mut third = pin!(compiler.compile(&skill));
        assert!(turn(third.as_mut()).is_pending());
        assert!(matches!(
            turn(pin!(compiler.compile(&skill))),
            Poll::Ready(Err(CompileError::QueueFull { .. }))
        ));

        // The place itself goes to the first that waits, and its place in the queue to another.
        drop(compiles);
        assert!(turn(first.as_mut()).is_pending());
        let mut fourth = pin!(compiler.compile(&skill));
        assert!(turn(fourth.as_mut()).is_pending());
    });
}

#[test]
fn a_waiting_component_is_compiled_in_the_end() {
    let skill = validated(&host(), 10);
    let one = compiler(|limits| {
        limits.at_once = 1;
        limits.queue = 2;
    });
    block_on(async {
        let all = async { tokio::join!(one.compile(&skill), one.compile(&skill), one.compile(&skill)) };
        let (first, second, third) =
            tokio::time::timeout(Duration::from_secs(60), all).await.expect("in time");
        assert!(first.is_ok() && second.is_ok() && third.is_ok());
    });
}

#[test]
fn no_queue_at_all_and_one_without_end() {
    let skill = validated(&host(), 1);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/compile/waits.sh");
    let limits = CompileLimits::default().with_at_once(1).with_queue(0);
    let none = Compiler::program(script, limits);
    block_on(async {
        let mut compiles = pin!(none.compile(&skill));
        assert!(turn(compiles.as_mut()).is_pending());
        assert!(matches!(
            turn(pin!(none.compile(&skill))),
            Poll::Ready(Err(CompileError::QueueFull { waiting: 0, cap: 0 }))
        ));
        let endless = compiler(|limits| {
            limits.at_once = usize::MAX;
            limits.queue = usize::MAX;
        });
        assert!(endless.compile(&skill).await.is_ok());
    });
}
