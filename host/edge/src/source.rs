//! Sources of bundles: a path or an HTTPS URL, polled for new bundles.
//!
//! A poll reads a path if its file is new or changed. It sends a URL's server the entity tag of the active bundle. A
//! refused bundle is tried again at the next poll: a clock may be set, or a key added by then.

#[cfg(feature = "https")]
pub mod https;

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use ringfence_bundle::{BundleFile, open_file};
#[cfg(feature = "https")]
use ringfence_files::{PRIVATE, replace};

use crate::{BundleError, Change, Worker};

/// The source of a bundle.
#[derive(Debug, Clone)]
pub enum Source {
    /// A file.
    Path(PathBuf),
    /// A server.
    #[cfg(feature = "https")]
    Url(https::Url),
}

/// Why a poll found no bundle.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The bundle was refused.
    #[error(transparent)]
    Refused(#[from] BundleError),
    /// The bundle could not be fetched.
    #[error("{0}")]
    Unreachable(String),
    /// The bundle is active but could not be cached, so the next start without network lacks it.
    #[error("the new bundle is in use, but cannot be cached in {path}: {source}")]
    Cache {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The text is no source of bundles.
    #[error("{0}")]
    Place(String),
}

impl Source {
    /// Parses a path or an `https:` URL. The certificates of `ca`, or else the web's, verify the server.
    ///
    /// # Errors
    ///
    /// Fails with [`SourceError::Place`] for an invalid URL or another scheme, and in builds without HTTPS.
    pub fn parse(text: &str, ca: Option<&Path>) -> Result<Self, SourceError> {
        let scheme = text.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        match scheme.as_deref() {
            None if ca.is_some() => Err(SourceError::Place(
                "--ca needs a bundle from an https URL, but the bundle is a file".to_owned(),
            )),
            None => Ok(Self::Path(text.into())),
            #[cfg(feature = "https")]
            Some("https") => Ok(Self::Url(https::Url::parse(text, ca)?)),
            #[cfg(not(feature = "https"))]
            Some("https") => Err(SourceError::Place(
                "this worker cannot fetch URLs; build it with `--features https`, or pass a path".to_owned(),
            )),
            Some(other) => {
                let other = ringfence::text::clean(other, 20);
                Err(SourceError::Place(format!(
                    "unsupported URL scheme `{other}`; pass a path or an https URL"
                )))
            }
        }
    }
}

/// Polls a source for new bundles.
#[derive(Debug)]
pub struct Updater {
    worker: Worker,
    source: Source,
    cache: Option<PathBuf>,
    /// The file of the active bundle.
    stamp: Option<Stamp>,
    /// The entity tag of the active bundle.
    #[cfg(feature = "https")]
    tag: Option<String>,
}

/// Properties that distinguish two files at one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    size: u64,
    inode: u64,
}

impl Updater {
    /// Creates a poller for a worker. `cache` is the file for the last good bundle of a URL.
    pub fn new(worker: Worker, source: Source, cache: Option<PathBuf>) -> Self {
        Self {
            worker,
            source,
            cache,
            stamp: None,
            #[cfg(feature = "https")]
            tag: None,
        }
    }

    /// Loads the cached bundle of an earlier run, if any.
    ///
    /// # Errors
    ///
    /// Fails with [`SourceError::Refused`].
    pub async fn from_cache(&mut self) -> Result<Option<Change>, SourceError> {
        let Some(path) = self.cache.clone().filter(|path| path.exists()) else { return Ok(None) };
        let worker = self.worker.clone();
        blocking(move || worker.load_file(path)).await.map(Some)
    }

    /// Polls once.
    ///
    /// # Errors
    ///
    /// Fails with a [`SourceError`]; the active bundle stays.
    pub async fn look(&mut self) -> Result<Change, SourceError> {
        match self.source.clone() {
            Source::Path(path) => {
                let worker = self.worker.clone();
                // Where nothing serves any more, or a revocation was withdrawn, the same file may be good again.
                let known = self.stamp.filter(|_| self.worker.is_complete());
                let (change, stamp) = blocking(move || {
                    // Of the open file, so that the stamp is that of what is read.
                    let BundleFile { file, metadata, .. } = open_file(&path)?;
                    let stamp = Stamp::of(&metadata);
                    let change = if known == Some(stamp) {
                        Change::Unchanged
                    } else {
                        worker.load(file, metadata.len())?
                    };
                    Ok((change, stamp))
                })
                .await?;
                self.stamp = Some(stamp);
                Ok(change)
            }
            #[cfg(feature = "https")]
            Source::Url(url) => self.fetch(&url).await,
        }
    }

    #[cfg(feature = "https")]
    async fn fetch(&mut self, url: &https::Url) -> Result<Change, SourceError> {
        let tag = self.tag.as_deref().filter(|_| self.worker.is_complete());
        let Some(fetched) = url.fetch(tag, self.worker.largest_bundle()).await? else {
            return Ok(Change::Unchanged);
        };
        let https::Fetched { bytes, tag } = fetched;
        let (worker, cache) = (self.worker.clone(), self.cache.clone());
        let (change, kept) = blocking(move || {
            let change = worker.load(&*bytes, bytes.len() as u64)?;
            // Only what was taken is kept.
            let kept = cache.map_or(Ok(()), |path| {
                replace(&path, &bytes, PRIVATE).map_err(|source| SourceError::Cache { path, source })
            });
            Ok((change, kept))
        })
        .await?;
        // What could not be kept is fetched again, and kept then.
        kept?;
        self.tag = tag;
        Ok(change)
    }
}

impl Stamp {
    fn of(metadata: &std::fs::Metadata) -> Self {
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(metadata);
        #[cfg(not(unix))]
        let inode = 0;
        Self { modified: metadata.modified().ok(), size: metadata.len(), inode }
    }
}

/// Reads, hashes and maps on a blocking thread.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BundleError> + Send + 'static,
) -> Result<T, SourceError> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|error| BundleError::Io(io::Error::other(error)))??)
}
