//! The C ABI: create, load, call, free. JSON in, JSON out; `include/ringfence.h` is made of this file.
//!
//! After `fork` a child must not use a host that it inherited: the thread that ends busy runs is not there.
//!
//! The same header is that of two libraries: the whole one, which loads components and bundles, and the worker's, built
//! with `--no-default-features`, which loads bundles only and links no compiler.
//!
//! `unsafe` stands here because C has no other way to hand over text and handles: every function says what it takes,
//! checks what can be checked (null, UTF-8), and hands the rest to safe code.

mod host;
mod text;

use std::ffi::{CStr, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

pub use host::RingfenceHost;

use host::Failure;
use text::{give, give_failure, given};

/// The version of this library. Not to be freed.
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

/// Makes a host. `config` is a JSON object, or null for the defaults:
///
/// - `keys`: text with a public key a line, as `ringfence keygen` writes them; whose bundles are trusted. Default: none
/// - `revoked`: text with a revocation a line. Default: none
/// - `state`: path of the file that keeps the highest bundle version that was seen. Default: not kept
/// - `runs`: runs at once. Default: 32
/// - `memory`: bytes that all runs together may hold. Default: 268435456
/// - `interpret`: run bundles under Pulley. Default: false
///
/// Gives null and `*error` when it is refused. A host may be used by several threads at once.
///
/// `*error`, here and below, is null after a success, and else JSON to be freed with `ringfence_free`: `error` (a stable code),
/// `message`, and `pointer` to the value of the input that does not fit. `error` itself may be null.
///
/// # Safety
///
/// `config` is null or text that ends with a zero. `error` is null or a place for a pointer.
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

/// Ends a host. Null is nothing to end.
///
/// # Safety
///
/// `host` is null or came from `ringfence_create`, and is not used any more, by no thread.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "C hands over pointers; what is asked of them is said above")]
pub unsafe extern "C" fn ringfence_destroy(host: *mut RingfenceHost) {
    if !host.is_null() {
        // SAFETY: it is the box of `ringfence_create`, which nobody uses any more.
        drop(unsafe { Box::from_raw(host) });
    }
}

/// Loads a bundle from a file, in the place of the one that is there. Calls under way end on the old one. Gives 0, or 1 and
/// `*error` when it is refused; then the old one serves.
///
/// # Safety
///
/// `host` came from `ringfence_create`. `path` is text that ends with a zero. `error` is null or a place for a pointer.
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

/// Changes who is trusted and what is revoked. `config` is a JSON object with `keys` and `revoked`, as in `ringfence_create`;
/// what is left out is none. A bundle that is not acceptable any more stops serving, and its runs are cancelled, also where
/// another bundle has taken its place. Components that are revoked are forgotten, and their runs are cancelled. Gives 0, or 1
/// and `*error`; then nothing is changed.
///
/// # Safety
///
/// `host` came from `ringfence_create`. `config` is text that ends with a zero. `error` is null or a place for a pointer.
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

/// Loads a component under a name, in the place of what is there. It is compiled in this process: for components that are
/// trusted not to keep the compiler busy. One that is revoked is refused. It hides a skill of that name in the bundle, and runs under the default limits.
/// `runs` and `memory` hold for components and for bundles each. Gives 0, or 1 and `*error`; always `no-compiler` in the worker's library.
///
/// # Safety
///
/// `host` came from `ringfence_create`. `name` is text that ends with a zero. `bytes` points at `size` bytes. `error` is null
/// or a place for a pointer.
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

/// Calls a tool and waits for its end. `input` is a JSON object with its arguments. `limits` lowers its limits, such as
/// `fuel=1000000, deadline=200ms, memory=16MiB`, or is null. Gives the report as JSON, to be freed with `ringfence_free`:
/// read `outcome` first, which is `completed`, `failed`, or how the run was stopped. Gives null and `*error` when there was no
/// run.
///
/// # Safety
///
/// `host` came from `ringfence_create`. `skill`, `tool` and `input` are text that ends with a zero, `limits` as well, or null.
/// `error` is null or a place for a pointer.
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

/// What can be called: JSON, an array of skills with their tools, texts and JSON Schemas. To be freed with `ringfence_free`.
///
/// # Safety
///
/// `host` came from `ringfence_create`. `error` is null or a place for a pointer.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "C hands over pointers; what is asked of them is said above")]
pub unsafe extern "C" fn ringfence_list(host: *const RingfenceHost, error: *mut *mut c_char) -> *mut c_char {
    // SAFETY: what the caller promised, here and below.
    let host = unsafe { host.as_ref() };
    let list = guarded(|| Ok(there(host)?.list()));
    // SAFETY: as above.
    unsafe { give_failure(list, error) }.map_or(std::ptr::null_mut(), give)
}

/// Frees text that this library gave. Null is nothing to free.
///
/// # Safety
///
/// `text` is null or came from this library, as a result or in `*error`, and was not freed.
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "C hands over pointers; what is asked of them is said above")]
pub unsafe extern "C" fn ringfence_free(text: *mut c_char) {
    if !text.is_null() {
        // SAFETY: it is the text of `give`, which nobody uses any more.
        drop(unsafe { std::ffi::CString::from_raw(text) });
    }
}

/// A panic must not run into C, where it would end the process or worse.
fn guarded<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(Failure::fault("a fault in the library; it said more on standard error")))
}

fn there(host: Option<&RingfenceHost>) -> Result<&RingfenceHost, Failure> {
    host.ok_or_else(|| Failure::usage("the host is null"))
}

fn needed<'a>(text: Result<Option<&'a str>, &'static str>, name: &str) -> Result<&'a str, Failure> {
    text.map_err(Failure::text)?.ok_or_else(|| Failure::usage(&format!("{name} is null")))
}
