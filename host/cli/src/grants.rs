//! The capabilities of a run of the command line: its grants, its secrets, its key-value file and the egress door.

use std::collections::BTreeMap;
use std::sync::Arc;

use ringfence::Digest;
use ringfence_capabilities::{Capabilities, system_resolver};
use ringfence_egress::secret::Secret;
use ringfence_egress::{Door, DoorConfig};
use ringfence_policy::{Capability, KvStorage, Origin, Policy, SkillDigest, Subject};
use ringfence_store::{Reference, Store};

use crate::args::{GrantArgs, StoreArgs};
use crate::kv;
use crate::load::Source;
use crate::output::{Refused, note};

/// Opens the implementations of the grants; none for a run without grants.
pub(crate) fn open(args: &GrantArgs, store: &StoreArgs) -> Result<Capabilities, Refused> {
    let policy = Policy::new(Origin::CommandLine, args.grants.clone()).map_err(|error| Refused {
        exit: 4,
        code: "invalid-grant",
        ..Refused::fault(error.to_string())
    })?;
    let asks = |wanted: fn(&Capability) -> bool| args.grants.iter().any(|grant| wanted(&grant.capability));
    let (on_disk, http) = (
        asks(|capability| matches!(capability, Capability::Kv(rule) if rule.storage == KvStorage::Durable)),
        asks(|capability| matches!(capability, Capability::Http(_))),
    );
    let secrets = secrets(args)?;
    let invalid = |message: String| Refused { exit: 4, code: "invalid-grant", ..Refused::fault(message) };
    ringfence_capabilities::check(&policy, |name| secrets.contains_key(name))
        .map_err(|error| invalid(error.to_string()))?;
    let mut capabilities = Capabilities::new(policy).with_secrets(secrets.keys().cloned());
    if on_disk {
        capabilities = capabilities.with_kv(durable(args, store)?);
    }
    if http {
        capabilities = capabilities.with_door(door(secrets));
    }
    Ok(capabilities)
}

/// Opens the file of durable spaces, and creates it if it does not exist.
fn durable(args: &GrantArgs, store: &StoreArgs) -> Result<ringfence_kv::Store, Refused> {
    kv::open_or_make(args.kv.as_ref(), store)
}

fn secrets(args: &GrantArgs) -> Result<BTreeMap<String, Arc<Secret>>, Refused> {
    let mut secrets = BTreeMap::new();
    for (name, source) in &args.secrets {
        let loaded = source.read(name).map_err(|error| Refused {
            exit: 4,
            code: "invalid-secret",
            ..Refused::fault(error.to_string())
        })?;
        if let Some(warning) = loaded.warning {
            note(&format!("warning: {warning}"));
        }
        secrets.insert(name.clone(), Arc::new(loaded.secret));
    }
    Ok(secrets)
}

fn door(secrets: BTreeMap<String, Arc<Secret>>) -> Door {
    let mut config = DoorConfig::new(system_resolver());
    config.secrets = Arc::new(secrets);
    Door::new(config)
}

/// The subject of a run: a stored skill by its name, another by its digest alone.
pub(crate) fn subject(skill: Digest, source: &Source, store: Option<&Store>) -> Subject {
    let mut subject = Subject::of(SkillDigest(*skill.as_bytes()));
    // As on a server without tokens.
    subject.principal = Some("local".to_owned());
    match source {
        Source::Store(Reference::Name(name) | Reference::Version(name, _)) => {
            subject.name = Some(name.to_string());
            // Without a record the skill would not have been loaded.
            let record = store.and_then(|store| store.record(name).ok().flatten());
            subject.owner = record.map(|record| record.owner.to_string());
        }
        Source::Store(Reference::Digest(_) | Reference::Prefix(_)) | Source::File(_) => {}
    }
    subject
}
