//! Off wasm there is no host: everything can be called, and answers as its documentation says.

use ringfence_skill::{budget, config, http, info, kv, log, progress, secrets, skills};

#[test]
fn host_interfaces_do_nothing_on_the_own_machine() {
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
fn ungranted_calls_are_denied() {
    let request = http::Request::get("https://example.org/");
    assert!(matches!(request.fetch(), Err(http::Error::Denied)));
    assert!(matches!(request.open(), Err(http::Error::Denied)));
    assert!(matches!(http::fetch_many([request]), Err(http::Error::Denied)));
    assert_eq!(kv::get("key").unwrap_err(), kv::Error::Denied);
    assert_eq!(kv::set("key", "value"), Err(kv::Error::Denied));
    assert_eq!(kv::compare_and_set("key", b"value", kv::Expected::Absent), Err(kv::Error::Denied));
    assert_eq!(kv::delete("key"), Err(kv::Error::Denied));
    assert_eq!(kv::compare_and_delete("key", kv::Expected::Revision(1)), Err(kv::Error::Denied));
    assert_eq!(kv::increment("key", 1), Err(kv::Error::Denied));
    // After an error there are no more keys.
    assert_eq!(kv::list("").collect::<Vec<_>>(), [Err(kv::Error::Denied)]);
    assert_eq!(config::get("key"), None);
    assert!(config::get_all().is_empty());
    assert!(!secrets::exists("token"));
    assert!(matches!(skills::call("text-stats_analyze", "{}"), Err(skills::Error::Denied)));
    assert!(matches!(skills::call_many(&[]), Err(skills::Error::Denied)));
}
