#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::cell::{Cell as Slot, RefCell};
use std::rc::Rc;

use async_trait::async_trait;
use tare_record::{
    ClockInfo, EngineInfo, EngineName, EnvironmentKind, Failure, FailureKind, ModelInfo, ModelSource, PhaseName, Rules,
};

use super::*;
use crate::tolerance_of;
use crate::{Loaded, NodeRun, PostProcessing, ProfiledRun, Random, Session, SessionInfo, TensorData};

mod profiled;

/// A clock that only the engine advances. It shows multiples of `granularity_ns`.
struct FakeClock {
    time_ns: Rc<Slot<u64>>,
    granularity_ns: u64,
}

impl Clock for FakeClock {
    fn now_ns(&self) -> u64 {
        self.time_ns.get() / self.granularity_ns * self.granularity_ns
    }

    fn source(&self) -> &'static str {
        "fake"
    }
}

/// Each run takes the next duration of `runs_ns` and returns the next of `outputs`. The last ones
/// repeat forever.
#[derive(Clone)]
struct FakeEngine {
    time_ns: Rc<Slot<u64>>,
    runs_ns: Vec<u64>,
    outputs: Vec<Result<f32, Failure>>,
    tuning_ends_after: usize,
    runs: Rc<RefCell<usize>>,
    /// Durations of the nodes of a profiled run. Without any, runs cannot be profiled.
    nodes_ns: Vec<u64>,
}

/// What a profiled run takes beside its nodes.
const BESIDE_NS: u64 = 50;

/// How long the fake engine prepares for a profiled run.
const PREPARATION_NS: u64 = 9_000;

#[async_trait(?Send)]
impl Engine for FakeEngine {
    fn info(&self) -> EngineInfo {
        EngineInfo {
            name: EngineName::Tract,
            version: "0".into(),
            settings: Default::default(),
        }
    }

    async fn load(&self, _: Bytes, _: &[NamedTensor], clock: &dyn Clock) -> Result<Loaded, Failure> {
        let start_ns = clock.now_ns();
        self.time_ns.set(self.time_ns.get() + 5_000);
        Ok(Loaded {
            session: Box::new(self.clone()),
            phases: vec![clock.phase_since(start_ns, PhaseName::Parse)],
        })
    }
}

#[async_trait(?Send)]
impl Session for FakeEngine {
    async fn run(&mut self, _: &[NamedTensor]) -> Result<Vec<Tensor>, Failure> {
        let run = *self.runs.borrow();
        *self.runs.borrow_mut() += 1;
        self.time_ns
            .set(self.time_ns.get() + self.runs_ns[run.min(self.runs_ns.len() - 1)]);
        let output = self.outputs[run.min(self.outputs.len() - 1)].clone()?;
        Ok(vec![Tensor::new(vec![1], TensorData::F32(vec![output])).unwrap()])
    }

    fn info(&self) -> SessionInfo {
        SessionInfo {
            threads: 1,
            vector_level: "none".into(),
            ..SessionInfo::default()
        }
    }

    async fn profiled_run(&mut self, inputs: &[NamedTensor], _: &dyn Clock) -> Result<Option<ProfiledRun>, Failure> {
        if self.nodes_ns.is_empty() {
            return Ok(None);
        }
        self.runs_ns = vec![self.nodes_ns.iter().sum::<u64>() + BESIDE_NS + PREPARATION_NS];
        let outputs = self.run(inputs).await?;
        let numbered = self.nodes_ns.iter().enumerate();
        let nodes = numbered.map(|(number, &duration_ns)| NodeRun {
            name: format!("node {number}"),
            operator: "Fake".into(),
            multiply_accumulates: 1,
            bytes: 2,
            duration_ns,
        });
        Ok(Some(ProfiledRun {
            outputs,
            nodes: nodes.collect(),
            preparation_ns: PREPARATION_NS,
        }))
    }

    fn tuning_complete(&mut self, _: u64) -> bool {
        *self.runs.borrow() > self.tuning_ends_after
    }
}

struct Watch {
    calls: usize,
    cancel_at: usize,
}

impl Observer for Watch {
    fn progress(&mut self, _: &Progress, _: &Cell) -> Control {
        self.calls += 1;
        if self.calls >= self.cancel_at {
            Control::Cancel
        } else {
            Control::Continue
        }
    }

    fn memory(&self) -> Memory {
        Memory {
            resident_peak_bytes: Some(1),
            ..Memory::default()
        }
    }
}

