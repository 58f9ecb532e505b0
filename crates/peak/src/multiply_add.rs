//! Multiply-accumulates on registers.

/// The level of an engine that uses the widest vectors of the machine and does not say which.
pub const WIDEST: &str = "widest";

/// Vectors that are multiplied and added at once. Their results do not depend on each other, so that the processor
/// never waits for one: fused operations take four cycles, and two start in each. They fit the 16 registers of AVX2 and
/// wasm.
const CHAINS: usize = 12;

/// A kernel for one width of vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kernel {
    /// Four `f32`, multiplied and added apart unless the target always fuses them.
    Narrow,
    /// Eight `f32`, fused.
    #[cfg(target_arch = "x86_64")]
    Fma,
    /// 16 `f32`, fused.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Kernel {
    /// The widest kernel that this machine can run within a vector level.
    pub(crate) fn of_level(level: &str) -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            let is_wide = level.starts_with("avx512") || ["amx", WIDEST].contains(&level);
            if is_wide && std::is_x86_feature_detected!("avx512f") {
                return Kernel::Avx512;
            }
            let is_fused = std::is_x86_feature_detected!("fma") && std::is_x86_feature_detected!("avx");
            if (is_wide || level == "fma") && is_fused {
                return Kernel::Fma;
            }
        }
        let _ = level;
        Kernel::Narrow
    }

    /// Multiply-accumulates of a step.
    pub(crate) fn per_step(self) -> u64 {
        let lanes = match self {
            Kernel::Narrow => 4,
            #[cfg(target_arch = "x86_64")]
            Kernel::Fma => 8,
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx512 => 16,
        };
        lanes * CHAINS as u64
    }

    /// Runs a number of steps. Returns a value that depends on all of them.
    #[allow(unsafe_code, reason = "the processor has the instructions")]
    pub(crate) fn run(self, steps: u64) -> f32 {
        match self {
            #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
            // SAFETY: every processor of these architectures has these instructions.
            Kernel::Narrow => unsafe { narrow::run(steps) },
            #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
            Kernel::Narrow => narrow::run(steps),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `of_level` returns this kernel only if the processor has these instructions.
            Kernel::Fma => unsafe { fma::run(steps) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the same.
            Kernel::Avx512 => unsafe { avx512::run(steps) },
        }
    }
}

/// Defines `run`: `steps` times, every chain is multiplied by a factor below 1 and an addend is added, so that it
/// converges and no operand is denormal.
macro_rules! kernel {
    ($($feature:literal,)? $vector:ty, $splat:expr, $multiply_add:expr) => {
        $(#[target_feature(enable = $feature)])?
        pub(super) fn run(steps: u64) -> f32 {
            let (factor, addend) = ($splat(std::hint::black_box(0.999)), $splat(std::hint::black_box(0.001)));
            let mut chains: [$vector; crate::multiply_add::CHAINS] = [addend; crate::multiply_add::CHAINS];
            for (index, chain) in chains.iter_mut().enumerate() {
                // Chains with equal values would be computed once.
                *chain = $splat(std::hint::black_box(index as f32));
            }
            for _ in 0..steps {
                for chain in &mut chains {
                    *chain = $multiply_add(*chain, factor, addend);
                }
            }
            std::hint::black_box(&chains);
            steps as f32
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use core::arch::x86_64::{__m512, _mm512_fmadd_ps, _mm512_set1_ps};

    kernel!("avx512f", __m512, _mm512_set1_ps, _mm512_fmadd_ps);
}

#[cfg(target_arch = "x86_64")]
mod fma {
    use core::arch::x86_64::{__m256, _mm256_fmadd_ps, _mm256_set1_ps};

    kernel!("avx,fma", __m256, _mm256_set1_ps, _mm256_fmadd_ps);
}

#[cfg(target_arch = "x86_64")]
mod narrow {
    use core::arch::x86_64::{__m128, _mm_add_ps, _mm_mul_ps, _mm_set1_ps};

    kernel!("sse2", __m128, _mm_set1_ps, |x, factor, addend| _mm_add_ps(
        _mm_mul_ps(x, factor),
        addend
    ));
}

#[cfg(target_arch = "aarch64")]
mod narrow {
    use core::arch::aarch64::{float32x4_t, vdupq_n_f32, vfmaq_f32};

    kernel!("neon", float32x4_t, vdupq_n_f32, |x, factor, addend| vfmaq_f32(
        addend, x, factor
    ));
}

#[cfg(all(target_arch = "wasm32", target_feature = "relaxed-simd"))]
mod narrow {
    use core::arch::wasm32::{f32x4_relaxed_madd, f32x4_splat, v128};

    kernel!(v128, f32x4_splat, f32x4_relaxed_madd);
}

#[cfg(all(
    target_arch = "wasm32",
    target_feature = "simd128",
    not(target_feature = "relaxed-simd")
))]
mod narrow {
    use core::arch::wasm32::{f32x4_add, f32x4_mul, f32x4_splat, v128};

    kernel!(v128, f32x4_splat, |x, factor, addend| f32x4_add(
        f32x4_mul(x, factor),
        addend
    ));
}

#[cfg(not(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    all(target_arch = "wasm32", target_feature = "simd128")
)))]
mod narrow {
    fn splat(value: f32) -> [f32; 4] {
        [value; 4]
    }

    fn multiply_add(x: [f32; 4], factor: [f32; 4], addend: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(|lane| x[lane] * factor[lane] + addend[lane])
    }

    kernel!([f32; 4], splat, multiply_add);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_never_gets_wider_vectors() {
        for level in ["sse2", "neon", "simd", "unknown"] {
            assert_eq!(Kernel::of_level(level), Kernel::Narrow, "{level}");
        }
        #[cfg(target_arch = "x86_64")]
        assert_ne!(Kernel::of_level("fma"), Kernel::Avx512);
    }
}
