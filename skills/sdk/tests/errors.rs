//! What is not possible is a compile error at its place, with what to do instead; what the README shows compiles.

use std::fs;
use std::path::Path;

#[test]
fn errors_and_the_readme() {
    // The first Rust example of the README, as a program.
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let (_, rest) = readme.split_once("```rust\n").expect("the README has an example");
    let (example, _) = rest.split_once("```").unwrap();
    assert!(example.contains("#[ringfence_skill::skill]"));
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("readme.rs");
    fs::write(&program, format!("{example}\nfn main() {{}}\n")).unwrap();

    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/errors/*.rs");
    cases.pass(program);
}
