//! What strangers write between two lines `---`.

use super::*;

fn parsed(head: &str) -> Result<SkillMd, SkillMdError> {
    SkillMd::parse(&format!("---\n{head}---\n\n# Echo\n"))
}

const GOOD: &str = "name: echo\ndescription: Says it again.\n";

#[test]
fn known_fields_are_rewritten() {
    let head = "name: echo\ndescription: >\n  Says it\n  again.\nlicense: MIT\ncompatibility: 'any'\nmetadata:\n  level: 1.10\n  \"on\": yes\n";
    let made = parsed(head).expect("it is one");
    let expected = "---\nname: echo\ndescription: \"Says it again.\"\nlicense: \"MIT\"\ncompatibility: \"any\"\nmetadata:\n  level: \"1.10\"\n  \"on\": \"yes\"\n---\n\n# Echo\n";
    assert_eq!(made.to_text(), expected);
    // What was written reads as the same.
    assert_eq!(SkillMd::parse(expected).expect("it is one"), made);
}

#[test]
fn unknown_fields_never_pass() {
    for more in [
        "allowed-tools: Bash(*)\n",
        "allowed_tools: [Bash]\n",
        "hooks:\n  PreToolUse:\n    - command: x\n",
        "\"allowed-tools\": Bash\n",
        "\"allowed\\u002dtools\": Bash\n",
        "? allowed-tools\n: Bash\n",
        "model: opus\n",
        "disable-model-invocation: false\n",
    ] {
        let text = parsed(&format!("{GOOD}{more}")).expect("it is one").to_text();
        assert_eq!(text, "---\nname: echo\ndescription: \"Says it again.\"\n---\n\n# Echo\n", "{more}");
    }
    // Nor as what nests in fields that are known.
    let nested = parsed(&format!("{GOOD}metadata:\n  a: b\n  hooks: {{start: [x]}}\n  list: [1]\n"));
    assert!(nested.expect("it is one").to_text().contains("metadata:\n  a: \"b\"\n---"));
}

#[test]
fn the_frontmatter_ends_at_a_line_that_is_exactly_three_hyphens() {
    // Indented, in a text, or with more after it, it is no end.
    let indented = format!("{GOOD}license: |\n  MIT\n  ---\n  x\n");
    assert_eq!(
        parsed(&indented).expect("it is one").to_text().lines().nth(3),
        Some("license: \"MIT --- x\"")
    );
    for text in [
        "---\nname: echo\ndescription: d\n----\nallowed-tools: x\n---\n",
        "---\nname: echo\ndescription: d\n---x: y\nallowed-tools: x\n---\n",
    ] {
        let made = SkillMd::parse(text);
        assert!(made.as_ref().map_or(true, |made| !made.to_text().contains("allowed-tools")), "{made:?}");
    }
    for (line, mark) in
        [(4, "--- "), (4, "--- name: x"), (4, "---\t"), (4, "..."), (4, "... "), (4, "... # x")]
    {
        let text = format!("---\n{GOOD}{mark}\nallowed-tools: x\n---\nbody\n");
        assert_eq!(SkillMd::parse(&text), Err(SkillMdError::Documents { line }), "{mark:?}");
    }
    for text in ["---\nname: echo\n", "---", "---\n", "---\nname: a\n ---\n", "---\nname: a\n---  x"] {
        assert!(
            matches!(SkillMd::parse(text), Err(SkillMdError::NoEnd | SkillMdError::Documents { .. })),
            "{text:?}"
        );
    }
    for text in
        ["# Echo", "", " ---\nname: a\n---\n", "--- \nname: a\n---\n", "----\n", "\n---\nname: a\n---\n"]
    {
        assert_eq!(SkillMd::parse(text), Err(SkillMdError::NoBeginning), "{text:?}");
    }
}

#[test]
fn line_breaks_of_windows_and_a_byte_order_mark_are_read() {
    let text = "\u{FEFF}---\r\nname: echo\r\ndescription: d\r\n---\r\nOne\r\n\r\nTwo\r\n";
    assert_eq!(
        SkillMd::parse(text).expect("it is one").to_text(),
        "---\nname: echo\ndescription: \"d\"\n---\n\nOne\n\nTwo\n"
    );
    // A lone carriage return breaks lines for some readers and not for others.
    assert!(SkillMd::parse("---\nname: echo\ndescription: d\rhooks: x\n---\n").is_err());
    assert!(SkillMd::parse("---\nname: echo\ndescription: d\n---\nbody\rx\n").is_err());
}

#[test]
fn characters_are_checked_after_decoding() {
    for escaped in [
        "\\u202e",
        "\\u2066",
        "\\u200b",
        "\\u200f",
        "\\u0007",
        "\\e",
        "\\x1b",
        "\\u0085",
        "\\N",
        "\\u2028",
        "\\L",
        "\\P",
        "\\0",
        "\\u00ad",
        "\\ufeff",
        "\\U000E0041",
        "\\r",
    ] {
        for head in [
            format!("name: echo\ndescription: \"a{escaped}b\"\n"),
            format!("{GOOD}license: \"a{escaped}b\"\n"),
            format!("{GOOD}compatibility: \"a{escaped}b\"\n"),
            format!("{GOOD}metadata:\n  a: \"a{escaped}b\"\n"),
            format!("{GOOD}metadata:\n  \"a{escaped}b\": c\n"),
            format!("name: \"ec{escaped}ho\"\ndescription: d\n"),
        ] {
            assert!(
                matches!(parsed(&head), Err(SkillMdError::Field { .. })),
                "{head:?}: {:?}",
                parsed(&head)
            );
        }
    }
    // The same in base64.
    let hidden = format!("name: echo\ndescription: !!binary {}\n", "YeKAruKAq2I=");
    assert!(parsed(&hidden).is_err());
    // What breaks lines in a value is a space of it, so that no field begins anew.
    let made = parsed("name: echo\ndescription: \"a\\nallowed-tools: x\\n---\\nb\"\n").expect("it is one");
    assert_eq!(made.to_text().lines().nth(2), Some("description: \"a allowed-tools: x --- b\""));
    assert!(SkillMd::parse("---\nname: echo\ndescription: d\n---\na\u{202e}b").is_err());
}

