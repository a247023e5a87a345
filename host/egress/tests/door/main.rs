//! The door against loopback servers that stand in for allowed and forbidden hosts, and resolvers that change their mind.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
#![allow(clippy::disallowed_methods, reason = "servers and names of a test")]

mod addresses;
mod attacks;
mod grants;
mod limits;
mod pool;
mod proxy;
mod redirects;
mod responses;
mod secrets;
mod site;
mod tls;
