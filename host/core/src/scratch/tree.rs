//! The tree: nodes by number, directories with names in order, and the operations of a file system.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::Duration;

use super::contents::{BLOCK, Contents};
use super::path::{Step, steps};
use super::{Refusal, Room, ScratchCaps};

/// Bytes that a file or directory counts in the memory limit, beside its name and its blocks.
pub(super) const ENTRY: u64 = 512;

const ROOT: NodeId = NodeId(0);
const TMP: NodeId = NodeId(1);

/// A file or directory of the tree. It stays the same through renames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NodeId(u32);

/// The scratch files of a run.
///
/// The caller counts who holds a node: see [`Tree::hold`] and [`Tree::release`].
#[derive(Debug)]
pub(crate) struct Tree {
    caps: ScratchCaps,
    nodes: Vec<Option<Node>>,
    free: Vec<u32>,
    /// Files and directories, without the root and `/tmp`.
    entries: u32,
    /// Sizes of all files.
    bytes: u64,
    /// Number of nodes ever made.
    made: u64,
    /// Blocks freed and entries visited since [`Tree::take_work`].
    work: u64,
}

#[derive(Debug)]
struct Node {
    /// A number that no other node of the run has had.
    serial: u64,
    /// The directory that lists it; none for the root, and for what is removed.
    parent: Option<NodeId>,
    /// Number of holders.
    held: u32,
    times: Times,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    File(Contents),
    Directory(BTreeMap<Box<str>, NodeId>),
}

/// Times since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) accessed: Duration,
    pub(crate) modified: Duration,
    pub(crate) changed: Duration,
}

/// What is known of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) directory: bool,
    /// Number of names: 0 for what is removed.
    pub(crate) links: u64,
    pub(crate) size: u64,
    pub(crate) times: Times,
    pub(crate) serial: u64,
}

/// How a path is opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct How {
    /// Make a file where there is nothing.
    pub(crate) create: bool,
    /// Fail unless it is a directory.
    pub(crate) directory: bool,
    /// Fail if it exists.
    pub(crate) exclusive: bool,
    /// Empty the file.
    pub(crate) truncate: bool,
    /// Whether the file will be written.
    pub(crate) write: bool,
}

/// Where a path leads: an entry of a directory, or without a name the directory itself.
struct Place<'p> {
    directory: NodeId,
    name: Option<&'p str>,
    /// Whether the path can only mean a directory.
    folder: bool,
}

impl Tree {
    /// Makes a tree with an empty `/tmp`, which is part of what every run takes.
    pub(crate) fn new(caps: ScratchCaps, now: Duration) -> Self {
        let node = |serial, parent, names| {
            let kind = Kind::Directory(names);
            Some(Node { serial, parent, held: 0, times: Times::at(now), kind })
        };
        let root = node(0, None, BTreeMap::from([(Box::from("tmp"), TMP)]));
        let tmp = node(1, Some(ROOT), BTreeMap::new());
        Self { caps, nodes: vec![root, tmp], free: Vec::new(), entries: 0, bytes: 0, made: 2, work: 0 }
    }

    pub(crate) fn root(&self) -> NodeId {
        ROOT
    }

    /// Returns the work since the last time, in units of [`super::WORK_FUEL`].
    pub(crate) fn take_work(&mut self) -> u64 {
        std::mem::take(&mut self.work)
    }

    fn node(&self, id: NodeId) -> Result<&Node, Refusal> {
        self.nodes.get(id.0 as usize).and_then(Option::as_ref).ok_or(Refusal::BadDescriptor)
    }

    fn node_mut(&mut self, id: NodeId) -> Result<&mut Node, Refusal> {
        self.nodes.get_mut(id.0 as usize).and_then(Option::as_mut).ok_or(Refusal::BadDescriptor)
    }

    fn names(&self, id: NodeId) -> Result<&BTreeMap<Box<str>, NodeId>, Refusal> {
        match &self.node(id)?.kind {
            Kind::Directory(names) => Ok(names),
            Kind::File(_) => Err(Refusal::NotDirectory),
        }
    }

