//! Times runs that follow each other.

use tare_record::PhaseName;

use super::{Run, Stop, percent};
use crate::LoadedWorkload;
use crate::measure::clock::MIN_STEPS_PER_SAMPLE;
use crate::measure::stages;
use crate::stats::median_estimate;

/// Maximum memory for outputs that wait to be verified.
const PENDING_OUTPUT_BYTES: usize = 64 << 20;

/// Runs per round that are timed by the device's own clock.
const DEVICE_RUNS: usize = 10;

/// Time after which no other of these runs starts.
const DEVICE_TIME_NS: u64 = 10_000_000_000;

impl Run<'_> {
    pub(super) async fn sample(&mut self, loaded: &mut LoadedWorkload<'_>, run_ns: u64) -> Result<(), Stop> {
        let rules = self.request.rules.clone();
        let mut runs = self.runs_per_sample(run_ns);
        self.cell.runs_per_sample = runs;
        self.cell.stages = stages::stages(loaded);
        // A later round keeps the number of the first one: samples are only comparable if they hold
        // equally many runs.
        let (mut total_ns, mut runs_fixed) = (0u64, self.request.runs_per_sample.is_some());
        let mut next_precision_check = rules.min_samples;
        loop {
            loaded.take_stages_ns();
            let (sample_ns, outputs) = self.timed(loaded, runs).await?;
            if !runs_fixed
                && sample_ns < self.request.clock.granularity_ns * MIN_STEPS_PER_SAMPLE
                && runs < self.max_runs_per_sample()
            {
                // The clock was too coarse to show how short a run is: take more runs and start
                // over.
                runs = (runs * 10).min(self.max_runs_per_sample());
                self.cell.runs_per_sample = runs;
                continue;
            }
            runs_fixed = true;
            for output in outputs {
                self.verify(output, true)?;
            }
            if sample_ns == 0 {
                return Err(self.frozen(runs as usize).into());
            }
            self.cell.samples_ns.push(sample_ns);
            stages::add_sample(&mut self.cell.stages, runs, &loaded.take_stages_ns());
            total_ns += sample_ns;
            let count = self.cell.samples_ns.len();
            let done =
                percent(total_ns, rules.min_time_ms * 1_000_000).min(percent(count as u64, rules.min_samples as u64));
            if count >= rules.max_samples {
                break;
            }
            if done >= 100 {
                if total_ns >= rules.max_time_ms.saturating_mul(1_000_000) {
                    break;
                }
                // Checked rarely, because the cost of the check grows with the sample count.
                if count >= next_precision_check {
                    if self.is_precise() {
                        break;
                    }
                    next_precision_check = count + count / 4 + 1;
                }
            }
            self.check("sampling", done.min(99))?;
        }
        self.phase(PhaseName::Steady, total_ns);
        Ok(())
    }

    /// Times runs by the device's own clock. They follow the samples because this timing makes runs
    /// longer, and a failure among them does not discard the samples.
    pub(super) async fn device_runs(&mut self, loaded: &mut LoadedWorkload<'_>) -> Result<(), Stop> {
        let start_ns = self.clock.now_ns();
        while self.cell.device_runs_ns.len() < DEVICE_RUNS
            && (self.cell.device_runs_ns.is_empty() || self.clock.now_ns().saturating_sub(start_ns) < DEVICE_TIME_NS)
            && let Ok(Some(device_ns)) = loaded.device_ns(self.clock).await
        {
            self.cell.device_runs_ns.push(device_ns);
            match self.check("device time", 99) {
                Err(Stop::Cancelled) => return Err(Stop::Cancelled),
                // The samples are complete.
                Err(_) => break,
                Ok(()) => {}
            }
        }
        Ok(())
    }

    fn is_precise(&self) -> bool {
        let samples: Vec<f64> = self.cell.samples_ns.iter().map(|&ns| ns as f64).collect();
        median_estimate(&samples).is_some_and(|median| {
            median.relative_half_width() * 100.0 <= f64::from(self.request.rules.precision_percent)
        })
    }

    fn runs_per_sample(&self, run_ns: u64) -> u32 {
        if let Some(decided) = self.request.runs_per_sample {
            return decided;
        }
        // Twice what is needed, because some runs are shorter than all runs of the warm-up.
        let needed = (2 * self.request.clock.granularity_ns * MIN_STEPS_PER_SAMPLE).div_ceil(run_ns.max(1));
        u32::try_from(needed)
            .unwrap_or(u32::MAX)
            .clamp(1, self.max_runs_per_sample())
    }

    /// How many runs a sample may hold so that the outputs that wait to be verified fit in memory.
    fn max_runs_per_sample(&self) -> u32 {
        let output_bytes: usize = self
            .last
            .iter()
            .map(|tensor| tensor.data().len() * tensor.dtype().size_bytes())
            .sum();
        u32::try_from(PENDING_OUTPUT_BYTES / output_bytes.max(4096))
            .unwrap_or(1)
            .max(1)
    }
}
