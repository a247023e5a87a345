//! A key-value space in a map.

use std::collections::BTreeMap;
use std::sync::Mutex;

use ringfence::{Expected, HostCall, Kv, KvEntry, KvError, KvPage, Wait};

/// A map, as an embedder would write it.
#[derive(Debug, Default)]
pub struct Map(Mutex<(u64, BTreeMap<String, KvEntry>)>);

impl Map {
    fn write<T>(
        &self,
        key: &str,
        expected: Expected,
        f: impl FnOnce(&mut BTreeMap<String, KvEntry>, u64) -> T,
    ) -> Result<T, KvError> {
        let mut inner = self.0.lock().expect("not poisoned");
        let revision = inner.1.get(key).map(|entry| entry.revision);
        let fits = match expected {
            Expected::Any => true,
            Expected::Absent => revision.is_none(),
            Expected::Revision(wanted) => revision == Some(wanted),
        };
        if !fits {
            return Err(KvError::Conflict { revision });
        }
        inner.0 += 1;
        let next = inner.0;
        Ok(f(&mut inner.1, next))
    }
}

impl Kv for Map {
    fn get<'a>(&'a self, _: &'a HostCall, key: &'a str) -> Wait<'a, Result<Option<KvEntry>, KvError>> {
        Box::pin(async move { Ok(self.0.lock().expect("not poisoned").1.get(key).cloned()) })
    }

    fn set<'a>(
        &'a self,
        _: &'a HostCall,
        key: &'a str,
        value: Vec<u8>,
        expected: Expected,
    ) -> Wait<'a, Result<u64, KvError>> {
        Box::pin(async move {
            self.write(key, expected, |map, revision| {
                map.insert(key.to_owned(), KvEntry { value, revision });
                revision
            })
        })
    }

    fn delete<'a>(
        &'a self,
        _: &'a HostCall,
        key: &'a str,
        expected: Expected,
    ) -> Wait<'a, Result<bool, KvError>> {
        Box::pin(async move { self.write(key, expected, |map, _| map.remove(key).is_some()) })
    }

    fn increment<'a>(&'a self, _: &'a HostCall, key: &'a str, delta: i64) -> Wait<'a, Result<i64, KvError>> {
        Box::pin(async move {
            self.write(key, Expected::Any, |map, revision| {
                let old =
                    map.get(key).and_then(|entry| String::from_utf8_lossy(&entry.value).parse::<i64>().ok());
                let sum = old.unwrap_or(0).wrapping_add(delta);
                map.insert(key.to_owned(), KvEntry { value: sum.to_string().into_bytes(), revision });
                sum
            })
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
            let inner = self.0.lock().expect("not poisoned");
            let keys = inner.1.keys().filter(|key| key.starts_with(prefix));
            let mut keys: Vec<String> =
                keys.filter(|key| after.is_none_or(|after| key.as_str() > after)).cloned().collect();
            let more = keys.len() > limit as usize;
            keys.truncate(limit as usize);
            let next = if more { keys.last().cloned() } else { None };
            Ok(KvPage { keys, next })
        })
    }
}
