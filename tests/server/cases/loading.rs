//! Loading: what is slow keeps nobody waiting but those that ask for it, equal bytes are loaded once, and an owner has
//! so much room for its skills.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use ringfence::{Allocator, Digest, Host};
use ringfence_compile::{CompileLimits, Compiler};
use ringfence_server::{Config, Server};
use ringfence_server_tests::guests::{ECHO, ENDINGS, component};
use ringfence_server_tests::mcp::ask;
use ringfence_server_tests::{Client, PATIENCE, Request};
use ringfence_store::{Library, Store, Submit};
use serde_json::json;
use tempfile::TempDir;

use super::plan;

const CHILD: &str = env!("CARGO_BIN_EXE_server-compile-child");

fn library(store: &Path, child: &Path) -> Library {
    let mut host = Config::default().host_config();
    host.allocator = Allocator::OnDemand;
    let compiler = Compiler::program(child.to_owned(), CompileLimits::default());
    let store = Store::open_or_make(store).expect("a store");
    Library::new(Host::new(host).expect("a host"), compiler, store)
}

/// A server whose compiler stands still until [`Slow::go_on`].
struct Slow {
    dir: TempDir,
    client: Client,
}

impl Slow {
    /// With the skill `echo` of alice, whose code is at hand, her skill `two`, whose first version must be compiled, and so
    /// many skills of bob that must be.
    async fn start(slow: usize, config: &str) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let store = dir.path().join("store");
        let real = library(&store, CHILD.as_ref());
        let submit = async |name: &str, owner: &str, bytes: Vec<u8>| {
            let submit = Submit::new(name.parse().expect("a name"), owner.parse().expect("an owner"));
            real.submit(bytes, submit, |_| {}).await.expect("it is taken");
        };
        submit("echo", "alice", component(ECHO)).await;
        let old = component(&ENDINGS.replace("5000", "4999"));
        submit("two", "alice", old.clone()).await;
        submit("two", "alice", component(ENDINGS)).await;
        forget_code(&store, Digest::of(&old));
        for n in 0..slow {
            // Other bytes each time, so that each is compiled.
            let bytes = component(&ENDINGS.replace("5000", &(5001 + n).to_string()));
            let digest = Digest::of(&bytes);
            submit(&format!("slow-{n}"), "bob", bytes).await;
            forget_code(&store, digest);
        }
        drop(real);
        let child = dir.path().join("child");
        let gate = dir.path().join("gate");
        let script = format!(
            "#!/bin/sh\nwhile [ ! -e '{}' ]; do /bin/sleep 0.01; done\nexec '{CHILD}' \"$@\"\n",
            gate.display()
        );
        std::fs::write(&child, script).expect("written");
        std::fs::set_permissions(&child, std::fs::Permissions::from_mode(0o700)).expect("its mode");
        let config =
            Config::parse(&format!("[listen]\naddress = \"127.0.0.1:0\"\n{config}"), "t.toml".as_ref());
        let server = Server::new(library(&store, &child), config.expect("one")).await.expect("a server");
        let listener = server.bind().await.expect("a free port");
        let client = Client::new(listener.local_addr().expect("an address"), None);
        tokio::spawn(server.serve(listener, std::future::pending()));
        Self { dir, client }
    }

    fn go_on(&self) {
        std::fs::write(self.dir.path().join("gate"), b"").expect("written");
    }

    async fn until_ready(&self) {
        let ready = async { while self.client.send(Request::get("/readyz")).await.status != 200 {} };
        tokio::time::timeout(PATIENCE, ready).await.expect("it is ready");
    }
}

/// Takes away the compiled code of a component.
fn forget_code(store: &Path, digest: Digest) {
    let name = digest.to_string().replace("sha256:", "") + ".cwasm";
    let engines = std::fs::read_dir(store.join("artifacts")).expect("a directory");
    let files: Vec<PathBuf> = engines.map(|engine| engine.expect("an entry").path().join(&name)).collect();
    assert!(files.iter().filter(|file| std::fs::remove_file(file).is_ok()).count() == 1, "{files:?}");
}

