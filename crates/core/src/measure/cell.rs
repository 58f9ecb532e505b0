use bytes::Bytes;
use tare_record::{
    Cell, CellRequest, DigestCount, Failure, FailureKind, Memory, OutputInfo, Phase, PhaseName, Progress, Status,
    Verification,
};

use super::clock::elapsed_ns;
use super::post_processing;
use super::unmeasured::outlined_cell;
use super::warnings::warnings;
use crate::verify::compare::{merge_max, tolerance_for};
use crate::verify::sample::output_sample;
use crate::{
    Clock, Control, Engine, LoadedWorkload, NamedTensor, Observer, Tensor, Workload, compare, tensors_sha256,
    top_k_indices,
};

/// Time between two calls of [`Observer::progress`].
const PROGRESS_INTERVAL_NS: u64 = 250_000_000;

/// A clock that has not moved after this many runs is frozen: they take longer than one step of any
/// usable clock.
const FROZEN_AFTER_RUNS: usize = 200_000;

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
        memory_before_profile: None,
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
    let memory = run.memory_before_profile.unwrap_or_else(|| run.observer.memory());
    run.cell.memory = Memory {
        device_bytes: run.cell.memory.device_bytes,
        loaded_bytes: run.cell.memory.loaded_bytes,
        ..memory
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
    /// Memory use before runs were profiled, which takes more.
    memory_before_profile: Option<Memory>,
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
        self.memory_before_profile = Some(self.observer.memory());
        self.profile(&mut loaded).await?;
        self.agree_with_f32(engine, &mut loaded).await;
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

    fn frozen(&self, runs: usize) -> Failure {
        Failure::new(
            FailureKind::Clock,
            format!("{runs} runs took no time on the clock {}", self.request.clock.source),
        )
        .with_hint("check the browser's privacy settings, which may freeze or coarsen timers")
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
        self.verify_runs(outputs, u64::from(sampled))
    }

    /// Compares the outputs that `runs` samples gave with the reference.
    fn verify_runs(&mut self, outputs: Vec<Tensor>, runs: u64) -> Result<(), Stop> {
        let sha256 = tensors_sha256(&outputs);
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

mod f32_agreement;
pub(crate) mod profiling;
pub(crate) mod rate_search;
mod sampling;
mod served_load;
#[cfg(test)]
mod simulated;
mod under_load;

#[cfg(test)]
mod tests;
