//! Changes to inputs, for tests without a fuzzer.

use tare_core::Random;

use crate::target::Target;

/// One of `inputs` with a few changes, as a fuzzer makes them.
///
/// # Panics
///
/// If `inputs` is empty.
pub fn mutated(target: &Target, inputs: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut below = |bound: usize| usize::try_from(random.below(bound.max(1) as u64)).unwrap_or(0);
    let mut bytes = inputs[below(inputs.len())].clone();
    for _ in 0..=below(4) {
        let at = below(bytes.len() + 1).min(bytes.len());
        let end = (at + below(64)).min(bytes.len());
        match below(7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << below(8),
            1 if at < bytes.len() => bytes[at] = u8::try_from(below(256)).unwrap_or(0),
            2 => drop(bytes.drain(at..end)),
            3 => {
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            4 if !target.words.is_empty() => {
                let word = target.words[below(target.words.len())];
                bytes.splice(at..end.min(at + word.len()), word.bytes());
            }
            5 => {
                let other = &inputs[below(inputs.len())];
                let from = below(other.len() + 1).min(other.len());
                let part = other[from..(from + below(256)).min(other.len())].to_vec();
                bytes.splice(at..at, part);
            }
            _ => bytes.truncate(at.max(bytes.len() / 2)),
        }
    }
    bytes.truncate(target.longest);
    bytes
}
