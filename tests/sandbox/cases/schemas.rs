//! Schemas in the styles that agents' clients take: no keyword that one of them fails on, inputs that the host takes, and
//! results that are valid, judged by an independent validator.

use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use ringfence::{Allocator, SchemaStyle, Tool};
use ringfence_sandbox_tests::files::root;
use ringfence_sandbox_tests::types::{Ty, echo, name};
use ringfence_sandbox_tests::{host, load, wasm};
use serde_json::{Map, Value, json};
use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{ManglingAndAbi, Resolve};

use super::property::{nullable, run, single, ty, value};

const STYLES: [SchemaStyle; 4] =
    [SchemaStyle::Portable, SchemaStyle::OpenAi, SchemaStyle::Anthropic, SchemaStyle::Gemini];

/// A schema for which each client was seen to fail, to misread it or to refuse it.
const REFUSED: [&str; 16] = [
    "$schema",
    "allOf",
    "const",
    "contentEncoding",
    "examples",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "maxLength",
    "minLength",
    "not",
    "oneOf",
    "pattern",
    "patternProperties",
    "prefixItems",
    "uniqueItems",
];

/// Looks at every schema within a schema; `see` says what is wrong with one.
fn walk(schema: &Value, see: &mut dyn FnMut(&Map<String, Value>)) {
    let object = schema.as_object().unwrap_or_else(|| panic!("a schema that is no object: {schema}"));
    see(object);
    for (keyword, inner) in object {
        match (keyword.as_str(), inner) {
            ("properties" | "$defs", Value::Object(schemas)) => {
                schemas.values().for_each(|inner| walk(inner, see))
            }
            ("anyOf", Value::Array(schemas)) => schemas.iter().for_each(|inner| walk(inner, see)),
            ("items", inner) => walk(inner, see),
            _ => {}
        }
    }
}

fn is_portable_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    name.len() <= 64
        && bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// What must hold for the schemas of any tool, in a style.
fn check_schemas(tool: &Tool<'_>, style: SchemaStyle) {
    let input = tool.parameters_schema_as(style);
    let outputs = [Some(tool.result_schema_as(style)), tool.failure_schema_as(style)];
    for schema in [&input].into_iter().chain(outputs.iter().flatten()) {
        jsonschema::draft202012::meta::validate(schema).unwrap_or_else(|error| panic!("{error}: {schema}"));
        walk(schema, &mut |seen| {
            for keyword in REFUSED {
                assert!(!seen.contains_key(keyword), "{style}: `{keyword}` in {schema}");
            }
            assert!(!seen.get("type").is_some_and(Value::is_array), "{style}: several types in {schema}");
            assert!(seen.len() == 1 || !seen.contains_key("$ref"), "{style}: `$ref` and more in {schema}");
            // One vendor's client takes a boolean for a schema.
            let closed = seen.contains_key("additionalProperties");
            assert!(
                !closed || matches!(style, SchemaStyle::OpenAi | SchemaStyle::Anthropic),
                "{style}: {schema}"
            );
        });
    }
    assert_eq!(input["type"], "object");
    assert!(input["required"].is_array(), "{input}");
    walk(&input, &mut |seen| {
        let Some(Value::Object(properties)) = seen.get("properties") else { return };
        for name in properties.keys() {
            assert!(is_portable_name(name), "{style}: {name}");
        }
        if style == SchemaStyle::OpenAi {
            let required = seen["required"].as_array().expect("all of them");
            assert_eq!(required.len(), properties.len(), "{input}");
            assert_eq!(seen["additionalProperties"], false);
        }
    });
    if style == SchemaStyle::Portable {
        // Clients that know only one type for a parameter take the one that stands there.
        for (name, parameter) in input["properties"].as_object().expect("parameters") {
            assert!(parameter["type"].is_string(), "`{name}` has no type: {parameter}");
        }
    }
}