struct Case {
    runs_ns: Vec<u64>,
    outputs: Vec<Result<f32, Failure>>,
    tuning_ends_after: usize,
    granularity_ns: u64,
    rules: Rules,
    cancel_at: usize,
    nodes_ns: Vec<u64>,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            runs_ns: vec![1_000_000],
            outputs: vec![Ok(2.0)],
            tuning_ends_after: 0,
            granularity_ns: 1,
            rules: Rules {
                min_time_ms: 10,
                min_samples: 5,
                min_warmup_runs: 2,
                min_warmup_ms: 3,
                ..Rules::default()
            },
            cancel_at: usize::MAX,
            nodes_ns: vec![],
        }
    }
}

fn check(case: Case) -> Cell {
    let time_ns = Rc::new(Slot::new(1_000));
    let engine = FakeEngine {
        time_ns: time_ns.clone(),
        runs_ns: case.runs_ns,
        outputs: case.outputs,
        tuning_ends_after: case.tuning_ends_after,
        runs: Rc::default(),
        nodes_ns: case.nodes_ns,
    };
    let request = CellRequest {
        rules: case.rules,
        tolerance: tolerance_of("known", None, &Default::default()),
        ..CellRequest::new(
            EngineName::Tract,
            EnvironmentKind::Native,
            ModelSource::BuiltIn { name: "fake".into() },
            ClockInfo {
                source: "fake".into(),
                granularity_ns: case.granularity_ns,
                read_cost_ns: 1,
            },
        )
    };
    let tensor = |value| Tensor::new(vec![1], TensorData::F32(vec![value])).unwrap();
    let workload = Workload {
        model: ModelInfo {
            name: "fake".into(),
            sha256: None,
            size_bytes: None,
        },
        outputs: vec!["y".into()],
        composition: None,
        post_processing: Some(PostProcessing {
            name: "count",
            run: <[NamedTensor]>::len,
        }),
        merged: vec![],
        accuracy: None,
        bytes: Bytes::new(),
        inputs: vec![NamedTensor {
            name: "x".into(),
            tensor: tensor(1.0),
        }],
    };
    let reference = [NamedTensor {
        name: "y".into(),
        tensor: tensor(2.0),
    }];
    let clock = FakeClock {
        time_ns,
        granularity_ns: case.granularity_ns,
    };
    let mut watch = Watch {
        calls: 0,
        cancel_at: case.cancel_at,
    };
    pollster::block_on(measure(
        &request,
        workload,
        &engine,
        &reference,
        vec![],
        &clock,
        &mut watch,
    ))
    .0
}

fn phase_ns(cell: &Cell, name: PhaseName) -> Option<u64> {
    cell.phases
        .iter()
        .find(|phase| phase.name == name)
        .map(|phase| phase.duration_ns)
}

#[test]
fn phases_are_timed_separately() {
    let cell = check(Case {
        runs_ns: vec![9_000_000, 7_000_000, 2_000_000, 1_000_000],
        tuning_ends_after: 1,
        ..Case::default()
    });
    assert_eq!(cell.status, Status::Measured, "{cell:?}");
    assert_eq!(phase_ns(&cell, PhaseName::Parse), Some(5_000));
    assert_eq!(phase_ns(&cell, PhaseName::FirstRun), Some(9_000_000));
    assert_eq!(phase_ns(&cell, PhaseName::Tuning), Some(7_000_000));
    assert_eq!(phase_ns(&cell, PhaseName::WarmUp), Some(3_000_000));
    assert_eq!(cell.samples_ns, vec![1_000_000; 10]);
    let stage = cell.post_processing.unwrap();
    assert_eq!((stage.name.as_str(), stage.results), ("count", 1));
    assert!(stage.rounds[0].samples_ns.len() >= 10);
}

#[test]
fn sampling_goes_on_until_both_time_and_count_are_met() {
    let long = check(Case {
        runs_ns: vec![20_000_000],
        ..Case::default()
    });
    assert_eq!(long.samples_ns.len(), 5, "the count decides if runs are long");
    let rules = Rules {
        max_samples: 7,
        min_samples: 5,
        ..Case::default().rules
    };
    let capped = check(Case {
        runs_ns: vec![1_000],
        rules,
        ..Case::default()
    });
    assert_eq!(capped.samples_ns.len(), 7, "the maximum count ends sampling");
}

