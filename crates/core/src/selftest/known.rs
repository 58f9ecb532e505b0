//! Workloads whose truth is known.

use std::cell::Cell as Count;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::rc::Rc;

use async_trait::async_trait;
use bytes::Bytes;
use tare_record::{
    Cell, CellRequest, ClockFacts, EngineFacts, EngineName, EnvironmentKind, Memory, ModelFacts, ModelSource, Progress,
    Rules, Stage,
};

use crate::speed::chain;
use crate::tolerance::tolerance_of;
use crate::{
    Clock, Control, Engine, EngineError, Loaded, NamedTensor, Observer, Session, SessionFacts, Tensor, TensorData,
    Workload, calibrate, measure,
};

/// An engine whose runs do something that is known.
#[derive(Clone)]
pub(super) enum Known {
    /// Reads the clock until that time is over.
    Wait { clock: Rc<dyn Clock>, length_ns: u64 },
    /// Returns at once.
    Nothing,
    /// Computes for some tenths of a millisecond.
    Work,
    /// Gives another output after so many runs.
    WrongAfter { runs: u32, done: Rc<Count<u32>> },
}

impl Known {
    fn output(&self) -> f32 {
        match self {
            Known::Wait { clock, length_ns } => {
                let start_ns = clock.now_ns();
                while clock.now_ns().saturating_sub(start_ns) < *length_ns {}
                1.0
            }
            Known::Nothing => 1.0,
            Known::Work => {
                black_box(chain(black_box(1), 200_000));
                1.0
            }
            Known::WrongAfter { runs, done } => {
                done.set(done.get() + 1);
                if done.get() > *runs { 2.0 } else { 1.0 }
            }
        }
    }
}

fn named(name: &str, value: f32) -> NamedTensor {
    NamedTensor {
        name: name.into(),
        tensor: tensor(value),
    }
}

fn tensor(value: f32) -> Tensor {
    // One element in a shape of one element.
    Tensor::new(vec![1], TensorData::F32(vec![value])).unwrap_or_else(|_| unreachable!("the shape holds one element"))
}

#[async_trait(?Send)]
impl Engine for Known {
    fn facts(&self) -> EngineFacts {
        EngineFacts {
            name: EngineName::Tract,
            version: "self-test".into(),
            settings: BTreeMap::new(),
        }
    }

    async fn load(&self, _: Bytes, _: &[NamedTensor], _: &dyn Clock) -> Result<Loaded, EngineError> {
        Ok(Loaded {
            session: Box::new(self.clone()),
            phases: vec![],
        })
    }
}

#[async_trait(?Send)]
impl Session for Known {
    async fn run(&mut self, _: &[NamedTensor]) -> Result<Vec<Tensor>, EngineError> {
        Ok(vec![tensor(self.output())])
    }

    fn facts(&self) -> SessionFacts {
        SessionFacts::default()
    }
}

/// Measures a workload of known truth as a cell of a plan is measured. The error is that of a clock that cannot be used.
pub(super) async fn measured(engine: Known, clock: &dyn Clock, min_time_ms: u64) -> Result<(Cell, ClockFacts), String> {
    let facts = calibrate(clock).map_err(|error| error.to_string())?;
    let rules = Rules {
        min_time_ms,
        max_time_ms: min_time_ms,
        ..Rules::default()
    };
    Ok((measured_known(engine, clock, &facts, rules).await, facts))
}

/// Measures a workload of known truth by other rules than those of a plan.
pub(super) async fn measured_known(engine: Known, clock: &dyn Clock, facts: &ClockFacts, rules: Rules) -> Cell {
    let workload = Workload {
        model: ModelFacts {
            name: "known".into(),
            sha256: None,
            size_bytes: None,
        },
        bytes: Bytes::new(),
        inputs: vec![named("x", 1.0)],
        outputs: vec!["y".into()],
        composition: None,
        host_stage: None,
    };
    measured_on(&engine, &workload, &[named("y", 1.0)], clock, facts, rules).await
}

/// Measures any workload once, in one round.
pub(super) async fn measured_on(
    engine: &dyn Engine,
    workload: &Workload,
    reference: &[NamedTensor],
    clock: &dyn Clock,
    facts: &ClockFacts,
    rules: Rules,
) -> Cell {
    let name = workload.model.name.clone();
    let request = CellRequest {
        engine: engine.facts().name,
        environment: EnvironmentKind::Native,
        tolerance: tolerance_of(&name, &Default::default()),
        model: ModelSource::BuiltIn { name },
        shapes: BTreeMap::new(),
        seed: 0,
        threads: 1,
        vector_limit: None,
        relaxed_simd: false,
        wgsl: false,
        round: 1,
        runs_per_sample: None,
        rules: Rules {
            rounds: 1,
            min_warmup_ms: 1,
            ..rules
        },
        stage: Stage::Measure,
        reference: EngineName::Tract,
        clock: facts.clone(),
    };
    measure(&request, workload.clone(), engine, reference, vec![], clock, &mut Quiet)
        .await
        .0
}

struct Quiet;

impl Observer for Quiet {
    fn progress(&mut self, _: &Progress, _: &Cell) -> Control {
        Control::Continue
    }

    fn memory(&self) -> Memory {
        Memory::default()
    }
}

/// A clock that stands still.
pub(super) struct Frozen;

impl Clock for Frozen {
    fn now_ns(&self) -> u64 {
        1
    }

    fn source(&self) -> &'static str {
        "frozen"
    }
}
