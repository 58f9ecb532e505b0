//! Random series with a known median, for tests and the self-test.

use crate::Random;

fn uniform(random: &mut Random) -> f64 {
    // 53 bits, never 0.
    (random.below(1 << 53) as f64 + 0.5) / (1u64 << 53) as f64
}

fn gauss(random: &mut Random) -> f64 {
    // Box and Muller, 1958.
    (-2.0 * uniform(random).ln()).sqrt() * (std::f64::consts::TAU * uniform(random)).cos()
}

/// Standard normal; median 0.
pub(crate) fn normal(seed: u64, count: usize) -> Vec<f64> {
    let mut random = Random::new(seed, "normal");
    (0..count).map(|_| gauss(&mut random)).collect()
}

/// Exponential, like the tails of latencies; median ln 2.
pub(crate) fn exponential(seed: u64, count: usize) -> Vec<f64> {
    let mut random = Random::new(seed, "exponential");
    (0..count).map(|_| -uniform(&mut random).ln()).collect()
}

/// Three quarters around 0 and one quarter around 1, both with a standard deviation of 0.1; median
/// [`BIMODAL_MEDIAN`].
pub(crate) fn bimodal(seed: u64, count: usize) -> Vec<f64> {
    let mut random = Random::new(seed, "bimodal");
    (0..count)
        .map(|_| {
            let center = if uniform(&mut random) < 0.75 { 0.0 } else { 1.0 };
            center + 0.1 * gauss(&mut random)
        })
        .collect()
}

/// 0.1 times the normal quantile of 2/3. The upper mode has practically no values below it.
pub(crate) const BIMODAL_MEDIAN: f64 = 0.043_072_73;

/// Gaussian AR(1): each value is `phi` times the previous one plus standard normal noise; median 0.
pub(crate) fn autoregressive(seed: u64, count: usize, phi: f64) -> Vec<f64> {
    let mut random = Random::new(seed, "autoregressive");
    let mut value = gauss(&mut random) / (1.0 - phi * phi).sqrt();
    (0..count)
        .map(|_| {
            let this = value;
            value = phi * value + gauss(&mut random);
            this
        })
        .collect()
}
