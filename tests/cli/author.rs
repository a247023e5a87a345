//! `new`, `pack`, `test` and `export-skill`: what they print and write. `build` runs whole toolchains: `tests/authors`.

use std::fs;

use serde_json::Value;

use crate::{Bench, redact};

/// A skill's folder with a built component and what its author says of it.
fn folder(bench: &Bench) {
    fs::create_dir_all(bench.path("echo/wit")).expect("made");
    bench.write(
        "echo/wit/echo.wit",
        "/// Says things again.\npackage acme:echo@1.0.0;\nworld echo {\n  /// The same text.\n  ///\n  /// - `text`: what to say\n  export echo: func(text: string) -> string;\n}\n",
    );
    bench.write(
        "echo/skill.toml",
        "name = \"echo\"\nversion = \"1.0.0\"\nlicense = \"MIT\"\nlanguage = \"c\"\n\n[grants]\nhttp = [\"api.example.com\"]\n\n[tools.echo]\nread-only = true\n\n[[example]]\nname = \"a word\"\ntool = \"echo\"\ninput = { text = \"hi\" }\n",
    );
    fs::copy(bench.path("echo.wasm"), bench.path("echo/echo.wasm")).expect("copied");
}

#[test]
fn a_new_folder_is_made_once() {
    let bench = Bench::new();
    bench.check("new", &["new", "my-skill", "--lang", "go"]);
    let go = fs::read_to_string(bench.path("my-skill/main.go")).expect("it is there");
    bench.check("new-again", &["new", "my-skill", "--lang", "python"]);
    assert_eq!(fs::read_to_string(bench.path("my-skill/main.go")).expect("it is there"), go);
    assert!(!bench.path("my-skill/app.py").exists());
    bench.check("new-bad-name", &["new", "My Skill"]);
    bench.check("new-reserved", &["new", "list"]);
    for command in ["new", "build", "pack", "test", "export-skill"] {
        bench.check(&format!("{command}-help"), &[command, "--help"]);
    }
    bench.check("new-bad-language", &["new", "other", "--lang", "cobol"]);
    assert!(!bench.path("other").exists());
}

#[test]
fn documentation_is_packed_and_shown() {
    let bench = Bench::new();
    folder(&bench);
    bench.check("pack", &["pack", "echo/echo.wasm", "--manifest", "echo/skill.toml", "-o", "packed.wasm"]);
    bench.check("inspect-packed", &["inspect", "packed.wasm"]);
    let output = bench.run(&["inspect", "packed.wasm", "--json"], "");
    let shown: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(shown["manifest"]["grants"]["http"][0], "api.example.com");
    let tool = &shown["tools"][0];
    assert_eq!(tool["parameters"]["properties"]["text"]["description"], "what to say");
    assert_eq!(tool["parameters"]["examples"][0]["text"], "hi");
    assert_eq!(tool["annotations"]["read-only"], true);
    // Packed again it is the same file.
    let before = fs::read(bench.path("packed.wasm")).expect("it is there");
    let again = bench.run(&["pack", "packed.wasm", "--manifest", "echo/skill.toml"], "");
    assert!(again.status.success(), "{again:?}");
    assert!(fs::read(bench.path("packed.wasm")).expect("it is there") == before);
}

#[test]
fn documentation_that_does_not_fit_is_not_packed() {
    let bench = Bench::new();
    folder(&bench);
    let whole = fs::read(bench.path("echo/echo.wasm")).expect("it is there");
    let with = |text: &str| bench.write("echo/skill.toml", text);
    let pack = ["pack", "echo/echo.wasm", "--manifest", "echo/skill.toml"];
    with("nam = \"echo\"\n");
    bench.check("pack-unknown-key", &pack);
    with("[tools.shout]\nread-only = true\n");
    bench.check("pack-no-such-tool", &pack);
    with("[[example]]\nname = \"a number\"\ninput = { text = 1 }\n");
    bench.check("pack-example-misfit", &pack);
    with("license = \"mine\"\n");
    bench.check("pack-bad-license", &pack);
    with("[[example]]\nname = \"a\"\n[[example]]\nname = \"a\"\n");
    bench.check("pack-twice", &pack);
    bench.write("echo/wit/echo.wit", "package a:b; world w { export echo: func( }");
    with("");
    let output = bench.run(&pack, "");
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    // Nothing was written in its place.
    assert!(fs::read(bench.path("echo/echo.wasm")).expect("it is there") == whole);
    bench.write("echo/core.wasm", b"\0asm\x01\0\0\0");
    bench.check("pack-core-module", &["pack", "echo/core.wasm"]);
}

