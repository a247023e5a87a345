//! A store of skills.
