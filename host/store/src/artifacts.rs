//! Artifacts: compiled code, cached for the next process.
//!
//! An artifact is for one engine fingerprint, and a key of the store authenticates it. The checked file and the
//! mapped file are the same open file.
//!
//! A file is `code ‖ description ‖ trailer ‖ MAC`. The trailer has the lengths of both parts, the digest of the skill
//! and the fingerprint of the engine. The MAC is keyed BLAKE3 over everything before it. A process that can read the
//! key (one of the same user) can forge an artifact: see SECURITY.md.

use std::io;

use cap_std::fs::{FileExt as _, MetadataExt as _};
use ringfence::{Artifact, Digest, SkillDescription};

use crate::error::StoreError;
use crate::folder::{Folder, Found, Scratch};
use crate::name::Name;

/// Why the cache has no code for a skill. None of these is an error: the skill is compiled again.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Miss {
    /// The skill was not compiled yet, or by another version of Ringfence or its engine.
    Absent,
    /// The file was not written by this store, and was not loaded.
    Rejected(String),
    /// The file or its key could not be read, so its state is unknown.
    Unreadable(String),
    /// Nothing is cached, because there is no store.
    NoStore(String),
}

/// Code and description, written by this store.
#[derive(Debug)]
pub(crate) struct KeptSkill {
    pub(crate) description: SkillDescription,
    pub(crate) artifact: Artifact,
}

const KEY: &str = "key";
const MAGIC: &[u8; 16] = b"ringfence code 1";
const MAC: u64 = 32;
/// Lengths of code and description, digest, fingerprint, magic.
const TRAILER: u64 = 8 + 8 + 32 + 32 + 16;
/// Maximum bytes of code: four times the compiler's default limit. A larger file is not read to its end.
const CODE: u64 = 1 << 30;
/// Maximum bytes of a description. Its schemas, and with them its types, are capped at 256 KiB.
const DESCRIPTION: u64 = 64 << 20;
/// Bytes of one read; few enough to stay in the processor's cache.
const CHUNK: usize = 256 << 10;

/// The folder of one engine fingerprint, and the key.
#[derive(Debug)]
pub(crate) struct Artifacts<'a> {
    pub(crate) folder: Folder,
    pub(crate) key: &'a Key,
    pub(crate) fingerprint: Digest,
}

/// The key under which a store authenticates its artifacts.
#[derive(Clone)]
pub(crate) struct Key([u8; 32]);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Key {
    /// Reads the store's key; returns none if it has none yet. Refuses a key that others could have read or written.
    pub(crate) fn read(root: &Folder) -> Result<Option<Self>, StoreError> {
        let Some(found) = root.open(KEY)? else { return Ok(None) };
        let damaged = |reason: &str| StoreError::Damaged {
            path: root.label(KEY),
            reason: reason.to_owned(),
            next: "delete it; the store creates a new key and compiles every skill again",
        };
        let ours = found.metadata.uid() == rustix::process::geteuid().as_raw();
        if !ours || found.metadata.mode() & 0o077 != 0 {
            return Err(damaged("other users can read or write it"));
        }
        if found.metadata.len() != 32 {
            return Err(damaged("its size is not 32 bytes"));
        }
        let mut key = [0; 32];
        let read = found.file.read_exact_at(&mut key, 0);
        read.map_err(|error| root.failed("reading", KEY, error))?;
        Ok(Some(Self(key)))
    }

    /// Creates the key. The caller holds the store's lock, so there is never more than one.
    pub(crate) fn make(root: &Folder, scratch: &Scratch) -> Result<Self, StoreError> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|error| {
            StoreError::io("getting random bytes from the system", io::Error::other(error.to_string()))
        })?;
        let mut draft = scratch.draft(0o600)?;
        draft.write(&key)?;
        draft.keep(root, KEY)?;
        Ok(Self(key))
    }
}

/// Returns the file name of an artifact.
pub(crate) fn file_name(digest: Digest) -> String {
    format!("{}.cwasm", hex(digest))
}

/// Returns a digest as 64 hexadecimal digits, as in file names.
pub(crate) fn hex(digest: Digest) -> String {
    digest.to_string().trim_start_matches("sha256:").to_owned()
}

