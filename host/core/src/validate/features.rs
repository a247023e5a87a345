//! Checks that a component uses only allowed WebAssembly proposals, and names others.

use wasmparser::types::Types;
use wasmparser::{Validator, WasmFeatures};

use super::refusals::Refusals;
use crate::error::Refusal;

/// Proposals that a skill can use. Multi-memory is on in the engine (its own adapters need it) and off here.
pub(super) const ALLOWED: WasmFeatures = WasmFeatures::MUTABLE_GLOBAL
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::SIMD)
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::FLOATS)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::COMPONENT_MODEL);

/// Proposals that are off, with their names.
const OFF: &[(WasmFeatures, &str)] = &[
    (WasmFeatures::CM_ASYNC, "component-model-async"),
    (WasmFeatures::CM_ASYNC_STACKFUL, "component-model-async-stackful"),
    (WasmFeatures::CM_MORE_ASYNC_BUILTINS, "component-model-more-async-builtins"),
    (WasmFeatures::CM_THREADING, "component-model-threading"),
    (WasmFeatures::CM_ERROR_CONTEXT, "component-model-error-context"),
    (WasmFeatures::CM_FIXED_LENGTH_LISTS, "component-model-fixed-length-lists"),
    (WasmFeatures::CM_MAP, "component-model-map"),
    (WasmFeatures::CM_VALUES, "component-model-values"),
    (WasmFeatures::CM_NESTED_NAMES, "component-model-nested-names"),
    (WasmFeatures::CM_GC, "component-model-gc"),
    (WasmFeatures::CM64, "component-model-memory64"),
    (WasmFeatures::CM_IMPLEMENTS, "component-model-implements"),
    (WasmFeatures::CM_CANON_NAMES, "component-model-canonical-names"),
    (WasmFeatures::MULTI_MEMORY, "multi-memory"),
    (WasmFeatures::MEMORY64, "memory64"),
    (WasmFeatures::THREADS, "threads"),
    (WasmFeatures::SHARED_EVERYTHING_THREADS, "shared-everything-threads"),
    (WasmFeatures::EXCEPTIONS, "exceptions"),
    (WasmFeatures::LEGACY_EXCEPTIONS, "legacy-exceptions"),
    (WasmFeatures::GC, "gc"),
    (WasmFeatures::GC_TYPES, "gc-types"),
    (WasmFeatures::FUNCTION_REFERENCES, "function-references"),
    (WasmFeatures::RELAXED_SIMD, "relaxed-simd"),
    (WasmFeatures::STACK_SWITCHING, "stack-switching"),
    (WasmFeatures::CUSTOM_PAGE_SIZES, "custom-page-sizes"),
    (WasmFeatures::WIDE_ARITHMETIC, "wide-arithmetic"),
    (WasmFeatures::MEMORY_CONTROL, "memory-control"),
    (WasmFeatures::CUSTOM_DESCRIPTORS, "custom-descriptors"),
    (WasmFeatures::COMPACT_IMPORTS, "compact-imports"),
];

/// Returns the types of a component that uses only allowed proposals. Otherwise it adds refusals, and still returns the
/// types if the component would be valid with every proposal on.
pub(super) fn validate(bytes: &[u8], refusals: &mut Refusals) -> Option<Types> {
    let first = match check(bytes, ALLOWED) {
        Ok(types) => return Some(types),
        Err(error) => error,
    };
    let (offset, message) = first;
    // Proposals build on one another, so each is switched off alone: the ones without which the
    // component is invalid are the ones that it uses.
    let Ok(types) = check(bytes, WasmFeatures::all()) else {
        // Perhaps valid in itself, but for two proposals that exclude each other; the first error of
        // the strict pass names the place either way.
        refusals.push(Refusal::Malformed { offset, message });
        return None;
    };
    let before = refusals.len();
    name_used(bytes, OFF, refusals);
    if refusals.len() == before {
        refusals.push(Refusal::Malformed { offset, message });
    }
    Some(types)
}

/// Adds each proposal of `off` without which the component is invalid. It bisects: a pass over a large file takes
/// tenths of a second, and most such files use one or two proposals.
fn name_used(bytes: &[u8], off: &[(WasmFeatures, &'static str)], refusals: &mut Refusals) {
    let all = off.iter().fold(WasmFeatures::empty(), |set, (feature, _)| set.union(*feature));
    let Err((offset, message)) = check(bytes, WasmFeatures::all().difference(all)) else { return };
    match off {
        [] => {}
        [(_, feature)] => refusals.push(Refusal::FeatureOff { feature, offset, message }),
        more => {
            let (left, right) = more.split_at(more.len() / 2);
            name_used(bytes, left, refusals);
            name_used(bytes, right, refusals);
        }
    }
}

fn check(bytes: &[u8], features: WasmFeatures) -> Result<Types, (u64, String)> {
    Validator::new_with_features(features)
        .validate_all(bytes)
        .map_err(|error| (error.offset() as u64, clean(error.message())))
}

/// Cleans the validator's text, which quotes names from the file: cut, without control characters.
fn clean(message: &str) -> String {
    crate::text::clean(message, 512)
}
