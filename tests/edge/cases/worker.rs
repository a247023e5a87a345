//! The worker: bundles take one another's place while calls go on, and never go back.

use std::sync::Arc;

use ringfence::{Limits, Outcome, Report, Target};
use ringfence_bundle::{Draft, Revocations, SecretKey, Trust};
use ringfence_edge::{CallError, Change, Time, Worker, WorkerConfig};
use ringfence_edge_tests::{draft, host, key, native, skill, trust};
use serde_json::json;

use crate::{ECHO, SPIN, number};

fn worker() -> Worker {
    Worker::new(WorkerConfig::default(), trust()).expect("a worker")
}

fn signed(draft: Draft) -> Vec<u8> {
    draft.sign(&key()).expect("signed")
}

/// A bundle of this version, whose skill `n` gives it.
fn version(version: u32) -> Vec<u8> {
    signed(draft(version.into(), vec![skill("n", &number(version), &Limits::default(), &[native()])]))
}

fn load(worker: &Worker, bytes: &[u8]) -> Result<Change, &'static str> {
    worker.load(bytes, bytes.len() as u64).map_err(|error| error.code())
}

/// What skill `n` gives now.
fn says(worker: &Worker) -> String {
    told(worker.call_blocking("n", "number", "{}"))
}

/// The same where a runtime is there already.
async fn now(worker: &Worker) -> String {
    told(worker.call("n", "number", "{}").await)
}

fn told(called: Result<Report, CallError>) -> String {
    match called {
        Ok(report) => match report.outcome {
            Outcome::Completed(value) => value.to_value().to_string(),
            other => other.name().to_owned(),
        },
        Err(error) => error.code().to_owned(),
    }
}

#[test]
fn a_call_runs_under_the_limits_of_the_bundle() {
    let worker = worker();
    assert_eq!(says(&worker), "no-bundle");
    let few = Limits::default().with_fuel(10_000);
    let bytes = signed(draft(
        1,
        vec![skill("echo", ECHO, &Limits::default(), &[native()]), skill("spin", SPIN, &few, &[native()])],
    ));
    assert_eq!(load(&worker, &bytes), Ok(Change::Swapped));
    let report = worker.call_blocking("echo", "echo", r#"{"text": "good"}"#).unwrap();
    assert!(matches!(&report.outcome, Outcome::Completed(value) if *value == json!("good")));
    let report = worker.call_blocking("spin", "spin", "{}").unwrap();
    assert_eq!((report.outcome.name(), report.usage.fuel), ("out-of-fuel", 10_000));
    let error = worker.call_blocking("none", "spin", "{}").unwrap_err();
    assert!(matches!(&error, CallError::NoSuchSkill { known, .. } if known == "echo, spin"), "{error}");
    assert_eq!(worker.call_blocking("echo", "none", "{}").unwrap_err().code(), "no-such-tool");
    assert_eq!(worker.call_blocking("echo", "echo", "{}").unwrap_err().code(), "input-mismatch");
}

#[test]
fn a_listed_tool_has_these_members_in_this_order() {
    let skill = host().load(ringfence_sandbox_tests::wasm(ECHO)).expect("it loads");
    let shown = ringfence_edge::show("echo", &skill, &Limits::default());
    let tool = shown["tools"][0].as_object().expect("an object");
    let members: Vec<&str> = tool.keys().map(String::as_str).collect();
    let expected = ["name", "full_name", "signature", "description", "parameters", "result", "failure"];
    assert_eq!(members, expected);
}

#[test]
fn versions_only_go_up() {
    let worker = worker();
    assert_eq!(load(&worker, &version(2)), Ok(Change::Swapped));
    assert_eq!(load(&worker, &version(2)), Ok(Change::Unchanged));
    assert_eq!(load(&worker, &version(1)), Err("bundle-rollback"));
    assert_eq!(says(&worker), "2");
    let other = signed(draft(2, vec![skill("n", &number(9), &Limits::default(), &[native()])]));
    assert_eq!(load(&worker, &other), Err("bundle-same-version"));
    assert_eq!(says(&worker), "2");
    assert_eq!(load(&worker, &version(3)), Ok(Change::Swapped));
    assert_eq!(says(&worker), "3");
}

#[test]
fn the_highest_version_seen_outlives_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("seen");
    let config = || WorkerConfig::default().with_state(Some(state.clone()));
    let first = Worker::new(config(), trust()).unwrap();
    assert_eq!(load(&first, &version(2)), Ok(Change::Swapped));
    // A bundle that is refused is not what was seen.
    let mut altered = version(9);
    let last = altered.len() - 1;
    altered[last] ^= 1;
    assert_eq!(load(&first, &altered), Err("bundle-altered"));
    drop(first);
    let second = Worker::new(config(), trust()).unwrap();
    assert_eq!(load(&second, &version(1)), Err("bundle-rollback"));
    assert_eq!(load(&second, &version(2)), Ok(Change::Swapped), "the one that it had");
    // What it saw is not known: it does not begin.
    std::fs::write(&state, "half a li").unwrap();
    let error = Worker::new(config(), trust()).expect_err("refused").to_string();
    assert!(error.contains("delete it to start over"), "{error}");
}

