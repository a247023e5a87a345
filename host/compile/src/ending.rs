//! Exit codes of a child. Parent and child share them, so that neither has to parse the other's messages.

use std::process::{ExitCode, ExitStatus};

/// How a child exited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Ending {
    /// The artifact is on its standard output.
    Done = 0,
    /// It could not jail itself, or a pipe broke. Its message is on standard error.
    Broken = 1,
    /// The compiler refused the component. Its message is on standard error.
    Refused = 3,
    /// The address space was used up.
    OverMemory = 4,
}

impl Ending {
    pub(crate) const fn code(self) -> u8 {
        self as u8
    }

    /// Returns none for a child that a signal ended, and for an unknown exit code.
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
