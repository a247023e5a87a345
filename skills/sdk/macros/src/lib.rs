//! The attribute of `ringfence-skill`: makes a component of a module, and every reason why it cannot a compile error.
//!
//! `read` makes a `model` of the module, `wit` writes it as WIT, and `glue` as the code that joins the bindings
//! of that WIT to the module. What it all means to an author is in the README of `ringfence-skill`.

mod docs;
mod errors;
mod glue;
mod model;
mod names;
mod read;
#[cfg(test)]
mod tests;
mod types;
mod wit;

use proc_macro::TokenStream;
use proc_macro2::{Ident, Span};
use quote::quote;
use syn::{Item, ItemMod, Visibility, parse_macro_input, parse_quote};

/// Makes tools of the public functions of a module.
///
/// The module stays as it is written. Beside it comes a hidden one with the bindings: public functions become
/// functions of WIT, the public structs and enums that they reach become records, enums and variants, and doc
/// comments become documentation that agents read. Private items, `use`s, `impl`s and constants are the author's own.
#[proc_macro_attribute]
pub fn skill(options: TokenStream, module: TokenStream) -> TokenStream {
    let options = proc_macro2::TokenStream::from(options);
    let mut module = parse_macro_input!(module as ItemMod);
    let read = read::skill(&module).and_then(|skill| {
        if options.is_empty() {
            Ok(skill)
        } else {
            Err(syn::Error::new_spanned(options, "the attribute takes no options"))
        }
    });
    let beside = match read {
        Ok(skill) => {
            let cfgs: Vec<_> = module.attrs.iter().filter(|attr| attr.path().is_ident("cfg")).collect();
            glue::module(&skill, &cfgs)
        }
        Err(error) => {
            // Nothing uses the module now, and that is not what its author needs to hear.
            module.attrs.push(parse_quote!(#[allow(dead_code, reason = "the attribute failed")]));
            error.into_compile_error()
        }
    };
    for item in module.content.iter_mut().flat_map(|(_, items)| items) {
        if let Item::Fn(function) = item
            && matches!(function.vis, Visibility::Public(_))
        {
            let why = "a tool gets its arguments by value";
            function.attrs.push(parse_quote!(#[allow(clippy::needless_pass_by_value, reason = #why)]));
        }
    }
    let why = "the standard library's print nowhere in a skill";
    if let Some((_, items)) = &mut module.content {
        let own = read::imports(items);
        for name in ["print", "println", "eprint", "eprintln", "dbg"] {
            if !own.contains(name) {
                let name = Ident::new(name, Span::call_site());
                items.insert(0, parse_quote!(#[allow(unused_imports, reason = #why)] use ::ringfence_skill::#name;));
            }
        }
    }
    let why = "the skill attribute makes tools of the public items of this module";
    module.attrs.push(parse_quote!(#[allow(unreachable_pub, reason = #why)]));
    quote!(#module #beside).into()
}
