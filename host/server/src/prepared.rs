//! The grants of one skill, prepared once for all its calls, and again after a reload.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use ringfence_capabilities::SkillGrants;

/// The place of a skill's grants. They are prepared at the first use after a load or a reload.
#[derive(Debug, Default)]
pub(crate) struct Prepared(ArcSwapOption<Grants>);

/// Grants, with the number of the configuration that they are of.
#[derive(Debug)]
pub(crate) struct Grants {
    number: u64,
    pub(crate) of_skill: SkillGrants,
}

impl Prepared {
    /// Returns the grants under a configuration. `prepare` makes them if they are of another one, or of none.
    pub(crate) fn get(&self, number: u64, prepare: impl FnOnce() -> SkillGrants) -> Arc<Grants> {
        if let Some(prepared) = self.0.load_full().filter(|prepared| prepared.number == number) {
            return prepared;
        }
        let prepared = Arc::new(Grants { number, of_skill: prepare() });
        self.0.store(Some(Arc::clone(&prepared)));
        prepared
    }
}
