use tare_record::{ClockInfo, Failure, FailureKind, Phase, PhaseName};

/// A sample lasts at least this many steps of the clock, so that one step is at most 1 % of it.
pub(crate) const MIN_STEPS_PER_SAMPLE: u64 = 100;

/// The only clock that a measurement may read.
pub trait Clock {
    /// Nanoseconds since a fixed but unknown moment. Never goes back.
    fn now_ns(&self) -> u64;

    /// The phase that started at `start_ns` and ends now.
    fn phase_since(&self, start_ns: u64, name: PhaseName) -> Phase {
        Phase {
            name,
            duration_ns: self.now_ns().saturating_sub(start_ns),
        }
    }

    /// Which clock this is, for the record.
    fn source(&self) -> &'static str;
}

/// A clock that stands still, for callers who do not ask how long things take.
#[derive(Debug, Clone, Copy)]
pub struct Untimed;

impl Clock for Untimed {
    fn now_ns(&self) -> u64 {
        0
    }

    fn source(&self) -> &'static str {
        "none"
    }
}

/// Nanoseconds between two readings.
///
/// # Errors
///
/// If the clock went back.
pub(super) fn elapsed_ns(start_ns: u64, end_ns: u64, clock: &ClockInfo) -> Result<u64, Failure> {
    end_ns.checked_sub(start_ns).ok_or_else(|| {
        let by_ns = start_ns - end_ns;
        Failure::new(
            FailureKind::Clock,
            format!("the clock {} went back by {by_ns} ns", clock.source),
        )
    })
}

/// Why a clock cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClockError {
    /// The clock did not move while it was watched.
    #[error(
        "the clock {source_name} did not move during {reads} readings\nhint: a privacy setting of the browser may freeze or coarsen timers"
    )]
    Frozen {
        /// Which clock.
        source_name: &'static str,
        /// How often it was read.
        reads: u32,
    },
    /// The clock went back.
    #[error("the clock {source_name} went back by {by_ns} ns\nhint: another clock source of the system may be steady")]
    Backwards {
        /// Which clock.
        source_name: &'static str,
        /// How far.
        by_ns: u64,
    },
}

/// Measures how fine a clock is and what reading it costs.
///
/// The granularity is the smallest step between two different readings that follow each other, over at least 20 steps.
///
/// # Errors
///
/// If the clock stands still or goes back.
pub fn calibrate(clock: &dyn Clock) -> Result<ClockInfo, ClockError> {
    const STEPS: u32 = 20;
    // At 20 ns a reading, 50 million readings are one second: no usable clock stands still that long.
    const READS: u32 = 50_000_000;
    let start = clock.now_ns();
    let mut last = start;
    let mut granularity_ns = u64::MAX;
    let mut steps = 0;
    let mut reads = 0u32;
    while steps < STEPS {
        let now = clock.now_ns();
        reads += 1;
        if now < last {
            return Err(ClockError::Backwards {
                source_name: clock.source(),
                by_ns: last - now,
            });
        }
        if now > last {
            granularity_ns = granularity_ns.min(now - last);
            steps += 1;
            last = now;
        }
        if reads >= READS {
            return Err(ClockError::Frozen {
                source_name: clock.source(),
                reads,
            });
        }
    }
    Ok(ClockInfo {
        source: clock.source().to_owned(),
        granularity_ns,
        read_cost_ns: (last - start) / u64::from(reads),
    })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Advances by `cost` per reading and shows multiples of `step` only.
    struct Stepping {
        time: Cell<u64>,
        cost: u64,
        step: u64,
    }

    impl Clock for Stepping {
        fn now_ns(&self) -> u64 {
            self.time.set(self.time.get() + self.cost);
            self.time.get() / self.step * self.step
        }

        fn source(&self) -> &'static str {
            "test"
        }
    }

    #[test]
    fn granularity_and_cost_are_found() {
        // Native, isolated Chromium, Chromium, Firefox with its defaults.
        for (cost, step) in [(25, 1), (200, 5_000), (200, 100_000), (300, 1_000_000)] {
            let facts = calibrate(&Stepping {
                time: Cell::new(0),
                cost,
                step,
            })
            .unwrap();
            assert_eq!(facts.granularity_ns, step.max(cost), "{cost} {step}");
            assert!(facts.read_cost_ns.abs_diff(cost) <= cost / 10 + 1, "{facts:?}");
        }
    }

    struct Broken(fn(u64) -> u64, Cell<u64>);

    impl Clock for Broken {
        fn now_ns(&self) -> u64 {
            self.1.set(self.1.get() + 1);
            self.0(self.1.get())
        }

        fn source(&self) -> &'static str {
            "broken"
        }
    }

    #[test]
    fn broken_clocks_are_errors() {
        let frozen = calibrate(&Broken(|_| 7, Cell::new(0)));
        assert!(matches!(frozen, Err(ClockError::Frozen { .. })), "{frozen:?}");
        let backwards = calibrate(&Broken(|reading| 1_000_000 - reading, Cell::new(0)));
        assert_eq!(
            backwards,
            Err(ClockError::Backwards {
                source_name: "broken",
                by_ns: 1
            })
        );
    }
}
