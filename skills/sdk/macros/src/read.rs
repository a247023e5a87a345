//! Reads a module: which of its items are tools and which types they reach, or every reason why they cannot be.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::{Attribute, Field, Fields, FnArg, Ident, Item, ItemFn, ItemMod, Pat, ReturnType, UseTree, Visibility};

use crate::errors::Errors;
use crate::model::{Defined, Function, Member, Name, Parameter, Shape, Skill, Type};
use crate::types::{self, Declared, Scope};
use crate::{docs, names};

/// The skill that a module is.
pub(crate) fn skill(module: &ItemMod) -> Result<Skill, syn::Error> {
    let mut errors = Errors::default();
    let skill = read(module, &mut errors);
    match (errors.finish(), skill) {
        (Some(error), _) => Err(error),
        (None, Some(skill)) => Ok(skill),
        (None, None) => Err(syn::Error::new_spanned(&module.ident, "this module could not be read")),
    }
}

fn read(module: &ItemMod, errors: &mut Errors) -> Option<Skill> {
    let Some((_, items)) = &module.content else {
        errors.at(module, "write the module here, with its braces: the attribute cannot see into another file");
        return None;
    };
    let name = small_name(&module.ident, errors);
    let docs = docs::lines(&module.attrs, errors);
    let scope = scope(items);

    let tools: Vec<&ItemFn> = items.iter().filter_map(tool).collect();
    if tools.is_empty() {
        errors.at(
            &module.ident,
            "this module has no `pub fn`: each public function is a tool, and a skill has at least one",
        );
    }
    let functions: Vec<_> = tools.iter().filter_map(|item| function(item, &scope, errors)).collect();
    let mut types = reached(items, &scope, errors);
    recursion(&types, errors);
    tell_apart(&functions, &mut types, errors);
    Some(Skill { name: name?, docs, functions, types })
}

/// The function that an item is, if it is public.
fn tool(item: &Item) -> Option<&ItemFn> {
    match item {
        Item::Fn(function) if is_public(&function.vis) => Some(function),
        _ => None,
    }
}

fn is_public(vis: &Visibility) -> bool {
    matches!(vis, Visibility::Public(_))
}

/// What the module declares, as far as a type may be meant.
fn scope(items: &[Item]) -> Scope {
    let kind = |vis| if is_public(vis) { Declared::Type } else { Declared::Private };
    let mut scope = Scope::default();
    let names = &mut scope.names;
    for item in items {
        match item {
            Item::Struct(item) => drop(names.insert(item.ident.to_string(), kind(&item.vis))),
            Item::Enum(item) => drop(names.insert(item.ident.to_string(), kind(&item.vis))),
            Item::Type(item) => drop(names.insert(item.ident.to_string(), Declared::Alias)),
            Item::Use(item) => imported(&item.tree, names),
            _ => {}
        }
    }
    scope
}

/// The names that the module imports from anywhere, and those of its own macros.
pub(crate) fn imports(items: &[Item]) -> BTreeSet<String> {
    fn names(tree: &UseTree, all: &mut BTreeSet<String>) {
        match tree {
            UseTree::Path(path) => names(&path.tree, all),
            UseTree::Name(name) => drop(all.insert(name.ident.to_string())),
            UseTree::Rename(rename) => drop(all.insert(rename.rename.to_string())),
            UseTree::Group(group) => group.items.iter().for_each(|tree| names(tree, all)),
            UseTree::Glob(_) => {}
        }
    }
    let mut all = BTreeSet::new();
    for item in items {
        match item {
            Item::Use(item) => names(&item.tree, &mut all),
            Item::Macro(item) => all.extend(item.ident.as_ref().map(ToString::to_string)),
            _ => {}
        }
    }
    all
}