fn echo() -> Request {
    Request::post("/v1/skills/echo/tools/echo").json(r#"{"text": "hi"}"#)
}

fn slow(n: usize) -> Request {
    Request::post(&format!("/v1/skills/slow-{n}/tools/nothing")).json("{}")
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_skills_of_one_owner_do_not_delay_others() {
    let site = Slow::start(5, "[admission]\nload-timeout = \"20ms\"").await;
    site.until_ready().await;
    assert_eq!(site.client.send(echo()).await.status, 200);
    let late = site.client.send(slow(4)).await;
    assert_eq!((late.status, late.problem().as_str()), (503, "skill-loading"));
    assert!(late.header("retry-after").is_some());
    assert_eq!(site.client.send(Request::get("/v1/skills/slow-4")).await.json()["state"], "loading");
    let list = ask(&site.client, "tools/list", json!({})).await;
    assert_eq!(list["tools"][0]["name"], "echo_echo");
    // And then they can be called.
    site.go_on();
    for n in 0..5 {
        let called = async { while site.client.send(slow(n)).await.status != 200 {} };
        tokio::time::timeout(PATIENCE, called).await.expect("it is loaded");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_waits_for_a_skill_that_is_being_loaded() {
    let site = Slow::start(3, "[admission]\nload-timeout = \"1h\"").await;
    site.until_ready().await;
    let mut waits = site.client.begin(&slow(2)).await;
    let over_mcp = {
        let client = site.client.clone();
        tokio::spawn(async move { ask(&client, "tools/call", json!({"name": "slow-1_nothing"})).await })
    };
    assert_eq!(site.client.send(echo()).await.status, 200);
    site.go_on();
    let answer = ringfence_server_tests::client::read(&mut waits).await.expect("an answer");
    assert_eq!(answer.status, 200);
    assert_eq!(over_mcp.await.expect("an answer")["isError"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_wait_for_a_skill_are_in_an_account() {
    let config = "[admission]\nload-timeout = \"1h\"\n[quota]\nconcurrency = 1";
    let site = Slow::start(1, config).await;
    site.until_ready().await;
    // Whichever comes first waits; the other is told.
    let (first, second) = (site.client.clone(), site.client.clone());
    let first = tokio::spawn(async move { first.send(slow(0)).await });
    let second = tokio::spawn(async move { second.send(slow(0)).await });
    let until_one_ended = async {
        while !first.is_finished() && !second.is_finished() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, until_one_ended).await.expect("one is refused");
    site.go_on();
    let mut answers = [first.await.expect("an answer"), second.await.expect("an answer")];
    answers.sort_by_key(|answer| answer.status);
    assert_eq!(answers[0].status, 200);
    assert_eq!((answers[1].status, answers[1].problem().as_str()), (429, "too-many-at-once"));
}

#[tokio::test(flavor = "multi_thread")]
async fn compiling_an_old_version_does_not_delay_others() {
    let site = Slow::start(0, "[admission]\nload-timeout = \"20ms\"").await;
    site.until_ready().await;
    let call = |skill: &str| Request::post(&format!("/v1/skills/{skill}/tools/nothing")).json("{}");
    let late = site.client.send(call("two@1")).await;
    assert_eq!((late.status, late.problem().as_str()), (503, "skill-loading"));
    assert_eq!(site.client.send(call("two")).await.status, 200);
    assert_eq!(site.client.send(call("two@2")).await.status, 200);
    // It goes on being loaded, though the first that asked waits no more.
    site.go_on();
    let called = async { while site.client.send(call("two@1")).await.status != 200 {} };
    tokio::time::timeout(PATIENCE, called).await.expect("it is loaded");
}

#[tokio::test(flavor = "multi_thread")]
async fn compiling_an_old_version_is_in_the_callers_account() {
    let site = Slow::start(0, "[quota]\ncompiles-per-hour = 1\n[admission]\nload-timeout = \"20ms\"").await;
    site.until_ready().await;
    let put = Request::put("/v1/skills/new").body(&component(ECHO)).header("prefer", "wait=60");
    assert_eq!(site.client.send(put).await.status, 201);
    let old = site.client.send(Request::post("/v1/skills/two@1/tools/nothing").json("{}")).await;
    assert_eq!((old.status, old.problem().as_str()), (429, "too-many-compilations"));
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_bytes_are_loaded_once_and_an_owner_has_so_much_room() {
    // What one takes is told when there is no room for it.
    let tiny = plan().config("[quota]\nskill-memory = \"1KiB\"").skill("a", ECHO).start().await;
    let refused =
        tiny.client().send(Request::post("/v1/skills/a/tools/echo").json(r#"{"text": "hi"}"#)).await;
    assert_eq!((refused.status, refused.problem().as_str()), (503, "skill-memory-full"));
    let text = refused.text();
    let takes: u64 = text
        .split("would need ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next())
        .and_then(|bytes| bytes.parse().ok())
        .unwrap_or_else(|| panic!("{text}"));
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    for (room, fits) in [(takes, true), (takes - 1, false)] {
        let mut site = plan().config(&format!("[quota]\nskill-memory = {room}"));
        for name in names {
            site = site.skill(name, ECHO);
        }
        let site = site.start().await;
        let list = ask(&site.client(), "tools/list", json!({})).await;
        let listed = list["tools"].as_array().into_iter().flatten().filter_map(|tool| tool["name"].as_str());
        let expected: Vec<String> =
            names.iter().filter(|_| fits).map(|name| format!("{name}_echo")).collect();
        assert_eq!(listed.collect::<Vec<_>>(), expected, "one weight for all names");
        // Other bytes need more room.
        let put = Request::put("/v1/skills/other").body(&component(ENDINGS)).header("prefer", "wait=60");
        let status = site.client().send(put).await.status;
        assert_eq!(status, 201, "it is on the disk");
        if fits {
            let other = Request::post("/v1/skills/other/tools/nothing").json("{}");
            assert_eq!(site.client().send(other).await.problem(), "skill-memory-full");
        }
        assert_eq!(site.client().send(Request::get("/readyz")).await.status, 200);
    }
}
