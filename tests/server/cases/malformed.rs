//! Messages for MCP that are wrong in some way: each is answered with its id and with what is wrong, costs about what its
//! bytes cost, and is counted.

use ringfence_server_tests::guests::{ECHO, ENDINGS, TALKS};
use ringfence_server_tests::mcp::{ask, message, messages, older};
use ringfence_server_tests::{Answer, Request, Site};
use ringfence_store::Scope;
use serde_json::{Value, json};

use super::plan;

async fn site() -> Site {
    plan().skill("echo", ECHO).skill("endings", ENDINGS).skill("talks", TALKS).start().await
}

fn post(body: &str) -> Request {
    Request::post("/mcp")
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", "2025-06-18")
        .json(body)
}

fn error(answer: &Answer) -> (i64, String, Value) {
    let message = answer.json();
    let error = &message["error"];
    let text = error["message"].as_str().unwrap_or_else(|| panic!("{message}")).to_owned();
    (error["code"].as_i64().unwrap(), text, message["id"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_to_a_malformed_call_names_the_error() {
    let site = site().await;
    let rows = [
        (json!({"arguments": {}}), "missing `name`; send the name of a tool from `tools/list`"),
        (json!({"name": 5}), "`name` is a number; expected a string"),
        (json!({"name": null}), "`name` is null; expected a string"),
        (json!({"name": ["echo_echo"]}), "`name` is an array; expected a string"),
        (
            json!({"name": "echo_echo", "arguments": "{\"text\":\"hi\"}"}),
            "`arguments` is a string; expected an object; send the arguments as JSON, not as a text that holds JSON",
        ),
        (
            json!({"name": "endings_nothing", "arguments": []}),
            "`arguments` is an array; expected an object with one member per parameter",
        ),
        (
            json!({"name": "endings_nothing", "arguments": 1}),
            "`arguments` is a number; expected an object with one member per parameter",
        ),
        (
            json!({"name": "endings_nothing", "arguments": true}),
            "`arguments` is a boolean; expected an object with one member per parameter",
        ),
        (json!([]), "`params` is an array; expected an object"),
        (json!("echo_echo"), "`params` is a string; expected an object"),
        (json!({"name": "echo_echo", "_meta": []}), "`params._meta` is an array; expected an object"),
        (json!(null), "missing `name`; send the name of a tool from `tools/list`"),
        (json!({"name": "gone_tool"}), "no tool `gone_tool`; `tools/list` lists the tools"),
        (json!({"name": "echo@1_echo"}), "no tool `echo@1_echo`; `tools/list` lists the tools"),
    ];
    for (params, text) in rows {
        let body = json!({"jsonrpc": "2.0", "id": "seven", "method": "tools/call", "params": params});
        let answer = site.client().send(post(&body.to_string())).await;
        assert_eq!(answer.status, 200, "{params}");
        assert_eq!(error(&answer), (-32602, text.to_owned(), json!("seven")), "{params}");
        // What the model's program takes for a message is one in the newest revision as well.
        if params.as_object().is_some_and(|params| !params.contains_key("_meta")) {
            let mut request = message("tools/call", params.clone());
            if params["name"].as_str().is_none() {
                request = request.header("x-none", "");
            }
            let last = messages(&site.client().send(request).await).pop().unwrap();
            assert_eq!((&last["error"]["code"], &last["error"]["message"]), (&json!(-32602), &json!(text)));
        }
    }
    // Nothing as arguments is none of them.
    for params in [json!({"name": "endings_nothing"}), json!({"name": "endings_nothing", "arguments": null})]
    {
        assert_eq!(ask(&site.client(), "tools/call", params).await["isError"], false);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicate_members_are_refused() {
    let site = site().await;
    let rows = [
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","name":"b"}}"#,
            -32602,
            json!(1),
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"endings_nothing","arguments":{},"arguments":{}}}"#,
            -32602,
            json!(1),
        ),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/list"}"#, -32600, json!(1)),
        (r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#, -32600, json!(2)),
    ];
    for (body, code, id) in rows {
        let (seen, _, of) = error(&site.client().send(post(body)).await);
        assert_eq!((seen, of), (code, id), "{body}");
    }
    // Members of the arguments are the tool's: the library says where.
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"endings_number","arguments":{"n":1,"n":2}}}"#;
    let answer = site.client().send(post(body)).await.json();
    assert_eq!(answer["result"]["_meta"]["io.ringfence/error"]["code"], "input-mismatch", "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_arrive_with_every_digit() {
    let site = site().await;
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"endings_number","arguments":{"n":4294967295.0}}}"#;
    let answer = site.client().send(post(body)).await.json();
    assert_eq!(answer["result"]["structuredContent"], json!({"result": 4_294_967_295_u32}), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_cursor_is_a_wrong_parameter() {
    let site = site().await;
    for method in ["tools/list", "resources/list", "skills/list"] {
        for cursor in [json!("x"), json!("echo/-1"), json!("a/b/c"), json!(7), json!({}), json!(true)] {
            let params = json!({"cursor": cursor});
            let answer = site.client().send(older(method, params.clone())).await;
            assert_eq!(
                (answer.status, error(&answer).0),
                (200, -32602),
                "{method} {params}: {}",
                answer.text()
            );
        }
        let whole =
            messages(&site.client().send(older(method, json!({"cursor": null}))).await).pop().unwrap();
        assert!(whole["result"].is_object(), "{method}: {whole}");
    }
}

/// A cursor says nothing about skills that a token does not see: they are as wrong as those that do not exist.
#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_of_an_unseen_skill_is_a_wrong_one() {
    let site = plan().tokens().skill("echo", ECHO).skill("hidden", ECHO).start().await;
    let token = site.token("bob", &[Scope::Call], &["echo", "z-*"]);
    site.server.settle().await;
    let client = site.client_with(Some(&token));
    for method in ["tools/list", "resources/list", "skills/list"] {
        let of = async |name: &str| {
            let params = json!({"cursor": format!("{name}/0")});
            let old = client.send(older(method, params.clone())).await.json();
            let new = messages(&client.send(message(method, params)).await).pop().unwrap();
            assert_eq!(old["error"], new["error"], "{method}");
            old["error"].clone()
        };
        let hidden = of("hidden").await;
        assert_eq!(hidden["code"], -32602, "{method}: {hidden}");
        for none in ["absent", "z-absent", "hidden@1"] {
            assert_eq!(of(none).await, hidden, "{method}");
        }
        assert_eq!(of("echo").await, Value::Null, "{method}");
    }
    let page = async |cursor: &str| {
        let answer = client.send(Request::get(&format!("/v1/skills?cursor={cursor}"))).await;
        (answer.status, answer.json()["detail"].clone())
    };
    let hidden = page("hidden").await;
    assert_eq!(hidden.0, 400);
    assert_eq!(hidden, page("absent").await);
    assert_eq!(hidden, page("A").await);
    assert_eq!(page("echo").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_that_do_not_fit_their_method() {
    let site = site().await;
    let rows = [
        ("resources/read", json!({}), "`uri` is missing; expected a string"),
        ("resources/read", json!({"uri": 5}), "`uri` is a number; expected a string"),
        ("skills/get", json!({"uri": null}), "`uri` is null; expected a string"),
        ("initialize", json!({}), "`protocolVersion` is missing; expected a string such as \"2025-11-25\""),
        (
            "initialize",
            json!({"protocolVersion": 1}),
            "`protocolVersion` is a number; expected a string such as \"2025-11-25\"",
        ),
    ];
    for (method, params, text) in rows {
        let answer = site.client().send(older(method, params)).await;
        assert_eq!(error(&answer), (-32602, text.to_owned(), json!(1)), "{method}");
    }
    let answer = site.client().send(message("subscriptions/listen", json!({"notifications": []}))).await;
    assert_eq!(error(&answer).1, "`notifications` is an array; expected an object");
    for method in ["prompts/list", "completion/complete", "tasks/get", "x", "subscriptions/listen"] {
        let answer = site.client().send(older(method, json!({}))).await;
        assert_eq!((answer.status, error(&answer).0), (200, -32601), "{method}");
    }
    let answer = site.client().send(message("ping", json!({}))).await;
    assert_eq!((answer.status, error(&answer).0), (404, -32601), "the newest revision has none");
    let hello = json!({"protocolVersion": "2026-07-28", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    let answer = site.client().send(message("initialize", hello)).await;
    assert_eq!((answer.status, error(&answer).0), (404, -32601), "nor a handshake");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_must_follow_their_protocol_revision() {
    let site = site().await;
    // The newest needs its members in each request.
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}).to_string();
    let bare = Request::post("/mcp")
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "tools/list")
        .json(&body);
    let answer = site.client().send(bare).await;
    assert_eq!((answer.status, error(&answer).0), (400, -32602));
    assert!(answer.text().contains("io.modelcontextprotocol/clientCapabilities"), "{}", answer.text());
    let list = || message("tools/list", json!({}));
    let without = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}}});
    let rows = [
        (list().header("mcp-method", "tools/list"), -32020),
        (list().header("mcp-protocol-version", "2025-06-18"), -32020),
        (Request::post("/mcp").json(&without.to_string()), -32020),
        (
            Request::post("/mcp").header("mcp-protocol-version", "2026-07-28").json(&without.to_string()),
            -32020,
        ),
    ];
    for (at, (request, code)) in rows.into_iter().enumerate() {
        let answer = site.client().send(request).await;
        // Two values of one header: the transport reads the first of the version.
        if at == 1 {
            assert_eq!(answer.status, 200);
            continue;
        }
        assert_eq!((answer.status, error(&answer).0), (400, code), "row {at}: {}", answer.text());
    }
    let unknown = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": {
        "io.modelcontextprotocol/protocolVersion": "2031-01-01", "io.modelcontextprotocol/clientCapabilities": {}}}});
    let request = Request::post("/mcp")
        .header("mcp-protocol-version", "2031-01-01")
        .header("mcp-method", "tools/list")
        .json(&unknown.to_string());
    let answer = site.client().send(request).await;
    assert_eq!((answer.status, error(&answer).0), (400, -32022));
    assert_eq!(answer.json()["error"]["data"]["requested"], "2031-01-01");
    // The handshake agrees on the newest revision that has one.
    for (asked, agreed) in [
        ("2024-11-05", "2024-11-05"),
        ("2025-11-25", "2025-11-25"),
        ("2026-07-28", "2025-11-25"),
        ("x", "2025-11-25"),
    ] {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params":
            {"protocolVersion": asked, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}});
        let answer = site.client().send(Request::post("/mcp").json(&body.to_string())).await.json();
        assert_eq!(answer["result"]["protocolVersion"], agreed, "{answer}");
        // Nothing is told on a connection that does not last.
        assert_eq!(answer["result"]["capabilities"]["tools"], json!({}), "{answer}");
        assert_eq!(answer["result"]["capabilities"]["resources"], json!({}), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn notifications_and_answers() {
    let site = site().await;
    let told = json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string();
    let answer = site.client().send(post(&told)).await;
    assert_eq!((answer.status, answer.body.len()), (202, 0));
    let reply = json!({"jsonrpc": "2.0", "id": 1, "result": {}}).to_string();
    let answer = site.client().send(post(&reply)).await;
    assert_eq!((answer.status, error(&answer).0), (400, -32600));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_other_than_a_call_has_a_size_limit() {
    let site = site().await;
    let padded = |size: usize| {
        let body =
            json!({"jsonrpc": "2.0", "id": 1, "method": "resources/list", "params": {"x": ""}}).to_string();
        body.replace("\"x\":\"\"", &format!("\"x\":\"{}\"", "y".repeat(size - body.len())))
    };
    let answer = site.client().send(post(&padded(16 << 10))).await;
    assert!(answer.json()["result"].is_object(), "{}", answer.text());
    let answer = site.client().send(post(&padded((16 << 10) + 1))).await;
    assert_eq!(
        error(&answer).1,
        "the message is too large: 16385 bytes; the limit for `resources/list` is 16384"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_message_is_counted() {
    let site = plan().config("[quota]\nrequests-per-minute = 6").skill("echo", ECHO).start().await;
    let gone = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "gone_tool"}})
        .to_string();
    for body in [gone.as_str(), "{", "[]", &gone, "{}", &gone] {
        assert_ne!(site.client().send(post(body)).await.status, 429, "{body}");
    }
    for body in [gone.as_str(), "{"] {
        let answer = site.client().send(post(body)).await;
        assert_eq!((answer.status, answer.problem().as_str()), (429, "too-many-requests"), "{body}");
        assert!(answer.header("retry-after").is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_lower_limits_over_mcp_too() {
    let site = plan().config("[limits]\nfuel = 1_000_000").skill("endings", ENDINGS).start().await;
    let call = |limits: &str| {
        message("tools/call", json!({"name": "endings_spin"})).header("ringfence-limits", limits)
    };
    let answer = messages(&site.client().send(call("fuel=1000, deadline=1s")).await).pop().unwrap();
    let text = answer["result"]["content"][0]["text"].as_str().unwrap();
    assert_eq!(text, "out-of-fuel: fuel limit reached (1,000 units, used 1,000); try a smaller request");
    for (limits, code) in [
        ("fuel=1000001", "limit-raised"),
        ("fuel=0", "bad-limit"),
        ("threads=1", "bad-limit"),
        ("fuel", "bad-limit"),
    ] {
        let answer = site.client().send(call(limits)).await;
        assert_eq!(answer.status, 400, "{limits}: {}", answer.text());
        assert_eq!(answer.json()["error"]["code"], -32602);
        assert_eq!(answer.json()["error"]["data"]["code"], code, "{limits}");
    }
}
