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
    bench.check("bundle-is-no-skill", &["run", "edge.rfb"]);
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
    bench.write("policy.toml", "[limits]\nfuel = 1\n[limits.token.t1]\nfuel = 1\n[limits.owner.alice]\n");
    bench.check("bundle-policy-token", &bundle(&["--policy", "policy.toml"]));
    bench.write("policy.toml", "[skill.echo.limits]\nfuel = 1\n[skill.echo.limits.owner.alice]\nfuel = 1\n");
    bench.check("bundle-policy-owner", &bundle(&["--policy", "policy.toml"]));
    bench.check("bundle-no-target", &["bundle", "echo.wasm", "--key", "key", "-o", "x", "--target", "z80"]);
    bench.check(
        "bundle-missing-key",
        &["bundle", "echo.wasm", "--key", "none", "-o", "x", "--target", "pulley64"],
    );
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
fn code_for_another_release_is_added_to_a_bundle() {
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
fn the_worker_runs_bundled_skills() {
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
fn held_and_revoked_skills_are_not_signed() {
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
fn a_bundle_is_overwritten_only_with_force() {
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
        let version = made.pointer("/manifest/version").and_then(serde_json::Value::as_u64).unwrap();
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
    assert_eq!(
        made.pointer("/manifest/version").and_then(serde_json::Value::as_u64).unwrap(),
        last + 1_000_000_001
    );
}

/// Makes a bundle in a file of its own: its version and its bytes.
fn made(bench: &Bench, skill: &str, to: &str, more: &[&str]) -> (u64, Vec<u8>) {
    made_by(bench, "key", skill, to, more)
}

fn made_by(bench: &Bench, key: &str, skill: &str, to: &str, more: &[&str]) -> (u64, Vec<u8>) {
    let args = ["bundle", skill, "--key", key, "--target", "pulley64", "--force", "--json", "-o", to];
    let output = bench.run(&[&args[..], more].concat(), "");
    let made: serde_json::Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{more:?}: {output:?}"));
    let version = made
        .pointer("/manifest/version")
        .and_then(serde_json::Value::as_u64)
        .unwrap_or_else(|| panic!("{more:?}: {made}"));
    (version, std::fs::read(bench.path(to)).unwrap())
}

/// The last version that the key signed.
fn kept(bench: &Bench) -> u64 {
    let kept: serde_json::Value =
        serde_json::from_slice(&std::fs::read(bench.path("key.version")).unwrap()).unwrap();
    kept.get("version").and_then(serde_json::Value::as_u64).unwrap()
}

#[test]
fn bundles_of_one_date_have_rising_versions() {
    let bench = bench();
    let date = ["--not-before", "1700000000", "--expires", "2090-01-01T00:00:00Z"];
    let (first, bytes) = made(&bench, "echo.wasm", "a.rfb", &date);
    assert_eq!(first, 1_700_000_000_000_000);
    // The same command returns the same bytes, wherever it writes them.
    assert_eq!(made(&bench, "echo.wasm", "b.rfb", &date), (first, bytes.clone()));
    let (second, _) = made(&bench, "other=endings.wasm", "c.rfb", &date);
    assert_eq!(second, first + 1);
    // The first again, which is later than the second now.
    assert_eq!(made(&bench, "echo.wasm", "d.rfb", &date).0, first + 2);
    // An earlier date, as of a commit that is gone back to.
    let earlier = ["--not-before", "1600000000", "--expires", "2090-01-01T00:00:00Z"];
    assert_eq!(made(&bench, "echo.wasm", "e.rfb", &earlier).0, first + 3);
    assert_eq!(kept(&bench), first + 3);
    // Without the record, as on another machine: nothing but the date counts.
    std::fs::remove_file(bench.path("key.version")).unwrap();
    assert_eq!(made(&bench, "echo.wasm", "f.rfb", &date), (first, bytes));
}

/// What the key signed last is from the future: the clock has gone back since.
#[test]
fn a_clock_that_went_back_lowers_no_version() {
    let bench = bench();
    let (first, _) = made(&bench, "echo.wasm", "a.rfb", &[]);
    let future = first + 3_600_000_000;
    made(&bench, "echo.wasm", "b.rfb", &["--bundle-version", &future.to_string()]);
    assert_eq!(made(&bench, "echo.wasm", "c.rfb", &[]).0, future + 1);
    // However the key is named.
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("key", bench.path("link")).unwrap();
        assert_eq!(made_by(&bench, "link", "echo.wasm", "d.rfb", &[]).0, future + 2);
    }
    let low = future.to_string();
    let low = [
        "bundle",
        "echo.wasm",
        "--key",
        "key",
        "--target",
        "pulley64",
        "-o",
        "e.rfb",
        "--bundle-version",
        &low,
    ];
    assert_eq!(refused(&bench, &low), "bad-version");
    assert!(!bench.path("e.rfb").exists());
}

#[test]
fn bundles_made_at_once_have_different_versions() {
    let bench = bench();
    let mut versions: Vec<u64> = std::thread::scope(|threads| {
        // Each holds for a time of its own, so no two are the same.
        let all = ["1000days", "2000days", "3000days", "4000days"];
        let threads = all.map(|expires| {
            let bench = &bench;
            let date = ["--not-before", "1700000000", "--expires", expires];
            threads.spawn(move || made(bench, "echo.wasm", expires, &date).0)
        });
        threads.into_iter().map(|made| made.join().unwrap()).collect()
    });
    versions.sort_unstable();
    let first = 1_700_000_000_000_000;
    assert_eq!(versions, [first, first + 1, first + 2, first + 3]);
}

#[test]
fn a_record_of_versions_that_cannot_be_read_is_refused() {
    let bench = bench();
    bench.write("key.version", "7");
    bench.check(
        "bundle-version-record",
        &["bundle", "echo.wasm", "--key", "key", "--target", "pulley64", "-o", "edge.rfb"],
    );
    assert!(!bench.path("edge.rfb").exists());
}
