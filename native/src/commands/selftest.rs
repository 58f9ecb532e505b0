//! `tare selftest`.

use std::rc::Rc;

use anyhow::Result;

use crate::clock::SystemClock;

/// Prints every known truth and whether it came out right here. `Ok(false)` if one did not.
pub(crate) fn run() -> Result<bool> {
    let checks = pollster::block_on(tare_core::selftest(Rc::new(SystemClock)));
    for check in &checks {
        let word = if check.passed { "ok" } else { "FAILED" };
        println!("{word:<7} {}: {}", check.name, check.detail);
    }
    Ok(checks.iter().all(|check| check.passed))
}
