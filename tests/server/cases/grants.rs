//! Grants of the configuration: bound to skill and caller, kept by a run, changed by a reload, seen in the report.

use ringfence_sandbox_tests::relay;
use ringfence_sandbox_tests::scratch::{self, Op};
use ringfence_server::Source;
use ringfence_server_tests::guests::ECHO;
use ringfence_server_tests::log::{begin, records};
use ringfence_server_tests::mcp::ask;
use ringfence_server_tests::{Client, Request, Site, mcp};
use ringfence_store::Scope;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::plan;

async fn call(client: &Client, skill: &str, tool: &str, input: Value) -> Value {
    let path = format!("/v1/skills/{skill}/tools/{tool}");
    let answer = client.send(Request::post(&path).json(&input.to_string())).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

async fn client(site: &Site, owner: &str) -> Client {
    let token = site.token(owner, &[Scope::Call], &["*"]);
    site.server.settle().await;
    site.client_with(Some(&token))
}

async fn configure(site: &Site, toml: &str) -> Result<(), ringfence_server::ConfigError> {
    let file = site.dir.path().join("ringfence.toml");
    std::fs::write(&file, toml).expect("written");
    let source = Source { file, address: None, store: None };
    site.server.clone().with_source(source).reload().await
}

fn set(value: &str) -> Value {
    json!({"key": "k", "value": value, "expected": "any"})
}

const OWN_SPACES: &str = "[[grant]]\nskill = \"alice/kv\"\nkv = { space = \"principal\" }\n";

#[tokio::test(flavor = "multi_thread")]
async fn each_principal_has_keys_of_its_own_if_the_grant_says_so() {
    let site = plan().config(OWN_SPACES).tokens().bytes("kv", relay::kv()).start().await;
    let (carol, dave) = (client(&site, "carol").await, client(&site, "dave").await);
    assert_eq!(call(&carol, "kv", "set", set("AQ==")).await["value"], json!(1));
    assert_eq!(call(&dave, "kv", "get", json!({"key": "k"})).await["value"], json!(null));
    assert_eq!(call(&carol, "kv", "get", json!({"key": "k"})).await["value"]["value"], json!("AQ=="));
    let metrics = site.client().send(Request::get("/metrics")).await.text();
    let calls = "skill_capability_calls_total{skill=\"kv\",capability=\"kv\"} 3";
    assert!(metrics.contains(calls), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_covers_only_its_skill_and_its_callers() {
    let grant = "[[grant]]\nskill = \"alice/kv\"\nprincipals = [\"carol\"]\nkv = {}\n";
    let plan = plan().config(grant).tokens();
    let site = plan.bytes("kv", relay::kv()).bytes("other", relay::kv()).start().await;
    let (carol, dave) = (client(&site, "carol").await, client(&site, "dave").await);
    assert_eq!(call(&carol, "kv", "set", set("AQ==")).await["value"], json!(1));
    for (client, skill) in [(&dave, "kv"), (&carol, "other")] {
        let report = call(client, skill, "set", set("AQ==")).await;
        assert_eq!(report["failure"], json!("denied"), "{report}");
        assert_eq!(report["denied"], json!([{"capability": "kv", "wanted": "", "kind": "no-grant"}]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_changes_grants_and_keeps_stored_values() {
    let site = plan().config(OWN_SPACES).tokens().bytes("kv", relay::kv()).start().await;
    let carol = client(&site, "carol").await;
    assert_eq!(call(&carol, "kv", "set", set("AQ==")).await["value"], json!(1));
    configure(&site, "").await.expect("it is taken");
    assert_eq!(call(&carol, "kv", "get", json!({"key": "k"})).await["failure"], json!("denied"));
    configure(&site, OWN_SPACES).await.expect("it is taken");
    assert_eq!(call(&carol, "kv", "get", json!({"key": "k"})).await["value"]["revision"], json!(1));
    // A grant that names a secret without a source is refused, and the earlier grants stay.
    let bad = "[[grant]]\nskill = \"alice/kv\"\nallow = \"http GET https://a.test/ secret=token\"\n";
    let error = configure(&site, bad).await.expect_err("the secret has no source");
    assert!(error.to_string().contains("`token`"), "{error}");
    assert_eq!(call(&carol, "kv", "get", json!({"key": "k"})).await["value"]["revision"], json!(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_granted_request_carries_its_secret_and_nothing_shows_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut request = vec![0; 4096];
        let read = stream.read(&mut request).await.expect("a request");
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {read}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.expect("it is read");
        stream.write_all(&request[..read]).await.expect("it is read");
        String::from_utf8_lossy(&request[..read]).to_lowercase()
    });
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("token");
    std::fs::write(&file, "canary-0123456789").expect("written");
    let config = format!(
        "[[grant]]\nskill = \"alice/http\"\nallow = \"http GET http://127.0.0.1:{port}/ private=127.0.0.0/8 \
         secret=token\"\n[secret]\ntoken = {{ file = {:?} }}\n",
        file.display().to_string()
    );
    let site = plan().config(&config).tokens().bytes("http", relay::http()).start().await;
    let request = json!({
        "method": "GET", "url": format!("http://127.0.0.1:{port}/x"), "headers": [], "redirects": "manual"
    });
    let report = call(&site.client(), "http", "fetch", json!({"request": request})).await;
    assert_eq!(report["value"]["head"]["status"], json!(200), "{report}");
    assert_eq!(report["usage"]["capabilities"]["http"]["calls"], json!(1));
    let seen = served.await.expect("the server ends");
    assert!(seen.contains("authorization: bearer canary-0123456789"), "{seen}");
    assert!(!report.to_string().contains("canary-0123456789"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_whose_credentials_are_no_secret_is_refused() {
    let site = plan().config(OWN_SPACES).tokens().bytes("kv", relay::kv()).start().await;
    let grant = "[[grant]]\nskill = \"alice/kv\"\nallow = \"http GET https://a.test/\"\n";
    let file = site.dir.path().join("login.txt");
    std::fs::write(&file, "no-pair-at-all").expect("written");
    for (egress, reason) in [
        ("proxy-secret = \"login\"", "set `egress.proxy`"),
        ("proxy = \"http://proxy.test:1\"\nproxy-secret = \"missing\"", "the secret `missing` has no source"),
        ("proxy = \"http://proxy.test:1\"\nproxy-secret = \"login\"", "login"),
    ] {
        let toml = format!("{grant}[egress]\n{egress}\n[secret]\nlogin = {{ file = \"login.txt\" }}\n");
        let error = configure(&site, &toml).await.expect_err(reason).to_string();
        assert!(error.contains("egress.proxy-secret") && error.contains(reason), "{error}");
        assert!(!error.contains("no-pair"), "{error}");
    }
}

const FILES: &str = "[[grant]]\nskill = \"alice/files\"\nscratch = { bytes = \"1MiB\" }\n";

/// Reads the file of the caller, and writes another.
fn copies() -> Value {
    scratch::input(&[
        Op::OpenRead("in/data"),
        Op::Read("12345678", 0),
        Op::Open("tmp/o t", 1),
        Op::Write("result", 0),
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn files_go_into_a_call_over_http_and_come_back_in_its_report() {
    let site = plan().config(FILES).tokens().bytes("files", scratch::guest()).start().await;
    let carol = client(&site, "carol").await;
    let media = "application/vnd.ringfence.call+json";
    let send = async |body: Value| {
        let request = Request::post("/v1/skills/files/tools/run").header("content-type", media);
        carol.send(request.body(body.to_string().as_bytes())).await
    };
    let files = json!([{"path": "in/data", "base64": "Zml2ZSE="}]);
    let answer = send(json!({"input": copies(), "files": files, "return_files": ["tmp/"]})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let report = answer.json();
    assert_eq!(report["value"], json!([0, 5, 0, 0]), "{report}");
    assert_eq!(report["files"], json!([{"path": "tmp/o t", "size": 6, "base64": "cmVzdWx0"}]));
    let answer =
        send(json!({"input": copies(), "files": files, "return_files": ["tmp"], "return_bytes": 5})).await;
    assert_eq!(answer.json()["files"], json!([{"path": "tmp/o t", "size": 6}]));

    for wrong in [
        json!({"input": copies(), "files": [{"path": "../x", "base64": ""}]}),
        json!({"files": files, "x": 1}),
    ] {
        let answer = send(wrong).await;
        assert!((400..500).contains(&answer.status), "{answer:?}");
    }
    // Without a grant a call with files is refused.
    configure(&site, "").await.expect("it is taken");
    let answer = send(json!({"input": copies(), "files": files})).await;
    assert_eq!(answer.json()["code"], json!("invalid-file"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_go_into_a_call_over_mcp_and_come_back_as_resources() {
    let site = plan().config(FILES).tokens().bytes("files", scratch::guest()).start().await;
    let carol = client(&site, "carol").await;
    let files = json!([{"path": "in/data", "base64": "Zml2ZSE="}]);
    let call = async |files: Value| {
        let params =
            json!({"name": "files_run", "arguments": copies(), "_meta": {"io.ringfence/files": files}});
        mcp::ask(&carol, "tools/call", params).await
    };
    let result = call(json!({"files": files, "return_files": ["/tmp"]})).await;
    assert_eq!(result["structuredContent"], json!([0, 5, 0, 0]), "{result}");
    assert_eq!(
        result["content"][1]["resource"],
        json!({
            "uri": "ringfence-file:///tmp/o%20t", "mimeType": "application/octet-stream", "blob": "cmVzdWx0"
        })
    );
    let result = call(json!({"files": files, "return_files": ["/tmp"], "return_bytes": 1})).await;
    let told = result["content"][1]["text"].as_str().expect("a text");
    assert!(told.contains("6 bytes"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_sees_the_kind_of_a_denial_and_the_log_has_the_reason() {
    begin();
    // A grant for the URL, and none for the range of its address.
    let grant = "[[grant]]\nskill = \"alice/http\"\nallow = \"http GET http://127.0.0.1:1/\"\n";
    let site = plan().config(grant).tokens().bytes("http", relay::http()).start().await;
    let carol = client(&site, "carol").await;
    let url = "http://127.0.0.1:1/x";
    let request = json!({"request": {"method": "GET", "url": url, "headers": [], "redirects": "manual"}});
    let report = call(&carol, "http", "fetch", request.clone()).await;
    assert_eq!(report["failure"], json!("denied"));
    let denied = json!([{"capability": "http", "wanted": format!("GET {url}"), "kind": "address"}]);
    assert_eq!(report["denied"], denied);
    let logged = records("ringfence::denied", "run", report["run"].as_str().expect("an id"));
    assert_eq!(logged.len(), 1, "{logged:?}");
    assert_eq!((&logged[0]["skill"], &logged[0]["kind"]), (&json!("http"), &json!("address")));
    let reason = logged[0]["reason"].as_str().expect("a reason");
    assert!(reason.contains("[[grant]] 1") && reason.contains("127.0.0.1"), "{reason}");
    let result = ask(&carol, "tools/call", json!({"name": "http_fetch", "arguments": request})).await;
    assert_eq!(result["_meta"]["io.ringfence/report"]["denied"], denied, "{result}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_skill_shows_each_caller_what_it_requests_what_is_granted_and_what_is_missing() {
    let grant = "[[grant]]\nskill = \"alice/kv\"\nprincipals = [\"carol\"]\nkv = {}\n";
    let site = plan().config(grant).tokens().bytes("kv", relay::kv()).skill("echo", ECHO).start().await;
    let (carol, dave) = (client(&site, "carol").await, client(&site, "dave").await);
    let given = json!({"requested": ["kv"], "granted": ["kv"], "missing": []});
    let missing = json!({"requested": ["kv"], "granted": [], "missing": ["kv"]});
    expect_grants(&carol, &given).await;
    expect_grants(&dave, &missing).await;
    let echo = carol.send(Request::get("/v1/skills/echo")).await.json();
    assert_eq!(echo.get("grants"), None, "{echo}");
    configure(&site, "").await.expect("it is taken");
    expect_grants(&carol, &missing).await;
}

async fn expect_grants(client: &Client, grants: &Value) {
    let shown = client.send(Request::get("/v1/skills/kv")).await.json();
    assert_eq!(&shown["grants"], grants, "{shown}");
    let list = ask(client, "tools/list", json!({})).await;
    let tools = list["tools"].as_array().expect("tools");
    for tool in tools {
        let meta = tool.get("_meta").and_then(|meta| meta.get("io.ringfence/grants"));
        let of_kv = tool["name"].as_str().is_some_and(|name| name.starts_with("kv_"));
        assert_eq!(meta, of_kv.then_some(grants), "{tool}");
    }
    assert!(tools.iter().any(|tool| tool["name"] == "kv_get"), "{list}");
}
