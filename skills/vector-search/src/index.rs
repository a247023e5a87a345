//! The index: vectors of length 1 in one run of bytes, which a later call searches where they lie.
//!
//! `RFVI`, the version 1, the kind, two zero bytes, dimensions and count as 32 bits each, little-endian. Then, of floats,
//! the vectors; of integers, the reciprocal length of each as a float, and then the vectors.

use crate::kernel;
use crate::search::{Error, Hit, Kind, Query, Vectors, floats, hit, length, narrow, nearest, not_finite};

const MAGIC: [u8; 5] = *b"RFVI\x01";
const HEADER: usize = 16;

/// The index of `vectors`, with its numbers kept as `kind`.
pub(crate) fn build(vectors: &Vectors<'_>, kind: Kind) -> Result<Vec<u8>, Error> {
    let count = vectors.len();
    let scales = if kind == Kind::Int8 { count.saturating_mul(4) } else { 0 };
    let numbers = count.saturating_mul(vectors.dimensions).saturating_mul(kind.width());
    let mut index = Vec::with_capacity(HEADER.saturating_add(scales).saturating_add(numbers));
    index.extend_from_slice(&MAGIC);
    index.extend_from_slice(&[kind as u8, 0, 0]);
    for number in [vectors.dimensions, count] {
        let number = u32::try_from(number).map_err(|_| Error::Vectors("there are too many vectors".into()))?;
        index.extend_from_slice(&number.to_le_bytes());
    }
    index.resize(HEADER.saturating_add(scales), 0);

    for (at, vector) in vectors.each().enumerate() {
        match (vectors.kind, kind) {
            (Kind::F32, Kind::F32) => unit(floats(vector), at, &mut index)?,
            (Kind::Int8, Kind::F32) => unit(small(vector), at, &mut index)?,
            (Kind::F32, Kind::Int8) => quantise(floats(vector), at, &mut index)?,
            // They are what they would become.
            (Kind::Int8, Kind::Int8) => index.extend_from_slice(vector),
        }
        if kind == Kind::Int8 {
            let start = index.len().saturating_sub(vectors.dimensions);
            let square = kernel::square_i8(index.get(start..).unwrap_or_default());
            let reciprocal = if square == 0 { 0.0 } else { narrow(1.0 / whole(square).sqrt()) };
            let place = HEADER.saturating_add(at.saturating_mul(4));
            if let Some(place) = index.get_mut(place..place.saturating_add(4)) {
                place.copy_from_slice(&reciprocal.to_le_bytes());
            }
        }
    }
    Ok(index)
}

/// Adds the vector, scaled to length 1.
fn unit(vector: impl Iterator<Item = f32> + Clone, at: usize, index: &mut Vec<u8>) -> Result<(), Error> {
    check(vector.clone(), at)?;
    let length = length(vector.clone());
    let factor = if length == 0.0 { 0.0 } else { 1.0 / length };
    for number in vector {
        index.extend_from_slice(&narrow(f64::from(number) * factor).to_le_bytes());
    }
    Ok(())
}

/// Adds the vector, scaled so that its largest number is 127.
fn quantise(vector: impl Iterator<Item = f32> + Clone, at: usize, index: &mut Vec<u8>) -> Result<(), Error> {
    check(vector.clone(), at)?;
    let largest = vector.clone().fold(0.0_f32, |most, number| most.max(number.abs()));
    let factor = if largest == 0.0 { 0.0 } else { 127.0 / f64::from(largest) };
    index.extend(vector.map(|number| rounded(f64::from(number) * factor).cast_unsigned()));
    Ok(())
}

fn check(vector: impl Iterator<Item = f32>, at: usize) -> Result<(), Error> {
    match not_finite(vector) {
        Some((component, number)) => Err(Error::Vectors(format!("number {component} of vector {at} is {number}"))),
        None => Ok(()),
    }
}

