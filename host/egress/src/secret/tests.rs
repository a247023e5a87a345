//! No encoding of a canary passes the scrubber, however the chunks are cut; other text passes unchanged.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a test may fail at any line, and one prints its measurement"
)]

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use ringfence_policy::{SecretForm, SecretPlace};
use std::os::unix::fs::PermissionsExt;

use super::*;

const MARK: &str = "[secret canary]";

fn secret(value: &[u8]) -> Secret {
    Secret::new("canary", value.to_vec()).unwrap()
}

fn percent(value: &[u8], all: bool, upper: bool) -> String {
    let mut text = String::new();
    for &byte in value {
        match (all, byte.is_ascii_alphanumeric(), upper) {
            (false, true, _) => text.push(char::from(byte)),
            (_, _, true) => text.push_str(&format!("%{byte:02X}")),
            (_, _, false) => text.push_str(&format!("%{byte:02x}")),
        }
    }
    text
}

fn json(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap();
    quoted[1..quoted.len() - 1].to_owned()
}

fn units(text: &str, upper: bool) -> String {
    let unit = |unit| if upper { format!("\\u{unit:04X}") } else { format!("\\u{unit:04x}") };
    text.encode_utf16().map(unit).collect()
}

fn wrapped(text: &str, width: usize, line: &str) -> String {
    let chunks: Vec<&str> = text.as_bytes().chunks(width).map(|c| std::str::from_utf8(c).unwrap()).collect();
    chunks.join(line)
}

/// Encodings that leave nothing of the value when they are replaced.
fn exact(value: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let lower: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut mixed = lower.clone().into_bytes();
    mixed.iter_mut().step_by(2).for_each(|byte| *byte = byte.to_ascii_uppercase());
    let mut all = vec![
        ("raw", value.to_vec()),
        ("upper case", value.to_ascii_uppercase()),
        ("hex", lower.clone().into()),
        ("hex in upper case", lower.to_uppercase().into()),
        ("hex in mixed case", mixed),
        ("percent", percent(value, false, true).into()),
        ("percent in lower case", percent(value, false, false).into()),
        ("percent, all", percent(value, true, true).into()),
        ("percent, all, in lower case", percent(value, true, false).into()),
        ("percent twice", percent(percent(value, true, true).as_bytes(), false, false).into()),
        ("percent of hex", percent(lower.as_bytes(), true, true).into()),
        ("hex in two lines", wrapped(&lower, 7, "\r\n").into()),
        ("bytes in a literal", value.iter().map(|byte| format!("\\x{byte:02x}")).collect::<String>().into()),
        ("latin-1", value.iter().map(|&byte| char::from(byte)).collect::<String>().into()),
        ("octal in a literal", value.iter().map(|byte| format!("\\{byte:03o}")).collect::<String>().into()),
        ("form", percent(value, false, true).replace("%20", "+").into()),
    ];
    if let Ok(text) = std::str::from_utf8(value) {
        let html: String = text.chars().map(|char| format!("&#{};", u32::from(char))).collect();
        let html_hex: String = text.chars().map(|char| format!("&#x{:X};", u32::from(char))).collect();
        let names =
            text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
        let half: String = text
            .chars()
            .enumerate()
            .map(|(index, char)| match index % 3 {
                0 => json(&char.to_string()),
                _ => units(&char.to_string(), index % 2 == 0),
            })
            .collect();
        all.extend([
            ("json", json(text).into_bytes()),
            ("json with slashes", json(text).replace('/', "\\/").into()),
            ("json, all", units(text, false).into()),
            ("json, all, in upper case", units(text, true).into()),
            ("json, some", half.into()),
            (
                "braces",
                text.chars().map(|char| format!("\\u{{{:x}}}", u32::from(char))).collect::<String>().into(),
            ),
            (
                "long",
                text.chars().map(|char| format!("\\U{:08x}", u32::from(char))).collect::<String>().into(),
            ),
            ("json twice", json(&json(text)).into()),
            ("json twice, all", json(&units(text, false)).into()),
            ("json of html", json(&html).into()),
            ("json of percent", units(&percent(value, true, true), false).into()),
            ("percent of json", percent(json(text).as_bytes(), false, true).into()),
            ("html", html.clone().into()),
            ("html in hex", html_hex.into()),
            ("html by names", names.into()),
            (
                "json of latin-1",
                units(&value.iter().map(|&b| char::from(b)).collect::<String>(), false).into(),
            ),
        ]);
        if text.is_ascii() && text.replace(' ', "").len() >= SECRET_MIN_BYTES {
            all.push(("utf-16", text.encode_utf16().flat_map(u16::to_be_bytes).skip(1).collect()));
        }
    }
    all
}

