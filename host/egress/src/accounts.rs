//! Counts what runs, skills and principals send, and refuses more than their caps.
//!
//! A [`Permit`] is one request under way. Dropping it ends the request in every count.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ringfence_policy::{HttpCaps, RuleId, Subject, SubjectGrants};
use tokio::time::Instant;

use crate::error::Limit;

/// Caps over all runs of one skill, or of one principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShareCaps {
    /// Concurrent requests. Default: 1,024.
    pub concurrency: u32,
    /// Requests a minute. Default: 60,000.
    pub requests_per_minute: u32,
    /// Bytes of bodies a minute, in both directions together. Default: 4 GiB.
    pub bytes_per_minute: u64,
}

impl Default for ShareCaps {
    fn default() -> Self {
        Self { concurrency: 1024, requests_per_minute: 60_000, bytes_per_minute: 4 << 30 }
    }
}

const MINUTE: Duration = Duration::from_secs(60);
/// Shares that are kept before those without a run are dropped.
const SHARES: usize = 4096;

/// What one skill or one principal has under way, and has sent this minute. It outlives a change of the caps.
#[derive(Debug)]
struct Share {
    limits: [Limit; 3],
    under_way: AtomicU32,
    minute: Mutex<Minute>,
}

#[derive(Debug)]
struct Minute {
    begun: Instant,
    requests: u32,
    bytes: u64,
}

fn add(counter: &AtomicU32, most: u32) -> bool {
    counter
        .fetch_update(Ordering::AcqRel, Ordering::Acquire, |count| {
            count.checked_add(1).filter(|next| *next <= most)
        })
        .is_ok()
}

fn subtract(counter: &AtomicU32) {
    // The update cannot fail: it never returns `None`.
    let _ = counter.fetch_update(Ordering::AcqRel, Ordering::Acquire, |count| Some(count.saturating_sub(1)));
}

impl Share {
    fn new(limits: [Limit; 3]) -> Self {
        let minute = Mutex::new(Minute { begun: Instant::now(), requests: 0, bytes: 0 });
        Self { limits, under_way: AtomicU32::new(0), minute }
    }

    /// Begins a request, of which `bytes` are known.
    fn begin(&self, caps: &ShareCaps, bytes: u64, now: Instant) -> Result<(), Limit> {
        let [concurrency, requests, too_many_bytes] = self.limits;
        if !add(&self.under_way, caps.concurrency) {
            return Err(concurrency);
        }
        let begun = self.with_minute(now, |minute| {
            if minute.requests >= caps.requests_per_minute {
                return Err(requests);
            }
            let sum = minute.bytes.saturating_add(bytes);
            if sum > caps.bytes_per_minute {
                return Err(too_many_bytes);
            }
            minute.requests = minute.requests.saturating_add(1);
            minute.bytes = sum;
            Ok(())
        });
        if begun.is_err() {
            subtract(&self.under_way);
        }
        begun
    }

    fn charge(&self, caps: &ShareCaps, bytes: u64) -> Result<(), Limit> {
        let [_, _, too_many_bytes] = self.limits;
        self.with_minute(Instant::now(), |minute| {
            minute.bytes = minute.bytes.saturating_add(bytes);
            if minute.bytes > caps.bytes_per_minute { Err(too_many_bytes) } else { Ok(()) }
        })
    }

    fn with_minute<T>(&self, now: Instant, act: impl FnOnce(&mut Minute) -> T) -> T {
        let mut minute = self.minute.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(minute.begun) >= MINUTE {
            *minute = Minute { begun: now, requests: 0, bytes: 0 };
        }
        act(&mut minute)
    }
}

/// The shares of all skills and principals, and their caps.
#[derive(Debug)]
pub(crate) struct Accounts {
    skill: ShareCaps,
    principal: ShareCaps,
    shares: Arc<Shares>,
}

#[derive(Debug, Default)]
struct Shares {
    skills: Mutex<HashMap<String, Arc<Share>>>,
    principals: Mutex<HashMap<String, Arc<Share>>>,
}