/// The names that a `use` brings. What the standard library has keeps the message that is made for it.
fn imported(tree: &UseTree, names: &mut BTreeMap<String, Declared>) {
    match tree {
        UseTree::Path(path) if path.ident == "std" || path.ident == "core" || path.ident == "alloc" => {}
        UseTree::Path(path) => imported(&path.tree, names),
        UseTree::Name(name) => drop(names.insert(name.ident.to_string(), Declared::Imported)),
        UseTree::Rename(rename) => drop(names.insert(rename.rename.to_string(), Declared::Imported)),
        UseTree::Group(group) => group.items.iter().for_each(|tree| imported(tree, names)),
        UseTree::Glob(_) => {}
    }
}

fn name(ident: &Ident, errors: &mut Errors) -> Option<Name> {
    match names::kebab(&ident.to_string()) {
        Ok(wit) => Some(Name { rust: ident.clone(), wit }),
        Err(why) => {
            errors.at(ident, why);
            None
        }
    }
}

/// The name of a module, a function, a parameter or a field, for which the bindings have a name in lower case.
fn small_name(ident: &Ident, errors: &mut Errors) -> Option<Name> {
    let name = name(ident, errors)?;
    if name.wit == "gen" {
        errors.at(ident, "the bindings would call it `gen`, which is a word of Rust: give it another name");
        return None;
    }
    Some(name)
}

/// The name of a type or a case, for which the bindings have a name with capitals.
fn capital_name(ident: &Ident, errors: &mut Errors) -> Option<Name> {
    let name = name(ident, errors)?;
    if name.wit == "self" {
        errors.at(ident, "the bindings would call it `Self`, which is a word of Rust: give it another name");
        return None;
    }
    Some(name)
}

/// An error for what may or may not be there once `cfg`s are looked at, which is after the macro has run.
fn conditional(attrs: &[Attribute], errors: &mut Errors) {
    for attr in attrs {
        if attr.path().is_ident("cfg") || attr.path().is_ident("test") {
            errors.at(
                attr,
                "the macro cannot know whether this will be there: what belongs to a tool is there always. A function \
                 that is no tool is private, or `pub(crate)`",
            );
        }
    }
}

fn function(item: &ItemFn, scope: &Scope, errors: &mut Errors) -> Option<Function> {
    let signature = &item.sig;
    conditional(&item.attrs, errors);
    if let Some(token) = &signature.asyncness {
        errors.at(
            token,
            "a tool is not `async`: it has nothing to wait for but calls to the host, which wait themselves",
        );
    }
    if let Some(token) = &signature.unsafety {
        errors.at(token, "a tool is not `unsafe`: its callers promise nothing");
    }
    if let Some(abi) = &signature.abi {
        errors.at(abi, "a tool has the ABI of components: leave `extern` out");
    }
    if let Some(variadic) = &signature.variadic {
        errors.at(variadic, "a tool has a fixed number of parameters: take a `Vec<T>`");
    }
    let generic = !signature.generics.params.is_empty();
    if generic {
        errors.at(
            &signature.generics,
            "a tool has no type, lifetime or const parameters: write the types themselves, or one function for each",
        );
    }
    if let Some(clause) = &signature.generics.where_clause {
        errors.at(clause, "a tool has no `where` clause");
    }
    let name = small_name(&signature.ident, errors);
    let docs = docs::lines(&item.attrs, errors);
    if generic {
        // Its types may be parameters: nothing would be true of them.
        return None;
    }
    let parameters: Vec<_> = signature.inputs.iter().map(|input| parameter(input, scope, errors)).collect();
    let result = match &signature.output {
        ReturnType::Default => Some(None),
        ReturnType::Type(_, ty) => types::result(ty, scope, errors),
    };
    distinct(parameters.iter().flatten().map(|parameter| &parameter.name), "parameters", errors);
    let parameters: Vec<_> = parameters.into_iter().collect::<Option<_>>()?;
    Some(Function { name: name?, docs, parameters, result: result? })
}

