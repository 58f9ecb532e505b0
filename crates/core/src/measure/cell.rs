use bytes::Bytes;
use tare_record::{
    Cell, CellRequest, DigestCount, Failure, FailureKind, Memory, OutputInfo, Phase, PhaseName, Progress, Status,
    Verification,
};

use super::clock::{MIN_STEPS_PER_SAMPLE, elapsed_ns};
use super::unmeasured::outlined_cell;
use super::warnings::warnings;
use super::{post_processing, stages};
use crate::stats::median_estimate;
use crate::verify::compare::{merge_max, tolerance_for};
use crate::verify::sample::output_sample;
use crate::{
    Clock, Control, Engine, LoadedWorkload, NamedTensor, Observer, Tensor, Workload, compare, tensors_sha256,
    top_k_indices,
};

/// Maximum memory for outputs that wait to be verified.
const PENDING_OUTPUT_BYTES: usize = 64 << 20;

/// Time between two calls of [`Observer::progress`].
const PROGRESS_INTERVAL_NS: u64 = 250_000_000;

/// A clock that has not moved after this many runs is frozen: they take longer than one step of any
/// usable clock.
const FROZEN_AFTER_RUNS: usize = 200_000;

/// Runs per round that are timed by the device's own clock.
const DEVICE_RUNS: usize = 10;

/// Measures one cell: loads the model, runs it once, warms up and samples. The outputs of every run
/// are verified outside the timed regions. `earlier` holds the phases that came before, such as
/// compiling a wasm module.
///
/// Returns the cell and the outputs of the last verified run. Never fails: a failure becomes part
/// of the cell.
pub async fn measure(
    request: &CellRequest,
    mut workload: Workload,
    engine: &dyn Engine,
    reference: &[NamedTensor],
    earlier: Vec<Phase>,
    clock: &dyn Clock,
    observer: &mut dyn Observer,
) -> (Cell, Vec<NamedTensor>) {
    let bytes = std::mem::take(&mut workload.bytes);
    let mut cell = outlined_cell(request, &workload, engine.info());
    cell.phases = earlier;
    let start_ns = clock.now_ns();
    let mut run = Run {
        request,
        workload: &workload,
        reference,
        clock,
        observer,
        cell,
        start_ns,
        reported_ns: start_ns,
        reported_doing: "",
        last: vec![],
        reference_sha256: tensors_sha256(reference.iter().map(|named| &named.tensor)),
    };
    let status = match run.all(engine, bytes).await {
        Ok(()) => Status::Measured,
        Err(Stop::Failed(failure)) => Status::Failed(failure),
        Err(Stop::Cancelled) => Status::Cancelled,
        Err(Stop::TimedOut { while_doing }) => Status::TimedOut(
            Failure::new(
                FailureKind::TimeLimit,
                format!(
                    "reached the limit of {} s during {while_doing} with {} of {} samples taken",
                    request.rules.cell_limit_s,
                    run.cell.samples_ns.len(),
                    request.rules.min_samples
                ),
            )
            .with_hint("raise `cell_limit_s` in the plan or pass --cell-limit, or choose a smaller model"),
        ),
    };
    run.cell.status = status;
    run.cell.memory = Memory {
        device_bytes: run.cell.memory.device_bytes,
        loaded_bytes: run.cell.memory.loaded_bytes,
        ..run.observer.memory()
    };
    let warnings = warnings(&run.cell, request);
    run.cell.warnings.extend(warnings);
    let outputs = workload.name_outputs(run.last);
    (run.cell, outputs)
}

/// Why a measurement ended early.
enum Stop {
    Failed(Failure),
    TimedOut { while_doing: &'static str },
    Cancelled,
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Stop::Failed(failure)
    }
}

struct Run<'a> {
    request: &'a CellRequest,
    workload: &'a Workload,
    reference: &'a [NamedTensor],
    clock: &'a dyn Clock,
    observer: &'a mut dyn Observer,
    cell: Cell,
    start_ns: u64,
    reported_ns: u64,
    reported_doing: &'static str,
    last: Vec<Tensor>,
    reference_sha256: String,
}

