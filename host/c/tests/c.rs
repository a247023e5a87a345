//! The header is that of the source; C and Python call both libraries through it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;

use ringfence_edge_tests::{ECHO, draft, key, native, skill};

/// A tool `spin` that never ends.
const SPIN: &str = r#"(component
  (core module $m (func (export "spin") (loop (br 0))))
  (core instance $i (instantiate $m))
  (func (export "spin") (canon lift (core func $i "spin"))))"#;

/// A tool `echo`, of other bytes than the one in the bundle.
const OTHER: &str = r#"(component
  (core module $m
    (memory (export "memory") 2)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
    (func (export "echo") (param i32 i32) (result i32)
      (i32.store (i32.const 16) (local.get 0))
      (i32.store (i32.const 20) (local.get 1))
      (i32.const 16)))
  (core instance $i (instantiate $m))
  (alias core export $i "memory" (core memory $memory))
  (func (export "echo") (param "text" string) (result string)
    (canon lift (core func $i "echo") (memory $memory) (realloc (core func $i "realloc")))))"#;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn the_header_is_that_of_the_source() {
    let made = cbindgen::generate(ROOT).expect("the source has a C face");
    let mut text = Vec::new();
    made.write(&mut text);
    let path = Path::new(ROOT).join("include/ringfence.h");
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept.as_bytes() == text,
        "include/ringfence.h is of another source: UPDATE_SNAPSHOTS=1 writes it anew"
    );
}

/// The whole library, which cargo built for this test, and the worker's, built alone so that it gets no compiler.
fn libraries() -> [(PathBuf, &'static str); 2] {
    let whole = std::env::current_exe().unwrap().parent().unwrap().join(name());
    let root = Path::new(ROOT).join("../..");
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from).join("alone");
    let built = Command::new(env!("CARGO"))
        .args([
            "build",
            "--locked",
            "--quiet",
            "-p",
            "ringfence-c",
            "--no-default-features",
            "--features",
            "pulley",
        ])
        .current_dir(&root)
        .env("CARGO_TARGET_DIR", &target)
        .status();
    assert!(built.expect("cargo").success(), "the worker's library does not build");
    [(whole, "1"), (target.join("debug").join(name()), "0")]
}

fn name() -> &'static str {
    if cfg!(target_os = "macos") { "libringfence_c.dylib" } else { "libringfence_c.so" }
}

fn run(command: &mut Command) -> String {
    let ended =
        command.env_remove("RUST_BACKTRACE").output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{command:?}: {said}");
    String::from_utf8(ended.stdout).unwrap()
}

#[test]
fn c_and_python_call_both_libraries() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let limits = ringfence::Limits::default();
    let long = ringfence::Limits::default()
        .with_fuel(u64::MAX - 1)
        .with_deadline(std::time::Duration::from_secs(3_600));
    let echo = || skill("echo", ECHO, &limits, &[native()]);
    let bundle = draft(1, vec![echo(), skill("spin", SPIN, &long, &[native()])]).sign(&key()).unwrap();
    std::fs::write(path("edge.rfb"), &bundle).unwrap();
    std::fs::write(path("next.rfb"), draft(2, vec![echo()]).sign(&key()).unwrap()).unwrap();
    let revoking =
        |what: &str| serde_json::json!({"keys": key().public().to_line(), "revoked": what}).to_string();
    let id = ringfence_bundle::peek(&*bundle, bundle.len() as u64, u64::MAX).unwrap().id;
    std::fs::write(path("bundle.json"), revoking(&id.to_string())).unwrap();
    let of_bundle = echo().description.digest().to_string();
    std::fs::write(path("skill.json"), revoking(&of_bundle)).unwrap();
    let other = wat::parse_str(OTHER).unwrap();
    std::fs::write(path("component.json"), revoking(&ringfence::Digest::of(&other).to_string())).unwrap();
    std::fs::write(path("key.pub"), key().public().to_line()).unwrap();
    let config = serde_json::json!({"keys": key().public().to_line()}).to_string();
    std::fs::write(path("config.json"), config).unwrap();
    std::fs::write(path("echo.wasm"), other).unwrap();
    for (library, compiler) in libraries() {
        let compile = |source: &str, program: &Path| {
            let mut cc = Command::new("cc");
            cc.args(["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-pthread", "-o"])
                .arg(program)
                .arg(Path::new(ROOT).join(source))
                .arg("-I")
                .arg(Path::new(ROOT).join("include"))
                .arg(&library)
                .arg(format!("-Wl,-rpath,{}", library.parent().unwrap().display()));
            run(&mut cc);
        };
        let check = path(&format!("check-{compiler}"));
        compile("tests/check.c", &check);
        let mut command = Command::new(&check);
        command.args([path("edge.rfb"), path("config.json"), path("echo.wasm")]).arg(compiler);
        command.args([path("component.json"), path("next.rfb"), path("bundle.json"), path("skill.json")]);
        assert_eq!(run(&mut command), "ok\n");
        let call = path(&format!("call-{compiler}"));
        compile("examples/call.c", &call);
        let arguments = |command: &mut Command| {
            command.args([path("edge.rfb"), path("key.pub")]).args(["echo", "echo", "{\"text\": \"x\"}"]);
            let report: serde_json::Value = serde_json::from_str(&run(command)).unwrap();
            assert_eq!(report["value"], "x", "{report}");
        };
        arguments(&mut Command::new(&call));
        arguments(Command::new("python3").arg(Path::new(ROOT).join("examples/call.py")).arg(&library));
    }
}
