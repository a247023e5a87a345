//! The sandbox boundary: one module for each promise.

mod artifacts;
mod calls;
mod compat;
mod components;
mod examples;
mod fairness;
mod hostile;
mod json;
mod lent;
mod limits;
mod meter;
mod property;
mod refusals;
mod schemas;
mod storm;
mod tool_json;
mod wit;
