//! What is not loaded, and what is said about it.

use ringfence::{Allocator, LoadError, Refusal};
use ringfence_sandbox_tests::{host, wasm, wat_guests as guests};

fn refusals(bytes: &[u8]) -> Vec<Refusal> {
    match host(Allocator::Pooling).validate(bytes) {
        Ok(_) => Vec::new(),
        Err(LoadError::Refused(reasons)) => {
            for reason in &reasons {
                println!("{reason}");
            }
            reasons
        }
        Err(other) => panic!("{other}"),
    }
}

fn one(bytes: &[u8]) -> Refusal {
    let mut reasons = refusals(bytes);
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    reasons.remove(0)
}

#[test]
fn bytes_that_are_not_wasm_are_refused() {
    for (bytes, hint) in [
        (&b""[..], "empty"),
        (b"hello", ""),
        (b"\x7fELF\x02\x01\x01", "never loads"),
        (b"(component)", "text"),
        (b"\x1f\x8b\x08", "compressed"),
    ] {
        match one(bytes) {
            Refusal::NotWasm { hint: said } => assert!(said.contains(hint), "{said}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn an_artifact_of_our_own_is_not_wasm() {
    let skill = host(Allocator::Pooling).validate(wasm(guests::ECHO)).expect("valid");
    let artifact = ringfence::compile(&skill).expect("it compiles");
    assert!(matches!(one(artifact.as_bytes().expect("compiled here")), Refusal::NotWasm { .. }));
}

#[test]
fn a_core_module_is_refused() {
    let refusal = one(&wasm("(module)"));
    assert_eq!(refusal, Refusal::CoreModule);
    assert!(refusal.to_string().contains("wasm-tools component new"));
}

#[test]
fn truncated_and_malformed_components_are_refused() {
    let whole = wasm(guests::ECHO);
    for end in [1, 4, 7, 8, 9, 20, whole.len() / 2, whole.len() - 1] {
        let reasons = refusals(&whole[..end]);
        assert!(!reasons.is_empty(), "the first {end} bytes");
    }
    let mut flipped = whole.clone();
    flipped[12] ^= 0xff;
    assert!(matches!(one(&flipped), Refusal::Malformed { .. }));
    assert!(matches!(one(b"\0asm\x0d\0\x02\0"), Refusal::Malformed { .. }));
}

#[test]
fn features_that_are_off_are_named() {
    let core =
        |body: &str| guests::component(body, r#"(func (export "run") (canon lift (core func $i "run")))"#);
    let run = r#"(func (export "run"))"#;
    for (body, feature) in [
        ("(memory 1 1 shared)", "threads"),
        ("(memory i64 1)", "memory64"),
        ("(memory 1) (memory 1)", "multi-memory"),
        ("(type (struct))", "gc"),
        ("(tag)", "exceptions"),
        ("(func (param v128) (drop (i32x4.relaxed_trunc_f32x4_s (local.get 0))))", "relaxed-simd"),
        (
            "(func (param i64 i64 i64 i64) (i64.add128 (local.get 0) (local.get 1) (local.get 2) (local.get 3)) drop drop)",
            "wide-arithmetic",
        ),
        ("(type $f (func)) (func (param (ref $f)) (call_ref $f (local.get 0)))", "function-references"),
    ] {
        let reasons = refusals(&wasm(&core(&format!("{body} {run}"))));
        let named: Vec<&str> = reasons
            .iter()
            .map(|reason| match reason {
                Refusal::FeatureOff { feature, .. } => *feature,
                other => panic!("{other:?}"),
            })
            .collect();
        assert!(named.contains(&feature), "{feature}: {named:?}");
    }
    // Bytes that no feature makes valid are malformed.
    let mut bad = wasm(&core(run));
    // The body of the one function: no locals, end.
    let body = bad.windows(3).rposition(|bytes| bytes == [2, 0, 0x0b]).expect("an empty function");
    bad[body + 2] = 0xff;
    assert!(matches!(&refusals(&bad)[..], [Refusal::Malformed { .. }]));
}

#[test]
fn imports_that_are_not_offered_are_refused() {
    let importing = |import: &str| {
        format!(
            r#"(component {import} (core module $m (func (export "run"))) (core instance $i (instantiate $m))
                 (func (export "run") (canon lift (core func $i "run"))))"#
        )
    };
    let nearest = |import: &str| match one(&wasm(&importing(import))) {
        Refusal::ImportNotOffered { import, nearest } => (import, nearest.unwrap_or_default()),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        nearest(r#"(import "wasi:clocks/wall-clocks@0.2.0" (instance (export "now" (func))))"#),
        ("wasi:clocks/wall-clocks@0.2.0".into(), "wasi:clocks/wall-clock@0.2.12".into())
    );
    assert_eq!(
        nearest(r#"(import "wasi:cli/environment@0.3.0" (instance (export "get-arguments" (func))))"#).1,
        "wasi:cli/environment@0.2.12"
    );
    assert_eq!(
        nearest(
            r#"(import "ringfence:skill/log@0.1.0" (instance (export "writes" (func (param "m" string)))))"#
        ),
        ("ringfence:skill/log@0.1.0#writes".into(), "ringfence:skill/log@0.1.0#write".into())
    );
    // What is near nothing is not compared with anything.
    assert_eq!(nearest(r#"(import "log" (func))"#), ("log".into(), String::new()));
    // Any 0.2 of WASI is the same to a guest; types alone need nothing behind them.
    for fine in [
        r#"(import "wasi:cli/environment@0.2.0" (instance (export "get-arguments" (func (result (list string))))))"#,
        r#"(import "acme:types/types@1.0.0" (instance (type $t (record (field "a" u8))) (export "t" (type (eq $t)))))"#,
    ] {
        assert_eq!(refusals(&wasm(&importing(fine))), []);
    }
}

#[test]
fn signatures_without_a_json_form_are_refused() {
    let export = |ty: &str, param: &str| {
        format!(
            r#"(component (core module $m (func (export "run") (param i32))) (core instance $i (instantiate $m))
                 {ty} (func $run (param "x" {param}) (canon lift (core func $i "run"))) (export "run" (func $run)))"#
        )
    };
    let resource = export(r#"(type $r' (resource (rep i32))) (export $r "r" (type $r'))"#, "(own $r)");
    assert_eq!(
        one(&wasm(&resource)),
        Refusal::Signature { function: "run".into(), kind: "resource", place: "parameter `x`".into() }
    );
    for (ty, kind) in [("(stream u8)", "stream"), ("(future u8)", "future")] {
        let reasons = refusals(&wasm(&export("", ty)));
        let named =
            reasons.iter().any(|reason| matches!(reason, Refusal::Signature { kind: k, .. } if *k == kind));
        assert!(named, "{kind}: {reasons:?}");
    }
}

#[test]
fn async_lifts_are_named() {
    let wat = r#"(component
        (core module $m (func (export "run") (result i32) (i32.const 0)) (func (export "cb") (param i32 i32 i32) (result i32) (i32.const 0)))
        (core instance $i (instantiate $m))
        (func (export "run") async (canon lift (core func $i "run") async (callback (core func $i "cb")))))"#;
    let reasons = refusals(&wasm(wat));
    let named = reasons.iter().any(|reason| {
        matches!(reason, Refusal::FeatureOff { feature: "component-model-async", .. })
            || matches!(reason, Refusal::Signature { kind: "async lift", .. })
    });
    assert!(named, "{reasons:?}");
}

#[test]
fn a_component_without_exports_is_refused() {
    assert!(matches!(one(&wasm("(component)")), Refusal::NothingExported { hint: "" }));
    let command = r#"(component (core module $m (func (export "run") (result i32) (i32.const 0)))
        (core instance $i (instantiate $m))
        (func $run (result (result)) (canon lift (core func $i "run")))
        (instance $r (export "run" (func $run)))
        (export "wasi:cli/run@0.2.0" (instance $r)))"#;
    match one(&wasm(command)) {
        Refusal::NothingExported { hint } => assert!(hint.contains("wasi:*")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_component_over_a_cap_is_refused_with_both_numbers() {
    let over = |bytes: &[u8]| match one(bytes) {
        Refusal::OverCap { value, cap, .. } => (value, cap),
        other => panic!("{other:?}"),
    };
    assert_eq!(over(&wasm(&guests::instances(64))), (65, 64));
    assert_eq!(over(&wasm(&guests::many("(memory 0)", 17))), (17, 16));
    assert_eq!(over(&wasm(&guests::many("(table 60000 funcref)", 2))), (120_000, 100_000));
    let exports = |n: usize| -> String {
        let exports: String =
            (0..n).map(|i| format!(r#"(func (export "f{i}") (canon lift (core func $i "run")))"#)).collect();
        guests::component(r#"(func (export "run"))"#, &exports)
    };
    assert_eq!(refusals(&wasm(&exports(256))), []);
    assert_eq!(over(&wasm(&exports(257))), (257, 256));
    let size = ringfence::SkillCaps::default().size;
    let mut large = wasm(guests::ECHO);
    // A custom section fills the file up to the cap; one byte more is over.
    let fill = |bytes: &mut Vec<u8>, total: u64| {
        let body = usize::try_from(total).expect("small") - bytes.len() - 6;
        let mut length = body as u32;
        bytes.push(0);
        for i in 0..5 {
            bytes.push((length & 0x7f) as u8 | if i < 4 { 0x80 } else { 0 });
            length >>= 7;
        }
        bytes.push(1);
        bytes.push(b'x');
        bytes.resize(usize::try_from(total).expect("small"), 0);
    };
    let mut more = large.clone();
    fill(&mut large, size);
    assert_eq!(refusals(&large), []);
    fill(&mut more, size + 1);
    assert_eq!(over(&more), (size + 1, size));
}

#[test]
fn schemas_that_grow_without_bound_are_refused() {
    // Each level holds the one before twice: 2^20 nodes, in a file of a kilobyte.
    let mut types = String::from("(type $t0 (tuple u8 u8))");
    for i in 1..20 {
        types.push_str(&format!("(type $t{i} (tuple $t{} $t{}))", i - 1, i - 1));
    }
    let bomb = format!(
        r#"(component (core module $m (memory (export "memory") 1) (func (export "run") (param i32))
               (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)))
             (core instance $i (instantiate $m)) (alias core export $i "memory" (core memory $memory)) {types}
             (func (export "run") (param "x" $t19)
               (canon lift (core func $i "run") (memory $memory) (realloc (core func $i "realloc")))))"#
    );
    // Shared types stand once in the schema, so this one is small; the engine's own cap may refuse it.
    let reasons = refusals(&wasm(&bomb));
    assert!(
        reasons.iter().all(|reason| matches!(reason, Refusal::Malformed { .. } | Refusal::OverCap { .. })),
        "{reasons:?}"
    );
    // A wide one is over the cap of the schema.
    let wide: String = (0..9_000).map(|i| format!("\"a-case-with-a-long-name-{i}\" ")).collect();
    let wide = format!(
        r#"(component (core module $m (func (export "run") (param i32))) (core instance $i (instantiate $m))
             (type $e' (enum {wide})) (export $e "e" (type $e'))
             (func $run (param "x" $e) (canon lift (core func $i "run"))) (export "run" (func $run)))"#
    );
    assert!(matches!(one(&wasm(&wide)), Refusal::OverCap { cap: 262_144, .. }));
}

#[test]
fn colliding_and_invalid_tool_names_are_refused() {
    let two = r#"(component (core module $m (func (export "run"))) (core instance $i (instantiate $m))
        (func $run (canon lift (core func $i "run")))
        (instance $a (export "go" (func $run)))
        (export "a:x/stats@1.0.0" (instance $a))
        (export "b:y/stats@1.0.0" (instance $a)))"#;
    match one(&wasm(two)) {
        Refusal::NameCollision { name, first, second } => {
            assert_eq!(name, "stats_go");
            assert_eq!((first.as_str(), second.as_str()), ("a:x/stats@1.0.0#go", "b:y/stats@1.0.0#go"));
        }
        other => panic!("{other:?}"),
    }
    let apart = two.replace("b:y/stats", "b:y/counts");
    let skill = host(Allocator::Pooling).load(wasm(&apart)).expect("it loads");
    let names: Vec<&str> = skill.tools().map(|tool| tool.name()).collect();
    assert_eq!(names, ["stats_go", "counts_go"]);
    assert!(skill.tool("go").is_none());
    let long = |n: usize| {
        guests::component(
            r#"(func (export "run"))"#,
            &format!(r#"(func (export "{}") (canon lift (core func $i "run")))"#, "a".repeat(n)),
        )
    };
    assert_eq!(refusals(&wasm(&long(128))), []);
    assert!(matches!(one(&wasm(&long(129))), Refusal::NameTooLong { length: 129, cap: 128, .. }));
}

#[test]
fn every_reason_is_reported_at_once() {
    let wat = r#"(component
        (import "acme:one/a@1.0.0" (instance (export "f" (func))))
        (import "acme:two/b@1.0.0" (instance (export "f" (func))))
        (core module $m (func (export "run") (param i32)))
        (core module $t (table 100001 funcref))
        (core instance (instantiate $t))
        (core instance $i (instantiate $m))
        (type $r' (resource (rep i32))) (export $r "r" (type $r'))
        (func $run (param "x" (own $r)) (canon lift (core func $i "run"))) (export "run" (func $run)))"#;
    let reasons = refusals(&wasm(wat));
    let codes: Vec<&str> = reasons.iter().map(Refusal::code).collect();
    assert_eq!(codes, ["over-cap", "import-not-offered", "import-not-offered", "unsupported-signature"]);
}

#[test]
fn a_long_list_of_reasons_is_cut() {
    let imports: String =
        (0..900).map(|i| format!(r#"(import "acme:a/b{i}@1.0.0" (instance (export "f" (func))))"#)).collect();
    let reasons = refusals(&wasm(&format!("(component {imports})")));
    assert_eq!(reasons.len(), 51);
    // Nothing exported is one reason more.
    assert_eq!(reasons.last(), Some(&Refusal::More { count: 851 }));
}

#[test]
fn components_nested_too_deep_are_refused() {
    // In bytes: text does not go that deep. A component section holds the next component.
    let deep = |levels: usize| {
        let header = b"\0asm\x0d\0\x01\0";
        (1..levels).fold(header.to_vec(), |inner, _| {
            let mut outer = header.to_vec();
            outer.push(4);
            let mut length = inner.len();
            while length > 0x7f {
                outer.push((length & 0x7f) as u8 | 0x80);
                length >>= 7;
            }
            outer.push(length as u8);
            outer.extend(inner);
            outer
        })
    };
    assert!(matches!(one(&deep(100)), Refusal::NothingExported { .. }));
    assert!(matches!(one(&deep(101)), Refusal::OverCap { value: 101, cap: 100, .. }));
    // 32 that make 30 each, and some more: 992 and `more`.
    let many = |more: usize| {
        let thirty = "(instance (instantiate $e))".repeat(30);
        let (outer, more) =
            ("(instance (instantiate $c))".repeat(32), "(instance (instantiate $e))".repeat(more));
        format!(
            r#"(component (component $e) (component $c (component $e) {thirty}) {outer} {more}
                 (core module $m (func (export "run"))) (core instance $i (instantiate $m))
                 (func (export "run") (canon lift (core func $i "run"))))"#
        )
    };
    assert_eq!(refusals(&wasm(&many(8))), []);
    assert!(matches!(one(&wasm(&many(9))), Refusal::OverCap { value: 1_001, cap: 1_000, .. }));
}

#[test]
fn components_that_slow_down_validation_are_refused() {
    // 300 instantiations, each checked against 900 declared items.
    let functions: String = (0..900).map(|i| format!(r#"(export "f{i}" (func))"#)).collect();
    let instances = r#"(instance (instantiate $c (with "x" (instance $big))))"#.repeat(300);
    let wat = format!(
        r#"(component (type $t (instance {functions})) (import "acme:a/big@1.0.0" (instance $big (type $t)))
             (component $c (import "x" (instance {functions}))) {instances})"#
    );
    assert!(matches!(one(&wasm(&wat)), Refusal::OverCap { cap: 250_000, .. }));
}

/// A component with a documentation section.
fn documented(wat: &str, json: &str) -> Vec<u8> {
    let mut bytes = wasm(wat);
    let name = b"ringfence:skill";
    let mut length = 1 + name.len() + json.len();
    bytes.push(0);
    loop {
        let low = (length & 0x7f) as u8;
        length >>= 7;
        bytes.push(if length == 0 { low } else { low | 0x80 });
        if length == 0 {
            break;
        }
    }
    bytes.push(name.len() as u8);
    bytes.extend_from_slice(name);
    bytes.extend_from_slice(json.as_bytes());
    bytes
}

/// A component with named types: a record, a variant, an enum, and a function over them.
const NAMED: &str = r#"(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
    (func (export "go") (param i32 i32 i32 i32 i32 i32)))
  (core instance $i (instantiate $m))
  (alias core export $i "memory" (core memory $memory))
  (type $pair0 (record (field "left" u32) (field "right" u32)))
  (type $shape0 (variant (case "dot") (case "line" u32)))
  (type $tone0 (enum "low" "high"))
  (component $c
    (import "pair" (type $pair (eq $pair0)))
    (import "shape" (type $shape (eq $shape0)))
    (import "tone" (type $tone (eq $tone0)))
    (import "go" (func $go (param "pair" $pair) (param "shape" $shape) (param "tone" $tone) (param "other" $tone)))
    (export $pair2 "pair" (type $pair))
    (export $shape2 "shape" (type $shape))
    (export $tone2 "tone" (type $tone))
    (export "go" (func $go)
      (func (param "pair" $pair2) (param "shape" $shape2) (param "tone" $tone2) (param "other" $tone2))))
  (func $go (param "pair" $pair0) (param "shape" $shape0) (param "tone" $tone0) (param "other" $tone0)
    (canon lift (core func $i "go")))
  (instance $e (instantiate $c (with "pair" (type $pair0)) (with "shape" (type $shape0)) (with "tone" (type $tone0))
    (with "go" (func $go))))
  (export "acme:all/things@1.0.0" (instance $e)))"#;

#[test]
fn the_documentation_section() {
    let with = |json: &str| documented(guests::ECHO, json);
    let good = r#"{"description":"d","tools":{"echo":{"description":"Says it again.","parameters":{"text":"What."}}}}"#;
    let skill = host(Allocator::Pooling).load(with(good)).expect("it loads");
    let tool = skill.tool("echo").expect("it is there");
    assert_eq!(tool.description(), Some("Says it again."));
    assert_eq!(tool.parameters_schema()["properties"]["text"]["description"], "What.");
    assert_eq!((tool.annotations(), skill.skill_md(), skill.about()), (None, None, Some("d")));
    let claims = r##"{"skill-md":"---\nname: echo\n---\n# Echo","tools":{"echo":{"annotations":{"title":"Echo","read-only":true,"open-world":false}}}}"##;
    let skill = host(Allocator::Pooling).load(with(claims)).expect("it loads");
    assert_eq!(skill.skill_md(), Some("---\nname: echo\n---\n# Echo"));
    let claimed = skill.tool("echo").and_then(|tool| tool.annotations().cloned()).expect("they are there");
    assert_eq!(
        (claimed.title.as_deref(), claimed.read_only, claimed.open_world),
        (Some("Echo"), Some(true), Some(false))
    );
    assert_eq!((claimed.destructive, claimed.idempotent), (None, None));
    for bad in [
        "{",
        r#"{"tools":{"shout":{}}}"#,
        r#"{"tools":{"echo":{"parameters":{"sound":""}}}}"#,
        r#"{"unknown":1}"#,
        r#"{"tools":{"echo":{},"echo":{}}}"#,
        r#"{"tools":{"echo":{"parameters":{"text":"a","text":"b"}}}}"#,
        r#"{"description":"\u001b[31m"}"#,
        r#"{"description":"\u202e"}"#,
        r#"{"skill-md":"\u001b[31m"}"#,
        r#"{"skill-md":1}"#,
        r#"{"tools":{"echo":{"annotations":{"safe":true}}}}"#,
        r#"{"tools":{"echo":{"annotations":{"read-only":"yes"}}}}"#,
        r#"{"tools":{"echo":{"annotations":{"title":"\u0007"}}}}"#,
        r#"{"name":""}"#,
        r#"{"version":" 1"}"#,
        r#"{"license":"MIT\n"}"#,
        r#"{"grants":{"files":true}}"#,
        r#"{"grants":{"http":["\u0007"]}}"#,
        r#"{"tools":{"echo":{"examples":[{"name":"e","input":{"text":1}}]}}}"#,
        r#"{"tools":{"echo":{"examples":[{"name":"e","input":{}}]}}}"#,
        r#"{"tools":{"echo":{"examples":[{"name":"\u0007","input":{"text":"a"}}]}}}"#,
        r#"{"tools":{"echo":{"examples":[{"input":{"text":"a"}}]}}}"#,
        r#"{"tools":{"echo":{"examples":[{"name":"e","input":{"text":"\u202e"}}]}}}"#,
        r#"{"types":{"gone":{"description":"d"}}}"#,
    ] {
        assert!(matches!(one(&with(bad)), Refusal::Metadata { .. }), "{bad}");
    }
}

#[test]
fn the_documentation_of_types() {
    let host = host(Allocator::Pooling);
    let all = r#"{"types":{
        "things_pair":{"description":"Two.","fields":{"left":"The left one."}},
        "shape":{"fields":{"dot":"A dot.","line":"Its length."}},
        "tone":{"description":"A tone."}}}"#;
    let skill = host.load(documented(NAMED, all)).expect("it loads");
    let schema = skill.tool("go").expect("it is there").parameters_schema();
    let properties = &schema["properties"];
    assert_eq!(properties["pair"]["description"], "Two.");
    assert_eq!(properties["pair"]["properties"]["left"]["description"], "The left one.");
    assert_eq!(properties["pair"]["properties"]["right"].get("description"), None);
    assert_eq!(properties["shape"]["description"], "`dot`: A dot.\n`line`: Its length.");
    assert_eq!(schema["$defs"]["tone"]["description"], "A tone.");
    for bad in [
        r#"{"types":{"pair":{"fields":{"middle":"?"}}}}"#,
        r#"{"types":{"shape":{"fields":{"cube":"?"}}}}"#,
        r#"{"types":{"pair":{"description":"\u001b"}}}"#,
        r#"{"types":{"pair":{"fields":{"left":"\u001b"}}}}"#,
        r#"{"types":{"pair":{"fields":{"left":"a","left":"b"}}}}"#,
        r#"{"types":{"other_pair":{}}}"#,
    ] {
        assert!(matches!(one(&documented(NAMED, bad)), Refusal::Metadata { .. }), "{bad}");
    }
}

#[test]
fn a_function_named_like_an_interface_is_refused() {
    let (before, after) = guests::ECHO.rsplit_once(r#"(export "echo""#).expect("it is the last export");
    let named = format!(r#"{before}(export "acme:all/echo@1.0.0"{after}"#);
    assert!(matches!(one(&wasm(&named)), Refusal::ToolName { .. }));
}

/// Two names of one shape are one type: what is said of one must not be read of the other.
#[test]
fn documentation_of_two_types_of_one_shape_stays_apart() {
    let twins = NAMED
        .replace(r#"(enum "low" "high")"#, r#"(record (field "left" u32) (field "right" u32))"#)
        .replace("(param i32 i32 i32 i32 i32 i32)", "(param i32 i32 i32 i32 i32 i32 i32 i32)");
    let with = |tone: &str| {
        let json =
            format!(r#"{{"types":{{"pair":{{"description":"Two."}},"tone":{{"description":"{tone}"}}}}}}"#);
        let skill = host(Allocator::Pooling).load(documented(&twins, &json)).expect("it loads");
        skill.tool("go").expect("it is there").parameters_schema()["$defs"]["pair"].clone()
    };
    assert_eq!(with("Two.")["description"], "Two.");
    assert_eq!(with("A tone.").get("description"), None);
}

#[test]
fn texts_at_their_cap_are_accepted_and_longer_ones_are_refused() {
    let text = |bytes| documented(guests::ECHO, &format!(r#"{{"description":"{}"}}"#, "x".repeat(bytes)));
    let line = |bytes| documented(guests::ECHO, &format!(r#"{{"name":"{}"}}"#, "x".repeat(bytes)));
    let asks = |count| {
        let hosts = vec![r#""a.example""#; count].join(",");
        documented(guests::ECHO, &format!(r#"{{"grants":{{"http":[{hosts}]}}}}"#))
    };
    // 14 bytes are not the text's.
    let all =
        |bytes: usize| documented(guests::ECHO, &format!(r#"{{"skill-md":"{}"}}"#, "x".repeat(bytes - 15)));
    let host = host(Allocator::Pooling);
    for (fits, over) in
        [(text(4096), text(4097)), (line(256), line(257)), (asks(64), asks(65)), (all(65_536), all(65_537))]
    {
        assert!(host.load(fits).is_ok());
        assert!(matches!(one(&over), Refusal::Metadata { .. }));
    }
}

#[test]
fn documentation_of_the_whole_skill_is_read() {
    let all = r#"{"name":"echo","version":"1.2.0","license":"MIT OR Apache-2.0",
        "grants":{"http":["api.example.com"],"kv":true,"skills":["json-query_run"]},
        "tools":{"echo":{"examples":[{"name":"a word","input":{"text":"hi"}}]}}}"#;
    let skill = host(Allocator::Pooling).load(documented(guests::ECHO, all)).expect("it loads");
    let manifest = skill.manifest();
    assert_eq!((manifest.name.as_deref(), manifest.version.as_deref()), (Some("echo"), Some("1.2.0")));
    assert_eq!(manifest.license.as_deref(), Some("MIT OR Apache-2.0"));
    let grants = &manifest.grants;
    assert_eq!(
        (&*grants.http, grants.kv, &*grants.skills),
        (&["api.example.com".to_owned()][..], true, &["json-query_run".to_owned()][..])
    );
    let tool = skill.tool("echo").expect("it is there");
    let [example] = tool.examples() else { panic!("one: {:?}", tool.examples()) };
    assert_eq!((&*example.name, &example.input), ("a word", &serde_json::json!({"text": "hi"})));
    assert_eq!(tool.parameters_schema()["examples"], serde_json::json!([{"text": "hi"}]));
}

#[test]
fn examples_at_their_cap_are_accepted_and_one_more_is_refused() {
    let with = |count| {
        let examples = vec![r#"{"name":"e","input":{"text":"a"}}"#; count].join(",");
        documented(guests::ECHO, &format!(r#"{{"tools":{{"echo":{{"examples":[{examples}]}}}}}}"#))
    };
    assert!(host(Allocator::Pooling).load(with(256)).is_ok());
    assert!(matches!(one(&with(257)), Refusal::Metadata { .. }));
}
