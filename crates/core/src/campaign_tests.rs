#![allow(clippy::unwrap_used, reason = "a test that unwraps has its proof in passing")]

use tare_record::{ClockFacts, Machine, MachineSpeed, Plan, Rules, Tool, WarningKind};

use super::*;
use crate::{Tensor, TensorData};

/// Answers every request at once; the machine takes the next of `speeds` around each measured cell, the last for ever.
struct FakeHost {
    speeds: Vec<(u64, u64)>,
    cancel_after: usize,
    /// Model and engine of every request that was carried out.
    carried_out: Vec<(String, Stage)>,
}

impl FakeHost {
    fn measured(&self) -> usize {
        self.carried_out
            .iter()
            .filter(|(_, stage)| *stage == Stage::Measure)
            .count()
    }
}

#[async_trait(?Send)]
impl Host for FakeHost {
    async fn execute(&mut self, request: &CellRequest, _: &Attachments, _: &mut Watch<'_>) -> Reply {
        let name = format!("{} on {}", request.model.display_name(), request.engine);
        let measured = self.measured();
        self.carried_out.push((name, request.stage));
        match request.stage {
            Stage::Reference => {
                let tensor = Tensor::new(vec![1], TensorData::F32(vec![1.0])).unwrap();
                let named = NamedTensor {
                    name: "x".into(),
                    tensor,
                };
                Reply {
                    event: Event::Reference {
                        inputs: vec![named.facts()],
                        outputs: vec![named.facts()],
                    },
                    tensors: bundle::encode(&[named.clone(), named]),
                }
            }
            Stage::Measure => {
                let mut cell = not_measured(request, Status::Measured);
                let (before_ns, after_ns) = self.speeds[measured.min(self.speeds.len() - 1)];
                cell.speed = Some(MachineSpeed { before_ns, after_ns });
                cell.samples_ns = vec![measured as u64 + 1];
                Reply {
                    event: Event::Done { cell: Box::new(cell) },
                    tensors: vec![],
                }
            }
        }
    }

    async fn model(&mut self, name: &str) -> Result<(ModelSource, Option<Rc<Vec<u8>>>), Failure> {
        if name == "absent" {
            return Err(no_reference(String::new()));
        }
        Ok((ModelSource::BuiltIn { name: name.into() }, None))
    }

    fn cancelled(&self) -> bool {
        self.measured() >= self.cancel_after
    }

    fn environment(&self) -> EnvironmentKind {
        EnvironmentKind::Native
    }

    fn default_engines(&mut self) -> (Vec<EngineName>, Option<Warning>) {
        (vec![EngineName::Tract], None)
    }
}

struct NoSink;

impl Sink for NoSink {
    fn save(&mut self, _: &Record) {}
    fn progress(&mut self, _: &CellRequest, _: &Progress, _: &Cell) {}
    fn tensors(&mut self, _: &CellRequest, _: &[NamedTensor], _: &[NamedTensor]) {}
}

/// Runs a plan of two engines for each model.
fn run(models: &[&str], seed: u64, speeds: &[(u64, u64)], cancel_after: usize) -> (Record, FakeHost) {
    let cells = models.iter().map(|model| CellPlan {
        tolerance: Default::default(),
        model: (*model).to_owned(),
        engines: vec![EngineName::Tract, EngineName::BurnFlex],
        shapes: BTreeMap::new(),
        threads: vec![1],
    });
    let mut record = Record {
        schema: tare_record::SCHEMA.into(),
        tool: Tool {
            version: String::new(),
            git_revision: None,
            build_profile: String::new(),
            target: String::new(),
            target_features: vec![],
        },
        created: String::new(),
        command: String::new(),
        complete: false,
        machine: Machine {
            kind: EnvironmentKind::Native,
            os: String::new(),
            logical_cores: 1,
            native: None,
            browser: None,
        },
        clock: ClockFacts {
            source: String::new(),
            granularity_ns: 1,
            read_cost_ns: 1,
        },
        plan: Plan {
            name: String::new(),
            description: String::new(),
            seed,
            rules: Rules::default(),
            cells: cells.collect(),
        },
        cells: vec![],
        warnings: vec![],
    };
    let mut host = FakeHost {
        speeds: speeds.to_vec(),
        cancel_after,
        carried_out: vec![],
    };
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let mut sink = NoSink;
    let mut future = Box::pin(run_plan(&mut record, None, &mut host, &mut sink));
    assert!(future.as_mut().poll(&mut context).is_ready(), "nothing in it waits");
    drop(future);
    (record, host)
}

const STEADY: [(u64, u64); 1] = [(100, 101)];

#[test]
fn cells_are_measured_in_a_seeded_order_and_recorded_in_the_plans() {
    let models = ["a", "b", "c", "d"];
    let order = |seed| run(&models, seed, &STEADY, usize::MAX).1.carried_out;
    assert_eq!(order(1), order(1));
    assert_ne!(order(1), order(2));
    let (record, host) = run(&models, 1, &STEADY, usize::MAX);
    let found: Vec<String> = record
        .cells
        .iter()
        .map(|cell| format!("{} {}", cell.model.name, cell.engine.name))
        .collect();
    let expected: Vec<String> = models
        .iter()
        .flat_map(|model| ["tract", "burn-flex"].map(|engine| format!("{model} {engine}")))
        .collect();
    assert_eq!(found, expected);
    assert!(record.complete);
    assert_eq!(host.carried_out.len(), 4 + 8, "one reference a model");
}

#[test]
fn a_cell_during_which_the_machine_changed_is_measured_once_more() {
    for (speeds, measured, flagged) in [
        (vec![(100, 105), (100, 100)], 2, 0),
        (vec![(100, 150), (100, 100)], 3, 0),
        (vec![(100, 150), (100, 120), (100, 100)], 3, 1),
        (vec![(0, 0)], 2, 0),
    ] {
        let (record, host) = run(&["a"], 1, &speeds, usize::MAX);
        assert_eq!(host.measured(), measured, "{speeds:?}");
        let warnings: Vec<&Warning> = record.cells.iter().flat_map(|cell| &cell.warnings).collect();
        assert_eq!(warnings.len(), flagged, "{speeds:?}");
        for warning in warnings {
            assert_eq!(warning.kind, WarningKind::ChangedSpeed);
            assert!(
                warning.message.contains("20 % slower"),
                "the steadier one is kept: {}",
                warning.message
            );
        }
    }
}

#[test]
fn cancelling_keeps_what_was_measured() {
    let (record, host) = run(&["a", "b"], 1, &STEADY, 1);
    assert!(!record.complete);
    let count = |status: &Status| record.cells.iter().filter(|cell| cell.status == *status).count();
    assert_eq!((count(&Status::Measured), count(&Status::Cancelled)), (1, 3));
    assert_eq!(host.measured(), 1);
}

#[test]
fn a_model_that_is_not_there_fails_its_cells_and_the_others_go_on() {
    let (record, _) = run(&["absent", "a"], 1, &STEADY, usize::MAX);
    let statuses: Vec<bool> = record
        .cells
        .iter()
        .map(|cell| cell.status == Status::Measured)
        .collect();
    assert_eq!(statuses, [false, false, true, true]);
}
