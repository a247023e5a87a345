//! What is generated for Go. That it works is shown by `tests/origins/go-types`, which needs Go's compiler.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::collections::BTreeMap;

use ringfence_bindings::{Error, go};
use wit_parser::Resolve;

fn bindings(wit: &str) -> Result<BTreeMap<String, String>, Error> {
    let mut resolve = Resolve::default();
    let package = resolve.push_source("test.wit", wit).unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    go::bindings(&resolve, world)
}

fn types(wit: &str) -> String {
    bindings(wit).unwrap().remove(go::TYPES).unwrap()
}

#[track_caller]
fn has(text: &str, line: &str) {
    assert!(text.lines().any(|found| found.trim() == line), "no line `{line}` in:\n{text}");
}

#[test]
fn every_way_to_fail_has_its_form() {
    let types = types(
        "package a:b;
         interface i {
             variant why { no-reason, of(string) }
             record trouble { code: u32, message: string }
             enum kind { bad, worse }
             nothing: func();
             value: func(x: option<u8>) -> list<u8>;
             text: func() -> result<u32, string>;
             only-text: func() -> result<_, string>;
             cases: func() -> result<u32, why>;
             fields: func() -> result<_, trouble>;
             listed: func() -> result<u32, kind>;
             bare: func() -> result;
             half: func() -> result<u32>;
         }
         world w { export i; }",
    );
    has(&types, "Nothing()");
    has(&types, "Value(x *uint8) []byte");
    has(&types, "Text() (uint32, error)");
    has(&types, "OnlyText() error");
    has(&types, "Cases() (uint32, Why)");
    has(&types, "Fields() *Trouble");
    has(&types, "Listed() (uint32, *Kind)");
    has(&types, "Bare() bool");
    has(&types, "Half() (uint32, bool)");
    has(&types, r#"func (e WhyOf) Error() string { return "of: " + e.Value }"#);
    has(&types, "func (e Trouble) Error() string { return e.Message }");
    has(&types, "func (v Kind) Error() string { return v.String() }");
}

#[test]
fn comments_of_the_contract_are_comments_in_go() {
    let types = types(
        "package a:b;
         interface i {
             /// A thing.
             record thing {
                 /// How long.
                 length: u32,
             }
             /// Makes one.
             ///
             /// Always.
             make: func() -> thing;
         }
         world w { export i; }",
    );
    for line in ["// A thing.", "// How long.", "// Makes one.", "//", "// Always."] {
        has(&types, line);
    }
}

#[test]
fn names_do_not_clash() {
    let types = types(
        "package a:b;
         interface one { record skill { t: u8 } record query-error { a: u8 } run: func(x: skill, y: query-error); }
         interface two {
             record skill { t: u16 }
             variant query { error(u8) }
             run: func(x: skill, %func: query, %type: bool, len: u8);
         }
         world w { export one; export two; }",
    );
    has(&types, "OneRun(x OneSkill, y QueryError)");
    has(&types, "TwoRun(x TwoSkill, func_ Query, type_ bool, len uint8)");
    has(&types, "type QueryError_ struct{ Value uint8 }");
}

#[test]
fn imports_are_named_after_their_interface_on_every_platform() {
    let wit = "package a:b;
        interface log { enum level { low } write: func(level: level, at: string, v1: u8) -> result<u8, string>; }
        world w { import log; export f: func(); }";
    let files = bindings(wit).unwrap();
    let function = "func LogWrite(level Level, at_ string, v1_ uint8) (ok uint8, err error) {";
    has(files.get(go::BINDINGS).unwrap(), function);
    has(files.get(go::ELSEWHERE).unwrap(), function);
    has(files.get(go::BINDINGS).unwrap(), "//go:wasmimport a:b/log write");
    has(files.get(go::BINDINGS).unwrap(), "//go:wasmexport f");
}

#[test]
fn types_that_are_not_plain_values_are_refused_by_name() {
    let cases = [
        ("resource r; f: func() -> r;", "a resource"),
        ("f: func(x: list<stream<u8>>);", "a stream"),
        ("f: func() -> future;", "a future"),
        ("f: func(x: option<map<string, u8>>);", "a map"),
        ("f: func(x: list<u8, 4>);", "a list of fixed length"),
        ("f: async func();", "an async function"),
        ("resource r { m: func(); }", "a function of a resource"),
    ];
    for (item, what) in cases {
        let error = bindings(&format!("package a:b; interface i {{ {item} }} world w {{ export i; }}"));
        let Err(Error::Unsupported { function, what: said }) = error else {
            panic!("`{item}` is not refused: {error:?}")
        };
        assert_eq!(said, what, "{item}");
        assert!(function.starts_with("a:b/i#"), "{function}");
    }
}

#[test]
fn a_resource_of_the_host_is_a_number_that_the_skill_gives_back() {
    let wit = "package a:b;
        interface net {
            resource body { read: func(max: u32) -> result<list<u8>, string>; }
            open: func() -> result<tuple<u8, body>, string>;
        }
        world w { import net; export f: func(); }";
    let files = bindings(wit).unwrap();
    has(files.get(go::TYPES).unwrap(), "type Body uint32");
    let code = files.get(go::BINDINGS).unwrap();
    has(code, "func NetOpen() (ok Tuple2[uint8, Body], err error) {");
    has(code, "//go:wasmimport a:b/net [method]body.read");
    has(code, "func NetBodyRead(self Body, max uint32) (ok []byte, err error) {");
    has(code, "//go:wasmimport a:b/net [resource-drop]body");
    has(code, "func (resource Body) Drop() {");
    has(files.get(go::ELSEWHERE).unwrap(), "func (Body) Drop() {}");
}

#[test]
fn the_transport_of_net_http_uses_names_that_are_generated() {
    let mut resolve = Resolve::default();
    let http = include_str!("../../../wit/0.2.0/http.wit");
    resolve.push_source("http.wit", http).unwrap();
    let wit = "package a:b; world w { import ringfence:skill/http@0.2.0; export f: func(); }";
    let package = resolve.push_source("test.wit", wit).unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    let files = go::bindings(&resolve, world).unwrap();
    let all: String = files.into_values().collect();
    let words = |text: &str| -> Vec<String> {
        let words = text.split(|c: char| !c.is_alphanumeric() && c != '_').map(str::to_owned);
        words.filter(|word| word.starts_with("Http") || word.starts_with("Tuple")).collect()
    };
    let used = words(go::HTTP_TEXT);
    assert!(used.len() > 10, "{used:?}");
    let made = words(&all);
    for word in used {
        assert!(made.contains(&word), "{word} is not generated");
    }
}

#[test]
fn a_world_without_tools_is_refused() {
    let error = bindings("package a:b; world w { import f: func(); }");
    assert!(matches!(error, Err(Error::NothingExported { world }) if world == "w"));
}
