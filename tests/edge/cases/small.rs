//! A small machine: 512 MB of memory and 39 bits of address space, as resource limits of the worker's process.

use ringfence::Limits;
use ringfence_edge_tests::{Node, draft, exchange, key, native, skill};

/// `prlimit` with 512 GiB of address space and 512 MiB of memory that can be written.
const SMALL: [&str; 3] = ["prlimit", "--as=549755813888", "--data=536870912"];

/// A tool `hold` that takes so many memories of a page, fills one of `mib` MiB and waits for its fuel to end.
fn hold(memories: u32, mib: u32) -> String {
    let more: String = (1..memories).map(|_| "(core instance (instantiate $more))").collect();
    format!(
        r#"(component
          (core module $more (memory 1))
          (core module $m
            (memory {pages})
            (func (export "hold")
              (memory.fill (i32.const 0) (i32.const 1) (i32.const {bytes}))
              (loop (br 0))))
          {more}
          (core instance $i (instantiate $m))
          (func (export "hold") (canon lift (core func $i "hold"))))"#,
        pages = mib * 16,
        bytes = mib << 20,
    )
}

/// Starts a worker on such a machine, and calls from 40 threads at once; gives each outcome or code.
fn outcomes(wat: &str, arguments: &[&str]) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    // So long that all 40 are there before the first ends.
    let limits = Limits::default().with_fuel(200_000_000).with_deadline(std::time::Duration::from_secs(120));
    let bundle = draft(1, vec![skill("hold", wat, &limits, &[native()])]).sign(&key()).unwrap();
    std::fs::write(dir.path().join("edge.rfb"), bundle).unwrap();
    std::fs::write(dir.path().join("key.pub"), key().public().to_line()).unwrap();
    let mut all = vec!["edge.rfb", "--key", "key.pub"];
    all.extend(arguments);
    let node = Node::start_by(&SMALL, &all, dir.path());
    let address = node.address;
    let callers: Vec<_> = (0..40)
        .map(|_| {
            std::thread::spawn(move || exchange(address, "POST", "/v1/skills/hold/tools/hold", "", "{}").body)
        })
        .collect();
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    let ended = callers.into_iter().map(|caller| {
        let body = caller.join().expect("an answer");
        text(&body["outcome"]).or_else(|| text(&body["code"])).unwrap_or_else(|| body.to_string())
    });
    let ended = ended.collect();
    // It is there, and does what it did.
    assert_eq!(exchange(address, "GET", "/readyz", "", "").status, 200);
    let last = exchange(address, "POST", "/v1/skills/hold/tools/hold", "", "{}").body;
    assert_eq!(last["outcome"], "out-of-fuel");
    ended
}

fn count(ended: &[String], what: &str) -> usize {
    ended.iter().filter(|ended| *ended == what).count()
}

#[test]
fn runs_that_fit_run_and_others_are_refused() {
    let ended = outcomes(&hold(1, 7), &[]);
    // A run holds 7 MiB, and 1 MiB for its output and some for its log: 28 fit into 256 MiB. How many of the 40 are there at once is
    // not ours to say.
    assert!(count(&ended, "out-of-fuel") >= 24, "{ended:?}");
    assert_eq!(count(&ended, "out-of-fuel") + count(&ended, "overloaded"), 40, "{ended:?}");
}

#[test]
fn memory_is_bounded_by_the_budget_and_not_by_the_machine() {
    // 40 runs of 60 MiB would be 2.4 GiB; the worker gives 256 MiB, which is four of them.
    let ended = outcomes(&hold(1, 60), &[]);
    // A run that waited for its turn while others took the memory ends as `host-overloaded`.
    let began = count(&ended, "out-of-fuel") + count(&ended, "host-overloaded");
    assert!(began >= 4 && count(&ended, "out-of-fuel") > 0 && count(&ended, "overloaded") > 0, "{ended:?}");
    assert_eq!(began + count(&ended, "overloaded"), 40, "{ended:?}");
}

/// Eight memories a run are 32 GiB of address space: 40 runs want more than there is.
#[test]
fn address_space_that_ends_refuses_runs_and_ends_none() {
    let ended = outcomes(&hold(8, 1), &["--runs", "1000"]);
    assert!(count(&ended, "out-of-fuel") >= 10 && count(&ended, "host-overloaded") > 0, "{ended:?}");
    let refused = count(&ended, "overloaded") + count(&ended, "host-overloaded");
    assert_eq!(count(&ended, "out-of-fuel") + refused, 40, "{ended:?}");
}
