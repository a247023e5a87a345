//! Properties over generated types and values: what goes in comes out, and the schema agrees with us.
//!
//! The types and values are made here, not by the library; the schema is judged by an independent
//! validator. Of values that were tampered with, the validator and the sandbox must think alike.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use ringfence::{Allocator, Limits, Outcome, RunError, SchemaStyle, Skill};
use ringfence_sandbox_tests::types::{Ty, echo, name};
use ringfence_sandbox_tests::{host, load, runtime};
use serde_json::{Map, Value, json};

pub(super) const PLAIN: [&str; 13] =
    ["bool", "s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64", "float32", "float64", "char", "string"];

pub(super) fn ty() -> impl Strategy<Value = Ty> {
    let leaf = prop_oneof![
        8 => proptest::sample::select(&PLAIN[..]).prop_map(Ty::Plain),
        1 => (1..9_usize).prop_map(Ty::Enum),
        1 => (1..33_usize).prop_map(Ty::Flags),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        let boxed = inner.clone().prop_map(Box::new);
        prop_oneof![
            boxed.clone().prop_map(Ty::List),
            boxed.clone().prop_map(Ty::Option),
            proptest::collection::vec(inner.clone(), 1..5).prop_map(Ty::Tuple),
            proptest::collection::vec(inner.clone(), 1..5).prop_map(Ty::Record),
            proptest::collection::vec(proptest::option::of(inner), 1..5).prop_map(Ty::Variant),
            (proptest::option::of(boxed.clone()), proptest::option::of(boxed))
                .prop_map(|(ok, err)| Ty::Result(ok, err)),
        ]
    })
}

/// A value of the type, in the form in which it is written.
pub(super) fn value(ty: &Ty) -> BoxedStrategy<Value> {
    match ty {
        Ty::Plain("bool") => any::<bool>().prop_map(Value::from).boxed(),
        Ty::Plain("s8") => any::<i8>().prop_map(Value::from).boxed(),
        Ty::Plain("u8") => any::<u8>().prop_map(Value::from).boxed(),
        Ty::Plain("s16") => any::<i16>().prop_map(Value::from).boxed(),
        Ty::Plain("u16") => any::<u16>().prop_map(Value::from).boxed(),
        Ty::Plain("s32") => any::<i32>().prop_map(Value::from).boxed(),
        Ty::Plain("u32") => any::<u32>().prop_map(Value::from).boxed(),
        Ty::Plain("s64") => prop_oneof![any::<i64>(), -9..9_i64]
            .prop_map(|n| if n.unsigned_abs() >= 1 << 53 { n.to_string().into() } else { n.into() })
            .boxed(),
        Ty::Plain("u64") => prop_oneof![any::<u64>(), 0..9_u64]
            .prop_map(|n| if n >= 1 << 53 { n.to_string().into() } else { n.into() })
            .boxed(),
        Ty::Plain("float32") => prop_oneof![
            any::<f32>(),
            proptest::sample::select(&[f32::MAX, f32::MIN, f32::MIN_POSITIVE, -0.0][..])
        ]
        .prop_map(|x| float(x.into(), format!("{x:?}")))
        .boxed(),
        Ty::Plain("float64") => any::<f64>().prop_map(|x| float(x, format!("{x:?}"))).boxed(),
        Ty::Plain("char") => any::<char>().prop_map(|c| c.to_string().into()).boxed(),
        Ty::Plain(_) => any::<String>().prop_map(Value::from).boxed(),
        Ty::List(item) if **item == Ty::Plain("u8") => {
            proptest::collection::vec(any::<u8>(), 0..20).prop_map(|bytes| base64(&bytes).into()).boxed()
        }
        Ty::List(item) => proptest::collection::vec(value(item), 0..4).prop_map(Value::from).boxed(),
        Ty::Tuple(items) => items.iter().map(value).collect::<Vec<_>>().prop_map(Value::from).boxed(),
        Ty::Record(fields) => {
            let options: Vec<bool> = fields.iter().map(nullable).collect();
            fields
                .iter()
                .map(value)
                .collect::<Vec<_>>()
                .prop_map(move |values| {
                    let members =
                        values.into_iter().enumerate().filter(|(i, v)| !(options[*i] && v.is_null()));
                    Value::Object(members.map(|(i, value)| (name(i), value)).collect())
                })
                .boxed()
        }
        Ty::Variant(cases) => {
            let cases: Vec<BoxedStrategy<Value>> = cases
                .iter()
                .enumerate()
                .map(|(i, case)| match case {
                    None => Just(Value::from(name(i))).boxed(),
                    Some(ty) => value(ty).prop_map(move |v| single(&name(i), v)).boxed(),
                })
                .collect();
            proptest::strategy::Union::new(cases).boxed()
        }
        Ty::Enum(cases) => (0..*cases).prop_map(|i| name(i).into()).boxed(),
        Ty::Flags(flags) => proptest::collection::vec(any::<bool>(), *flags)
            .prop_map(|set| {
                set.iter().enumerate().filter(|(_, on)| **on).map(|(i, _)| Value::from(name(i))).collect()
            })
            .boxed(),
        Ty::Option(inner) => {
            let wrap = nullable(inner);
            let some = value(inner).prop_map(move |v| if wrap { single("some", v) } else { v });
            prop_oneof![Just(Value::Null), some].boxed()
        }
        Ty::Result(ok, err) => {
            let side = |key: &'static str, ty: &Option<Box<Ty>>| match ty {
                Some(ty) => value(ty).prop_map(move |v| single(key, v)).boxed(),
                None => Just(single(key, Value::Null)).boxed(),
            };
            prop_oneof![side("ok", ok), side("error", err)].boxed()
        }
    }
}

