//! Names: from Rust's to WIT's, and from WIT's to those that wit-bindgen makes of them again.

/// Words that WIT reads as something else unless a `%` stands before them.
const WIT_KEYWORDS: &[&str] = &[
    "as",
    "async",
    "bool",
    "borrow",
    "char",
    "constructor",
    "enum",
    "error-context",
    "export",
    "f32",
    "f64",
    "flags",
    "from",
    "func",
    "future",
    "import",
    "include",
    "interface",
    "list",
    "map",
    "option",
    "own",
    "package",
    "record",
    "resource",
    "result",
    "s16",
    "s32",
    "s64",
    "s8",
    "static",
    "stream",
    "string",
    "tuple",
    "type",
    "u16",
    "u32",
    "u64",
    "u8",
    "use",
    "variant",
    "with",
    "world",
];

/// Words after which wit-bindgen puts a `_` where they name a function, a field or a module.
const RUST_KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "if", "impl", "in", "let", "loop", "macro", "match", "mod",
    "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static", "struct", "super", "trait", "true",
    "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// The name in WIT of what Rust calls `ident`: its words in lower case, with hyphens between them.
///
/// A word that begins with a digit joins the one before it: not every tool takes `utf-8` for a name.
pub(crate) fn kebab(ident: &str) -> Result<String, String> {
    let ident = ident.strip_prefix("r#").unwrap_or(ident);
    if let Some(odd) = ident.chars().find(|c| !c.is_ascii_alphanumeric() && *c != '_') {
        return Err(format!("`{odd}` cannot be in a name in WIT: use letters of ASCII, digits and `_`"));
    }
    let mut name = String::new();
    for word in ident.split('_').flat_map(words) {
        let joins = word.starts_with(|c: char| c.is_ascii_digit());
        if joins && name.is_empty() {
            return Err(format!("a name in WIT cannot begin with a digit, as it would in `{word}`"));
        }
        if !joins && !name.is_empty() {
            name.push('-');
        }
        name.push_str(&word.to_ascii_lowercase());
    }
    if name.is_empty() {
        return Err("a name in WIT needs a letter".to_owned());
    }
    Ok(name)
}

/// The words of a piece between two `_`: `HTTPError2` is `HTTP` and `Error2`.
fn words(piece: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let (mut rest, mut last, mut at) = (piece, '_', 0);
    let mut chars = piece.chars().peekable();
    while let Some(c) = chars.next() {
        let next_is_lower = chars.peek().is_some_and(char::is_ascii_lowercase);
        let begins =
            c.is_ascii_uppercase() && (last.is_ascii_lowercase() || last.is_ascii_digit() || next_is_lower) && at > 0;
        if begins {
            let (word, after) = rest.split_at(at);
            words.push(word);
            (rest, at) = (after, 0);
        }
        at += c.len_utf8();
        last = c;
    }
    if !rest.is_empty() {
        words.push(rest);
    }
    words
}

/// `name` as it is written in a WIT text.
pub(crate) fn in_wit(name: &str) -> String {
    if WIT_KEYWORDS.contains(&name) { format!("%{name}") } else { name.to_owned() }
}

/// What wit-bindgen calls a function, a field or a module of this name.
pub(crate) fn bound_snake(name: &str) -> String {
    if RUST_KEYWORDS.contains(&name) { format!("{name}_") } else { name.replace('-', "_") }
}

/// What wit-bindgen calls a type or a case of this name.
pub(crate) fn bound_camel(name: &str) -> String {
    let mut out = String::new();
    for word in name.split('-') {
        let mut chars = word.chars();
        out.extend(chars.next().map(|c| c.to_ascii_uppercase()));
        out.push_str(chars.as_str());
    }
    out
}

/// What wit-bindgen calls a type of this name: it keeps `Guest` for itself.
pub(crate) fn bound_type(name: &str) -> String {
    if name == "guest" { "Guest_".to_owned() } else { bound_camel(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_digits() {
        for (rust, wit) in [
            ("shout", "shout"),
            ("text_stats", "text-stats"),
            ("a__b", "a-b"),
            ("_unused", "unused"),
            ("type_", "type"),
            ("r#type", "type"),
            ("ShoutCount", "shout-count"),
            ("HTTPError", "http-error"),
            ("HTTP", "http"),
            ("NOT_FOUND", "not-found"),
            ("Utf8Text", "utf8-text"),
            ("UTF8String", "utf8-string"),
            ("Sha256", "sha256"),
            ("utf_8", "utf8"),
            ("a_1_b", "a1-b"),
            ("X2Y", "x2-y"),
            ("V1Beta", "v1-beta"),
            ("ABTest", "ab-test"),
            ("A", "a"),
            ("iOS", "i-os"),
        ] {
            assert_eq!(kebab(rust).as_deref(), Ok(wit), "{rust}");
        }
        for rust in ["größe", "_1", "__", "名"] {
            assert!(kebab(rust).is_err(), "{rust}");
        }
    }

    #[test]
    fn names_match_those_of_the_bindings() {
        assert_eq!(in_wit("list"), "%list");
        assert_eq!(in_wit("lists"), "lists");
        assert_eq!(bound_snake("not-found"), "not_found");
        assert_eq!(bound_snake("type"), "type_");
        assert_eq!(bound_camel("x2-y"), "X2Y");
        assert_eq!(bound_camel("type"), "Type");
        assert_eq!(bound_type("guest"), "Guest_");
    }

    #[test]
    fn the_lists_are_sorted() {
        assert!(WIT_KEYWORDS.is_sorted());
        assert!(RUST_KEYWORDS.is_sorted());
    }
}
