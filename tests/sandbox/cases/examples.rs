//! The guests of the library's examples, which are committed beside their text.

use std::path::Path;

use ringfence_sandbox_tests::wasm;

#[test]
fn each_example_guest_matches_its_text() {
    let guests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../host/core/examples/guests");
    for name in ["cache", "count", "pay", "spin"] {
        let text = std::fs::read_to_string(guests.join(name).with_extension("wat")).expect("it is there");
        let committed = guests.join(name).with_extension("wasm");
        if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
            std::fs::write(&committed, wasm(&text)).expect("writable");
        }
        let same = std::fs::read(&committed).is_ok_and(|bytes| bytes == wasm(&text));
        assert!(same, "{}: run this test with UPDATE_SNAPSHOTS=1", committed.display());
    }
}