/// The `k` vectors of `index` nearest to `query`.
pub(crate) fn search(query: &Query, index: &[u8], k: u32) -> Result<Vec<Hit>, Error> {
    let index = Index::read(index)?;
    if index.count > 0 && index.dimensions != query.dimensions() {
        let (has, query) = (index.dimensions, query.dimensions());
        return Err(Error::Index(format!("the index has {has} dimensions, the query has {query}")));
    }
    let mut hits = Vec::with_capacity(index.count);
    match index.kind {
        Kind::F32 => {
            for (at, vector) in index.vectors.chunks_exact(index.dimensions.saturating_mul(4)).enumerate() {
                hits.push(hit(at, finite(kernel::dot_f32(&query.floats, vector), at)?));
            }
        }
        Kind::Int8 => {
            let vectors = index.vectors.chunks_exact(index.dimensions);
            for (at, (vector, reciprocal)) in vectors.zip(floats(index.scales)).enumerate() {
                let dot = whole(kernel::dot_i8(&query.integers, vector)) / query.integer_length;
                hits.push(hit(at, finite(narrow(dot * f64::from(reciprocal)), at)?));
            }
        }
    }
    Ok(nearest(hits, k))
}

fn finite(score: f32, at: usize) -> Result<f32, Error> {
    if score.is_finite() { Ok(score) } else { Err(Error::Index(format!("vector {at} of the index is damaged"))) }
}

/// An index whose parts are where they should be.
struct Index<'a> {
    kind: Kind,
    dimensions: usize,
    count: usize,
    scales: &'a [u8],
    vectors: &'a [u8],
}

impl<'a> Index<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, Error> {
        let no_index = || Error::Index("this was not made by `index`".into());
        let rest = bytes.strip_prefix(&MAGIC).ok_or_else(no_index)?;
        let (head, body) = rest.split_first_chunk::<11>().ok_or_else(no_index)?;
        let [kind, _, _, d0, d1, d2, d3, c0, c1, c2, c3] = *head;
        let kind = match kind {
            0 => Kind::F32,
            1 => Kind::Int8,
            _ => return Err(no_index()),
        };
        let dimensions = usize::try_from(u32::from_le_bytes([d0, d1, d2, d3])).unwrap_or(usize::MAX);
        let count = usize::try_from(u32::from_le_bytes([c0, c1, c2, c3])).unwrap_or(usize::MAX);
        let scales = if kind == Kind::Int8 { count.checked_mul(4) } else { Some(0) };
        let vectors = count.checked_mul(dimensions).and_then(|numbers| numbers.checked_mul(kind.width()));
        let expected = scales.zip(vectors).and_then(|(scales, vectors)| scales.checked_add(vectors));
        if dimensions == 0 || expected != Some(body.len()) {
            let length = bytes.len();
            return Err(Error::Index(format!("the index is damaged: its {length} bytes are not those it names")));
        }
        let (scales, vectors) = body.split_at_checked(scales.unwrap_or_default()).ok_or_else(no_index)?;
        Ok(Self { kind, dimensions, count, scales, vectors })
    }
}

/// Signed bytes as floats.
fn small(vector: &[u8]) -> impl Iterator<Item = f32> + Clone {
    vector.iter().map(|number| f32::from(number.cast_signed()))
}

/// A sum of products of integers: less than 2^53 for any vector that fits into a component.
#[expect(clippy::cast_precision_loss, reason = "it is exact in the range")]
fn whole(sum: i64) -> f64 {
    sum as f64
}

