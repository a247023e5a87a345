//! What breaks when a component takes another's place: a table of pairs, and a property that judges every
//! "nothing breaks" by values, with a validator that is not the library's.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use ringfence::{Allocator, BreakingChange, Limits, Outcome, ValidatedSkill};
use ringfence_sandbox_tests::types::{Ty, echo};
use ringfence_sandbox_tests::{host, runtime, wasm};
use serde_json::{Value, json};
use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{ManglingAndAbi, Resolve};

use crate::property::{PLAIN, base64, strange, tamper, ty, value};

/// A skill with the exports of a world in WIT. Its functions do nothing.
fn world(exports: &str) -> ValidatedSkill {
    let text = format!("package test:skill; world skill {{ {exports} }}");
    let mut resolve = Resolve::default();
    let package = resolve.push_str("skill.wit", &text).unwrap_or_else(|error| panic!("{error:#}\n{text}"));
    let world = resolve.select_world(&[package], Some("skill")).expect("the world");
    let mut module = dummy_module(&resolve, world, ManglingAndAbi::Standard32);
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("it embeds");
    let component = ComponentEncoder::default().module(&module).expect("a module").encode();
    validated(component.expect("a component"))
}

/// A skill of one interface.
fn interface(items: &str) -> ValidatedSkill {
    world(&format!("export i: interface {{ {items} }}"))
}

fn validated(bytes: Vec<u8>) -> ValidatedSkill {
    host(Allocator::Pooling).validate(bytes).unwrap_or_else(|error| panic!("{error}"))
}

fn codes(changes: &[BreakingChange]) -> Vec<&'static str> {
    changes.iter().map(BreakingChange::code).collect()
}

/// Types of which each value of the first is one of the second, with the same meaning.
const FITS: &[(&str, &str)] = &[
    ("u8", "s16"),
    ("u8", "f32"),
    ("u32", "u64"),
    ("u32", "s64"),
    ("s32", "f64"),
    ("f32", "f64"),
    ("char", "string"),
    ("char", "option<string>"),
    ("u8", "option<u16>"),
    ("option<u8>", "option<u16>"),
    ("option<option<u8>>", "option<option<u16>>"),
    ("list<u8>", "list<u8>"),
    ("list<u16>", "list<u32>"),
    ("tuple<u16, char>", "tuple<u32, string>"),
    ("tuple<char, string>", "list<string>"),
    ("result<u16>", "result<u32>"),
    ("result", "result<option<u8>, option<u8>>"),
    ("enum { a, b }", "enum { b, c, a }"),
    ("enum { a, b }", "string"),
    ("enum { a }", "variant { a, b(u8) }"),
    ("variant { a }", "enum { b, a }"),
    ("variant { a, b }", "string"),
    ("variant { a(u8), b }", "variant { b, a(u16), c(string) }"),
    ("flags { a }", "flags { b, a }"),
    ("record { a: u8 }", "record { b: option<u8>, a: u16 }"),
    ("record { a: u8, b: string }", "record { b: string, a: u8 }"),
    ("record { a: u8 }", "record { a: option<u8> }"),
];

/// Pairs that do not fit, and do not fit turned round.
const UNLIKE: &[(&str, &str)] = &[
    ("u32", "s32"),
    ("u64", "s64"),
    ("u64", "f64"),
    ("u32", "f32"),
    ("bool", "string"),
    ("list<u8>", "string"),
    ("list<u8>", "list<u16>"),
    ("list<u8>", "list<s8>"),
    ("option<option<u8>>", "option<u8>"),
    ("option<option<u8>>", "u8"),
    ("tuple<u8, u8>", "list<u8>"),
    ("tuple<u16>", "tuple<u16, u16>"),
    ("result<u8>", "result<string>"),
    ("result<u8>", "result<_, u8>"),
    ("result<u8>", "result"),
    ("variant { a }", "variant { a(option<u8>) }"),
    ("variant { a }", "variant { b }"),
    ("variant { a(u8) }", "string"),
    ("variant { a(u8) }", "enum { a }"),
    ("flags { a }", "flags { b }"),
    ("flags { a }", "enum { a }"),
    ("record { a: u8 }", "record { a: u8, b: u8 }"),
    ("record { a: u8 }", "record { b: u8 }"),
    ("record { a: option<u8> }", "record { b: option<u8> }"),
];

