//! The commands for workers at the edge: `bundle`, `bundle verify`, `bundle show`, `keygen`.

mod bundle;
mod keygen;
mod look;
mod policy;
mod version;

pub(crate) use bundle::exec as bundle;
pub(crate) use keygen::exec as keygen;

use ringfence_bundle::BundleError;

use crate::exit;
use crate::output::Refused;

/// Bytes of the largest bundle that is read here.
const CAP: u64 = 4 << 30;

impl From<BundleError> for Refused {
    fn from(error: BundleError) -> Self {
        Self { exit: exit::of_fault(error.fault()), code: error.code(), ..Self::fault(error.to_string()) }
    }
}

/// A file that was named and cannot be used.
fn usage(code: &'static str, message: String) -> Refused {
    Refused { exit: exit::USAGE, code, ..Refused::fault(message) }
}
