//! Documentation: the text of `///` comments, as lines that a WIT comment can hold.

use syn::spanned::Spanned;
use syn::{Attribute, Expr, ExprLit, Lit, Meta};

use crate::errors::Errors;

/// The lines of the documentation among `attrs`, without blank ones at either end.
pub(crate) fn lines(attrs: &[Attribute], errors: &mut Errors) -> Vec<String> {
    let mut lines = Vec::new();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("doc")) {
        // `#[doc(hidden)]` and the like are no text.
        let Meta::NameValue(pair) = &attr.meta else { continue };
        match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => add(&mut lines, &text.value()),
            other => errors.add(
                other.span(),
                "the macro does not see what this gives, and agents are to read it: write the text itself",
            ),
        }
    }
    let blank = |line: &String| line.is_empty();
    let start = lines.iter().position(|line| !blank(line)).unwrap_or(lines.len());
    lines.drain(..start);
    lines.truncate(lines.iter().rposition(|line| !blank(line)).map_or(0, |last| last + 1));
    lines
}

fn add(lines: &mut Vec<String>, text: &str) {
    let is_block = text.contains('\n');
    for line in text.split('\n') {
        let line = if is_block {
            let line = line.trim_start();
            line.strip_prefix('*').map_or(line, |rest| rest.strip_prefix(' ').unwrap_or(rest))
        } else {
            line.strip_prefix(' ').unwrap_or(line)
        };
        lines.push(line.chars().map(shown).collect::<String>().trim_end().to_owned());
    }
}

/// `c`, or a stand-in where WIT forbids it even in a comment.
fn shown(c: char) -> char {
    match c {
        '\t' => c,
        '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}'
        | '\u{149}'
        | '\u{673}'
        | '\u{f77}'
        | '\u{f79}'
        | '\u{17a3}'
        | '\u{17a4}'
        | '\u{17b4}'
        | '\u{17b5}' => char::REPLACEMENT_CHARACTER,
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    fn of(attrs: &[Attribute]) -> Vec<String> {
        let mut errors = Errors::default();
        let lines = lines(attrs, &mut errors);
        assert!(errors.finish().is_none());
        lines
    }

    #[test]
    fn comments_of_every_form() {
        assert_eq!(of(&[parse_quote!(#[doc = " One."]), parse_quote!(#[doc = ""])]), ["One."]);
        assert_eq!(of(&[parse_quote!(#[doc = "\n * One.\n *\n *   Two.\n "])]), ["One.", "", "  Two."]);
        assert_eq!(of(&[parse_quote!(#[doc(hidden)]), parse_quote!(#[inline])]), [""; 0]);
        assert_eq!(of(&[parse_quote!(#[doc = " a\u{202e}b\u{7}c\td"])]), ["a\u{fffd}b\u{fffd}c\td"]);
    }

    #[test]
    fn documentation_that_the_attribute_cannot_see_is_an_error() {
        let mut errors = Errors::default();
        lines(&[parse_quote!(#[doc = include_str!("x.md")])], &mut errors);
        assert!(errors.finish().is_some());
    }
}