/// Two processes of one node: what one has seen the other goes by.
#[test]
fn workers_that_share_a_state_never_go_back() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("seen");
    let config = || WorkerConfig::default().with_state(Some(state.clone()));
    let (first, second) = (Worker::new(config(), trust()).unwrap(), Worker::new(config(), trust()).unwrap());
    assert_eq!(load(&first, &version(1)), Ok(Change::Swapped));
    assert_eq!(load(&second, &version(3)), Ok(Change::Swapped));
    assert_eq!(load(&first, &version(2)), Err("bundle-rollback"));
    assert_eq!(says(&first), "1");
    assert!(std::fs::read_to_string(&state).unwrap().contains("\"version\":3"));
    assert_eq!(load(&first, &version(4)), Ok(Change::Swapped));
}

/// Limits under which a loop goes on for an hour.
fn long() -> Limits {
    Limits::default().with_fuel(u64::MAX - 1).with_deadline(std::time::Duration::from_secs(3_600))
}

/// Begins a run: it is under way when this returns.
async fn begin<F: Future>(worker: &Worker, run: std::pin::Pin<&mut F>) {
    let mut run = Some(run);
    let pending = std::future::poll_fn(|context| {
        let pending = run.take().is_some_and(|run| run.poll(context).is_pending());
        std::task::Poll::Ready(pending)
    });
    assert!(pending.await, "it ended at once");
    assert_eq!(worker.serving().unwrap().host().runs(), 1, "it did not begin");
}

/// A run that nothing else would end for an hour.
#[tokio::test]
async fn runs_of_a_revoked_bundle_end() {
    let worker = worker();
    load(&worker, &signed(draft(1, vec![skill("spin", SPIN, &long(), &[native()])]))).unwrap();
    let mut run = std::pin::pin!(worker.call("spin", "spin", "{}"));
    begin(&worker, run.as_mut()).await;
    worker.trust(Trust::default());
    assert_eq!(run.await.unwrap().outcome.name(), "cancelled");
}

/// Also where another bundle serves by then, which goes on.
#[tokio::test]
async fn runs_of_a_revoked_bundle_end_even_after_it_was_replaced() {
    let worker = worker();
    load(&worker, &signed(draft(1, vec![skill("spin", SPIN, &long(), &[native()])]))).unwrap();
    let first = worker.serving().unwrap();
    let digest = first.manifest().skills[0].digest;
    let call = first.call("spin", "spin").unwrap();
    drop(first);
    let mut run = std::pin::pin!(call.json("{}"));
    begin(&worker, run.as_mut()).await;
    assert_eq!(load(&worker, &version(2)), Ok(Change::Swapped));
    assert_eq!(load(&worker, &version(3)), Ok(Change::Swapped));
    worker.trust(trust().revoking(Revocations::read(&digest.to_string()).unwrap()));
    assert_eq!(run.await.unwrap().outcome.name(), "cancelled");
    assert_eq!(now(&worker).await, "3");
}

/// A bundle that somebody holds on to is not called any more once it is not trusted.
#[test]
fn a_bundle_that_is_no_longer_trusted_gets_no_calls() {
    let worker = worker();
    load(&worker, &version(1)).unwrap();
    let serving = worker.serving().unwrap();
    assert!(serving.call("n", "number").is_ok());
    worker.trust(Trust::default());
    assert_eq!(serving.call("n", "number").unwrap_err().code(), "no-bundle");
}

#[test]
fn a_bad_bundle_leaves_the_old_one_serving() {
    let worker = worker();
    assert_eq!(load(&worker, &version(1)), Ok(Change::Swapped));
    let mut altered = version(2);
    let last = altered.len() - 1;
    altered[last] ^= 1;
    assert_eq!(load(&worker, &altered), Err("bundle-altered"));
    let mut expired = draft(3, vec![skill("n", &number(3), &Limits::default(), &[native()])]);
    (expired.not_before, expired.expires) = (Time::now().0 - 60, Time::now().0 - 1);
    assert_eq!(load(&worker, &signed(expired)), Err("bundle-expired"));
    let foreign = draft(4, vec![skill("n", &number(4), &Limits::default(), &[native()])]);
    assert_eq!(
        load(&worker, &foreign.sign(&SecretKey::from_seed(&[9; 32])).unwrap()),
        Err("bundle-unknown-key")
    );
    // Signed as a skill's code, and none.
    let mut rubbish = draft(5, vec![skill("n", &number(5), &Limits::default(), &[native()])]);
    rubbish.skills[0].builds[0].code = b"\x7fELF and no more".to_vec();
    assert_eq!(load(&worker, &signed(rubbish)), Err("bundle-load"));
    let mut other = draft(6, vec![skill("n", &number(6), &Limits::default(), &[native()])]);
    other.skills[0].builds[0].description = skill("n", ECHO, &Limits::default(), &[]).description.to_bytes();
    assert_eq!(load(&worker, &signed(other)), Err("bundle-load"));
    assert_eq!(says(&worker), "1");
    assert_eq!(load(&worker, &version(7)), Ok(Change::Swapped));
}

