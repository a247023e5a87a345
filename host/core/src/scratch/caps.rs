//! The caps of a run's scratch files.

/// Caps of the scratch files of one run. Their memory also counts in [`crate::Limits::memory`].
///
/// At a cap the guest's call fails with `insufficient-space`, or with `name-too-long`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScratchCaps {
    /// Maximum number of files and directories at once. Removed files count while the guest has them open; the root and
    /// `/tmp` do not. Default: 1,000.
    pub files: u32,
    /// Maximum number of directories above a file. Default: 16.
    pub depth: u32,
    /// Maximum bytes of a name. Default: 255.
    pub name_bytes: u32,
    /// Maximum bytes of all files, by their sizes. Default: 16 MiB.
    pub bytes: u64,
}

impl Default for ScratchCaps {
    fn default() -> Self {
        Self { files: 1_000, depth: 16, name_bytes: 255, bytes: 16 << 20 }
    }
}

ringfence_setters::setters!(ScratchCaps {
    with_files(files: u32);
    with_depth(depth: u32);
    with_name_bytes(name_bytes: u32);
    with_bytes(bytes: u64);
});
