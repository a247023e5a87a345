//! Beginnings of names that belong to an owner, and that whose a name is comes before everything else.

use ringfence_store::Pattern;
use ringfence_store_tests::components::answering;
use ringfence_store_tests::{Shelf, by, code, name, owner};

use crate::shelf;

fn submit(shelf: &Shelf, who: &str, of: &str) -> &'static str {
    code(&shelf.submit_as(&answering(1), by(who, of)))
}

#[test]
fn a_reserved_prefix_is_its_owners() {
    let shelf = shelf();
    shelf.store().reserve("acme-*", &owner("acme")).expect("it is free");
    assert_eq!(submit(&shelf, "acme", "acme-one"), "ok");
    // The same words whether there is such a name or not.
    for of in ["acme-one", "acme-two", "acme-"] {
        let error = shelf.again().submit_as(&answering(2), by("mallory", of)).expect_err("it is acme's");
        assert_eq!(error.code(), "not-owner");
        let words = format!(
            "the name `{of}` belongs to `acme`, not to `mallory`; choose another name, or act as `acme`"
        );
        assert_eq!(error.to_string(), words);
    }
    for of in ["acme", "acm-e", "acmes", "not-acme-one"] {
        assert_eq!(submit(&shelf, "mallory", of), "ok", "{of}");
    }
    // What its owner removed stays its owner's.
    shelf.store().remove(&name("acme-one"), None, None).expect("it is there");
    assert_eq!(submit(&shelf, "mallory", "acme-one"), "not-owner");
    shelf.store().unreserve("acme-").expect("it is reserved");
    assert_eq!(submit(&shelf, "mallory", "acme-one"), "ok");
    shelf.expect_sound();
}

#[test]
fn prefixes_do_not_overlap() {
    let shelf = shelf();
    let reserve = |prefix: &str, who: &str| code(&shelf.store().reserve(prefix, &owner(who)));
    assert_eq!(reserve("acme-*", "acme"), "ok");
    assert_eq!(reserve("acme-", "acme"), "ok", "it is there already");
    assert_eq!(shelf.store().prefixes().expect("they can be read").len(), 1);
    for prefix in ["acme-*", "acme-labs-*", "acme*", "a*"] {
        assert_eq!(reserve(prefix, "mallory"), "prefix-taken", "{prefix}");
    }
    assert_eq!(reserve("acme-labs-*", "acme"), "ok");
    assert_eq!(submit(&shelf, "bob", "bobs-one"), "ok");
    assert_eq!(reserve("bobs-*", "mallory"), "prefix-taken");
    assert_eq!(reserve("bobs-*", "bob"), "ok");
    for wrong in ["", "*", "-*", "A*", "a*b", "a/*", "..*", &"a".repeat(64)] {
        assert_eq!(reserve(wrong, "bob"), "bad-reference", "{wrong:?}");
    }
    assert_eq!(code(&shelf.store().unreserve("none-*")), "no-such-prefix");
    ringfence_store_tests::files::flip(&shelf.root.join("prefixes.json"), 3, 1);
    assert_eq!(submit(&shelf, "bob", "free"), "damaged");
    assert_eq!(shelf.verify().findings.len(), 1);
}

/// Neither the bytes nor the state of the store are looked at for somebody whose name it is not.
#[test]
fn ownership_is_checked_before_the_bytes() {
    let shelf = shelf();
    shelf.put("a", &answering(1));
    shelf.store().revoke(ringfence::Digest::of(&answering(2)), None).expect("it is revoked");
    for bytes in [answering(1), answering(2), b"no component".to_vec(), vec![0; 40 << 20]] {
        assert_eq!(code(&shelf.submit_as(&bytes, by("mallory", "a"))), "not-owner", "{} bytes", bytes.len());
    }
}

#[test]
fn patterns_can_be_about_owners() {
    let shelf = shelf();
    let mut new = ringfence_store::NewToken::new(owner("bob"));
    new.skills = vec!["acme-*".parse::<Pattern>().expect("a pattern")];
    new.skills_of = [owner("acme")].into();
    let token = shelf.store().make_token(new.clone()).expect("it is made").token;
    assert_eq!(shelf.again().store().tokens().expect("they can be read"), std::slice::from_ref(&token));
    assert!(token.names(&name("acme-one"), &owner("acme")));
    assert!(!token.names(&name("acme-one"), &owner("mallory")));
    assert!(!token.names(&name("other"), &owner("acme")));
    new.skills_of.clear();
    let token = shelf.store().make_token(new).expect("it is made").token;
    assert!(token.names(&name("acme-one"), &owner("mallory")));
}