fn parameter(input: &FnArg, scope: &Scope, errors: &mut Errors) -> Option<Parameter> {
    let input = match input {
        FnArg::Typed(input) => input,
        FnArg::Receiver(receiver) => {
            errors.at(
                receiver,
                "a tool has no `self`: each call is in a fresh instance, and nothing is kept between calls",
            );
            return None;
        }
    };
    conditional(&input.attrs, errors);
    let name = match &*input.pat {
        Pat::Ident(pat) if pat.subpat.is_none() => small_name(&pat.ident, errors),
        other => {
            errors
                .at(other, "a parameter of a tool has a name, by which its caller gives it; take it apart in the body");
            None
        }
    };
    let (ty, by_reference) = types::parameter(&input.ty, scope, errors)?;
    Some(Parameter { name: name?, ty, by_reference })
}

/// The types of the module that functions reach, in the order of the source.
fn reached(items: &[Item], scope: &Scope, errors: &mut Errors) -> Vec<Defined> {
    let by_name: BTreeMap<String, (usize, &Item)> = items
        .iter()
        .enumerate()
        .filter_map(|(at, item)| match item {
            Item::Struct(of) if is_public(&of.vis) => Some((of.ident.to_string(), (at, item))),
            Item::Enum(of) if is_public(&of.vis) => Some((of.ident.to_string(), (at, item))),
            _ => None,
        })
        .collect();
    for (name, (_, item)) in &by_name {
        if types::is_taken(name) {
            errors.add(
                item_name(item),
                format!("`{name}` stands for the standard type in the signatures of tools: give this one another name"),
            );
        }
    }

    let mut seen = BTreeSet::new();
    let mut types = Vec::new();
    // Each type adds those of its fields.
    while let Some(ident) = scope.next_used() {
        let name = ident.to_string();
        let Some((at, item)) = by_name.get(&name) else { continue };
        if seen.insert(name) {
            types.extend(defined(item, scope, errors).map(|ty| (*at, ty)));
        }
    }
    types.sort_by_key(|(at, _)| *at);
    types.into_iter().map(|(_, ty)| ty).collect()
}

fn item_name(item: &Item) -> Span {
    match item {
        Item::Struct(item) => item.ident.span(),
        Item::Enum(item) => item.ident.span(),
        other => other.span(),
    }
}

fn of_type(ty: &Defined) -> impl Iterator<Item = &Ident> {
    ty.shape.members().iter().filter_map(|member| member.ty.as_ref()).flat_map(Type::defined)
}

fn defined(item: &Item, scope: &Scope, errors: &mut Errors) -> Option<Defined> {
    let (ident, attrs, generics) = match item {
        Item::Struct(item) => (&item.ident, &item.attrs, &item.generics),
        Item::Enum(item) => (&item.ident, &item.attrs, &item.generics),
        _ => return None,
    };
    conditional(attrs, errors);
    if !generics.params.is_empty() {
        errors.at(generics, "a type that tools hand over has no parameters: write one type for each use");
        return None;
    }
    let name = capital_name(ident, errors);
    let docs = docs::lines(attrs, errors);
    let shape = match item {
        Item::Struct(item) => record(ident, &item.fields, scope, errors),
        Item::Enum(item) => variant(item, scope, errors),
        _ => None,
    };
    Some(Defined { name: name?, docs, shape: shape? })
}

fn record(ident: &Ident, fields: &Fields, scope: &Scope, errors: &mut Errors) -> Option<Shape> {
    let Fields::Named(fields) = fields else {
        errors.at(
            ident,
            "a struct that tools hand over has named fields: name them, or use the type itself in place of a struct \
             around it",
        );
        return None;
    };
    if fields.named.is_empty() {
        errors.at(ident, "a record of WIT has at least one field");
        return None;
    }
    let members: Vec<_> = fields.named.iter().map(|of| field(of, scope, errors)).collect();
    distinct(members.iter().flatten().map(|member| &member.name), "fields", errors);
    let members: Vec<_> = members.into_iter().collect::<Option<_>>()?;
    Some(Shape::Record(members))
}

