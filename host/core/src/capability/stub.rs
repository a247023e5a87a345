//! Results of functions without anything behind them, made from their own types.

use wasmtime::StoreContextMut;
use wasmtime::component::types::ComponentFunc;
use wasmtime::component::{Resource, ResourceAny, ResourceType, Type, Val};

use crate::state::GuestState;
use crate::wasi::{Nothing, take_back};

/// Names of error cases that mean "not allowed", the best first.
const REFUSALS: &[&str] = &[
    "denied",
    "access-denied",
    "HTTP-request-denied",
    "access",
    "not-permitted",
    "not-supported",
    "unsupported",
    "closed",
];

/// What a function without anything behind it returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stub {
    /// Its own error; it traps if it has none.
    Refuse,
    /// Nothing: an empty list, no value, a handle to an empty resource; else its own error.
    Hollow,
}

impl Stub {
    /// Returns the result, or none if the function has no result or no fitting one.
    pub(super) fn answer(
        self,
        store: &mut StoreContextMut<'_, GuestState>,
        ty: &ComponentFunc,
    ) -> wasmtime::Result<Option<Val>> {
        let Some(result) = ty.results().next() else { return Ok(None) };
        Ok(match (self, result) {
            (Self::Hollow, Type::Result(result)) if result.ok().is_none() => Some(Val::Result(Ok(None))),
            (_, Type::Result(result)) => match result.err() {
                None => Some(Val::Result(Err(None))),
                Some(err) => error_of(&err).map(|value| Val::Result(Err(Some(Box::new(value))))),
            },
            // `filesystem-error-code` and its like: no code is known for an error that cannot exist.
            (_, Type::Option(_)) => Some(Val::Option(None)),
            (Self::Hollow, Type::List(_)) => Some(Val::List(Vec::new())),
            (Self::Hollow, Type::Bool) => Some(Val::Bool(false)),
            (Self::Hollow, Type::Own(ty)) if ty == ResourceType::host::<Nothing>() => {
                let shell = Resource::<Nothing>::new_own(0);
                Some(Val::Resource(ResourceAny::try_from_resource(shell, store)?))
            }
            _ => None,
        })
    }
}

fn error_of(ty: &Type) -> Option<Val> {
    match ty {
        Type::Enum(cases) => {
            let names: Vec<&str> = cases.names().collect();
            let best = REFUSALS.iter().find(|name| names.contains(name)).or_else(|| names.first())?;
            Some(Val::Enum((*best).to_owned()))
        }
        Type::Variant(variant) => {
            let plain: Vec<&str> =
                variant.cases().filter(|case| case.ty.is_none()).map(|case| case.name).collect();
            let best = REFUSALS.iter().find(|name| plain.contains(name)).or_else(|| plain.first());
            if let Some(best) = best {
                return Some(Val::Variant((*best).to_owned(), None));
            }
            // Each case has a value: a text can be made.
            let text = variant.cases().find(|case| matches!(case.ty, Some(Type::String)))?;
            Some(Val::Variant(text.name.to_owned(), Some(Box::new(Val::String("denied".into())))))
        }
        Type::String => Some(Val::String("denied".into())),
        _ => None,
    }
}

/// Returns the handles in an argument to the engine, at any depth. False if one is of an unknown kind.
///
/// It takes them as their own types, which ends the borrow. Dropping them would run a destructor, which needs a second
/// stack from the pool.
pub(super) fn give_back(store: &mut StoreContextMut<'_, GuestState>, value: &Val) -> bool {
    let mut rest = vec![value];
    while let Some(value) = rest.pop() {
        match value {
            Val::Resource(handle) if take_back(store, *handle) => {}
            Val::Resource(_) => return false,
            Val::Option(Some(inner)) => rest.push(inner),
            Val::List(items) | Val::Tuple(items) => rest.extend(items),
            Val::Record(fields) => rest.extend(fields.iter().map(|(_, value)| value)),
            Val::Variant(_, Some(inner)) => rest.push(inner),
            Val::Result(Ok(Some(inner)) | Err(Some(inner))) => rest.push(inner),
            _ => {}
        }
    }
    true
}
