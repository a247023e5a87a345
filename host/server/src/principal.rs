//! Principals: the holder of a token, or any user of this machine if there are no tokens.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::SystemTime;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use ringfence::Digest;
use ringfence_store::{Name, Owner, Pattern, Scope, StoreError, Token};
use subtle::ConstantTimeEq as _;

use crate::config::Quota;
use crate::quota::Account;

/// The principal of a request.
#[derive(Debug)]
pub(crate) struct Principal {
    /// The token's id; `local` without tokens. It identifies the principal, in logs, too.
    pub(crate) id: Arc<str>,
    /// The owner of skills that it submits.
    pub(crate) owner: Owner,
    /// The token's account, inside its owner's.
    pub(crate) account: Arc<Account>,
    scopes: BTreeSet<Scope>,
    skills: Vec<Pattern>,
    /// Whether it sees all skills of its owner, whatever the patterns say.
    sees_own: bool,
    /// Owners to whose skills the patterns apply; empty for all owners.
    skills_of: BTreeSet<Owner>,
    /// Whether it can submit under every free name.
    any_name: bool,
}

impl Principal {
    /// Creates the principal of any user of this machine, with all rights.
    pub(crate) fn local(owner: Owner, quota: &Quota) -> Arc<Self> {
        let scopes = BTreeSet::from([Scope::Call, Scope::Submit, Scope::Admin]);
        let (skills, skills_of) = (vec![Pattern::All], BTreeSet::new());
        let account = Account::of_owner(owner.as_str(), &quota.of_owner(&owner));
        Arc::new(Self {
            id: "local".into(),
            owner,
            account,
            scopes,
            skills,
            skills_of,
            any_name: true,
            sees_own: true,
        })
    }

    /// Creates a principal of this machine that sees only some skills, and can only call them.
    pub(crate) fn limited(owner: Owner, quota: &Quota, skills: Vec<Pattern>) -> Arc<Self> {
        let (scopes, skills_of) = (BTreeSet::from([Scope::Call]), BTreeSet::new());
        let account = Account::of_owner(owner.as_str(), &quota.of_owner(&owner));
        Arc::new(Self {
            id: "local".into(),
            owner,
            account,
            scopes,
            skills,
            skills_of,
            any_name: false,
            sees_own: false,
        })
    }

    /// Returns the key of its share of the host, which all tokens of an owner have in common.
    pub(crate) fn share_key(&self) -> &Arc<str> {
        self.account.key()
    }

    pub(crate) fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }

    /// Returns whether it sees a skill. It sees its owner's skills and those that its token names; an admin sees all.
    pub(crate) fn sees(&self, name: &Name, owner: &Owner) -> bool {
        let names = || (self.skills_of.is_empty() || self.skills_of.contains(owner)) && self.fits(name);
        (self.sees_own && *owner == self.owner) || self.may(Scope::Admin) || names()
    }

    /// Returns whether a pattern fits a skill, of any owner.
    fn fits(&self, name: &Name) -> bool {
        self.skills.iter().any(|pattern| pattern.fits(name))
    }

    /// Returns whether it may learn that another owner has a name.
    ///
    /// A principal that sees only some names gets one answer for all other names, taken or not.
    pub(crate) fn may_try(&self, name: &Name) -> bool {
        self.may(Scope::Admin) || self.any_name || (self.skills_of.is_empty() && self.fits(name))
    }

    /// Returns the owner whose names it can change; none for an admin, who can change all.
    pub(crate) fn asks_as(&self) -> Option<&Owner> {
        if self.may(Scope::Admin) { None } else { Some(&self.owner) }
    }
}

/// The error for a request without a valid token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unknown;

/// All tokens of a store, as they were last read.
#[derive(Debug)]
pub(crate) struct Tokens {
    /// The principal of any user of this machine, if there was no token since the server started.
    local: Option<Arc<Principal>>,
    known: HashMap<String, (Token, Arc<Principal>)>,
    /// One account for each owner, however many tokens it has.
    owners: HashMap<Owner, Arc<Account>>,
    tokens: Vec<Token>,
}

