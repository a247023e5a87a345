//! Turns the denials of a run into grants to add.

use ringfence::{Capability, Denial};
use ringfence_policy::{Grant, Request, Target, capability_for};

/// Returns the narrowest grants that would have covered the denied calls of a run, in order, each once. They have the
/// form of `--grant`, for the skill of the run. Calls that no grant can cover are left out.
pub fn missing_grants(denied: &[Denial]) -> Vec<Grant> {
    let mut grants: Vec<Grant> = Vec::new();
    for denial in denied {
        let Some(grant) = grant_for(denial) else { continue };
        if !grants.contains(&grant) {
            grants.push(grant);
        }
    }
    grants
}

fn grant_for(denial: &Denial) -> Option<Grant> {
    let wanted = denial.wanted.as_str();
    let capability = match denial.capability {
        Capability::Http => {
            let (method, url) = wanted.split_once(' ')?;
            let target = Target::parse(url).ok()?;
            capability_for(&Request::Http { method, target: &target })
        }
        Capability::Kv => capability_for(&Request::Kv),
        Capability::Config => capability_for(&Request::Config(wanted)),
        Capability::Secrets => capability_for(&Request::Secret(wanted)),
        Capability::Scratch => capability_for(&Request::Scratch),
    };
    capability.map(Grant::of_run)
}
