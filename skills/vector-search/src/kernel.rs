//! Sums of products, with 128-bit vector instructions in a component and in plain Rust anywhere else.
//!
//! Both add up in the same order, so they give the same bits: what the tests show of the one on the host holds for the
//! other. Vectors are bytes as they came in, little-endian, never copied.

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use plain::{dot_f32, dot_i8, square_f32, square_i8};
#[cfg(target_arch = "wasm32")]
pub(crate) use simd::{dot_f32, dot_i8, square_f32, square_i8};

/// Floats that are taken at once: four registers of four.
const FLOATS: usize = 16;

/// Integers that are taken at once.
#[cfg(any(target_arch = "wasm32", test))]
const INTEGERS: usize = 16;

/// Integers after which 32-bit sums are put aside: each takes in two products, of 2^15 and 2^7, of every 16 integers,
/// and 256 times two such products are just below 2^31.
#[cfg(any(target_arch = "wasm32", test))]
const BLOCK: usize = 256 * INTEGERS;

/// The float in four bytes.
fn float(bytes: [u8; 4]) -> f32 {
    f32::from_le_bytes(bytes)
}

/// The sum of what is left after the last whole register.
fn rest_f32(query: &[f32], vector: &[[u8; 4]]) -> f32 {
    query.iter().zip(vector).fold(0.0, |sum, (q, v)| sum + q * float(*v))
}

/// The sum of squares of what is left after the last whole register.
fn rest_square_f32(vector: &[[u8; 4]]) -> f32 {
    vector.iter().fold(0.0, |sum, v| sum + float(*v) * float(*v))
}

fn rest_i8(query: &[i16], vector: &[u8]) -> i64 {
    let products = query.iter().zip(vector).map(|(q, v)| i64::from(*q) * i64::from(v.cast_signed()));
    products.sum()
}

fn rest_square_i8(vector: &[u8]) -> i64 {
    vector.iter().map(|v| i64::from(v.cast_signed()).pow(2)).sum()
}

/// Plain Rust.
#[cfg(not(target_arch = "wasm32"))]
mod plain {
    use super::{FLOATS, float, rest_f32, rest_i8, rest_square_f32, rest_square_i8};

    /// `query · vector`, as far as both go.
    pub(crate) fn dot_f32(query: &[f32], vector: &[u8]) -> f32 {
        let (query, query_rest) = query.as_chunks::<FLOATS>();
        let (vector, vector_rest) = vector.as_chunks::<4>().0.as_chunks::<FLOATS>();
        let mut lanes = [0.0; FLOATS];
        for (query, vector) in query.iter().zip(vector) {
            for (lane, (q, v)) in lanes.iter_mut().zip(query.iter().zip(vector)) {
                *lane += q * float(*v);
            }
        }
        sum(lanes) + rest_f32(query_rest, vector_rest)
    }

    /// `vector · vector`
    pub(crate) fn square_f32(vector: &[u8]) -> f32 {
        let (vector, rest) = vector.as_chunks::<4>().0.as_chunks::<FLOATS>();
        let mut lanes = [0.0; FLOATS];
        for vector in vector {
            for (lane, v) in lanes.iter_mut().zip(vector) {
                *lane += float(*v) * float(*v);
            }
        }
        sum(lanes) + rest_square_f32(rest)
    }

    /// The lanes of four registers of four, in the order in which registers are added.
    fn sum(lanes: [f32; FLOATS]) -> f32 {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = lanes;
        let lane = [(a + e) + (i + m), (b + f) + (j + n), (c + g) + (k + o), (d + h) + (l + p)];
        (lane[0] + lane[1]) + (lane[2] + lane[3])
    }

    /// `query · vector`, as far as both go, of signed bytes.
    pub(crate) fn dot_i8(query: &[i16], vector: &[u8]) -> i64 {
        rest_i8(query, vector)
    }

    /// `vector · vector`, of signed bytes.
    pub(crate) fn square_i8(vector: &[u8]) -> i64 {
        rest_square_i8(vector)
    }
}

/// Vector instructions, switched on for these functions only.
#[cfg(target_arch = "wasm32")]
mod simd {
    use core::arch::wasm32::{
        f32x4_add, f32x4_extract_lane, f32x4_mul, f32x4_splat, i16x8_extend_high_i8x16, i16x8_extend_low_i8x16,
        i32x4_add, i32x4_dot_i16x8, i32x4_extract_lane, i32x4_splat, v128, v128_load,
    };

    use super::{BLOCK, FLOATS, INTEGERS, rest_f32, rest_i8, rest_square_f32, rest_square_i8};

    /// `query · vector`, as far as both go.
    #[target_feature(enable = "simd128")]
    pub(crate) fn dot_f32(query: &[f32], vector: &[u8]) -> f32 {
        let (query, query_rest) = query.as_chunks::<FLOATS>();
        let (vector, vector_rest) = vector.as_chunks::<4>().0.as_chunks::<FLOATS>();
        let mut sums = [f32x4_splat(0.0); 4];
        for (query, vector) in query.iter().zip(vector) {
            let query = query.as_chunks::<4>().0;
            let vector = vector.as_chunks::<4>().0;
            for (sum, (q, v)) in sums.iter_mut().zip(query.iter().zip(vector)) {
                *sum = f32x4_add(*sum, f32x4_mul(load(q), load(v)));
            }
        }
        sum_f32(sums) + rest_f32(query_rest, vector_rest)
    }

