//! `wasi:filesystem/types.error-code`.

use std::fmt;

use wasmtime::component::{ComponentType, Lower};

use crate::capability::Transfer;
use crate::scratch::Refusal;

/// `types.error-code`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ComponentType, Lower)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "the whole interface; most cases do not happen in a tree in memory")]
pub(crate) enum ErrorCode {
    #[component(name = "access")]
    Access,
    #[component(name = "would-block")]
    WouldBlock,
    #[component(name = "already")]
    Already,
    #[component(name = "bad-descriptor")]
    BadDescriptor,
    #[component(name = "busy")]
    Busy,
    #[component(name = "deadlock")]
    Deadlock,
    #[component(name = "quota")]
    Quota,
    #[component(name = "exist")]
    Exist,
    #[component(name = "file-too-large")]
    FileTooLarge,
    #[component(name = "illegal-byte-sequence")]
    IllegalByteSequence,
    #[component(name = "in-progress")]
    InProgress,
    #[component(name = "interrupted")]
    Interrupted,
    #[component(name = "invalid")]
    Invalid,
    #[component(name = "io")]
    Io,
    #[component(name = "is-directory")]
    IsDirectory,
    #[component(name = "loop")]
    Loop,
    #[component(name = "too-many-links")]
    TooManyLinks,
    #[component(name = "message-size")]
    MessageSize,
    #[component(name = "name-too-long")]
    NameTooLong,
    #[component(name = "no-device")]
    NoDevice,
    #[component(name = "no-entry")]
    NoEntry,
    #[component(name = "no-lock")]
    NoLock,
    #[component(name = "insufficient-memory")]
    InsufficientMemory,
    #[component(name = "insufficient-space")]
    InsufficientSpace,
    #[component(name = "not-directory")]
    NotDirectory,
    #[component(name = "not-empty")]
    NotEmpty,
    #[component(name = "not-recoverable")]
    NotRecoverable,
    #[component(name = "unsupported")]
    Unsupported,
    #[component(name = "no-tty")]
    NoTty,
    #[component(name = "no-such-device")]
    NoSuchDevice,
    #[component(name = "overflow")]
    Overflow,
    #[component(name = "not-permitted")]
    NotPermitted,
    #[component(name = "pipe")]
    Pipe,
    #[component(name = "read-only")]
    ReadOnly,
    #[component(name = "invalid-seek")]
    InvalidSeek,
    #[component(name = "text-file-busy")]
    TextFileBusy,
    #[component(name = "cross-device")]
    CrossDevice,
}

impl Transfer for ErrorCode {}

impl ErrorCode {
    /// Returns the code of a refusal; none for the one that ends the run.
    pub(crate) fn of(refusal: Refusal) -> Option<Self> {
        Some(match refusal {
            Refusal::BadDescriptor => Self::BadDescriptor,
            Refusal::Busy => Self::Busy,
            Refusal::Exists => Self::Exist,
            Refusal::Invalid => Self::Invalid,
            Refusal::IsDirectory => Self::IsDirectory,
            Refusal::NameTooLong => Self::NameTooLong,
            Refusal::NoEntry => Self::NoEntry,
            Refusal::NoSpace => Self::InsufficientSpace,
            Refusal::NotDirectory => Self::NotDirectory,
            Refusal::NotEmpty => Self::NotEmpty,
            Refusal::NotPermitted => Self::NotPermitted,
            Refusal::Host => return None,
        })
    }
}

/// For the text of a stream's `error`.
impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}