impl Accounts {
    pub(crate) fn new(skill: ShareCaps, principal: ShareCaps) -> Self {
        Self { skill, principal, shares: Arc::default() }
    }

    /// Returns accounts with other caps that count on. A run keeps the caps of its start.
    pub(crate) fn with_caps(&self, skill: ShareCaps, principal: ShareCaps) -> Self {
        Self { skill, principal, shares: Arc::clone(&self.shares) }
    }

    /// Opens the account of a run. The door keeps no other state of it.
    pub(crate) fn open(&self, grants: &SubjectGrants) -> RunAccount {
        let subject = grants.subject();
        let skill = share(
            &self.shares.skills,
            skill_of(subject),
            [Limit::SkillConcurrency, Limit::SkillRequests, Limit::SkillBytes],
        );
        let principal = subject.principal.as_ref().map(|name| {
            let share = share(
                &self.shares.principals,
                name.clone(),
                [Limit::PrincipalConcurrency, Limit::PrincipalRequests, Limit::PrincipalBytes],
            );
            Capped { share, caps: self.principal }
        });
        let rules = grants.http_rules().map(|(id, _)| (id, Counts::default())).collect();
        let skill = Capped { share: skill, caps: self.skill };
        RunAccount { rules, skill, principal, sent: AtomicU64::new(0), received: AtomicU64::new(0) }
    }
}

/// A share under the caps of one run.
#[derive(Debug)]
struct Capped {
    share: Arc<Share>,
    caps: ShareCaps,
}

impl Capped {
    fn begin(&self, bytes: u64, now: Instant) -> Result<(), Limit> {
        self.share.begin(&self.caps, bytes, now)
    }

    fn charge(&self, bytes: u64) -> Result<(), Limit> {
        self.share.charge(&self.caps, bytes)
    }
}

/// The name outlives a version, so a new version has no new share.
fn skill_of(subject: &Subject) -> String {
    match &subject.name {
        Some(name) => format!("{}/{name}", subject.owner.as_deref().unwrap_or_default()),
        None => subject.digest.to_string(),
    }
}

fn share(shares: &Mutex<HashMap<String, Arc<Share>>>, name: String, limits: [Limit; 3]) -> Arc<Share> {
    let mut shares = shares.lock().unwrap_or_else(PoisonError::into_inner);
    if shares.len() >= SHARES && !shares.contains_key(&name) {
        // A share of the running minute stays, or its owner would begin again.
        shares.retain(|_, share| {
            let idle = Arc::strong_count(share) == 1;
            !idle || share.minute.lock().unwrap_or_else(PoisonError::into_inner).begun.elapsed() < MINUTE
        });
    }
    Arc::clone(shares.entry(name).or_insert_with(|| Arc::new(Share::new(limits))))
}

#[derive(Debug, Default)]
struct Counts {
    requests: AtomicU32,
    under_way: AtomicU32,
}

/// The requests and bytes that one run has sent and received.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Requests, including each hop of a redirect.
    pub requests: u64,
    /// Bytes of request bodies.
    pub sent: u64,
    /// Bytes of response bodies.
    pub received: u64,
}

/// The account of one run.
#[derive(Debug)]
pub(crate) struct RunAccount {
    rules: Vec<(RuleId, Counts)>,
    skill: Capped,
    principal: Option<Capped>,
    sent: AtomicU64,
    received: AtomicU64,
}

impl RunAccount {
    /// Begins a request under a rule, with the known bytes of its body.
    pub(crate) fn begin(
        self: &Arc<Self>,
        rule: RuleId,
        caps: &HttpCaps,
        bytes: u64,
    ) -> Result<Permit, Limit> {
        self.begin_at(rule, caps, bytes, Instant::now())
    }

