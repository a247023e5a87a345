//! Every kind of type and name, there and back: what a test in wasm needs, and no model for a skill.

#[ringfence_skill::skill]
mod kinds {
    //! Gives back what it takes.

    use core::fmt::Debug;

    use ringfence_skill::{budget, http, kv, log, progress, skills};

    /// Fields with names that are words of Rust and of WIT.
    #[derive(Debug, Clone, PartialEq)]
    #[rustfmt::skip]
    pub struct Record {
        pub r#abstract: u8, pub r#as: u8, pub r#async: u8, pub r#await: u8, pub r#become: u8, pub r#box: u8,
        pub r#break: u8, pub r#const: u8, pub r#continue: u8, pub r#do: u8, pub r#dyn: u8, pub r#else: u8,
        pub r#enum: u8, pub r#extern: u8, pub r#false: u8, pub r#final: u8, pub r#fn: u8, pub r#for: u8,
        pub r#if: u8, pub r#impl: u8, pub r#in: u8, pub r#let: u8, pub r#loop: u8, pub r#macro: u8,
        pub r#match: u8, pub r#mod: u8, pub r#move: u8, pub r#mut: u8, pub r#override: u8, pub r#priv: u8,
        pub r#pub: u8, pub r#ref: u8, pub r#return: u8, pub r#static: u8, pub r#struct: u8, pub r#trait: u8,
        pub r#true: u8, pub r#try: u8, pub r#type: u8, pub r#typeof: u8, pub r#unsafe: u8, pub r#unsized: u8,
        pub r#use: u8, pub r#virtual: u8, pub r#where: u8, pub r#while: u8, pub r#yield: u8,
        pub self_: u8, pub super_: u8, pub crate_: u8, pub text__: String,
    }

    /// Fields with names that are words of WIT alone.
    #[derive(Debug, Clone, PartialEq)]
    #[rustfmt::skip]
    pub struct Words {
        pub bool: u8, pub borrow: u8, pub char: u8, pub constructor: u8, pub error_context: u8, pub export: u8,
        pub f32: u8, pub flags: u8, pub from: u8, pub func: u8, pub future: u8, pub import: u8, pub include: u8,
        pub interface: u8, pub list: u8, pub map: u8, pub option: u8, pub own: u8, pub package: u8, pub record: u8,
        pub resource: u8, pub result: u8, pub s8: u8, pub stream: u8, pub string: u8, pub tuple: u8, pub u64: u8,
        pub variant: u8, pub with: u8, pub world: u8,
    }

    /// Names with digits, capitals and underscores.
    #[derive(Debug, Clone, PartialEq)]
    #[allow(non_camel_case_types, reason = "such a name is what is tested")]
    pub enum HTTPError {
        NotFound404,
        HTTP2Error(u8),
        X2Y(String),
        NOT_FOUND(Vec<Guest>),
        Utf8,
        Result(Result<Guest, Flags>),
    }

    /// A name that the bindings keep for themselves.
    #[derive(Debug, Clone, PartialEq)]
    #[allow(non_snake_case, reason = "such a name is what is tested")]
    pub struct Guest {
        pub utf_8: (bool, char),
        pub _leading__double: Option<Option<i64>>,
    }

    /// Cases that are words of WIT and of Rust.
    #[derive(Debug, Clone, Copy, PartialEq)]
    pub enum Flags {
        Type,
        List = 7,
        Guest,
        Some,
        None,
        Ok,
    }

    /// A type that gives way to the function of its name.
    #[derive(Debug, Clone, PartialEq)]
    pub struct List {
        pub items: Vec<(Guest, Flags)>,
    }

    pub fn record(record: Record) -> Record {
        record
    }

    pub fn words(words: Words) -> Words {
        words
    }

    pub fn errors(r#async: Vec<HTTPError>) -> Result<Vec<HTTPError>, Vec<HTTPError>> {
        if r#async.is_empty() { Err(r#async) } else { Ok(r#async) }
    }

    pub fn list(list: &[List], flags: Option<Flags>) -> (Vec<List>, Option<Flags>) {
        (list.to_vec(), flags)
    }

    #[allow(clippy::too_many_arguments, reason = "one for each type")]
    pub fn scalars(
        a: bool,
        b: u8,
        c: u16,
        d: u32,
        e: u64,
        f: i8,
        g: i16,
        h: i32,
        i: i64,
        j: f32,
        k: f64,
        l: char,
    ) -> String {
        shown(&(a, b, c, d, e, f, g, h, i, j, k, l))
    }

    pub fn tuples(one: (String,), eight: (u8, Guest, bool, char, i8, Flags, f32, Vec<u8>)) -> String {
        shown(&(one, eight))
    }

    pub fn references(text: &str, bytes: &[u8], pairs: &[(u8, String)]) -> String {
        shown(&(text, bytes, pairs))
    }

    pub fn r#use(mut count: u8) -> Result<(), ()> {
        count = count.saturating_sub(1);
        if count == 0 { Err(()) } else { Ok(()) }
    }

    pub fn nothing() {}

    pub fn denied() -> Vec<String> {
        let request = http::Request::get("https://example.org/");
        let call = ("text-stats_analyze".to_owned(), "{}".to_owned());
        vec![
            shown(&http::fetch(&request).map(|response| response.head.status)),
            shown(&http::fetch_many([request]).map(|responses| responses.len())),
            shown(&kv::get("key")),
            shown(&kv::set("key", b"value")),
            shown(&kv::delete("key")),
            shown(&kv::list_page("", Some("after"), 10)),
            shown(&skills::call(&call.0, &call.1)),
            shown(&skills::call_many(&[call])),
        ]
    }

    pub fn lent(line: String) -> (bool, bool) {
        for level in [log::trace, log::debug, log::info, log::warn, log::error] {
            level(&line);
        }
        ringfence_skill::trace!("{} bytes", line.len());
        progress::report(1, None, "a note");
        progress::emit("a piece");
        let left = budget::remaining();
        (left.fuel > 0, left.host_calls < u64::MAX)
    }

    fn shown(value: &impl Debug) -> String {
        format!("{value:?}")
    }
}