/// `t` is the type: records, variants, enums and flags must have a name in WIT, and get another in each skill.
fn named(name: &str, ty: &str, function: &str) -> ValidatedSkill {
    let braced = ty.split_once(" {").filter(|(kind, _)| !kind.contains('<'));
    match braced {
        Some((kind, body)) => interface(&format!("{kind} {name} {{{body} {}", function.replace('?', name))),
        None => interface(&function.replace('?', ty)),
    }
}

#[test]
fn changes_of_types_that_break_callers_are_found() {
    let parameter = |from, to| {
        let function = "f: func(a: ?);";
        let changes = named("new", to, function).breaking_changes_since(&named("old", from, function));
        changes.iter().for_each(|change| println!("{change}"));
        codes(&changes)
    };
    let result = |from, to| {
        let function = "f: func() -> tuple<?>;";
        let changes = named("new", from, function).breaking_changes_since(&named("old", to, function));
        codes(&changes)
    };
    let failure = |from, to| {
        let function = "f: func() -> result<_, ?>;";
        let changes = named("new", from, function).breaking_changes_since(&named("old", to, function));
        codes(&changes)
    };
    let differ = |codes: &[&str], code: &str| !codes.is_empty() && codes.iter().all(|c| *c == code);
    for (from, to) in FITS {
        assert!(parameter(from, to).is_empty(), "{from} -> {to}");
        assert!(result(from, to).is_empty(), "{from} -> {to}");
        assert!(failure(from, to).is_empty(), "{from} -> {to}");
        // None but equal types fits both ways.
        let alike = from == to || *from == "record { a: u8, b: string }";
        assert_eq!(parameter(to, from).is_empty(), alike, "{to} -> {from}");
        assert_eq!(result(to, from).is_empty(), alike, "{to} -> {from}");
    }
    for (a, b) in UNLIKE {
        for (from, to) in [(a, b), (b, a)] {
            assert!(differ(&parameter(from, to), "parameter-type"), "{from} -> {to}");
            assert!(differ(&result(from, to), "result-type"), "{from} -> {to}");
            assert!(differ(&failure(from, to), "failure-type"), "{from} -> {to}");
        }
    }
}

#[test]
fn changes_of_signatures_that_break_callers_are_found() {
    for (old, new, expected) in [
        ("f: func();", "f: func();", &[][..]),
        ("f: func(); g: func();", "g: func(); f: func(); h: func();", &[]),
        ("f: func(); g: func();", "g: func();", &["tool-removed"]),
        ("f: func(a: u8, b: u8);", "f: func(b: u8, a: u8);", &[]),
        ("f: func(a: u8);", "f: func(a: u8, b: option<u8>);", &[]),
        ("f: func(a: u8);", "f: func(a: u8, b: u8);", &["parameter-required"]),
        ("f: func(a: option<u8>);", "f: func();", &["parameter-removed"]),
        ("f: func(a: u8);", "f: func(b: u8);", &["parameter-removed", "parameter-required"]),
        ("f: func(a: option<u8>);", "f: func(a: u8);", &["parameter-type"]),
        ("f: func(a: u16) -> u8;", "f: func(a: u8) -> u16;", &["parameter-type", "result-type"]),
        ("f: func() -> option<u8>;", "f: func();", &[]),
        ("f: func() -> u8;", "f: func();", &["result-type"]),
        ("f: func();", "f: func() -> option<u8>;", &["result-type"]),
        ("f: func() -> u8;", "f: func() -> result<u8, string>;", &["can-fail"]),
        ("f: func() -> u8;", "f: func() -> result<u16>;", &["result-type", "can-fail"]),
        ("f: func() -> result<u8, string>;", "f: func() -> u8;", &[]),
        ("f: func() -> result;", "f: func();", &[]),
        ("f: func() -> result<u8, string>;", "f: func() -> u16;", &["result-type"]),
        ("f: func() -> result<u8, string>;", "f: func() -> result<u8, char>;", &[]),
        ("f: func() -> result<u8, char>;", "f: func() -> result<u8, string>;", &["failure-type"]),
        ("f: func() -> result<u8, option<char>>;", "f: func() -> result<u8>;", &[]),
        ("f: func() -> result<u8>;", "f: func() -> result<u8, option<char>>;", &["failure-type"]),
    ] {
        let changes = interface(new).breaking_changes_since(&interface(old));
        assert_eq!(codes(&changes), expected, "{old} -> {new}: {changes:?}");
    }
}

