//! What the system counts for this thread: pages that it touched for the first time, and the CPU time that it used.

use std::time::Duration;

/// Bytes of a page. Larger ones come only where transparent huge pages are always on; see SECURITY.md.
const PAGE: u64 = 4096;

/// Bytes of the pages that this thread has had mapped by touching them. Only differences mean something.
///
/// None where the system does not tell: what was reserved is then kept whole.
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

/// Returns the CPU time that this thread has used. Unlike the clock it stands still while the thread does not run.
///
/// None where the system does not tell. A system call: about 0.1 µs.
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
