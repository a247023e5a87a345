//! Opens a bundle. It verifies the signature before it parses anything, and every byte before it returns anything.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::error::{BundleError, Time};
use crate::format::{HEADER, Header, MANIFEST};
use crate::id::{BundleId, KeyId};
use crate::manifest::{Manifest, SkillEntry};
use crate::trust::Trust;
use crate::write::Built;

/// Bytes of one read.
const CHUNK: usize = 64 << 10;

/// Selects code of a bundle. The rest is only hashed, and never in memory as a whole.
#[derive(Debug, Clone, Copy)]
pub enum Wants<'a> {
    /// The code for the first of these engines in the bundle; it is an error if there is none.
    First(&'a [String]),
    /// All code.
    All,
    /// No code.
    Nothing,
}

/// A verified bundle: a trusted key signed every byte, and its dates include now.
#[derive(Debug)]
pub struct Opened {
    manifest: Manifest,
    key: KeyId,
    id: BundleId,
    skills: Vec<OpenedSkill>,
}

/// The signed code of one skill for one engine. Only [`open`] makes it.
#[derive(Debug)]
pub struct OpenedSkill {
    entry: SkillEntry,
    built: Built,
}

impl OpenedSkill {
    /// Returns the skill's entry in the manifest.
    pub fn entry(&self) -> &SkillEntry {
        &self.entry
    }

    /// Returns the engine for which the code is: [`ringfence::Target::fingerprint`].
    pub fn fingerprint(&self) -> &str {
        &self.built.fingerprint
    }

    /// Returns the code with its fingerprint and the signed description.
    pub fn into_built(self) -> Built {
        self.built
    }
}

/// The unverified claims of a bundle.
#[derive(Debug)]
#[non_exhaustive]
pub struct Claimed {
    /// The manifest.
    pub manifest: Manifest,
    /// The key that the bundle names as its signer.
    pub key: KeyId,
    /// The id of the bundle.
    pub id: BundleId,
}

/// The open file of a bundle.
#[derive(Debug)]
#[non_exhaustive]
pub struct BundleFile {
    /// The file, at its beginning.
    pub file: File,
    /// The metadata of the open file.
    pub metadata: std::fs::Metadata,
}

impl Opened {
    /// Returns the manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Returns the id of the signing key.
    pub fn key(&self) -> KeyId {
        self.key
    }

    /// Returns the id of the bundle.
    pub fn id(&self) -> BundleId {
        self.id
    }

    /// Takes the code of each skill.
    pub fn take_skills(&mut self) -> Vec<OpenedSkill> {
        std::mem::take(&mut self.skills)
    }
}

/// Opens a bundle of `size` bytes, and reads it once from beginning to end.
///
/// It accepts revoked skills; check each with [`Trust::expect_allowed`] before you use it.
///
/// # Errors
///
/// Fails with the [`BundleError`] for which the bundle is refused.
pub fn open(
    mut source: impl Read,
    size: u64,
    cap: u64,
    trust: &Trust,
    now: Time,
    wants: Wants<'_>,
) -> Result<Opened, BundleError> {
    let (header, manifest) = begin(&mut source, size, cap)?;
    let id = KeyId(header.key);
    if header.signature == [0; 64] {
        return Err(BundleError::Unsigned);
    }
    let key = trust.key(id)?;
    let message = header.message(&manifest);
    if !key.signed(&message, &header.signature) {
        return Err(BundleError::Signature);
    }
    // From here on it is what a trusted key signed.
    let manifest = parse(&manifest, &header)?;
    let bundle = BundleId::of(&message);
    trust.allow(bundle, &manifest, now)?;
    let chosen = choose(&manifest, wants)?;
    let skills = blobs(&mut source, &header, &manifest, &chosen)?;
    Ok(Opened { manifest, key: id, id: bundle, skills })
}

/// Reads the manifest and the claimed key of a bundle without verifying anything, for display.
///
/// # Errors
///
/// Fails with a [`BundleError`] if the file has no manifest.
pub fn peek(mut source: impl Read, size: u64, cap: u64) -> Result<Claimed, BundleError> {
    let (header, manifest) = begin(&mut source, size, cap)?;
    let id = BundleId::of(&header.message(&manifest));
    Ok(Claimed { manifest: parse(&manifest, &header)?, key: KeyId(header.key), id })
}

/// Opens the file of a bundle, and returns its metadata. It checks that the path is a file first, because opening a
/// pipe would wait for a writer.
///
/// # Errors
///
/// Fails with the system's errors.
pub fn open_file(path: &Path) -> std::io::Result<BundleFile> {
    let is_file = |metadata: std::fs::Metadata| {
        if metadata.is_file() { Ok(metadata) } else { Err(std::io::Error::other("not a regular file")) }
    };
    is_file(std::fs::metadata(path)?)?;
    let file = File::open(path)?;
    // Of what was opened: the name may lead elsewhere by now.
    let metadata = is_file(file.metadata()?)?;
    Ok(BundleFile { file, metadata })
}