    fn names_mut(&mut self, id: NodeId) -> Result<&mut BTreeMap<Box<str>, NodeId>, Refusal> {
        match &mut self.node_mut(id)?.kind {
            Kind::Directory(names) => Ok(names),
            Kind::File(_) => Err(Refusal::NotDirectory),
        }
    }

    fn contents(&self, id: NodeId) -> Result<&Contents, Refusal> {
        match &self.node(id)?.kind {
            Kind::File(contents) => Ok(contents),
            Kind::Directory(_) => Err(Refusal::IsDirectory),
        }
    }

    fn contents_mut(&mut self, id: NodeId) -> Result<&mut Contents, Refusal> {
        match &mut self.node_mut(id)?.kind {
            Kind::File(contents) => Ok(contents),
            Kind::Directory(_) => Err(Refusal::IsDirectory),
        }
    }

    pub(crate) fn is_directory(&self, id: NodeId) -> bool {
        self.names(id).is_ok()
    }

    /// Follows a path to its last step. It never leaves `base`.
    fn walk<'p>(&self, base: NodeId, path: &'p str) -> Result<Place<'p>, Refusal> {
        let (steps, folder) = steps(path, self.caps.name_bytes)?;
        let mut steps = steps.peekable();
        let (mut directory, mut below) = (base, 0_u32);
        self.names(directory)?;
        while let Some(step) = steps.next() {
            match step {
                Step::Here => {}
                Step::Up => {
                    below = below.checked_sub(1).ok_or(Refusal::NotPermitted)?;
                    directory = self.node(directory)?.parent.ok_or(Refusal::NotPermitted)?;
                }
                Step::Name(name) if steps.peek().is_none() => {
                    return Ok(Place { directory, name: Some(name), folder });
                }
                Step::Name(name) => {
                    directory = *self.names(directory)?.get(name).ok_or(Refusal::NoEntry)?;
                    self.names(directory)?;
                    below = below.saturating_add(1);
                }
            }
        }
        Ok(Place { directory, name: None, folder })
    }

    /// Returns the node at a place.
    fn at(&self, place: &Place<'_>) -> Result<NodeId, Refusal> {
        let Some(name) = place.name else { return Ok(place.directory) };
        let id = *self.names(place.directory)?.get(name).ok_or(Refusal::NoEntry)?;
        if place.folder {
            self.names(id)?;
        }
        Ok(id)
    }

    /// Returns the node of a path.
    pub(crate) fn find(&self, base: NodeId, path: &str) -> Result<NodeId, Refusal> {
        self.at(&self.walk(base, path)?)
    }

    /// Opens a path, and holds its node.
    pub(crate) fn open(
        &mut self,
        base: NodeId,
        path: &str,
        how: How,
        now: Duration,
        room: &mut impl Room,
    ) -> Result<NodeId, Refusal> {
        if how.directory && (how.create || how.truncate) || how.truncate && !how.write {
            return Err(Refusal::Invalid);
        }
        let place = self.walk(base, path)?;
        let id = match (self.at(&place), place.name) {
            (Ok(_), _) if how.create && how.exclusive => return Err(Refusal::Exists),
            (Ok(id), _) => {
                if self.is_directory(id) {
                    if how.create || how.write {
                        return Err(Refusal::IsDirectory);
                    }
                } else if how.directory {
                    return Err(Refusal::NotDirectory);
                } else if how.truncate {
                    self.resize(id, 0, now, room)?;
                }
                id
            }
            (Err(Refusal::NoEntry), Some(name)) if how.create => {
                if place.folder {
                    return Err(Refusal::IsDirectory);
                }
                self.insert(place.directory, name, Kind::File(Contents::default()), now, room)?
            }
            (Err(refusal), _) => return Err(refusal),
        };
        self.hold(id)?;
        Ok(id)
    }

    /// Holds a node, so that it stays when its name is removed.
    pub(crate) fn hold(&mut self, id: NodeId) -> Result<(), Refusal> {
        let node = self.node_mut(id)?;
        node.held = node.held.saturating_add(1);
        Ok(())
    }

    /// Ends a hold. What has neither holder nor name is freed.
    pub(crate) fn release(&mut self, id: NodeId, room: &mut impl Room) {
        if let Ok(node) = self.node_mut(id) {
            node.held = node.held.saturating_sub(1);
            self.free_if_unused(id, room);
        }
    }

    fn free_if_unused(&mut self, id: NodeId, room: &mut impl Room) {
        let unused = |node: &Node| node.held == 0 && node.parent.is_none() && id != ROOT;
        if !self.node(id).is_ok_and(unused) {
            return;
        }
        let Some(node) = self.nodes.get_mut(id.0 as usize).and_then(Option::take) else { return };
        self.free.push(id.0);
        self.entries = self.entries.saturating_sub(1);
        let mut bytes = ENTRY;
        if let Kind::File(contents) = &node.kind {
            self.bytes = self.bytes.saturating_sub(contents.size());
            self.work = self.work.saturating_add(contents.blocks());
            bytes = bytes.saturating_add(contents.blocks().saturating_mul(BLOCK));
        }
        room.give(bytes);
    }

    /// Returns how many directories are above the entries of a directory.
    fn depth(&self, directory: NodeId) -> Result<u32, Refusal> {
        let (mut depth, mut id) = (0_u32, directory);
        while let Some(parent) = self.node(id)?.parent {
            (depth, id) = (depth.saturating_add(1), parent);
        }
        // Of a directory that is removed, nothing leads to the root.
        if id == ROOT { Ok(depth) } else { Err(Refusal::NoEntry) }
    }

    /// Adds an entry to a directory that has none of the name.
    fn insert(
        &mut self,
        directory: NodeId,
        name: &str,
        kind: Kind,
        now: Duration,
        room: &mut impl Room,
    ) -> Result<NodeId, Refusal> {
        let mut depth = self.depth(directory)?;
        if let Kind::Directory(_) = kind {
            depth = depth.saturating_add(1);
        }
        if depth > self.caps.depth || self.entries >= self.caps.files {
            return Err(Refusal::NoSpace);
        }
        room.take(ENTRY.saturating_add(name.len() as u64))?;
        self.entries = self.entries.saturating_add(1);
        let serial = self.made;
        self.made = self.made.saturating_add(1);
        let node = Some(Node { serial, parent: Some(directory), held: 0, times: Times::at(now), kind });
        let index = match self.free.pop() {
            Some(index) => index,
            None => {
                self.nodes.push(None);
                // The cap on entries keeps it far below.
                u32::try_from(self.nodes.len()).unwrap_or(u32::MAX).saturating_sub(1)
            }
        };
        let id = NodeId(index);
        if let Some(slot) = self.nodes.get_mut(index as usize) {
            *slot = node;
        }
        self.names_mut(directory)?.insert(name.into(), id);
        self.node_mut(directory)?.times.modify(now);
        Ok(id)
    }

    /// Removes the name of an entry.
    fn detach(
        &mut self,
        directory: NodeId,
        name: &str,
        now: Duration,
        room: &mut impl Room,
    ) -> Result<(), Refusal> {
        let id = self.names_mut(directory)?.remove(name).ok_or(Refusal::NoEntry)?;
        self.node_mut(directory)?.times.modify(now);
        let node = self.node_mut(id)?;
        node.parent = None;
        node.times.changed = now;
        room.give(name.len() as u64);
        self.free_if_unused(id, room);
        Ok(())
    }

    pub(crate) fn create_directory(
        &mut self,
        base: NodeId,
        path: &str,
        now: Duration,
        room: &mut impl Room,
    ) -> Result<(), Refusal> {
        let place = self.walk(base, path)?;
        let Some(name) = place.name else { return Err(Refusal::Exists) };
        if self.names(place.directory)?.contains_key(name) {
            return Err(Refusal::Exists);
        }
        self.insert(place.directory, name, Kind::Directory(BTreeMap::new()), now, room).map(drop)
    }

    pub(crate) fn remove_directory(
        &mut self,
        base: NodeId,
        path: &str,
        now: Duration,
        room: &mut impl Room,
    ) -> Result<(), Refusal> {
        let place = self.walk(base, path)?;
        let id = self.at(&place)?;
        let empty = self.names(id)?.is_empty();
        let Some(name) = place.name else { return Err(Refusal::Invalid) };
        if id == TMP {
            return Err(Refusal::Busy);
        }
        if !empty {
            return Err(Refusal::NotEmpty);
        }
        self.detach(place.directory, name, now, room)
    }

    pub(crate) fn unlink(
        &mut self,
        base: NodeId,
        path: &str,
        now: Duration,
        room: &mut impl Room,
    ) -> Result<(), Refusal> {
        let place = self.walk(base, path)?;
        let id = self.at(&place)?;
        match place.name {
            Some(name) if !self.is_directory(id) => self.detach(place.directory, name, now, room),
            _ => Err(Refusal::IsDirectory),
        }
    }

    /// Renames an entry, and replaces what has the new name if it is of the same kind and, a directory, empty.
    pub(crate) fn rename(
        &mut self,
        (old_base, old): (NodeId, &str),
        (new_base, new): (NodeId, &str),
        now: Duration,
        room: &mut impl Room,
    ) -> Result<(), Refusal> {
        let from = self.walk(old_base, old)?;
        let id = self.at(&from)?;
        let to = self.walk(new_base, new)?;
        let (Some(old_name), Some(new_name)) = (from.name, to.name) else { return Err(Refusal::Busy) };
        let directory = self.is_directory(id);
        let replaced = match self.names(to.directory)?.get(new_name).copied() {
            Some(found) if found == id => return Ok(()),
            Some(found) => match (directory, self.is_directory(found)) {
                (true, true) if !self.names(found)?.is_empty() => return Err(Refusal::NotEmpty),
                (true, true) | (false, false) => Some(found),
                (true, false) => return Err(Refusal::NotDirectory),
                (false, true) => return Err(Refusal::IsDirectory),
            },
            None => None,
        };
        if id == TMP || replaced == Some(TMP) {
            return Err(Refusal::Busy);
        }
        if !directory && to.folder {
            return Err(Refusal::NotDirectory);
        }
        let mut depth = self.depth(to.directory)?;
        if directory {
            if self.is_within(to.directory, id)? {
                return Err(Refusal::Invalid);
            }
            depth = depth.saturating_add(self.height(id)?);
        }
        if depth > self.caps.depth {
            return Err(Refusal::NoSpace);
        }
        // A replaced entry has the new name already.
        let (gone, added) = (old_name.len() as u64, new_name.len() as u64);
        if replaced.is_none() {
            room.take(added.saturating_sub(gone))?;
            room.give(gone.saturating_sub(added));
        } else {
            self.detach(to.directory, new_name, now, room)?;
            room.give(gone);
            room.take(added)?;
        }
        self.names_mut(from.directory)?.remove(old_name);
        self.node_mut(from.directory)?.times.modify(now);
        self.names_mut(to.directory)?.insert(new_name.into(), id);
        self.node_mut(to.directory)?.times.modify(now);
        let node = self.node_mut(id)?;
        node.parent = Some(to.directory);
        node.times.changed = now;
        Ok(())
    }

    /// Returns whether a directory is another one or somewhere below it.
    fn is_within(&self, inner: NodeId, outer: NodeId) -> Result<bool, Refusal> {
        let mut id = inner;
        loop {
            if id == outer {
                return Ok(true);
            }
            match self.node(id)?.parent {
                Some(parent) => id = parent,
                None => return Ok(false),
            }
        }
    }

    /// Returns the levels of directories of a directory, itself included.
    fn height(&mut self, directory: NodeId) -> Result<u32, Refusal> {
        let (mut highest, mut rest) = (0_u32, vec![(directory, 1_u32)]);
        while let Some((id, level)) = rest.pop() {
            highest = highest.max(level);
            let names = self.names(id)?;
            let visited = names.len() as u64;
            let below = names.values().filter(|id| self.is_directory(**id));
            rest.extend(below.map(|id| (*id, level.saturating_add(1))));
            self.work = self.work.saturating_add(visited);
        }
        Ok(highest)
    }

    /// Reads at most `bytes` of a file. Also returns whether that is the end.
    pub(crate) fn read(&self, id: NodeId, offset: u64, bytes: u64) -> Result<(Vec<u8>, bool), Refusal> {
        let contents = self.contents(id)?;
        Ok((contents.read(offset, bytes), offset.saturating_add(bytes) >= contents.size()))
    }

    /// Writes all bytes, or none.
    pub(crate) fn write(
        &mut self,
        id: NodeId,
        offset: u64,
        bytes: &[u8],
        now: Duration,
        room: &mut impl Room,
    ) -> Result<(), Refusal> {
        if bytes.is_empty() {
            return self.contents(id).map(drop);
        }
        let len = bytes.len() as u64;
        let end = offset.checked_add(len).ok_or(Refusal::NoSpace)?;
        let contents = self.contents(id)?;
        let total = self.bytes.saturating_add(end.saturating_sub(contents.size()));
        if total > self.caps.bytes {
            return Err(Refusal::NoSpace);
        }
        room.take(contents.missing(offset, len).saturating_mul(BLOCK))?;
        self.contents_mut(id)?.write(offset, bytes);
        self.bytes = total;
        self.node_mut(id)?.times.modify(now);
        Ok(())
    }

    /// Sets the size of a file. What is added reads as zeros.
    pub(crate) fn resize(
        &mut self,
        id: NodeId,
        size: u64,
        now: Duration,
        room: &mut impl Room,
    ) -> Result<(), Refusal> {
        let rest = self.bytes.saturating_sub(self.contents(id)?.size());
        let total =
            rest.checked_add(size).filter(|total| *total <= self.caps.bytes).ok_or(Refusal::NoSpace)?;
        let freed = self.contents_mut(id)?.resize(size);
        room.give(freed.saturating_mul(BLOCK));
        self.work = self.work.saturating_add(freed);
        self.bytes = total;
        self.node_mut(id)?.times.modify(now);
        Ok(())
    }

    pub(crate) fn stat(&self, id: NodeId) -> Result<Stat, Refusal> {
        let node = self.node(id)?;
        let (directory, size) = match &node.kind {
            Kind::File(contents) => (false, contents.size()),
            Kind::Directory(_) => (true, 0),
        };
        let links = u64::from(node.parent.is_some() || id == ROOT);
        Ok(Stat { directory, links, size, times: node.times, serial: node.serial })
    }

    /// Sets the times that are given.
    pub(crate) fn set_times(
        &mut self,
        id: NodeId,
        accessed: Option<Duration>,
        modified: Option<Duration>,
        now: Duration,
    ) -> Result<(), Refusal> {
        let times = &mut self.node_mut(id)?.times;
        times.accessed = accessed.unwrap_or(times.accessed);
        times.modified = modified.unwrap_or(times.modified);
        times.changed = now;
        Ok(())
    }

    /// Returns the first entry of a directory after a name, in the order of their bytes.
    pub(crate) fn next_entry(
        &self,
        directory: NodeId,
        after: Option<&str>,
    ) -> Result<Option<(Box<str>, NodeId)>, Refusal> {
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut names = self.names(directory)?.range::<str, _>((after, Bound::Unbounded));
        Ok(names.next().map(|(name, id)| (name.clone(), *id)))
    }
}

impl Times {
    fn at(now: Duration) -> Self {
        Self { accessed: now, modified: now, changed: now }
    }

    fn modify(&mut self, now: Duration) {
        (self.modified, self.changed) = (now, now);
    }
}
