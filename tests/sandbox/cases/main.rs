//! The sandbox boundary: one module for each promise.

mod artifacts;
mod calls;
mod compat;
mod components;
mod examples;
mod fairness;
mod grants;
mod host_interfaces;
mod hostile;
mod json;
mod limits;
mod meter;
mod property;
mod refusals;
mod schemas;
mod scratch;
mod standard;
mod storm;
mod tool_json;
mod wasi_http;
mod wasi_http_limits;
mod wit;
