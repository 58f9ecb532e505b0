//! How fast the machine is now, by a fixed piece of work.

use std::hint::black_box;

use tare_record::{Cell, CpuCalibration, Warning, WarningKind};

use crate::Clock;

/// Steps of the work, whose time follows the processor's frequency: about 15 ms.
const STEPS: u32 = 10_000_000;

/// The shortest of so many counts: the others were interrupted, or ran before a browser had compiled the loop well.
const REPETITIONS: usize = 5;

/// A machine that is this much slower or faster than before has changed.
const CHANGED: f64 = 0.10;

/// Times the fixed work, in nanoseconds.
pub(crate) fn calibration_ns(clock: &dyn Clock) -> u64 {
    let once = || {
        let start_ns = clock.now_ns();
        black_box(chain(black_box(1), STEPS));
        clock.now_ns().saturating_sub(start_ns)
    };
    (0..REPETITIONS).map(|_| once()).min().unwrap_or(0)
}

/// A chain of dependent integer operations: each waits for the one before.
#[inline(never)]
pub(crate) fn chain(seed: u32, steps: u32) -> u32 {
    // The linear congruential generator of Numerical Recipes, with an exclusive or so that no compiler finds a closed form.
    (0..steps).fold(seed, |value, step| {
        value.wrapping_mul(1_664_525).wrapping_add(1_013_904_223) ^ step
    })
}

/// Time of the work after a cell as a multiple of that before, if the machine changed its speed meanwhile.
pub(crate) fn change(cell: &Cell) -> Option<f64> {
    let CpuCalibration { before_ns, after_ns } = cell.calibration?;
    if before_ns == 0 || after_ns == 0 {
        return None;
    }
    let change = after_ns as f64 / before_ns as f64;
    ((change - 1.0).abs() > CHANGED).then_some(change)
}

/// Of two measurements of one cell, the one during which the machine changed less; flagged if it changed in both.
pub(crate) fn steadier(first: Cell, second: Cell) -> Cell {
    let size = |cell: &Cell| change(cell).map_or(0.0, |change| change.ln().abs());
    let mut kept = if size(&second) <= size(&first) { second } else { first };
    if let Some(change) = change(&kept) {
        let word = if change > 1.0 { "slower" } else { "faster" };
        let percent = (change - 1.0).abs() * 100.0;
        kept.warnings.push(Warning {
            kind: WarningKind::ChangedSpeed,
            message: format!(
                "the machine became {percent:.0} % {word} while this was measured, and again when it was repeated: close other programs, or let it cool down"
            ),
        });
    }
    kept
}
