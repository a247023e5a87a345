//! A kill at every system call that changes files, of one operation of each kind: `strace` sends the signal when the
//! call is entered, so that it is not made.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use super::check::Checker;
use super::model::{Op, World};
use super::process::Log;
use super::runtime;

/// What changes files or waits for others. `strace` counts each by itself.
const CALLS: [&str; 10] = [
    "openat",
    "openat2",
    "write",
    "ftruncate",
    "flock",
    "fsync",
    "rename",
    "renameat",
    "unlinkat",
    "mkdirat",
];

/// No operation makes one call more often in one thread.
const MOST: u32 = 500;

/// Kills at each call; fails on any finding, and where there is no `strace`.
pub fn run() -> ExitCode {
    if Command::new("strace").arg("-V").output().is_err() {
        eprintln!("there is no `strace`, which sends the signals");
        return ExitCode::from(2);
    }
    let (mut checker, runtime) = (Checker::new(), runtime());
    let folder = tempfile::tempdir().expect("a directory");
    let (before, store) = (folder.path().join("before"), folder.path().join("store"));
    let mut world = World::default();
    let (name, other) = ("w0-0".to_owned(), "w0-1".to_owned());
    let submit = |name: &str, number, hold| Op::Submit { name: name.to_owned(), number, hold };
    for op in
        [submit(&name, 0, false), submit(&name, 1, false), submit(&name, 2, true), submit(&other, 0, false)]
    {
        let (log, _) = once(&before, &world, &op, None);
        world = log.world;
    }
    let mut submissions = 0;
    for _ in 0..2 {
        runtime.block_on(checker.check(
            &before,
            &[vec![world.clone()], vec![World::default()]],
            &mut submissions,
        ));
    }
    let operations = [
        ("submit new", submit("w0-2", 3, false)),
        ("replace", submit(&name, 4, false)),
        ("submit again", submit(&other, 0, false)),
        ("submit held", submit(&other, 6, true)),
        ("release", Op::Release { name: name.clone(), version: 3 }),
        ("roll back", Op::RollBack { name: name.clone() }),
        ("remove version", Op::RemoveVersion { name: name.clone(), version: 1 }),
        ("remove name", Op::RemoveName { name: name.clone() }),
        ("revoke", Op::Revoke { number: 1_000 }),
        ("policy", Op::Policy { skills: 11_000, artifacts: 1 << 30 }),
        ("load and compile", Op::Load { name }),
    ];
    for (kind, op) in &operations {
        let (mut killed, mut visible) = (0_u32, 0_u32);
        for call in CALLS {
            for at in 1..=MOST {
                let copied = Command::new("cp").arg("-a").arg(&before).arg(&store).status();
                assert!(copied.is_ok_and(|status| status.success()), "cp -a");
                let (log, ended) = once(&store, &world, op, Some((call, at)));
                let allowed = [log.allowed(), vec![World::default()]];
                let mut submissions = submissions;
                let found = runtime.block_on(checker.check(&store, &allowed, &mut submissions));
                let there = found.first().is_some_and(|found| *found != world);
                if !checker.findings.is_empty() {
                    println!("the store is kept: {}", folder.keep().join("store").display());
                    println!("{kind}, killed at {call} number {at}: {:#?}", checker.findings);
                    return ExitCode::FAILURE;
                }
                std::fs::remove_dir_all(&store).expect("the store goes");
                if matches!(ended, Ended::Done) {
                    break;
                }
                (killed, visible) = (killed + 1, visible + u32::from(there));
            }
        }
        println!("{:18}{killed} kills, {visible} of them when it was visible", format!("{kind}:"));
    }
    println!("{:18}{}", "checks:", checker.checks);
    ExitCode::SUCCESS
}

enum Ended {
    Done,
    /// Or its compiler was, and it was refused.
    Killed,
}

/// One operation in a process of its own, which is killed when it enters a call for that many times.
fn once(store: &Path, world: &World, op: &Op, kill: Option<(&str, u32)>) -> (Log, Ended) {
    let program = std::env::current_exe().expect("this program");
    let mut command = match kill {
        None => Command::new(program),
        Some((call, at)) => {
            let mut strace = Command::new("strace");
            let inject = format!("inject={call}:signal=SIGKILL:when={at}");
            strace.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject]);
            strace.arg(program);
            strace
        }
    };
    let json = |value: Result<String, serde_json::Error>| value.expect("JSON");
    command.arg("writer").arg(store).args(["0", "0"]);
    command.arg(json(serde_json::to_string(world))).arg(json(serde_json::to_string(op)));
    let ran = command.stdin(Stdio::null()).output().expect("`strace` is there");
    let mut log = Log::new(world.clone());
    String::from_utf8_lossy(&ran.stdout).lines().for_each(|line| log.read(Some(line.to_owned())));
    let ended = match (ran.status.success(), ran.status.signal(), &log.failed) {
        (true, _, _) => Ended::Done,
        (_, Some(_), _) | (_, _, Some(_)) => Ended::Killed,
        _ => panic!("{}: {}", ran.status, String::from_utf8_lossy(&ran.stderr)),
    };
    (log, ended)
}