/// A value as it is written for a style's schema; none where the schema has no place for it: integers beyond 2^53 − 1
/// and floats that are no numbers.
fn spelled(ty: &Ty, value: &Value, style: SchemaStyle) -> Option<Value> {
    let each = |items: &[Value], ty: &dyn Fn(usize) -> Ty| -> Option<Value> {
        let items = items.iter().enumerate().map(|(i, item)| spelled(&ty(i), item, style));
        items.collect::<Option<Vec<_>>>().map(Value::from)
    };
    Some(match ty {
        Ty::Plain("s64" | "u64" | "float32" | "float64") if value.is_string() => return None,
        Ty::Plain(_) | Ty::Enum(_) | Ty::Flags(_) => value.clone(),
        Ty::List(item) if **item == Ty::Plain("u8") => value.clone(),
        Ty::List(item) => each(value.as_array()?, &|_| (**item).clone())?,
        Ty::Tuple(items) => each(value.as_array()?, &|i| items[i].clone())?,
        Ty::Record(fields) => {
            let mut members = Map::new();
            for (i, field) in fields.iter().enumerate() {
                match value.get(name(i)) {
                    Some(value) => members.insert(name(i).replace('-', "_"), spelled(field, value, style)?),
                    // All members are required there.
                    None if style == SchemaStyle::OpenAi => {
                        members.insert(name(i).replace('-', "_"), Value::Null)
                    }
                    None => None,
                };
            }
            members.into()
        }
        Ty::Variant(cases) => {
            let case = |at: usize| name(at).replace('-', "_");
            let all_plain = cases.iter().all(Option::is_none);
            match value {
                Value::String(chosen) if style == SchemaStyle::Portable && !all_plain => {
                    single(&chosen.replace('-', "_"), true.into())
                }
                Value::String(_) => value.clone(),
                _ => {
                    let at = (0..cases.len()).find(|at| value.get(name(*at)).is_some())?;
                    single(&case(at), spelled(cases[at].as_ref()?, value.get(name(at))?, style)?)
                }
            }
        }
        Ty::Option(_) if value.is_null() => Value::Null,
        Ty::Option(inner) if nullable(inner) => single("some", spelled(inner, value.get("some")?, style)?),
        Ty::Option(inner) => spelled(inner, value, style)?,
        Ty::Result(ok, err) => {
            let (side, ty) = if value.get("ok").is_some() { ("ok", ok) } else { ("error", err) };
            let payload = match ty {
                Some(ty) => spelled(ty, value.get(side)?, style)?,
                None if style == SchemaStyle::Portable => true.into(),
                None => Value::Null,
            };
            single(side, payload)
        }
    })
}

#[test]
fn inputs_of_every_style_are_accepted_and_results_are_valid() {
    let config = Config { cases: 192, failure_persistence: None, ..Config::default() };
    let cases = ty().prop_flat_map(|ty| (proptest::collection::vec(value(&ty), 1..4), Just(ty)));
    let tried = std::cell::Cell::new(0_usize);
    TestRunner::new(config)
        .run(&cases, |(values, ty)| {
            let skill = load(host(Allocator::Pooling), &echo(&ty));
            let tool = skill.tool("echo").expect("it is there");
            for style in STYLES {
                check_schemas(&tool, style);
            }
            // A list of bytes is not an array; bytes by themselves are tried in the other tests.
            if ty == Ty::Plain("u8") {
                return Ok(());
            }
            let all = Ty::List(Box::new(ty));
            let written = Value::from(values);
            for style in STYLES {
                let result = tool.result_schema_as(style);
                let result = jsonschema::validator_for(&result).expect("a valid schema");
                prop_assert!(
                    result.is_valid(&written),
                    "{style}: {} refuses {written}",
                    tool.result_schema_as(style)
                );
                let Some(input) = spelled(&all, &written, style) else { continue };
                let input = json!({"all": input});
                let back = run(&skill, &input);
                prop_assert_eq!(back.as_ref().ok(), Some(&written), "{}: {} gave {:?}", style, input, back);
                // OpenAPI's `nullable` is nothing to a validator of JSON Schema.
                if style != SchemaStyle::Gemini {
                    let schema = tool.parameters_schema_as(style);
                    let parameters = jsonschema::validator_for(&schema).expect("a valid schema");
                    prop_assert!(parameters.is_valid(&input), "{style}: {schema} refuses {input}");
                }
                tried.set(tried.get() + 1);
            }
            Ok(())
        })
        .expect("the properties hold");
    assert!(tried.get() > 200, "{} inputs", tried.get());
}

/// A component without code, for the tools of a package of WIT.
fn of_wit(text: &str, world: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("test.wit", text).unwrap_or_else(|error| panic!("{error}"));
    encode(&resolve, package, world)
}

fn of_folder(folder: &Path, world: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(folder).unwrap_or_else(|error| panic!("{error}"));
    encode(&resolve, package, world)
}

fn encode(resolve: &Resolve, package: wit_parser::PackageId, world: &str) -> Vec<u8> {
    let world = resolve.select_world(&[package], Some(world)).expect("the world");
    let mut module = dummy_module(resolve, world, ManglingAndAbi::Standard32);
    embed_component_metadata(&mut module, resolve, world, StringEncoding::UTF8).expect("it embeds");
    let encoder = ComponentEncoder::default().validate(true);
    encoder.module(&module).expect("a module").encode().expect("a component")
}

/// A tool as a list shows it.
fn listed(tool: &Tool<'_>, style: SchemaStyle) -> usize {
    let (input, output) = (tool.parameters_schema_as(style), tool.result_schema_as(style));
    let description = tool.description().map_or_else(|| tool.signature(), str::to_owned);
    let tool = json!({"name": tool.name(), "description": description, "inputSchema": input, "outputSchema": output});
    tool.to_string().len()
}