/// Reads the header, and the manifest as bytes.
fn begin(source: &mut impl Read, size: u64, cap: u64) -> Result<(Header, Vec<u8>), BundleError> {
    if size > cap {
        return Err(BundleError::TooLarge { size, cap });
    }
    let mut header = [0; HEADER];
    if size < HEADER as u64 {
        return Err(BundleError::NotABundle);
    }
    source.read_exact(&mut header)?;
    let header = Header::read(&header)?;
    let said = (HEADER as u64).saturating_add(header.manifest.into()).saturating_add(header.blobs);
    if said != size {
        return Err(BundleError::Size { said, size });
    }
    if header.manifest > MANIFEST {
        return Err(BundleError::TooLarge { size: header.manifest.into(), cap: MANIFEST.into() });
    }
    let mut manifest = Vec::new();
    // As much as is there, and not as much as it says.
    source.take(header.manifest.into()).read_to_end(&mut manifest)?;
    if manifest.len() as u64 != u64::from(header.manifest) {
        return Err(BundleError::Size { said, size: (HEADER as u64).saturating_add(manifest.len() as u64) });
    }
    Ok((header, manifest))
}

fn parse(bytes: &[u8], header: &Header) -> Result<Manifest, BundleError> {
    let wrong =
        |reason: &str, source| BundleError::Manifest { reason: ringfence::text::clean(reason, 512), source };
    let manifest: Manifest =
        serde_json::from_slice(bytes).map_err(|error| wrong(&error.to_string(), Some(error)))?;
    manifest.check().map_err(|reason| wrong(&reason, None))?;
    if manifest.blobs() != Some(header.blobs) {
        return Err(wrong("its parts do not add up to the size of the file", None));
    }
    Ok(manifest)
}

/// Returns the selected fingerprints.
fn choose(manifest: &Manifest, wants: Wants<'_>) -> Result<Vec<usize>, BundleError> {
    match wants {
        Wants::All => Ok((0..manifest.fingerprints.len()).collect()),
        Wants::Nothing => Ok(Vec::new()),
        Wants::First(wanted) => {
            let found =
                wanted.iter().find_map(|wanted| manifest.fingerprints.iter().position(|has| has == wanted));
            found.map(|found| vec![found]).ok_or_else(|| BundleError::NoBuild {
                has: ringfence::text::clean(&manifest.fingerprints.join("; "), 1024),
                wants: wanted.join("; "),
            })
        }
    }
}

/// Reads and hashes all blobs, and keeps the selected ones.
fn blobs(
    source: &mut impl Read,
    header: &Header,
    manifest: &Manifest,
    chosen: &[usize],
) -> Result<Vec<OpenedSkill>, BundleError> {
    let mut source = Hashing { source, hasher: Sha256::new(), left: header.blobs };
    let mut skills = Vec::new();
    for entry in &manifest.skills {
        for (at, build) in entry.builds.iter().enumerate() {
            if let Some(fingerprint) = manifest.fingerprints.get(at).filter(|_| chosen.contains(&at)) {
                let code = source.keep(build.code)?;
                let description = source.keep(build.description)?;
                let built = Built { fingerprint: fingerprint.clone(), code, description };
                skills.push(OpenedSkill { entry: entry.clone(), built });
            } else {
                source.pass(build.code)?;
                source.pass(build.description)?;
            }
        }
    }
    let ends = source.source.read(&mut [0])? == 0;
    if !ends || source.left != 0 || <[u8; 32]>::from(source.hasher.finalize()) != header.digest {
        return Err(BundleError::Altered);
    }
    Ok(skills)
}

/// A reader that hashes all bytes.
struct Hashing<'a, R> {
    source: &'a mut R,
    hasher: Sha256,
    left: u64,
}

impl<R: Read> Hashing<'_, R> {
    fn keep(&mut self, len: u64) -> Result<Vec<u8>, BundleError> {
        let mut kept = Vec::new();
        // No larger than the file, whose size was checked against the cap.
        let capacity = usize::try_from(len.min(self.left)).unwrap_or(0);
        kept.try_reserve_exact(capacity)
            .map_err(|_| std::io::Error::from(std::io::ErrorKind::OutOfMemory))?;
        self.each(len, |piece| kept.extend_from_slice(piece))?;
        Ok(kept)
    }

    fn pass(&mut self, len: u64) -> Result<(), BundleError> {
        self.each(len, |_| {})
    }

    fn each(&mut self, len: u64, mut take: impl FnMut(&[u8])) -> Result<(), BundleError> {
        let mut chunk = vec![0; CHUNK];
        let mut len = len;
        while len > 0 {
            let wanted = usize::try_from(len).unwrap_or(CHUNK).min(CHUNK);
            let piece = chunk.get_mut(..wanted).unwrap_or_default();
            self.source.read_exact(piece)?;
            self.hasher.update(&*piece);
            take(piece);
            len = len.saturating_sub(wanted as u64);
            self.left = self.left.saturating_sub(wanted as u64);
        }
        Ok(())
    }
}