    /// `vector · vector`
    #[target_feature(enable = "simd128")]
    pub(crate) fn square_f32(vector: &[u8]) -> f32 {
        let (vector, rest) = vector.as_chunks::<4>().0.as_chunks::<FLOATS>();
        let mut sums = [f32x4_splat(0.0); 4];
        for vector in vector {
            for (sum, v) in sums.iter_mut().zip(vector.as_chunks::<4>().0) {
                let v = load(v);
                *sum = f32x4_add(*sum, f32x4_mul(v, v));
            }
        }
        sum_f32(sums) + rest_square_f32(rest)
    }

    #[target_feature(enable = "simd128")]
    fn sum_f32(sums: [v128; 4]) -> f32 {
        let [a, b, c, d] = sums;
        let sum = f32x4_add(f32x4_add(a, b), f32x4_add(c, d));
        let low = f32x4_extract_lane::<0>(sum) + f32x4_extract_lane::<1>(sum);
        low + (f32x4_extract_lane::<2>(sum) + f32x4_extract_lane::<3>(sum))
    }

    /// `query · vector`, as far as both go, of signed bytes.
    #[target_feature(enable = "simd128")]
    pub(crate) fn dot_i8(query: &[i16], vector: &[u8]) -> i64 {
        let mut total: i64 = 0;
        for (query, vector) in query.chunks(BLOCK).zip(vector.chunks(BLOCK)) {
            let (query, query_rest) = query.as_chunks::<INTEGERS>();
            let (vector, vector_rest) = vector.as_chunks::<INTEGERS>();
            let mut low = i32x4_splat(0);
            let mut high = i32x4_splat(0);
            for (query, vector) in query.iter().zip(vector) {
                let v = load(vector);
                if let [first, second] = query.as_chunks::<8>().0 {
                    low = i32x4_add(low, i32x4_dot_i16x8(load(first), i16x8_extend_low_i8x16(v)));
                    high = i32x4_add(high, i32x4_dot_i16x8(load(second), i16x8_extend_high_i8x16(v)));
                }
            }
            total += sum_i32(low) + sum_i32(high) + rest_i8(query_rest, vector_rest);
        }
        total
    }

    /// `vector · vector`, of signed bytes.
    #[target_feature(enable = "simd128")]
    pub(crate) fn square_i8(vector: &[u8]) -> i64 {
        let mut total: i64 = 0;
        for vector in vector.chunks(BLOCK) {
            let (vector, rest) = vector.as_chunks::<INTEGERS>();
            let mut sum = i32x4_splat(0);
            for vector in vector {
                let v = load(vector);
                let (low, high) = (i16x8_extend_low_i8x16(v), i16x8_extend_high_i8x16(v));
                sum = i32x4_add(sum, i32x4_add(i32x4_dot_i16x8(low, low), i32x4_dot_i16x8(high, high)));
            }
            total += sum_i32(sum) + rest_square_i8(rest);
        }
        total
    }

    #[target_feature(enable = "simd128")]
    fn sum_i32(sum: v128) -> i64 {
        let low = i64::from(i32x4_extract_lane::<0>(sum)) + i64::from(i32x4_extract_lane::<1>(sum));
        low + i64::from(i32x4_extract_lane::<2>(sum)) + i64::from(i32x4_extract_lane::<3>(sum))
    }

    /// The 16 bytes of an array, which holds plain numbers.
    #[target_feature(enable = "simd128")]
    fn load<T: Number, const N: usize>(array: &[T; N]) -> v128 {
        const { assert!(size_of::<[T; N]>() == 16) };
        // SAFETY: the array is 16 readable bytes without padding, any bits are a `v128`, and its load needs no
        // alignment.
        unsafe { v128_load(array.as_ptr().cast()) }
    }

    /// What has no padding.
    trait Number {}
    impl Number for f32 {}
    impl Number for i16 {}
    impl Number for u8 {}
    impl Number for [u8; 4] {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(numbers: &[f32]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
    }

    #[test]
    fn sums_of_every_length_are_those_of_a_plain_sum() {
        for length in 0..100_u8 {
            let query: Vec<f32> = (0..length).map(|i| f32::from(i) - 20.0).collect();
            let vector: Vec<f32> = (0..length).map(|i| 3.0 - f32::from(i % 7)).collect();
            let dot: f32 = query.iter().zip(&vector).map(|(q, v)| q * v).sum();
            let square: f32 = vector.iter().map(|v| v * v).sum();
            // Small whole numbers: every order gives the same.
            assert_eq!(dot_f32(&query, &bytes(&vector)), dot);
            assert_eq!(square_f32(&bytes(&vector)), square);
        }
    }

    #[test]
    fn the_order_of_addition_is_that_of_registers() {
        // 2^24 + 1 is 2^24 in f32, so the order shows.
        let mut numbers = [0.0; 17];
        numbers[0] = 16_777_216.0;
        numbers[4] = 1.0;
        numbers[8] = 1.0;
        numbers[12] = 1.0;
        assert_eq!(dot_f32(&[1.0; 17], &bytes(&numbers)), 16_777_218.0);
    }

    #[test]
    fn integers_are_exact() {
        let query = [i16::MIN; 10_000];
        let vector = [i8::MIN.cast_unsigned(); 10_000];
        assert_eq!(dot_i8(&query, &vector), 10_000 * 32_768 * 128);
        assert_eq!(square_i8(&vector), 10_000 * 128 * 128);
    }

    #[test]
    fn a_block_of_the_largest_products_fits_its_sum() {
        let products = i64::try_from(BLOCK / INTEGERS).unwrap() * 2;
        assert!(products * 32_767 * 128 <= i64::from(i32::MAX));
    }
}
