//! Components to measure: what they answer, which tools they have, how many bytes they are.

use std::fmt::Write as _;

/// `run: func() -> u32`, which answers `n`. Another number is another digest.
pub fn answering(n: u32) -> Vec<u8> {
    with_tools(&["run"], n)
}

/// Tools that take nothing and answer `n`.
pub fn with_tools(tools: &[&str], n: u32) -> Vec<u8> {
    let mut text = format!(
        r#"(component (core module $m (func (export "run") (result i32) (i32.const {n})))
             (core instance $i (instantiate $m))"#
    );
    for tool in tools {
        let _ = write!(text, r#"(func (export "{tool}") (result u32) (canon lift (core func $i "run")))"#);
    }
    text.push(')');
    wat::parse_str(&text).unwrap_or_else(|error| panic!("the test's own text: {error}\n{text}"))
}

/// `run: func() -> u32`, which answers `n`, in a component of exactly `size` bytes.
pub fn sized(n: u32, size: usize) -> Vec<u8> {
    let mut bytes = answering(n);
    // A custom section: its id, its length in five bytes, a name of one letter, zeros.
    let rest = size.checked_sub(bytes.len() + 8).expect("larger than the smallest component");
    let length = u32::try_from(rest + 2).expect("a small component");
    bytes.push(0);
    bytes.extend((0..4).map(|i| ((length >> (7 * i)) & 0x7f) as u8 | 0x80));
    bytes.push(((length >> 28) & 0x0f) as u8);
    bytes.extend_from_slice(&[1, b'p']);
    bytes.resize(size, 0);
    bytes
}