pub(super) fn nullable(ty: &Ty) -> bool {
    matches!(ty, Ty::Option(_))
}

pub(super) fn single(key: &str, value: Value) -> Value {
    let mut map = Map::new();
    map.insert(key.to_owned(), value);
    Value::Object(map)
}

fn float(x: f64, text: String) -> Value {
    if x.is_nan() {
        "NaN".into()
    } else if x.is_infinite() {
        if x > 0.0 { "Infinity".into() } else { "-Infinity".into() }
    } else {
        text.parse().expect("a number")
    }
}

/// Base64 by the book, so that the library's is not judged by itself.
pub(super) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let at = |i: usize| u32::from(*chunk.get(i).unwrap_or(&0));
        let all = at(0) << 16 | at(1) << 8 | at(2);
        for i in 0..4 {
            let sextet = (all >> (18 - 6 * i)) as usize & 63;
            out.push(if i <= chunk.len() { char::from(ALPHABET[sextet]) } else { '=' });
        }
    }
    out
}

/// What a value may be replaced by.
pub(super) fn strange() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i16>().prop_map(Value::from),
        Just(json!(-1)),
        Just(json!(256)),
        Just(json!(4_294_967_296_u64)),
        Just(json!(0.5)),
        Just(json!(2.0)),
        Just(json!(1e300)),
        Just(json!("")),
        Just(json!("n0")),
        Just(json!("ab")),
        Just(json!("AB==")),
        Just(json!("18446744073709551616")),
        Just(json!("-9223372036854775809")),
        Just(json!("007")),
        Just(json!("NaN")),
        Just(json!([])),
        Just(json!(["n0", "n0"])),
        Just(json!({})),
        Just(json!({"some": null})),
        Just(json!({"n0": null})),
        Just(json!({"ok": null})),
    ]
}

/// Replaces, removes or adds something somewhere in the value; `pick` says where.
pub(super) fn tamper(value: &mut Value, mut pick: usize, what: usize, strange: Value) {
    let mut at = value;
    loop {
        let children = match at {
            Value::Array(items) => items.len(),
            Value::Object(map) => map.len(),
            _ => 0,
        };
        // Half of the time stay at a node that has children.
        if children == 0 || pick.is_multiple_of(2) {
            break;
        }
        pick /= 2;
        let child = pick % children;
        pick /= children.max(2);
        at = match at {
            Value::Array(items) => &mut items[child],
            Value::Object(map) => map.values_mut().nth(child).expect("it is there"),
            _ => unreachable!("it has children"),
        };
    }
    match (what % 3, at) {
        (0, Value::Object(map)) => {
            map.insert("extra".into(), strange);
        }
        (0, Value::Array(items)) => items.push(strange),
        (1, Value::Object(map)) if !map.is_empty() => {
            let key = map.keys().nth(pick % map.len()).expect("it is there").clone();
            map.shift_remove(&key);
        }
        (1, Value::Array(items)) if !items.is_empty() => {
            items.pop();
        }
        (_, at) => *at = strange,
    }
}

