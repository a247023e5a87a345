//! Reads queries and vectors, and finds the nearest by cosine.

use crate::kernel;

/// Why there is no answer; the cases of `search-error` in the WIT.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Error {
    Query(String),
    Vectors(String),
    Index(String),
}

/// A vector that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Hit {
    pub(crate) index: u32,
    pub(crate) score: f32,
}

/// What a direction is sought for: the query, of length 1, as floats and as integers.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) floats: Vec<f32>,
    /// The query scaled so that its largest number is 32,767.
    pub(crate) integers: Vec<i16>,
    /// The length of that.
    pub(crate) integer_length: f64,
}

impl Query {
    pub(crate) fn new(query: &[f32]) -> Result<Self, Error> {
        if query.is_empty() {
            return Err(Error::Query("the query is empty".into()));
        }
        if let Some((at, number)) = not_finite(query.iter().copied()) {
            return Err(Error::Query(format!("number {at} of the query is {number}")));
        }
        let length = length(query.iter().copied());
        if length == 0.0 {
            return Err(Error::Query("the query is all zeros, and they have no direction".into()));
        }
        let largest = query.iter().fold(0.0_f64, |most, number| most.max(f64::from(*number).abs()));
        let integers: Vec<i16> = query.iter().map(|number| scaled(f64::from(*number) / largest * 32_767.0)).collect();
        let integer_length = integers.iter().fold(0.0, |sum, number| sum + f64::from(*number).powi(2)).sqrt();
        let floats = query.iter().map(|number| narrow(f64::from(*number) / length)).collect();
        Ok(Self { floats, integers, integer_length })
    }

    pub(crate) fn dimensions(&self) -> usize {
        self.floats.len()
    }
}

/// Vectors as bytes, all of the same length.
#[derive(Debug)]
pub(crate) struct Vectors<'a> {
    pub(crate) dimensions: usize,
    pub(crate) kind: Kind,
    data: &'a [u8],
}

/// What the numbers of a vector are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    F32,
    Int8,
}

impl Kind {
    /// Bytes of a number.
    pub(crate) fn width(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::Int8 => 1,
        }
    }
}

impl<'a> Vectors<'a> {
    pub(crate) fn packed(dimensions: u32, kind: Kind, data: &'a [u8]) -> Result<Self, Error> {
        let dimensions = usize::try_from(dimensions).unwrap_or(usize::MAX);
        let bytes = dimensions.saturating_mul(kind.width());
        if bytes == 0 {
            return Err(Error::Vectors("dimensions is 0".into()));
        }
        if !data.len().is_multiple_of(bytes) {
            return Err(Error::Vectors(format!(
                "data has {} bytes, which is no multiple of the {bytes} of a vector of {dimensions} dimensions",
                data.len()
            )));
        }
        Ok(Self { dimensions, kind, data })
    }

    /// Packs `rows` into `bytes`, for a view of them.
    pub(crate) fn rows(rows: &[Vec<f32>], bytes: &'a mut Vec<u8>) -> Result<Self, Error> {
        let dimensions = rows.first().map_or(1, Vec::len);
        if let Some((at, row)) = rows.iter().enumerate().find(|(_, row)| row.len() != dimensions || row.is_empty()) {
            let others = if row.is_empty() { String::new() } else { format!(", vector 0 has {dimensions}") };
            return Err(Error::Vectors(format!("vector {at} has {} numbers{others}", row.len())));
        }
        for number in rows.iter().flatten() {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        Ok(Self { dimensions, kind: Kind::F32, data: bytes })
    }

    pub(crate) fn len(&self) -> usize {
        self.data.len() / self.bytes_each()
    }

    pub(crate) fn each(&self) -> impl Iterator<Item = &'a [u8]> {
        self.data.chunks_exact(self.bytes_each())
    }

    fn bytes_each(&self) -> usize {
        self.dimensions.saturating_mul(self.kind.width()).max(1)
    }
}

/// The `k` vectors nearest to `query`.
pub(crate) fn search(query: &Query, vectors: &Vectors<'_>, k: u32) -> Result<Vec<Hit>, Error> {
    // Without vectors there is no length that could differ.
    if vectors.len() > 0 && vectors.dimensions != query.dimensions() {
        return Err(Error::Vectors(format!(
            "the vectors have {} dimensions, the query has {}",
            vectors.dimensions,
            query.dimensions()
        )));
    }
    let mut hits = Vec::with_capacity(vectors.len());
    for (at, vector) in vectors.each().enumerate() {
        let score = match vectors.kind {
            Kind::F32 => cosine_f32(&query.floats, vector, at)?,
            Kind::Int8 => {
                let square = integer(kernel::square_i8(vector));
                let dot = integer(kernel::dot_i8(&query.integers, vector));
                if square == 0.0 { 0.0 } else { narrow(dot / (query.integer_length * square.sqrt())) }
            }
        };
        hits.push(hit(at, score));
    }
    Ok(nearest(hits, k))
}

