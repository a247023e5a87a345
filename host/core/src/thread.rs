//! Counters of the system for this thread: pages touched for the first time, and CPU time.

use std::time::Duration;

/// Bytes of a page. Larger ones come only where transparent huge pages are always on; see SECURITY.md.
const PAGE: u64 = 4096;

/// Returns the bytes of pages that this thread mapped by touching them. Only differences are meaningful.
///
/// Returns none if the system does not report them; whole reservations are then kept.
#[cfg(target_os = "linux")]
pub(crate) fn touched() -> Option<u64> {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the pointer is to a `rusage` of this frame, which the call fills and does not keep; zeros are a valid one.
    #[expect(unsafe_code, reason = "proof above; there is no safe call that asks for one thread")]
    let usage = unsafe {
        if libc::getrusage(libc::RUSAGE_THREAD, usage.as_mut_ptr()) != 0 {
            return None;
        }
        usage.assume_init()
    };
    u64::try_from(usage.ru_minflt).ok().map(|faults| faults.saturating_mul(PAGE))
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn touched() -> Option<u64> {
    None
}

/// Returns the CPU time of this thread, which stands still while the thread does not run.
///
/// Returns none if the system does not report it. It is a system call of about 0.1 µs.
#[cfg(target_os = "linux")]
pub(crate) fn cpu_time() -> Option<Duration> {
    let mut time = std::mem::MaybeUninit::<libc::timespec>::zeroed();
    // SAFETY: the pointer is to a `timespec` of this frame, which the call fills and does not keep; zeros are a valid one.
    #[expect(unsafe_code, reason = "proof above; the safe call is in a part of rustix that is not linked")]
    let time = unsafe {
        if libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, time.as_mut_ptr()) != 0 {
            return None;
        }
        time.assume_init()
    };
    Some(Duration::new(u64::try_from(time.tv_sec).ok()?, u32::try_from(time.tv_nsec).ok()?))
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn cpu_time() -> Option<Duration> {
    None
}