#[test]
fn examples_and_cases_are_run_and_kept() {
    let bench = Bench::new();
    folder(&bench);
    bench.write(
        "echo/cases.jsonl",
        "{\"name\": \"right\", \"input\": {\"text\": \"a\"}, \"outcome\": \"completed\", \"value\": \"a\"}\n{\"name\": \"wrong\", \"input\": {\"text\": \"b\"}, \"outcome\": \"completed\", \"value\": \"c\"}\n{\"name\": \"refused\", \"input\": {\"text\": 1}, \"outcome\": \"input-mismatch\"}\n",
    );
    bench.check_as("test-first", &["test", "echo"], redact);
    bench.check_as("test-update", &["test", "echo", "--update"], redact);
    bench.check_as("test-then", &["test", "echo"], redact);
    let snapshots = fs::read_to_string(bench.path("echo/snapshots.jsonl")).expect("it is there");
    assert!(snapshots.contains("\"value\":\"hi\""), "{snapshots}");
    // What is refused is no result: it is not kept, and goes on failing.
    let cases = fs::read_to_string(bench.path("echo/cases.jsonl")).expect("it is there");
    let lost = format!("{cases}{{\"name\": \"lost\", \"tool\": \"gone\", \"outcome\": \"completed\"}}\n");
    bench.write("echo/cases.jsonl", &lost);
    bench.check("test-lost", &["test", "echo", "--update"]);
    assert_eq!(fs::read_to_string(bench.path("echo/cases.jsonl")).expect("it is there"), lost);
    // Nor is what is kept of one input the result of another.
    let manifest = fs::read_to_string(bench.path("echo/skill.toml")).expect("it is there");
    bench.write("echo/skill.toml", manifest.replace("\"hi\"", "\"ho\""));
    let output = bench.run(&["test", "echo"], "");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("FAIL  a word: no expected result yet"), "{said}");
    fs::remove_file(bench.path("echo/echo.wasm")).expect("removed");
    bench.check("test-not-built", &["test", "echo"]);
    bench.check("test-no-folder", &["test", "home"]);
}

#[test]
fn two_versions_are_compared() {
    let bench = Bench::new();
    folder(&bench);
    // The other one says `a` to everything, and traps on nothing.
    let other = wat::parse_str(
        r#"(component
          (core module $m
            (memory (export "memory") 1)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
            (func (export "echo") (param i32 i32) (result i32)
              (if (i32.eqz (local.get 1)) (then unreachable))
              (i32.store (i32.const 16) (i32.const 64))
              (i32.store (i32.const 20) (i32.const 1))
              (i32.const 16))
            (data (i32.const 64) "a"))
          (core instance $i (instantiate $m))
          (alias core export $i "memory" (core memory $memory))
          (func (export "echo") (param "text" string) (result string)
            (canon lift (core func $i "echo") (memory $memory) (realloc (core func $i "realloc")))))"#,
    );
    bench.write("old.wasm", other.expect("valid"));
    bench.write(
        "data.jsonl",
        "{\"text\": \"a\"}\n{\"text\": \"b\"}\n{\"name\": \"nothing\", \"input\": {\"text\": \"\"}}\n",
    );
    let args = ["test", "echo", "--against", "old.wasm", "--data", "data.jsonl"];
    let output = bench.run(&args, "");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = |begin: &str| {
        table
            .lines()
            .find(|line| line.starts_with(begin))
            .unwrap_or_else(|| panic!("{begin}: {table}"))
            .to_owned()
    };
    assert!(line("input 2").contains("answer    \"a\""), "{table}");
    assert!(line("nothing").contains("outcome   trapped"), "{table}");
    assert!(line("input 1").contains("fuel"), "{table}");
    let counts = ["same      0", "answers   1 changed", "outcomes  1 changed"];
    assert_eq!([line("same"), line("answers"), line("outcomes")], counts);
    let same = bench.run(&["test", "echo", "--against", "echo/echo.wasm", "--data", "data.jsonl"], "");
    assert!(String::from_utf8_lossy(&same.stdout).starts_with("inputs    3\nsame      3\n"), "{same:?}");
    let json = bench.run(&[&args[..], &["--json"]].concat(), "");
    let json: Value = serde_json::from_slice(&json.stdout).expect("JSON");
    assert_eq!(json["inputs"][1]["changed"], "answer");
    // The other one does more for the same answer.
    assert_eq!(json["inputs"][0]["changed"], "fuel");
    assert!(json["inputs"][0]["now"]["fuel"].as_u64().is_some_and(|fuel| fuel > 0));
}

#[test]
fn a_refused_call_is_left_out_of_the_comparison() {
    let bench = Bench::new();
    folder(&bench);
    bench.write("data.jsonl", "{\"text\": \"a\"}\n{\"name\": \"refused\", \"input\": {\"txt\": 1}}\n");
    let args = ["test", "echo", "--against", "echo/echo.wasm", "--data", "data.jsonl"];
    let output = bench.run(&args, "");
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(table.contains("refused   1 in one version or both"), "{table}");
    let json = bench.run(&[&args[..], &["--json"]].concat(), "");
    let json: Value = serde_json::from_slice(&json.stdout).expect("JSON");
    assert_eq!(json["inputs"][1]["now"]["fuel"], Value::Null);
    assert!(json["inputs"][0]["now"]["fuel"].is_u64());
}

#[test]
fn an_agent_skills_folder() {
    let bench = Bench::new();
    folder(&bench);
    let packed = bench.run(&["pack", "echo/echo.wasm", "--manifest", "echo/skill.toml"], "");
    assert!(packed.status.success(), "{packed:?}");
    bench.check("export-skill", &["export-skill", "echo/echo.wasm", "out"]);
    let text = fs::read_to_string(bench.path("out/echo/SKILL.md")).expect("it is there");
    assert!(text.starts_with("---\nname: echo\ndescription: \"Says things again. Use it for its tools: echo.\"\nlicense: \"MIT\"\n"), "{text}");
    for part in
        ["`echo_TOOL`", "### `echo`", "what to say", "\"text\": \"hi\"", "echo: func(text: string) -> string"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    bench.check("export-skill-again", &["export-skill", "echo/echo.wasm", "out"]);
    bench.check("export-skill-bad-name", &["export-skill", "echo/echo.wasm", "out", "--name", "My Skill"]);
}