/// The cosine of a query of length 1 and the vector at place `at`.
fn cosine_f32(query: &[f32], vector: &[u8], at: usize) -> Result<f32, Error> {
    let square = kernel::square_f32(vector);
    let dot = kernel::dot_f32(query, vector);
    // Squares of floats leave the range of floats at both ends; between these they keep their digits.
    if dot.is_finite() && (1e-24..1e36).contains(&square) {
        return Ok(dot / square.sqrt());
    }
    let numbers = floats(vector);
    if let Some((component, number)) = not_finite(numbers.clone()) {
        return Err(Error::Vectors(format!("number {component} of vector {at} is {number}")));
    }
    let dot = query.iter().zip(numbers.clone()).fold(0.0, |sum, (q, v)| sum + f64::from(*q) * f64::from(v));
    let length = length(numbers);
    Ok(if length == 0.0 { 0.0 } else { narrow(dot / length) })
}

/// A hit with a score within the range of a cosine, which rounding may leave, and without a negative zero.
pub(crate) fn hit(at: usize, score: f32) -> Hit {
    Hit { index: u32::try_from(at).unwrap_or(u32::MAX), score: score.clamp(-1.0, 1.0) + 0.0 }
}

/// The `k` best of `hits`, in order.
pub(crate) fn nearest(mut hits: Vec<Hit>, k: u32) -> Vec<Hit> {
    let k = usize::try_from(k).unwrap_or(usize::MAX).min(hits.len());
    let better = |a: &Hit, b: &Hit| b.score.total_cmp(&a.score).then(a.index.cmp(&b.index));
    if k > 0 && k < hits.len() {
        hits.select_nth_unstable_by(k, better);
    }
    hits.truncate(k);
    hits.sort_unstable_by(better);
    hits
}

/// The floats of a vector.
pub(crate) fn floats(vector: &[u8]) -> impl Iterator<Item = f32> + Clone {
    vector.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes))
}

/// The first of `numbers` that is none, and where.
pub(crate) fn not_finite(mut numbers: impl Iterator<Item = f32>) -> Option<(usize, f32)> {
    let mut at: usize = 0;
    numbers.find_map(|number| {
        let found = (!number.is_finite()).then_some((at, number));
        at = at.saturating_add(1);
        found
    })
}

/// The Euclidean length; no float is too large or too small for it.
pub(crate) fn length(numbers: impl Iterator<Item = f32>) -> f64 {
    numbers.fold(0.0, |sum, number| sum + f64::from(number) * f64::from(number)).sqrt()
}

/// To the nearest 32-bit float.
#[expect(clippy::cast_possible_truncation, reason = "to round is what is wanted")]
pub(crate) fn narrow(number: f64) -> f32 {
    number as f32
}

/// To the nearest whole number.
#[expect(clippy::cast_possible_truncation, reason = "it is within the range")]
fn scaled(number: f64) -> i16 {
    number.round_ties_even() as i16
}

