//! Quotas of an owner: concurrent calls, calls and fuel a minute, compilations an hour, changes of the store, and
//! requests without a run.
//!
//! All tokens of an owner share its account. A token can have a smaller account inside it.

mod meters;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;

use crate::config::QuotaSection;
use meters::{Bucket, Rate};

/// The quota that is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spent {
    /// Concurrent calls, running and waiting.
    Concurrency,
    /// Calls a minute.
    Calls,
    /// Requests a minute that began no run.
    Requests,
    /// Fuel a minute.
    Fuel,
    /// Compilations an hour.
    Compiles,
    /// Changes of the store a minute.
    Changes,
    /// Open streams of changes.
    Listeners,
}

/// The level of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// The account of all tokens of an owner.
    Owner,
    /// The account of one token, inside its owner's.
    Token,
}

/// A used-up quota: which one, its limit, and the time to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Over {
    pub(crate) what: Spent,
    pub(crate) whose: Whose,
    pub(crate) limit: u64,
    pub(crate) wait: Duration,
}

impl fmt::Display for Over {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, limit, wait, .. } = self;
        let whose = match self.whose {
            Whose::Owner => "this owner",
            Whose::Token => "this token",
        };
        let seconds = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1);
        let (key, used_up) = match what {
            Spent::Concurrency => ("concurrency", "concurrent calls"),
            Spent::Calls => ("calls-per-minute", "calls per minute"),
            Spent::Requests => ("requests-per-minute", "requests per minute that start no call"),
            Spent::Fuel => ("fuel-per-minute", "fuel per minute"),
            Spent::Compiles => ("compiles-per-hour", "compilations per hour"),
            Spent::Changes => ("changes-per-minute", "store changes per minute"),
            Spent::Listeners => ("listeners", "open change streams"),
        };
        write!(f, "{whose} has reached its quota of {used_up} ({limit}, `quota.{key}`); ")?;
        match what {
            Spent::Concurrency => f.write_str("try again after a call has finished"),
            Spent::Listeners => f.write_str("close a stream first"),
            Spent::Fuel => write!(f, "try again in {seconds} s, or lower the fuel limit of the call"),
            Spent::Calls | Spent::Requests | Spent::Compiles | Spent::Changes => {
                write!(f, "try again in {seconds} s")
            }
        }
    }
}

/// The account of an owner, or of a token inside its owner's. It survives reloads.
#[derive(Debug)]
pub(crate) struct Account {
    /// The owner's name, for an owner's account.
    key: Arc<str>,
    running: AtomicU64,
    waiting: AtomicU64,
    uploads: AtomicU64,
    listeners: AtomicU64,
    /// Bytes of bodies that are received and parsed.
    bodies: Arc<AtomicU64>,
    /// Bytes of responses that wait to be sent.
    answers: Arc<AtomicU64>,
    meters: ArcSwap<Meters>,
    /// The owner's account, for a token's.
    within: Option<Arc<Self>>,
}

/// The meters of a quota. An absent meter does not limit.
#[derive(Debug)]
struct Meters {
    quota: QuotaSection,
    calls: Option<Rate>,
    requests: Option<Rate>,
    compiles: Option<Rate>,
    changes: Option<Rate>,
    fuel: Option<Bucket>,
}

impl Meters {
    fn new(quota: &QuotaSection, now: Instant) -> Self {
        let minute = |count: u64| Rate::new(count, Duration::from_secs(60), now);
        Self {
            quota: *quota,
            calls: quota.calls_per_minute.map(|count| minute(count.get())),
            requests: quota.requests_per_minute.map(|count| minute(count.get())),
            compiles: quota
                .compiles_per_hour
                .map(|count| Rate::new(count.get(), Duration::from_secs(3600), now)),
            changes: quota.changes_per_minute.map(|count| minute(count.get())),
            fuel: quota.fuel_per_minute.map(|fuel| Bucket::new(fuel.get(), now)),
        }
    }
}

impl Account {
    /// Creates the account of an owner.
    pub(crate) fn of_owner(name: &str, quota: &QuotaSection) -> Arc<Self> {
        Self::new(name.into(), quota, None)
    }

    /// Creates the account of a token inside its owner's.
    pub(crate) fn of_token(quota: &QuotaSection, within: &Arc<Self>) -> Arc<Self> {
        Self::new(Arc::clone(&within.key), quota, Some(Arc::clone(within)))
    }

