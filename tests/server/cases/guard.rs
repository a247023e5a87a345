//! `Host` and `Origin`: a page of somebody else reaches nothing.

use ringfence_server_tests::guests::ECHO;
use ringfence_server_tests::{Request, mcp};
use serde_json::json;

use super::plan;

fn requests() -> [Request; 4] {
    [
        Request::post("/v1/skills/echo/tools/echo").json(r#"{"text": "hi"}"#),
        Request::get("/v1/openapi.json"),
        Request::get("/v1/skills"),
        mcp::message("tools/list", json!({})),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn only_configured_hosts_are_accepted() {
    let config = "[listen]\nhosts = [\"localhost\", \"skills.example.com:443\", \"[::1]\"]";
    let site = plan().config(config).skill("echo", ECHO).start().await;
    let right = [
        "localhost",
        "LOCALHOST",
        "localhost:1",
        "localhost.",
        "skills.example.com:443",
        "[::1]:80",
        "[::1]",
    ];
    let wrong = [
        "evil.example",
        "localhost.evil.example",
        "evil.example:7420",
        "skills.example.com",
        "skills.example.com:80",
        "127.0.0.1",
        "",
        "localhost:99999",
        "localhost:",
        "a b",
        "localhost/",
        "localhost@evil.example",
        "[::1",
        "ö",
    ];
    for request in requests() {
        for host in right {
            let answer = site.client().send(request.clone().header("host", host)).await;
            assert_eq!(answer.status, 200, "{host}: {}", answer.text());
        }
        for host in wrong {
            let answer = site.client().send(request.clone().header("host", host)).await;
            assert!([400, 403].contains(&answer.status), "{host}: {}", answer.text());
            if answer.status == 403 {
                assert_eq!(answer.problem(), "host-not-allowed");
            }
        }
        let twice = request.clone().header("host", "localhost").header("host", "evil.example");
        assert_ne!(site.client().send(twice).await.status, 200);
    }
    let absolute = Request::get("http://evil.example/v1/skills").header("host", "localhost");
    assert_eq!(site.client().send(absolute).await.status, 403);
    let absolute = Request::get("http://localhost/v1/skills").header("host", "localhost");
    assert_eq!(site.client().send(absolute).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_hosts_are_accepted_if_configured() {
    let site = plan().tokens().config("[listen]\nhosts = [\"*\"]").start().await;
    assert_eq!(
        site.client().send(Request::get("/v1/skills").header("host", "any.example:1")).await.status,
        200
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_configured_origins_are_accepted() {
    let config = "[listen]\norigins = [\"https://app.example.com\", \"http://localhost:3000\"]";
    let site = plan().config(config).skill("echo", ECHO).start().await;
    let right = ["https://app.example.com", "https://APP.example.com:443", "http://localhost:3000"];
    let wrong = [
        "http://app.example.com",
        "https://app.example.com:444",
        "https://evil.example",
        "http://localhost:1",
        "null",
        "https://app.example.com.evil.example",
        "",
        "file://",
        "https://app.example.com, https://evil.example",
    ];
    for request in requests() {
        for origin in right {
            let answer = site.client().send(request.clone().header("origin", origin)).await;
            assert_eq!(answer.status, 200, "{origin}: {}", answer.text());
            assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
        }
        for origin in wrong {
            let answer = site.client().send(request.clone().header("origin", origin)).await;
            assert_eq!((answer.status, answer.problem().as_str()), (403, "origin-not-allowed"), "{origin}");
            assert_eq!(answer.header("access-control-allow-origin"), None);
        }
        let twice = request.clone().header("origin", right[0]).header("origin", wrong[2]);
        assert_eq!(site.client().send(twice).await.status, 403);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_origin_by_default_and_preflights() {
    let site = plan().skill("echo", ECHO).start().await;
    let own = site.address.to_string();
    for request in requests() {
        let from = |origin: &str| request.clone().header("host", &own).header("origin", origin);
        // Its own, and no other of this machine's.
        assert_eq!(site.client().send(from(&format!("http://{own}"))).await.status, 200);
        for origin in
            ["http://localhost", "http://127.0.0.1", "http://127.0.0.1:1", &format!("ftp://{own}"), "null"]
        {
            assert_eq!(site.client().send(from(origin)).await.status, 403, "{origin}");
        }
    }
    let site = plan().tokens().config("[listen]\norigins = [\"https://app.example.com\"]").start().await;
    let preflight = |origin: &str| {
        Request::new("OPTIONS", "/mcp")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
    };
    // A browser sends no token with it.
    let allowed = site.client_with(None).send(preflight("https://app.example.com")).await;
    assert_eq!(allowed.status, 204);
    assert_eq!(allowed.header("access-control-allow-origin"), Some("https://app.example.com"));
    assert!(
        allowed
            .header("access-control-allow-headers")
            .is_some_and(|headers| headers.contains("mcp-protocol-version"))
    );
    assert_eq!(site.client_with(None).send(preflight("https://evil.example")).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_cannot_be_injected() {
    let site = plan().skill("echo", ECHO).start().await;
    // What comes back in a header, or in a path, is not what was sent.
    for path in ["/v1/skills/echo%0d%0aset-cookie:%20a=b", "/v1/submissions/%0d%0aset-cookie:%20a=b"] {
        let answer = site.client().send(Request::get(path)).await;
        assert_eq!(answer.status, 404);
        assert_eq!(answer.header("set-cookie"), None);
        assert!(!answer.text().contains('\r'));
    }
}
