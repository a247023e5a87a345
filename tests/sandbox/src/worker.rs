//! A guest on its way to the edge: compiled for a baseline, signed, verified, and run by the worker.

use ringfence::{Limits, Report, RunError, Target, ValidatedSkill};
use ringfence_bundle::{Built, Draft, DraftSkill, SecretKey, Time, Trust};
use ringfence_edge::{Worker, WorkerConfig};
use serde_json::Value;

use crate::runtime;

/// Runs a tool of a skill as a worker does. The limits must be in their range: others are in no bundle.
pub fn run(skill: &ValidatedSkill, tool: &str, input: Value, limits: &Limits) -> Result<Report, RunError> {
    let native = |target: &Target| *target != Target::Pulley64;
    let target = Target::here().into_iter().find(native).expect("a target of this machine");
    let artifact = ringfence::compile_for(skill, target).expect("it compiles");
    let description = skill.described();
    let built = Built {
        fingerprint: target.fingerprint(),
        code: artifact.as_bytes().expect("in memory").to_vec(),
        description: description.to_bytes(),
    };
    let key = SecretKey::from_seed(&[7; 32]);
    let now = Time::now().0;
    let draft = Draft {
        version: 1,
        not_before: now - 60,
        expires: now + 3_600,
        skills: vec![DraftSkill {
            name: "guest".to_owned(),
            description,
            limits: limits.clone(),
            grants: Vec::new(),
            builds: vec![built],
        }],
    };
    let bundle = draft.sign(&key).expect("signed");
    let config = WorkerConfig::default().with_runs(200).with_memory(4 << 30).with_bundle(1 << 30);
    let worker = Worker::new(config, Trust::new(vec![key.public()])).expect("a worker");
    worker.load(&*bundle, bundle.len() as u64).expect("it is taken");
    let serving = worker.serving().expect("it serves");
    let served = serving.find("guest").expect("it is there");
    runtime().block_on(serving.host().call(served.skill(), tool).limits(served.limits()).json(input))
}
