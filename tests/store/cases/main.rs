//! The store's boundary: one module for each promise.

mod artifacts;
mod caps;
mod clearance;
mod concurrency;
mod damage;
mod disks;
mod fair;
mod foreign;
mod keys;
mod names;
mod permissions;
mod prefixes;
mod revocation;
mod tokens;
mod versions;

use ringfence_store_tests::Shelf;

/// The compile child.
const CHILD: &str = env!("CARGO_BIN_EXE_store-compile-child");

fn shelf() -> Shelf {
    Shelf::new(CHILD)
}
