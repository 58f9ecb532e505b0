//! Records whose truth is known.

use tare_core::{Random, failed_cell};
use tare_record::{
    Accuracy, Adapter, Cell, CellRequest, ClockInfo, EngineName, EnvironmentKind, Failure, FailureKind, Load,
    LoadRound, Machine, MachineWatch, ModelSource, NativeInfo, OperatorProfile, PeakSpeed, Phase, PhaseName, Plan,
    PowerInfo, Precision, ProfiledNode, ProfiledRound, Question, Record, Round, StageInfo, StageRound, Status,
    Transport,
};

use crate::{Answer, findings};

/// A cell whose runs take `run_ms`, with a uniform spread around it.
#[derive(Clone)]
pub(crate) struct Simulated {
    pub(crate) model: &'static str,
    pub(crate) engine: EngineName,
    pub(crate) threads: usize,
    pub(crate) batch: usize,
    pub(crate) chunk: Option<usize>,
    pub(crate) run_ms: f64,
    pub(crate) rounds: usize,
    /// How many times as long the runs of a round take, by its number.
    pub(crate) slowdown: fn(usize) -> f64,
    pub(crate) steal_permille: Option<fn(usize) -> u64>,
    /// Half the range of durations, as a share of `run_ms`.
    pub(crate) spread: f64,
    /// Samples of each round.
    pub(crate) samples: usize,
    pub(crate) first_run_ms: f64,
    pub(crate) load_ms: f64,
    /// Names of stages with their shares of a run.
    pub(crate) stages: Vec<(&'static str, f64)>,
    pub(crate) memory_bytes: u64,
    pub(crate) fails: bool,
    pub(crate) model_bytes: u64,
    pub(crate) precision: Option<Precision>,
    pub(crate) accuracy: Option<Accuracy>,
    pub(crate) software: bool,
    pub(crate) load: Option<Load>,
    pub(crate) load_per_second: f64,
    pub(crate) late: u64,
    pub(crate) transport: Option<Transport>,
    /// Share of a request's time that is its transport.
    pub(crate) transport_share: f64,
    pub(crate) environment: EnvironmentKind,
    pub(crate) operators: Vec<SimulatedOperator>,
    pub(crate) peak: Option<PeakSpeed>,
}

/// An operator of a profiled run, which takes a share of it.
#[derive(Clone, Copy)]
pub(crate) struct SimulatedOperator {
    pub(crate) operator: &'static str,
    pub(crate) share: f64,
    pub(crate) multiply_accumulates: u64,
    pub(crate) bytes: u64,
}

impl Default for Simulated {
    fn default() -> Self {
        Self {
            model: "net",
            engine: EngineName::Tract,
            threads: 1,
            batch: 1,
            chunk: None,
            run_ms: 100.0,
            rounds: 5,
            slowdown: |_| 1.0,
            steal_permille: None,
            spread: 0.001,
            samples: 20,
            first_run_ms: 100.0,
            load_ms: 10.0,
            stages: vec![],
            memory_bytes: 1_000_000_000,
            fails: false,
            model_bytes: 1_000_000,
            precision: None,
            accuracy: None,
            software: false,
            load: None,
            load_per_second: 1.0,
            late: 0,
            transport: None,
            transport_share: 0.0,
            environment: EnvironmentKind::Native,
            operators: vec![],
            peak: None,
        }
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "positive, and hours at most"
)]
fn ns(ms: f64) -> u64 {
    (ms * 1e6) as u64
}

impl Simulated {
    fn cell(&self, seed: u64) -> Cell {
        let model = ModelSource::BuiltIn {
            name: self.model.into(),
        };
        let mut request = CellRequest::new(self.engine, self.environment, model, clock());
        request.options.batch = Some(self.batch);
        request.options.chunk = self.chunk;
        request.options.precision = self.precision;
        request.threads = self.threads;
        request.load = self.load;
        request.transport = self.transport;
        let mut random = Random::new(seed, "samples");
        let mut cell = failed_cell(&request, Failure::new(FailureKind::Run, ""));
        cell.status = Status::Measured;
        cell.model.size_bytes = Some(self.model_bytes);
        cell.accuracy.clone_from(&self.accuracy);
        cell.memory.resident_peak_bytes = Some(self.memory_bytes);
        if self.fails {
            cell.status = Status::Failed(Failure::new(FailureKind::Run, "simulated"));
        }
        cell.adapter = (self.engine == EngineName::BurnWgpu).then(|| Adapter {
            name: "a GPU".into(),
            graphics_api: "vulkan".into(),
            driver: String::new(),
            software: self.software,
            features: vec![],
            limits: Default::default(),
        });
        for number in 1..=self.rounds {
            for _ in 0..self.samples {
                let factor = 1.0 + f64::from(random.symmetric_f32()) * self.spread;
                cell.samples_ns.push(ns(self.run_ms * factor * (self.slowdown)(number)));
            }
            let phase = |name, ms| Phase {
                name,
                duration_ns: ns(ms),
            };
            cell.rounds.push(Round {
                number,
                start_ns: None,
                samples: self.samples,
                phases: vec![
                    phase(PhaseName::Parse, self.load_ms),
                    phase(PhaseName::FirstRun, self.first_run_ms),
                ],
                calibration: None,
                browser: None,
                machine: self.steal_permille.map(|of| MachineWatch {
                    steal_permille: Some(of(number)),
                    ..MachineWatch::default()
                }),
            });
            if self.load.is_some() {
                let parts = || vec![ns(self.run_ms / 2.0); self.samples];
                let rate = self.load_per_second * (1.0 + f64::from(random.symmetric_f32()) * self.spread);
                cell.load_rounds.push(LoadRound {
                    duration_ns: ns(self.samples as f64 * 1e3 / rate),
                    arrivals_ns: parts(),
                    queue_ns: parts(),
                    batching_ns: parts(),
                    compute_ns: parts(),
                    transport_ns: match self.transport {
                        Some(_) => vec![ns(self.run_ms * self.transport_share); self.samples],
                        None => vec![],
                    },
                    run_requests: vec![1; self.samples],
                    dropped: 0,
                    unanswered: 0,
                    late: self.late,
                });
            }
        }
        let rounds = |share: f64| StageRound {
            runs_per_sample: 1,
            samples_ns: vec![ns(self.run_ms * share); self.samples],
        };
        cell.stages = self
            .stages
            .iter()
            .map(|&(name, share)| StageInfo {
                name: name.into(),
                results: 1,
                rounds: vec![rounds(share); self.rounds],
            })
            .collect();
        cell.profile = (!self.operators.is_empty()).then(|| self.profile());
        cell
    }