fn field(field: &Field, scope: &Scope, errors: &mut Errors) -> Option<Member> {
    let ident = field.ident.as_ref()?;
    conditional(&field.attrs, errors);
    if !is_public(&field.vis) {
        errors.at(ident, "a field of a record is handed over with it: make it `pub`, or leave it out of this type");
    }
    let name = small_name(ident, errors);
    let docs = docs::lines(&field.attrs, errors);
    let ty = types::value(&field.ty, scope, errors);
    Some(Member { name: name?, docs, ty: Some(ty?) })
}

fn variant(item: &syn::ItemEnum, scope: &Scope, errors: &mut Errors) -> Option<Shape> {
    if item.variants.is_empty() {
        errors.at(&item.ident, "an enum of WIT has at least one case");
        return None;
    }
    let members: Vec<_> = item.variants.iter().map(|of| case(of, scope, errors)).collect();
    distinct(members.iter().flatten().map(|member| &member.name), "cases", errors);
    let members: Vec<_> = members.into_iter().collect::<Option<_>>()?;
    let plain = members.iter().all(|member| member.ty.is_none());
    Some(if plain { Shape::Enum(members) } else { Shape::Variant(members) })
}

fn case(case: &syn::Variant, scope: &Scope, errors: &mut Errors) -> Option<Member> {
    conditional(&case.attrs, errors);
    let name = capital_name(&case.ident, errors);
    let docs = docs::lines(&case.attrs, errors);
    let ty = match &case.fields {
        Fields::Unit => Some(None),
        Fields::Unnamed(fields) if fields.unnamed.len() == 1 => {
            fields.unnamed.first().and_then(|field| types::value(&field.ty, scope, errors)).map(Some)
        }
        other => {
            errors.at(
                other,
                "a case of WIT has no payload or one: write it as `Case`, or as `Case(T)` with a tuple or a struct of \
                 the module for T",
            );
            None
        }
    };
    Some(Member { name: name?, docs, ty: ty? })
}

/// Errors for names that differ in Rust and not in WIT.
fn distinct<'a>(names: impl Iterator<Item = &'a Name>, what: &str, errors: &mut Errors) {
    let mut seen: BTreeMap<&str, &Ident> = BTreeMap::new();
    for name in names {
        if let Some(first) = seen.insert(&name.wit, &name.rust) {
            errors.at(
                &name.rust,
                format!("the {what} `{first}` and `{}` are both `{}` in WIT: rename one", name.rust, name.wit),
            );
        }
    }
}

/// Gives functions and types names that differ, for WIT keeps both in one place. A type gives way to a function: the
/// function's name is the tool's.
fn tell_apart(functions: &[Function], types: &mut [Defined], errors: &mut Errors) {
    distinct(functions.iter().map(|function| &function.name), "functions", errors);
    for ty in types.iter_mut() {
        if functions.iter().any(|function| function.name.wit == ty.name.wit) {
            ty.name.wit = format!("{}-{}", ty.name.wit, ty.shape.keyword());
        }
    }
    distinct(types.iter().map(|ty| &ty.name), "types", errors);
    for ty in types.iter() {
        if let Some(function) = functions.iter().find(|function| function.name.wit == ty.name.wit) {
            errors.at(
                &ty.name.rust,
                format!(
                    "the function `{}` and the type `{}` are both `{}` in WIT: rename one",
                    function.name.rust, ty.name.rust, ty.name.wit
                ),
            );
        }
    }
}

/// An error for each type that contains itself, where it does.
fn recursion(types: &[Defined], errors: &mut Errors) {
    let find = |ident: &Ident| types.iter().find(|ty| ty.name.rust == *ident);
    for ty in types {
        for ident in of_type(ty) {
            let mut wanted = vec![ident];
            let mut seen = BTreeSet::new();
            while let Some(next) = wanted.pop() {
                if *next == ty.name.rust {
                    errors.at(
                        ident,
                        format!(
                            "`{}` contains itself here, and WIT has no such types: a tree can be a `Vec` of nodes that \
                             refer to one another by index",
                            ty.name.rust
                        ),
                    );
                    break;
                }
                if seen.insert(next.to_string()) {
                    wanted.extend(find(next).into_iter().flat_map(of_type));
                }
            }
        }
    }
}
