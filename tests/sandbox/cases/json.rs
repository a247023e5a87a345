//! JSON in and out by the table: what is taken, what is written, and the pointer of what does not fit.

use ringfence::{Allocator, Limits, Outcome, RunError};
use ringfence_sandbox_tests::types::{Ty, echo};
use ringfence_sandbox_tests::{host, load, runtime};

/// Sends the JSON text `item` through a list of `ty` and gives what comes back, or pointer and message.
fn through(ty: &Ty, item: &str) -> Result<String, (String, String)> {
    let host = host(Allocator::Pooling);
    let skill = load(host, &echo(ty));
    let limits = Limits::default();
    match runtime().block_on(host.run(&skill, "echo", format!("{{\"all\":[{item}]}}"), &limits)) {
        Ok(report) => match report.outcome {
            Outcome::Completed(json) => {
                let text = json.as_str();
                Ok(text[1..text.len() - 1].to_owned())
            }
            other => panic!("{other:?}"),
        },
        Err(RunError::Input { pointer, message }) => Err((pointer, message)),
        Err(other) => panic!("{other}"),
    }
}

/// Each is taken, and comes back as the second.
#[track_caller]
fn taken(ty: &Ty, pairs: &[(&str, &str)]) {
    for (item, back) in pairs {
        assert_eq!(through(ty, item).as_deref(), Ok(*back), "{ty:?}: {item}");
    }
}

/// Each is refused, at the second, a pointer from the item on.
#[track_caller]
fn refused(ty: &Ty, pairs: &[(&str, &str)]) {
    for (item, at) in pairs {
        let (pointer, message) = through(ty, item).expect_err(item);
        assert_eq!(pointer, format!("/all/0{at}"), "{ty:?}: {item}: {message}");
    }
}

fn same<'a>(items: &[&'a str]) -> Vec<(&'a str, &'a str)> {
    items.iter().map(|item| (*item, *item)).collect()
}

fn here<'a>(items: &[&'a str]) -> Vec<(&'a str, &'a str)> {
    items.iter().map(|item| (*item, "")).collect()
}

#[test]
fn integers_are_read_within_their_range() {
    // A list of u8 is base64, so a byte by itself is sent in a tuple.
    let byte = Ty::Tuple(vec![Ty::Plain("u8")]);
    taken(&byte, &[("[0]", "[0]"), ("[255]", "[255]"), ("[1.0]", "[1]"), ("[2e1]", "[20]"), ("[-0]", "[0]")]);
    for item in ["256", "-1", "0.5", "\"1\"", "null", "true", "[]", "{}"] {
        refused(&byte, &[(&format!("[{item}]"), "/0")]);
    }
    taken(&Ty::Plain("s8"), &same(&["-128", "127"]));
    refused(&Ty::Plain("s8"), &here(&["-129", "128"]));
    taken(&Ty::Plain("s32"), &same(&["-2147483648", "2147483647"]));
    refused(&Ty::Plain("u32"), &here(&["4294967296", "1e300", "-1"]));
}

#[test]
fn long_integers_are_numbers_or_decimal_strings() {
    let u64 = Ty::Plain("u64");
    taken(&u64, &same(&["0", "9007199254740991", "\"9007199254740992\"", "\"18446744073709551615\""]));
    taken(&u64, &[("18446744073709551615", "\"18446744073709551615\""), ("\"7\"", "7"), ("5.0", "5")]);
    refused(
        &u64,
        &here(&["18446744073709551616", "\"18446744073709551616\"", "\"-1\"", "\"01\"", "\"+1\"", "\"\""]),
    );
    refused(&u64, &here(&["\"1e3\"", "\" 1\"", "1e19", "9007199254740992.0"]));
    let s64 = Ty::Plain("s64");
    taken(&s64, &same(&["-9007199254740991", "\"-9007199254740992\"", "\"-9223372036854775808\""]));
    taken(&s64, &[("-9223372036854775808", "\"-9223372036854775808\"")]);
    refused(&s64, &here(&["9223372036854775808", "\"-9223372036854775809\"", "\"-0\"", "\"--1\""]));
}

#[test]
fn floats_include_nan_and_infinities_as_strings() {
    taken(&Ty::Plain("f32"), &same(&["0.1", "-0.0", "3.4028235e38", "1e-45", "\"NaN\"", "\"Infinity\""]));
    taken(&Ty::Plain("f32"), &[("1", "1.0"), ("0.10000000149011612", "0.1")]);
    refused(&Ty::Plain("f32"), &here(&["3.4028235677973366e38", "1e39", "\"nan\"", "\"inf\"", "null"]));
    taken(&Ty::Plain("f64"), &same(&["0.1", "1.7976931348623157e308", "5e-324", "\"-Infinity\""]));
    // Out of range is not JSON to the parser, so the whole input is refused.
    assert!(through(&Ty::Plain("f64"), "1e999").is_err());
}