impl Artifacts<'_> {
    /// Opens the code of a skill. Reads and checks the file once through its descriptor, and then maps that descriptor.
    ///
    /// With `in_memory` it returns the bytes that it checked instead.
    pub(crate) fn open(&self, digest: Digest, in_memory: bool) -> Result<KeptSkill, Miss> {
        let name = file_name(digest);
        let found = match self.folder.open(&name) {
            Ok(Some(found)) => found,
            Ok(None) => return Err(Miss::Absent),
            Err(error @ StoreError::Foreign { .. }) => return Err(Miss::Rejected(error.to_string())),
            Err(error) => return Err(Miss::Unreadable(error.to_string())),
        };
        let mut code = (in_memory || !MAPS).then(Vec::new);
        let description = self.authenticate(&found, digest, code.as_mut())?;
        let description =
            SkillDescription::from_bytes(&description).map_err(|error| Miss::Rejected(error.to_string()))?;
        Ok(KeptSkill { description, artifact: artifact(digest, found, code) })
    }

    /// Checks that this store wrote the file for this skill and engine. Returns its description, and adds its code to
    /// `kept` if given.
    fn authenticate(
        &self,
        found: &Found,
        digest: Digest,
        mut kept: Option<&mut Vec<u8>>,
    ) -> Result<Vec<u8>, Miss> {
        let wrong = |reason: &str| Err(Miss::Rejected(reason.to_owned()));
        if let Some(exposed) = found.exposed() {
            return wrong(exposed);
        }
        let file = Reader(found);
        let size = found.metadata.len();
        let Some(covered) = size.checked_sub(MAC).filter(|covered| *covered >= TRAILER) else {
            return wrong("it is too short");
        };
        let parts = covered.saturating_sub(TRAILER);
        let trailer = file.read(parts, TRAILER)?;
        let (lengths, rest) = trailer.split_at(16);
        let (said_digest, rest) = rest.split_at(32);
        let (said_fingerprint, magic) = rest.split_at(32);
        let (code, described) = lengths.split_at(8);
        let (code, described) = (number(code), number(described));
        let fits = code <= CODE && described <= DESCRIPTION && code.checked_add(described) == Some(parts);
        if magic != MAGIC || !fits {
            return wrong("it has another format");
        }
        if said_digest != digest.as_bytes() {
            return wrong("it belongs to another skill");
        }
        if said_fingerprint != self.fingerprint.as_bytes() {
            return wrong("it belongs to another engine");
        }
        let mut hasher = blake3::Hasher::new_keyed(&self.key.0);
        let mut description = Vec::new();
        let mut chunk = vec![0; CHUNK];
        let mut at: u64 = 0;
        while at < covered {
            let wanted = usize::try_from(covered.saturating_sub(at)).unwrap_or(CHUNK).min(CHUNK);
            let piece = chunk.get_mut(..wanted).unwrap_or_default();
            file.read_exact(piece, at)?;
            hasher.update(piece);
            // What lies in the range of the description is taken from the bytes that were hashed.
            let from = usize::try_from(code.saturating_sub(at)).unwrap_or(wanted).min(wanted);
            let to = usize::try_from(parts.saturating_sub(at)).unwrap_or(wanted).min(wanted);
            description.extend_from_slice(piece.get(from..to).unwrap_or_default());
            if let Some(kept) = &mut kept {
                kept.extend_from_slice(piece.get(..from).unwrap_or_default());
            }
            at = at.saturating_add(wanted as u64);
        }
        let mut said = [0; 32];
        file.read_exact(&mut said, covered)?;
        // In constant time.
        if hasher.finalize() != blake3::Hash::from_bytes(said) {
            return wrong("its authentication code is wrong");
        }
        Ok(description)
    }

    /// Checks a file without loading it.
    pub(crate) fn check(&self, digest: Digest) -> Result<(), Miss> {
        match self.folder.open(&file_name(digest)) {
            Ok(Some(found)) => self.authenticate(&found, digest, None).map(|_| ()),
            Ok(None) => Err(Miss::Absent),
            Err(error) => Err(Miss::Unreadable(error.to_string())),
        }
    }

    /// Stores the code of a skill. If two processes store the same skill, both succeed, and one file remains.
    pub(crate) fn keep(
        &self,
        scratch: &Scratch,
        description: &SkillDescription,
        artifact: &Artifact,
        cap: u64,
    ) -> Result<(), StoreError> {
        let Some(code) = artifact.as_bytes() else {
            let reason = io::Error::other("it is a file already");
            return Err(StoreError::io("storing an artifact", reason));
        };
        let described = description.to_bytes();
        let total = (code.len() as u64).saturating_add(described.len() as u64);
        if total > cap {
            return Err(StoreError::OverCap {
                what: "bytes of compiled code",
                value: total,
                cap,
                owner: None,
            });
        }
        self.make_room(cap.saturating_sub(total))?;
        let digest = artifact.skill();
        let mut trailer = Vec::new();
        trailer.extend_from_slice(&(code.len() as u64).to_le_bytes());
        trailer.extend_from_slice(&(described.len() as u64).to_le_bytes());
        trailer.extend_from_slice(digest.as_bytes());
        trailer.extend_from_slice(self.fingerprint.as_bytes());
        trailer.extend_from_slice(MAGIC);
        let mut hasher = blake3::Hasher::new_keyed(&self.key.0);
        let mut draft = scratch.draft(0o400)?;
        for part in [code, &described, &trailer] {
            hasher.update(part);
            draft.write(part)?;
        }
        draft.write(hasher.finalize().as_bytes())?;
        draft.keep(&self.folder, &file_name(digest))
    }

    /// Removes the oldest files until at most `most` bytes remain.
    fn make_room(&self, most: u64) -> Result<(), StoreError> {
        let names = self.folder.names()?;
        let mut files: Vec<_> = names
            .iter()
            .filter(|name| digest_of(name, ".cwasm").is_some())
            .filter_map(|name| {
                self.folder
                    .look(name)
                    .filter(|found| found.is_file())
                    .map(|found| (found.mtime(), found.len(), name))
            })
            .collect();
        let mut total = files.iter().fold(0_u64, |sum, (_, size, _)| sum.saturating_add(*size));
        files.sort();
        for (_, size, name) in files {
            if total <= most {
                break;
            }
            self.folder.remove(name)?;
            total = total.saturating_sub(size);
        }
        Ok(())
    }
}

