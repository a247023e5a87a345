//! Verifies every file of a store: hashes all again, lists damaged and foreign files, and repairs nothing.

use std::collections::{BTreeMap, BTreeSet};

use ringfence::{Digest, text};
use serde::Serialize;

use crate::artifacts::{Artifacts, Key, Miss, digest_of, name_of};
use crate::error::StoreError;
use crate::folder::{is_draft, kind};
use crate::open::{FILES, FOLDERS};
use crate::retired::{NEXT, retired_name};
use crate::store::{Store, component_file};

/// The result of a verification.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct Verification {
    /// Names checked.
    pub skills: u64,
    /// Components hashed.
    pub components: u64,
    /// Artifacts authenticated.
    pub artifacts: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Findings, in the order of the store's directories.
    pub findings: Vec<Finding>,
    /// Whether a record could not be read, so that its components are unknown.
    #[serde(skip)]
    unread: bool,
}

/// A file that is not as the store wrote it.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The file, from the root of the store.
    pub path: String,
    /// The kind of the finding.
    pub problem: Problem,
    /// The details.
    pub message: String,
    /// Versions that do not run because of it, as `name@version`.
    pub skills: Vec<String>,
    /// How to repair it.
    pub next: &'static str,
}

/// Kinds of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Problem {
    /// A damaged record, component, key or policy.
    Damaged,
    /// A missing component of a record.
    Missing,
    /// An artifact that this store did not write. It never loads; the skill is compiled again.
    Artifact,
    /// A foreign link or file. The store never follows or reads it.
    Foreign,
    /// A component without a version.
    Leftover,
}

impl Problem {
    /// Returns whether the finding keeps a skill from running or shows a foreign change. Leftovers do neither.
    pub fn is_failure(self) -> bool {
        match self {
            Self::Damaged | Self::Missing | Self::Artifact | Self::Foreign => true,
            Self::Leftover => false,
        }
    }
}

impl Verification {
    /// Returns whether nothing is damaged, missing or foreign.
    pub fn is_sound(&self) -> bool {
        !self.findings.iter().any(|finding| finding.problem.is_failure())
    }

    fn find(&mut self, path: String, problem: Problem, message: impl Into<String>, next: &'static str) {
        // Whoever made the file chose its name.
        let path = text::clean(&path, 512);
        self.findings.push(Finding { path, problem, message: message.into(), skills: Vec::new(), next });
    }
}

/// Bytes and versions of each digest of a record.
type Uses = BTreeMap<Digest, (u64, Vec<String>)>;

impl Store {
    /// Verifies every file. `progress` receives the number of finished components and their total.
    ///
    /// # Errors
    ///
    /// Fails with a [`StoreError`] if a directory of the store cannot be listed.
    pub fn verify(&self, mut progress: impl FnMut(u64, u64)) -> Result<Verification, StoreError> {
        let mut found = Verification::default();
        self.verify_root(&mut found)?;
        let uses = self.verify_records(&mut found)?;
        self.verify_components(&uses, &mut found, &mut progress)?;
        self.verify_artifacts(&mut found)?;
        self.verify_rest(&mut found)?;
        Ok(found)
    }

    fn verify_root(&self, found: &mut Verification) -> Result<(), StoreError> {
        for name in self.root.names()? {
            if !FOLDERS.contains(&name.as_str()) && !FILES.contains(&name.as_str()) {
                // What is not UTF-8 is not found again under the name that is shown.
                let what = self.root.look(&name).map_or("an unknown file name", |found| kind(&found));
                found.find(name, Problem::Foreign, what, "move it away");
                continue;
            }
            let Some(metadata) = self.root.look(&name) else { continue };
            let fits = (metadata.is_dir() && FOLDERS.contains(&name.as_str()))
                || (metadata.is_file() && FILES.contains(&name.as_str()));
            if !fits {
                found.find(name, Problem::Foreign, kind(&metadata), "move it away");
            }
        }
        if let Err(error) = self.tokens() {
            let next = "no token works until you restore the file, or move it away and create new tokens";
            found.find("tokens.json".into(), problem_of(&error), reason_of(&error), next);
        }
        if let Err(error) = self.prefixes() {
            let next =
                "submissions fail until you restore the file, or move it away and reserve the prefixes again";
            found.find("prefixes.json".into(), problem_of(&error), reason_of(&error), next);
        }
        if let Err(error) = self.policy() {
            let next = "restore the defaults with `ringfence policy --reset`";
            found.find("policy.json".into(), problem_of(&error), reason_of(&error), next);
        }
        Ok(())
    }

    fn verify_records(&self, found: &mut Verification) -> Result<Uses, StoreError> {
        let mut uses = Uses::new();
        for file in self.names.names()? {
            if let Some(name) = retired_name(&file) {
                if let Err(error) = self.gone(&name) {
                    found.find(self.names.label(&file), problem_of(&error), reason_of(&error), NEXT);
                }
                continue;
            }
            let Some(name) = name_of(&file) else {
                found.find(self.names.label(&file), Problem::Foreign, "not a skill name", "move it away");
                continue;
            };
            found.skills = found.skills.saturating_add(1);
            match self.record(&name) {
                Ok(None) => {}
                Ok(Some(record)) => {
                    for entry in &record.versions {
                        let (_, users) = uses.entry(entry.digest).or_insert((entry.size, Vec::new()));
                        users.push(format!("{name}@{}", entry.version));
                    }
                }
                Err(error) => {
                    let problem = problem_of(&error);
                    let next = "restore the file, or move it away and submit the skill again";
                    found.find(self.names.label(&file), problem, reason_of(&error), next);
                    found.unread = true;
                    if let Some(finding) = found.findings.last_mut() {
                        finding.skills.push(name.to_string());
                    }
                }
            }
        }
        Ok(uses)
    }