#[test]
fn strings_and_characters_are_read_and_written() {
    taken(&Ty::Plain("string"), &same(&["\"\"", "\"ä\u{1F642}\"", "\"\\u0000\\n\""]));
    taken(&Ty::Plain("char"), &same(&["\"a\"", "\"\u{1F642}\"", "\"\\u0000\""]));
    refused(&Ty::Plain("char"), &here(&["\"\"", "\"ab\"", "1"]));
    let bytes = Ty::List(Box::new(Ty::Plain("u8")));
    taken(&bytes, &same(&["\"\"", "\"AA==\"", "\"AAE=\"", "\"AAEC\"", "\"//79\""]));
    refused(&bytes, &here(&["\"AA\"", "\"AB==\"", "\"-_79\"", "\" AAEC\"", "[1,2]"]));
}

#[test]
fn records_are_objects() {
    let inner = Ty::Option(Box::new(Ty::Plain("u8")));
    let record = Ty::Record(vec![Ty::Plain("bool"), inner, Ty::Plain("string")]);
    taken(&record, &same(&[r#"{"n0":true,"n1-x":1,"n2":"x"}"#, r#"{"n0":true,"n2":"x"}"#]));
    taken(&record, &[(r#"{"n2":"x","n1-x":null,"n0":false}"#, r#"{"n0":false,"n2":"x"}"#)]);
    refused(
        &record,
        &[
            (r#"{"n0":true}"#, "/n2"),
            (r#"{"n0":true,"n2":"x","extra":1}"#, "/extra"),
            (r#"{"n0":true,"n2":"x","a/b~c":1}"#, "/a~1b~0c"),
            (r#"{"n0":true,"n2":"x","n0":true}"#, "/n0"),
            (r#"{"n0":true,"n1-x":256,"n2":"x"}"#, "/n1-x"),
            ("[]", ""),
        ],
    );
}

#[test]
fn lists_and_tuples_are_arrays_and_bytes_are_base64() {
    taken(&Ty::List(Box::new(Ty::Plain("u16"))), &same(&["[]", "[1,2,3]"]));
    refused(&Ty::List(Box::new(Ty::Plain("u16"))), &[("[1,\"x\"]", "/1"), ("1", "")]);
    let tuple = Ty::Tuple(vec![Ty::Plain("u8"), Ty::Plain("bool")]);
    taken(&tuple, &same(&["[1,true]"]));
    refused(&tuple, &[("[1]", "/1"), ("[1,true,2]", "/2"), ("[true,1]", "/0")]);
}

#[test]
fn variants_are_strings_or_objects() {
    let variant = Ty::Variant(vec![None, Some(Ty::Plain("u8"))]);
    taken(&variant, &same(&["\"n0\"", r#"{"n1-x":7}"#]));
    refused(
        &variant,
        &[
            ("\"n1-x\"", ""),
            (r#"{"n0":null}"#, ""),
            (r#"{"n1-x":256}"#, "/n1-x"),
            (r#"{"n9":1}"#, "/n9"),
            ("{}", ""),
        ],
    );
    taken(&Ty::Enum(3), &same(&["\"n2\""]));
    refused(&Ty::Enum(3), &here(&["\"n3\"", "2", "\"N2\""]));
    taken(&Ty::Flags(3), &[("[]", "[]"), (r#"["n2","n0"]"#, r#"["n0","n2"]"#)]);
    refused(&Ty::Flags(3), &[(r#"["n0","n0"]"#, "/1"), (r#"["n7"]"#, "/0"), ("\"n0\"", "")]);
}

#[test]
fn variants_as_an_object_with_all_cases() {
    let variant = Ty::Variant(vec![None, Some(Ty::Plain("u8")), Some(Ty::Option(Box::new(Ty::Plain("u8"))))]);
    taken(
        &variant,
        &[
            (r#"{"n0":true}"#, "\"n0\""),
            (r#"{"n1-x":7,"n0":null,"n2":null}"#, r#"{"n1-x":7}"#),
            (r#"{"n0":false,"n1-x":null,"n2":7}"#, r#"{"n2":7}"#),
            (r#"{"n0":true,"n1-x":null,"n2":null}"#, "\"n0\""),
            (r#"{"n2":null}"#, r#"{"n2":null}"#),
        ],
    );
    refused(
        &variant,
        &[
            (r#"{"n0":true,"n1-x":1}"#, "/n1-x"),
            (r#"{"n1-x":1,"n0":true}"#, "/n0"),
            (r#"{"n1-x":1,"n1_x":null}"#, "/n1_x"),
            (r#"{"n1-x":null,"n1-x":1}"#, "/n1-x"),
            (r#"{"n1-x":1,"n9":null}"#, "/n9"),
            (r#"{"n0":1}"#, "/n0"),
            (r#"{"n0":"yes"}"#, "/n0"),
            // Several, and none is meant.
            (r#"{"n0":false}"#, ""),
            (r#"{"n0":null,"n1-x":null,"n2":null}"#, ""),
        ],
    );
    let result = Ty::Result(None, Some(Box::new(Ty::Plain("string"))));
    taken(
        &result,
        &[
            (r#"{"ok":null}"#, r#"{"ok":null}"#),
            (r#"{"ok":true,"error":null}"#, r#"{"ok":null}"#),
            (r#"{"ok":null,"error":"x"}"#, r#"{"error":"x"}"#),
        ],
    );
    refused(&result, &[(r#"{"ok":null,"error":null}"#, ""), (r#"{"ok":true,"error":"x"}"#, "/error")]);
}

#[test]
fn members_in_either_spelling_and_never_in_both() {
    let byte = || Ty::Plain("u16");
    let record = Ty::Record(vec![byte(), byte(), Ty::Option(Box::new(byte())), Ty::Option(Box::new(byte()))]);
    let back = r#"{"n0":1,"n1-x":2,"n3-x":3}"#;
    taken(
        &record,
        &[
            (back, back),
            (r#"{"n0":1,"n1_x":2,"n3_x":3}"#, back),
            // Mixed and in another order.
            (r#"{"n3_x":3,"n1-x":2,"n0":1}"#, back),
        ],
    );
    refused(
        &record,
        &[
            (r#"{"n0":1,"n1-x":2,"n1_x":2}"#, "/n1_x"),
            (r#"{"n0":1,"n1_x":2,"n1-x":2}"#, "/n1-x"),
            (r#"{"n0":1,"n1_x":2,"n1_x":2}"#, "/n1_x"),
            // The pointer is that of the text.
            (r#"{"n0":1,"n1_x":"two"}"#, "/n1_x"),
            (r#"{"n0":1,"n1x":2}"#, "/n1x"),
            (r#"{"n_0":1}"#, "/n_0"),
        ],
    );
    let variant = Ty::Variant(vec![None, Some(byte())]);
    taken(&variant, &[(r#"{"n1_x":7}"#, r#"{"n1-x":7}"#)]);
    // Of a record with many members the names are in an index.
    let many = Ty::Record((0..20).map(|_| byte()).collect());
    let names = (0..20).map(ringfence_sandbox_tests::types::name);
    let members: Vec<String> = names.map(|name| format!("\"{name}\":1")).collect();
    let back = format!("{{{}}}", members.join(","));
    let mut turned = members.clone();
    turned.reverse();
    let turned = format!("{{{}}}", turned.join(",").replace('-', "_"));
    taken(&many, &[(&back, &back), (&turned, &back), (&back.replace('-', "_"), &back)]);
    // Values have one spelling.
    refused(&Ty::Enum(2), &here(&["\"n1_x\""]));
    refused(&Ty::Flags(2), &[("[\"n1_x\"]", "/0")]);
}

#[test]
fn options_are_null_or_their_value() {
    let one = Ty::Option(Box::new(Ty::Plain("u8")));
    taken(&one, &same(&["null", "1"]));
    refused(&one, &here(&["256", "{\"some\":1}"]));
    let two = Ty::Option(Box::new(one.clone()));
    taken(&two, &same(&["null", r#"{"some":null}"#, r#"{"some":1}"#]));
    refused(&two, &[("1", ""), (r#"{"some":256}"#, "/some"), (r#"{"other":1}"#, "/other")]);
    let three = Ty::Option(Box::new(two));
    taken(&three, &same(&[r#"{"some":{"some":null}}"#]));
}

#[test]
fn results_are_objects() {
    let result = Ty::Result(Some(Box::new(Ty::Plain("u8"))), None);
    taken(&result, &same(&[r#"{"ok":1}"#, r#"{"error":null}"#]));
    refused(
        &result,
        &[(r#"{"error":1}"#, "/error"), (r#"{"ok":null}"#, "/ok"), (r#"{"okay":1}"#, "/okay"), ("1", "")],
    );
}

#[test]
fn input_that_is_not_an_object_is_refused() {
    let host = host(Allocator::Pooling);
    let skill = load(host, &echo(&Ty::Plain("u8")));
    for (input, pointer) in [
        ("[]", ""),
        ("null", ""),
        ("1", ""),
        ("{", ""),
        ("", ""),
        (r#"{"all":""} x"#, ""),
        ("{}", "/all"),
        (r#"{"b":1}"#, "/b"),
    ] {
        let limits = Limits::default();
        match runtime().block_on(host.run(&skill, "echo", input, &limits)) {
            Err(RunError::Input { pointer: at, .. }) => assert_eq!(at, pointer, "{input}"),
            other => panic!("{input}: {other:?}"),
        }
    }
    // Deeper than the parser goes is an error, not a crash.
    let deep = format!("{{\"all\":{}}}", "[".repeat(100_000));
    let limits = Limits::default();
    assert!(matches!(
        runtime().block_on(host.run(&skill, "echo", deep, &limits)),
        Err(RunError::Input { .. })
    ));
}
