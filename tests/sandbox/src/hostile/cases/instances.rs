//! Instances: what is counted before anything is compiled.

use super::super::Case;
use super::{limited, run};
use crate::Expect::{Outcome, Refused};

/// Each component makes two of the one before, so that thirty lines make 2^30 core instances.
pub(in super::super) fn instances_bomb() -> Case {
    run(Refused("over-cap"))
}

/// A component gets another one as an argument and instantiates it four times; which one, only its caller says.
pub(in super::super) fn instances_by_argument() -> Case {
    limited(Outcome("memory-limit"), |limits| limits.memories = 2)
}

/// Five nested components that each make two of the one before: 32 memories.
pub(in super::super) fn instances_memory_bomb() -> Case {
    run(Refused("over-cap"))
}

/// Three core instances in a run that may have two.
pub(in super::super) fn instances_more_than_the_run_may() -> Case {
    limited(Outcome("memory-limit"), |limits| limits.instances = 2)
}

/// 65 core instances.
pub(in super::super) fn instances_too_many() -> Case {
    run(Refused("over-cap"))
}

/// 2^20 nested components without a core instance.
pub(in super::super) fn instances_empty_bomb() -> Case {
    run(Refused("over-cap"))
}
