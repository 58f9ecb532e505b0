//! The ratio of two cells whose rounds were measured next to each other.

use super::rounds::Spread;
use super::{Estimate, median};

/// Pairs of rounds that an interval needs.
pub const PAIRS_NEEDED: usize = 2;

/// Ratio of the median durations of a run of `numerator` and of `denominator`, with a 95 % interval.
///
/// Each side holds rounds with their numbers in the run. Rounds of the same number were measured
/// next to each other, so what the machine did in between to both is not part of their ratio. The
/// value is the geometric mean of these ratios, and the interval is Student's over their logarithms
/// (paired design: Student, "The Probable Error of a Mean", 1908, section 9). Rounds without a
/// counterpart do not count.
///
/// Returns `None` if fewer than [`PAIRS_NEEDED`] rounds have a counterpart, or a median is not
/// positive and finite.
pub fn paired_ratio(numerator: &[(usize, Vec<f64>)], denominator: &[(usize, Vec<f64>)]) -> Option<Estimate> {
    let mut logarithms = Vec::new();
    for (number, above) in numerator.iter().filter(|(number, _)| *number > 0) {
        let Some((_, below)) = denominator.iter().find(|(other, _)| other == number) else {
            continue;
        };
        let ratio = median(above)? / median(below)?;
        if !(ratio > 0.0 && ratio.is_finite()) {
            return None;
        }
        logarithms.push(ratio.ln());
    }
    if logarithms.len() < PAIRS_NEEDED {
        return None;
    }
    Spread::of_values(&logarithms).estimate()
}

#[cfg(test)]
mod tests {
    use super::super::noise::{exponential, normal};
    use super::super::rounds_ratio;
    use super::*;
    use crate::Random;

    const TRUTH: f64 = 1.7;
    const ROUNDS: usize = 5;
    const RUNS: u64 = 2000;

    /// Cells in each round, of which two are compared.
    const CELLS: usize = 6;

    /// What a machine does to the duration of everything, as a factor by the time in cells.
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Drift {
        None,
        /// It becomes slower, by a third until the end.
        Linear,
        /// It becomes a quarter slower at one moment, and as fast as before at another.
        Steps,
        /// It changes by 3 % from cell to cell.
        RandomWalk,
        /// From some moment on, it slows down by up to 40 % and recovers, step by step, every 10 to 30
        /// cells.
        Throttling,
        /// From some moment on, it jumps between its speed and one 40 % lower, every 2 to 6 cells.
        Jumps,
    }

    fn uniform(random: &mut Random) -> f64 {
        random.below(1 << 53) as f64 / (1u64 << 53) as f64
    }

    /// The factor at each cell of a run.
    fn factors(drift: Drift, seed: u64) -> Vec<f64> {
        let count = ROUNDS * CELLS;
        let mut random = Random::new(seed, "drift");
        let mut moments: Vec<f64> = (0..2).map(|_| uniform(&mut random) * count as f64).collect();
        moments.sort_unstable_by(f64::total_cmp);
        let period = 10.0 + 20.0 * uniform(&mut random);
        let walk = normal(seed + 7_000_000, count);
        let mut walked = 0.0;
        (0..count)
            .map(|cell| {
                let time = cell as f64;
                walked += 0.03 * walk[cell];
                match drift {
                    Drift::None => 1.0,
                    Drift::Linear => 1.0 + time / count as f64 / 3.0,
                    Drift::Steps => {
                        let passed = moments.iter().filter(|moment| **moment < time).count();
                        if passed % 2 == 1 { 1.25 } else { 1.0 }
                    }
                    Drift::RandomWalk => f64::exp(walked),
                    Drift::Throttling => {
                        let since = time - moments[0];
                        let phase = std::f64::consts::TAU * since.max(0.0) / period;
                        1.2 - 0.2 * phase.cos()
                    }
                    Drift::Jumps => {
                        let since = time - moments[0];
                        let is_slow = since > 0.0 && (since / (0.4 * period)).fract() < 0.5;
                        if is_slow { 1.4 } else { 1.0 }
                    }
                }
            })
            .collect()
    }

    type Rounds = Vec<(usize, Vec<f64>)>;

    /// Two cells with a ratio of [`TRUTH`], measured one right after the other in each round, at a
    /// random place and in random order. Processes differ by 1 %, and samples are skewed.
    fn run(drift: Drift, seed: u64) -> [Rounds; 2] {
        let factors = factors(drift, seed);
        let mut random = Random::new(seed, "places");
        let processes = normal(seed + 3_000_000, 2 * ROUNDS);
        let mut sides = [vec![], vec![]];
        for round in 0..ROUNDS {
            #[allow(clippy::cast_possible_truncation, reason = "small")]
            let place = random.below(CELLS as u64 - 1) as usize;
            let swapped = random.below(2) == 1;
            for (side, scale) in [(0, TRUTH), (1, 1.0)] {
                let cell = round * CELLS + place + usize::from((side == 0) != swapped);
                let level = scale * factors[cell] * f64::exp(0.01 * processes[2 * round + side]);
                let noise = exponential(seed * 100 + (2 * round + side) as u64, 15);
                let samples = noise.iter().map(|value| level * (1.0 + 0.02 * value)).collect();
                sides[side].push((round + 1, samples));
            }
        }
        sides
    }

