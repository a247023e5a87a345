//! Pages that this thread touched for the first time: how much memory a slice of a run has really taken.

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
