//! Whether a function has only types that a skill can have.

use wit_parser::{Function, FunctionKind, Resolve, Type, TypeDefKind};

use super::{Side, Used};
use crate::Error;

pub(super) fn function(resolve: &Resolve, used: &Used<'_>, side: Side) -> Result<(), Error> {
    let refused = |what: &str| Error::Unsupported {
        function: match &used.module {
            Some(module) => format!("{module}#{}", used.function.name),
            None => used.function.name.clone(),
        },
        what: what.to_owned(),
    };
    match used.function.kind {
        FunctionKind::Freestanding => {}
        FunctionKind::Method(_) | FunctionKind::Static(_) | FunctionKind::Constructor(_)
            if side == Side::Import => {}
        FunctionKind::AsyncFreestanding => return Err(refused("an async function")),
        _ => return Err(refused("a function of a resource")),
    }
    for ty in types(used.function) {
        plain(resolve, ty, side).map_err(refused)?;
    }
    Ok(())
}

pub(super) fn types(function: &Function) -> impl Iterator<Item = &Type> {
    function.params.iter().map(|param| &param.ty).chain(function.result.as_ref())
}

/// Returns what is no plain value in a type. A skill can hold a resource of the host, and exports none.
///
/// WIT has no recursive types, so this ends.
fn plain(resolve: &Resolve, ty: &Type, side: Side) -> Result<(), &'static str> {
    let id = match ty {
        Type::ErrorContext => return Err("an error-context"),
        Type::Id(id) => id,
        _ => return Ok(()),
    };
    let parts: Vec<&Type> = match &resolve.types[*id].kind {
        TypeDefKind::Record(record) => record.fields.iter().map(|field| &field.ty).collect(),
        TypeDefKind::Tuple(tuple) => tuple.types.iter().collect(),
        TypeDefKind::Variant(variant) => variant.cases.iter().filter_map(|case| case.ty.as_ref()).collect(),
        TypeDefKind::Option(inner) | TypeDefKind::List(inner) | TypeDefKind::Type(inner) => vec![inner],
        TypeDefKind::Result(result) => result.ok.iter().chain(&result.err).collect(),
        TypeDefKind::Enum(_) | TypeDefKind::Flags(_) => return Ok(()),
        TypeDefKind::Handle(_) if side == Side::Import => return Ok(()),
        TypeDefKind::Resource | TypeDefKind::Handle(_) => return Err("a resource"),
        TypeDefKind::Map(..) => return Err("a map"),
        TypeDefKind::FixedLengthList(..) => return Err("a list of fixed length"),
        TypeDefKind::Future(_) => return Err("a future"),
        TypeDefKind::Stream(_) => return Err("a stream"),
        TypeDefKind::Unknown => return Err("an unknown type"),
    };
    parts.into_iter().try_for_each(|part| plain(resolve, part, side))
}
