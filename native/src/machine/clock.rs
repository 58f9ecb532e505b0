use std::pin::Pin;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

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

    fn sleep<'a>(&'a self, duration_ns: u64) -> Pin<Box<dyn Future<Output = ()> + 'a>> {
        Box::pin(futures_timer::Delay::new(Duration::from_nanos(duration_ns)))
    }

    fn source(&self) -> &'static str {
        "std::time::Instant"
    }
}
