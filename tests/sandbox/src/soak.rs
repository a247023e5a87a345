//! Runs all hostile guests again and again, with an echo in between that must always answer right.

fn main() {}
