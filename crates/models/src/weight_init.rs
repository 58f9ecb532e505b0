use tare_core::Random;

/// How the elements of a weight are drawn. Only exact or correctly rounded operations: the same bits everywhere.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum WeightInit {
    /// Uniform in `centre - spread .. centre + spread`.
    Uniform {
        /// Middle of the range.
        centre: f32,
        /// Half of its width.
        spread: f32,
    },
    /// Uniform with variance 2 / `fan_in`, which keeps the spread of activations through ReLU layers: He et al.,
    /// "Delving Deep into Rectifiers", 2015, equation 10. A uniform range of half-width a has variance a^2 / 3.
    He {
        /// Products that are summed for one output element.
        fan_in: usize,
    },
    /// Uniform with variance 1 / `fan_in`, for layers without ReLU: LeCun et al., "Efficient BackProp", 1998.
    LeCun {
        /// Products that are summed for one output element.
        fan_in: usize,
    },
}

impl WeightInit {
    /// `count` elements of `f32` as little-endian bytes; `seed` and `label` alone decide them.
    pub fn le_bytes(self, seed: u64, label: &str, count: usize) -> Vec<u8> {
        let (centre, spread) = match self {
            WeightInit::Uniform { centre, spread } => (centre, spread),
            WeightInit::He { fan_in } => (0.0, (6.0 / fan_in.max(1) as f32).sqrt()),
            WeightInit::LeCun { fan_in } => (0.0, (3.0 / fan_in.max(1) as f32).sqrt()),
        };
        let mut random = Random::new(seed, label);
        // Written in place: half a gigabyte is made for GPT-2, in a browser too.
        let mut bytes = vec![0; 4 * count];
        for piece in bytes.as_chunks_mut::<4>().0.chunks_mut(PIECE) {
            fill(piece, &mut random, centre, spread);
        }
        bytes
    }
}

/// Elements that are made in one call: browsers optimise a wasm function between its calls, not while it runs.
const PIECE: usize = 1 << 14;

#[inline(never)]
fn fill(piece: &mut [[u8; 4]], random: &mut Random, centre: f32, spread: f32) {
    for element in piece {
        // Two roundings, written apart so that no compiler fuses them.
        let scaled = random.symmetric_f32() * spread;
        *element = (centre + scaled).to_le_bytes();
    }
}
