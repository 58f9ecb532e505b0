//! How arithmetic in fewer bits agrees with that of the same engine in f32.

use tare_record::{Accuracy, Failure, FailureKind, Warning, WarningKind};

use super::Run;
use crate::measure::agreement::agreement;
use crate::{AccuracyCheck, Engine, LoadedWorkload};

/// The comparison takes at most so long, and leaves half of what is left of the cell's time.
const LONGEST_NS: u64 = 30_000_000_000;

/// In wasm a larger model may not fit beside the converted one, and running out of memory ends the worker.
const LARGEST_BYTES: u64 = if cfg!(target_family = "wasm") {
    400_000_000
} else {
    1 << 40
};

impl Run<'_> {
    /// Adds the agreement to the cell, if the workload asks for it. What cannot be compared is said in a warning,
    /// because the samples are not affected.
    pub(super) async fn agree_with_f32(&mut self, engine: &dyn Engine, loaded: &mut LoadedWorkload<'_>) {
        let Some((check, plain)) = self.workload.accuracy.as_ref().zip(engine.in_f32()) else {
            return;
        };
        match self.agreement(check, &*plain, loaded).await {
            Ok(accuracy) => self.cell.accuracy = Some(accuracy),
            Err(failure) => self.cell.warnings.push(Warning {
                kind: WarningKind::NoAgreement,
                message: format!("results were not compared with those in f32: {}", failure.message),
            }),
        }
    }

    async fn agreement(
        &self,
        check: &AccuracyCheck,
        plain: &dyn Engine,
        loaded: &mut LoadedWorkload<'_>,
    ) -> Result<Accuracy, Failure> {
        let limit_ns = self.request.rules.cell_limit_s.saturating_mul(1_000_000_000);
        let left_ns = |now_ns: u64| (self.start_ns.saturating_add(limit_ns)).saturating_sub(now_ns);
        let start_ns = self.clock.now_ns();
        let until_ns = start_ns + LONGEST_NS.min(left_ns(start_ns) / 2);
        let originals = check.prepare()?;
        let size = originals.model.model.size_bytes.unwrap_or(0);
        if size > LARGEST_BYTES {
            return Err(Failure::new(
                FailureKind::Model,
                format!("both models may not fit in memory: at most {LARGEST_BYTES} bytes are compared, found {size}"),
            ));
        }
        let mut model = originals.model.load(plain, self.clock).await?;
        let has_time = || self.clock.now_ns() < until_ns;
        if !has_time() {
            return Err(Failure::new(FailureKind::TimeLimit, "no time was left"));
        }
        agreement(&originals, &mut model, loaded, self.clock, has_time).await
    }
}
