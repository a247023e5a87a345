//! A Ringfence skill that finds the nearest vectors: three tools, and nothing imported.
//!
//! The promise to callers is in `wit/vector-search.wit`. [`kernel`] adds up products, [`search`] compares, and [`index`]
//! packs; all are plain Rust with their tests beside them, and this file only joins them to the bindings.

mod index;
mod kernel;
mod search;

mod bindings {
    wit_bindgen::generate!({ world: "vector-search", path: "wit" });
}

use bindings::exports::ringfence::vector_search::vectors::{Guest, Hit, Packed, Precision, SearchError, Vectors};
use search::{Error, Kind, Query};

struct Skill;

impl Guest for Skill {
    fn search(query: Vec<f32>, vectors: Vectors, k: Option<u32>) -> Result<Vec<Hit>, SearchError> {
        let query = Query::new(&query).map_err(error)?;
        let hits = with_view(&vectors, |vectors| search::search(&query, vectors, k.unwrap_or(DEFAULT_K)));
        hits.map(answer).map_err(error)
    }

    fn index(vectors: Vectors, precision: Option<Precision>) -> Result<Vec<u8>, SearchError> {
        let kind = match precision.unwrap_or(Precision::Int8) {
            Precision::Float32 => Kind::F32,
            Precision::Int8 => Kind::Int8,
        };
        with_view(&vectors, |vectors| index::build(vectors, kind)).map_err(error)
    }

    fn search_index(query: Vec<f32>, index: Vec<u8>, k: Option<u32>) -> Result<Vec<Hit>, SearchError> {
        let query = Query::new(&query).map_err(error)?;
        index::search(&query, &index, k.unwrap_or(DEFAULT_K)).map(answer).map_err(error)
    }
}

bindings::export!(Skill with_types_in bindings);

/// How many vectors are named when the caller does not say.
const DEFAULT_K: u32 = 10;

/// Calls `use_view` with the vectors as bytes, whichever way they came.
fn with_view<T>(
    vectors: &Vectors,
    use_view: impl FnOnce(&search::Vectors<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut bytes = Vec::new();
    let view = match vectors {
        Vectors::Rows(rows) => search::Vectors::rows(rows, &mut bytes),
        Vectors::F32Bytes(Packed { dimensions, data }) => search::Vectors::packed(*dimensions, Kind::F32, data),
        Vectors::Int8Bytes(Packed { dimensions, data }) => search::Vectors::packed(*dimensions, Kind::Int8, data),
    };
    use_view(&view?)
}

fn answer(hits: Vec<search::Hit>) -> Vec<Hit> {
    hits.into_iter().map(|hit| Hit { index: hit.index, score: hit.score }).collect()
}

fn error(error: Error) -> SearchError {
    match error {
        Error::Query(why) => SearchError::BadQuery(why),
        Error::Vectors(why) => SearchError::BadVectors(why),
        Error::Index(why) => SearchError::BadIndex(why),
    }
}
