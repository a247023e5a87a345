//! Who may do what: tokens, scopes, what each sees, and whose a name is.

use ringfence_server_tests::guests::{ECHO, ENDINGS, component};
use ringfence_server_tests::{Request, mcp};
use ringfence_store::{IssuedToken, NewToken, Scope};
use serde_json::json;

use super::plan;

fn echo() -> Request {
    Request::post("/v1/skills/echo/tools/echo").json(r#"{"text": "hi"}"#)
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_valid_token_nothing_is_revealed() {
    let site = plan().tokens().skill("echo", ECHO).start().await;
    let valid = site.token.clone().unwrap();
    let (id, secret) = valid.rsplit_once('_').unwrap();
    let flipped: String = secret.chars().map(|c| if c == '0' { '1' } else { '0' }).collect();
    let wrong = [
        None,
        Some(String::new()),
        Some("rf_".to_owned()),
        Some(format!("{id}_")),
        Some(format!("{id}_{flipped}")),
        Some(format!("{valid}0")),
        Some(valid[..valid.len() - 1].to_owned()),
        Some(format!("rf_0000000000_{secret}")),
        Some("x".repeat(10_000)),
    ];
    for token in wrong {
        for request in [
            echo(),
            Request::get("/v1/skills"),
            Request::get("/v1/skills/echo"),
            Request::put("/v1/skills/new").body(&component(ECHO)),
            Request::delete("/v1/skills/echo"),
            Request::get("/metrics"),
            mcp::message("tools/list", json!({})),
            Request::get("/no-such-thing"),
        ] {
            let answer = site.client_with(token.as_deref()).send(request).await;
            assert_eq!((answer.status, answer.problem().as_str()), (401, "unauthorized"), "{token:?}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        }
    }
    let basic = echo().header("authorization", &format!("Basic {valid}"));
    assert_eq!(site.client().send(basic).await.status, 401);
    let twice =
        echo().header("authorization", &format!("Bearer {valid}")).header("authorization", "Bearer x");
    assert_eq!(site.client().send(twice).await.status, 401);
    assert_eq!(site.client().send(echo()).await.status, 200);
    for open in ["/healthz", "/readyz", "/v1/openapi.json"] {
        assert_eq!(site.client_with(None).send(Request::get(open)).await.status, 200, "{open}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_scope_allows_only_its_actions() {
    let site = plan().tokens().skill("echo", ECHO).start().await;
    let (call, submit, admin) = (
        site.token("alice", &[Scope::Call], &["*"]),
        site.token("alice", &[Scope::Submit], &["*"]),
        site.token("alice", &[Scope::Admin], &["*"]),
    );
    site.server.settle().await;
    let put = || Request::put("/v1/skills/new").body(&component(ECHO)).header("prefer", "wait=60");
    let rows = [
        (&call, echo(), 200),
        (&call, put(), 403),
        (&call, Request::delete("/v1/skills/echo"), 403),
        (&call, Request::post("/v1/skills/echo/rollback"), 403),
        (&call, Request::get("/metrics"), 403),
        (&submit, echo(), 403),
        (&submit, put(), 201),
        (&submit, Request::get("/metrics"), 403),
        (&admin, echo(), 403),
        (&admin, put(), 403),
        (&admin, Request::get("/metrics"), 200),
    ];
    for (token, request, status) in rows {
        let answer = site.client_with(Some(token)).send(request.clone()).await;
        assert_eq!(answer.status, status, "{request:?}: {}", answer.text());
        if status == 403 {
            assert_eq!(answer.problem(), "forbidden");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_skill_that_a_token_cannot_see_does_not_exist_for_it() {
    let site =
        plan().tokens().skill("echo", ECHO).skill("acme-one", ECHO).skill("acme-two", ENDINGS).start().await;
    let all = [Scope::Call, Scope::Submit];
    let (one, prefix, none) = (
        site.token("bob", &all, &["acme-one"]),
        site.token("bob", &all, &["acme-*"]),
        site.token("carol", &all, &[]),
    );
    site.server.settle().await;
    for (token, seen) in [(&one, &["acme-one"][..]), (&prefix, &["acme-one", "acme-two"]), (&none, &[])] {
        let client = site.client_with(Some(token));
        let list = client.send(Request::get("/v1/skills")).await.json();
        let names: Vec<&str> =
            list["skills"].as_array().unwrap().iter().map(|skill| skill["name"].as_str().unwrap()).collect();
        assert_eq!(names, seen);
        let tools = mcp::ask(&client, "tools/list", json!({})).await;
        let mut skills: Vec<&str> = tools["tools"]
            .as_array()
            .unwrap()
            .iter()
            .map(|tool| tool["name"].as_str().unwrap().split('_').next().unwrap())
            .collect();
        skills.dedup();
        assert_eq!(skills, seen);
        // As if it were not there, word for word.
        for request in [
            echo(),
            Request::get("/v1/skills/echo"),
            Request::delete("/v1/skills/echo"),
            Request::post("/v1/skills/echo/rollback"),
        ] {
            let answer = client.send(request).await;
            assert_eq!((answer.status, answer.problem().as_str()), (404, "no-such-skill"));
            assert_eq!(answer.json()["detail"], "no skill `echo`; list the skills that you can see");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_belongs_to_its_owner() {
    let site = plan().tokens().skill("echo", ECHO).start().await;
    let bob = site.token("bob", &[Scope::Call, Scope::Submit], &["*"]);
    let admin = site.token("root", &[Scope::Submit, Scope::Admin], &[]);
    site.server.settle().await;
    let bob = site.client_with(Some(&bob));
    let put = || {
        Request::put("/v1/skills/echo?breaking=true").body(&component(ENDINGS)).header("prefer", "wait=60")
    };
    for request in [put(), Request::delete("/v1/skills/echo"), Request::post("/v1/skills/echo/rollback")] {
        let answer = bob.send(request.clone()).await;
        assert_eq!((answer.status, answer.problem().as_str()), (403, "not-owner"), "{request:?}");
    }
    assert_eq!(bob.send(echo()).await.status, 200);
    assert_eq!(
        bob.send(Request::put("/v1/skills/bobs").body(&component(ENDINGS)).header("prefer", "wait=60"))
            .await
            .status,
        201
    );
    assert_eq!(bob.send(Request::delete("/v1/skills/bobs")).await.status, 200);
    assert_eq!(site.client_with(Some(&admin)).send(Request::delete("/v1/skills/echo")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_is_visible_to_its_submitter_only() {
    let site = plan().tokens().start().await;
    let bob = site.token("bob", &[Scope::Submit], &["*"]);
    site.server.settle().await;
    let answer =
        site.client_with(Some(&bob)).send(Request::put("/v1/skills/bobs").body(&component(ECHO))).await;
    assert_eq!(answer.status, 202);
    let location = answer.header("location").unwrap().to_owned();
    let carol = site.token("carol", &[Scope::Submit], &["*"]);
    site.server.settle().await;
    assert_eq!(
        site.client_with(Some(&carol)).send(Request::get(&location)).await.problem(),
        "no-such-submission"
    );
    assert_eq!(site.client_with(Some(&bob)).send(Request::get(&location)).await.status, 200);
    assert_eq!(site.client().send(Request::get(&location)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_and_expired_tokens_are_refused_by_a_running_server() {
    let site = plan().tokens().skill("echo", ECHO).start().await;
    let mut new = NewToken::new("bob".parse().unwrap());
    new.lifetime = Some(0);
    let expired = site.store().make_token(new).unwrap().text;
    let mut new = NewToken::new("bob".parse().unwrap());
    new.skills = vec!["*".parse().unwrap()];
    let IssuedToken { token, text, .. } = site.store().make_token(new).unwrap();
    site.server.settle().await;
    assert_eq!(site.client_with(Some(&expired)).send(echo()).await.status, 401);
    let bob = site.client_with(Some(&text));
    assert_eq!(bob.send(echo()).await.status, 200);
    site.store().revoke_token(&token.id).unwrap();
    site.server.settle().await;
    assert_eq!(bob.send(echo()).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_read_of_the_tokens_never_replaces_a_newer_one() {
    let site = plan().tokens().skill("echo", ECHO).start().await;
    let readers = async {
        loop {
            tokio::join!(site.server.settle(), site.server.settle(), site.server.settle());
        }
    };
    let changes = async {
        for _ in 0..40 {
            let mut new = NewToken::new("bob".parse().unwrap());
            new.skills = vec!["*".parse().unwrap()];
            let IssuedToken { token, text, .. } = site.store().make_token(new).unwrap();
            site.server.settle().await;
            let bob = site.client_with(Some(&text));
            assert_eq!(bob.send(echo()).await.status, 200);
            site.store().revoke_token(&token.id).unwrap();
            site.server.settle().await;
            assert_eq!(bob.send(echo()).await.status, 401);
        }
    };
    tokio::select! {
        () = readers => {}
        () = changes => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_token_closes_a_running_server_and_revoking_the_last_does_not_open_it() {
    let site = plan().skill("echo", ECHO).start().await;
    assert!(site.server.is_open());
    assert_eq!(site.client().send(echo()).await.status, 200);
    let mut new = NewToken::new("bob".parse().unwrap());
    new.skills = vec!["*".parse().unwrap()];
    let IssuedToken { token, text, .. } = site.store().make_token(new).unwrap();
    site.server.settle().await;
    assert_eq!(site.client().send(echo()).await.status, 401);
    assert_eq!(site.client_with(Some(&text)).send(echo()).await.status, 200);
    site.store().revoke_token(&token.id).unwrap();
    site.server.settle().await;
    assert!(!site.server.is_open());
    assert_eq!(site.client().send(echo()).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_token_file_is_missing_accepts_nobody() {
    let site = plan().tokens().skill("echo", ECHO).start().await;
    std::fs::remove_file(site.store().path().join("tokens.json")).unwrap();
    site.server.settle().await;
    assert!(!site.server.is_open());
    for client in [site.client(), site.client_with(None)] {
        assert_eq!(client.send(echo()).await.status, 401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_name_cannot_be_submitted_and_reveals_nothing() {
    let site = plan().tokens().skill("echo", ECHO).start().await;
    let bob = site.token("bob", &[Scope::Submit], &[]);
    site.server.settle().await;
    let put = Request::put("/v1/skills/echo").body(&component(ECHO)).header("prefer", "wait=60");
    let answer = site.client_with(Some(&bob)).send(put).await;
    assert_eq!((answer.status, answer.problem().as_str()), (403, "not-owner"));
    assert!(!answer.text().contains("alice"), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_the_server_listens_on_loopback_only() {
    let dir = tempfile::tempdir().unwrap();
    let (config, library) = plan().library(&dir).await;
    let mut open = config.clone();
    open.listen.address = "0.0.0.0:0".parse().unwrap();
    let server = ringfence_server::Server::new(library.clone(), open.clone()).await.unwrap();
    assert!(matches!(server.bind().await, Err(ringfence_server::ServerError::Open(_))));
    // Nor by a listener that was made otherwise.
    let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
    let served = server.serve(listener, std::future::pending()).await;
    assert!(matches!(served, Err(ringfence_server::ServerError::Open(_))));
    // A page that rebinds its name would come from this machine as well.
    let any = ringfence_server::Config::parse(
        "[listen]\naddress = \"127.0.0.1:0\"\nhosts = [\"*\"]",
        "a.toml".as_ref(),
    );
    let server = ringfence_server::Server::new(library.clone(), any.unwrap()).await.unwrap();
    assert!(matches!(server.bind().await, Err(ringfence_server::ServerError::AnyHost)));
    library.store().unwrap().make_token(NewToken::new("bob".parse().unwrap())).unwrap();
    let server = ringfence_server::Server::new(library, open).await.unwrap();
    assert!(server.bind().await.is_ok());
}

/// Whoever sees some names only learns of no other whether it is taken, and nothing of the body is read before.
#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_cannot_tell_whether_a_name_is_taken() {
    let site = plan().tokens().skill("echo", ECHO).skill("acme-one", ECHO).start().await;
    site.store().reserve("reserved-*", &"alice".parse().unwrap()).unwrap();
    let some = site.token("bob", &[Scope::Submit, Scope::Call], &["bobs-*"]);
    let all = site.token("carol", &[Scope::Submit, Scope::Call], &["*"]);
    site.server.settle().await;
    let put = |name: &str| {
        // A body that never comes.
        Request::put(&format!("/v1/skills/{name}")).header("content-length", "100000").body(b"")
    };
    let mut told = Vec::new();
    for name in ["echo", "acme-one", "acme-two", "nothing", "reserved-one"] {
        let answer = site.client_with(Some(&some)).send(put(name)).await;
        assert_eq!((answer.status, answer.problem().as_str()), (403, "not-owner"), "{name}");
        told.push(answer.text().replace(name, "NAME"));
    }
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
    for name in ["echo", "reserved-one", "reserved-two"] {
        let answer = site.client_with(Some(&all)).send(put(name)).await;
        assert_eq!((answer.status, answer.problem().as_str()), (403, "not-owner"), "{name}");
    }
    // What they may have they get.
    for (token, name) in [(&some, "bobs-one"), (&all, "free")] {
        let put =
            Request::put(&format!("/v1/skills/{name}")).body(&component(ECHO)).header("prefer", "wait=60");
        assert_eq!(site.client_with(Some(token)).send(put).await.status, 201, "{name}");
    }
    // And what is reserved for them, whatever they see.
    let own = site.token("dave", &[Scope::Submit], &[]);
    site.store().reserve("daves-*", &"dave".parse().unwrap()).unwrap();
    site.server.settle().await;
    let put = Request::put("/v1/skills/daves-one").body(&component(ECHO)).header("prefer", "wait=60");
    assert_eq!(site.client_with(Some(&own)).send(put).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pattern_can_be_restricted_to_owners() {
    let site = plan().tokens().skill("acme-one", ECHO).start().await;
    let mut new = NewToken::new("bob".parse().unwrap());
    new.skills = vec!["acme-*".parse().unwrap()];
    new.skills_of = ["alice".parse().unwrap()].into();
    let bob = site.store().make_token(new).unwrap().text;
    let mallory = site.token("mallory", &[Scope::Submit], &["*"]);
    site.server.settle().await;
    let put = Request::put("/v1/skills/acme-evil").body(&component(ECHO)).header("prefer", "wait=60");
    assert_eq!(site.client_with(Some(&mallory)).send(put).await.status, 201);
    let bob = site.client_with(Some(&bob));
    let list = bob.send(Request::get("/v1/skills")).await.json();
    assert_eq!(list["skills"].as_array().unwrap().len(), 1, "{list}");
    let call = |name: &str| Request::post(&format!("/v1/skills/{name}/tools/echo")).json(r#"{"text": "hi"}"#);
    assert_eq!(bob.send(call("acme-one")).await.status, 200);
    let answer = bob.send(call("acme-evil")).await;
    assert_eq!((answer.status, answer.problem().as_str()), (404, "no-such-skill"));
}

/// What nobody widened reaches its owner's skills alone, on every surface.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_sees_only_its_owners_skills_by_default() {
    let site = plan().tokens().skill("echo", ECHO).start().await;
    let mut new = NewToken::new("bob".parse().unwrap());
    new.scopes = [Scope::Call, Scope::Submit].into();
    new.any_name = true;
    let IssuedToken { token, text, .. } = site.store().make_token(new).unwrap();
    assert!(token.skills.is_empty());
    site.server.settle().await;
    let bob = site.client_with(Some(&text));
    let put = Request::put("/v1/skills/bobs").body(&component(ECHO)).header("prefer", "wait=60");
    assert_eq!(bob.send(put).await.status, 201);
    let list = bob.send(Request::get("/v1/skills")).await.json();
    assert_eq!(
        (list["skills"].as_array().unwrap().len(), &list["skills"][0]["name"]),
        (1, &"bobs".into()),
        "{list}"
    );
    let tools = ringfence_server_tests::mcp::ask(&bob, "tools/list", serde_json::json!({})).await;
    assert_eq!(
        (tools["tools"].as_array().unwrap().len(), &tools["tools"][0]["name"]),
        (1, &"bobs_echo".into())
    );
    assert_eq!(bob.send(echo()).await.problem(), "no-such-skill");
}
