//! Accounts within accounts: what is taken of one is taken of both, and a refusal takes nothing of either.

use super::*;
use crate::config::Config;

/// The quotas of a configuration: of the owner `alice`, and of a token of hers.
fn quotas(toml: &str) -> (QuotaSection, QuotaSection) {
    let config = Config::parse(toml, "test.toml".as_ref()).expect("a configuration");
    (config.quota.of_owner(&"alice".parse().expect("an owner")), config.quota.of_token("0123456789"))
}

fn spent<T>(taken: Result<T, Over>) -> Option<(Spent, Whose)> {
    taken.err().map(|over| (over.what, over.whose))
}

#[test]
fn tokens_of_one_owner_share_its_account() {
    let (owner, token) = quotas("[limits]\nfuel = 10\n[quota]\ncalls-per-minute = 3\nconcurrency = 2");
    let owner = Account::of_owner("alice", &owner);
    let (first, second) = (Account::of_token(&token, &owner), Account::of_token(&token, &owner));
    let a = first.begin(1).expect("one of two at once");
    let _b = second.begin(1).expect("two of two at once");
    assert_eq!(spent(first.begin(1)), Some((Spent::Concurrency, Whose::Owner)));
    drop(a);
    drop(first.begin(1).expect("the third call"));
    assert_eq!(spent(first.begin(1)), Some((Spent::Calls, Whose::Owner)));
    assert_eq!(spent(second.begin(1)), Some((Spent::Calls, Whose::Owner)));
    assert!(Arc::ptr_eq(first.key(), second.key()));
}

#[test]
fn a_tokens_quota_is_inside_its_owners() {
    let toml =
        "[limits]\nfuel = 10\n[quota]\ncalls-per-minute = 3\n[quota.token.0123456789]\ncalls-per-minute = 2";
    let (owner, token) = quotas(toml);
    let owner = Account::of_owner("alice", &owner);
    let small = Account::of_token(&token, &owner);
    let other = Account::of_token(&QuotaSection::default(), &owner);
    for _ in 0..2 {
        drop(small.begin(1).expect("its own two"));
    }
    assert_eq!(spent(small.begin(1)), Some((Spent::Calls, Whose::Token)));
    drop(other.begin(1).expect("the third of the owner: the refusal took nothing of it"));
    assert_eq!(spent(other.begin(1)), Some((Spent::Calls, Whose::Owner)));
}

#[test]
fn a_refusal_by_the_owners_quota_does_not_charge_the_token() {
    let toml =
        "[limits]\nfuel = 10\n[quota]\ncalls-per-minute = 1\n[quota.token.0123456789]\ncalls-per-minute = 2";
    let (owner, token) = quotas(toml);
    let owner = Account::of_owner("alice", &owner);
    let small = Account::of_token(&token, &owner);
    drop(small.begin(1).expect("one"));
    for _ in 0..5 {
        assert_eq!(spent(small.begin(1)), Some((Spent::Calls, Whose::Owner)));
    }
    let (more, _) = quotas("[limits]\nfuel = 10\n[quota]\ncalls-per-minute = 9");
    owner.set(&more);
    drop(small.begin(1).expect("its second"));
    assert_eq!(spent(small.begin(1)), Some((Spent::Calls, Whose::Token)));
}

#[test]
fn fuel_is_reserved_in_both_accounts_and_given_back_to_both() {
    let toml = "[limits]\nfuel = 100\n[quota]\nfuel-per-minute = 1000\n[quota.token.0123456789]\nfuel-per-minute = 400";
    let (owner, token) = quotas(toml);
    let owner = Account::of_owner("alice", &owner);
    let small = Account::of_token(&token, &owner);
    let mut share = small.begin(400).expect("all that it has");
    assert_eq!(spent(small.begin(100)), Some((Spent::Fuel, Whose::Token)));
    share.begin();
    share.burnt(100);
    drop(share);
    drop(small.begin(300).expect("what was not burnt"));
    let other = Account::of_token(&QuotaSection::default(), &owner);
    assert!(other.begin(1_000).is_err(), "a hundred of the owner's were burnt");
    drop(other.begin(900).expect("the rest is there"));
}

#[test]
fn calls_and_requests_have_separate_quotas() {
    let toml = "[limits]\nfuel = 10\n[quota]\ncalls-per-minute = 1\nrequests-per-minute = 2";
    let (owner, token) = quotas(toml);
    let owner = Account::of_owner("alice", &owner);
    let token = Account::of_token(&token, &owner);
    for _ in 0..2 {
        token.request().expect("a list");
    }
    assert_eq!(spent(token.request()), Some((Spent::Requests, Whose::Owner)));
    drop(token.begin(1).expect("lists took no call"));
    // The request that the call came in is free again.
    token.request().expect("another");
    assert_eq!(spent(token.begin(1)), Some((Spent::Calls, Whose::Owner)));
    assert_eq!(
        spent(token.request()),
        Some((Spent::Requests, Whose::Owner)),
        "a refused call stays a request"
    );
}

#[test]
fn dropped_slots_are_returned() {
    let (owner, token) = quotas("[quota]\nlisteners = 1\nconcurrency = 1");
    let owner = Account::of_owner("alice", &owner);
    let token = Account::of_token(&token, &owner);
    let listener = token.listen().expect("one");
    assert_eq!(spent(token.listen()), Some((Spent::Listeners, Whose::Owner)));
    drop(listener);
    let waits = token.wait().expect("one may wait");
    assert_eq!(spent(token.wait()), Some((Spent::Concurrency, Whose::Owner)));
    drop((token.listen().expect("one again"), waits));
    let upload = token.upload(1).expect("one");
    assert!(token.upload(1).is_none());
    drop(upload);
    assert!(token.upload(1).is_some());
}
