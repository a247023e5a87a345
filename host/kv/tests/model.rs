//! Compares both backends with a model: random operations end in the same answers and the same content.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "a test may fail at any line"
)]

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use ringfence_kv::{Action, Change, Changed, Error, Expect, Keyspace, Options, Quota, Quotas, Space, Store};

const KEYS: u64 = 4;
const BYTES: u64 = 40;

/// The model: what the documentation says, in the simplest words.
#[derive(Clone, Debug, Default)]
struct Model {
    rows: BTreeMap<String, (u64, Vec<u8>)>,
    revision: u64,
}

/// An error by its kind, because errors have no equality.
#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Conflict(Option<u64>),
    Keys,
    Bytes,
    NotANumber,
    Overflow,
}

fn kind(error: Error) -> Kind {
    match error {
        Error::Conflict { current } => Kind::Conflict(current),
        Error::QuotaExceeded(Quota::Keys { .. }) => Kind::Keys,
        Error::QuotaExceeded(Quota::TotalBytes { .. }) => Kind::Bytes,
        Error::NotANumber => Kind::NotANumber,
        Error::Overflow => Kind::Overflow,
        other => panic!("{other}"),
    }
}

impl Model {
    fn bytes(&self) -> u64 {
        self.rows.iter().map(|(key, (_, value))| (key.len() + value.len()) as u64).sum()
    }

    fn keys(&self) -> u64 {
        self.rows.len() as u64
    }

    fn change(&mut self, changes: &[Change]) -> Result<Vec<Changed>, Kind> {
        let mut next = self.clone();
        let made = changes.iter().map(|change| next.one(change)).collect::<Result<Vec<_>, _>>()?;
        if next.keys() > KEYS && next.keys() > self.keys() {
            return Err(Kind::Keys);
        }
        if next.bytes() > BYTES && next.bytes() > self.bytes() {
            return Err(Kind::Bytes);
        }
        *self = next;
        Ok(made)
    }

    fn one(&mut self, change: &Change) -> Result<Changed, Kind> {
        let current = self.rows.get(&change.key).map(|(revision, _)| *revision);
        let met = match change.expect {
            Expect::Any => true,
            Expect::Absent => current.is_none(),
            Expect::Revision(revision) => current == Some(revision),
        };
        if !met {
            return Err(Kind::Conflict(current));
        }
        match &change.action {
            Action::Set(value) => Ok(Changed::Set(self.set(&change.key, value.to_vec()))),
            Action::Delete => {
                self.rows.remove(&change.key);
                Ok(Changed::Deleted(current))
            }
            Action::Increment(delta) => {
                let old: i64 = match self.rows.get(&change.key) {
                    None => 0,
                    Some((_, text)) => std::str::from_utf8(text)
                        .ok()
                        .and_then(|text| text.parse().ok())
                        .ok_or(Kind::NotANumber)?,
                };
                let value = old.checked_add(*delta).ok_or(Kind::Overflow)?;
                Ok(Changed::Incremented { value, revision: self.set(&change.key, value.to_string().into()) })
            }
        }
    }

    fn set(&mut self, key: &str, value: Vec<u8>) -> u64 {
        self.revision += 1;
        self.rows.insert(key.into(), (self.revision, value));
        self.revision
    }
}

fn key() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["", "a", "b", "a\0", "é", "longer key"]).prop_map(Into::into)
}

fn change() -> impl Strategy<Value = Change> {
    let value = prop_oneof![
        Just(Bytes::new()),
        Just(Bytes::from_static(b"41")),
        Just(Bytes::from_static(b"9223372036854775807")),
        vec(any::<u8>(), 0..12).prop_map(Bytes::from),
    ];
    let action = prop_oneof![
        3 => value.prop_map(Action::Set),
        2 => Just(Action::Delete),
        2 => (-2i64..3).prop_map(Action::Increment),
        1 => any::<i64>().prop_map(Action::Increment),
    ];
    let expect = prop_oneof![
        4 => Just(Expect::Any),
        1 => Just(Expect::Absent),
        2 => (0u64..30).prop_map(Expect::Revision),
    ];
    (key(), action, expect).prop_map(|(key, action, expect)| Change { key, action, expect })
}

async fn same(model: &Model, space: &Keyspace) {
    let page = space.list("", None, 1000).await.unwrap();
    assert_eq!(page.keys, model.rows.keys().cloned().collect::<Vec<_>>());
    let keys: Vec<&str> = page.keys.iter().map(String::as_str).collect();
    for (entry, (revision, value)) in space.get_many(&keys).await.unwrap().iter().zip(model.rows.values()) {
        let entry = entry.as_ref().unwrap();
        assert_eq!((entry.revision, &entry.value[..]), (*revision, &value[..]));
    }
    let usage = space.usage().await.unwrap();
    assert_eq!((usage.keys, usage.bytes, usage.revision), (model.keys(), model.bytes(), model.revision));
}

fn check(batches: &[Vec<Change>], store: &Store) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let quotas =
            Quotas::default().with_keys(KEYS).with_total_bytes(BYTES).with_writes_per_minute(u32::MAX);
        let space = store.keyspace(&Space::named("o", "n").unwrap(), quotas);
        // A neighbour whose rows stand directly behind those of the space.
        let neighbour = store.keyspace(&Space::named("o", "n").unwrap().with_principal("").unwrap(), quotas);
        neighbour.set("a", "mine", Expect::Absent).await.unwrap();
        let mut model = Model::default();
        for batch in batches {
            let expected = model.change(batch);
            assert_eq!(space.change(batch.clone()).await.map_err(kind), expected);
            same(&model, &space).await;
        }
        assert_eq!(&neighbour.get("a").await.unwrap().unwrap().value[..], b"mine");
    });
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn memory_behaves_as_the_model(batches in vec(vec(change(), 1..4), 0..60)) {
        check(&batches, &Store::memory());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(16) })]

    #[test]
    fn the_file_behaves_as_the_model_also_when_it_is_opened_again(batches in vec(vec(change(), 1..4), 0..30)) {
        let dir = tempfile::TempDir::new().unwrap();
        check(&batches, &Store::open(dir.path(), &Options::default()).unwrap());
        // Another process would find what the model has; here the same file, opened exclusively.
        let options = Options::default().with_shared(false);
        let store = Store::open(dir.path().join("kv.redb"), &options).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut model = Model::default();
        for batch in &batches {
            drop(model.change(batch));
        }
        let space = store.keyspace(&Space::named("o", "n").unwrap(), Quotas::default());
        runtime.block_on(same(&model, &space));
    }
}
