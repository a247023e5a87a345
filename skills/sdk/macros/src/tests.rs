//! Modules and the WIT that they become, as texts.

use syn::{ItemMod, parse_quote};

use crate::{read, wit};

fn text(module: ItemMod) -> String {
    wit::text(&read::skill(&module).unwrap_or_else(|error| panic!("{error}")))
}

fn errors(module: ItemMod) -> Vec<String> {
    let error = read::skill(&module).expect_err("the module is wrong");
    error.into_iter().map(|error| error.to_string()).collect()
}

#[test]
fn a_module_with_documentation() {
    let text = text(parse_quote! {
        /// Shouts.
        mod shout {
            /// How loud.
            pub enum Loudness {
                /// Plain.
                Quiet,
                /// With that many marks.
                Marks(u8),
            }
            /// What came of it.
            #[derive(Debug, Clone, PartialEq)]
            pub struct Shout {
                /// The text in capitals.
                pub text: String,
                pub characters: u32,
            }
            /// The text in capitals.
            ///
            /// # Errors
            /// Not every text.
            pub fn shout(text: String, loudness: Option<Loudness>) -> Result<Shout, String> {
                helper(text, loudness)
            }
            fn helper() {}
        }
    });
    assert_eq!(
        text,
        "package skill:shout;

/// Shouts.
interface shout {
    /// How loud.
    variant loudness {
        /// Plain.
        quiet,
        /// With that many marks.
        marks(u8),
    }

    /// What came of it.
    record shout-record {
        /// The text in capitals.
        text: string,
        characters: u32,
    }

    /// The text in capitals.
    ///
    /// # Errors
    /// Not every text.
    shout: func(text: string, loudness: option<loudness>) -> result<shout-record, string>;
}

/// Shouts.
world shout-skill {
    export shout;
}
"
    );
}

#[test]
fn every_type() {
    let text = text(parse_quote! {
        mod kinds {
            pub fn scalars(a: bool, b: u8, c: u16, d: u32, e: u64, f: i8, g: i16, h: i32, i: i64, j: f32, k: f64, l: char) {}
            pub fn references(text: &str, list: &[(String, u8)]) -> () {}
            pub fn results(a: Result<u8, ()>, b: Result<(), u8>) -> Result<(), ()> { Ok(()) }
            pub fn nested(a: Vec<Option<Vec<u8>>>, b: (u8,), c: Option<Option<self::One>>) -> std::vec::Vec<(One, f64)> {}
            pub enum One { One }
        }
    });
    let functions: Vec<_> = text.lines().filter(|line| line.contains("func")).map(str::trim).collect();
    assert_eq!(
        functions,
        [
            "scalars: func(a: bool, b: u8, c: u16, d: u32, e: u64, f: s8, g: s16, h: s32, i: s64, j: f32, k: f64, l: char);",
            "references: func(text: string, %list: list<tuple<string, u8>>);",
            "results: func(a: result<u8>, b: result<_, u8>) -> result;",
            "nested: func(a: list<option<list<u8>>>, b: tuple<u8>, c: option<option<one>>) -> list<tuple<one, f64>>;",
        ]
    );
}

#[test]
fn only_types_that_tools_reach_are_read() {
    let text = text(parse_quote! {
        mod some {
            use std::collections::HashMap;
            pub struct Unused(pub HashMap<u8, usize>);
            pub type Also = usize;
            pub struct Reached { pub deeper: Vec<Deeper> }
            pub enum Deeper { A, B = 7 }
            pub(crate) fn no_tool(of: usize) {}
            pub const LIMIT: usize = 3;
            impl Reached { pub fn method(&self) -> usize { 1 } }
            pub fn tool() -> Reached { Reached { deeper: Vec::new() } }
        }
    });
    assert!(text.contains("record reached {\n        deeper: list<deeper>,\n    }"), "{text}");
    assert!(text.contains("enum deeper {\n        a,\n        b,\n    }"), "{text}");
    assert!(!text.contains("unused") && !text.contains("method") && !text.contains("no-tool"), "{text}");
}

