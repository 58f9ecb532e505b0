use std::sync::OnceLock;
use std::time::Instant;

use tare_core::Clock;

/// The system's monotonic clock.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now_ns(&self) -> u64 {
        static START: OnceLock<Instant> = OnceLock::new();
        // A u64 holds 584 years.
        u64::try_from(START.get_or_init(Instant::now).elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn source(&self) -> &'static str {
        "std::time::Instant"
    }
}
