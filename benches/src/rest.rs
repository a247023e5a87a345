//! `rest`: the memory that a server keeps after a burst of large results: resident 5 s later, less what it was before.
//!
//! Forty clients ask at the same time and read a second later, so the server holds as many results as it takes.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::args::Plan;
use crate::kit::book::Book;
use crate::kit::client::{Client, call};
use crate::kit::guests;
use crate::kit::server::{Resident, Site, UNCOUNTED};

/// Clients, each of which asks for one result, all at the same time.
const CLIENTS: u32 = 40;

/// Letters of a result: 16 MiB with its quotes.
const LETTERS: u32 = (16 << 20) - 2;

/// Between a request and the first look at its answer.
const PAUSE: Duration = Duration::from_secs(1);

/// After the burst.
const REST: Duration = Duration::from_secs(5);

/// `letters: func(n: u32) -> string`
const GUEST: &str = r#"(component
  (core module $m
    (memory (export "memory") 260)
    (func (export "letters") (param $n i32) (result i32)
      (memory.fill (i32.const 65536) (i32.const 97) (local.get $n))
      (i32.store (i32.const 0) (i32.const 65536))
      (i32.store (i32.const 4) (local.get $n))
      (i32.const 0)))
  (core instance $i (instantiate $m))
  (alias core export $i "memory" (core memory $memory))
  (func (export "letters") (param "n" u32) (result string)
    (canon lift (core func $i "letters") (memory $memory))))"#;

pub(crate) fn measure(plan: &Plan, book: &mut Book) -> Result<(), String> {
    let config = format!("{UNCOUNTED}[limits]\noutput = \"17MiB\"\n[host]\nmemory = \"8GiB\"\n");
    let site = Site::start(&config, &["bench"], &[("large".to_owned(), guests::component(GUEST))]);
    let request =
        |letters: u32| call(&site.tokens["bench"], "large", "letters", &format!(r#"{{"n":{letters}}}"#), "");
    let small = Client::new(site.address).ask(&request(1)).expect("an answer");
    assert!(small.status == 200 && small.body.contains("\"completed\""), "{}", small.body);
    std::thread::sleep(REST);
    let before = site.resident(Resident::Now);
    let refused = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..plan.scaled(CLIENTS, 10) {
            scope.spawn(|| {
                let mut client = Client::new(site.address);
                let large = request(LETTERS);
                client.send(&large).expect("sent");
                // Meanwhile the results wait in the server.
                std::thread::sleep(PAUSE);
                let mut answer = client.answer();
                while answer.is_none_or(|answer| answer.status != 200) {
                    refused.fetch_add(1, Ordering::Relaxed);
                    std::thread::sleep(Duration::from_millis(20));
                    answer = client.ask(&large);
                }
            });
        }
    });
    if refused.load(Ordering::Relaxed) > 0 {
        println!("{} requests were refused and sent again", refused.load(Ordering::Relaxed));
    }
    std::thread::sleep(REST);
    let after = site.resident(Resident::Now);
    book.figure("rest-before", before);
    book.figure("rest-peak", site.resident(Resident::Most));
    book.figure("rest-after", after);
    book.figure("rest-kept", after - before);
    Ok(())
}
