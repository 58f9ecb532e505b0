//! Times a fixed piece of work to find out how fast the machine currently is.

use std::hint::black_box;

use tare_record::{Cell, CpuCalibration, Warning, WarningKind};

use crate::Clock;

/// Steps of the work: about 15 ms, depending on the processor's frequency.
const STEPS: u32 = 10_000_000;

/// The shortest of this many repetitions counts: the others were interrupted, or ran before the
/// browser had optimized the loop.
const REPETITIONS: usize = 5;

/// A machine whose speed changed by more than this share counts as changed.
const CHANGED: f64 = 0.10;

/// Duration of the fixed work, in nanoseconds.
pub fn calibration_ns(clock: &dyn Clock) -> u64 {
    let once = || {
        let start_ns = clock.now_ns();
        black_box(chain(black_box(1), STEPS));
        clock.now_ns().saturating_sub(start_ns)
    };
    (0..REPETITIONS).map(|_| once()).min().unwrap_or(0).max(1)
}

/// A chain of integer operations, each of which depends on the previous one.
#[inline(never)]
pub(crate) fn chain(seed: u32, steps: u32) -> u32 {
    // The linear congruential generator of Numerical Recipes. The exclusive or keeps compilers from
    // finding a closed form.
    (0..steps).fold(seed, |value, step| {
        value.wrapping_mul(1_664_525).wrapping_add(1_013_904_223) ^ step
    })
}

/// Duration of the work after a cell divided by its duration before, if the speed of the machine
/// changed in between.
pub(crate) fn change(cell: &Cell) -> Option<f64> {
    let CpuCalibration { before_ns, after_ns } = cell.calibration?;
    if before_ns == 0 || after_ns == 0 {
        return None;
    }
    let change = after_ns as f64 / before_ns as f64;
    ((change - 1.0).abs() > CHANGED).then_some(change)
}

/// Of two measurements of one cell, returns the one during which the speed of the machine changed
/// less, with a warning if it changed in both.
pub(crate) fn steadier(first: Cell, second: Cell) -> Cell {
    let size = |cell: &Cell| change(cell).map_or(0.0, |change| change.ln().abs());
    let mut kept = if size(&second) <= size(&first) { second } else { first };
    if let Some(change) = change(&kept) {
        let word = if change > 1.0 { "slower" } else { "faster" };
        let percent = (change - 1.0).abs() * 100.0;
        kept.warnings.push(Warning {
            kind: WarningKind::ChangedSpeed,
            message: format!(
                "the machine became {percent:.0} % {word} while this was measured, and its speed changed in both attempts: close other programs, or let it cool down"
            ),
        });
    }
    kept
}
