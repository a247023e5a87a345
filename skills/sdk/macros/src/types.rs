//! Types: from the author's Rust, by how it is written, to those that WIT has; the others are errors that say what to
//! use instead.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};

use quote::ToTokens;
use syn::{GenericArgument, Ident, Path, PathArguments};

use crate::errors::Errors;
use crate::model::Type;

/// What the module declares under a name, as far as a type may be meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Declared {
    /// A public struct or enum.
    Type,
    /// A struct or enum that is not public.
    Private,
    /// `type Name = …;`
    Alias,
    /// A name that `use` brings from elsewhere.
    Imported,
}

/// The names of a module.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    pub(crate) names: BTreeMap<String, Declared>,
    /// The types of the module that were used and not looked at yet; among them those of functions that have errors, so
    /// that the errors of both are reported.
    used: RefCell<VecDeque<Ident>>,
}

impl Scope {
    /// A type that was used, and that is not handed out again for that use.
    pub(crate) fn next_used(&self) -> Option<Ident> {
        self.used.borrow_mut().pop_front()
    }
}

/// How many items a tuple may have: as many as the SDK converts.
const LONGEST_TUPLE: usize = 8;

/// In Rust and in WIT.
const SCALARS: &[(&str, &str)] = &[
    ("bool", "bool"),
    ("u8", "u8"),
    ("u16", "u16"),
    ("u32", "u32"),
    ("u64", "u64"),
    ("i8", "s8"),
    ("i16", "s16"),
    ("i32", "s32"),
    ("i64", "s64"),
    ("f32", "f32"),
    ("f64", "f64"),
    ("char", "char"),
];

/// Names that stand for the standard types of that name, so that a type of the module cannot have them.
pub(crate) fn is_taken(name: &str) -> bool {
    matches!(name, "String" | "Vec" | "Option" | "Result" | "Box" | "str")
        || SCALARS.iter().any(|(rust, _)| *rust == name)
}

/// The type of a parameter, and whether the function takes a reference to it.
pub(crate) fn parameter(ty: &syn::Type, scope: &Scope, errors: &mut Errors) -> Option<(Type, bool)> {
    let syn::Type::Reference(reference) = bare(ty) else {
        return value(ty, scope, errors).map(|ty| (ty, false));
    };
    if reference.mutability.is_some() {
        errors.at(ty, "a tool cannot change what its caller holds: take the value, and return the new one");
        return None;
    }
    if let Some(lifetime) = &reference.lifetime {
        errors.at(lifetime, "a tool has no lifetimes: what it takes lives as long as the call; leave it out");
        return None;
    }
    match bare(&reference.elem) {
        syn::Type::Slice(slice) => value(&slice.elem, scope, errors).map(|item| (Type::List(Box::new(item)), true)),
        elem => match last_name(elem).as_deref() {
            Some("str") => Some((Type::Text, true)),
            Some("String") => refuse(ty, errors, "write `&str`"),
            Some("Vec") => refuse(ty, errors, "write a slice, `&[T]`"),
            // A type that cannot be handed over by value either has its own error.
            _ => value(&reference.elem, scope, errors).and_then(|_| {
                let instead = shown(&reference.elem);
                refuse(ty, errors, format!("of references a tool takes `&str` and `&[T]` only: write `{instead}`"))
            }),
        },
    }
}

/// The type of a result; none for `()`.
pub(crate) fn result(ty: &syn::Type, scope: &Scope, errors: &mut Errors) -> Option<Option<Type>> {
    if is_unit(ty) { Some(None) } else { value(ty, scope, errors).map(Some) }
}