#[test]
fn changes_of_tool_names_that_break_callers_are_found() {
    let i = "export i: interface { f: func(); }";
    let j = "export j: interface { f: func(); }";
    let g = "export g: func();";
    let f = "export f: func();";
    for (old, new, expected) in [
        (vec![i], vec![i, g], &[][..]),
        (vec![i], vec![i, j], &["name-removed"]),
        (vec![i, j], vec![i], &["tool-removed"]),
        (vec![i], vec![i, f], &["name-moved"]),
        (vec![i], vec![j], &["name-moved", "tool-removed"]),
        (vec![i], vec![f], &["name-moved", "tool-removed"]),
        (vec![f], vec![i], &["name-moved"]),
        (vec![f, i], vec![i], &["name-moved"]),
        (vec![f, i], vec![f], &["tool-removed"]),
        (vec![f, i], vec![f, i, j], &[]),
    ] {
        let changes = world(&new.concat()).breaking_changes_since(&world(&old.concat()));
        assert_eq!(codes(&changes), expected, "{old:?} -> {new:?}: {changes:?}");
    }
}

#[test]
fn places_are_named() {
    let types = |name: &str| {
        format!(
            "record item {{ name: {name}, size: option<u8> }} variant page {{ some-of(list<item>), none-of }}
             f: func(q: tuple<u8, page>) -> result<record-of, string>;
             record record-of {{ items: list<item>, deep: option<option<item>> }}"
        )
    };
    let (char, string) = (interface(&types("char")), interface(&types("string")));
    let places =
        |changes: Vec<BreakingChange>| -> Vec<String> { changes.iter().map(ToString::to_string).collect() };
    // The item is met twice in the result, and named in the first place.
    assert_eq!(
        places(string.breaking_changes_since(&char)),
        ["tool `i_f`, result /items/*/name: `string` has values that `char` does not"]
    );
    assert_eq!(
        places(char.breaking_changes_since(&string)),
        ["tool `i_f`, parameter q /1/some-of/*/name: `char` rejects some values that `string` accepts"]
    );
    let (old, new) = (interface("f: func(a: u8) -> u8;"), interface("f: func(b: u8) -> string;"));
    assert_eq!(
        places(new.breaking_changes_since(&old)),
        [
            "tool `i_f` no longer has the parameter `a` (`u8`)",
            "tool `i_f` now requires the parameter `b` (`u8`)",
            "tool `i_f`, result: `string` has values that `u8` does not",
        ]
    );
}

#[test]
fn the_list_is_limited() {
    let functions = |count: usize, ty: &str| -> ValidatedSkill {
        let functions = (0..count).map(|i| format!("x{i}: func(a: {ty}) -> {ty};"));
        interface(&functions.collect::<String>())
    };
    let changes = functions(60, "bool").breaking_changes_since(&functions(60, "string"));
    assert_eq!(changes.len(), 51);
    assert_eq!(changes.last(), Some(&BreakingChange::More { count: 70 }));
    let changes = functions(25, "bool").breaking_changes_since(&functions(25, "string"));
    assert_eq!((changes.len(), codes(&changes).contains(&"more")), (50, false));
    let fields = |ty: &str| {
        let fields = (0..70).map(|i| format!("n{i}: {ty},")).collect::<String>();
        let skill = format!("record r {{ {fields} }} f: func(a: r); g: func(a: r);");
        interface(&skill)
    };
    let changes = fields("bool").breaking_changes_since(&fields("string"));
    assert_eq!(changes.len(), 51);
    assert_eq!(changes.last(), Some(&BreakingChange::More { count: 2 }), "the rest of `f`, and `g`");
}