impl Tokens {
    /// Creates principals for the tokens of a store. Known tokens and owners keep their accounts.
    pub(crate) fn new(tokens: Vec<Token>, before: Option<&Self>, quota: &Quota) -> Result<Self, StoreError> {
        let local = match (tokens.is_empty(), before) {
            (true, None) => Some(Principal::local("local".parse()?, quota)),
            (true, Some(before)) => before.local.clone(),
            // Once there were tokens nobody is let in without one, whatever becomes of their file.
            (false, _) => None,
        };
        let mut owners = before.map_or_else(HashMap::new, |before| before.owners.clone());
        for token in &tokens {
            let new = || Account::of_owner(token.owner.as_str(), &quota.of_owner(&token.owner));
            owners.entry(token.owner.clone()).or_insert_with(new);
        }
        let principal = |token: &Token, owner: &Arc<Account>| {
            let known = before.and_then(|before| before.known.get(&token.id));
            let account = match known.filter(|(known, _)| known.owner == token.owner) {
                Some((_, known)) => Arc::clone(&known.account),
                None => Account::of_token(&quota.of_token(&token.id), owner),
            };
            Arc::new(Principal {
                id: token.id.as_str().into(),
                owner: token.owner.clone(),
                account,
                scopes: token.scopes.clone(),
                skills: token.skills.clone(),
                sees_own: true,
                skills_of: token.skills_of.clone(),
                any_name: token.any_name,
            })
        };
        let known = tokens.iter().filter_map(|token| {
            let owner = owners.get(&token.owner)?;
            Some((token.id.clone(), (token.clone(), principal(token, owner))))
        });
        let known = known.collect();
        Ok(Self { local, known, owners, tokens })
    }

    /// Returns whether a principal is still valid.
    pub(crate) fn knows(&self, principal: &Principal) -> bool {
        let known = self.known.get(&*principal.id);
        known.is_some_and(|(token, _)| token.is_valid(now()))
            || self.local.as_ref().is_some_and(|local| local.id == principal.id)
    }

    /// Returns the token with this id.
    pub(crate) fn token(&self, id: &str) -> Option<&Token> {
        self.known.get(id).map(|(token, _)| token)
    }

    /// Returns whether these are the same tokens.
    pub(crate) fn are(&self, tokens: &[Token]) -> bool {
        self.tokens == tokens
    }

    /// Returns whether callers need no token.
    pub(crate) fn are_none(&self) -> bool {
        self.local.is_some()
    }

    /// Replaces the quotas.
    pub(crate) fn set_quota(&self, quota: &Quota) {
        self.owners.iter().for_each(|(owner, account)| account.set(&quota.of_owner(owner)));
        self.known.values().for_each(|(token, principal)| principal.account.set(&quota.of_token(&token.id)));
        if let Some(local) = &self.local {
            local.account.set(&quota.of_owner(&local.owner));
        }
    }

    /// Returns the principal of a request.
    ///
    /// It compares hashes in constant time. Timing reveals only whether a token with this id exists, which is no
    /// secret.
    pub(crate) fn authenticate(&self, headers: &HeaderMap) -> Result<&Arc<Principal>, Unknown> {
        if let Some(local) = &self.local {
            return Ok(local);
        }
        let mut given = headers.get_all(AUTHORIZATION).iter();
        let (Some(given), None) = (given.next(), given.next()) else { return Err(Unknown) };
        let text = given.to_str().map_err(|_| Unknown)?;
        let (scheme, token) = text.split_once(' ').ok_or(Unknown)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Unknown);
        }
        let hash = Digest::of(token.as_bytes());
        let id = token.strip_prefix("rf_").and_then(|rest| rest.split_once('_')).map(|(id, _)| id);
        let (known, principal) = id.and_then(|id| self.known.get(id)).ok_or(Unknown)?;
        let same: bool = known.hash().ct_eq(hash.as_bytes()).into();
        if same && known.is_valid(now()) { Ok(principal) } else { Err(Unknown) }
    }

    /// Returns the principal of this machine's user, for a transport that only this user can reach.
    pub(crate) fn trusted(&self, quota: &Quota) -> Result<Arc<Principal>, StoreError> {
        match &self.local {
            Some(local) => Ok(Arc::clone(local)),
            None => Ok(Principal::local("local".parse()?, quota)),
        }
    }
}

/// Returns the seconds since 1970. If the clock is before that, every token with an expiry is expired.
fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(u64::MAX, |now| now.as_secs())
}
