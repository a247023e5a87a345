//! Off wasm there is no host: everything can be called, and answers as its documentation says.

use ringfence_skill::{budget, http, info, kv, log, progress, skills};

#[test]
fn what_is_lent_does_nothing() {
    info!("{} lines", 1);
    log::error("a line");
    // Cut within a character, it would be no text.
    log::write(log::Level::Warn, &"é".repeat(10_000));
    progress::report(1, Some(2), "half");
    progress::emit("a piece");
    let left = budget::remaining();
    assert_eq!([left.fuel, left.milliseconds, left.memory, left.output, left.host_calls], [u64::MAX; 5]);
}

#[test]
fn what_is_not_lent_is_denied() {
    let request = http::Request {
        method: "GET".to_owned(),
        url: "https://example.org".to_owned(),
        headers: Vec::new(),
        body: None,
    };
    assert!(matches!(http::fetch(&request), Err(http::Error::Denied)));
    assert!(matches!(http::fetch_many(&[request]), Err(http::Error::Denied)));
    assert!(matches!(kv::get("key"), Err(kv::Error::Denied)));
    assert!(matches!(kv::set("key", b"value"), Err(kv::Error::Denied)));
    assert!(matches!(kv::delete("key"), Err(kv::Error::Denied)));
    assert!(matches!(kv::list("", None, 10), Err(kv::Error::Denied)));
    assert!(matches!(skills::call("text-stats_analyze", "{}"), Err(skills::Error::Denied)));
    assert!(matches!(skills::call_many(&[]), Err(skills::Error::Denied)));
}
