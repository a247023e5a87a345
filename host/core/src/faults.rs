//! Counts pages that this thread touched for the first time: the memory that a slice of a run really took.

/// Bytes of a page. Larger pages exist only where transparent huge pages are always on; see SECURITY.md.
const PAGE: u64 = 4096;

/// Returns the bytes of all pages that this thread has touched. Only differences have a meaning.
///
/// None where the system does not count them; reservations then stay whole.
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
