//! Two processes that change one store: neither waits for more than a few changes of the other, however many it makes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ringfence::Digest;
use ringfence_store::Store;

use crate::shelf;

#[test]
fn a_busy_process_lets_others_change_the_store() {
    const OURS: u64 = 20;
    let shelf = shelf();
    let (busy, done) = (AtomicU64::new(0), AtomicBool::new(false));
    // Opened for itself, as another process would; four threads of it want to change at once.
    let other = Store::open(&shelf.root).expect("a store");
    std::thread::scope(|scope| {
        let (other, busy, done) = (&other, &busy, &done);
        for thread in 0..4_u64 {
            scope.spawn(move || {
                let mut n = 0_u64;
                while !done.load(Ordering::Relaxed) {
                    n += 1;
                    let digest = Digest::of(&[thread.to_le_bytes(), n.to_le_bytes()].concat());
                    other.revoke(digest, None).expect("it is revoked");
                    busy.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        while busy.load(Ordering::Relaxed) == 0 {
            std::thread::yield_now();
        }
        let ours = Store::open(&shelf.root).expect("a store");
        let before = busy.load(Ordering::Relaxed);
        for n in 0..OURS {
            ours.revoke(Digest::of(&n.to_be_bytes()), None).expect("it is revoked");
        }
        let meanwhile = busy.load(Ordering::Relaxed) - before;
        done.store(true, Ordering::Relaxed);
        assert!(meanwhile <= 5 * OURS, "{meanwhile} changes of the other process beside {OURS} of ours");
    });
}
