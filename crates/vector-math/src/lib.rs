//! Elementary functions and depthwise convolutions of slices, in vectors and on all threads of the calling pool. A separate
//! crate, because it must be compiled as one unit: functions were five times slower when vector instructions were called
//! instead of inlined.

mod depthwise;
mod threads;

use rten_simd::{SimdOp, SimdUnaryOp};
use rten_vecmath::{Erf, Exp, Sigmoid, Softmax, Tanh};

pub use depthwise::Depthwise;

use threads::on_threads;

/// Where the functions come from, for records.
pub const SOURCE: &str = "rten-vecmath 0.27.0";

/// The error function of each number: Abramowitz and Stegun 7.1.26, at most 7e-7 from the exact one.
pub fn erf(numbers: &mut [f32]) {
    on_threads(numbers, 1, 1, |_, numbers| {
        Erf {}.map_mut(numbers);
    });
}

/// e to the power of each number.
pub fn exp(numbers: &mut [f32]) {
    on_threads(numbers, 1, 1, |_, numbers| {
        Exp {}.map_mut(numbers);
    });
}

/// 1 / (1 + exp(-x)) of each number.
pub fn sigmoid(numbers: &mut [f32]) {
    on_threads(numbers, 1, 1, |_, numbers| {
        Sigmoid {}.map_mut(numbers);
    });
}

/// The hyperbolic tangent of each number.
pub fn tanh(numbers: &mut [f32]) {
    on_threads(numbers, 1, 1, |_, numbers| {
        Tanh {}.map_mut(numbers);
    });
}

/// Softmax of each row of `width` numbers.
///
/// # Panics
///
/// If `width` is 0.
pub fn softmax(numbers: &mut [f32], width: usize) {
    rows(numbers, width, false);
}

/// Softmax of each row of `width` numbers, with zeros instead of NaN, for example in a row of negative infinities only.
///
/// # Panics
///
/// If `width` is 0.
pub fn softmax_or_zero(numbers: &mut [f32], width: usize) {
    rows(numbers, width, true);
}

fn rows(numbers: &mut [f32], width: usize, or_zero: bool) {
    on_threads(numbers, width, 2, |_, numbers| {
        for row in numbers.chunks_mut(width) {
            Softmax::new_mut(row).flush_nans_to_zero(or_zero).dispatch();
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Largest distance from the exact function between -40 and 40, as a share of 1 or of the exact value if that is larger.
    fn distance(function: fn(&mut [f32]), exact: fn(f64) -> f64) -> f64 {
        let numbers: Vec<f32> = (-40_000..=40_000).map(|step| step as f32 / 1_000.0).collect();
        let mut computed = numbers.clone();
        function(&mut computed);
        let distances = numbers.iter().zip(&computed).map(|(&x, &y)| {
            let exact = exact(f64::from(x));
            (f64::from(y) - exact).abs() / exact.abs().max(1.0)
        });
        distances.fold(0.0, f64::max)
    }

    #[test]
    fn functions_are_near_the_exact_ones() {
        assert!(distance(exp, f64::exp) < 1e-6);
        assert!(distance(sigmoid, |x| 1.0 / (1.0 + (-x).exp())) < 1e-6);
        assert!(distance(tanh, f64::tanh) < 1e-6);
        for (x, expected) in [
            (0.0, 0.0),
            (0.5, 0.520_499_9),
            (-1.0, -0.842_700_8),
            (2.0, 0.995_322_3),
            (-9.0, -1.0),
        ] {
            let mut y = [x; 5];
            erf(&mut y);
            assert!(y.iter().all(|y| (y - expected).abs() < 1e-6), "erf({x}) = {y:?}");
        }
    }

    #[test]
    fn limits_and_nan() {
        for (function, least, most) in [
            (erf as fn(&mut [f32]), -1.0, 1.0),
            (exp, 0.0, f32::INFINITY),
            (sigmoid, 0.0, 1.0),
            (tanh, -1.0, 1.0),
        ] {
            let mut y = [f32::NEG_INFINITY, f32::INFINITY, f32::NAN];
            function(&mut y);
            assert_eq!(y[..2], [least, most]);
            assert!(y[2].is_nan(), "{y:?}");
            function(&mut []);
        }
    }

    #[test]
    fn a_row_that_is_masked() {
        let masked = [f32::NEG_INFINITY; 3];
        let mut rows = [masked, [0.0, f32::NEG_INFINITY, 0.0]].concat();
        softmax_or_zero(&mut rows, 3);
        assert_eq!(rows, [0.0, 0.0, 0.0, 0.5, 0.0, 0.5]);
        let mut row = masked;
        softmax(&mut row, 3);
        assert!(row.iter().all(|share| share.is_nan()), "{row:?}");
    }

    #[test]
    fn rows_are_shares_of_one() {
        // Enough for several threads, and no multiple of a vector.
        let (rows, width) = (37, 2_001);
        let x: Vec<f32> = (0..rows * width).map(|index| (index % 13) as f32 / 4.0 - 1.0).collect();
        let mut y = x.clone();
        softmax(&mut y, width);
        for (x, y) in x.chunks(width).zip(y.chunks(width)) {
            assert!((y.iter().sum::<f32>() - 1.0).abs() < 1e-4);
            // Of two neighbors, each has its share by the difference.
            assert!((y[1] / y[0] - (x[1] - x[0]).exp()).abs() < 1e-5);
        }
    }
}