    fn new(key: Arc<str>, quota: &QuotaSection, within: Option<Arc<Self>>) -> Arc<Self> {
        Arc::new(Self {
            key,
            running: AtomicU64::new(0),
            waiting: AtomicU64::new(0),
            uploads: AtomicU64::new(0),
            listeners: AtomicU64::new(0),
            bodies: Arc::default(),
            answers: Arc::default(),
            meters: ArcSwap::from_pointee(Meters::new(quota, Instant::now())),
            within,
        })
    }

    /// Returns the name of the owner, which is the same for all its tokens.
    pub(crate) fn key(&self) -> &Arc<str> {
        &self.key
    }

    /// Sets the quota. A different one starts full.
    pub(crate) fn set(&self, quota: &QuotaSection) {
        if self.meters.load().quota != *quota {
            self.meters.store(Arc::new(Meters::new(quota, Instant::now())));
        }
    }

    /// Charges a call to both accounts, or to none. The request then no longer counts as one without a run.
    pub(crate) fn begin(self: &Arc<Self>, fuel: u64) -> Result<Share, Over> {
        let now = Instant::now();
        // Dropped when one of the next is refused: each gives back what was taken.
        let own = Part::take(self, fuel, now)?;
        let owners = self.within.as_ref().map(|owner| Part::take(owner, fuel, now)).transpose()?;
        // Last, since a call that was counted stays counted.
        self.take(now, Spent::Calls)?;
        for account in self.levels() {
            if let Some(requests) = &account.meters.load().requests {
                requests.give();
            }
        }
        Ok(Share { parts: [Some(own), owners] })
    }

    /// Charges a request. A request that begins a run is refunded by [`Account::begin`].
    pub(crate) fn request(&self) -> Result<(), Over> {
        self.take(Instant::now(), Spent::Requests)
    }

    /// Charges a compilation.
    pub(crate) fn compile(&self) -> Result<(), Over> {
        self.take(Instant::now(), Spent::Compiles)
    }

    /// Charges a change of the store.
    pub(crate) fn change(&self) -> Result<(), Over> {
        self.take(Instant::now(), Spent::Changes)
    }

    /// Charges one to a rate in both accounts, or in none.
    fn take(&self, now: Instant, what: Spent) -> Result<(), Over> {
        let own = self.meters.load();
        let over = |(wait, limit), whose| Over { what, whose, limit, wait };
        if let Some(rate) = own.rate(what) {
            rate.take(now).map_err(|wait| over((wait, rate.count()), self.whose()))?;
        }
        if let Some(owner) = &self.within {
            let meters = owner.meters.load();
            let Some(rate) = meters.rate(what) else { return Ok(()) };
            if let Err(wait) = rate.take(now) {
                if let Some(rate) = own.rate(what) {
                    rate.give();
                }
                return Err(over((wait, rate.count()), Whose::Owner));
            }
        }
        Ok(())
    }

    /// Takes a place for a call that waits for the report of another call, or for a skill that loads.
    ///
    /// There are as many places as concurrent calls.
    pub(crate) fn wait(self: &Arc<Self>) -> Result<Places, Over> {
        self.places(
            Spent::Concurrency,
            |account| &account.waiting,
            |quota| quota.concurrency.map(|most| most.get()),
        )
    }

    /// Takes a place for a stream of changes.
    pub(crate) fn listen(self: &Arc<Self>) -> Result<Places, Over> {
        self.places(
            Spent::Listeners,
            |account| &account.listeners,
            |quota| quota.listeners.map(|most| most.get()),
        )
    }

    fn places(
        self: &Arc<Self>,
        what: Spent,
        counter: fn(&Self) -> &AtomicU64,
        most: impl Fn(&QuotaSection) -> Option<u64>,
    ) -> Result<Places, Over> {
        let mut places = Places { counter, taken: Vec::with_capacity(2) };
        for account in self.levels() {
            let limit = most(&account.meters.load().quota).unwrap_or(u64::MAX);
            if !one_more(counter(account), limit) {
                let (whose, wait) = (account.whose(), Duration::from_secs(1));
                return Err(Over { what, whose, limit, wait });
            }
            places.taken.push(Arc::clone(account));
        }
        Ok(places)
    }

    /// Takes a place for an upload; an owner has `most` of them.
    pub(crate) fn upload(self: &Arc<Self>, most: u64) -> Option<Places> {
        let counter: fn(&Self) -> &AtomicU64 = |account| &account.uploads;
        let owner = self.owners();
        one_more(counter(owner), most).then(|| Places { counter, taken: vec![Arc::clone(owner)] })
    }

