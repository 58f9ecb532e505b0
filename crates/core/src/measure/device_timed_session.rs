//! A network of a pipeline whose time on the device is measured with every run.

use std::cell::Cell;

use async_trait::async_trait;
use tare_record::Failure;

use crate::{NamedTensor, Session, SessionInfo, Tensor};

/// Passes runs on, repeats each by the device's clock, and adds up what that says.
pub(super) struct DeviceTimedSession<'a> {
    session: &'a mut dyn Session,
    /// `None` once the device did not say.
    total_ns: &'a Cell<Option<u64>>,
}

impl<'a> DeviceTimedSession<'a> {
    pub(super) fn new(session: &'a mut dyn Session, total_ns: &'a Cell<Option<u64>>) -> Self {
        Self { session, total_ns }
    }
}

#[async_trait(?Send)]
impl Session for DeviceTimedSession<'_> {
    async fn run(&mut self, inputs: &[NamedTensor]) -> Result<Vec<Tensor>, Failure> {
        let outputs = self.session.run(inputs).await?;
        if self.total_ns.get().is_none() {
            return Ok(outputs);
        }
        let device_ns = self.session.device_ns(inputs).await?;
        let total_ns = self.total_ns.get().zip(device_ns);
        self.total_ns
            .set(total_ns.map(|(total_ns, device_ns)| total_ns + device_ns));
        Ok(outputs)
    }

    fn info(&self) -> SessionInfo {
        self.session.info()
    }
}