    fn begin_at(
        self: &Arc<Self>,
        rule: RuleId,
        caps: &HttpCaps,
        bytes: u64,
        now: Instant,
    ) -> Result<Permit, Limit> {
        let at = self.rules.iter().position(|(id, _)| *id == rule);
        let counts = at.and_then(|at| self.rules.get(at)).map(|(_, counts)| counts).ok_or(Limit::Requests)?;
        if !add(&counts.under_way, caps.concurrency) {
            return Err(Limit::Concurrency);
        }
        // From here on the permit returns what it has taken.
        let mut permit = Permit { run: Arc::clone(self), rule, skill: false, principal: false };
        if !add(&counts.requests, caps.requests) {
            return Err(Limit::Requests);
        }
        self.skill.begin(bytes, now)?;
        permit.skill = true;
        if let Some(principal) = &self.principal {
            principal.begin(bytes, now)?;
            permit.principal = true;
        }
        self.sent.fetch_add(bytes, Ordering::Relaxed);
        Ok(permit)
    }

    pub(crate) fn usage(&self) -> Usage {
        let requests =
            self.rules.iter().map(|(_, counts)| u64::from(counts.requests.load(Ordering::Relaxed))).sum();
        Usage {
            requests,
            sent: self.sent.load(Ordering::Relaxed),
            received: self.received.load(Ordering::Relaxed),
        }
    }
}

/// One request under way.
#[derive(Debug)]
pub(crate) struct Permit {
    run: Arc<RunAccount>,
    rule: RuleId,
    skill: bool,
    principal: bool,
}

impl Permit {
    /// Counts bytes of a streamed request body.
    pub(crate) fn sent(&self, bytes: u64) -> Result<(), Limit> {
        self.run.sent.fetch_add(bytes, Ordering::Relaxed);
        self.charge(bytes)
    }

    /// Counts bytes of the response body.
    pub(crate) fn received(&self, bytes: u64) -> Result<(), Limit> {
        self.run.received.fetch_add(bytes, Ordering::Relaxed);
        self.charge(bytes)
    }

    fn charge(&self, bytes: u64) -> Result<(), Limit> {
        self.run.skill.charge(bytes)?;
        self.run.principal.as_ref().map_or(Ok(()), |principal| principal.charge(bytes))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some((_, counts)) = self.run.rules.iter().find(|(id, _)| *id == self.rule) {
            subtract(&counts.under_way);
        }
        if self.skill {
            subtract(&self.run.skill.share.under_way);
        }
        if let (true, Some(principal)) = (self.principal, &self.run.principal) {
            subtract(&principal.share.under_way);
        }
    }
}

#[cfg(test)]
mod tests {
    use ringfence_policy::{Policy, SkillDigest};

    use super::*;

    fn grants(line: &str, name: &str, principal: &str) -> SubjectGrants {
        let subject = Subject {
            owner: Some("acme".to_owned()),
            name: Some(name.to_owned()),
            principal: Some(principal.to_owned()),
            ..Subject::of(SkillDigest([0; 32]))
        };
        Policy::of_lines([line]).unwrap().for_subject(&subject)
    }

    fn begin(run: &Arc<RunAccount>, grants: &SubjectGrants, bytes: u64) -> Result<Permit, Limit> {
        let (id, rule) = grants.http_rules().next().unwrap();
        run.begin(id, &rule.caps, bytes)
    }

    #[test]
    fn a_run_has_requests_and_concurrency_up_to_its_caps() {
        let accounts = Accounts::new(ShareCaps::default(), ShareCaps::default());
        let grants = grants("http https://example.com/ requests=3 concurrency=2", "fetch", "alice");
        let run = Arc::new(accounts.open(&grants));
        let first = begin(&run, &grants, 0).unwrap();
        let second = begin(&run, &grants, 0).unwrap();
        assert_eq!(begin(&run, &grants, 0).unwrap_err(), Limit::Concurrency);
        drop(first);
        let third = begin(&run, &grants, 0).unwrap();
        drop((second, third));
        assert_eq!(begin(&run, &grants, 0).unwrap_err(), Limit::Requests);
        assert_eq!(run.usage().requests, 3);
        // Nothing is left under way, so the next run of the skill has the whole share.
        assert_eq!(run.skill.share.under_way.load(Ordering::Relaxed), 0);
        // Another run has caps of its own.
        assert!(begin(&Arc::new(accounts.open(&grants)), &grants, 0).is_ok());
    }

