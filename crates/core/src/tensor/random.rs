use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use sha2::{Digest, Sha256};

/// Seeded random numbers that are bit-identical on every platform. Uses only the integer steps of
/// xoshiro256++ (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2021) and
/// exact conversions.
#[derive(Debug, Clone)]
pub struct Random(Xoshiro256PlusPlus);

impl Random {
    /// Creates a generator whose sequence depends only on `seed` and `label`, so that adding a
    /// tensor to a model does not change the others.
    pub fn new(seed: u64, label: &str) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(seed.to_le_bytes());
        hasher.update(label.as_bytes());
        Self(Xoshiro256PlusPlus::from_seed(hasher.finalize().into()))
    }

    /// Uniform over all 64-bit integers.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in `0..bound`, without bias. 0 if the bound is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        // Lemire, "Fast random integer generation in an interval", 2019.
        let threshold = bound.wrapping_neg().checked_rem(bound).unwrap_or(0);
        loop {
            let product = u128::from(self.next_u64()) * u128::from(bound);
            #[allow(
                clippy::cast_possible_truncation,
                reason = "the low and the high half of the product"
            )]
            let (low, high) = (product as u64, (product >> 64) as u64);
            if low >= threshold {
                return high;
            }
        }
    }

    /// Uniform in [-1, 1): a multiple of 2^-23, so it is never denormal and is exact in `f32`.
    #[inline]
    pub fn symmetric_f32(&mut self) -> f32 {
        // 24 bits: every value and the subtraction are exact in f32.
        let bits = (self.next_u64() >> 40) as f32;
        bits * (1.0 / 8_388_608.0) - 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_depend_on_seed_and_label() {
        let first = |seed, label| Random::new(seed, label).next_u64();
        assert_eq!(first(1, "a"), first(1, "a"));
        assert_ne!(first(1, "a"), first(2, "a"));
        assert_ne!(first(1, "a"), first(1, "b"));
    }

    #[test]
    fn symmetric_values_fill_their_range_and_are_never_denormal() {
        let mut random = Random::new(0, "range");
        let values: Vec<f32> = (0..100_000).map(|_| random.symmetric_f32()).collect();
        assert!(
            values
                .iter()
                .all(|value| (-1.0..1.0).contains(value) && (*value == 0.0 || value.is_normal()))
        );
        let mean = values.iter().sum::<f32>() / 100_000.0;
        // Five times the standard error of the mean, which is 0.0018.
        assert!(mean.abs() < 0.01, "{mean}");
    }

    #[test]
    fn below_is_in_range() {
        let mut random = Random::new(0, "below");
        assert_eq!(random.below(0), 0);
        assert_eq!(random.below(1), 0);
        let mut seen = std::collections::BTreeMap::<u64, u32>::new();
        for _ in 0..6000 {
            *seen.entry(random.below(6)).or_default() += 1;
        }
        assert!(
            seen.len() == 6 && seen.values().all(|count| (800..1200).contains(count)),
            "{seen:?}"
        );
    }
}