    /// Profiled runs take as long as others.
    fn profile(&self) -> OperatorProfile {
        let round = ProfiledRound {
            runs_ns: vec![ns(self.run_ms); 10],
            peak: self.peak,
        };
        let nodes = self.operators.iter().map(|operator| ProfiledNode {
            name: operator.operator.to_lowercase(),
            operator: operator.operator.into(),
            multiply_accumulates: operator.multiply_accumulates,
            bytes: operator.bytes,
            rounds_ns: vec![ns(self.run_ms * operator.share); self.rounds],
        });
        OperatorProfile {
            rounds: vec![round; self.rounds],
            nodes: nodes.collect(),
        }
    }
}

fn clock() -> ClockInfo {
    ClockInfo {
        source: "simulated".into(),
        granularity_ns: 1,
        read_cost_ns: 1,
    }
}

/// A native record of a machine with 8 cores and 16 GB.
fn record(question: Question, cells: &[Simulated]) -> Record {
    let machine = Machine {
        kind: EnvironmentKind::Native,
        os: "simulated".into(),
        logical_cores: 8,
        native: Some(NativeInfo {
            cpu: "simulated".into(),
            cpu_features: vec![],
            physical_cores: Some(8),
            memory_bytes: 16_000_000_000,
            memory_available_bytes: 16_000_000_000,
            load_average: None,
            power: PowerInfo::default(),
        }),
        browser: None,
        node: None,
    };
    let plan = Plan {
        questions: vec![question],
        budgets_ms: vec![100, 33],
        round_trips_ms: vec![20],
        ..Plan::new("simulated", vec![])
    };
    let build = tare_core::build_info("");
    let mut record = Record::new(build, String::new(), String::new(), machine, clock(), plan);
    record.cells = cells.iter().zip(1..).map(|(cell, seed)| cell.cell(seed)).collect();
    record
}

/// What is found about one question.
pub(crate) fn answers(question: Question, cells: &[Simulated]) -> Vec<String> {
    let found = findings(&[record(question, cells)]);
    found
        .into_iter()
        .map(|finding| match finding.answer {
            Answer::Told(text) | Answer::CannotTell(text) => text,
        })
        .collect()
}
