//! The C API of Ringfence: create a host, load skills, call tools, free results. Inputs and outputs are JSON.
//!
//! cbindgen generates `include/ringfence.h` from this file.
//!
//! After `fork` a child must not use an inherited host, because the thread that ends busy runs does not exist there.
//!
//! The header is for two libraries. The full one loads components and bundles. The worker's, built with
//! `--no-default-features`, loads only bundles and links no compiler.
//!
//! C passes text and handles as pointers, so the functions are `unsafe`. Each documents its arguments, checks what
//! can be checked (null, UTF-8), and passes the rest to safe code.

mod host;
mod text;

use std::ffi::{CStr, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

pub use host::RingfenceHost;

use host::Failure;
use text::{give, give_failure, given};

/// Returns the version of this library. Do not free it.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "a name that C can find is one that could be taken; no other library has it")]
pub extern "C" fn ringfence_version() -> *const c_char {
    const VERSION: &CStr =
        match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
            Ok(version) => version,
            Err(_) => c"",
        };
    VERSION.as_ptr()
}

/// Creates a host. Several threads can use it at once. Returns null on failure.
///
/// `config` is a JSON object, or null for the defaults:
///
/// - `keys`: public keys that bundles must be signed with, one a line, as `ringfence keygen` writes them. Default: none
/// - `revoked`: revocations, one a line. Default: none
/// - `state`: path of a file that keeps the highest bundle version seen. Default: not kept
/// - `runs`: maximum number of concurrent runs. Default: 32
/// - `memory`: maximum bytes of memory of all runs. Default: 268435456
/// - `interpret`: run bundles in the interpreter Pulley. Default: false
///
/// Every function with `error` sets `*error` to null after a success, and to JSON after a failure. The JSON has
/// `error` (a stable code), `message`, and for an invalid input value a `pointer` to it. Free it with
/// `ringfence_free`. To ignore errors, pass null as `error`.
///
/// # Safety
///
/// `config` is null or a zero-terminated string. `error` is null or points to a writable pointer.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "C hands over pointers; what is asked of them is said above")]
pub unsafe extern "C" fn ringfence_create(
    config: *const c_char,
    error: *mut *mut c_char,
) -> *mut RingfenceHost {
    // SAFETY: what the caller promised.
    let config = unsafe { given(config) };
    let made = guarded(|| RingfenceHost::new(config.map_err(Failure::text)?));
    // SAFETY: what the caller promised.
    unsafe { give_failure(made, error) }.map_or(std::ptr::null_mut(), |host| Box::into_raw(Box::new(host)))
}

/// Destroys a host. Does nothing if `host` is null.
///
/// # Safety
///
/// `host` is null or came from `ringfence_create`. No thread uses it during or after this call.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "C hands over pointers; what is asked of them is said above")]
pub unsafe extern "C" fn ringfence_destroy(host: *mut RingfenceHost) {
    if !host.is_null() {
        // SAFETY: it is the box of `ringfence_create`, which nobody uses any more.
        drop(unsafe { Box::from_raw(host) });
    }
}

/// Loads a bundle from a file, and replaces the current bundle. Running calls end on the old one.
///
/// Returns 0, or 1 on failure; the old bundle then stays.
///
/// # Safety
///
/// `host` came from `ringfence_create`. `path` is a zero-terminated string. `error` is null or points to a writable
/// pointer.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "C hands over pointers; what is asked of them is said above")]
pub unsafe extern "C" fn ringfence_load_bundle(
    host: *const RingfenceHost,
    path: *const c_char,
    error: *mut *mut c_char,
) -> i32 {
    // SAFETY: what the caller promised, here and below.
    let (host, path) = unsafe { (host.as_ref(), given(path)) };
    let loaded = guarded(|| there(host)?.load_bundle(needed(path, "path")?));
    // SAFETY: as above.
    i32::from(unsafe { give_failure(loaded, error) }.is_none())
}

/// Replaces the trusted keys and the revocations.
///
/// `config` is a JSON object with `keys` and `revoked`, as in `ringfence_create`. A key that is left out means none.
///
/// A bundle that is no longer acceptable stops serving. Its runs are cancelled, even if another bundle has replaced it.
/// A revoked skill of a bundle stops alone: its runs are cancelled, and calls of it fail with `revoked`. Load the bundle
/// again once its revocation is withdrawn. Revoked components are unloaded, and their runs are cancelled.
///
/// Returns 0, or 1 on failure; then nothing has changed.
///
/// # Safety
///
/// `host` came from `ringfence_create`. `config` is a zero-terminated string. `error` is null or points to a writable
/// pointer.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "C hands over pointers; what is asked of them is said above")]
pub unsafe extern "C" fn ringfence_trust(
    host: *const RingfenceHost,
    config: *const c_char,
    error: *mut *mut c_char,
) -> i32 {
    // SAFETY: what the caller promised, here and below.
    let (host, config) = unsafe { (host.as_ref(), given(config)) };
    let changed = guarded(|| there(host)?.trust(needed(config, "config")?));
    // SAFETY: as above.
    i32::from(unsafe { give_failure(changed, error) }.is_none())
}

