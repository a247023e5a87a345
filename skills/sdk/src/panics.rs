//! Sends what a panic says to the log of the run: the trap that follows is a bare `unreachable`.

use std::sync::Once;

/// Sees to it that a panic is logged. Every call of a tool starts with this; an instance does it once.
///
/// Off wasm nothing is changed: a test has a hook of its own.
pub fn log_panics() {
    static DONE: Once = Once::new();
    // What describes the imports is in an object of its own, which the linker, without LTO, leaves out if nothing calls
    // into it; then there is no component.
    #[cfg(target_arch = "wasm32")]
    {
        crate::host::__link_custom_section_describing_imports();
        crate::host::capabilities::__link_custom_section_describing_imports();
        crate::host::wasi::__link_custom_section_describing_imports();
    }
    if cfg!(target_arch = "wasm32") {
        DONE.call_once(|| {
            std::panic::set_hook(Box::new(|info| {
                // What was printed before it comes before it.
                crate::printing::finish();
                crate::log::error(&line(info));
            }))
        });
    }
}

/// Message and place, on one line where the message is one.
fn line(info: &std::panic::PanicHookInfo<'_>) -> String {
    let message = info.payload_as_str().unwrap_or("a value that is no text");
    match info.location() {
        Some(place) => format!("panicked at {place}: {message}"),
        None => format!("panicked: {message}"),
    }
}