    /// Share of intervals that hold the truth, and their mean width on a logarithmic scale: paired,
    /// and of rounds taken as independent.
    fn simulated(drift: Drift) -> [(f64, f64); 2] {
        let mut sums = [(0.0, 0.0); 2];
        for seed in 0..RUNS {
            let [above, below] = run(drift, seed);
            let durations = |rounds: &Rounds| rounds.iter().map(|(_, round)| round.clone()).collect::<Vec<_>>();
            let paired = paired_ratio(&above, &below);
            let apart = rounds_ratio(&durations(&above), &durations(&below), seed);
            for (sum, estimate) in sums.iter_mut().zip([paired, apart]) {
                let estimate = estimate.unwrap();
                sum.0 += f64::from(estimate.low <= TRUTH && TRUTH <= estimate.high);
                sum.1 += (estimate.high / estimate.low).ln();
            }
        }
        sums.map(|(covered, width)| (covered / RUNS as f64, width / RUNS as f64))
    }

    #[allow(clippy::disallowed_macros, reason = "METHODOLOGY.md gives what it prints")]
    #[test]
    fn paired_intervals_cover_the_true_ratio_whatever_the_machine_does() {
        println!("machine       paired: covers, width   apart: covers, width");
        for drift in [
            Drift::None,
            Drift::Linear,
            Drift::Steps,
            Drift::RandomWalk,
            Drift::Throttling,
            Drift::Jumps,
        ] {
            let [paired, apart] = simulated(drift);
            let name = format!("{drift:?}");
            println!(
                "{name:<13} {:>14.1} % {:>5.1} % {:>15.1} % {:>5.1} %",
                100.0 * paired.0,
                100.0 * paired.1,
                100.0 * apart.0,
                100.0 * apart.1
            );
            // Some pairs are far off if the machine jumps between their sides, and Student's interval is then too wide.
            let most = if drift == Drift::Jumps { 1.0 } else { 0.97 };
            assert!((0.93..=most).contains(&paired.0), "{drift:?}: {paired:?}");
            if drift != Drift::None {
                assert!(paired.1 < apart.1, "{drift:?}: {paired:?} {apart:?}");
            }
        }
    }

    /// The rule of a run: from four pairs on, the first interval with a half-width of at most 2 %.
    #[allow(clippy::disallowed_macros, reason = "METHODOLOGY.md gives what it prints")]
    #[test]
    fn intervals_still_cover_if_rounds_end_when_they_are_narrow() {
        for drift in [Drift::None, Drift::Linear, Drift::RandomWalk] {
            let (mut covered, mut rounds) = (0, 0);
            for seed in 0..RUNS {
                let [above, below] = run(drift, seed);
                let mut estimates = (4..=ROUNDS).map(|count| (count, paired_ratio(&above[..count], &below).unwrap()));
                let narrow =
                    |(count, estimate): &(usize, Estimate)| *count == ROUNDS || estimate.relative_half_width() <= 0.02;
                let (count, estimate) = estimates.find(narrow).unwrap();
                covered += u64::from(estimate.low <= TRUTH && TRUTH <= estimate.high);
                rounds += count;
            }
            let share = covered as f64 / RUNS as f64;
            println!(
                "{drift:?}: {:.1} % in {:.1} rounds",
                100.0 * share,
                rounds as f64 / RUNS as f64
            );
            assert!((0.93..=0.97).contains(&share), "{drift:?}: {share}");
        }
    }

    #[test]
    fn only_rounds_with_a_counterpart_count() {
        let rounds = |numbers: &[usize], scale: f64| -> Rounds {
            numbers
                .iter()
                .map(|&number| (number, vec![scale * number as f64; 3]))
                .collect()
        };
        let ratio = |above: &[usize], below: &[usize]| paired_ratio(&rounds(above, 2.0), &rounds(below, 1.0));
        for (above, below) in [(vec![1, 2, 3], vec![1, 2, 3]), (vec![1, 2, 4, 9], vec![4, 1, 3])] {
            let found = ratio(&above, &below).unwrap();
            assert!(
                (found.value - 2.0).abs() < 1e-9 && (found.high - found.low).abs() < 1e-6,
                "{found:?}"
            );
        }
        for (above, below) in [
            (vec![1], vec![1]),
            (vec![1, 2], vec![2, 3]),
            (vec![0, 0], vec![0, 0]),
            (vec![], vec![]),
        ] {
            assert_eq!(ratio(&above, &below), None, "{above:?} {below:?}");
        }
        for broken in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let broken = vec![(1, vec![broken]), (2, vec![1.0])];
            assert_eq!(paired_ratio(&broken, &rounds(&[1, 2], 1.0)), None);
        }
    }
}
