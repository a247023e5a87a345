//! How a child ends: the exit codes that parent and child share, so that neither reads the other's words.

use std::process::{ExitCode, ExitStatus};

/// How a child ended that ended by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Ending {
    /// The artifact is on its standard output.
    Done = 0,
    /// It could not do its work: it could not lock itself up, or a pipe broke. Its words are on standard error.
    Broken = 1,
    /// The compiler refused the component. Its words are on standard error.
    Refused = 3,
    /// The address space held no more.
    OverMemory = 4,
}

impl Ending {
    pub(crate) const fn code(self) -> u8 {
        self as u8
    }

    /// None for a child that a signal ended, and for a code that no child of ours exits with.
    pub(crate) fn of(status: ExitStatus) -> Option<Self> {
        let code = u8::try_from(status.code()?).ok()?;
        [Self::Done, Self::Broken, Self::Refused, Self::OverMemory].into_iter().find(|end| end.code() == code)
    }
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        Self::from(ending.code())
    }
}