#[test]
fn a_list_of_the_shelf_is_two_fifths_smaller() {
    let (mut tools, mut exact, mut portable) = (0, 0, 0);
    for world in
        ["csv-query", "dates", "hash", "json-query", "markdown", "text-stats", "tokens", "vector-search"]
    {
        // With the texts of their authors, where the component is committed.
        let committed = std::fs::read(root().join("skills").join(format!("{world}.wasm")));
        let component =
            committed.unwrap_or_else(|_| of_folder(&root().join("skills").join(world).join("wit"), world));
        let skill =
            host(Allocator::Pooling).validate(component).unwrap_or_else(|error| panic!("{world}: {error}"));
        for tool in skill.tools() {
            let sizes = (listed(&tool, SchemaStyle::Exact), listed(&tool, SchemaStyle::Portable));
            println!("{world} {}: {sizes:?}", tool.name());
            tools += 1;
            exact += sizes.0;
            portable += sizes.1;
            for style in STYLES {
                check_schemas(&tool, style);
            }
        }
    }
    assert!(tools > 20, "{tools} tools");
    assert!(portable * 10 <= exact * 6, "{tools} tools: {exact} bytes exactly, {portable} portably");
    println!("{tools} tools: {exact} bytes exactly, {portable} portably");
}

#[test]
fn types_used_often_move_to_defs_beyond_the_bound() {
    // Each level holds the one below twice: written out, the schema doubles with each.
    let text = |levels: usize| {
        let mut text =
            "package test:deep; interface tools { record t0 { a-b: string, c: option<f64> }\n".to_owned();
        for level in 1..=levels {
            let below = level - 1;
            text += &format!("record t{level} {{ l-l: t{below}, r: option<tuple<t{below}, u8>> }}\n");
        }
        text + &format!("go: func(tree: t{levels}) -> t{levels}; }} world skill {{ export tools; }}")
    };
    for (levels, shared) in [(2, false), (12, true)] {
        let skill = host(Allocator::Pooling).validate(of_wit(&text(levels), "skill")).expect("it is sound");
        let tool = skill.tools().next().expect("a tool");
        let exact = tool.parameters_schema().to_string().len();
        for style in STYLES {
            check_schemas(&tool, style);
            for schema in [tool.parameters_schema_as(style), tool.result_schema_as(style)] {
                assert_eq!(schema.get("$defs").is_some(), shared, "{style}, {levels} levels: {schema}");
                let size = schema.to_string().len();
                assert!(size <= 4 * exact, "{style}, {levels} levels: {size} bytes for {exact}");
            }
        }
    }
}

#[test]
fn descriptions_stay_with_their_types() {
    let component = std::fs::read(root().join("skills/text-stats.wasm")).expect("it is committed");
    let skill = host(Allocator::Pooling).validate(component).expect("it is sound");
    for tool in skill.tools() {
        let exact = tool.parameters_schema();
        for style in STYLES {
            check_schemas(&tool, style);
            let schema = tool.parameters_schema_as(style);
            for (name, parameter) in exact["properties"].as_object().expect("parameters") {
                let Some(said) = parameter["description"].as_str() else { continue };
                let shown = &schema["properties"][name.replace('-', "_")]["description"];
                assert!(
                    shown.as_str().is_some_and(|shown| shown.starts_with(said)),
                    "{style} `{name}`: {schema}"
                );
            }
        }
    }
}

#[test]
fn parameters_in_either_spelling_and_never_in_both() {
    let long = format!("{}-end", "a".repeat(70));
    let wat = format!(
        r#"(component (core module $m (func (export "f") (param i32 i32) (result i32) local.get 0 local.get 1 i32.sub))
             (core instance $i (instantiate $m))
             (func (export "f") (param "max-len" s32) (param "{long}" s32) (result s32) (canon lift (core func $i "f"))))"#
    );
    let skill = host(Allocator::Pooling).load(wasm(&wat)).expect("it loads");
    let tool = skill.tool("f").expect("it is there");
    check_schemas(&tool, SchemaStyle::Portable);
    let schema = tool.parameters_schema_as(SchemaStyle::Portable);
    let names: Vec<&String> = schema["properties"].as_object().expect("two").keys().collect();
    assert_eq!((names[0].as_str(), names[1].len()), ("max_len", 64));
    let call = |input: Value| {
        let limits = ringfence::Limits::default();
        let ran = ringfence_sandbox_tests::runtime()
            .block_on(host(Allocator::Pooling).run(&skill, "f", input, &limits));
        ran.map(|report| match report.outcome {
            ringfence::Outcome::Completed(value) => value.to_value(),
            other => panic!("{other:?}"),
        })
    };
    for first in ["max-len", "max_len"] {
        for second in [&long, names[1]] {
            assert_eq!(call(json!({first: 5, second: 3})).expect("it runs"), 2);
            assert_eq!(call(json!({second: 3, first: 5})).expect("it runs"), 2);
        }
    }
    let both = call(json!({"max-len": 5, "max_len": 5, &long: 3})).expect_err("one too many");
    assert!(both.to_string().contains("/max_len"), "{both}");
    let both = call(json!({"max-len": 5, &long: 3, names[1]: 3})).expect_err("one too many");
    assert!(both.to_string().contains(names[1]), "{both}");
    let other = call(json!({"max-len": 5, long.replace('-', "_"): 3})).expect_err("neither spelling");
    assert_eq!(other.code(), "input-mismatch");
}