#[test]
fn a_skill_can_replace_itself() {
    TestRunner::new(Config { cases: 100, failure_persistence: None, ..Config::default() })
        .run(&ty(), |ty| {
            let skill = validated(wasm(&echo(&ty)));
            prop_assert_eq!(skill.breaking_changes_since(&skill), []);
            Ok(())
        })
        .expect("the property holds");
}

/// A type close to this one: something changed at one place. `pick` says where, `how` what.
fn change(ty: &mut Ty, mut pick: usize, how: usize, other: Ty) {
    let mut at = ty;
    loop {
        let children = match &*at {
            Ty::List(_) | Ty::Option(_) => 1,
            Ty::Tuple(items) | Ty::Record(items) => items.len(),
            Ty::Variant(cases) => cases.len(),
            Ty::Result(..) => 2,
            Ty::Plain(_) | Ty::Enum(_) | Ty::Flags(_) => 0,
        };
        if children == 0 || pick.is_multiple_of(3) {
            break;
        }
        pick /= 3;
        let child = pick % children;
        pick /= children;
        let none = match &*at {
            Ty::Variant(cases) => cases[child].is_none(),
            Ty::Result(ok, err) => if child == 0 { ok } else { err }.is_none(),
            _ => false,
        };
        if none {
            break;
        }
        at = match at {
            Ty::List(inner) | Ty::Option(inner) => inner,
            Ty::Tuple(items) | Ty::Record(items) => &mut items[child],
            Ty::Variant(cases) => cases[child].as_mut().expect("it is there"),
            Ty::Result(ok, err) => if child == 0 { ok } else { err }.as_mut().expect("it is there"),
            _ => unreachable!("it has children"),
        };
    }
    let old = at.clone();
    let option = |ty| Ty::Option(Box::new(ty));
    *at = match (how % 4, old) {
        (0, old) => option(old),
        (1, Ty::Record(mut fields)) => {
            fields.push(option(other));
            Ty::Record(fields)
        }
        (2, Ty::Record(mut fields)) => {
            fields.push(other);
            Ty::Record(fields)
        }
        (1 | 2, Ty::Variant(mut cases)) => {
            cases.push(Some(other).filter(|_| how % 4 == 1));
            Ty::Variant(cases)
        }
        (3, Ty::Variant(mut cases)) => {
            let at = how / 4 % cases.len();
            cases[at] = if cases[at].is_some() { None } else { Some(option(other)) };
            Ty::Variant(cases)
        }
        (1, Ty::Enum(count)) => Ty::Enum(count + 1),
        (2, Ty::Enum(_)) => Ty::Plain("string"),
        (3, Ty::Enum(count)) => Ty::Variant(vec![None; count]),
        (1 | 2, Ty::Flags(count)) => Ty::Flags(count % 32 + 1),
        (1, Ty::Tuple(items)) => Ty::List(Box::new(items[0].clone())),
        (2, Ty::Tuple(items)) => Ty::Record(items),
        (3, Ty::Tuple(mut items)) => {
            items.push(other);
            Ty::Tuple(items)
        }
        (1, Ty::List(item)) => Ty::Tuple(vec![(*item).clone(), *item]),
        (1, Ty::Option(inner)) => *inner,
        (2, Ty::Option(inner)) => Ty::Record(vec![*inner]),
        (1, Ty::Result(ok, err)) => {
            Ty::Result(ok.map_or_else(|| Some(Box::new(option(other))), |_| None), err)
        }
        (2, Ty::Result(ok, err)) => Ty::Result(err, ok),
        // Mostly to a plain type: that is where most pairs are.
        (_, Ty::Plain(_)) if how.is_multiple_of(5) => other,
        (_, Ty::Plain(_)) => Ty::Plain(PLAIN[how / 4 % PLAIN.len()]),
        (_, _) => other,
    };
}

/// Numbers by their value, `null` members left out: what is the same in two types.
fn meaning(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.iter().map(meaning).collect(),
        Value::Object(map) => {
            let members = map.iter().filter(|(_, value)| !value.is_null());
            Value::Object(members.map(|(name, value)| (name.clone(), meaning(value))).collect())
        }
        other => other.clone(),
    }
}

