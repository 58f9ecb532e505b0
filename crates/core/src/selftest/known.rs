//! Workloads whose duration or output is known.

use std::cell::Cell as Count;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::rc::Rc;

use async_trait::async_trait;
use bytes::Bytes;
use tare_record::{
    Cell, CellRequest, ClockInfo, EngineInfo, EngineName, EnvironmentKind, Failure, Memory, ModelInfo, ModelSource,
    Progress, Rules,
};

use crate::measure::cpu_calibration::chain;
use crate::tolerance_of;
use crate::{
    Clock, Control, Engine, Loaded, NamedTensor, Observer, Session, SessionInfo, Tensor, TensorData, Workload,
    calibrate, measure,
};

/// An engine whose runs have a known duration or output.
#[derive(Clone)]
pub(super) enum Known {
    /// Reads the clock until `duration_ns` has passed.
    Wait { clock: Rc<dyn Clock>, duration_ns: u64 },
    /// Returns at once.
    Nothing,
    /// Computes for some tenths of a millisecond.
    Work,
    /// Returns a wrong output after `runs` runs.
    WrongAfter { runs: u32, done: Rc<Count<u32>> },
}

impl Known {
    fn output(&self) -> f32 {
        match self {
            Known::Wait { clock, duration_ns } => {
                let start_ns = clock.now_ns();
                while clock.now_ns().saturating_sub(start_ns) < *duration_ns {}
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
    Tensor::new(vec![1], TensorData::F32(vec![value])).unwrap_or_else(|_| unreachable!("the shape holds one element"))
}

#[async_trait(?Send)]
impl Engine for Known {
    fn info(&self) -> EngineInfo {
        EngineInfo {
            name: EngineName::Tract,
            version: "self-test".into(),
            settings: BTreeMap::new(),
        }
    }

    async fn load(&self, _: Bytes, _: &[NamedTensor], _: &dyn Clock) -> Result<Loaded, Failure> {
        Ok(Loaded {
            session: Box::new(self.clone()),
            phases: vec![],
        })
    }
}

#[async_trait(?Send)]
impl Session for Known {
    async fn run(&mut self, _: &[NamedTensor]) -> Result<Vec<Tensor>, Failure> {
        Ok(vec![tensor(self.output())])
    }

    fn info(&self) -> SessionInfo {
        SessionInfo::default()
    }
}

/// Measures a known workload like a cell of a plan. Fails if the clock cannot be used.
pub(super) async fn measured(engine: Known, clock: &dyn Clock, min_time_ms: u64) -> Result<(Cell, ClockInfo), String> {
    let clock_info = calibrate(clock).map_err(|error| error.to_string())?;
    let rules = Rules {
        min_time_ms,
        max_time_ms: min_time_ms,
        ..Rules::default()
    };
    Ok((measured_known(engine, clock, &clock_info, rules).await, clock_info))
}

/// Measures a known workload under the given rules.
pub(super) async fn measured_known(engine: Known, clock: &dyn Clock, clock_info: &ClockInfo, rules: Rules) -> Cell {
    let workload = Workload {
        model: ModelInfo {
            name: "known".into(),
            sha256: None,
            size_bytes: None,
        },
        bytes: Bytes::new(),
        inputs: vec![named("x", 1.0)],
        outputs: vec!["y".into()],
        composition: None,
        post_processing: None,
        merged: vec![],
        accuracy: None,
    };
    measured_on(&engine, &workload, &[named("y", 1.0)], clock, clock_info, rules).await
}

/// Measures any workload in one round.
pub(super) async fn measured_on(
    engine: &dyn Engine,
    workload: &Workload,
    reference: &[NamedTensor],
    clock: &dyn Clock,
    clock_info: &ClockInfo,
    rules: Rules,
) -> Cell {
    let name = workload.model.name.clone();
    let tolerance = tolerance_of(&name, None, &Default::default());
    let model = ModelSource::BuiltIn { name };
    let request = CellRequest {
        rules: Rules {
            rounds: 1,
            min_warmup_ms: 1,
            ..rules
        },
        tolerance,
        ..CellRequest::new(engine.info().name, EnvironmentKind::Native, model, clock_info.clone())
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