#[test]
fn lengths_are_checked_after_decoding() {
    let description = |length: usize| parsed(&format!("name: echo\ndescription: {}\n", "é".repeat(length)));
    assert!(description(1024).is_ok());
    assert!(description(1025).is_err());
    // Six characters of text each, and one of a description.
    let escaped =
        |length: usize| parsed(&format!("name: echo\ndescription: \"{}\"\n", "\\u00e9".repeat(length)));
    assert!(escaped(1024).is_ok());
    assert!(escaped(1025).is_err());
    let license = |length: usize| parsed(&format!("{GOOD}license: {}\n", "a".repeat(length)));
    assert!(license(256).is_ok() && license(257).is_err());
    let compatibility = |length: usize| parsed(&format!("{GOOD}compatibility: {}\n", "a".repeat(length)));
    assert!(compatibility(500).is_ok() && compatibility(501).is_err());
    let entries = |count: usize| {
        let entries: String = (0..count).map(|n| format!("  k{n}: v\n")).collect();
        parsed(&format!("{GOOD}metadata:\n{entries}"))
    };
    assert!(entries(32).is_ok() && entries(33).is_err());
    let key = |length: usize| parsed(&format!("{GOOD}metadata:\n  {}: v\n", "k".repeat(length)));
    assert!(key(64).is_ok() && key(65).is_err());
    let value = |length: usize| parsed(&format!("{GOOD}metadata:\n  k: {}\n", "v".repeat(length)));
    assert!(value(1024).is_ok() && value(1025).is_err());
    assert!(SkillMd::parse(&format!("---\n{GOOD}---\n{}", "a".repeat(FILE))).is_err());
}

#[test]
fn unsafe_yaml_and_invalid_fields_are_refused() {
    for head in [
        "name: echo\nname: other\ndescription: d\n",
        "name: echo\ndescription: d\ndescription: e\n",
        "name: echo\ndescription: d\nhooks: 1\nhooks: 2\n",
        "name: &a echo\ndescription: *a\n",
        "base: &b {allowed-tools: x}\n<<: *b\nname: echo\ndescription: d\n",
        "<<: {license: x}\nname: echo\ndescription: d\n",
        "name: !evil echo\ndescription: d\n",
        "name: echo\ndescription: !!python/object:os.system d\n",
        "name: [echo]\ndescription: d\n",
        "name: echo\ndescription: {a: b}\n",
        "name: echo\ndescription:\n",
        "name: echo\n",
        "description: d\n",
        "- name: echo\n",
        "name: echo: x\n",
        "\tname: echo\ndescription: d\n",
        "%YAML 1.1\nname: echo\ndescription: d\n",
        "name: Echo\ndescription: d\n",
        "name: e--o\ndescription: d\n",
        "name: ../echo\ndescription: d\n",
    ] {
        assert!(parsed(head).is_err(), "{head:?}: {:?}", parsed(head));
    }
    let deep = format!("{GOOD}a: {}{}\n", "[".repeat(1_000), "]".repeat(1_000));
    assert!(parsed(&deep).is_err());
}

#[test]
fn names_that_yaml_would_misread_are_quoted() {
    for name in ["null", "true", "on", "no", "y", "123", "1e3", "0x10", "12-12"] {
        let made = SkillMd::new(name, "d", "").expect("it is one");
        assert_eq!(made.to_text(), format!("---\nname: \"{name}\"\ndescription: \"d\"\n---\n"));
        assert_eq!(SkillMd::parse(&made.to_text()).expect("it is one").name(), name);
    }
}

#[test]
fn names_of_the_format() {
    for (name, fits) in [
        ("a", true),
        ("a-1", true),
        (&*"a".repeat(64), true),
        (&*"a".repeat(65), false),
        ("", false),
        ("-a", false),
        ("a-", false),
        ("a--b", false),
        ("A", false),
        ("a_b", false),
    ] {
        assert_eq!(is_name(name), fits, "{name}");
        assert_eq!(SkillMd::new(name, "d", "").is_ok(), fits, "{name}");
    }
}

#[test]
fn a_body_is_read_without_its_front_matter() {
    assert_eq!(SkillMd::body_of("# S\n").as_deref(), Ok("# S"));
    assert_eq!(
        SkillMd::body_of("---\nanything: [\n---\n# S\n\n---\n\nmore\n").as_deref(),
        Ok("# S\n\n---\n\nmore")
    );
    for text in [
        "---\nallowed-tools: x\n",
        " ---\nallowed-tools: x\n---\n",
        "--- \nhooks: x\n---\nb",
        "\n---\nx: y\n---\n",
    ] {
        assert!(SkillMd::body_of(text).is_err(), "{text:?}");
    }
}