#[test]
fn a_revoked_or_no_longer_trusted_bundle_stops_serving() {
    let worker = worker();
    let bytes = version(1);
    assert_eq!(load(&worker, &bytes), Ok(Change::Swapped));
    let id = worker.serving().unwrap().id().to_string().replacen("sha256:", "bundle:", 1);
    let list = Revocations::read(&id).unwrap();
    worker.trust(trust().revoking(list));
    let error = worker.call_blocking("n", "number", "{}").unwrap_err();
    assert!(error.to_string().contains("revoked"), "{error}");
    assert_eq!(load(&worker, &bytes), Err("bundle-revoked"));
    worker.trust(trust());
    assert_eq!(load(&worker, &bytes), Ok(Change::Swapped), "and comes back with the trust");
    worker.trust(Trust::default());
    assert_eq!(says(&worker), "no-bundle");
}

/// Revoked before the bundle came or while it serves: the others go on, and the skill comes back with the trust.
#[tokio::test]
async fn a_revoked_skill_stops_alone() {
    let pair = |version| {
        let skills =
            vec![skill("n", &number(7), &long(), &[native()]), skill("spin", SPIN, &long(), &[native()])];
        signed(draft(version, skills))
    };
    let digest = skill("spin", SPIN, &long(), &[]).description.digest();
    let revoking = || trust().revoking(Revocations::read(&digest.to_string()).unwrap());
    let spins = async |worker: &Worker| worker.call("spin", "spin", "{}").await.map_err(|error| error.code());
    for before in [true, false] {
        let worker = worker();
        if before {
            worker.trust(revoking());
            assert_eq!(load(&worker, &pair(1)), Ok(Change::Swapped));
        } else {
            assert_eq!(load(&worker, &pair(1)), Ok(Change::Swapped));
            let held = worker.serving().unwrap();
            // Made before the revocation, and begun after it.
            let late = held.call("spin", "spin").unwrap();
            let mut run = std::pin::pin!(worker.call("spin", "spin", "{}"));
            begin(&worker, run.as_mut()).await;
            worker.trust(revoking());
            assert_eq!(run.await.unwrap().outcome.name(), "cancelled");
            assert_eq!(late.json("{}").await.unwrap_err().code(), "revoked");
            assert_eq!(held.call("spin", "spin").unwrap_err().code(), "revoked");
        }
        assert_eq!(spins(&worker).await.unwrap_err(), "revoked");
        assert_eq!(now(&worker).await, "7");
        let serving = worker.serving().unwrap();
        assert_eq!(serving.skills().map(|served| served.name()).collect::<Vec<_>>(), ["n"]);
        assert_eq!(serving.revoked().collect::<Vec<_>>(), [("spin", digest)]);
        assert_eq!(worker.call("x", "x", "{}").await.unwrap_err().to_string().matches("spin").count(), 0);
        assert_eq!(load(&worker, &pair(1)), Ok(Change::Unchanged));
        assert!(worker.is_complete());
        // Also of the next bundle that has it.
        assert_eq!(load(&worker, &pair(2)), Ok(Change::Swapped));
        assert_eq!(spins(&worker).await.unwrap_err(), "revoked");
        worker.trust(trust());
        assert!(!worker.is_complete());
        assert_eq!(load(&worker, &pair(2)), Ok(Change::Swapped));
        let mut run = std::pin::pin!(worker.call("spin", "spin", "{}"));
        begin(&worker, run.as_mut()).await;
        worker.cancel_runs();
        assert_eq!(run.await.unwrap().outcome.name(), "cancelled");
    }
}

/// The clock of a worker, which only the test moves.
static CLOCK: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