/// A sum of products of integers: less than 2^53 for any vector that fits into a component.
#[expect(clippy::cast_precision_loss, reason = "it is exact in the range")]
fn integer(sum: i64) -> f64 {
    sum as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn found(query: &[f32], rows: &[&[f32]], k: u32) -> Result<Vec<(u32, f32)>, Error> {
        let rows: Vec<Vec<f32>> = rows.iter().map(|row| row.to_vec()).collect();
        let mut bytes = Vec::new();
        let vectors = Vectors::rows(&rows, &mut bytes)?;
        let hits = search(&Query::new(query)?, &vectors, k)?;
        Ok(hits.into_iter().map(|hit| (hit.index, hit.score)).collect())
    }

    #[test]
    fn the_nearest_come_first_and_equal_ones_keep_their_order() {
        let rows: [&[f32]; 5] = [&[0.0, 1.0], &[4.0, 3.0], &[8.0, 6.0], &[-2.0, 0.0], &[5.0, 0.0]];
        let all = [(4, 1.0), (1, 0.8), (2, 0.8), (0, 0.0), (3, -1.0)];
        assert_eq!(found(&[3.0, 0.0], &rows, 10).unwrap(), all);
        for k in 0..=5_u8 {
            assert_eq!(found(&[3.0, 0.0], &rows, k.into()).unwrap(), all[..k.into()]);
        }
        assert_eq!(found(&[3.0, 0.0], &[], 10).unwrap(), []);
    }

    #[test]
    fn queries_and_vectors_without_a_cosine_are_refused() {
        let query = |query: &[f32]| Query::new(query).unwrap_err();
        assert_eq!(query(&[]), Error::Query("the query is empty".into()));
        assert_eq!(query(&[1.0, f32::NAN]), Error::Query("number 1 of the query is NaN".into()));
        assert_eq!(query(&[0.0, -0.0]), Error::Query("the query is all zeros, and they have no direction".into()));

        let vectors = |rows: &[&[f32]]| found(&[1.0, 0.0], rows, 1).unwrap_err();
        let said = |why: &str| Error::Vectors(why.into());
        assert_eq!(vectors(&[&[1.0, 2.0], &[1.0]]), said("vector 1 has 1 numbers, vector 0 has 2"));
        assert_eq!(vectors(&[&[]]), said("vector 0 has 0 numbers"));
        assert_eq!(vectors(&[&[1.0]]), said("the vectors have 1 dimensions, the query has 2"));
        assert_eq!(vectors(&[&[1.0, 1.0], &[0.0, f32::NAN]]), said("number 1 of vector 1 is NaN"));
        assert_eq!(vectors(&[&[f32::NEG_INFINITY, 0.0]]), said("number 0 of vector 0 is -inf"));

        assert!(Vectors::packed(2, Kind::F32, &[0; 12]).is_err());
        assert!(Vectors::packed(0, Kind::F32, &[]).is_err());
        assert!(Vectors::packed(u32::MAX, Kind::F32, &[0; 4]).is_err());
        assert_eq!(Vectors::packed(3, Kind::Int8, &[0; 12]).unwrap().len(), 4);
    }

    #[test]
    fn a_vector_of_zeros_scores_zero() {
        assert_eq!(found(&[1.0, 1.0], &[&[-1.0, 0.0], &[0.0, 0.0]], 2).unwrap()[0], (1, 0.0));
        let zeros = Vectors::packed(2, Kind::Int8, &[0, 0]).unwrap();
        assert_eq!(search(&Query::new(&[1.0, 1.0]).unwrap(), &zeros, 1).unwrap()[0].score, 0.0);
    }

    #[test]
    fn floats_at_the_ends_of_their_range_have_their_cosine() {
        for scale in [f32::MAX, 1e30, 1e-30, f32::MIN_POSITIVE, 1e-44] {
            let hits = found(&[scale, 0.0], &[&[scale, scale], &[scale, 0.0], &[0.0, scale]], 3).unwrap();
            assert_eq!(hits.iter().map(|hit| hit.0).collect::<Vec<_>>(), [1, 0, 2], "{scale}");
            assert!((hits[1].1 - 0.5_f32.sqrt()).abs() < 1e-6, "{scale}: {hits:?}");
        }
    }

    #[test]
    fn integers_score_as_the_floats_that_they_are() {
        let integers: [i8; 6] = [127, 0, -128, 127, 3, 4];
        let bytes: Vec<u8> = integers.iter().map(|number| number.cast_unsigned()).collect();
        let query = Query::new(&[0.6, 0.8]).unwrap();
        let hits = search(&query, &Vectors::packed(2, Kind::Int8, &bytes).unwrap(), 3).unwrap();
        let rows: Vec<f32> = integers.iter().map(|number| f32::from(*number)).collect();
        let rows: Vec<&[f32]> = rows.chunks(2).collect();
        for (hit, exact) in hits.iter().zip(found(&[0.6, 0.8], &rows, 3).unwrap()) {
            assert_eq!(hit.index, exact.0);
            assert!((hit.score - exact.1).abs() < 1e-4, "{hit:?} {exact:?}");
        }
    }

    #[test]
    fn the_scores_are_to_the_bit_those_of_a_component() {
        // The same vectors are in `cases.jsonl`, where the component adds up with vector instructions.
        let value = |i: u16, factor: u16, modulus: u16, divisor: f32, offset: f32| {
            f32::from(i * factor % modulus) / divisor - offset
        };
        let query: Vec<f32> = (0..300).map(|i| value(i, 37, 101, 64.0, 0.75)).collect();
        let row = |k: u16| (0..300).map(|i| value(i, k * 2 + 5, 97, 32.0, 1.5)).collect::<Vec<f32>>();
        let rows: Vec<Vec<f32>> = (0..4).map(row).collect();
        let rows: Vec<&[f32]> = rows.iter().map(Vec::as_slice).collect();
        let scores = [(0, 0.035_279_103), (1, 0.027_066_188), (2, 0.000_110_193_22), (3, -0.000_341_941_7)];
        assert_eq!(found(&query, &rows, 4).unwrap(), scores);
    }
}