    /// Returns the bytes of the owner's bodies that are received and parsed.
    pub(crate) fn bodies(&self) -> &Arc<AtomicU64> {
        self.within.as_ref().map_or(&self.bodies, |owner| &owner.bodies)
    }

    /// Returns the bytes of the owner's responses that wait to be sent.
    pub(crate) fn answers(&self) -> &Arc<AtomicU64> {
        self.within.as_ref().map_or(&self.answers, |owner| &owner.answers)
    }

    /// Returns how many versions that are not current stay loaded for the owner.
    pub(crate) fn old_versions(self: &Arc<Self>) -> usize {
        let most = self.levels().filter_map(|account| account.meters.load().quota.old_versions);
        most.map(|most| most.as_usize()).min().unwrap_or(1)
    }

    fn owners(self: &Arc<Self>) -> &Arc<Self> {
        self.within.as_ref().unwrap_or(self)
    }

    /// Returns this account and its owner's.
    fn levels(self: &Arc<Self>) -> impl Iterator<Item = &Arc<Self>> {
        std::iter::once(self).chain(self.within.as_ref())
    }

    fn whose(&self) -> Whose {
        if self.within.is_some() { Whose::Token } else { Whose::Owner }
    }
}

impl Meters {
    fn rate(&self, what: Spent) -> Option<&Rate> {
        match what {
            Spent::Calls => self.calls.as_ref(),
            Spent::Requests => self.requests.as_ref(),
            Spent::Compiles => self.compiles.as_ref(),
            Spent::Changes => self.changes.as_ref(),
            Spent::Concurrency | Spent::Fuel | Spent::Listeners => None,
        }
    }
}

/// Counts one more if the maximum allows it.
fn one_more(count: &AtomicU64, most: u64) -> bool {
    let next = |count: u64| count.checked_add(1).filter(|count| *count <= most);
    count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
}

/// Places taken in an account and its owner's. Dropping them frees them.
#[derive(Debug)]
pub(crate) struct Places {
    counter: fn(&Account) -> &AtomicU64,
    taken: Vec<Arc<Account>>,
}

impl Drop for Places {
    fn drop(&mut self) {
        for account in &self.taken {
            (self.counter)(account).fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// What a call takes from its principal's accounts. Dropping it frees the place.
///
/// It refunds all fuel if no run began; otherwise only what [`Share::burnt`] leaves. So a caller that disconnects
/// during a run pays for the whole run; else it could burn fuel for free.
#[derive(Debug)]
pub(crate) struct Share {
    /// The shares of the token's account and of the owner's.
    parts: [Option<Part>; 2],
}

impl Share {
    /// Records that the run begins.
    pub(crate) fn begin(&mut self) {
        self.parts.iter_mut().flatten().for_each(|part| part.begun = true);
    }

    /// Records the burnt fuel, and refunds the rest of the reserved fuel.
    pub(crate) fn burnt(&mut self, fuel: u64) {
        self.parts.iter_mut().flatten().for_each(|part| {
            part.give(part.reserved.saturating_sub(fuel));
            part.reserved = 0;
        });
    }
}

/// A call's share of one account.
#[derive(Debug)]
struct Part {
    account: Arc<Account>,
    meters: Arc<Meters>,
    reserved: u64,
    begun: bool,
}

impl Part {
    fn take(account: &Arc<Account>, fuel: u64, now: Instant) -> Result<Self, Over> {
        let meters = account.meters.load_full();
        let over = |what, limit, wait| Over { what, whose: account.whose(), limit, wait };
        let most = meters.quota.concurrency.map_or(u64::MAX, |most| most.get());
        if !one_more(&account.running, most) {
            return Err(over(Spent::Concurrency, most, Duration::from_secs(1)));
        }
        // Dropped when the next is refused: it gives back the place.
        let mut part = Self { account: Arc::clone(account), meters, reserved: 0, begun: false };
        if let Some(bucket) = &part.meters.fuel {
            bucket.take(fuel, now).map_err(|wait| over(Spent::Fuel, bucket.size(), wait))?;
            part.reserved = fuel;
        }
        Ok(part)
    }

    fn give(&self, fuel: u64) {
        if let Some(bucket) = &self.meters.fuel {
            bucket.give(fuel);
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.begun {
            self.give(self.reserved);
        }
        self.account.running.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
