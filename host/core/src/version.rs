//! Versions of what an artifact depends on: this library, the engine, and the form of stored descriptions.

/// The engine's version, in one place: an artifact marked with another version would load code of another patch.
macro_rules! wasmtime_version {
    () => {
        "48.0.8"
    };
}

/// Version of the engine, wasmtime, of this library.
pub const WASMTIME_VERSION: &str = wasmtime_version!();

/// Both versions, as every artifact contains them.
pub(crate) const VERSIONS: &str =
    concat!("ringfence ", env!("CARGO_PKG_VERSION"), ", wasmtime ", wasmtime_version!());

/// Format of stored descriptions. Raise it with every change to the results of validation, their storage, or the
/// engine's settings between two versions.
pub(crate) const KEPT_FORMAT: u32 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn artifacts_name_both_versions() {
        let ours = env!("CARGO_PKG_VERSION");
        assert_eq!(VERSIONS, format!("ringfence {ours}, wasmtime {WASMTIME_VERSION}"));
    }
}
