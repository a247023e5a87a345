//! The answer of a function that lends nothing: the error of its own signature, else a trap.

use wasmtime::component::types::ComponentFunc;
use wasmtime::component::{Type, Val};

use crate::state::{GuestState, Stop};

/// Error cases that say "you may not", in the words of the interfaces at hand, best first.
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

/// Puts the error into `results`, or ends the run with the trap `not-lent`.
pub(crate) fn refuse_with(
    state: &mut GuestState,
    function: &str,
    ty: &ComponentFunc,
    results: &mut [Val],
) -> wasmtime::Result<()> {
    let answer = match ty.results().next() {
        Some(Type::Result(result)) => match result.err() {
            None => Some(Val::Result(Err(None))),
            Some(err) => error_of(&err).map(|value| Val::Result(Err(Some(Box::new(value))))),
        },
        // `filesystem-error-code` and its like: no code is known for an error that cannot exist.
        Some(Type::Option(_)) => Some(Val::Option(None)),
        _ => None,
    };
    match (answer, results) {
        (Some(answer), [slot]) => {
            *slot = answer;
            Ok(())
        }
        _ => Err(state.stop(Stop::Trap("not-lent", format!("`{function}` is not lent to skills")))),
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
            let best = REFUSALS.iter().find(|name| plain.contains(name)).or_else(|| plain.first())?;
            Some(Val::Variant((*best).to_owned(), None))
        }
        Type::String => Some(Val::String("denied".into())),
        _ => None,
    }
}
