//! Waiting for a graphics adapter, and its own clock.

use burn_backend::{Backend, ProfileOptions, TimingMethod};
use burn_dispatch::devices::CubeDevice;
use burn_dispatch::{Dispatch, DispatchDevice};
use tare_record::{Failure, FailureKind};

/// Waits until the adapter has finished everything that was submitted.
pub(super) async fn wait(device: &CubeDevice) -> Result<(), Failure> {
    device
        .client()
        .sync()
        .await
        .map_err(|error| Failure::new(FailureKind::Run, format!("the graphics device failed: {error:?}")))
}

/// Runs `work` between two timestamps of the adapter and returns their difference in nanoseconds.
/// `None` if the adapter has no timestamps.
pub(super) async fn time(device: &DispatchDevice, work: impl FnOnce() + Send) -> Result<Option<u64>, Failure> {
    let failed = |error: &dyn std::fmt::Debug| {
        Failure::new(
            FailureKind::Run,
            format!("the graphics device could not be timed: {error:?}"),
        )
    };
    let options = ProfileOptions::default().flush();
    let ((), duration) = Dispatch::profile(device, options, work).map_err(|error| failed(&error))?;
    if duration.timing_method() != TimingMethod::Device {
        return Ok(None);
    }
    let ticks = duration.resolve().await;
    Ok(ticks.map(|ticks| u64::try_from(ticks.duration().as_nanos()).unwrap_or(u64::MAX)))
}
