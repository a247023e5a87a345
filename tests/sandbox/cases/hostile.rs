//! Every hostile guest ends in exactly its outcome, under both allocators.

use ringfence_sandbox_tests::{check, hostile};

#[test]
fn each_ends_as_it_must() {
    for guest in hostile::corpus() {
        let case = guest.case;
        println!("{}", guest.name);
        check(guest.wat, case.tool, case.input, &case.limits, &case.expect);
    }
}
