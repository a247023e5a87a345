//! No text from outside reaches a path unless it has the grammar: bad ones are refused before anything is
//! touched.

use ringfence_store::{Name, Owner, Reference, Store, Version};
use ringfence_store_tests::components::answering;
use ringfence_store_tests::files::tree;
use ringfence_store_tests::{by, version};

use crate::shelf;

/// Bad as a name, owner, version, and reference.
const BAD: [&str; 60] = [
    "",
    ".",
    "..",
    "...",
    "../x",
    "..\\x",
    "../../etc/passwd",
    "a/b",
    "a\\b",
    "/",
    "/etc/passwd",
    "/x",
    "./x",
    "x/",
    "x/.",
    "x/..",
    "a//b",
    "~",
    "~root",
    "-",
    "-x",
    "--help",
    ".x",
    ".hidden.json",
    "_",
    "_x",
    "a_b",
    "x\0",
    "\0",
    "x\0.json",
    "x\n",
    "\nx",
    "x\r\n",
    "x\t",
    " ",
    " x",
    "x ",
    "a b",
    "x\u{7f}",
    "x\u{1b}[31m",
    "x;y",
    "x|y",
    "$x",
    "`x`",
    "x*",
    "x?",
    "x%2e",
    "%2e%2e%2fx",
    "x:y",
    "x@",
    "tеxt",
    "te\u{301}xt",
    "café",
    "ｔｅｘｔ",
    "x\u{202e}y",
    "x\u{200b}y",
    "\u{feff}x",
    "ſ",
    "٣",
    "😀",
];

/// Bad as a name, though good as a version.
const BAD_NAMES: [&str; 8] = ["X", "Text", "aB", "x.json", "1.0", "a+b", "a.", "3-RC"];

#[test]
fn bad_names_touch_nothing() {
    let shelf = shelf();
    shelf.put("kept", &answering(1));
    let before = tree(shelf.dir.path());
    for text in BAD.iter().chain(&BAD_NAMES) {
        let refused = text.parse::<Name>().expect_err(text);
        assert_eq!(refused.code(), "bad-reference", "{text:?}");
        let changes = |c: char| (c.is_control() && c != '\t') || c == '\u{202e}';
        assert!(!refused.to_string().contains(changes), "{text:?}");
        assert_eq!(text.parse::<Owner>().expect_err(text).code(), "bad-reference", "{text:?}");
        assert_eq!(shelf.load(text).expect_err(text).code(), "bad-reference", "{text:?}");
        let of_bad = format!("{text}@1");
        assert_eq!(shelf.load(&of_bad).expect_err(text).code(), "bad-reference", "{of_bad:?}");
    }
    for text in BAD {
        assert_eq!(text.parse::<Version>().expect_err(text).code(), "bad-reference", "{text:?}");
        let at_bad = format!("kept@{text}");
        assert_eq!(shelf.load(&at_bad).expect_err(text).code(), "bad-reference", "{at_bad:?}");
    }
    assert_eq!(tree(shelf.dir.path()), before);
}

#[test]
fn bad_references_touch_nothing() {
    let shelf = shelf();
    shelf.put("kept", &answering(1));
    let digits = "0123456789abcdef".repeat(4);
    let bad = [
        "@".to_owned(),
        "@1".to_owned(),
        "kept@1@1".to_owned(),
        "kept@../1".to_owned(),
        format!("sha256:{}", &digits[..7]),
        format!("sha256:{digits}0"),
        format!("sha256:{}/", &digits[1..]),
        format!("sha256:{}g", &digits[1..]),
        format!("sha512:{digits}"),
        format!("sha256:sha256:{digits}"),
        format!("sha256:{digits}\n"),
        format!("kept@sha256:{digits}"),
    ];
    let before = tree(shelf.dir.path());
    for text in bad {
        assert_eq!(shelf.load(&text).expect_err(&text).code(), "bad-reference", "{text:?}");
    }
    assert_eq!(tree(shelf.dir.path()), before);
}

#[test]
fn sixty_three_characters_fit_and_sixty_four_do_not() {
    // Not hexadecimal: 64 such digits are a digest.
    let (fits, long) = ("z".repeat(63), "z".repeat(64));
    assert!(fits.parse::<Name>().is_ok() && fits.parse::<Owner>().is_ok() && fits.parse::<Version>().is_ok());
    for refused in [
        long.parse::<Name>().map(|_| ()),
        long.parse::<Owner>().map(|_| ()),
        long.parse::<Version>().map(|_| ()),
        long.parse::<Reference>().map(|_| ()),
        format!("{fits}@{long}").parse::<Reference>().map(|_| ()),
    ] {
        assert_eq!(refused.expect_err("64 characters").code(), "bad-reference");
    }
    // The longest of all is also a file.
    let shelf = shelf();
    let mut submit = by(&fits, &fits);
    submit.version = Some(version(&fits));
    shelf.submit_as(&answering(7), submit).expect("the longest names fit");
    shelf.again().expect(&format!("{fits}@{fits}"), 7);
}

#[test]
fn valid_names_are_accepted() {
    let shelf = shelf();
    // Names of devices elsewhere are names here.
    for (n, text) in
        ["a", "0", "9-", "a--b", "con", "nul", "com1", "lpt1", "format", "lock", "key", "draft-0"]
            .iter()
            .enumerate()
    {
        let n = u32::try_from(n).expect("few");
        shelf.put(text, &answering(n));
        shelf.expect(text, n);
    }
    for text in ["1", "A", "1.2.0-rc.1", "1.0.0+build.5", "0..0", "1-"] {
        let mut submit = by("alice", "a");
        submit.version = Some(version(text));
        shelf.submit_as(&answering(0), submit).expect(text);
        shelf.expect(&format!("a@{text}"), 0);
    }
    shelf.expect_sound();
}

#[test]
fn a_digest_is_a_reference_with_and_without_its_prefix() {
    let shelf = shelf();
    let taken = shelf.submit("a", &answering(3)).expect("it is taken");
    let text = taken.receipt.digest.to_string();
    shelf.expect(&text, 3);
    shelf.expect(text.trim_start_matches("sha256:"), 3);
    shelf.refused(&format!("sha256:{}", "0".repeat(64)), "no-such-skill");
}

#[test]
fn the_error_names_the_nearest_name() {
    let shelf = shelf();
    shelf.put("text-stats", &answering(1));
    shelf.put("zebra", &answering(2));
    let error = shelf.refused("text-stat", "no-such-skill");
    assert!(error.to_string().contains("`text-stats`"), "{error}");
    assert!(shelf.refused("text-stats@9", "no-such-version").to_string().contains("its versions are 1"));
}

#[test]
fn reading_does_not_create_a_store() {
    let dir = tempfile::tempdir().expect("a directory");
    let root = dir.path().join("store");
    assert_eq!(Store::open(&root).expect_err("there is none").code(), "no-store");
    assert!(!root.exists());
}
