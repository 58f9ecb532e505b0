//! What tests of loads simulate: a clock, and a model of one number for each item.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::cell::Cell as Slot;
use std::rc::Rc;

use bytes::Bytes;
use tare_record::{Cell, ClockInfo, Memory, ModelInfo, Progress};

use crate::{Clock, Control, NamedTensor, Observer, Tensor, TensorData, Workload};

pub(super) const MS: u64 = 1_000_000;

/// Every reading takes this long, so that waiting ends.
pub(super) const READ_NS: u64 = 200;

/// A clock that moves when it is read, and when an engine moves it.
#[derive(Clone, Default)]
pub(super) struct SimulatedClock(pub(super) Rc<Slot<u64>>);

impl Clock for SimulatedClock {
    fn now_ns(&self) -> u64 {
        self.0.set(self.0.get() + READ_NS);
        self.0.get()
    }

    fn source(&self) -> &'static str {
        "simulated"
    }
}

pub(super) fn clock_info() -> ClockInfo {
    ClockInfo {
        source: "simulated".into(),
        granularity_ns: READ_NS,
        read_cost_ns: READ_NS,
    }
}

pub(super) struct Quiet;

impl Observer for Quiet {
    fn progress(&mut self, _: &Progress, _: &Cell) -> Control {
        Control::Continue
    }

    fn memory(&self) -> Memory {
        Memory::default()
    }
}

/// A tensor of shape [items].
pub(super) fn items(name: &str, values: Vec<f32>) -> NamedTensor {
    NamedTensor {
        name: name.into(),
        tensor: Tensor::new(vec![values.len()], TensorData::F32(values)).unwrap(),
    }
}

/// A model of `count` items, from x to y.
pub(super) fn workload(count: usize) -> Workload {
    Workload {
        model: ModelInfo {
            name: "simulated".into(),
            sha256: None,
            size_bytes: None,
        },
        bytes: Bytes::new(),
        inputs: vec![items("x", vec![1.0; count])],
        outputs: vec!["y".into()],
        composition: None,
        post_processing: None,
        merged: vec![],
        accuracy: None,
    }
}
