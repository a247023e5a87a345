//! The types of `wasi:filesystem/types`.

use std::time::Duration;

use wasmtime::component::{ComponentType, Lift, Lower};

use crate::capability::Transfer;
use crate::scratch::Stat;
use crate::wasi::clocks::Datetime;

/// `types.descriptor-type`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ComponentType, Lower)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "the whole interface; a tree has directories and files")]
pub(super) enum DescriptorType {
    #[component(name = "unknown")]
    Unknown,
    #[component(name = "block-device")]
    BlockDevice,
    #[component(name = "character-device")]
    CharacterDevice,
    #[component(name = "directory")]
    Directory,
    #[component(name = "fifo")]
    Fifo,
    #[component(name = "symbolic-link")]
    SymbolicLink,
    #[component(name = "regular-file")]
    RegularFile,
    #[component(name = "socket")]
    Socket,
}

impl Transfer for DescriptorType {}

impl DescriptorType {
    pub(super) fn of(directory: bool) -> Self {
        if directory { Self::Directory } else { Self::RegularFile }
    }
}

wasmtime::component::flags! {
    DescriptorFlags {
        #[component(name = "read")]
        const READ;
        #[component(name = "write")]
        const WRITE;
        #[component(name = "file-integrity-sync")]
        const FILE_INTEGRITY_SYNC;
        #[component(name = "data-integrity-sync")]
        const DATA_INTEGRITY_SYNC;
        #[component(name = "requested-write-sync")]
        const REQUESTED_WRITE_SYNC;
        #[component(name = "mutate-directory")]
        const MUTATE_DIRECTORY;
    }
}

wasmtime::component::flags! {
    PathFlags {
        #[component(name = "symlink-follow")]
        const SYMLINK_FOLLOW;
    }
}

wasmtime::component::flags! {
    OpenFlags {
        #[component(name = "create")]
        const CREATE;
        #[component(name = "directory")]
        const DIRECTORY;
        #[component(name = "exclusive")]
        const EXCLUSIVE;
        #[component(name = "truncate")]
        const TRUNCATE;
    }
}

impl Transfer for DescriptorFlags {}
impl Transfer for PathFlags {}
impl Transfer for OpenFlags {}

/// `types.advice`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "made by the engine out of what the guest passes")]
pub(super) enum Advice {
    #[component(name = "normal")]
    Normal,
    #[component(name = "sequential")]
    Sequential,
    #[component(name = "random")]
    Random,
    #[component(name = "will-need")]
    WillNeed,
    #[component(name = "dont-need")]
    DontNeed,
    #[component(name = "no-reuse")]
    NoReuse,
}

impl Transfer for Advice {}

/// `types.new-timestamp`
#[derive(Debug, Clone, Copy, ComponentType, Lift)]
#[component(variant)]
pub(super) enum NewTimestamp {
    #[component(name = "no-change")]
    NoChange,
    #[component(name = "now")]
    Now,
    #[component(name = "timestamp")]
    Timestamp(Datetime),
}

impl Transfer for NewTimestamp {}

impl NewTimestamp {
    pub(super) fn time(self, now: Duration) -> Option<Duration> {
        match self {
            Self::NoChange => None,
            Self::Now => Some(now),
            Self::Timestamp(time) => Some(time.into()),
        }
    }
}

/// `types.descriptor-stat`
#[derive(Debug, Clone, Copy, ComponentType, Lower)]
#[component(record)]
pub(super) struct DescriptorStat {
    #[component(name = "type")]
    ty: DescriptorType,
    #[component(name = "link-count")]
    link_count: u64,
    size: u64,
    #[component(name = "data-access-timestamp")]
    accessed: Option<Datetime>,
    #[component(name = "data-modification-timestamp")]
    modified: Option<Datetime>,
    #[component(name = "status-change-timestamp")]
    changed: Option<Datetime>,
}

impl Transfer for DescriptorStat {}

impl From<Stat> for DescriptorStat {
    fn from(stat: Stat) -> Self {
        Self {
            ty: DescriptorType::of(stat.directory),
            link_count: stat.links,
            size: stat.size,
            accessed: Some(stat.times.accessed.into()),
            modified: Some(stat.times.modified.into()),
            changed: Some(stat.times.changed.into()),
        }
    }
}

/// `types.directory-entry`
#[derive(Debug, ComponentType, Lower)]
#[component(record)]
pub(super) struct DirectoryEntry {
    #[component(name = "type")]
    pub(super) ty: DescriptorType,
    pub(super) name: String,
}

impl Transfer for DirectoryEntry {
    fn transfer_bytes(&self) -> u64 {
        self.ty.transfer_bytes().saturating_add(self.name.transfer_bytes())
    }
}

/// `types.metadata-hash-value`
#[derive(Debug, Clone, Copy, ComponentType, Lower)]
#[component(record)]
pub(super) struct MetadataHashValue {
    pub(super) lower: u64,
    pub(super) upper: u64,
}

impl Transfer for MetadataHashValue {}
