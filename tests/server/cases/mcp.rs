//! MCP over HTTP: the newest revision and an older one, tools, calls, progress, cancelling, pages, changes.

use ringfence_server_tests::client::{Reader, events};
use ringfence_server_tests::guests::{ECHO, ENDINGS, TALKS, component, documented};
use ringfence_server_tests::mcp::{OLDER, ask, ask_older, message, messages, older};
use ringfence_server_tests::{Plan, Request};
use ringfence_store::Scope;
use serde_json::{Value, json};
use tokio::io::AsyncRead;

use super::calls::until;
use super::plan;

fn with_all() -> Plan {
    plan()
        .config("[limits]\ndeadline = \"1h\"\nmemory = \"1MiB\"\nfuel = 50_000_000")
        .skill("echo", ECHO)
        .skill("endings", ENDINGS)
        .skill("talks", TALKS)
}

fn names(result: &Value) -> Vec<&str> {
    result["tools"]
        .as_array()
        .expect("tools")
        .iter()
        .map(|tool| tool["name"].as_str().expect("a name"))
        .collect()
}

fn tool<'a>(result: &'a Value, name: &str) -> &'a Value {
    result["tools"].as_array().expect("tools").iter().find(|tool| tool["name"] == name).expect("it is there")
}

#[tokio::test(flavor = "multi_thread")]
async fn discovery_and_an_older_handshake() {
    let site = with_all().start().await;
    let about = ask(&site.client(), "server/discover", json!({})).await;
    assert!(about["supportedVersions"].as_array().unwrap().contains(&json!("2026-07-28")), "{about}");
    assert_eq!(about["capabilities"]["tools"]["listChanged"], true);
    assert!(about["capabilities"]["extensions"]["io.modelcontextprotocol/skills"].is_object(), "{about}");
    let hello =
        json!({"protocolVersion": OLDER, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    let answer = site.client().send(older("initialize", hello)).await;
    // Sessions are off.
    assert_eq!(answer.header("mcp-session-id"), None);
    let hello = messages(&answer).pop().unwrap();
    assert_eq!(hello["result"]["protocolVersion"], OLDER);
    assert_eq!(hello["result"]["serverInfo"]["name"], "ringfence");
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_with_schemas_in_a_stable_order() {
    let site = with_all().start().await;
    let list = ask(&site.client(), "tools/list", json!({})).await;
    assert_eq!(
        names(&list),
        [
            "echo_echo",
            "endings_spin",
            "endings_trap",
            "endings_grow",
            "endings_fail",
            "endings_big",
            "endings_nothing",
            "endings_number",
            "talks_talk",
            "talks_talk-on",
        ]
    );
    assert_eq!((&list["ttlMs"], &list["cacheScope"]), (&json!(60_000), &json!("public")));
    let number = tool(&list, "endings_number");
    assert_eq!(number["inputSchema"]["properties"]["n"]["type"], "integer");
    assert_eq!(number["outputSchema"]["type"], "integer");
    let older = ask_older(&site.client(), "tools/list", json!({})).await;
    let wrapped = &tool(&older, "endings_number")["outputSchema"];
    assert_eq!(wrapped["type"], "object");
    assert_eq!(wrapped["properties"]["result"]["type"], "integer");
    for tool in list["tools"].as_array().unwrap().iter().chain(older["tools"].as_array().unwrap()) {
        for schema in [&tool["inputSchema"], &tool["outputSchema"]] {
            jsonschema::draft202012::meta::validate(schema).expect("a schema");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_that_depend_on_the_token_are_marked_private() {
    let site = with_all().tokens().start().await;
    let list = ask(&site.client(), "tools/list", json!({})).await;
    assert_eq!(list["cacheScope"], "private");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_and_structured_content() {
    let site = with_all().start().await;
    let call = json!({"name": "echo_echo", "arguments": {"text": "hi"}});
    let result = ask(&site.client(), "tools/call", call.clone()).await;
    assert_eq!(result["structuredContent"], "hi");
    assert_eq!(result["content"], json!([{"type": "text", "text": "\"hi\""}]));
    assert_eq!(result["isError"], false);
    assert_eq!(result["_meta"]["io.ringfence/report"]["outcome"], "completed");
    let result = ask_older(&site.client(), "tools/call", call).await;
    assert_eq!(result["structuredContent"], json!({"result": "hi"}));
    let result = ask(&site.client(), "tools/call", json!({"name": "endings_nothing"})).await;
    assert_eq!((&result["structuredContent"], &result["isError"]), (&Value::Null, &json!(false)));
    let chunks =
        ask(&site.client(), "tools/call", json!({"name": "talks_talk", "arguments": {"times": 2}})).await;
    assert_eq!(chunks["content"].as_array().map(Vec::len), Some(3));
    assert_eq!(chunks["content"][0]["text"], "piece");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_outcome_without_a_value_is_an_error_that_agents_can_read() {
    let site = with_all().config("[skill.endings.limits]\noutput = 100").start().await;
    let rows = [
        ("endings_fail", "failed", "null"),
        ("endings_trap", "trapped", "trapped (unreachable)"),
        ("endings_spin", "out-of-fuel", "out-of-fuel: "),
        ("endings_grow", "memory-limit", "memory-limit: "),
        ("endings_big", "output-limit", "output-limit: "),
    ];
    for (name, outcome, text) in rows {
        for result in [
            ask(&site.client(), "tools/call", json!({"name": name, "arguments": {}})).await,
            ask_older(&site.client(), "tools/call", json!({"name": name, "arguments": {}})).await,
        ] {
            assert_eq!(result["isError"], true, "{result}");
            assert_eq!(result["_meta"]["io.ringfence/report"]["outcome"], outcome);
            assert!(result["content"][0]["text"].as_str().unwrap().starts_with(text), "{result}");
            assert_eq!(result.get("structuredContent"), None);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_that_an_agent_can_fix_are_results_and_others_are_protocol_errors() {
    let site = with_all().config("[quota]\ncalls-per-minute = 1").start().await;
    let wrong = json!({"name": "endings_number", "arguments": {"n": "x"}});
    let result = ask(&site.client(), "tools/call", wrong).await;
    assert_eq!(result["isError"], true);
    assert_eq!(
        result["_meta"]["io.ringfence/error"],
        json!({"code": "input-mismatch", "pointer": "/n", "retryAfterMs": null})
    );
    let over = ask(&site.client(), "tools/call", json!({"name": "endings_nothing"})).await;
    assert_eq!(over["_meta"]["io.ringfence/error"]["code"], "too-many-calls");
    assert!(
        over["_meta"]["io.ringfence/error"]["retryAfterMs"].as_u64().is_some_and(|wait| wait > 0),
        "{over}"
    );
    for name in ["gone_tool", "endings_gone", "endings", "_", "", "..", "endings_number_x"] {
        let answer = site.client().send(message("tools/call", json!({"name": name}))).await;
        let error = messages(&answer).pop().unwrap();
        assert_eq!(error["error"]["code"], -32602, "{name}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_and_cursors() {
    let site = with_all().config("[mcp]\npage = 3").start().await;
    let (mut seen, mut cursor, mut pages) = (Vec::new(), None::<String>, 0);
    loop {
        let params = cursor.as_ref().map_or(json!({}), |cursor| json!({"cursor": cursor}));
        let list = ask(&site.client(), "tools/list", params).await;
        seen.extend(names(&list).into_iter().map(str::to_owned));
        pages += 1;
        match list["nextCursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
    }
    assert_eq!((pages, seen.len()), (4, 10));
    let mut once = seen.clone();
    once.dedup();
    assert_eq!(once, seen);
    for cursor in ["", "x", "/", "a/b", "echo/99999999999999999999999"] {
        let answer = site.client().send(message("tools/list", json!({"cursor": cursor}))).await;
        assert_eq!(messages(&answer).pop().unwrap()["error"]["code"], -32602, "{cursor}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_is_sent_before_the_result() {
    let site = with_all().start().await;
    let params = json!({"name": "talks_talk", "arguments": {"times": 3}, "_meta": {"progressToken": "p"}});
    let answer = site.client().send(message("tools/call", params)).await;
    let all = messages(&answer);
    let progress: Vec<&Value> = all
        .iter()
        .filter(|message| message["method"] == "notifications/progress")
        .map(|message| &message["params"])
        .collect();
    assert_eq!(progress.len(), 3, "{all:?}");
    assert_eq!(progress[0]["progressToken"], "p");
    assert_eq!(
        (&progress[2]["progress"], &progress[2]["total"], &progress[2]["message"]),
        (&json!(3.0), &json!(3.0), &json!("piece"))
    );
    assert_eq!(all.last().unwrap()["result"]["isError"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_disconnects_stops_its_run() {
    let config = "[limits]\ndeadline = \"1h\"\nfuel = 100_000_000_000";
    let site = plan().config(config).skill("endings", ENDINGS).skill("talks", TALKS).start().await;
    for params in [
        json!({"name": "endings_spin"}),
        json!({"name": "talks_talk-on"}),
        json!({"name": "talks_talk-on", "_meta": {"progressToken": 1}}),
    ] {
        for request in [message("tools/call", params.clone()), older("tools/call", params.clone())] {
            let stream = site.client().begin(&request).await;
            until(|| site.library.host().runs() == 1).await;
            drop(stream);
            until(|| site.library.host().runs() == 0).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_progress_holds_no_slot() {
    // More than sockets hold, and nobody takes it: the run ends all the same.
    let config = "[limits]\noutput = \"60MiB\"\nhost-calls = 1_000_000_000\nfuel = 50_000_000";
    let site = plan().config(config).skill("talks", TALKS).start().await;
    let params =
        json!({"name": "talks_talk", "arguments": {"times": 1_000_000}, "_meta": {"progressToken": 1}});
    let stream = site.client().begin(&message("tools/call", params)).await;
    until(|| site.library.host().runs() == 1).await;
    until(|| site.library.host().runs() == 0).await;
    drop(stream);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_cancelled_by_shutdown_is_reported() {
    let config = "[listen]\nshutdown-timeout = \"50ms\"\n[limits]\ndeadline = \"1h\"\nfuel = 200_000_000_000";
    let mut site = plan().config(config).skill("endings", ENDINGS).start().await;
    let mut running = site.client().begin(&message("tools/call", json!({"name": "endings_spin"}))).await;
    until(|| site.library.host().runs() == 1).await;
    assert!(!site.stop().await, "it was cut short");
    let answer = ringfence_server_tests::client::read(&mut running).await.expect("an answer");
    let result = messages(&answer).pop().unwrap();
    assert_eq!(result["result"]["_meta"]["io.ringfence/report"]["outcome"], "cancelled", "{result}");
}

/// The next message of an event stream.
async fn next(reader: &mut Reader<'_, impl AsyncRead + Unpin>) -> Value {
    loop {
        let chunk = String::from_utf8(reader.chunk().await.expect("a message")).unwrap();
        if let Some((_, data)) = events(&chunk).into_iter().find(|(_, data)| !data.is_null()) {
            return data;
        }
    }
}

fn listen() -> Request {
    message("subscriptions/listen", json!({"notifications": {"toolsListChanged": true}}))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_gets_every_change_and_the_end() {
    let mut site = with_all().start().await;
    let mut stream = site.client().begin(&listen()).await;
    let mut reader = Reader::new(&mut stream);
    assert_eq!(reader.head().await.map(|(status, _)| status), Some(200));
    assert_eq!(next(&mut reader).await["method"], "notifications/subscriptions/acknowledged");
    let put = Request::put("/v1/skills/new").body(&component(ECHO)).header("prefer", "wait=60");
    assert_eq!(site.client().send(put).await.status, 201);
    assert_eq!(next(&mut reader).await["method"], "notifications/tools/list_changed");
    let list = ask(&site.client(), "tools/list", json!({})).await;
    assert!(names(&list).contains(&"new_echo"));
    assert_eq!(site.client().send(Request::delete("/v1/skills/new")).await.status, 200);
    site.tell_to_stop();
    // Changes of the removal may come before the end, and then the result.
    loop {
        let message = next(&mut reader).await;
        if message.get("result").is_some() {
            break;
        }
        assert_eq!(message["method"], "notifications/tools/list_changed");
    }
    assert!(site.stop().await, "all ended by itself");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_gets_no_notice_of_skills_it_cannot_see() {
    let mut site = with_all().tokens().start().await;
    let token = site.token("bob", &[Scope::Call], &["echo"]);
    site.server.settle().await;
    let mut stream = site.client_with(Some(&token)).begin(&listen()).await;
    let mut reader = Reader::new(&mut stream);
    assert_eq!(reader.head().await.map(|(status, _)| status), Some(200));
    assert_eq!(next(&mut reader).await["method"], "notifications/subscriptions/acknowledged");
    let put = Request::put("/v1/skills/new").body(&component(ECHO)).header("prefer", "wait=60");
    assert_eq!(site.client().send(put).await.status, 201);
    site.tell_to_stop();
    let message = next(&mut reader).await;
    assert!(message.get("result").is_some(), "{message}");
    assert!(site.stop().await, "all ended by itself");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_ends_when_its_token_is_revoked() {
    let site = with_all().tokens().start().await;
    let token = site.token("bob", &[Scope::Call], &["*"]);
    site.server.settle().await;
    let mut stream = site.client_with(Some(&token)).begin(&listen()).await;
    let mut reader = Reader::new(&mut stream);
    assert_eq!(reader.head().await.map(|(status, _)| status), Some(200));
    assert_eq!(next(&mut reader).await["method"], "notifications/subscriptions/acknowledged");
    let id = token.split('_').nth(1).unwrap();
    site.store().revoke_token(id).unwrap();
    let message = next(&mut reader).await;
    assert!(message.get("result").is_some(), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn annotations_are_shown_when_the_operator_accepted_them() {
    let metadata = json!({
        "description": "Says it again.",
        "tools": {"echo": {
            "description": "The same text.",
            "parameters": {"text": "What to say."},
            "annotations": {"title": "Echo", "read-only": true, "destructive": false},
        }},
    });
    let bytes = documented(ECHO, &metadata);
    let digest = ringfence::Digest::of(&bytes);
    let rows = [
        (String::new(), false),
        ("\"other\"".to_owned(), false),
        ("\"echo@2\"".to_owned(), false),
        ("\"echo\"".to_owned(), true),
        ("\"echo@1\"".to_owned(), true),
        (format!("\"{digest}\""), true),
    ];
    for (accepted, shown) in rows {
        let config = format!("[mcp]\naccept-annotations = [{accepted}]");
        let site = plan().config(&config).bytes("echo", bytes.clone()).start().await;
        let list = ask(&site.client(), "tools/list", json!({})).await;
        let tool = tool(&list, "echo_echo");
        let expected = json!({"title": "Echo", "readOnlyHint": true, "destructiveHint": false});
        assert_eq!(tool.get("annotations"), shown.then_some(&expected), "{accepted}");
        assert_eq!(tool["description"], "The same text.");
        assert_eq!(tool["inputSchema"]["properties"]["text"]["description"], "What to say.");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_violate_the_transport_are_refused() {
    let site = with_all().start().await;
    let list = || message("tools/list", json!({}));
    // Header and body must say the same.
    let lies = list().header("mcp-method", "tools/call");
    assert_eq!(site.client().send(lies).await.status, 400);
    let call = message("tools/call", json!({"name": "endings_nothing"})).header("mcp-name", "echo_echo");
    assert_eq!(site.client().send(call).await.status, 400);
    assert_eq!(
        site.client().send(Request::get("/mcp").header("accept", "text/event-stream")).await.status,
        405
    );
    assert_eq!(site.client().send(Request::delete("/mcp")).await.status, 405);
    let rows =
        [("", -32700), ("{", -32700), ("\u{0}", -32700), ("[]", -32600), ("null", -32600), ("{}", -32600)];
    for (body, code) in rows {
        let request =
            Request::post("/mcp").header("accept", "application/json, text/event-stream").json(body);
        let answer = site.client().send(request).await;
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (400, &json!(code)), "{body}");
    }
}

/// What no list shows is no tool, also where it could be called over HTTP.
#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_not_a_tool() {
    let site = plan().skill("echo", ECHO).start().await;
    let version = Request::post("/v1/skills/echo@1/tools/echo").json(r#"{"text": "hi"}"#);
    assert_eq!(site.client().send(version).await.status, 200);
    for name in ["echo@1_echo", "echo@2_echo", "echo@_echo", "@_echo", "none@1_echo"] {
        let params = json!({"name": name, "arguments": {"text": "hi"}});
        let answer = site.client().send(message("tools/call", params)).await;
        let error = messages(&answer).pop().unwrap()["error"].clone();
        assert_eq!(
            (&error["code"], &error["data"]["code"]),
            (&json!(-32602), &json!("no-such-tool")),
            "{name}"
        );
    }
}
