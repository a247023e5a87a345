//! Tokens: their text is given once and kept nowhere; what is revoked stays revoked; what is damaged lets nobody in.

use std::collections::BTreeSet;
use std::fs;

use ringfence::Digest;
use ringfence_store::{IssuedToken, NewToken, Owner, Pattern, Scope, Store, StoreError};
use ringfence_store_tests::code;
use ringfence_store_tests::files::mode;

use crate::shelf;

fn alice() -> Owner {
    "alice".parse().expect("an owner")
}

#[test]
fn made_listed_and_revoked() {
    let shelf = shelf();
    let IssuedToken { token: first, text, .. } =
        shelf.store().make_token(NewToken::new(alice())).expect("a token");
    let IssuedToken { token: second, text: other, .. } =
        shelf.store().make_token(NewToken::new(alice())).expect("a token");
    assert_ne!(text, other);
    assert_eq!(text.len(), "rf_".len() + 10 + "_".len() + 64);
    assert!(text.starts_with(&format!("rf_{}_", first.id)));
    assert_eq!(first.hash(), Digest::of(text.as_bytes()).as_bytes());
    // Another process sees the same.
    let known = Store::open(&shelf.root).expect("a store").tokens().expect("tokens");
    assert_eq!(known, [first.clone(), second.clone()]);
    let revoked = shelf.store().revoke_token(&first.id).expect("it is revoked");
    assert!(revoked.revoked.is_some() && !revoked.is_valid(0));
    assert_eq!(shelf.store().revoke_token(&first.id).expect("it stays so"), revoked);
    assert_eq!(shelf.store().tokens().expect("tokens"), [revoked, second]);
    assert_eq!(code(&shelf.store().revoke_token("0000000000")), "no-such-token");
    assert_eq!(code(&shelf.store().revoke_token("\u{1b}[31m")), "no-such-token");
}

#[test]
fn the_text_is_kept_nowhere_and_the_file_is_its_owners() {
    let shelf = shelf();
    let text = shelf.store().make_token(NewToken::new(alice())).expect("a token").text;
    let file = shelf.root.join("tokens.json");
    assert_eq!(mode(&file), 0o600);
    let secret = text.rsplit('_').next().expect("a secret");
    let kept = fs::read_to_string(file).expect("it can be read");
    assert!(!kept.contains(secret), "{kept}");
}

#[test]
fn a_token_is_valid_until_it_expires() {
    let shelf = shelf();
    let mut new = NewToken::new(alice());
    new.lifetime = Some(100);
    let token = shelf.store().make_token(new).expect("a token").token;
    assert!(token.is_valid(token.created + 99));
    assert!(!token.is_valid(token.created + 100));
}

#[test]
fn a_damaged_token_file_accepts_nobody_and_is_reported() {
    let shelf = shelf();
    shelf.store().make_token(NewToken::new(alice())).expect("a token");
    let file = shelf.root.join("tokens.json");
    let mut bytes = fs::read(&file).expect("it can be read");
    bytes[20] ^= 1;
    fs::write(&file, bytes).expect("it can be written");
    assert_eq!(code(&shelf.store().tokens()), "damaged");
    assert_eq!(code(&shelf.store().make_token(NewToken::new(alice()))), "damaged");
    let found = shelf.store().verify(|_, _| {}).expect("it looks");
    assert!(found.findings.iter().any(|finding| finding.path == "tokens.json"), "{found:?}");
}

#[test]
fn patterns_and_scopes_have_a_grammar() {
    for (pattern, name, fits) in [
        ("*", "anything", true),
        ("acme-*", "acme-one", true),
        ("acme-*", "acme", false),
        ("acme*", "acme", true),
        ("acme", "acme-one", false),
        ("acme", "acme", true),
    ] {
        let parsed: Pattern = pattern.parse().expect("a pattern");
        assert_eq!(parsed.fits(&name.parse().expect("a name")), fits, "{pattern} {name}");
        assert_eq!(parsed.to_string(), pattern);
    }
    for wrong in ["", "**", "*a", "a*b", "A", "a/*", "-*", "a b"] {
        assert_eq!(code(&wrong.parse::<Pattern>().map_err(StoreError::from)), "bad-reference", "{wrong}");
    }
    let all: BTreeSet<Scope> =
        ["call", "submit", "admin"].iter().map(|scope| scope.parse().expect("a scope")).collect();
    assert_eq!(all.len(), 3);
    for wrong in ["", "Call", "all", "call "] {
        assert_eq!(code(&wrong.parse::<Scope>().map_err(StoreError::from)), "bad-reference", "{wrong}");
    }
}
