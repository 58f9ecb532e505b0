use super::bootstrap::{DRAWS, Estimate, ResampledMedian};
use super::{median, quantile};
use crate::Random;

/// A straight line fitted to measured values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// Value at x = 0.
    pub intercept: Estimate,
    /// Increase per unit of x.
    pub slope: Estimate,
}

/// Fits a line through the medians of the values at each x, with 95 % intervals by resampling the
/// values of each x (percentile bootstrap, Efron 1979). Least squares weighted by the inverse
/// squares of the medians, because errors grow with the measured values.
///
/// Returns `None` for fewer than two different x, or if a median is not positive and finite.
pub fn line_estimate(points: &[(f64, Vec<f64>)], seed: u64) -> Option<Line> {
    let medians: Option<Vec<f64>> = points.iter().map(|(_, values)| median(values)).collect();
    let xs: Vec<f64> = points.iter().map(|(x, _)| *x).collect();
    let (intercept, slope) = fit(&xs, &medians?)?;
    let resampled: Vec<ResampledMedian> = points.iter().map(|(_, values)| ResampledMedian::new(values)).collect();
    let mut random = Random::new(seed, "line");
    let (mut intercepts, mut slopes) = (Vec::with_capacity(DRAWS), Vec::with_capacity(DRAWS));
    for _ in 0..DRAWS {
        let drawn: Vec<f64> = resampled.iter().map(|median| median.draw(&mut random)).collect();
        let (intercept, slope) = fit(&xs, &drawn)?;
        intercepts.push(intercept);
        slopes.push(slope);
    }
    let estimate = |value, mut draws: Vec<f64>| {
        draws.sort_unstable_by(f64::total_cmp);
        let (low, high) = (quantile(&draws, 0.025)?, quantile(&draws, 0.975)?);
        Some(Estimate { value, low, high })
    };
    Some(Line {
        intercept: estimate(intercept, intercepts)?,
        slope: estimate(slope, slopes)?,
    })
}

/// Returns intercept and slope.
fn fit(xs: &[f64], ys: &[f64]) -> Option<(f64, f64)> {
    let (mut w, mut wx, mut wy, mut wxx, mut wxy) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (&x, &y) in xs.iter().zip(ys) {
        if y <= 0.0 || !y.is_finite() {
            return None;
        }
        let weight = 1.0 / (y * y);
        w += weight;
        wx += weight * x;
        wy += weight * y;
        wxx += weight * x * x;
        wxy += weight * x * y;
    }
    let slope = (w * wxy - wx * wy) / (w * wxx - wx * wx);
    let intercept = (wy - slope * wx) / w;
    (slope.is_finite() && intercept.is_finite()).then_some((intercept, slope))
}

#[cfg(test)]
mod tests {
    use super::super::noise::normal;
    use super::*;

    /// Values on the line 1,000 + 0.25 x that scatter by 5 %.
    fn points(seed: u64) -> Vec<(f64, Vec<f64>)> {
        [(0.0, 1), (4e3, 2), (1e5, 3), (1e6, 4)]
            .map(|(x, number): (f64, u64)| {
                let noise = normal(seed * 10 + number, 30);
                let y = 1_000.0 + 0.25 * x;
                (x, noise.into_iter().map(|noise| y * (1.0 + 0.05 * noise)).collect())
            })
            .to_vec()
    }

    #[test]
    fn intervals_cover_the_true_line() {
        let (mut intercepts, mut slopes) = (0, 0);
        for seed in 0..200 {
            let line = line_estimate(&points(seed), seed).unwrap();
            intercepts += u32::from(line.intercept.low <= 1_000.0 && 1_000.0 <= line.intercept.high);
            slopes += u32::from(line.slope.low <= 0.25 && 0.25 <= line.slope.high);
        }
        assert!(
            (180..=199).contains(&intercepts) && (180..=199).contains(&slopes),
            "{intercepts} {slopes}"
        );
    }

    #[test]
    fn degenerate_points_have_no_line() {
        for points in [
            vec![],
            vec![(1.0, vec![2.0])],
            vec![(1.0, vec![2.0]), (1.0, vec![3.0])],
            vec![(1.0, vec![2.0]), (2.0, vec![])],
            vec![(1.0, vec![0.0]), (2.0, vec![1.0])],
        ] {
            assert_eq!(line_estimate(&points, 1), None, "{points:?}");
        }
        let exact = line_estimate(&[(0.0, vec![3.0]), (2.0, vec![7.0])], 1).unwrap();
        assert_eq!((exact.intercept.value, exact.slope.value), (3.0, 2.0));
    }
}
