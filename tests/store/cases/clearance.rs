//! The one gate between a name or a file and bytes that may run: whatever is built or loaded went through it.

use ringfence::{Digest, Target};
use ringfence_store::{Cleared, Reference, StoreError, Wanted};
use ringfence_store_tests::components::answering;
use ringfence_store_tests::{Shelf, by, code, name, runtime, version};

use crate::shelf;

fn clear(shelf: &Shelf, reference: &str) -> Result<Cleared, StoreError> {
    let reference: Reference = reference.parse()?;
    runtime().block_on(shelf.library.clear(Wanted::Reference(reference)))
}

fn build(shelf: &Shelf, cleared: &Cleared) -> Result<(), StoreError> {
    runtime().block_on(shelf.library.build(cleared, Target::Pulley64)).map(|_| ())
}

#[test]
fn held_revoked_and_unknown_skills_are_not_cleared() {
    let shelf = shelf();
    let mut held = by("alice", "held");
    held.hold = true;
    shelf.submit_as(&answering(1), held).expect("it is taken");
    shelf.put("revoked", &answering(2));
    shelf.put("good", &answering(3));
    let digest = Digest::of(&answering(2));
    shelf.store().revoke(digest, Some("it is evil")).expect("it is revoked");
    let sha = |n| Digest::of(&answering(n)).to_string();
    for (reference, wanted) in [
        ("held", "held"),
        ("held@1", "held"),
        (&*sha(1), "held"),
        ("revoked", "revoked"),
        ("revoked@1", "revoked"),
        (&*sha(2), "revoked"),
        ("none", "no-such-skill"),
        ("good@7", "no-such-version"),
        (&*sha(9), "no-such-skill"),
        ("good", "ok"),
        ("good@1", "ok"),
        (&*sha(3), "ok"),
    ] {
        assert_eq!(code(&clear(&shelf, reference)), wanted, "{reference}");
    }
    // A file is held against revocations alone.
    for (n, wanted) in [(1, "ok"), (2, "revoked"), (3, "ok"), (9, "ok")] {
        let cleared = runtime().block_on(shelf.library.clear(Wanted::Bytes(answering(n))));
        assert_eq!(code(&cleared), wanted, "{n}");
    }
}

#[test]
fn a_skill_revoked_or_removed_meanwhile_is_not_built() {
    let shelf = shelf();
    for n in 1..=3 {
        shelf.put(&format!("n{n}"), &answering(n));
    }
    let cleared = [1, 2, 3].map(|n| clear(&shelf, &format!("n{n}")).expect("it may run"));
    let file = runtime().block_on(shelf.library.clear(Wanted::Bytes(answering(1)))).expect("it may run");
    shelf.again().store().revoke(Digest::of(&answering(1)), None).expect("it is revoked");
    shelf.again().store().remove(&name("n2"), None, None).expect("it is there");
    assert_eq!(
        cleared.each_ref().map(|cleared| code(&build(&shelf, cleared))),
        ["revoked", "no-such-skill", "ok"]
    );
    assert_eq!(code(&build(&shelf, &file)), "revoked");
    for (cleared, wanted) in cleared.iter().zip(["revoked", "no-such-skill", "ok"]) {
        assert_eq!(code(&runtime().block_on(shelf.library.clear_again(cleared))), wanted);
    }
    // What it was cleared as counts, and not another version that the name stands for by now.
    shelf.put("n3", &answering(4));
    let third = &cleared[2];
    assert_eq!(third.digest(), Digest::of(&answering(3)));
    assert_eq!(third.resolved().and_then(|resolved| resolved.version.clone()), Some(version("1")));
}