/// Loads a component under a name, and replaces a component of that name. It hides a skill of that name in the bundle.
///
/// The component is compiled in this process, so load only components that you trust not to keep the compiler busy.
/// It runs under the default limits. `runs` and `memory` of the host apply to components and to bundles separately.
///
/// Returns 0, or 1 on failure. A revoked component is refused. The worker's library always fails with `no-compiler`.
///
/// # Safety
///
/// `host` came from `ringfence_create`. `name` is a zero-terminated string. `bytes` points to `size` bytes. `error`
/// is null or points to a writable pointer.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "C hands over pointers; what is asked of them is said above")]
pub unsafe extern "C" fn ringfence_load_component(
    host: *const RingfenceHost,
    name: *const c_char,
    bytes: *const u8,
    size: usize,
    error: *mut *mut c_char,
) -> i32 {
    // SAFETY: what the caller promised, here and below.
    let (host, name) = unsafe { (host.as_ref(), given(name)) };
    let bytes = if bytes.is_null() {
        None
    } else {
        // SAFETY: it points at `size` bytes, which are copied before this returns.
        Some(unsafe { std::slice::from_raw_parts(bytes, size) })
    };
    let loaded = guarded(|| {
        let bytes = bytes.ok_or_else(|| Failure::usage("bytes is null"))?;
        there(host)?.load_component(needed(name, "name")?, bytes)
    });
    // SAFETY: as above.
    i32::from(unsafe { give_failure(loaded, error) }.is_none())
}

/// Calls a tool, and waits for its end.
///
/// `input` is a JSON object with the arguments. `limits` lowers the limits of the run, for example
/// `fuel=1000000, deadline=200ms, memory=16MiB`, or is null.
///
/// Returns the report as JSON; free it with `ringfence_free`. Read its `outcome` first: `completed`, `failed`, or how
/// the run was stopped. Returns null if there was no run.
///
/// # Safety
///
/// `host` came from `ringfence_create`. `skill`, `tool` and `input` are zero-terminated strings. `limits` is null or a
/// zero-terminated string. `error` is null or points to a writable pointer.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "C hands over pointers; what is asked of them is said above")]
pub unsafe extern "C" fn ringfence_call(
    host: *const RingfenceHost,
    skill: *const c_char,
    tool: *const c_char,
    input: *const c_char,
    limits: *const c_char,
    error: *mut *mut c_char,
) -> *mut c_char {
    // SAFETY: what the caller promised, here and below.
    let (host, skill, tool, input, limits) =
        unsafe { (host.as_ref(), given(skill), given(tool), given(input), given(limits)) };
    let report = guarded(|| {
        let (skill, tool) = (needed(skill, "skill")?, needed(tool, "tool")?);
        let limits = limits.map_err(Failure::text)?;
        there(host)?.call(skill, tool, needed(input, "input")?, limits)
    });
    // SAFETY: as above.
    unsafe { give_failure(report, error) }.map_or(std::ptr::null_mut(), give)
}

/// Returns the loaded skills as a JSON array, with their tools, texts and JSON Schemas. Free it with `ringfence_free`.
///
/// # Safety
///
/// `host` came from `ringfence_create`. `error` is null or points to a writable pointer.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "C hands over pointers; what is asked of them is said above")]
pub unsafe extern "C" fn ringfence_list(host: *const RingfenceHost, error: *mut *mut c_char) -> *mut c_char {
    // SAFETY: what the caller promised, here and below.
    let host = unsafe { host.as_ref() };
    let list = guarded(|| Ok(there(host)?.list()));
    // SAFETY: as above.
    unsafe { give_failure(list, error) }.map_or(std::ptr::null_mut(), give)
}

/// Frees text from this library. Does nothing if `text` is null.
///
/// # Safety
///
/// `text` is null, or came from this library as a result or in `*error`, and was not freed before.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "C hands over pointers; what is asked of them is said above")]
pub unsafe extern "C" fn ringfence_free(text: *mut c_char) {
    if !text.is_null() {
        // SAFETY: it is the text of `give`, which nobody uses any more.
        drop(unsafe { std::ffi::CString::from_raw(text) });
    }
}

/// Turns a panic into a failure. A panic must not unwind into C, where it could end the process or worse.
fn guarded<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(Failure::fault("internal error of the library; see standard error for details"))
    })
}

fn there(host: Option<&RingfenceHost>) -> Result<&RingfenceHost, Failure> {
    host.ok_or_else(|| Failure::usage("the host is null"))
}

fn needed<'a>(text: Result<Option<&'a str>, &'static str>, name: &str) -> Result<&'a str, Failure> {
    text.map_err(Failure::text)?.ok_or_else(|| Failure::usage(&format!("{name} is null")))
}
