//! An executor that answers at once, and an observer that counts.

use super::*;

/// Answers every request at once. Each measured round takes the next calibration of `speeds`. The
/// last one repeats forever. Clones share their state.
#[derive(Clone)]
pub(super) struct FakeExecutor {
    pub(super) environment: EnvironmentKind,
    pub(super) state: Rc<RefCell<State>>,
}

pub(super) struct State {
    /// Duration of every round.
    pub(super) round_ns: u64,
    pub(super) speeds: Vec<(u64, u64)>,
    pub(super) cancel_after: usize,
    /// Numbers of the rounds that are lost in a browser.
    pub(super) lost_rounds: Vec<usize>,
    /// Model and engine of every request that was carried out.
    pub(super) carried_out: Vec<(String, RequestKind)>,
}

fn failure_of(kind: FailureKind) -> Failure {
    Failure::new(kind, format!("{kind:?}"))
}

impl FakeExecutor {
    pub(super) fn carried_out(&self) -> Vec<(String, RequestKind)> {
        self.state.borrow().carried_out.clone()
    }

    pub(super) fn measured(&self) -> usize {
        let state = self.state.borrow();
        state
            .carried_out
            .iter()
            .filter(|(_, stage)| *stage == RequestKind::Measure)
            .count()
    }
}

#[async_trait(?Send)]
impl Executor for FakeExecutor {
    async fn execute(&mut self, request: &CellRequest, _: &Attachments, _: &mut OnProgress<'_>) -> Reply {
        let name = format!("{} on {}", request.model.display_name(), request.engine);
        let measured = self.measured();
        self.state.borrow_mut().carried_out.push((name, request.kind));
        // The name of a model decides which engines fail and how.
        let fails = match request.model.display_name() {
            "bad for tract" => (request.engine == EngineName::Tract).then_some(FailureKind::Unsupported),
            "bad for both" => Some(FailureKind::Unsupported),
            "no model" => Some(FailureKind::Model),
            _ => None,
        };
        match request.kind {
            RequestKind::Reference if let Some(kind) = fails => Reply {
                event: Event::NoReference {
                    failure: failure_of(kind),
                },
                tensors: vec![],
            },
            RequestKind::Reference => {
                let tensor = Tensor::new(vec![1], TensorData::F32(vec![1.0])).unwrap();
                let named = NamedTensor {
                    name: "x".into(),
                    tensor,
                };
                Reply {
                    event: Event::Reference {
                        inputs: vec![named.info()],
                        outputs: vec![named.info()],
                        accuracy: None,
                    },
                    tensors: tensor_codec::encode(&[named.clone(), named]),
                }
            }
            RequestKind::Measure => {
                let state = self.state.borrow();
                if self.environment == EnvironmentKind::Browser && state.lost_rounds.contains(&request.round) {
                    let failure = Failure::new(FailureKind::Lost, "the browser died");
                    return Reply::unfinished(request, failure, false, None);
                }
                let mut cell = not_measured(request, Status::Measured);
                let (before_ns, after_ns) = state.speeds[measured.min(state.speeds.len() - 1)];
                cell.calibration = Some(CpuCalibration { before_ns, after_ns });
                cell.samples_ns = vec![measured as u64 + 1];
                cell.runs_per_sample = request.runs_per_sample.unwrap_or(3);
                cell.phases.push(Phase {
                    name: PhaseName::Steady,
                    duration_ns: state.round_ns,
                });
                Reply {
                    event: Event::Done { cell: Box::new(cell) },
                    tensors: vec![],
                }
            }
        }
    }

    async fn model(&mut self, name: &str) -> Result<(ModelSource, Option<Bytes>), Failure> {
        if name == "absent" {
            return Err(failure_of(FailureKind::Model));
        }
        Ok((ModelSource::BuiltIn { name: name.into() }, None))
    }

    fn stopped(&self) -> Option<String> {
        (self.measured() >= self.state.borrow().cancel_after).then(|| "the run was canceled".into())
    }

    fn environment(&self) -> EnvironmentKind {
        self.environment
    }

    fn default_engines(&mut self) -> (Vec<EngineName>, Option<Warning>) {
        (vec![EngineName::Tract], None)
    }
}

/// Counts the cells that ended.
#[derive(Default)]
pub(super) struct CountingObserver {
    pub(super) ended: usize,
    pub(super) started: Vec<PlanProgress>,
}

impl PlanObserver for CountingObserver {
    fn record_updated(&mut self, _: &str, _: &Record) {}
    fn round_started(&mut self, progress: PlanProgress) {
        self.started.push(progress);
    }
    fn cell_progress(&mut self, _: &str, _: &CellRequest, _: &Progress, _: &Cell) {}
    fn cell_ended(&mut self, _: &str, _: &Cell) {
        self.ended += 1;
    }
    fn note(&mut self, _: &str, _: &str) {}
    fn tensors(&mut self, _: &str, _: &CellRequest, _: &[NamedTensor], _: &[NamedTensor]) {}
}
