//! The allocator of the programs: jemalloc, set to return freed memory to the system soon.
//!
//! A request allocates on one thread and frees on another, and the system's allocator is slow at that. With jemalloc
//! a call over HTTP takes a quarter less CPU time. jemalloc's defaults keep freed memory for ten seconds, and for
//! ever while no thread allocates. Here large blocks return at once, and all else within about a second of rest.

use std::hint::black_box;
use std::ptr::null_mut;

pub use tikv_jemallocator::Jemalloc;

/// The options of jemalloc. Blocks of 512 KiB and more, such as the text of a large result, return to the system when
/// they are freed. Other freed pages stay for a second for another use.
#[expect(
    unsafe_code,
    reason = "jemalloc reads its options from a symbol of this name; nothing else defines it"
)]
// SAFETY: jemalloc declares the symbol as a pointer to a text that ends with a zero byte, and this is one.
#[unsafe(export_name = "_rjem_malloc_conf")]
static OPTIONS: &[u8; 63] = b"oversize_threshold:524288,dirty_decay_ms:1000,muzzy_decay_ms:0\0";

/// Starts threads that return freed memory to the system while nothing else runs. For servers; other programs end
/// before it matters.
///
/// Returns whether they run. Without them, memory returns only at later allocations.
pub fn return_memory_at_rest() -> bool {
    // Names the options, so that they are linked into whatever calls this.
    black_box(OPTIONS);
    let mut on = true;
    #[expect(unsafe_code, reason = "proof below; jemalloc has no safe interface")]
    // SAFETY: the name ends with a zero byte, nothing is asked for, and the new value is a `bool` of this frame, of the
    // length that is said, which the call does not keep.
    let failed = unsafe {
        tikv_jemalloc_sys::mallctl(
            c"background_thread".as_ptr(),
            null_mut(),
            null_mut(),
            (&raw mut on).cast(),
            size_of::<bool>(),
        )
    };
    failed == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[global_allocator]
    static ALLOCATOR: Jemalloc = Jemalloc;

    /// Reads a number from jemalloc.
    fn told(name: &std::ffi::CStr) -> isize {
        let (mut value, mut size) = (0_isize, size_of::<isize>());
        #[expect(unsafe_code, reason = "as above")]
        // SAFETY: as above, and the value is as large as is said.
        let failed = unsafe {
            tikv_jemalloc_sys::mallctl(name.as_ptr(), (&raw mut value).cast(), &raw mut size, null_mut(), 0)
        };
        assert_eq!(failed, 0, "{name:?}");
        value
    }

    #[test]
    fn the_options_are_in_force() {
        assert!(return_memory_at_rest());
        assert_eq!(told(c"opt.dirty_decay_ms"), 1_000);
        assert_eq!(told(c"opt.muzzy_decay_ms"), 0);
        assert_eq!(told(c"opt.oversize_threshold"), 524_288);
    }
}

/// The examples of the README, for `cargo test --doc`.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
