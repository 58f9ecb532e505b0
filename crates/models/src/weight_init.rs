use tare_core::Random;

/// How the elements of a weight are drawn. Uses only exact or correctly rounded operations, which
/// give the same bits on every platform.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum WeightInit {
    /// Uniform in `center - spread .. center + spread`.
    Uniform {
        /// Middle of the range.
        center: f32,
        /// Half the width of the range.
        spread: f32,
    },
    /// Uniform with variance 2 / `fan_in`, which preserves the variance of activations through ReLU
    /// layers (He et al., "Delving Deep into Rectifiers", 2015, equation 10). A uniform range of
    /// half-width a has variance a^2 / 3.
    He {
        /// Number of products in the sum of one output element.
        fan_in: usize,
    },
    /// Uniform with variance 1 / `fan_in`, for layers without ReLU (LeCun et al., "Efficient
    /// BackProp", 1998).
    LeCun {
        /// Number of products in the sum of one output element.
        fan_in: usize,
    },
}

impl WeightInit {
    /// Draws `count` elements of type `f32`, as little-endian bytes. They depend only on `seed` and
    /// `label`.
    pub fn le_bytes(self, seed: u64, label: &str, count: usize) -> Vec<u8> {
        let (center, spread) = match self {
            WeightInit::Uniform { center, spread } => (center, spread),
            WeightInit::He { fan_in } => (0.0, (6.0 / fan_in.max(1) as f32).sqrt()),
            WeightInit::LeCun { fan_in } => (0.0, (3.0 / fan_in.max(1) as f32).sqrt()),
        };
        let mut random = Random::new(seed, label);
        // Written in place, because GPT-2 has half a gigabyte of weights, also in a browser.
        let mut bytes = vec![0; 4 * count];
        for piece in bytes.as_chunks_mut::<4>().0.chunks_mut(PIECE) {
            fill(piece, &mut random, center, spread);
        }
        bytes
    }
}

/// Number of elements per call of [`fill`]. Several calls are needed because browsers optimize a
/// wasm function between its calls and not while it runs.
const PIECE: usize = 1 << 14;

#[inline(never)]
fn fill(piece: &mut [[u8; 4]], random: &mut Random, center: f32, spread: f32) {
    for element in piece {
        // Two separate statements, so that no compiler fuses the multiplication and the addition.
        let scaled = random.symmetric_f32() * spread;
        *element = (center + scaled).to_le_bytes();
    }
}
