//! Submits a component, in named steps: check, compile, record.

use ringfence::{SkillDescription, ValidatedSkill};

use super::warning::{Warning, warnings};
use super::{Inner, Library, Stage};
use crate::artifacts::Miss;
use crate::change::{Receipt, Submit};
use crate::error::StoreError;
use crate::record::Entry;

/// An accepted submission.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Submitted {
    /// The receipt.
    pub receipt: Receipt,
    /// The description of the skill.
    pub description: SkillDescription,
    /// Bytes of its code, if it was compiled now.
    pub code: Option<u64>,
    /// Warnings for the submitter.
    pub warnings: Vec<Warning>,
}

/// The description of the version that a submission is compared with.
///
/// It is made before the store's lock is taken, because reading a component takes long. Under the lock it serves, unless
/// another version became current since.
#[derive(Debug, Default)]
struct Compared(Option<SkillDescription>);

impl Compared {
    fn with(&mut self, inner: &Inner, current: &Entry) -> Result<SkillDescription, StoreError> {
        let known = self.0.take().filter(|known| known.digest() == current.digest);
        let described = match known {
            Some(known) => known,
            None => inner.describe(current)?,
        };
        Ok(self.0.insert(described).clone())
    }
}

impl Library {
    /// Submits a component: validates it, compiles it in a child, stores the code, and makes it visible under its
    /// name in one step.
    ///
    /// When this returns, the submission is on the disk. Checks that need no compilation come first.
    ///
    /// # Errors
    ///
    /// Fails with a [`StoreError`]. The store then looks as before.
    pub async fn submit(
        &self,
        bytes: Vec<u8>,
        submit: Submit,
        mut on: impl FnMut(Stage),
    ) -> Result<Submitted, StoreError> {
        on(Stage::Validating);
        let (skill, compared) = self.check_submission(bytes, submit.clone()).await?;
        let description = skill.described();
        let mut warnings = warnings(description.tools(), description.imports());
        let code = match self.kept(skill.digest(), false).await {
            Ok(_) => None,
            Err(miss) => {
                let compiled = self.compile_submission(&skill, &description, miss, &mut on).await?;
                warnings.extend(compiled.1);
                Some(compiled.0)
            }
        };
        on(Stage::Keeping);
        let receipt = self.record(skill, submit, compared).await?;
        Ok(Submitted { receipt, description, code, warnings })
    }

    /// Checks whether the store would accept a submission, before anything costs time.
    async fn check_submission(
        &self,
        bytes: Vec<u8>,
        submit: Submit,
    ) -> Result<(ValidatedSkill, Compared), StoreError> {
        self.blocking(move |inner| {
            let store = inner.store()?;
            // Before anything tells of the bytes: whose the name is.
            store.expect_owner(&submit.name, &submit.owner)?;
            store.policy()?.check_upload(bytes.len() as u64)?;
            let skill = inner.host.validate(bytes)?;
            let mut compared = Compared::default();
            store.would_take(&skill, &submit, |current| compared.with(inner, current))?;
            Ok((skill, compared))
        })
        .await
    }

    /// Compiles a submission and stores its code. Returns the size of the code, and what the submitter should know.
    async fn compile_submission(
        &self,
        skill: &ValidatedSkill,
        description: &SkillDescription,
        miss: Miss,
        on: &mut impl FnMut(Stage),
    ) -> Result<(u64, Vec<Warning>), StoreError> {
        on(Stage::Compiling { miss: miss.clone(), size: description.size() });
        let artifact = self.compiler().compile_watched(skill, |stage| on(Stage::Compiler(stage))).await?;
        let linked = self.link_and_keep(description, artifact).await?;
        let rejected = match miss {
            Miss::Rejected(reason) => Some(Warning::ArtifactRejected { reason }),
            _ => None,
        };
        let not_kept = linked.not_kept.map(|reason| Warning::NotKept { reason });
        Ok((linked.code, rejected.into_iter().chain(not_kept).collect()))
    }

    /// Makes a submission visible under its name, in the owner's turn.
    async fn record(
        &self,
        skill: ValidatedSkill,
        submit: Submit,
        mut compared: Compared,
    ) -> Result<Receipt, StoreError> {
        let turn = self.turn(&submit.owner).await;
        self.change_with(turn, move |inner| {
            inner.store()?.submit(&skill, &submit, |current| compared.with(inner, current))
        })
        .await
    }
}
