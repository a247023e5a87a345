//! Scratch files: what a granted run can do with them, and the limits that hold it, each with its border.

use ringfence::{Allocator, Granted, Limits, Outcome, Report, RunError, ScratchCaps};
use ringfence_sandbox_tests::files::root;
use ringfence_sandbox_tests::scratch::{NO_DIRECTORY, OK, Op, REFUSED, failed, guest, input};
use ringfence_sandbox_tests::{host, limits, runtime};
use serde_json::json;

/// What a file counts in the memory limit beside its name, and what a block of its contents does.
const ENTRY: u64 = 512;
const BLOCK: u64 = 4096;

/// Bytes of the guest's memory when it begins.
const GUEST: u64 = 32 << 16;

fn granted() -> Granted {
    Granted::nothing().scratch(ScratchCaps::default())
}

fn run(ops: &[Op<'_>], granted: Granted, limits: &Limits) -> Report {
    let host = host(Allocator::Pooling);
    let skill = host.load(guest()).unwrap_or_else(|error| panic!("{error}"));
    let call = host.call(&skill, "run").limits(limits).grant(granted);
    runtime().block_on(call.json(input(ops))).unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
fn answers(report: &Report) -> Vec<u32> {
    match &report.outcome {
        Outcome::Completed(value) => serde_json::from_str(value.as_str()).expect("numbers"),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn check(ops: &[Op<'_>], caps: ScratchCaps, expected: &[u32]) {
    let report = run(ops, Granted::nothing().scratch(caps), &Limits::default());
    assert_eq!(answers(&report), expected);
}

#[test]
fn without_a_grant_there_is_no_directory() {
    let ops = [Op::Open("f", 1), Op::MakeDirectory("d")];
    let report = run(&ops, Granted::nothing(), &Limits::default());
    assert_eq!(answers(&report), [NO_DIRECTORY; 2]);
    assert_eq!(report.denied, []);
    assert_eq!(report.usage.capabilities.scratch.calls, 0);

    let report = run(&ops, Granted::nothing().scratch_denied("no grant"), &Limits::default());
    assert_eq!(answers(&report), [NO_DIRECTORY; 2]);
    assert_eq!(
        serde_json::to_value(&report.denied).expect("JSON"),
        json!([
            {"capability": "scratch", "wanted": "", "kind": "no-grant", "reason": "no grant"}
        ])
    );
}

#[test]
fn files_are_written_read_renamed_and_removed() {
    let ops = [
        Op::Open("tmp/f", 1),
        Op::Write("hello", 0),
        Op::Stream(" world", 5),
        Op::Read("as many as these", 0),
        Op::MakeDirectory("d"),
        Op::Rename("tmp/fd/g", 5),
        Op::OpenRead("d/g"),
        Op::Read("four", 9),
        Op::Write("x", 0),
        Op::Unlink("d/g"),
        Op::Read("still open", 0),
        Op::Close,
        Op::OpenRead("d/g"),
        Op::RemoveDirectory("d"),
    ];
    let bad = failed("bad-descriptor");
    let expected = [OK, OK, OK, 11, OK, OK, OK, 2, bad, OK, 10, OK, failed("no-entry"), OK];
    check(&ops, ScratchCaps::default(), &expected);
}

#[test]
fn no_path_leads_out_of_the_tree() {
    for path in ["/etc/passwd", "../etc/passwd", "tmp/../../etc/passwd", "..", "/", "//", "./../x"] {
        check(
            &[Op::Open(path, 1), Op::OpenRead(path), Op::MakeDirectory(path)],
            ScratchCaps::default(),
            &[failed("not-permitted"); 3],
        );
    }
    // What a real machine has is not there.
    for path in ["etc/passwd", "proc/self/environ", "dev/null", "tmp/ringfence"] {
        check(&[Op::OpenRead(path)], ScratchCaps::default(), &[failed("no-entry")]);
    }
}

#[test]
fn each_cap_holds_at_its_border() {
    let full = failed("insufficient-space");
    let ops = [Op::Open("a", 1), Op::MakeDirectory("b"), Op::Open("c", 1), Op::Unlink("a"), Op::Open("c", 1)];
    let caps = ScratchCaps::default().with_files(2);
    // `a` is open, so that it counts although it is removed.
    check(&ops, caps, &[OK, OK, full, OK, full]);

    let ops =
        [Op::MakeDirectory("a"), Op::MakeDirectory("a/b"), Op::Open("a/b/f", 1), Op::MakeDirectory("a/b/c")];
    check(&ops, ScratchCaps::default().with_depth(2), &[OK, OK, OK, full]);

    let ops = [Op::Open("abc", 1), Op::Open("abcd", 1)];
    check(&ops, ScratchCaps::default().with_name_bytes(3), &[OK, failed("name-too-long")]);

    let ops = [
        Op::Open("f", 1),
        Op::Write("12345", 0),
        Op::Write("6", 5),
        Op::Stream("6", 5),
        Op::Resize(6),
        Op::Resize(4),
        Op::Stream("5", 4),
        Op::Stream("6", 5),
        Op::Read("123456", 0),
    ];
    let caps = ScratchCaps::default().with_bytes(5);
    check(&ops, caps, &[OK, OK, full, full, full, OK, OK, full, 5]);
}

#[test]
fn files_and_guest_memory_share_one_limit() {
    let ops = [Op::Open("f", 1), Op::Write("x", 0), Op::Write("y", BLOCK)];
    let needed = GUEST + ENTRY + 1 + 2 * BLOCK;
    let report = run(&ops, granted(), &limits(|l| l.memory = needed));
    assert_eq!(answers(&report), [OK; 3]);
    assert_eq!((report.usage.peak_memory, report.usage.refused_growths), (needed, 0));

    let report = run(&ops, granted(), &limits(|l| l.memory = needed - 1));
    assert_eq!(answers(&report), [OK, OK, failed("insufficient-space")]);
    assert_eq!((report.usage.peak_memory, report.usage.refused_growths), (needed - BLOCK, 1));

    // The other way round: what files take, memory does not get, until they give it back.
    let ops = [
        Op::Open("f", 1),
        Op::Resize(16 * BLOCK),
        Op::Write("x", 0),
        Op::Grow(1),
        Op::Resize(0),
        Op::Close,
        Op::Unlink("f"),
        Op::Grow(1),
    ];
    let report = run(&ops, granted(), &limits(|l| l.memory = GUEST + (1 << 16)));
    assert_eq!(answers(&report), [OK, OK, OK, REFUSED, OK, OK, OK, OK]);
}

#[test]
fn a_run_that_fails_after_a_refused_write_reached_the_memory_limit() {
    let ops = [Op::Open("f", 1), Op::Write("x", 0), Op::Trap];
    let report = run(&ops, granted(), &limits(|l| l.memory = GUEST + ENTRY + BLOCK));
    assert_eq!(report.outcome.name(), "memory-limit");
    // A cap of the grant is no limit of the run.
    let report =
        run(&ops, Granted::nothing().scratch(ScratchCaps::default().with_bytes(0)), &Limits::default());
    assert_eq!(report.outcome.name(), "trapped");
}

#[test]
fn a_full_host_ends_the_run() {
    let host = ringfence::Host::new(ringfence::HostConfig::default().with_memory(8 << 20)).expect("a host");
    let skill = host.load(guest()).expect("it loads");
    let few = limits(|l| (l.output_size, l.log_size) = (100_000, 10_000));
    let fill = |blocks: u64| {
        let writes = (0..blocks).map(|n| Op::Write("x", n * BLOCK));
        let ops: Vec<Op<'_>> = std::iter::once(Op::Open("f", 1)).chain(writes).collect();
        let call = host.call(&skill, "run").limits(&few).grant(granted());
        let report = runtime().block_on(call.json(input(&ops))).expect("a run");
        assert_eq!(host.reserved_bytes(), 0, "everything is returned");
        report.outcome.name()
    };
    assert_eq!(fill(10), "completed");
    // 12 MiB, which the run's own limits would allow.
    assert_eq!(fill(3_000), "host-overloaded");
}

#[test]
fn operations_count_in_the_usage() {
    let ops = [Op::Open("f", 1), Op::Write("12345", 0), Op::Stream("6", 5), Op::Read("1234567", 0)];
    let report = run(&ops, granted(), &Limits::default());
    assert_eq!(answers(&report), [OK, OK, OK, 6]);
    let scratch = report.usage.capabilities.scratch;
    // Two for the stream: it is opened, and written.
    assert_eq!((scratch.sent, scratch.received), (1 + 5 + 1, 6));
    assert_eq!(scratch.calls, 1 + 1 + 1 + 2 + 1);
}

#[test]
fn nothing_is_left_for_the_next_run() {
    let report = run(&[Op::Open("f", 1), Op::Write("x", 0)], granted(), &Limits::default());
    assert_eq!(answers(&report), [OK; 2]);
    check(&[Op::OpenRead("f")], ScratchCaps::default(), &[failed("no-entry")]);
}

#[test]
fn files_go_in_with_the_call_and_come_back_with_the_report() {
    let host = host(Allocator::Pooling);
    let skill = host.load(guest()).expect("it loads");
    let ops = [
        Op::OpenRead("in/data.csv"),
        Op::Read("1234567890", 0),
        Op::Open("tmp/out", 1),
        Op::Write("result", 0),
        Op::Open("tmp/large", 1),
        Op::Write("too large", 0),
    ];
    let call = host
        .call(&skill, "run")
        .grant(granted())
        .file("/in/data.csv", "a,b")
        .return_files(["tmp/out", "/tmp/", "none"], 6);
    let report = runtime().block_on(call.json(input(&ops))).expect("a run");
    assert_eq!(answers(&report), [OK, 3, OK, OK, OK, OK]);
    assert_eq!(
        serde_json::to_value(&report).expect("JSON")["files"],
        json!([{"path": "tmp/large", "size": 9}, {"path": "tmp/out", "size": 6, "base64": "cmVzdWx0"}])
    );
}

/// Unmodified `std::fs` of Rust: writes, appends, seeks, lists, renames and removes.
#[test]
fn the_standard_library_of_rust_uses_scratch_files() {
    let folder = root().join("tests/origins/files-rust");
    let component = std::fs::read(folder.join("files-rust.wasm")).expect("it is committed");
    let host = host(Allocator::Pooling);
    let skill = host.load(component).expect("it loads");
    let run = |tool: &str, input: serde_json::Value, caps: ScratchCaps, limits: &Limits| {
        let call = host.call(&skill, tool).limits(limits).grant(Granted::nothing().scratch(caps));
        let report = runtime().block_on(call.json(input)).expect("a run");
        match report.outcome {
            Outcome::Completed(value) | Outcome::Failed(value) => value.to_value(),
            other => panic!("{other:?}"),
        }
    };
    let (usual, caps) = (Limits::default(), ScratchCaps::default());
    let expected = std::fs::read(folder.join("expected.json")).expect("it is committed");
    let expected: serde_json::Value = serde_json::from_slice(&expected).expect("JSON");
    assert_eq!(run("work", json!({}), caps, &usual), expected);

    let full = "No space left on device (os error 51)";
    let fill = |bytes: u64, caps, limits: &Limits| {
        run("fill", json!({"path": "/tmp/f", "bytes": bytes}), caps, limits)
    };
    let small = caps.with_bytes(1 << 20);
    assert_eq!(fill(1 << 20, small, &usual), json!(1 << 20));
    assert_eq!(fill((1 << 20) + 1, small, &usual), json!([full, 1 << 20]));
    let told = fill(8 << 20, caps, &limits(|l| l.memory = 8 << 20));
    assert_eq!(told[0], json!(full), "the memory limit looks like a full disk: {told}");
    let many = |count: u32| run("many", json!({"count": count}), caps.with_files(10), &usual);
    assert_eq!(many(10), json!([10, null]));
    assert_eq!(many(11), json!([10, full]));
}

#[test]
fn files_that_a_run_cannot_take_refuse_the_call() {
    let host = host(Allocator::Pooling);
    let skill = host.load(guest()).expect("it loads");
    let refused = |granted: Granted, files: &[(&str, usize)], limits: &Limits| {
        let mut call = host.call(&skill, "run").limits(limits).grant(granted);
        for (path, size) in files {
            call = call.file(*path, vec![0; *size]);
        }
        match runtime().block_on(call.json(input(&[]))) {
            Ok(_) => None,
            Err(error @ RunError::File { .. }) => Some(error.to_string()),
            Err(other) => panic!("{other}"),
        }
    };
    let usual = Limits::default();
    let without = refused(Granted::nothing(), &[("f", 1)], &usual).expect("no files");
    assert!(without.contains("grant `scratch`"), "{without}");
    for path in ["../x", "a//b", "", "/", "tmp", "tmp/.."] {
        assert!(refused(granted(), &[(path, 1)], &usual).is_some(), "{path}");
    }
    assert!(refused(granted(), &[("f", 1), ("f", 1)], &usual).is_some(), "twice");
    let caps = || Granted::nothing().scratch(ScratchCaps::default().with_bytes(10));
    assert_eq!(refused(caps(), &[("f", 10)], &usual), None);
    assert!(refused(caps(), &[("f", 11)], &usual).is_some());
    let memory = limits(|l| l.memory = 100_000);
    assert!(refused(granted(), &[("f", 100_000)], &memory).is_some(), "more than the memory limit");
}
