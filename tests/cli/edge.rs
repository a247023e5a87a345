//! `bundle`, `bundle verify`, `bundle show`, `keygen`: what they write, say and refuse; and that the worker's program runs what
//! they make.

use std::process::Command;

use crate::{Bench, redact};

const SECRET: &str = "ringfence-secret-key-1 BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n";
const DATES: [&str; 6] =
    ["--bundle-version", "7", "--not-before", "2026-10-15T00:00:00Z", "--expires", "2090-01-01T00:00:00Z"];

/// The names of bundles and their sizes change with the engine.
fn stable(text: &str) -> String {
    let mut out = String::new();
    for line in redact(text).lines() {
        let line = match line.split_once("bundle:") {
            Some((before, after)) if after.len() >= 64 => {
                format!("{before}bundle:[varies]{}", after.get(64..).unwrap_or_default())
            }
            _ => line.to_owned(),
        };
        match line.strip_suffix(" bytes").and_then(|rest| rest.rsplit_once(": ")) {
            Some((file, _)) => out.push_str(&format!("{file}: [varies] bytes")),
            None => out.push_str(&line),
        }
        out.push('\n');
    }
    out
}

fn bench() -> Bench {
    let bench = Bench::new();
    bench.write("key", SECRET);
    #[cfg(unix)]
    std::fs::set_permissions(bench.path("key"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let key: ringfence_bundle::SecretKey = SECRET.parse().unwrap();
    bench.write("key.pub", key.public().to_line());
    bench
}

fn bundle<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec!["bundle", "echo.wasm", "--key", "key", "--target", "pulley64", "-o", "edge.rfb"];
    args.extend(DATES);
    args.extend(more);
    args
}

#[test]
fn a_bundle_is_made_shown_and_verified() {
    let bench = bench();
    bench.write(
        "policy.toml",
        "[limits]\nfuel = 1000000\n[skill.echo]\ngrants = [\"kv\"]\n[skill.echo.limits]\nmemory = \"1MiB\"\n",
    );
    bench.check_as("bundle", &bundle(&["--policy", "policy.toml"]), stable);
    bench.check_as("bundle-show", &["bundle", "show", "edge.rfb"], stable);
    bench.check_as("bundle-verify", &["bundle", "verify", "edge.rfb", "--key", "key.pub"], stable);
    bench.check("bundle-help", &["bundle", "--help"]);
    let json = bench.run(&["bundle", "show", "edge.rfb", "--json"], "");
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(
        json["manifest"]["skills"][0]["tools"][0]["parameters"]["properties"]["text"]["type"],
        "string"
    );
    assert_eq!(json["manifest"]["skills"][0]["limits"]["fuel"], 1_000_000);
}

#[test]
fn bundles_that_are_refused() {
    let bench = bench();
    assert!(bench.run(&bundle(&[]), "").status.success());
    bench.write("other.pub", ringfence_bundle::SecretKey::from_seed(&[1; 32]).public().to_line());
    bench.check("bundle-unknown-key", &["bundle", "verify", "edge.rfb", "--key", "other.pub"]);
    bench.check("bundle-not-one", &["bundle", "verify", "echo.wasm", "--key", "key.pub"]);
    bench.check("bundle-secret-key", &["bundle", "verify", "edge.rfb", "--key", "key"]);
    let mut bytes = std::fs::read(bench.path("edge.rfb")).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    bench.write("altered.rfb", &bytes);
    bench.check("bundle-altered", &["bundle", "verify", "altered.rfb", "--key", "key.pub"]);
    bench.write("policy.toml", "[skill.none]\n");
    bench.check("bundle-policy-of-nothing", &bundle(&["--policy", "policy.toml"]));
    bench.write("policy.toml", "[skill.echo]\ngrants = [\"files\"]\n");
    bench.check("bundle-no-such-grant", &bundle(&["--policy", "policy.toml"]));
    bench.write("policy.toml", "[limits]\nfuel = 1\nspeed = 2\n");
    bench.check("bundle-policy-key", &bundle(&["--policy", "policy.toml"]));
    bench.check("bundle-no-target", &["bundle", "echo.wasm", "--key", "key", "-o", "x", "--target", "z80"]);
    bench.check("bundle-no-key", &["bundle", "echo.wasm", "-o", "x", "--target", "pulley64"]);
    bench.check(
        "bundle-over-the-key",
        &["bundle", "echo.wasm", "--key", "key", "--target", "pulley64", "-o", "key"],
    );
    assert_eq!(std::fs::read_to_string(bench.path("key")).unwrap(), SECRET);
    bench.check("bundle-names", &bundle(&["endings.wasm", "echo=endings.wasm"]));
}

#[test]
fn the_same_command_gives_the_same_bytes() {
    let bench = bench();
    let make = || {
        assert!(
            bench
                .run(&bundle(&["--target", "x86_64", "--target", "x86_64-v3", "--target", "aarch64"]), "")
                .status
                .success()
        );
        std::fs::read(bench.path("edge.rfb")).unwrap()
    };
    assert_eq!(make(), make());
}

/// As if another release had made it: its code for other engines is taken over, for the same skills and no others.
#[test]
fn code_for_another_release_is_taken_over() {
    let bench = bench();
    assert!(bench.run(&bundle(&[]), "").status.success());
    std::fs::rename(bench.path("edge.rfb"), bench.path("old.rfb")).unwrap();
    let with = [
        "bundle",
        "echo.wasm",
        "--key",
        "key",
        "--target",
        "x86_64",
        "-o",
        "edge.rfb",
        "--with",
        "old.rfb",
        "--json",
    ];
    let made = bench.run(&with, "");
    let made: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
    let prints: Vec<&str> = made["manifest"]["fingerprints"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|print| print.as_str())
        .collect();
    assert!(
        prints.len() == 2 && prints[0].ends_with(", pulley64") && prints[1].ends_with(", x86_64"),
        "{prints:?}"
    );
    let other = [
        "bundle",
        "echo=endings.wasm",
        "--key",
        "key",
        "--target",
        "x86_64",
        "-o",
        "edge.rfb",
        "--with",
        "old.rfb",
    ];
    bench.check("bundle-with-another", &other);
}

#[test]
fn keys_are_made_once_and_are_secret() {
    let bench = Bench::new();
    let made = bench.run(&["keygen", "mine"], "");
    assert!(made.status.success());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(bench.path("mine")).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let id = String::from_utf8(made.stdout).unwrap();
    let public = std::fs::read_to_string(bench.path("mine.pub")).unwrap();
    let keys = ringfence_bundle::PublicKey::read_all(&public).unwrap();
    assert_eq!(keys[0].id().to_string(), id.trim());
    bench.check("keygen-again", &["keygen", "mine"]);
    std::fs::remove_file(bench.path("mine")).unwrap();
    bench.check("keygen-public-there", &["keygen", "mine"]);
    assert!(!bench.path("mine").exists());
}

/// The two programs, as an operator uses them.
#[test]
fn the_worker_runs_what_is_bundled() {
    let bench = bench();
    assert!(bench.run(&bundle(&[]), "").status.success());
    let args = ["run", "edge.rfb", "echo", "--key", "key.pub"];
    let ran = ringfence_edge_tests::run(&args, &bench.path(""), r#"{"text": "x"}"#);
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "\"x\"\n", "{ran:?}");
    let help = Command::new(ringfence_edge_tests::program()).arg("--help").output().unwrap();
    assert!(help.status.success());
}

/// The reason that a command was refused for.
fn refused(bench: &Bench, args: &[&str]) -> String {
    let args: Vec<&str> = args.iter().chain(&["--json"]).copied().collect();
    let output = bench.run(&args, "");
    let told: serde_json::Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{args:?}: {output:?}"));
    assert!(!output.status.success(), "{args:?}: {told}");
    told.get("error").and_then(|code| code.as_str()).unwrap_or_default().to_owned()
}

#[test]
fn what_may_not_run_is_not_signed() {
    let bench = bench();
    let done = |args: &[&str]| assert!(bench.run(args, "").status.success(), "{args:?}");
    let to = ["--key", "key", "--target", "pulley64", "-o", "edge.rfb"];
    let of = |skills: &[&str]| refused(&bench, &[&["bundle"], skills, &to[..]].concat());
    assert_eq!(of(&["none"]), "no-store");
    done(&["submit", "echo.wasm"]);
    done(&["submit", "endings.wasm", "--name", "held", "--hold"]);
    for held in ["held", "held@1", "other=held"] {
        assert_eq!(of(&["echo.wasm", held]), "held", "{held}");
    }
    // Before it was revoked somebody made a bundle of it.
    done(&[&["bundle", "echo"], &to[..]].concat());
    std::fs::rename(bench.path("edge.rfb"), bench.path("old.rfb")).unwrap();
    done(&["revoke", "echo", "--reason", "it lies"]);
    std::fs::copy(bench.path("echo.wasm"), bench.path("copy.wasm")).unwrap();
    for revoked in ["echo", "echo@1", "echo.wasm", "./copy.wasm", "other=copy.wasm"] {
        assert_eq!(of(&[revoked]), "revoked", "{revoked}");
        assert_eq!(of(&["endings.wasm", revoked]), "revoked", "{revoked}");
    }
    let with =
        ["bundle", "echo.wasm", "--key", "key", "--target", "x86_64", "-o", "edge.rfb", "--with", "old.rfb"];
    assert_eq!(refused(&bench, &with), "revoked");
    assert!(!bench.path("edge.rfb").exists());
    // A file is held against the store that is named as well.
    let elsewhere = ["bundle", "echo.wasm", "--store", "nowhere"];
    assert_eq!(refused(&bench, &[&elsewhere[..], &to[..]].concat()), "no-store");
    // What is revoked in lists for workers is not signed either.
    let digest = ringfence::Digest::of(&std::fs::read(bench.path("endings.wasm")).unwrap());
    bench.write("revoked", format!("# gone\n{digest}\n"));
    assert_eq!(of(&["endings.wasm", "--revoked", "revoked"]), "bundle-revoked");
    assert!(!bench.path("edge.rfb").exists());
    done(&[&["bundle", "endings.wasm"], &to[..]].concat());
}

#[test]
fn a_bundle_is_not_written_over_without_being_asked() {
    let bench = bench();
    fn of<'a>(more: &[&'a str]) -> Vec<&'a str> {
        let args = ["bundle", "echo.wasm", "--key", "key", "--target", "pulley64", "-o", "edge.rfb"];
        [&args[..], more].concat()
    }
    assert!(bench.run(&of(&[]), "").status.success());
    let first = std::fs::read(bench.path("edge.rfb")).unwrap();
    assert_eq!(refused(&bench, &of(&[])), "exists");
    assert_eq!(std::fs::read(bench.path("edge.rfb")).unwrap(), first);
    assert!(bench.run(&of(&["--force"]), "").status.success());
    assert_ne!(std::fs::read(bench.path("edge.rfb")).unwrap(), first);
    // What is no bundle is never written over.
    bench.write("notes", "mine");
    let notes = ["bundle", "echo.wasm", "--key", "key", "--target", "pulley64", "-o", "notes", "--force"];
    assert_eq!(refused(&bench, &notes), "exists");
    assert_eq!(std::fs::read_to_string(bench.path("notes")).unwrap(), "mine");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("nowhere", bench.path("link")).unwrap();
        let link = ["bundle", "echo.wasm", "--key", "key", "--target", "pulley64", "-o", "link", "--force"];
        assert_eq!(refused(&bench, &link), "exists");
    }
}

/// However quickly one follows the other, and whatever dates each is given the clock for.
#[test]
fn a_later_bundle_has_a_higher_version() {
    let bench = bench();
    let mut last = 0;
    for _ in 0..4 {
        let args = [
            "bundle",
            "echo.wasm",
            "--key",
            "key",
            "--target",
            "pulley64",
            "-o",
            "edge.rfb",
            "--force",
            "--json",
        ];
        let made = bench.run(&args, "");
        let made: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
        let version = made["manifest"]["version"].as_u64().unwrap();
        assert!(version > last, "{version} after {last}");
        // A number that every reader of JSON has.
        assert!(version < 1 << 53, "{version}");
        last = version;
    }
    // A bundle of the future is followed by one that is later still.
    let future = (last + 1_000_000_000).to_string();
    let explicit =
        ["bundle", "echo.wasm", "--key", "key", "--target", "pulley64", "-o", "edge.rfb", "--force"];
    assert!(bench.run(&[&explicit[..], &["--bundle-version", &future]].concat(), "").status.success());
    let made = bench.run(&[&explicit[..], &["--json"]].concat(), "");
    let made: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
    assert_eq!(made["manifest"]["version"].as_u64().unwrap(), last + 1_000_000_001);
}