pub(super) fn run(skill: &Skill, input: &Value) -> Result<Value, RunError> {
    let limits = Limits::default();
    let report = runtime().block_on(host(Allocator::Pooling).run(skill, "echo", input.clone(), &limits))?;
    match report.outcome {
        Outcome::Completed(json) => Ok(json.to_value()),
        other => panic!("{other:?}"),
    }
}

/// Whether a case is spelled for readers without unions, `{"ok": true}`. A schema has one spelling for all of an input;
/// the host takes each case in either, so an input with both is valid in no schema.
fn has_case_without_union(input: &Value) -> bool {
    match input {
        Value::Array(items) => items.iter().any(has_case_without_union),
        Value::Object(members) => {
            let selected = members.values().filter(|value| !value.is_null()).collect::<Vec<_>>();
            selected == [&json!(true)] || members.values().any(has_case_without_union)
        }
        _ => false,
    }
}

#[test]
fn values_come_back_and_schemas_agree() {
    let config = Config { cases: 256, failure_persistence: None, ..Config::default() };
    let cases = ty().prop_flat_map(|ty| {
        let values = proptest::collection::vec(value(&ty), 1..4);
        let changes = proptest::collection::vec((any::<usize>(), any::<usize>(), strange()), 8);
        (Just(ty), values, changes)
    });
    let (outside, inside) = (Cell::new(0_usize), Cell::new(0_usize));
    TestRunner::new(config)
        .run(&cases, |(ty, values, changes)| {
            let skill = load(host(Allocator::Pooling), &echo(&ty));
            let tool = skill.tool("echo").expect("it is there");
            let parameters = jsonschema::validator_for(&tool.parameters_schema()).expect("a valid schema");
            let result = jsonschema::validator_for(&tool.result_schema()).expect("a valid schema");
            // For readers whose schemas have no unions the host takes some more.
            let styles =
                [SchemaStyle::Portable, SchemaStyle::OpenAi, SchemaStyle::Anthropic, SchemaStyle::Gemini];
            let styles = styles.map(|style| {
                jsonschema::validator_for(&tool.parameters_schema_as(style)).expect("a valid schema")
            });
            // A list of bytes is not an array, so an echo of u8 takes base64 by itself.
            let values = match &ty {
                Ty::Plain("u8") => {
                    let bytes: Vec<u8> = values
                        .iter()
                        .map(|v| u8::try_from(v.as_u64().expect("a byte")).expect("a byte"))
                        .collect();
                    Value::from(base64(&bytes))
                }
                _ => Value::from(values),
            };
            let input = json!({"all": values});
            prop_assert!(parameters.is_valid(&input), "the schema refuses {input}");
            let back = run(&skill, &input);
            prop_assert_eq!(back.as_ref().ok(), Some(&values), "{:?}", back);
            prop_assert!(result.is_valid(&values), "the result's schema refuses {}", values);
            for (pick, what, strange) in changes {
                let mut changed = input.clone();
                tamper(&mut changed, pick, what, strange);
                let valid = parameters.is_valid(&changed);
                match run(&skill, &changed) {
                    Ok(_) => prop_assert!(
                        valid
                            || styles.iter().any(|style| style.is_valid(&changed))
                            || has_case_without_union(&changed),
                        "taken, though the schemas refuse it: {changed}"
                    ),
                    Err(RunError::Input { pointer, message }) => {
                        prop_assert!(
                            !valid,
                            "refused at {pointer} ({message}), though the schema takes it: {changed}"
                        );
                    }
                    Err(other) => prop_assert!(false, "{other}"),
                }
                let count = if valid { &inside } else { &outside };
                count.set(count.get() + 1);
            }
            Ok(())
        })
        .expect("the properties hold");
    // The tampering must really tamper.
    let (outside, inside) = (outside.get(), inside.get());
    assert!(outside > 200 && inside > 20, "{outside} invalid, {inside} valid");
}
