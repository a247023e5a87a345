//! Each function on offer has a guest that loops over it: what is not known to the guests' recipes fails by its name.

use std::collections::BTreeMap;

use ringfence::Allocator;
use ringfence_sandbox_tests::{host, storm};

#[test]
fn every_function_on_offer_has_a_guest() {
    let storms = storm::of_functions(host(Allocator::Pooling)).unwrap_or_else(|missing| {
        panic!("no recipe for {missing:?}: add each to `tests/sandbox/src/storm`");
    });
    let mut guests: BTreeMap<&str, u32> = BTreeMap::new();
    for storm in &storms {
        let function = storm.name.split(": ").next().unwrap_or_default();
        *guests.entry(function).or_default() += 1;
    }
    // Counted by hand once, so that an offer that is read wrong is noticed.
    assert!(guests.len() > 150, "{guests:?}");
}

#[test]
fn every_guest_without_a_host_function_loads() {
    let mut wrong = Vec::new();
    for storm in storm::built_in().into_iter().chain(storm::outside()) {
        if let Err(error) = host(Allocator::Pooling).load(storm.component) {
            wrong.push(format!("{}: {error}", storm.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
