//! Speeds that no kernel can exceed here: what the processor multiplies and adds in registers, and what it copies
//! between large buffers. A roofline is drawn from both (Williams, Waterman and Patterson, "Roofline: an insightful
//! visual performance model for multicore architectures", Communications of the ACM 52(4), 2009).
//!
//! The kernels are part of the program that they are measured for: natively they use the widest vectors that an engine
//! may use, and in a browser those of the wasm module that they are compiled into.

mod copy;
mod multiply_add;
mod threads;

use std::hint::black_box;

use tare_core::Clock;
use tare_record::PeakSpeed;

use copy::Buffers;
use multiply_add::Kernel;
pub use multiply_add::WIDEST;
use threads::Threads;

/// Shortest duration of a repetition: long enough for a coarse clock and for threads to start.
const REPETITION_NS: u64 = 20_000_000;

/// The fastest of these repetitions counts: whatever else the machine does only makes them slower.
const REPETITIONS: usize = 4;

/// Measures both speeds on `threads` threads with vector instructions of at most `vector_level`, as
/// [`SessionInfo::vector_level`](tare_core::SessionInfo) names them. Takes about half a second, and holds 256 MiB
/// meanwhile, in wasm 64 MiB. `None` if the clock stands still or no thread can be started.
pub fn peak_speed(threads: usize, vector_level: &str, clock: &dyn Clock) -> Option<PeakSpeed> {
    let threads = Threads::new(threads)?;
    let kernel = Kernel::of_level(vector_level);
    let mut buffers = Buffers::new(threads.count());
    Some(PeakSpeed {
        multiply_accumulates_per_s: fastest(clock, |steps| {
            threads.on_each(|_| {
                black_box(kernel.run(black_box(steps)));
            });
            steps * kernel.per_step() * threads.count() as u64
        })?,
        copied_bytes_per_s: fastest(clock, |times| {
            for _ in 0..times {
                buffers.copy(&threads);
            }
            times * buffers.moved_bytes()
        })?,
    })
}

/// Amount of work per second. `work` does it the given number of times, and returns its amount.
fn fastest(clock: &dyn Clock, mut work: impl FnMut(u64) -> u64) -> Option<u64> {
    let mut timed = |times: u64| {
        let start_ns = clock.now_ns();
        let amount = work(times);
        (amount, clock.now_ns().saturating_sub(start_ns))
    };
    let mut times = 1;
    while timed(times).1 < REPETITION_NS {
        // 2^40 steps take a minute on any processor: this clock does not move.
        times = (times < 1 << 40).then_some(times * 2)?;
    }
    let per_second = |(amount, ns): (u64, u64)| u128::from(amount) * 1_000_000_000 / u128::from(ns.max(1));
    let speeds = (0..REPETITIONS).map(|_| per_second(timed(times)));
    speeds.max().and_then(|speed| u64::try_from(speed).ok())
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    struct SystemClock(Instant);

    impl Clock for SystemClock {
        fn now_ns(&self) -> u64 {
            u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
        }

        fn source(&self) -> &'static str {
            "Instant"
        }
    }

    struct Frozen;

    impl Clock for Frozen {
        fn now_ns(&self) -> u64 {
            0
        }

        fn source(&self) -> &'static str {
            "frozen"
        }
    }

    #[test]
    fn speeds_are_those_of_a_processor() {
        let clock = SystemClock(Instant::now());
        for level in ["sse2", "fma", "avx512", "neon", "simd", WIDEST, "what nobody has"] {
            let peak = peak_speed(1, level, &clock).unwrap();
            // From a microcontroller to ten times today's fastest core.
            assert!(
                (10_000_000..10_000_000_000_000).contains(&peak.multiply_accumulates_per_s),
                "{level}: {peak:?}"
            );
            assert!(
                (10_000_000..10_000_000_000_000).contains(&peak.copied_bytes_per_s),
                "{level}: {peak:?}"
            );
        }
    }

    #[test]
    fn a_frozen_clock_gives_no_speed() {
        let mut calls = 0;
        let speed = fastest(&Frozen, |times| {
            calls += 1;
            times
        });
        assert_eq!((speed, calls), (None, 41));
    }
}
