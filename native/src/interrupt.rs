//! Ctrl-C, and the signals by which a system ends a program.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Time between two looks at the flag.
const INTERVAL: Duration = Duration::from_millis(100);

/// How a shell reports that Ctrl-C ended a program.
const EXIT_CODE: i32 = 130;

/// From now on these signals end the run in order, and keep what was measured. A second one ends it
/// at once.
pub(crate) fn listen() {
    // Fails only if a handler is already set, and that one does the same.
    let _ = ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::Relaxed) {
            std::process::exit(EXIT_CODE);
        }
    });
}

/// Whether such a signal arrived.
pub(crate) fn is_interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// Returns when such a signal has arrived.
pub(crate) async fn interrupted() {
    while !is_interrupted() {
        tokio::time::sleep(INTERVAL).await;
    }
}
