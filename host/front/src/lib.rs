//! The HTTP code that the server and the worker of the edge share, so that they answer alike.
//!
//! | module | content |
//! |---|---|
//! | [`connection`] | the end of a connection, the write timeout, problems for requests that the HTTP layer itself refuses, a refused connection |
//! | [`request`] | checks of a call's headers and body, and [`RequestError`](request::RequestError) with code, status and text |
//! | [`problem`] | problem documents (RFC 9457) |
//! | [`answer`] | responses: reports, JSON, problems |
//!
//! This crate knows no store and no engine settings.
//!
//! # Answers
//!
//! Every report of a run has status 200, however the run ended: [`answer::report`]. If no run took place, the caller gets a
//! problem.
//!
//! ```
//! use ringfence_front::problem::Problem;
//! use ringfence_front::request::RequestError;
//!
//! let error = RequestError::BodyTooLarge(1 << 20);
//! assert_eq!((error.status().as_u16(), error.code()), (413, "body-too-large"));
//!
//! let problem = serde_json::to_string(&Problem::of(&error)).unwrap();
//! assert!(problem.contains("the body is too large; the limit is 1048576 bytes"));
//! ```

mod bare;

pub mod answer;
pub mod connection;
pub mod problem;
pub mod request;

/// The examples of the README, for `cargo test --doc`.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
