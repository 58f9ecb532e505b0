use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use tare_record::{ClockInfo, Failure, FailureKind, Phase, PhaseName};

/// Minimum duration of a sample in clock steps, so that one step is at most 1 % of the sample.
pub(crate) const MIN_STEPS_PER_SAMPLE: u64 = 100;

/// The only clock that a measurement may read.
pub trait Clock {
    /// Nanoseconds since a fixed but unknown moment. Never goes backwards.
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

    /// Waits without keeping the processor busy, at least approximately for this long. A clock without a timer lets
    /// others go on until it has moved so far.
    fn sleep<'a>(&'a self, duration_ns: u64) -> Pin<Box<dyn Future<Output = ()> + 'a>> {
        let end_ns = self.now_ns().saturating_add(duration_ns);
        Box::pin(poll_fn(move |context| {
            if self.now_ns() >= end_ns {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        }))
    }
}

/// A clock that stands still, for callers that need no durations.
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
/// If the clock went backwards.
pub(super) fn elapsed_ns(start_ns: u64, end_ns: u64, clock: &ClockInfo) -> Result<u64, Failure> {
    end_ns.checked_sub(start_ns).ok_or_else(|| {
        let by_ns = start_ns - end_ns;
        Failure::new(
            FailureKind::Clock,
            format!("the clock {} went backwards by {by_ns} ns", clock.source),
        )
    })
}

/// Why a clock cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClockError {
    /// The clock did not move during many readings.
    #[error(
        "the clock {source_name} did not move during {reads} readings\nhint: check the browser's privacy settings, which may freeze or coarsen timers"
    )]
    Frozen {
        /// Which clock.
        source_name: &'static str,
        /// How often it was read.
        reads: u32,
    },
    /// The clock went backwards.
    #[error(
        "the clock {source_name} went backwards by {by_ns} ns\nhint: select another clock source in the operating system"
    )]
    Backwards {
        /// Which clock.
        source_name: &'static str,
        /// How far.
        by_ns: u64,
    },
}

/// Measures the granularity of a clock and the cost of reading it.
///
/// The granularity is the smallest difference between two successive readings that differ, over at
/// least 20 such steps.
///
/// # Errors
///
/// If the clock stands still or goes backwards.
pub fn calibrate(clock: &dyn Clock) -> Result<ClockInfo, ClockError> {
    const STEPS: u32 = 20;
    // At 20 ns per reading, 50 million readings take one second. No usable clock stands still that
    // long.
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

    /// Advances by `cost` with every reading and shows multiples of `step`.
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
        // Native, isolated Chromium, Chromium, and Firefox with its defaults.
        for (cost, step) in [(25, 1), (200, 5_000), (200, 100_000), (300, 1_000_000)] {
            let info = calibrate(&Stepping {
                time: Cell::new(0),
                cost,
                step,
            })
            .unwrap();
            assert_eq!(info.granularity_ns, step.max(cost), "{cost} {step}");
            assert!(info.read_cost_ns.abs_diff(cost) <= cost / 10 + 1, "{info:?}");
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