/// The input of an echo: a list of bytes is written as base64.
fn input(ty: &Ty, values: &[Value]) -> Value {
    let bytes = || values.iter().map(|v| u8::try_from(v.as_u64().expect("a byte")).expect("a byte"));
    if *ty == Ty::Plain("u8") { base64(&bytes().collect::<Vec<_>>()).into() } else { values.into() }
}

#[test]
fn a_compatible_change_accepts_every_old_value() {
    let config = Config { cases: 6000, failure_persistence: None, ..Config::default() };
    let pick = || (any::<usize>(), any::<usize>(), ty());
    let pairs =
        (ty(), proptest::collection::vec(pick(), 1..3), any::<bool>()).prop_map(|(a, picks, turn)| {
            let mut b = a.clone();
            picks.into_iter().for_each(|(pick, how, other)| change(&mut b, pick, how, other));
            if turn { (b, a) } else { (a, b) }
        });
    // Inputs of the first type are also made by tampering, where they stay inputs: the forms that are
    // taken and not written.
    let cases = pairs.prop_flat_map(|(from, to)| {
        let values = proptest::collection::vec(value(&from), 1..6);
        let changes = proptest::collection::vec((any::<usize>(), any::<usize>(), strange()), 12);
        (Just(from), Just(to), values, changes)
    });
    let (fit, differ, judged, runs) = (Cell::new(0), Cell::new(0), Cell::new(0), Cell::new(0));
    let count = |cell: &Cell<u32>| cell.set(cell.get() + 1);
    let limits = Limits::default();
    let host = host(Allocator::Pooling);
    TestRunner::new(config)
        .run(&cases, |(from, to, values, tampers)| {
            let (a, b) = (validated(wasm(&echo(&from))), validated(wasm(&echo(&to))));
            // The same relation decides on parameters when `b` follows `a`, and on results when `a` follows `b`.
            let (forth, back) = (codes(&b.breaking_changes_since(&a)), codes(&a.breaking_changes_since(&b)));
            let fits = !forth.contains(&"parameter-type");
            prop_assert_eq!(fits, !back.contains(&"result-type"));
            if !fits {
                count(&differ);
                return Ok(());
            }
            let (a, b) = (a.tools().next().expect("echo"), b.tools().next().expect("echo"));
            let parameters = jsonschema::validator_for(&a.parameters_schema()).expect("a valid schema");
            let taken = jsonschema::validator_for(&b.parameters_schema()).expect("a valid schema");
            let result = jsonschema::validator_for(&b.result_schema()).expect("a valid schema");
            let written = input(&from, &values);
            prop_assert!(result.is_valid(&written), "{from:?} writes {written}, which {to:?} does not");
            let mut inputs = vec![json!({"all": written})];
            for (pick, what, strange) in tampers {
                let mut changed = inputs[0].clone();
                tamper(&mut changed, pick, what, strange);
                inputs.push(changed);
            }
            inputs.retain(|input| parameters.is_valid(input));
            prop_assert!(!inputs.is_empty());
            for input in &inputs {
                prop_assert!(taken.is_valid(input), "{from:?} takes {input}, which {to:?} does not");
                count(&judged);
            }
            // What is taken means the same.
            if from != to {
                let skill = host.load(wasm(&echo(&to))).expect("it loads");
                for input in &inputs[..inputs.len().min(2)] {
                    let run = host.run(&skill, "echo", input.clone(), &limits);
                    match runtime().block_on(run).map(|report| report.outcome) {
                        Ok(Outcome::Completed(json)) if *input == inputs[0] => {
                            prop_assert_eq!(meaning(&json.to_value()), meaning(&input["all"]), "{:?}", to);
                        }
                        Ok(Outcome::Completed(_)) => {}
                        other => prop_assert!(false, "{input} to {to:?}: {other:?}"),
                    }
                    count(&runs);
                }
            }
            count(&fit);
            Ok(())
        })
        .expect("the property holds");
    let (fit, differ, judged, runs) = (fit.get(), differ.get(), judged.get(), runs.get());
    println!("{fit} fit, {differ} differ, {judged} inputs judged, {runs} runs");
    assert!(fit > 500 && differ > 500 && judged > 1000 && runs > 100, "{fit} {differ} {judged} {runs}");
}
