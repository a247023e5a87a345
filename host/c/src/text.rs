//! Text between C and Rust: checked on its way in, owned by the caller on its way out.

use std::ffi::{CStr, CString, c_char};

use crate::host::Failure;

/// Checks text from C; returns none for null.
///
/// # Safety
///
/// `text` is null or a zero-terminated string that stays valid while the result is used.
#[expect(unsafe_code, reason = "the contract is handed on to the callers, which state it to C")]
pub(crate) unsafe fn given<'a>(text: *const c_char) -> Result<Option<&'a str>, &'static str> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: what the caller promised.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().map(Some).map_err(|_| "a string is not UTF-8")
}

/// Hands text to C, which frees it with `ringfence_free`. JSON contains no zero.
pub(crate) fn give(text: String) -> *mut c_char {
    CString::new(text).map_or(std::ptr::null_mut(), CString::into_raw)
}

/// Returns the result, or stores the failure as JSON in `*error`. Sets `*error` to null after a success.
///
/// # Safety
///
/// `error` is null or points to a writable pointer.
#[expect(unsafe_code, reason = "the contract is handed on to the callers, which state it to C")]
pub(crate) unsafe fn give_failure<T>(result: Result<T, Failure>, error: *mut *mut c_char) -> Option<T> {
    let (value, text) = match result {
        Ok(value) => (Some(value), std::ptr::null_mut()),
        Err(failure) => (None, give(failure.to_json())),
    };
    if error.is_null() {
        if !text.is_null() {
            // SAFETY: it was made above, and nobody else has it.
            drop(unsafe { CString::from_raw(text) });
        }
    } else {
        // SAFETY: what the caller promised.
        unsafe { error.write(text) };
    }
    value
}
