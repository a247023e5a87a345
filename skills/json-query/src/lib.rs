//! A Ringfence skill that applies a jq filter to a JSON document: one tool, `run`, and nothing imported.
//!
//! The promise to callers is in `wit/json-query.wit`. [`query`] runs the filter, [`json`] reads and writes;
//! both are plain Rust with their tests beside them, and this file only joins them to the bindings.

mod functions;
mod json;
mod query;
mod regex;

use query::Error;

mod bindings {
    wit_bindgen::generate!({ world: "json-query", path: "wit" });
}

use bindings::exports::ringfence::json_query::query::{Guest, QueryError};

struct Skill;

impl Guest for Skill {
    fn run(filter: String, document: String) -> Result<Vec<String>, QueryError> {
        query::run(&filter, &document).map_err(|error| match error {
            Error::BadFilter(why) => QueryError::BadFilter(why),
            Error::BadDocument(why) => QueryError::BadDocument(why),
            Error::Failed(why) => QueryError::Failed(why),
        })
    }
}

bindings::export!(Skill with_types_in bindings);