/// Base64 in all alignments: what stands at its ends belongs in part to the neighbours.
fn aligned(value: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for before in 0..3usize {
        for after in 0..3usize {
            let text = [&b"\xa5\x5a"[..before.min(2)], value, &b"\x5a\xa5"[..after]].concat();
            let standard = STANDARD.encode(&text);
            let mut add =
                |name: &str, text: String| all.push((format!("{name} {before} {after}"), text.into_bytes()));
            add("base64", standard.clone());
            add("base64 for urls", URL_SAFE.encode(&text));
            add("base64 without padding", STANDARD_NO_PAD.encode(&text));
            add("base64 for urls without padding", URL_SAFE_NO_PAD.encode(&text));
            add("base64 in lines", wrapped(&standard, 11, "\n"));
            add("base64 in lines with indent", wrapped(&standard, 76, "\r\n    "));
            add("base64 in lines in json", wrapped(&standard, 11, "\\r\\n"));
            add("base64 in json with slashes", standard.replace('/', "\\/"));
            add("base64 in percent", percent(standard.as_bytes(), false, true));
            add("base64 in html", standard.replace('+', "&#43;").replace('=', "&equals;"));
        }
    }
    all
}

fn scrubbed(scrubber: &Scrubber, input: &[u8], cuts: &[usize]) -> Vec<u8> {
    let mut stream = scrubber.stream();
    let mut out = Vec::new();
    let mut rest = Bytes::copy_from_slice(input);
    for &cut in cuts.iter().cycle().take(if cuts.is_empty() { 0 } else { usize::MAX }) {
        if rest.is_empty() {
            break;
        }
        out.extend_from_slice(&stream.push(rest.split_to(cut.clamp(1, rest.len()))));
    }
    out.extend_from_slice(&stream.push(rest));
    out.extend_from_slice(&stream.finish());
    out
}

