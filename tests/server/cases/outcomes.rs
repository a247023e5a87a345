//! What an agent reads of a run that did not complete: the limit, what was used, and what the run had printed.

use ringfence_server_tests::guests::{ENDINGS, TALKS};
use ringfence_server_tests::mcp::{ask, ask_older};
use serde_json::json;

use super::plan;

/// Logs three lines and traps, or goes on without end.
const ENDS: &str = r#"(component
  (import "ringfence:skill/log@0.1.0" (instance $log
    (type (enum "trace" "debug" "info" "warn" "error"))
    (export "level" (type $level (eq 0)))
    (export "write" (func (param "level" $level) (param "message" string)))))
  (core module $memory
    (memory (export "memory") 1)
    (data (i32.const 0) "line one\09with a tab\1b[31m"))
  (core instance $memory (instantiate $memory))
  (alias core export $memory "memory" (core memory $mem))
  (core func $write (canon lower (func $log "write") (memory $mem)))
  (core module $m
    (import "host" "write" (func $write (param i32 i32 i32)))
    (func $log (param $times i32)
      (loop $again
        (call $write (i32.const 3) (i32.const 0) (i32.const 24))
        (local.set $times (i32.sub (local.get $times) (i32.const 1)))
        (br_if $again (i32.gt_s (local.get $times) (i32.const 0)))))
    (func (export "trap") (param i32) (call $log (local.get 0)) unreachable)
    (func (export "spin") (param i32) (call $log (local.get 0)) (loop (br 0))))
  (core instance $i (instantiate $m (with "host" (instance (export "write" (func $write))))))
  (func (export "trap") (param "times" u32) (canon lift (core func $i "trap")))
  (func (export "spin") (param "times" u32) (canon lift (core func $i "spin"))))"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_log_comes_with_a_trap_or_a_limit() {
    let config = "[limits]\nfuel = 10_000_000";
    let site = plan().config(config).skill("ends", ENDS).start().await;
    for (tool, first) in [
        ("ends_trap", "trapped (unreachable)"),
        ("ends_spin", "out-of-fuel: fuel limit reached (10,000,000 units"),
    ] {
        for result in [
            ask(&site.client(), "tools/call", json!({"name": tool, "arguments": {"times": 2}})).await,
            ask_older(&site.client(), "tools/call", json!({"name": tool, "arguments": {"times": 2}})).await,
        ] {
            let content = result["content"].as_array().unwrap();
            assert_eq!(content.len(), 2, "{result}");
            assert!(content[0]["text"].as_str().unwrap().starts_with(first), "{result}");
            // Lines and tabs stay; what acts on a terminal does not.
            let line = "warn: line one\twith a tab\u{FFFD}[31m";
            assert_eq!(content[1]["text"], format!("log:\n{line}\n{line}"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_end_of_a_long_log_is_shown() {
    let site = plan().skill("ends", ENDS).config("[limits]\nlog-lines = 60").start().await;
    let call = json!({"name": "ends_trap", "arguments": {"times": 100}});
    let result = ask(&site.client(), "tools/call", call).await;
    let text = result["content"][1]["text"].as_str().unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines[0], lines.len()), ("last 40 of 60 log lines:", 42), "{text}");
    assert_eq!(lines[41], "(40 more lines were dropped or cut; the limit is 60 lines and 64 KiB)");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_limit_is_named_with_its_value_and_the_use() {
    let config = "[limits]\nfuel = 100_000_000\nmemory = \"1MiB\"\noutput-size = 100\nhost-calls = 5";
    let site = plan().config(config).skill("endings", ENDINGS).skill("talks", TALKS).start().await;
    let rows = [
        (
            "endings_spin",
            json!({}),
            "out-of-fuel: fuel limit reached (100,000,000 units, used 100,000,000); try a smaller request",
        ),
        (
            "endings_grow",
            json!({}),
            "memory-limit: memory limit 1 MiB, peak 64 KiB; table limit 100,000 elements, peak 0; try a smaller request",
        ),
        ("endings_big", json!({}), "output-limit: output limit reached (100 bytes, wrote "),
        ("talks_talk", json!({"times": 9}), "host-call-limit: host call limit reached (5 calls, made "),
    ];
    for (name, arguments, text) in rows {
        let result = ask(&site.client(), "tools/call", json!({"name": name, "arguments": arguments})).await;
        let content = result["content"].as_array().unwrap();
        let told = content.iter().find(|block| block["text"].as_str().unwrap().starts_with(text));
        assert!(told.is_some(), "{name}: {result}");
    }
    let site = plan().config("[quota]\ncalls-per-minute = 1").skill("endings", ENDINGS).start().await;
    let (client, call) = (site.client(), json!({"name": "endings_nothing"}));
    assert_eq!(ask(&client, "tools/call", call.clone()).await["isError"], false);
    let result = ask(&client, "tools/call", call).await;
    let text = result["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("; try again in "), "{text}");
}
