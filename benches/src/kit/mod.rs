//! What the benches share: servers and clients, clocks and statistics, and what becomes of the figures.

pub(crate) mod bare;
pub(crate) mod book;
pub(crate) mod catalog;
pub(crate) mod client;
pub(crate) mod clock;
pub(crate) mod guests;
pub(crate) mod machine;
pub(crate) mod plot;
pub(crate) mod report;
pub(crate) mod results;
pub(crate) mod server;
pub(crate) mod stats;
pub(crate) mod wrk;
