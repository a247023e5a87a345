//! Gives skills keys and values of the program's own database, and HTTP by the program's own client.

#![expect(clippy::print_stdout, reason = "this is where it answers")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ringfence::{
    DenialKind, Expected, Granted, Host, HostCall, HostConfig, Http, HttpBody, HttpError, HttpHead,
    HttpRequest, HttpResponse, Kv, KvEntry, KvError, KvPage, Wait,
};

/// `get: func(url: string) -> string`, which keeps pages in `kv` and gets the others by `http`. Its text is beside it.
const CACHE: &[u8] = include_bytes!("guests/cache.wasm");

/// The program's database: one table for all tenants.
#[derive(Default)]
struct Database {
    rows: Mutex<BTreeMap<(String, String), KvEntry>>,
}

/// The keys of one tenant. The skill knows no tenant.
struct Space {
    database: Arc<Database>,
    tenant: String,
}

impl Space {
    /// Changes a key if it is as expected. All of it happens in one step, as in a transaction of a database.
    fn write<T>(
        &self,
        key: &str,
        expected: Expected,
        change: impl FnOnce(Option<&KvEntry>, u64) -> Result<(Option<KvEntry>, T), KvError>,
    ) -> Result<T, KvError> {
        let mut rows = self.database.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let at = (self.tenant.clone(), key.to_owned());
        let revision = rows.get(&at).map(|entry| entry.revision);
        let fits = match expected {
            Expected::Any => true,
            Expected::Absent => revision.is_none(),
            Expected::Revision(wanted) => revision == Some(wanted),
        };
        if !fits {
            return Err(KvError::Conflict { revision });
        }
        // A database would count them per tenant, and never use one again.
        let next = rows.values().map(|entry| entry.revision).max().unwrap_or(0).saturating_add(1);
        let (entry, answer) = change(rows.get(&at), next)?;
        match entry {
            Some(entry) => drop(rows.insert(at, entry)),
            None => drop(rows.remove(&at)),
        }
        Ok(answer)
    }
}

impl Kv for Space {
    fn get<'a>(&'a self, _: &'a HostCall, key: &'a str) -> Wait<'a, Result<Option<KvEntry>, KvError>> {
        Box::pin(async move {
            let rows = self.database.rows.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(rows.get(&(self.tenant.clone(), key.to_owned())).cloned())
        })
    }

    fn set<'a>(
        &'a self,
        _: &'a HostCall,
        key: &'a str,
        value: Vec<u8>,
        expected: Expected,
    ) -> Wait<'a, Result<u64, KvError>> {
        Box::pin(async move {
            // The host bounds a call to 1 MiB. Quotas are the program's own.
            if value.len() > 64 << 10 {
                return Err(KvError::Limit("a value has at most 64 KiB".to_owned()));
            }
            self.write(key, expected, |_, revision| Ok((Some(KvEntry { value, revision }), revision)))
        })
    }

    fn delete<'a>(
        &'a self,
        _: &'a HostCall,
        key: &'a str,
        expected: Expected,
    ) -> Wait<'a, Result<bool, KvError>> {
        Box::pin(async move { self.write(key, expected, |before, _| Ok((None, before.is_some()))) })
    }

    fn increment<'a>(&'a self, _: &'a HostCall, key: &'a str, delta: i64) -> Wait<'a, Result<i64, KvError>> {
        Box::pin(async move {
            self.write(key, Expected::Any, |before, revision| {
                let no_number = || KvError::Invalid("the value is not a decimal number".to_owned());
                let old = match before {
                    Some(entry) => std::str::from_utf8(&entry.value).ok().and_then(|text| text.parse().ok()),
                    None => Some(0_i64),
                };
                let sum = old.and_then(|old| old.checked_add(delta)).ok_or_else(no_number)?;
                Ok((Some(KvEntry { value: sum.to_string().into_bytes(), revision }), sum))
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
            let rows = self.database.rows.lock().unwrap_or_else(PoisonError::into_inner);
            let own = rows.keys().filter(|(tenant, _)| *tenant == self.tenant).map(|(_, key)| key);
            let wanted =
                own.filter(|key| key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after));
            let limit = usize::try_from(limit.clamp(1, 1_000)).unwrap_or(1);
            let mut keys: Vec<String> = wanted.take(limit.saturating_add(1)).cloned().collect();
            let more = keys.len() > limit;
            keys.truncate(limit);
            let next = if more { keys.last().cloned() } else { None };
            Ok(KvPage { keys, next })
        })
    }
}

/// The program's HTTP client. This one has its pages in memory; yours sends requests.
#[derive(Default)]
struct Client {
    sent: AtomicU32,
}

impl Http for Client {
    fn send<'a>(
        &'a self,
        _: &'a HostCall,
        request: HttpRequest,
    ) -> Wait<'a, Result<HttpResponse, HttpError>> {
        Box::pin(async move {
            // Nothing of the request is checked. Decide about the method, the URL as your client parses it, and the
            // address that it connects to.
            if request.method != "GET" || request.url != "https://docs.example/" {
                let reason =
                    format!("`{} {}` is not on the list of this program", request.method, request.url);
                return Err(HttpError::Denied { kind: DenialKind::NoGrant, reason });
            }
            self.sent.fetch_add(1, Ordering::Relaxed);
            let head = HttpHead { status: 200, url: request.url, headers: Vec::new() };
            Ok(HttpResponse { head, body: Box::new(Page(b"Read me.".to_vec())) })
        })
    }
}

/// The rest of a body.
struct Page(Vec<u8>);

impl HttpBody for Page {
    fn next(&mut self, max: usize) -> Wait<'_, Result<Option<Vec<u8>>, HttpError>> {
        let rest = self.0.split_off(self.0.len().min(max));
        let piece = std::mem::replace(&mut self.0, rest);
        Box::pin(async move { Ok((!piece.is_empty()).then_some(piece)) })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let host = Host::new(HostConfig::default())?;
    let skill = host.load(CACHE)?;
    let (database, client) = (Arc::new(Database::default()), Arc::new(Client::default()));
    for (tenant, url) in [
        ("acme", "https://docs.example/"),
        ("acme", "https://docs.example/"),
        ("other", "https://docs.example/"),
        ("other", "https://internal.example/"),
    ] {
        // The values are those of this run: they know the tenant, and the skill does not.
        let space = Space { database: Arc::clone(&database), tenant: tenant.to_owned() };
        let granted = Granted::nothing().kv(Arc::new(space)).http(Arc::clone(&client) as Arc<dyn Http>);
        let report = host.call(&skill, "get").grant(granted).json(serde_json::json!({"url": url})).await?;
        let sent = client.sent.load(Ordering::Relaxed);
        println!("{tenant}: {:?}, {sent} sent", report.outcome);
        for denial in &report.denied {
            println!("{tenant}: denied, because {}", denial.reason);
        }
    }
    Ok(())
}
