//! Noise whose truth is known.

use tare_core::Random;

/// Values around 0 with this standard deviation (Box and Muller, "A Note on the Generation of Random Normal Deviates", 1958).
pub(crate) fn normal(seed: u64, count: usize, deviation: f64) -> Vec<f64> {
    let mut random = Random::new(seed, "normal");
    let mut uniform = move || (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    (0..count)
        .map(|_| {
            let (radius, turn) = ((1.0 - uniform()).ln(), uniform());
            deviation * (-2.0 * radius).sqrt() * (std::f64::consts::TAU * turn).cos()
        })
        .collect()
}