#[test]
fn keywords_are_escaped() {
    let text = text(parse_quote! {
        mod list {
            pub struct Record { pub r#type: u8, pub from: u8 }
            pub fn r#use(interface: Record) -> Record { interface }
        }
    });
    for line in [
        "package skill:%list;",
        "interface %list {",
        "record %record {",
        "%type: u8,",
        "%use: func(%interface: %record) -> %record;",
        "export %list;",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

#[test]
fn every_error_is_reported() {
    let errors = errors(parse_quote! {
        mod wrong {
            pub struct A { pub a: usize, b: u8, pub c: Box<A> }
            pub async fn f(a: A, b: HashMap<u8, u8>) -> impl Iterator {}
            pub fn g(&self, x: &mut u8) {}
        }
    });
    assert_eq!(errors.len(), 8, "{errors:#?}");
}

/// The one error that a parameter of this type is.
fn error_of(ty: &str) -> String {
    let module = format!("mod a {{ use other::Elsewhere; type Alias = u8; pub fn f(a: {ty}) {{}} }}");
    let mut errors = errors(syn::parse_str(&module).unwrap());
    assert_eq!(errors.len(), 1, "{ty}: {errors:#?}");
    errors.remove(0)
}

#[test]
fn each_unsupported_type_names_its_replacement() {
    for (ty, instead) in [
        ("usize", "use `u32` or `u64`"),
        ("isize", "use `i32` or `i64`"),
        ("i128", "use `i64`"),
        ("HashMap<String, u8>", "`Vec<(K, V)>`"),
        ("std::collections::BTreeMap<String, u8>", "`Vec<(K, V)>`"),
        ("HashSet<u8>", "use a `Vec<T>`"),
        ("Box<u8>", "write the type in it"),
        ("Cow<str>", "use `String`"),
        ("PathBuf", "use `String`"),
        ("Duration", "use a number"),
        ("[u8; 4]", "use `Vec<T>`"),
        ("[u8]", "use `Vec<T>`"),
        ("&[[u8]]", "use `Vec<T>`"),
        ("str", "use `String`"),
        ("&String", "write `&str`"),
        ("&Vec<u8>", "write a slice"),
        ("&u8", "write `u8`"),
        ("&dyn Fn()", "no trait objects"),
        ("&usize", "use `u32`"),
        ("Option<&str>", "write `String`"),
        ("Vec<&mut u8>", "take the value"),
        ("&mut str", "take the value"),
        ("&'a str", "leave it out"),
        ("()", "can be the result of a function"),
        ("Vec<()>", "can be the result of a function"),
        ("Option<Result<u8, Vec<()>>>", "can be the result of a function"),
        ("Vec", "needs one type in its angle brackets, and has 0"),
        ("Result<u8>", "needs 2 types in its angle brackets, and has 1"),
        ("Vec<'static>", "only a type"),
        ("String<u8>", "has no parameters"),
        ("u8<u8>", "has no parameters"),
        ("Alias", "write the type that it stands for"),
        ("Elsewhere", "declare it in this module"),
        ("Missing", "declare it here"),
        ("crate::b::Type", "`crate::b::Type` is declared elsewhere"),
        ("<u8 as Trait>::Type", "write it out"),
        ("Self", "write the type's name"),
        ("impl Iterator<Item = u8>", "such as `Vec<T>`"),
        ("fn(u8)", "values only"),
        ("*const u8", "what it points to"),
        ("!", "write the type of its result"),
        ("_", "write it out"),
        ("made!()", "write it out"),
        ("(u8, u8, u8, u8, u8, u8, u8, u8, u8)", "at most 8 items"),
    ] {
        let error = error_of(ty);
        assert!(error.contains(instead), "{ty}: {error}");
    }
}