/// To the nearest whole number.
#[expect(clippy::cast_possible_truncation, reason = "it is within the range")]
fn rounded(number: f64) -> i8 {
    number.round_ties_even() as i8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search;

    /// Numbers that repeat, between -1 and 1.
    fn random(state: &mut u64) -> f32 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        narrow((*state >> 40) as f64 / f64::from(1 << 23) - 1.0)
    }

    fn some(count: usize, dimensions: usize, seed: u64) -> Vec<u8> {
        let mut state = seed;
        (0..count * dimensions).flat_map(|_| random(&mut state).to_le_bytes()).collect()
    }

    #[test]
    fn an_index_and_a_search_find_the_same() {
        for dimensions in [1, 3, 16, 17, 100, 768] {
            let data = some(300, dimensions, 1);
            let vectors = Vectors::packed(u32::try_from(dimensions).unwrap(), Kind::F32, &data).unwrap();
            let mut state = 2;
            let query: Vec<f32> = (0..dimensions).map(|_| random(&mut state)).collect();
            let query = Query::new(&query).unwrap();
            let mut exact = search::search(&query, &vectors, 300).unwrap();
            exact.sort_by_key(|hit| hit.index);
            for (kind, error) in [(Kind::F32, 1e-6), (Kind::Int8, 0.01)] {
                let index = build(&vectors, kind).unwrap();
                let hits = search(&query, &index, 300).unwrap();
                assert!(hits.is_sorted_by(|a, b| a.score > b.score || a.score == b.score && a.index < b.index));
                assert_eq!(hits.len(), 300);
                for hit in hits {
                    let exact = exact[usize::try_from(hit.index).unwrap()].score;
                    assert!((hit.score - exact).abs() < error, "{dimensions} {kind:?}: {hit:?} {exact}");
                }
            }
        }
    }

    #[test]
    fn integers_are_indexed_as_they_are() {
        let data = [100, 0, 0x9C, 0, 0, 0]; // (100, 0), (-100, 0), (0, 0)
        let vectors = Vectors::packed(2, Kind::Int8, &data).unwrap();
        for kind in [Kind::F32, Kind::Int8] {
            let index = build(&vectors, kind).unwrap();
            let hits = search(&Query::new(&[2.0, 0.0]).unwrap(), &index, 3).unwrap();
            let hits: Vec<_> = hits.iter().map(|hit| (hit.index, hit.score)).collect();
            assert_eq!(hits, [(0, 1.0), (2, 0.0), (1, -1.0)], "{kind:?}");
        }
    }

    #[test]
    fn extreme_floats_can_be_indexed() {
        for scale in [f32::MAX, f32::MIN_POSITIVE, 1e-45] {
            let data: Vec<u8> = [scale, 0.0, 0.0, scale].iter().flat_map(|number| number.to_le_bytes()).collect();
            let vectors = Vectors::packed(2, Kind::F32, &data).unwrap();
            for kind in [Kind::F32, Kind::Int8] {
                let index = build(&vectors, kind).unwrap();
                let hits = search(&Query::new(&[0.0, 1.0]).unwrap(), &index, 1).unwrap();
                assert_eq!(hits[0].index, 1);
                assert!((hits[0].score - 1.0).abs() < 1e-6, "{scale} {kind:?}: {hits:?}");
            }
        }
    }

    #[test]
    fn damaged_indexes_are_refused() {
        let data = some(3, 4, 5);
        let vectors = Vectors::packed(4, Kind::F32, &data).unwrap();
        let query = Query::new(&[1.0; 4]).unwrap();
        for kind in [Kind::F32, Kind::Int8] {
            let index = build(&vectors, kind).unwrap();
            for end in 0..index.len() {
                assert!(matches!(search(&query, &index[..end], 1), Err(Error::Index(_))), "{end}");
            }
            for at in 0..index.len() {
                let mut damaged = index.clone();
                damaged[at] ^= 0xFF;
                // Whatever it is, it is an answer or an error.
                if let Ok(hits) = search(&query, &damaged, 3) {
                    assert!(hits.iter().all(|hit| hit.score.is_finite()), "{at}");
                }
            }
            assert!(matches!(search(&Query::new(&[1.0; 3]).unwrap(), &index, 1), Err(Error::Index(_))));
        }
        let mut not_a_number = build(&vectors, Kind::F32).unwrap();
        not_a_number[HEADER..HEADER + 4].copy_from_slice(&f32::NAN.to_le_bytes());
        assert_eq!(search(&query, &not_a_number, 1), Err(Error::Index("vector 0 of the index is damaged".into())));
    }

    #[test]
    fn vectors_with_nan_are_not_indexed() {
        let data: Vec<u8> = [1.0, f32::NAN].iter().flat_map(|number| number.to_le_bytes()).collect();
        let vectors = Vectors::packed(1, Kind::F32, &data).unwrap();
        for kind in [Kind::F32, Kind::Int8] {
            assert_eq!(build(&vectors, kind), Err(Error::Vectors("number 0 of vector 1 is NaN".into())));
        }
    }
}