impl Run<'_> {
    async fn all(&mut self, engine: &dyn Engine, bytes: Bytes) -> Result<(), Stop> {
        self.check("load", 0)?;
        let workload = self.workload;
        let mut loaded = workload.load_bytes(bytes, engine, self.clock).await?;
        self.cell.phases.extend_from_slice(loaded.phases());
        self.describe(&loaded);
        let memory = self.observer.memory();
        self.cell.memory.loaded_bytes = memory.wasm_linear_bytes.or(memory.resident_peak_bytes);

        // Reported before the run, because a first run that compiles kernels may exceed the time
        // limit.
        self.check("first run", 0)?;
        let first_ns = self.verified_run(&mut loaded).await?;
        self.phase(PhaseName::FirstRun, first_ns);
        self.tune(&mut loaded).await?;
        self.cell.kernels = loaded.kernels();
        let run_ns = self.warm_up(&mut loaded).await?;
        if let Some(load) = self.request.load {
            let mut sessions = vec![(1, loaded)];
            for (requests, merged) in &workload.merged {
                let mut loaded = merged.load(engine, self.clock).await?;
                self.warm_up_merged(&mut loaded, *requests).await?;
                sessions.push((*requests, loaded));
            }
            return self.under_load(load, &mut sessions, run_ns).await;
        }
        self.sample(&mut loaded, run_ns).await?;
        self.cell.memory.device_bytes = loaded.device_bytes();
        self.device_runs(&mut loaded).await?;
        if let Some(work) = self.workload.post_processing {
            let outputs = self.workload.name_outputs(self.last.clone());
            self.cell.post_processing = Some(post_processing::sample(work, &outputs, self.request, self.clock)?);
        }
        Ok(())
    }

    fn describe(&mut self, loaded: &LoadedWorkload<'_>) {
        let info = loaded.info();
        self.cell.configuration.threads = info.threads;
        self.cell.configuration.vector_level = info.vector_level;
        self.cell.configuration.graphics_api = info.adapter.as_ref().map(|adapter| adapter.graphics_api.clone());
        self.cell.configuration.shader_language = info.shader_language;
        self.cell.engine.settings.extend(info.settings);
        self.cell.adapter = info.adapter;
    }

    /// Runs until the engine has chosen its kernels.
    async fn tune(&mut self, loaded: &mut LoadedWorkload<'_>) -> Result<(), Stop> {
        let mut tuning_ns = 0;
        while !loaded.tuning_complete(self.clock.now_ns()) {
            let ran = self.verified_run(loaded).await;
            if let Ok(run_ns) = &ran {
                tuning_ns += run_ns;
            }
            let checked = ran.and_then(|_| self.check("tuning", 0));
            if checked.is_err() {
                self.phase(PhaseName::Tuning, tuning_ns);
            }
            checked?;
        }
        if tuning_ns > 0 {
            self.phase(PhaseName::Tuning, tuning_ns);
        }
        Ok(())
    }

    /// Runs without sampling. Returns the duration of the shortest run.
    async fn warm_up(&mut self, loaded: &mut LoadedWorkload<'_>) -> Result<u64, Stop> {
        let rules = &self.request.rules;
        let (mut total_ns, mut shortest_ns, mut runs) = (0u64, u64::MAX, 0);
        let start_ns = self.clock.now_ns();
        while runs < rules.min_warmup_runs.max(1) || total_ns < rules.min_warmup_ms * 1_000_000 {
            let run_ns = self.verified_run(loaded).await?;
            // Count at least 1 ns, so that runs shorter than a clock step also end the loop.
            total_ns += run_ns.max(self.request.clock.read_cost_ns).max(1);
            shortest_ns = shortest_ns.min(run_ns);
            runs += 1;
            if runs >= FROZEN_AFTER_RUNS && self.clock.now_ns() == start_ns {
                return Err(self.frozen(runs).into());
            }
            self.check("warm-up", 0)?;
        }
        self.phase(PhaseName::WarmUp, total_ns);
        Ok(shortest_ns)
    }

    async fn sample(&mut self, loaded: &mut LoadedWorkload<'_>, run_ns: u64) -> Result<(), Stop> {
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
    async fn device_runs(&mut self, loaded: &mut LoadedWorkload<'_>) -> Result<(), Stop> {
        while self.cell.device_runs_ns.len() < DEVICE_RUNS
            && let Ok(Some(device_ns)) = loaded.device_ns().await
        {
            self.cell.device_runs_ns.push(device_ns);
            self.check("device time", 99)?;
        }
        Ok(())
    }

    fn is_precise(&self) -> bool {
        let samples: Vec<f64> = self.cell.samples_ns.iter().map(|&ns| ns as f64).collect();
        median_estimate(&samples).is_some_and(|median| {
            median.relative_half_width() * 100.0 <= f64::from(self.request.rules.precision_percent)
        })
    }

    fn frozen(&self, runs: usize) -> Failure {
        Failure::new(
            FailureKind::Clock,
            format!("{runs} runs took no time on the clock {}", self.request.clock.source),
        )
        .with_hint("check the browser's privacy settings, which may freeze or coarsen timers")
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

    /// Times a number of runs. The timed region only runs the model and stores the outputs.
    async fn timed(&mut self, loaded: &mut LoadedWorkload<'_>, runs: u32) -> Result<(u64, Vec<Vec<Tensor>>), Stop> {
        let mut outputs = Vec::with_capacity(runs as usize);
        let start_ns = self.clock.now_ns();
        for _ in 0..runs {
            outputs.push(loaded.run(self.clock).await?);
        }
        let end_ns = self.clock.now_ns();
        Ok((elapsed_ns(start_ns, end_ns, &self.request.clock)?, outputs))
    }

    async fn verified_run(&mut self, loaded: &mut LoadedWorkload<'_>) -> Result<u64, Stop> {
        let (run_ns, outputs) = self.timed(loaded, 1).await?;
        for output in outputs {
            self.verify(output, false)?;
        }
        Ok(run_ns)
    }

    /// Compares the outputs of one run with the reference, and counts their digest if the run is
    /// part of a sample.
    fn verify(&mut self, outputs: Vec<Tensor>, sampled: bool) -> Result<(), Stop> {
        let sha256 = tensors_sha256(&outputs);
        let runs = u64::from(sampled);
        let known = self
            .cell
            .verification
            .as_mut()
            .and_then(|verification| verification.digests.iter_mut().find(|known| known.sha256 == sha256));
        if let Some(known) = known {
            known.runs += runs;
            self.last = outputs;
            return Ok(());
        }
        let compared = compare(&outputs, self.reference, &self.request.tolerance);
        self.last = outputs;
        let drifts = compared?;
        let verification = self.cell.verification.get_or_insert_with(|| Verification {
            reference: format!(
                "{} on the CPU, {}, same run",
                self.request.reference, self.request.reference_environment
            ),
            reference_sha256: Some(self.reference_sha256.clone()),
            tolerance: self
                .reference
                .iter()
                .map(|named| tolerance_for(&self.request.tolerance, named.tensor.dtype()))
                .fold(0.0, f64::max),
            outputs: vec![],
            digests: vec![],
        });
        let earlier = std::mem::take(&mut verification.outputs);
        for (index, (tensor, mut drift)) in self.last.iter().zip(drifts).enumerate() {
            if let Some(earlier) = earlier.get(index) {
                drift = merge_max(drift, &earlier.drift);
            }
            let name = self.workload.outputs.get(index).cloned().unwrap_or_default();
            let named = NamedTensor {
                name,
                tensor: tensor.clone(),
            };
            let row = tensor.shape().last().copied().unwrap_or(1).max(1);
            let values = tensor.to_f64();
            verification.outputs.push(OutputInfo {
                tensor: named.info(),
                drift,
                top: top_k_indices(values.get(..row.min(values.len())).unwrap_or_default()),
                sample: Some(output_sample(&values)),
            });
        }
        verification.digests.push(DigestCount { sha256, runs });
        Ok(())
    }

    fn phase(&mut self, name: PhaseName, duration_ns: u64) {
        self.cell.phases.push(Phase { name, duration_ns });
    }

    /// Reports progress between runs. Ends the cell at its time limit, or if the observer cancels
    /// it.
    fn check(&mut self, while_doing: &'static str, percent: u8) -> Result<(), Stop> {
        let now_ns = self.clock.now_ns();
        if now_ns.saturating_sub(self.start_ns) >= self.request.rules.cell_limit_s.saturating_mul(1_000_000_000) {
            return Err(Stop::TimedOut { while_doing });
        }
        if while_doing != self.reported_doing || now_ns.saturating_sub(self.reported_ns) >= PROGRESS_INTERVAL_NS {
            self.reported_ns = now_ns;
            self.reported_doing = while_doing;
            let progress = Progress {
                phase: while_doing.into(),
                samples: self.cell.samples_ns.len(),
                percent,
            };
            if self.observer.progress(&progress, &self.cell) == Control::Cancel {
                return Err(Stop::Cancelled);
            }
        }
        Ok(())
    }
}

/// `part` of `whole` in percent, at most 100.
fn percent(part: u64, whole: u64) -> u8 {
    let percent = (u128::from(part) * 100).checked_div(u128::from(whole)).unwrap_or(100);
    u8::try_from(percent.min(100)).unwrap_or(100)
}

mod under_load;

#[cfg(test)]
mod tests;
