//! Files that a call brings in, and files that it asks for. Their paths come from the caller, never from the host's disk.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::path::PATH;
use super::tree::{How, NodeId, Tree};
use super::{Refusal, Room};

/// Maximum bytes of the paths of returned files, each with [`LISTED`] bytes beside it. A guest repeats a long directory in
/// the path of each file below, so its own memory does not bound them.
pub(crate) const LISTING: u64 = 1 << 20;

/// Bytes of a listed file beside its path.
const LISTED: u64 = 64;

/// A file that a call brings in. Its path is as the caller wrote it.
#[derive(Debug, Clone)]
pub(crate) struct Brought {
    pub(crate) path: String,
    pub(crate) contents: Vec<u8>,
}

/// The files that a call asks for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    /// Paths in their normal form. A directory stands for all files below it.
    pub(crate) paths: Vec<String>,
    /// Maximum bytes of all contents.
    pub(crate) bytes: u64,
}

/// A scratch file as it was when the run ended. See [`crate::Call::return_files`].
///
/// As JSON: `path`, `size`, and `base64` if the contents are there.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReturnedFile {
    /// The path from the root, such as `tmp/out.csv`. The guest chose it: check it before you use it elsewhere.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// The contents; none if they did not fit into the maximum of the call.
    pub contents: Option<Vec<u8>>,
}

impl Serialize for ReturnedFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("path", &self.path)?;
        map.serialize_entry("size", &self.size)?;
        if let Some(contents) = &self.contents {
            map.serialize_entry("base64", &Base64Display::new(contents, &STANDARD).to_string())?;
        }
        map.end()
    }
}

/// Returns the normal form of a caller's path: names with slashes between them. The root is the empty path.
pub(crate) fn normal(path: &str) -> Result<&str, &'static str> {
    let inner = path.strip_prefix('/').unwrap_or(path);
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    if inner.len() > PATH {
        return Err("the path is longer than 4,096 bytes; shorten it");
    }
    if inner.contains('\0') {
        return Err("the path has a zero byte; remove it");
    }
    if !inner.is_empty() && inner.split('/').any(|name| matches!(name, "" | "." | "..")) {
        return Err("expected names with `/` between them, without `.`, `..` and empty names");
    }
    Ok(inner)
}

impl Tree {
    /// Adds a file of the caller, and the directories above it.
    pub(crate) fn bring(
        &mut self,
        path: &str,
        contents: &[u8],
        now: Duration,
        room: &mut impl Room,
    ) -> Result<(), Refusal> {
        let mut above = String::new();
        let names = path.rsplit_once('/').map_or("", |(above, _)| above);
        for name in names.split('/').filter(|name| !name.is_empty()) {
            let _ = write!(above, "{}{name}", if above.is_empty() { "" } else { "/" });
            match self.create_directory(self.root(), &above, now, room) {
                Ok(()) | Err(Refusal::Exists) => {}
                Err(refusal) => return Err(refusal),
            }
        }
        let how = How { create: true, exclusive: true, write: true, ..How::default() };
        let id = self.open(self.root(), path, how, now, room)?;
        let written = self.write(id, 0, contents, now, room);
        self.release(id, room);
        written
    }

    /// Returns the files of a call, in the order of their paths. Leaves files out beyond [`LISTING`], and files below
    /// paths that are longer than any that a caller can name.
    pub(crate) fn collect(&self, wanted: &Wanted) -> Vec<ReturnedFile> {
        let (mut found, mut room) = (BTreeMap::new(), LISTING);
        for path in &wanted.paths {
            if path.is_empty() {
                self.list_files(String::new(), self.root(), &mut found, &mut room);
            } else if let Ok(id) = self.find(self.root(), path) {
                self.list_files(path.clone(), id, &mut found, &mut room);
            }
        }
        let mut left = wanted.bytes;
        let files = found.into_iter().filter_map(|(path, id)| {
            let size = self.stat(id).ok()?.size;
            let contents = left.checked_sub(size).and_then(|rest| {
                left = rest;
                Some(self.read(id, 0, size).ok()?.0)
            });
            Some(ReturnedFile { path, size, contents })
        });
        files.collect()
    }

    /// Adds a file, or all files below a directory.
    fn list_files(&self, path: String, id: NodeId, found: &mut BTreeMap<String, NodeId>, room: &mut u64) {
        let mut rest = vec![(path, id)];
        while let Some((path, id)) = rest.pop() {
            if !self.is_directory(id) {
                found.insert(path, id);
                continue;
            }
            let mut last: Option<Box<str>> = None;
            while let Ok(Some((name, id))) = self.next_entry(id, last.as_deref()) {
                let length = path.len().saturating_add(1).saturating_add(name.len());
                let Some(left) = room.checked_sub(LISTED.saturating_add(length as u64)) else { break };
                if length <= PATH {
                    *room = left;
                    let below = if path.is_empty() { name.to_string() } else { format!("{path}/{name}") };
                    rest.push((below, id));
                }
                last = Some(name);
            }
        }
    }
}