    fn verify_components(
        &self,
        uses: &Uses,
        found: &mut Verification,
        progress: &mut impl FnMut(u64, u64),
    ) -> Result<(), StoreError> {
        let total = uses.len() as u64;
        let unread = found.unread;
        let mut seen = BTreeSet::new();
        for file in self.components.names()? {
            let path = self.components.label(&file);
            let Some(digest) = digest_of(&file, ".wasm") else {
                found.find(path, Problem::Foreign, "not a component name", "move it away");
                continue;
            };
            seen.insert(digest);
            let Some((size, users)) = uses.get(&digest) else {
                if let Some(metadata) = self.components.look(&file).filter(|found| !found.is_file()) {
                    found.find(path, Problem::Foreign, kind(&metadata), "move it away");
                    continue;
                }
                // A record that cannot be read may point at it.
                if !unread {
                    found.find(path, Problem::Leftover, "no skill uses it", "delete it with `ringfence gc`");
                }
                continue;
            };
            progress(found.components, total);
            found.components = found.components.saturating_add(1);
            match self.component(digest, *size) {
                Ok(bytes) => found.bytes = found.bytes.saturating_add(bytes.len() as u64),
                // Removed since the records were read.
                Err(_) if !self.is_used(digest)? => {}
                Err(error) => {
                    found.find(path, problem_of(&error), reason_of(&error), "submit the skill again");
                    if let Some(finding) = found.findings.last_mut() {
                        finding.skills.clone_from(users);
                    }
                }
            }
        }
        progress(total, total);
        for (digest, (_, users)) in uses.iter().filter(|(digest, _)| !seen.contains(digest)) {
            if !self.is_used(*digest)? {
                continue;
            }
            let path = self.components.label(&component_file(*digest));
            found.find(path, Problem::Missing, "missing", "submit the skill again");
            if let Some(finding) = found.findings.last_mut() {
                finding.skills.clone_from(users);
            }
        }
        Ok(())
    }

    fn verify_artifacts(&self, found: &mut Verification) -> Result<(), StoreError> {
        let key = match Key::read(&self.root) {
            Ok(key) => key,
            Err(error) => {
                let next = "delete it; the store creates a new key and compiles every skill again";
                found.find("key".into(), problem_of(&error), reason_of(&error), next);
                None
            }
        };
        let again = "delete it; the skill is compiled again at its next load";
        for engine in self.artifacts.names()? {
            let label = self.artifacts.label(&engine);
            let folder =
                digest_of(&engine, "").map(|fingerprint| (fingerprint, self.artifacts.folder(&engine)));
            let Some((fingerprint, Ok(Some(folder)))) = folder else {
                found.find(label, Problem::Foreign, "not an artifact directory", "move it away");
                continue;
            };
            let files = folder.names()?;
            let Some(key) = key.as_ref() else {
                if !files.is_empty() {
                    found.find(label, Problem::Artifact, "the key that authenticates them is missing", again);
                }
                continue;
            };
            let artifacts = Artifacts { folder, key, fingerprint };
            for file in files {
                let path = artifacts.folder.label(&file);
                let Some(digest) = digest_of(&file, ".cwasm") else {
                    found.find(path, Problem::Foreign, "not an artifact name", "move it away");
                    continue;
                };
                found.artifacts = found.artifacts.saturating_add(1);
                let size = artifacts.folder.look(&file).map_or(0, |metadata| metadata.len());
                found.bytes = found.bytes.saturating_add(size);
                match artifacts.check(digest) {
                    // Removed since the directory was read.
                    Ok(()) | Err(Miss::Absent) => {}
                    Err(Miss::Rejected(reason) | Miss::Unreadable(reason) | Miss::NoStore(reason)) => {
                        found.find(path, Problem::Artifact, reason, again);
                    }
                }
            }
        }
        Ok(())
    }

    fn verify_rest(&self, found: &mut Verification) -> Result<(), StoreError> {
        for file in self.revoked.names()? {
            let path = self.revoked.label(&file);
            match digest_of(&file, ".json") {
                None => found.find(path, Problem::Foreign, "not a revocation name", "move it away"),
                Some(digest) if self.revocation(digest).is_none() => {
                    let next = "move it away and revoke the digest again; the digest stays revoked";
                    found.find(path, Problem::Damaged, "unreadable; the digest counts as revoked", next);
                }
                Some(_) => {}
            }
        }
        let scratch = self.scratch.folder();
        for file in scratch.names()? {
            let path = scratch.label(&file);
            if !is_draft(&file) {
                found.find(path, Problem::Foreign, "not a draft name", "move it away");
            } else if let Some(metadata) = scratch.look(&file).filter(|found| !found.is_file()) {
                found.find(path, Problem::Foreign, kind(&metadata), "move it away");
            }
        }
        Ok(())
    }
}

/// Returns what is wrong, without the path, which the finding has.
fn reason_of(error: &StoreError) -> String {
    match error {
        StoreError::Damaged { reason, .. } => reason.clone(),
        StoreError::Foreign { found, expected, .. } => format!("{found}; expected {expected}"),
        _ => error.to_string(),
    }
}

fn problem_of(error: &StoreError) -> Problem {
    match error {
        StoreError::Foreign { .. } => Problem::Foreign,
        _ => Problem::Damaged,
    }
}