    #[test]
    fn runs_share_the_caps_of_their_skill_and_of_their_principal() {
        let two = ShareCaps { concurrency: 2, ..ShareCaps::default() };
        let line = "http https://example.com/";
        for (skill, principal, limit) in [
            (two, ShareCaps::default(), Limit::SkillConcurrency),
            (ShareCaps::default(), two, Limit::PrincipalConcurrency),
        ] {
            let accounts = Accounts::new(skill, principal);
            let own = grants(line, "fetch", "alice");
            let runs = [(); 3].map(|()| Arc::new(accounts.open(&own)));
            let [first, second, third] = &runs;
            let held = [begin(first, &own, 0).unwrap(), begin(second, &own, 0).unwrap()];
            assert_eq!(begin(third, &own, 0).unwrap_err(), limit);
            let other = grants(line, "other", "bob");
            assert!(begin(&Arc::new(accounts.open(&other)), &other, 0).is_ok());
            drop(held);
            assert!(begin(third, &own, 0).is_ok());
        }
    }

    #[test]
    fn requests_and_bytes_of_a_minute_come_back_with_the_next() {
        let caps = ShareCaps { requests_per_minute: 2, bytes_per_minute: 10, ..ShareCaps::default() };
        let accounts = Accounts::new(caps, ShareCaps::default());
        let own = grants("http https://example.com/", "fetch", "alice");
        let run = Arc::new(accounts.open(&own));
        let first = begin(&run, &own, 4).unwrap();
        assert_eq!(first.received(6), Ok(()));
        assert_eq!(first.received(1), Err(Limit::SkillBytes));
        assert_eq!(begin(&run, &own, 1).unwrap_err(), Limit::SkillBytes);
        let (id, rule) = own.http_rules().next().unwrap();
        let later = Instant::now().checked_add(MINUTE).unwrap();
        let begin_later = |bytes| run.begin_at(id, &rule.caps, bytes, later);
        assert!(begin_later(10).is_ok());
        assert_eq!(begin_later(1).unwrap_err(), Limit::SkillBytes);
        assert!(begin_later(0).is_ok());
        assert_eq!(begin_later(0).unwrap_err(), Limit::SkillRequests);
        assert_eq!(run.usage().received, 7);
    }
    #[test]
    fn accounts_with_other_caps_count_on() {
        let caps = ShareCaps { concurrency: 2, requests_per_minute: 3, ..ShareCaps::default() };
        let before = Accounts::new(caps, ShareCaps::default());
        let own = grants("http https://example.com/", "fetch", "alice");
        let old = Arc::new(before.open(&own));
        let held = [begin(&old, &own, 0).unwrap(), begin(&old, &own, 0).unwrap()];
        // The same caps: what is under way and what was sent still counts.
        let after = before.with_caps(caps, ShareCaps::default());
        let new = Arc::new(after.open(&own));
        assert_eq!(begin(&new, &own, 0).unwrap_err(), Limit::SkillConcurrency);
        drop(held);
        assert!(begin(&new, &own, 0).is_ok());
        assert_eq!(begin(&new, &own, 0).unwrap_err(), Limit::SkillRequests);
        // Higher caps count for runs that begin later, and the run of before keeps its own.
        let more = ShareCaps { requests_per_minute: 4, ..caps };
        let raised = Arc::new(before.with_caps(more, ShareCaps::default()).open(&own));
        assert_eq!(begin(&old, &own, 0).unwrap_err(), Limit::SkillRequests);
        assert!(begin(&raised, &own, 0).is_ok());
        assert_eq!(begin(&raised, &own, 0).unwrap_err(), Limit::SkillRequests);
    }
}