/// Returns the digest in a file name.
pub(crate) fn digest_of(name: &str, suffix: &str) -> Option<Digest> {
    let digits = name.strip_suffix(suffix)?;
    let lower = digits.bytes().all(|digit| digit.is_ascii_digit() || digit.is_ascii_lowercase());
    if lower { digits.parse().ok() } else { None }
}

/// Returns the name in the file name of a record.
pub(crate) fn name_of(file: &str) -> Option<Name> {
    file.strip_suffix(".json")?.parse().ok()
}

/// Returns the file as an artifact: mapped if the system can map a descriptor again, or else the checked bytes.
fn artifact(skill: Digest, found: Found, code: Option<Vec<u8>>) -> Artifact {
    match code {
        // SAFETY: the bytes are the very ones that were hashed, and their code of authentication was right:
        // so they are code that this store kept, from `Compiler::compile`, of this skill, version and engine.
        #[expect(unsafe_code, reason = "proof above")]
        Some(code) => unsafe { Artifact::from_trusted(skill, code) },
        // SAFETY: the file was read to its end from this very descriptor, and its code of authentication
        // was right: so it begins with code that this store kept, from `Compiler::compile`, of this skill,
        // version and engine. It belongs to this process's user, has one name, and nobody else may write to it
        // (`Found::exposed`); the store itself never writes to a file that it kept, it replaces it. What
        // another process of the same user could do is in SECURITY.md.
        #[expect(unsafe_code, reason = "proof above")]
        None => unsafe { Artifact::from_trusted_file(skill, found.into_fd()) },
    }
}

/// Whether a descriptor can be mapped by its path. Other systems read artifacts into memory.
const MAPS: bool = cfg!(target_os = "linux");

/// Reads a file at offsets, without moving a shared position.
struct Reader<'a>(&'a Found);

impl Reader<'_> {
    fn read(&self, at: u64, len: u64) -> Result<Vec<u8>, Miss> {
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
        self.read_exact(&mut bytes, at)?;
        Ok(bytes)
    }

    fn read_exact(&self, bytes: &mut [u8], at: u64) -> Result<(), Miss> {
        self.0.file.read_exact_at(bytes, at).map_err(|error| match error.kind() {
            // Cut while it was read.
            io::ErrorKind::UnexpectedEof => Miss::Rejected("it is too short".to_owned()),
            _ => Miss::Unreadable(error.to_string()),
        })
    }
}

fn number(bytes: &[u8]) -> u64 {
    bytes.try_into().map_or(u64::MAX, u64::from_le_bytes)
}
