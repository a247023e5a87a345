//! The two backends of a store.

use std::sync::Arc;

use crate::durable::Durable;
use crate::memory::Memory;

#[derive(Clone, Debug)]
pub(crate) enum Backend {
    Memory(Arc<Memory>),
    Durable(Arc<Durable>),
}