#[test]
fn sampling_goes_on_until_the_median_is_precise_or_time_is_up() {
    // Between 1 and 2 ms, so that a few samples are not precise.
    let mut random = Random::new(1, "noise");
    let runs_ns: Vec<u64> = (0..4000).map(|_| 1_000_000 + random.below(1_000_000)).collect();
    let samples = |precision_percent, max_time_ms| {
        let rules = Rules {
            precision_percent,
            max_time_ms,
            max_samples: 4000,
            ..Case::default().rules
        };
        let cell = check(Case {
            runs_ns: runs_ns.clone(),
            rules,
            ..Case::default()
        });
        cell.samples_ns.len()
    };
    let (precise, coarse) = (samples(2, 60_000), samples(10, 60_000));
    assert!(
        (400..2000).contains(&precise) && (10..100).contains(&coarse),
        "{precise}, {coarse}"
    );
    let timed_out = samples(0, 60);
    assert!((35..=45).contains(&timed_out), "{timed_out}");
}

#[test]
fn a_coarse_clock_makes_samples_of_many_runs() {
    for granularity_ns in [5_000, 100_000, 1_000_000] {
        let cell = check(Case {
            runs_ns: vec![30_000],
            granularity_ns,
            ..Case::default()
        });
        assert_eq!(cell.status, Status::Measured);
        let runs = u64::from(cell.runs_per_sample);
        assert!(runs * 30_000 >= granularity_ns * 100, "{granularity_ns}: {runs}");
        for sample_ns in &cell.samples_ns {
            assert!(
                sample_ns.abs_diff(runs * 30_000) <= granularity_ns,
                "{granularity_ns}: {sample_ns}"
            );
        }
    }
}

#[test]
fn every_run_is_verified_and_counted_by_digest() {
    let cell = check(Case {
        outputs: vec![Ok(2.0), Ok(2.0), Ok(2.0), Ok(2.0), Ok(2.0), Ok(2.000_1), Ok(2.0)],
        ..Case::default()
    });
    let verification = cell.verification.unwrap();
    let counts: Vec<u64> = verification.digests.iter().map(|digest| digest.runs).collect();
    assert_eq!(counts, [9, 1]);
    assert!(
        verification.outputs[0].drift.max_abs > 9e-5,
        "the largest drift over all runs is kept"
    );
}

#[test]
fn a_failure_keeps_what_was_measured() {
    let broken = Failure::new(FailureKind::Run, "kernel panicked").with_hint("try again");
    for (outputs, kind, samples) in [
        (vec![Ok(7.0)], FailureKind::Output, 0),
        (vec![Ok(f32::NAN)], FailureKind::Output, 0),
        // The first run, three warm-up runs, two samples, then a wrong output.
        (
            vec![Ok(2.0), Ok(2.0), Ok(2.0), Ok(2.0), Ok(2.0), Ok(2.0), Ok(3.0)],
            FailureKind::Output,
            2,
        ),
        (vec![Ok(2.0), Err(broken)], FailureKind::Run, 0),
    ] {
        let cell = check(Case {
            outputs,
            ..Case::default()
        });
        let Status::Failed(failure) = &cell.status else {
            panic!("{:?}", cell.status)
        };
        assert_eq!((failure.kind, cell.samples_ns.len()), (kind, samples), "{failure:?}");
    }
}

#[test]
fn a_cell_ends_at_its_limit_and_keeps_its_samples() {
    let rules = Rules {
        cell_limit_s: 1,
        min_time_ms: 60_000,
        min_samples: 100,
        ..Case::default().rules
    };
    let cell = check(Case {
        runs_ns: vec![100_000_000],
        rules,
        ..Case::default()
    });
    let Status::TimedOut(failure) = &cell.status else {
        panic!("{:?}", cell.status)
    };
    assert_eq!(failure.kind, FailureKind::TimeLimit);
    assert!(
        failure.message.contains("limit of 1 s during sampling"),
        "{}",
        failure.message
    );
    assert_eq!(cell.samples_ns.len(), 7);
}

#[test]
fn cancelling_keeps_samples() {
    let rules = Rules {
        min_time_ms: 60_000,
        ..Case::default().rules
    };
    let cell = check(Case {
        runs_ns: vec![100_000_000],
        rules,
        cancel_at: 4,
        ..Case::default()
    });
    assert_eq!(cell.status, Status::Cancelled);
    assert!(!cell.samples_ns.is_empty());
}

#[test]
fn a_frozen_clock_is_a_failure() {
    let cell = check(Case {
        runs_ns: vec![0],
        ..Case::default()
    });
    let Status::Failed(failure) = &cell.status else {
        panic!("{:?}", cell.status)
    };
    assert_eq!(failure.kind, FailureKind::Clock, "{failure:?}");
}