/// A type anywhere else.
pub(crate) fn value(ty: &syn::Type, scope: &Scope, errors: &mut Errors) -> Option<Type> {
    let message = match bare(ty) {
        syn::Type::Path(path) if path.qself.is_none() => return named(&path.path, scope, errors),
        syn::Type::Tuple(tuple) if tuple.elems.is_empty() => {
            "WIT has no empty type: `()` can be the result of a function, and stand in a `Result`"
        }
        syn::Type::Tuple(tuple) if tuple.elems.len() > LONGEST_TUPLE => {
            "a tuple has at most 8 items: make a struct with named fields of it"
        }
        syn::Type::Tuple(tuple) => {
            let items: Vec<_> = tuple.elems.iter().map(|item| value(item, scope, errors)).collect();
            return items.into_iter().collect::<Option<_>>().map(Type::Tuple);
        }
        syn::Type::Reference(reference) if reference.mutability.is_some() => {
            "a tool cannot change what its caller holds: take the value, and return the new one"
        }
        syn::Type::Reference(reference) => {
            let instead = match bare(&reference.elem) {
                syn::Type::Slice(_) => "`Vec<T>`".to_owned(),
                elem if last_name(elem).as_deref() == Some("str") => "`String`".to_owned(),
                elem => format!("`{}`", shown(elem)),
            };
            return refuse(
                ty,
                errors,
                format!("a reference can only be a whole parameter, `&str` or `&[T]`: write {instead}"),
            );
        }
        syn::Type::Array(_) => "WIT has no arrays of a fixed length: use `Vec<T>`, or a tuple",
        syn::Type::Slice(_) => "a slice has no size of its own: use `Vec<T>`, or `&[T]` as a parameter",
        syn::Type::ImplTrait(_) => {
            "a tool has no `impl Trait`: write the type itself, such as `Vec<T>` for an iterator"
        }
        syn::Type::TraitObject(_) => "a tool has no trait objects: write a type, or an enum of the possible ones",
        syn::Type::BareFn(_) => "a function cannot be handed over: WIT has values only",
        syn::Type::Ptr(_) => "a pointer cannot be handed over: write the type of what it points to",
        syn::Type::Never(_) => "a tool returns: write the type of its result",
        syn::Type::Infer(_) => "the macro does not infer types: write it out",
        _ => "the macro cannot tell what type this is: write it out",
    };
    refuse(ty, errors, message)
}

/// A type that is a path.
fn named(path: &Path, scope: &Scope, errors: &mut Errors) -> Option<Type> {
    let mut segments: Vec<_> = path.segments.iter().collect();
    let last = segments.pop()?;
    let name = last.ident.to_string();
    let from: Vec<_> = segments.iter().map(|segment| segment.ident.to_string()).collect();
    let standard = matches!(from.first().map(String::as_str), Some("std" | "core" | "alloc"));
    let own = from.is_empty() || (from == ["self"] && path.leading_colon.is_none());

    if own && scope.names.contains_key(&name) && !is_taken(&name) {
        return declared(path, &last.ident, &last.arguments, scope, errors);
    }
    if !own && !standard {
        let message = format!(
            "`{}` is declared elsewhere: declare it in this module, as a `pub struct` or `pub enum`",
            shown(path)
        );
        return refuse(path, errors, message);
    }
    if let Some((rust, wit)) = SCALARS.iter().find(|(rust, _)| *rust == name) {
        return no_arguments(path, &last.arguments, errors).then_some(Type::Scalar(rust, wit));
    }
    let message = match name.as_str() {
        "String" => return no_arguments(path, &last.arguments, errors).then_some(Type::Text),
        "Vec" => {
            let [item] = arguments(path, &last.arguments, errors)?;
            return value(item, scope, errors).map(|item| Type::List(Box::new(item)));
        }
        "Option" => {
            let [item] = arguments(path, &last.arguments, errors)?;
            return value(item, scope, errors).map(|item| Type::Option(Box::new(item)));
        }
        "Result" => {
            let [good, bad] = arguments(path, &last.arguments, errors)?;
            let (good, bad) = (result(good, scope, errors), result(bad, scope, errors));
            return Some(Type::Result(good?.map(Box::new), bad?.map(Box::new)));
        }
        "str" => "a bare `str` has no size of its own: use `String`, or `&str` as a parameter".to_owned(),
        "usize" => "`usize` has 32 bits in a skill and 64 on your machine: use `u32` or `u64`".to_owned(),
        "isize" => "`isize` has 32 bits in a skill and 64 on your machine: use `i32` or `i64`".to_owned(),
        "u128" | "i128" => format!(
            "WIT has no integers of 128 bits: use `{}64`, or a `String` of digits",
            name.get(..1).unwrap_or("u")
        ),
        "HashMap" | "BTreeMap" | "IndexMap" => {
            format!(
                "a `{name}` cannot be handed over: use a `Vec` of pairs, `Vec<(K, V)>`, or of a struct of the module"
            )
        }
        "HashSet" | "BTreeSet" | "VecDeque" | "LinkedList" | "BinaryHeap" => {
            format!("a `{name}` cannot be handed over: use a `Vec<T>`")
        }
        "Box" | "Rc" | "Arc" | "Cell" | "RefCell" | "Mutex" => {
            format!(
                "a `{name}` cannot be handed over: write the type in it. WIT has no types that contain themselves; a tree can be a `Vec` of nodes that refer to one another by index"
            )
        }
        "Cow" => "a `Cow` cannot be handed over: use `String`, or `Vec<T>`".to_owned(),
        "Path" | "PathBuf" | "OsStr" | "OsString" => format!("a skill has no files, and WIT no `{name}`: use `String`"),
        "Duration" | "Instant" | "SystemTime" => {
            format!("a `{name}` cannot be handed over: use a number whose name says its unit")
        }
        "Self" => "`Self` is nothing outside an `impl`: write the type's name".to_owned(),
        _ => format!(
            "`{}` is not declared in this module: declare it here, as a `pub struct` or `pub enum`",
            shown(path)
        ),
    };
    refuse(path, errors, message)
}