fn around(text: &[u8]) -> Vec<u8> {
    [&br#"{"echo": ":"#[..], text, br#":", "tail": "100% \\ & more"}"#].concat()
}

fn check(value: &[u8], cuts: &[usize]) {
    let secret = secret(value);
    let scrubber = Scrubber::new([&secret]);
    for (name, text) in exact(value) {
        let input = around(&text);
        let out = scrubbed(&scrubber, &input, cuts);
        let expected = around(MARK.as_bytes());
        assert_eq!(
            String::from_utf8_lossy(&out),
            String::from_utf8_lossy(&expected),
            "{name}: {}",
            String::from_utf8_lossy(&input)
        );
        assert_eq!(&*scrubber.header_value(&input), &out[..], "{name}");
    }
    for (name, text) in aligned(value) {
        let input = around(&text);
        let out = String::from_utf8(scrubbed(&scrubber, &input, cuts)).unwrap();
        let (before, after) = out.split_once(MARK).unwrap_or_else(|| panic!("{name}: {out}"));
        // At most three characters on each side, perhaps escaped, a line break and padding.
        let (head, tail) = (br#"{"echo": ":"#.len(), br#":", "tail": "100% \\ & more"}"#.len());
        assert!(before.len() - head <= 9 + 6, "{name}: {out}");
        assert!(after.len() - tail <= 9 + 6 + 16, "{name}: {out}");
    }
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        "[!-~]{8,40}".prop_map(String::into_bytes),
        "[ -~]{8,20}".prop_filter("blank ends", |text| text.trim() == text).prop_map(String::into_bytes),
        "[a-zA-Z0-9]{60,200}".prop_map(String::into_bytes),
        "[/+%&<>\"'\\\\=;]{8,20}".prop_map(String::into_bytes),
        "[é-ÿa-z😀]{8,20}".prop_map(String::into_bytes),
        vec(128u8..=255, 8..40),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    #[test]
    fn no_encoding_of_a_secret_passes(value in value(), cuts in vec(1usize..50, 1..6)) {
        check(&value, &cuts);
    }

    #[test]
    fn other_text_passes_unchanged(
        text in "([%&\\\\;x#u0-9a-fA-F \n]|&amp;|%2|%25|\\\\u00|\\\\ud83d|hunter2){0,200}",
        cuts in vec(1usize..50, 1..6),
    ) {
        // Half of it cannot come about by chance, also not cut off by the end.
        let secret = secret(b"hunter2-ZYXWVUTSRQPONMLK");
        let scrubber = Scrubber::new([&secret]);
        prop_assert_eq!(scrubbed(&scrubber, text.as_bytes(), &cuts), text.as_bytes());
        prop_assert!(matches!(scrubber.text(&text), std::borrow::Cow::Borrowed(_)));
    }

    #[test]
    fn chunks_change_nothing(
        parts in vec(prop_oneof!["[a%\\\\&]{0,5}", Just("abcdefgh".into()), Just("%61bcdefg\\u0068".into()),
            Just("abcdefg".into()), Just("6162636465666768".into()), Just("YWJjZGVmZ2g=".into())], 0..12),
        cuts in vec(1usize..9, 1..6),
    ) {
        let secret = secret(b"abcdefgh");
        let scrubber = Scrubber::new([&secret]);
        let text = parts.concat();
        let whole = scrubbed(&scrubber, text.as_bytes(), &[]);
        prop_assert_eq!(scrubbed(&scrubber, text.as_bytes(), &cuts), &whole[..]);
        prop_assert!(!String::from_utf8(whole).unwrap().contains("abcdefgh"));
    }
}

#[test]
fn a_secret_is_found_at_every_cut() {
    for value in ["s3cr3t/+ \"key\"=\\%41&amp;", "0123456789abcdef0123456789abcdef"] {
        for size in [1, 2, 3, 5, 7, 1000] {
            check(value.as_bytes(), &[size]);
        }
    }
}

#[test]
fn several_secrets_keep_their_names_and_adjacent_ones_are_both_replaced() {
    let (first, second) = (
        Secret::new("first", b"abcdefghij".to_vec()).unwrap(),
        Secret::new("second", b"fghijklmno".to_vec()).unwrap(),
    );
    let scrubber = Scrubber::new([&first, &second]);
    assert_eq!(scrubber.text("abcdefghijfghijklmno!"), "[secret first][secret second]!");
    // They overlap: nothing of either is left.
    assert_eq!(scrubber.text("<abcdefghijklmno>"), "<[secret first]>");
    assert_eq!(Scrubber::new([]).text("abcdefghij"), "abcdefghij");
}

#[test]
fn the_whole_value_of_basic_is_replaced() {
    let secret = secret(b"correct horse");
    let placement = Placement::header("authorization", Form::Basic { user: Some("alice".into()) }).unwrap();
    let Placed::Header { value, .. } = placement.place(&secret).unwrap() else { panic!() };
    let echo = format!("you sent {}!", value.to_str().unwrap());
    assert_eq!(echo, "you sent Basic YWxpY2U6Y29ycmVjdCBob3JzZQ==!");
    let scrubber = Scrubber::placed([(&secret, &placement)]);
    assert_eq!(scrubber.text(&echo), "you sent Basic [secret canary]!");
    // Without the placement the secret's own part goes.
    assert!(!Scrubber::new([&secret]).text(&echo).contains("Y29ycmVjdCBob3J"));
}

#[test]
fn a_pair_for_basic_is_replaced_whole_and_by_its_password() {
    let pair = secret(b"alice:correct horse");
    let placement =
        Placement::try_from(&SecretPlace::Header { name: "authorization".into(), form: SecretForm::Basic })
            .unwrap();
    let Placed::Header { value, .. } = placement.place(&pair).unwrap() else { panic!() };
    assert_eq!(value, "Basic YWxpY2U6Y29ycmVjdCBob3JzZQ==");
    let scrubber = Scrubber::placed([(&pair, &placement)]);
    let echo = "Basic YWxpY2U6Y29ycmVjdCBob3JzZQ== {\"user\": \"alice\", \"password\": \"correct%20horse\"}";
    let expected = "Basic [secret canary] {\"user\": \"alice\", \"password\": \"[secret canary]\"}";
    assert_eq!(scrubber.text(echo), expected);
    for value in ["alice:1234567", "no-colon-at-all"] {
        assert!(matches!(placement.place(&secret(value.as_bytes())), Err(SecretError::NotAPair { .. })));
    }
    assert!(placement.place(&secret(b"alice:12345678")).is_ok());
}

#[test]
fn encodings_of_a_pair_for_basic_are_replaced() {
    let pair = secret(b"alice:correct horse");
    let placement = Placement::header("authorization", Form::Basic { user: None }).unwrap();
    let scrubber = Scrubber::placed([(&pair, &placement)]);
    // A dump of all headers in base64 has the pair in base64 twice.
    let dump = STANDARD.encode("Accept: *\r\nAuthorization: Basic YWxpY2U6Y29ycmVjdCBob3JzZQ==\r\n");
    let out = scrubber.text(&dump);
    let (before, after) = out.split_once(MARK).unwrap();
    assert!(before.len() + after.len() < dump.len() - 36, "{out}");
    let hex: String = b"YWxpY2U6Y29ycmVjdCBob3JzZQ==".iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(scrubber.text(&hex), MARK);
}

#[test]
fn encodings_of_a_query_as_it_was_sent_are_replaced() {
    let value = "c4nary+value/with=signs";
    let secret = secret(value.as_bytes());
    let placement = Placement::query("key").unwrap();
    let scrubber = Scrubber::placed([(&secret, &placement)]);
    let sent = "c4nary%2Bvalue%2Fwith%3Dsigns";
    for before in ["GET /?key=", "GET /a?key=", "GET /ab?key="] {
        let line = format!("{before}{sent} HTTP/1.1");
        let (from, to) = (before.len(), before.len() + sent.len());
        let hex: String = line.bytes().map(|byte| format!("{byte:02X}")).collect();
        let base64 = (from * 4 / 3 + 4, to * 4 / 3 - 4);
        for (echo, (from, to)) in [
            (STANDARD.encode(&line), base64),
            (URL_SAFE_NO_PAD.encode(&line), base64),
            (hex, (from * 2, to * 2)),
        ] {
            let shown = scrubber.text(&echo);
            assert!(shown.contains(MARK) && !shown.contains(&echo[from..to]), "{echo}: {shown}");
        }
        assert_eq!(scrubber.text(&line), format!("{before}{MARK} HTTP/1.1"));
    }
}

#[test]
fn blanks_behind_a_secret_at_the_end_stay() {
    let secret = secret(b"plain-canary-value");
    let scrubber = Scrubber::new([&secret]);
    assert_eq!(scrubber.text("a plain-canary-value\r\n\r\n"), format!("a {MARK}\r\n\r\n"));
}

#[test]
fn a_value_whose_blanks_a_server_cuts_is_replaced() {
    let secret = secret(b"  hunter2-hunter2\t");
    let scrubber = Scrubber::new([&secret]);
    assert_eq!(scrubber.text("{\"key\": \"hunter2-hunter2\"}"), "{\"key\": \"[secret canary]\"}");
}

#[test]
fn a_cut_off_secret_is_replaced_from_half_of_it_on() {
    let secret = secret(b"0123456789-abcdefghi");
    let scrubber = Scrubber::new([&secret]);
    assert_eq!(scrubber.text("got 0123456789"), "got [secret canary]");
    assert_eq!(scrubber.text("got 0123456789-abcdefgh"), "got [secret canary]");
    assert_eq!(scrubber.text("got 012345678"), "got 012345678");
    assert_eq!(scrubber.text("got %30123456789\\u00"), "got [secret canary]");
    assert_eq!(scrubber.text("got 0123456789 and more"), "got 0123456789 and more");
}

#[test]
fn a_stream_holds_back_only_what_can_be_a_secret() {
    let secret = secret(b"hunter2-hunter2");
    let mut stream = Scrubber::new([&secret]).stream();
    assert_eq!(stream.push("data: {\"n\": 1}\n\n".into()), "data: {\"n\": 1}\n\n");
    assert_eq!(stream.push("the hunter".into()), "the ");
    assert_eq!(stream.push("s\n".into()), "hunters\n");
    assert_eq!(stream.push("hunter2-hunte".into()), "");
    assert_eq!(stream.push("r2!".into()), "[secret canary]!");
    assert_eq!(stream.finish(), "");
}

#[test]
fn memory_does_not_grow_with_the_input() {
    let value = b"ssssssss-ssssssssssssssssssss";
    let secret = secret(value);
    let scrubber = Scrubber::new([&secret]);
    for pattern in [
        "s",
        "ss ",
        "s\0\0\0\0\0\0\0",
        "\\",
        "\\u0073",
        "%",
        "%25",
        "%2573",
        "%25%37%33",
        "&",
        "&#x73;",
        "7373",
        " ",
    ] {
        let mut stream = scrubber.stream();
        let mut out = 0;
        let chunk = Bytes::from(pattern.repeat(100));
        let mut given = 0;
        while given < 1 << 16 {
            given += chunk.len();
            out += stream.push(chunk.clone()).len();
            assert!(stream.held_bytes() <= 64 * value.len(), "{pattern:?}: {}", stream.held_bytes());
        }
        assert_eq!(out + stream.finish().len(), given, "{pattern:?}");
    }
}

/// Prints how long a megabyte takes, for whoever changes the scrubber. It asserts nothing: machines differ.
#[test]
fn throughput() {
    let secret = secret(b"ghp_0123456789abcdefghijklmnopqrstuvwxyz");
    let scrubber = Scrubber::new([&secret]);
    let prose = "The quick brown fox jumps over the lazy dog. ".repeat(1 << 14);
    let json =
        r#"{"name": "a \"quoted\" name", "url": "https:\/\/example.com\/a%20b", "n": 12},"#.repeat(1 << 13);
    let percent = "%20%41".repeat(1 << 16);
    for (name, text) in [("prose", prose), ("json", json), ("percent", percent)] {
        let body = Bytes::from(text);
        let start = std::time::Instant::now();
        let mut stream = scrubber.stream();
        let mut out = 0;
        for from in (0..body.len()).step_by(16 << 10) {
            out += stream.push(body.slice(from..(from + (16 << 10)).min(body.len()))).len();
        }
        assert_eq!(out + stream.finish().len(), body.len());
        println!("{name}: {:.1} ns a byte", start.elapsed().as_nanos() as f64 / body.len() as f64);
    }
}

#[test]
fn sizes_of_a_value_are_exact() {
    let of = |length| Secret::new("k", vec![b'x'; length]);
    assert!(matches!(of(0), Err(SecretError::Empty { .. })));
    assert!(matches!(of(7), Err(SecretError::TooShort { .. })));
    assert!(of(8).is_ok());
    assert!(of(SECRET_MAX_BYTES).is_ok());
    assert!(matches!(of(SECRET_MAX_BYTES + 1), Err(SecretError::TooLong { .. })));
    for name in ["", "a b", "é", "[x]", &"n".repeat(101)] {
        assert!(matches!(Secret::new(name, vec![b'x'; 8]), Err(SecretError::Name)), "{name}");
    }
    assert!(Secret::new(&"n".repeat(100), vec![b'x'; 8]).is_ok());
}

#[test]
fn nothing_shows_a_value() {
    let bad = secret(b"hunter2\nhunter2");
    let raw = Placement::header("x-key", Form::Raw).unwrap();
    let error = raw.place(&bad).unwrap_err();
    let query = Placement::query("key").unwrap().place(&bad).unwrap();
    let good = secret(b"hunter2-hunter2");
    let header = raw.place(&good).unwrap();
    let scrubber = Scrubber::new([&bad, &good]);
    let shown =
        format!("{bad} {bad:?} {error} {error:?} {query:?} {header:?} {scrubber:?} {:?}", scrubber.stream());
    assert!(!shown.contains("hunter"), "{shown}");
}

#[test]
fn placements_write_what_servers_expect() {
    let secret = secret("p\u{e9}ss w/ord".as_bytes());
    let header = |form| {
        let placement = Placement::header("X-Key", form).unwrap();
        let Placed::Header { name, value } = placement.place(&secret).unwrap() else { panic!() };
        assert!(value.is_sensitive());
        assert_eq!(name, "x-key");
        value.as_bytes().to_vec()
    };
    assert_eq!(header(Form::Raw), secret.expose());
    assert_eq!(header(Form::Bearer), [b"Bearer ", secret.expose()].concat());
    let pair = STANDARD.encode("user:p\u{e9}ss w/ord");
    assert_eq!(header(Form::Basic { user: Some("user".into()) }), format!("Basic {pair}").as_bytes());
    let Placed::Query { name, value } = Placement::query("a key").unwrap().place(&secret).unwrap() else {
        panic!()
    };
    assert_eq!((name.as_str(), value.expose()), ("a%20key", "p%C3%A9ss%20w%2Ford"));
    assert!(Placement::header("bad name", Form::Raw).is_err());
    assert!(Placement::header("x", Form::Basic { user: Some("a:b".into()) }).is_err());
    assert!(Placement::query("").is_err());
}

#[test]
fn a_file_is_read_without_its_newline_and_with_a_warning_when_others_can_read_it() {
    let dir = tempfile::TempDir::new().unwrap();
    let path = dir.path().join("key");
    let mode = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    let read = || Source::File(path.clone()).read("key");
    for (text, value) in [
        ("value-of-key\n", "value-of-key"),
        ("value-of-key\r\n", "value-of-key"),
        ("value-of-key\n\n", "value-of-key\n"),
        ("value-of-key", "value-of-key"),
    ] {
        std::fs::write(&path, text).unwrap();
        mode(0o600);
        let loaded = read().unwrap();
        assert_eq!((loaded.secret.expose(), loaded.warning), (value.as_bytes(), None));
    }
    for (bits, warned) in [(0o640, true), (0o604, true), (0o600, false), (0o400, false)] {
        mode(bits);
        let warning = read().unwrap().warning;
        assert_eq!(warning.is_some(), warned, "{bits:o}");
    }
    mode(0o600);
    std::fs::write(&path, "\n").unwrap();
    assert!(matches!(read(), Err(SecretError::Empty { .. })));
    std::fs::write(&path, vec![b'x'; SECRET_MAX_BYTES]).unwrap();
    assert!(read().is_ok());
    let mut full = vec![b'x'; SECRET_MAX_BYTES];
    full.extend_from_slice(b"\r\n");
    std::fs::write(&path, &full).unwrap();
    assert!(read().is_ok());
    full[SECRET_MAX_BYTES] = b'x';
    std::fs::write(&path, full).unwrap();
    assert!(matches!(read(), Err(SecretError::TooLong { .. })));
    assert!(matches!(Source::File(dir.path().into()).read("key"), Err(SecretError::NotAFile { .. })));
    assert!(matches!(Source::File(dir.path().join("none")).read("key"), Err(SecretError::File { .. })));
}

#[test]
fn a_variable_that_is_not_set_is_named() {
    let error = Source::Environment("RINGFENCE_NO_SUCH_VARIABLE".into()).read("key").unwrap_err();
    assert!(error.to_string().contains("RINGFENCE_NO_SUCH_VARIABLE"), "{error}");
    // A variable that every test process has. Its value is long enough.
    let loaded = Source::Environment("CARGO_MANIFEST_DIR".into()).read("key").unwrap();
    assert_eq!(loaded.secret.expose(), env!("CARGO_MANIFEST_DIR").as_bytes());
}

#[test]
fn a_command_is_for_the_command_line_and_its_failure_shows_nothing() {
    let run = |script: &str| CommandLineSource::command("sh", ["-c", script]).read("key");
    assert_eq!(run("echo hunter2-hunter2").unwrap().secret.expose(), b"hunter2-hunter2");
    let error = run("echo hunter2-hunter2; exit 3").unwrap_err();
    assert!(matches!(error, SecretError::CommandFailed { .. }));
    assert!(!format!("{error} {error:?}").contains("hunter2-"), "{error:?}");
    // It ends although the command writes without end.
    assert!(matches!(run("yes hunter2"), Err(SecretError::TooLong { .. })));
    assert!(matches!(run("true"), Err(SecretError::Empty { .. })));
    let missing = CommandLineSource::command("/no/such/program", [""; 0]).read("key");
    assert!(matches!(missing, Err(SecretError::Command { .. })));
    assert!(serde_json::from_str::<Source>(r#"{"command": "x"}"#).is_err());
    let source: Source = serde_json::from_str(r#"{"file": "/x"}"#).unwrap();
    assert_eq!(source, Source::File("/x".into()));
}
