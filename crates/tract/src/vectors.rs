//! The vector instructions that tract uses, and the narrower ones that it can be limited to.

use tract_linalg::isa::{Isa, IsaSet, native};

/// Environment variable that disables instructions for tract in a process.
pub const ISA_VARIABLE: &str = "TRACT_CPU_ISA";

/// Levels of vector instructions for 32-bit floats, with the instructions that each level needs.
const LEVELS: [(&str, Isa); 4] = [
    ("avx512", Isa::X86_64Avx512f),
    ("fma", Isa::X86_64Fma),
    ("sse2", Isa::X86_64),
    ("neon", Isa::Aarch64),
];

/// Vector instructions narrower than the machine's widest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VectorLimit {
    /// The remaining level, as named by [`vector_level`].
    pub name: &'static str,
    /// Value of [`ISA_VARIABLE`] that disables wider instructions.
    pub isa_variable: String,
}

/// The widest vector instructions that tract uses on this machine, as tract names them, for example
/// `avx512` or `simd`.
pub fn vector_level() -> String {
    level_of(native()).to_owned()
}

/// The vector instructions that tract can be limited to on this machine, widest first.
pub fn vector_limits() -> Vec<VectorLimit> {
    limits_of(native())
}

/// Corrects tract's nickname for a machine, which is inexact for some processors:
///
/// | processor | nickname | level |
/// | --- | --- | --- |
/// | AVX-VNNI, which has 256 bits, without AVX-512 | `avx512` | `fma` |
/// | AVX-512 with 16-bit floats | `fp16` | `avx512fp16` |
/// | AVX-512 with VNNI, which multiplies integers | `fp16` | `avx512` |
fn level_of(machine: IsaSet) -> &'static str {
    match machine.nickname() {
        "avx512" if !machine.has(Isa::X86_64Avx512f) => "fma",
        "fp16" if machine.has(Isa::X86_64Avx512Fp16) => "avx512fp16",
        "fp16" if machine.has(Isa::X86_64Avx512f) => "avx512",
        name => name,
    }
}

fn limits_of(machine: IsaSet) -> Vec<VectorLimit> {
    let mut limits = Vec::new();
    for (name, needed) in LEVELS {
        let wider: Vec<String> = machine
            .iter()
            .filter(|isa| isa.level() > needed.level())
            .map(|isa| format!("-{isa}"))
            .collect();
        if machine.has(needed) && !wider.is_empty() && level_of(machine) != name {
            limits.push(VectorLimit {
                name,
                isa_variable: wider.join(","),
            });
        }
    }
    limits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_can_be_limited_to_narrower_levels() {
        for (machine, level, expected) in [
            ("x86_64", "sse2", vec![]),
            ("avx,avx2,fma,f16c", "fma", vec![("sse2", "-avx,-avx2,-fma,-f16c")]),
            (
                "avx,avx2,fma,f16c,avxvnni",
                "fma",
                vec![("sse2", "-avx,-avx2,-fma,-f16c,-avxvnni")],
            ),
            (
                "avx,avx2,fma,f16c,avx512f,amx-int8",
                "amx",
                vec![
                    ("avx512", "-amx-int8"),
                    ("fma", "-avx512f,-amx-int8"),
                    ("sse2", "-avx,-avx2,-fma,-f16c,-avx512f,-amx-int8"),
                ],
            ),
            (
                "avx,avx2,fma,f16c,avx512f,avx512fp16",
                "avx512fp16",
                vec![
                    ("avx512", "-avx512fp16"),
                    ("fma", "-avx512f,-avx512fp16"),
                    ("sse2", "-avx,-avx2,-fma,-f16c,-avx512f,-avx512fp16"),
                ],
            ),
            (
                "avx,avx2,fma,f16c,avx512f,avx512vnni",
                "avx512",
                vec![
                    ("fma", "-avx512f,-avx512vnni"),
                    ("sse2", "-avx,-avx2,-fma,-f16c,-avx512f,-avx512vnni"),
                ],
            ),
            ("aarch64", "neon", vec![]),
            ("fp16,dotprod", "fp16", vec![("neon", "-fp16,-dotprod")]),
            ("simd128", "simd", vec![]),
        ] {
            let machine: IsaSet = machine.parse().unwrap();
            let found: Vec<(&str, String)> = limits_of(machine)
                .into_iter()
                .map(|limit| (limit.name, limit.isa_variable))
                .collect();
            let found: Vec<(&str, &str)> = found
                .iter()
                .map(|(name, variable)| (*name, variable.as_str()))
                .collect();
            assert_eq!((level_of(machine), found), (level, expected), "{machine:?}");
        }
    }
}
