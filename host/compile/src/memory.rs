//! The allocator of a child. If memory runs out, the child exits with a code that says so.

use std::alloc::{GlobalAlloc, Layout};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::ending::Ending;

/// Whether this process is a child.
pub(crate) static IN_CHILD: AtomicBool = AtomicBool::new(false);

/// A global allocator that names the limit on memory as the reason when a compile child runs out of it.
///
/// Wraps the program's own allocator and passes every call on. In a child, a failed allocation ends the process
/// with an exit code of its own, and the parent returns [`crate::CompileError::OverMemory`]. Without it the standard
/// library aborts such a child, which looks like any crash: [`crate::CompileError::Crashed`].
///
/// ```
/// #[global_allocator]
/// static ALLOCATOR: ringfence_compile::ChildAlloc<std::alloc::System> =
///     ringfence_compile::ChildAlloc(std::alloc::System);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct ChildAlloc<A>(
    /// The wrapped allocator.
    pub A,
);

// SAFETY: every call is passed on unchanged to an allocator that keeps the contract, and its result is returned
// unchanged. Ending the process instead of returning null breaks no promise.
#[expect(unsafe_code, reason = "the trait is unsafe; proof above")]
unsafe impl<A: GlobalAlloc> GlobalAlloc for ChildAlloc<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are those of the inner allocator.
        checked(unsafe { self.0.alloc(layout) })
    }

    #[inline]
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as above; the inner allocator gave this memory.
        unsafe { self.0.dealloc(memory, layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        checked(unsafe { self.0.alloc_zeroed(layout) })
    }

    #[inline]
    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above; the inner allocator gave this memory.
        checked(unsafe { self.0.realloc(memory, layout, size) })
    }
}

#[inline]
fn checked(memory: *mut u8) -> *mut u8 {
    if memory.is_null() {
        failed();
    }
    memory
}

#[cold]
fn failed() {
    if IN_CHILD.load(Ordering::Relaxed) {
        // SAFETY: takes a number, and runs no code of this process. Nothing of a child is to be flushed or put back.
        #[expect(unsafe_code, reason = "proof above; a safe exit runs handlers, which may allocate")]
        unsafe {
            libc::_exit(i32::from(Ending::OverMemory.code()))
        }
    }
}
