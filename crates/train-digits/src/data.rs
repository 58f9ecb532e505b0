use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use flate2::read::GzDecoder;
use tare_core::Random;

/// Pixels along each side of an image.
pub(crate) const SIDE: usize = 8;
/// Pixels of an image.
pub(crate) const PIXELS: usize = SIDE * SIDE;

/// A handwritten digit.
#[derive(Debug, Clone)]
pub(crate) struct Digit {
    /// Row by row, from 0 (paper) to 16 (ink).
    pub(crate) pixels: [u8; PIXELS],
    /// The digit, 0 to 9.
    pub(crate) label: usize,
}

/// Reads lines of 64 pixels and a label.
pub(crate) fn read(path: &Path) -> Result<Vec<Digit>> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut text = String::new();
    GzDecoder::new(file)
        .read_to_string(&mut text)
        .with_context(|| format!("cannot unpack {}", path.display()))?;
    let line = |(number, line): (usize, &str)| {
        let what = || format!("line {} of {}", number + 1, path.display());
        let fields: Result<Vec<u8>, _> = line.split(',').map(|field| field.trim().parse()).collect();
        let fields = fields.with_context(what)?;
        let (pixels, label) = fields.split_first_chunk::<PIXELS>().with_context(what)?;
        let (&pixels, &[label]) = (pixels, label) else {
            anyhow::bail!("{}: expected {} fields, found {}", what(), PIXELS + 1, fields.len());
        };
        ensure!(
            label < 10 && pixels.iter().all(|&pixel| pixel <= 16),
            "{}: expected pixels of at most 16 and a label below 10",
            what()
        );
        Ok(Digit {
            pixels,
            label: usize::from(label),
        })
    };
    text.lines().enumerate().map(line).collect()
}

/// Shuffles the digits by a seed (Durstenfeld, "Algorithm 235", 1964).
pub(crate) fn shuffled(mut digits: Vec<Digit>, seed: u64, label: &str) -> Vec<Digit> {
    let mut random = Random::new(seed, label);
    for last in (1..digits.len()).rev() {
        let other = usize::try_from(random.below(last as u64 + 1)).unwrap_or(last);
        digits.swap(last, other);
    }
    digits
}

/// Returns a fifth of the digits for testing, and the rest for training.
pub(crate) fn split(mut digits: Vec<Digit>) -> (Vec<Digit>, Vec<Digit>) {
    let training = digits.split_off(digits.len() / 5);
    (digits, training)
}

/// Writes lines of 64 pixels and a label.
pub(crate) fn csv(digits: &[Digit]) -> String {
    let line = |digit: &Digit| {
        let pixels: Vec<String> = digit.pixels.iter().map(u8::to_string).collect();
        format!("{},{}\n", pixels.join(","), digit.label)
    };
    digits.iter().map(line).collect()
}
