//! The sandbox boundary: one module for each promise.

mod hostile;