/// A type that the module declares.
fn declared(path: &Path, ident: &Ident, arguments: &PathArguments, scope: &Scope, errors: &mut Errors) -> Option<Type> {
    let message = match scope.names.get(&ident.to_string()) {
        Some(Declared::Type) => {
            scope.used.borrow_mut().push_back(ident.clone());
            return no_arguments(path, arguments, errors).then(|| Type::Defined(ident.clone()));
        }
        Some(Declared::Private) => format!("`{ident}` is not public: a type that tools hand over is `pub`"),
        Some(Declared::Alias) => format!("`{ident}` is an alias: write the type that it stands for"),
        Some(Declared::Imported) | None => {
            format!("`{ident}` is declared elsewhere: declare it in this module, as a `pub struct` or `pub enum`")
        }
    };
    refuse(path, errors, message)
}

fn no_arguments(path: &Path, arguments: &PathArguments, errors: &mut Errors) -> bool {
    if !arguments.is_none() {
        errors.at(path, "a type of WIT has no parameters: write one type for each use");
    }
    arguments.is_none()
}

/// The `N` types in the angle brackets.
fn arguments<'a, const N: usize>(
    path: &Path,
    arguments: &'a PathArguments,
    errors: &mut Errors,
) -> Option<[&'a syn::Type; N]> {
    let mut types = Vec::new();
    if let PathArguments::AngleBracketed(list) = arguments {
        for argument in &list.args {
            match argument {
                GenericArgument::Type(ty) => types.push(ty),
                other => return refuse(other, errors, "only a type can stand here"),
            }
        }
    }
    let given = types.len();
    types.try_into().ok().or_else(|| {
        let types = if N == 1 { "one type".to_owned() } else { format!("{N} types") };
        refuse(path, errors, format!("`{}` needs {types} in its angle brackets, and has {given}", shown(path)))
    })
}

fn refuse<T>(tokens: impl ToTokens, errors: &mut Errors, message: impl core::fmt::Display) -> Option<T> {
    errors.at(tokens, message);
    None
}

/// `ty` without parentheses around it.
fn bare(mut ty: &syn::Type) -> &syn::Type {
    loop {
        match ty {
            syn::Type::Paren(paren) => ty = &paren.elem,
            syn::Type::Group(group) => ty = &group.elem,
            _ => return ty,
        }
    }
}

fn is_unit(ty: &syn::Type) -> bool {
    matches!(bare(ty), syn::Type::Tuple(tuple) if tuple.elems.is_empty())
}

fn last_name(ty: &syn::Type) -> Option<String> {
    match bare(ty) {
        syn::Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
        _ => None,
    }
}

/// Tokens as one writes them.
fn shown(tokens: impl ToTokens) -> String {
    let mut text = tokens.to_token_stream().to_string();
    for (from, to) in [(" :: ", "::"), (":: ", "::"), (" <", "<"), ("< ", "<"), (" >", ">"), (" ,", ","), ("& ", "&")] {
        text = text.replace(from, to);
    }
    text
}
