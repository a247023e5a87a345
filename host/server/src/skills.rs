//! The skills of a server, and what is stored for their callers.

use std::sync::Arc;
use std::time::Duration;

use ringfence_store::Library;
use tokio::time::Instant;

use crate::catalog::{Found, Ready};
use crate::error::ServeError;
use crate::idempotency::Reports;
use crate::librarian::Librarian;
use crate::operator::Operator;
use crate::principal::Principal;
use crate::submissions::Submissions;

/// The skills, and what is stored for their callers.
#[derive(Debug)]
pub(crate) struct Skills {
    /// Validates, compiles, stores and begins runs.
    pub(crate) library: Library,
    /// Keeps the catalog of callable skills.
    pub(crate) librarian: Librarian,
    /// Submissions and their progress.
    pub(crate) submissions: Submissions,
    /// Reports by idempotency key.
    pub(crate) reports: Reports,
}

impl Skills {
    pub(crate) fn new(library: Library, operator: &Operator) -> Self {
        let config = operator.config.load();
        Self {
            librarian: Librarian::new(library.clone(), &operator.metrics, &operator.config),
            library,
            submissions: Submissions::default(),
            reports: Reports::new(config.idempotency.keep.get(), config.idempotency.size.bytes()),
        }
    }

    /// Returns the skill of a reference, if the caller sees it.
    ///
    /// Waits for a skill that loads, for a limited time and in the caller's account.
    pub(crate) async fn find(
        &self,
        reference: &str,
        principal: &Arc<Principal>,
        timeout: Duration,
    ) -> Result<Arc<Ready>, ServeError> {
        let ready = self.find_loaded(reference, principal, timeout).await?;
        self.librarian.is_called(&ready);
        Ok(ready)
    }

    async fn find_loaded(
        &self,
        reference: &str,
        principal: &Arc<Principal>,
        timeout: Duration,
    ) -> Result<Arc<Ready>, ServeError> {
        let found = self.librarian.catalog().find(reference, principal)?;
        match found {
            Found::Ready(ready) => Ok(ready),
            Found::Other(entry, version, digest) => {
                self.librarian.version(&entry, (version, digest), principal, timeout).await
            }
            Found::Loading(entry) => {
                let _place = principal.account.wait()?;
                let name = entry.record.name.clone();
                let until = Instant::now().checked_add(timeout);
                loop {
                    self.librarian.wake(&name).await;
                    self.librarian.hurry(&entry);
                    let now = Instant::now();
                    let left = until.map_or(timeout, |until| until.saturating_duration_since(now));
                    self.librarian.settle(&name, left).await;
                    match self.librarian.catalog().find(reference, principal)? {
                        Found::Ready(ready) => return Ok(ready),
                        // Unloaded at once, since others are called more often than there is room.
                        Found::Loading(_) if !left.is_zero() => {}
                        Found::Loading(_) | Found::Other(..) => return Err(ServeError::Loading { name }),
                    }
                }
            }
        }
    }
}
