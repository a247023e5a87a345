//! A key-value space of one run, over [`ringfence_kv`].

use ringfence::{Expected, HostCall, Kv, KvEntry, KvError, KvPage, Wait};
use ringfence_kv::{Error, Expect, Keyspace, Quotas, Store};
use ringfence_policy::{KvRule, Subject};

/// The space of a run, or why it has none.
#[derive(Debug)]
pub(crate) struct Space {
    keys: Result<Keyspace, String>,
}

impl Space {
    pub(crate) fn denied(reason: String) -> Self {
        Self { keys: Err(reason) }
    }

    pub(crate) fn open(store: &Store, space: &ringfence_kv::Space, rule: &KvRule) -> Self {
        let mut quotas = Quotas::default();
        quotas.keys = rule.keys;
        quotas.value_bytes = usize::try_from(rule.value_bytes.0).unwrap_or(usize::MAX);
        quotas.total_bytes = rule.bytes.0;
        quotas.writes_per_minute = rule.writes_per_minute;
        Self { keys: Ok(store.keyspace(space, quotas)) }
    }

    fn keys(&self) -> Result<&Keyspace, KvError> {
        self.keys.as_ref().map_err(|reason| KvError::Denied { reason: reason.clone() })
    }
}

/// Names the space of a skill: by owner and name, or by digest.
pub(crate) fn name(subject: &Subject, principal: Option<&str>) -> Result<ringfence_kv::Space, Error> {
    let space = match &subject.name {
        Some(name) => ringfence_kv::Space::named(subject.owner.as_deref().unwrap_or_default(), name)?,
        None => ringfence_kv::Space::digest(subject.digest.to_string())?,
    };
    match principal {
        Some(principal) => space.with_principal(principal),
        None => Ok(space),
    }
}

impl Kv for Space {
    fn get<'a>(&'a self, _: &'a HostCall, key: &'a str) -> Wait<'a, Result<Option<KvEntry>, KvError>> {
        Box::pin(async move {
            let entry = self.keys()?.get(key).await.map_err(told)?;
            Ok(entry.map(|entry| KvEntry { value: entry.value.to_vec(), revision: entry.revision }))
        })
    }

    fn set<'a>(
        &'a self,
        _: &'a HostCall,
        key: &'a str,
        value: Vec<u8>,
        expected: Expected,
    ) -> Wait<'a, Result<u64, KvError>> {
        Box::pin(async move { self.keys()?.set(key, value, expect(expected)).await.map_err(told) })
    }

    fn delete<'a>(
        &'a self,
        _: &'a HostCall,
        key: &'a str,
        expected: Expected,
    ) -> Wait<'a, Result<bool, KvError>> {
        Box::pin(async move {
            let was = self.keys()?.delete(key, expect(expected)).await.map_err(told)?;
            Ok(was.is_some())
        })
    }

    fn increment<'a>(&'a self, _: &'a HostCall, key: &'a str, delta: i64) -> Wait<'a, Result<i64, KvError>> {
        Box::pin(async move {
            let sum = self.keys()?.increment(key, delta).await.map_err(told)?;
            Ok(sum.value)
        })
    }

    fn list<'a>(
        &'a self,
        _: &'a HostCall,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: u32,
    ) -> Wait<'a, Result<KvPage, KvError>> {
        Box::pin(async move {
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            let page = self.keys()?.list(prefix, after, limit).await.map_err(told)?;
            Ok(KvPage { keys: page.keys, next: page.next })
        })
    }
}

fn expect(expected: Expected) -> Expect {
    match expected {
        Expected::Any => Expect::Any,
        Expected::Absent => Expect::Absent,
        Expected::Revision(revision) => Expect::Revision(revision),
    }
}

/// What the guest learns of an error: what it can change, and nothing of the host's files.
fn told(error: Error) -> KvError {
    match error {
        Error::Conflict { current } => KvError::Conflict { revision: current },
        Error::QuotaExceeded(_) | Error::ValueTooLarge { .. } | Error::BatchTooLarge { .. } => {
            KvError::Limit(error.to_string())
        }
        Error::KeyTooLong { .. } | Error::NotANumber | Error::Overflow => KvError::Invalid(error.to_string()),
        _ => KvError::Failed("the host's store failed".to_owned()),
    }
}
