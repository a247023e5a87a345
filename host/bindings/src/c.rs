//! Generates bindings for C with `wit-bindgen-c`.

use std::collections::BTreeMap;

use wit_bindgen_core::Files;
use wit_parser::{Resolve, WorldId};

use crate::Error;

/// Returns the generated files by name: a header, a source and an object file.
///
/// Header and source have the name of the world in snake case. The object file carries the types of the world into the
/// core module, so that [`component`](crate::component()) needs no WIT.
///
/// # Errors
///
/// Fails with [`Error::Unsupported`] for a type that a skill cannot have, and with [`Error::C`] if the generator fails.
pub fn bindings(resolve: &Resolve, world: WorldId) -> Result<BTreeMap<String, Vec<u8>>, Error> {
    // The generator panics on types that it does not know.
    crate::go::check(resolve, world)?;
    let mut resolve = resolve.clone();
    let mut files = Files::default();
    wit_bindgen_c::Opts::default()
        .build()
        .generate(&mut resolve, world, &mut files)
        .map_err(|error| Error::C(error.into()))?;
    Ok(files.iter().map(|(name, content)| (name.to_owned(), content.to_vec())).collect())
}