#[test]
fn a_bundle_ends_while_it_serves() {
    use std::sync::atomic::Ordering::Relaxed;
    let begin = Time::now().0;
    CLOCK.store(begin, Relaxed);
    let clock = || Time(CLOCK.load(Relaxed));
    let worker = Worker::new(WorkerConfig::default().with_clock(clock), trust()).expect("a worker");
    let mut short = draft(1, vec![skill("n", &number(1), &Limits::default(), &[native()])]);
    short.expires = begin + 600;
    assert_eq!(load(&worker, &signed(short)), Ok(Change::Swapped));
    assert_eq!(says(&worker), "1");
    CLOCK.store(begin + 599, Relaxed);
    assert_eq!(says(&worker), "1");
    CLOCK.store(begin + 600, Relaxed);
    let error = worker.call_blocking("n", "number", "{}").unwrap_err();
    assert!(error.to_string().contains("expired"), "{error}");
    assert_eq!(load(&worker, &version(2)), Ok(Change::Swapped));
    assert_eq!(says(&worker), "2");
}

/// Calls go on from four threads while fifty bundles take one another's place: none is lost, none is wrong.
#[test]
fn calls_go_on_while_bundles_change() {
    let worker = worker();
    load(&worker, &version(1)).unwrap();
    let bundles: Vec<Vec<u8>> = (2..=50).map(version).collect();
    // All call while nine bundles change, and the tenth is waited for until each has called it.
    let round = Arc::new(std::sync::Barrier::new(5));
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let (worker, round) = (worker.clone(), Arc::clone(&round));
            std::thread::spawn(move || {
                let mut last = 0;
                while last < 50 {
                    let now: u32 = says(&worker).parse().expect("a number");
                    assert!(now >= last, "{now} after {last}");
                    if now.div_euclid(10) > last.div_euclid(10) {
                        round.wait();
                    }
                    last = now;
                }
            })
        })
        .collect();
    for (bundle, now) in bundles.iter().zip(2_u32..) {
        assert_eq!(load(&worker, bundle), Ok(Change::Swapped));
        if now.is_multiple_of(10) {
            round.wait();
        }
    }
    callers.into_iter().for_each(|caller| caller.join().expect("no call failed"));
}

/// A run that began under the old bundle ends as it would have.
#[tokio::test]
async fn a_run_ends_on_the_code_that_it_began_with() {
    let worker = worker();
    let long = long().with_fuel(200_000_000);
    load(&worker, &signed(draft(1, vec![skill("spin", SPIN, &long, &[native()])]))).unwrap();
    let mut run = std::pin::pin!(worker.call("spin", "spin", "{}"));
    begin(&worker, run.as_mut()).await;
    assert_eq!(load(&worker, &version(2)), Ok(Change::Swapped));
    let report = run.await.unwrap();
    assert_eq!((report.outcome.name(), report.usage.fuel), ("out-of-fuel", 200_000_000));
    assert_eq!(worker.call("spin", "spin", "{}").await.unwrap_err().code(), "no-such-skill");
}

#[test]
fn pulley_runs_if_requested() {
    let limits = Limits::default();
    let both = signed(draft(1, vec![skill("n", &number(7), &limits, &[native(), Target::Pulley64])]));
    let config = WorkerConfig::default().with_interpret(true);
    let interpreting = Worker::new(config, trust()).unwrap();
    assert_eq!(load(&interpreting, &both), Ok(Change::Swapped));
    assert!(interpreting.serving().unwrap().is_interpreted());
    assert_eq!(says(&interpreting), "7");
    let native_alone = signed(draft(2, vec![skill("n", &number(8), &limits, &[native()])]));
    assert_eq!(load(&interpreting, &native_alone), Err("bundle-no-build"));
    let worker = worker();
    assert_eq!(load(&worker, &both), Ok(Change::Swapped));
    assert!(!worker.serving().unwrap().is_interpreted());
    let pulley_alone = signed(draft(2, vec![skill("n", &number(9), &limits, &[Target::Pulley64])]));
    assert_eq!(load(&worker, &pulley_alone), Ok(Change::Swapped), "where there is nothing better");
    assert!(worker.serving().unwrap().is_interpreted());
    assert_eq!(says(&worker), "9");
}

/// One run at a time: the second is refused while the first is there, and taken after it.
#[tokio::test]
async fn a_full_worker_refuses() {
    let config = WorkerConfig::default().with_runs(1);
    let worker = Worker::new(config, trust()).unwrap();
    let skills =
        vec![skill("n", &number(1), &long(), &[native()]), skill("spin", SPIN, &long(), &[native()])];
    load(&worker, &signed(draft(1, skills))).unwrap();
    assert_eq!(now(&worker).await, "1");
    let call = worker.serving().unwrap().call("spin", "spin").unwrap();
    let token = call.cancellation().clone();
    let mut run = std::pin::pin!(call.json("{}"));
    begin(&worker, run.as_mut()).await;
    assert_eq!(now(&worker).await, "overloaded");
    token.cancel();
    assert_eq!(run.await.unwrap().outcome.name(), "cancelled");
    assert_eq!(now(&worker).await, "1");
}
