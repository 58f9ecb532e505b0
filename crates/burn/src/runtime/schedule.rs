//! The order in which a program's steps run, and when values are freed.

use burn_backend::ops::FloatTensorOps as _;
use burn_backend::{DType, FloatDType, TensorMetadata};
use burn_dispatch::{Dispatch, DispatchTensor};
use half::f16;
use tare_core::Clock;
use tare_record::Failure;

use super::device::OpenedDevice;
use super::program::{Operands, Slot, Step, run};
use super::work::{Stored, Work, work};

/// Runs steps over a list of values in which constants and inputs are set. Each value that does not
/// outlive the run is dropped at its last use.
pub(crate) struct Schedule {
    steps: Vec<(Step, Vec<bool>)>,
    slots: usize,
    /// How floats are stored.
    floats: FloatDType,
}

impl Schedule {
    /// `kept` lists the slots that outlive a run: constants and outputs.
    pub(crate) fn new(steps: Vec<Step>, slots: usize, kept: &[Slot], floats: FloatDType) -> Self {
        let mut seen = vec![false; slots];
        for &slot in kept {
            seen[slot] = true;
        }
        let mut scheduled: Vec<(Step, Vec<bool>)> = Vec::with_capacity(steps.len());
        for mut step in steps.into_iter().rev() {
            if floats == FloatDType::F16 {
                step.op = step.op.within(f16::MAX.to_f64());
            }
            // Going backwards, the first use found is the last one. If a step uses a value twice,
            // that is its last operand.
            let mut last = vec![false; step.inputs.len()];
            for (index, &slot) in step.inputs.iter().enumerate().rev() {
                last[index] = !std::mem::replace(&mut seen[slot], true);
            }
            scheduled.push((step, last));
        }
        scheduled.reverse();
        Self {
            steps: scheduled,
            slots,
            floats,
        }
    }

    pub(crate) fn slots(&self) -> usize {
        self.slots
    }

    /// Number of steps.
    pub(crate) fn len(&self) -> usize {
        self.steps.len()
    }

    /// Position of the graph's node that a step is part of.
    pub(crate) fn node(&self, step: usize) -> usize {
        self.steps[step].0.node
    }

    /// How a step's operands are stored. All steps before it must have run, and it must not.
    fn operands(&self, step: usize, values: &[Option<DispatchTensor>]) -> Vec<Stored> {
        let operands = self.steps[step].0.inputs.iter();
        operands.map(|&slot| stored(values[slot].as_ref())).collect()
    }

    /// Runs one step, and returns how long it takes until the device has finished it, and its work.
    pub(crate) async fn timed_step(
        &self,
        step: usize,
        values: &mut [Option<DispatchTensor>],
        clock: &dyn Clock,
        device: &OpenedDevice,
    ) -> Result<(u64, Work), Failure> {
        let operands = self.operands(step, values);
        let start_ns = clock.now_ns();
        self.step(step, values);
        device.wait().await?;
        let duration_ns = clock.now_ns().saturating_sub(start_ns);
        let step = &self.steps[step].0;
        let result = stored(values[step.output].as_ref());
        Ok((duration_ns, work(&step.op, &operands, &result)))
    }

    /// Runs all steps. Panics if a step reads a value that no step has made; lowering rules that
    /// out.
    pub(crate) fn run(&self, values: &mut [Option<DispatchTensor>]) {
        for step in 0..self.steps.len() {
            self.step(step, values);
        }
    }

    /// Runs one step. All steps before it must have run.
    pub(crate) fn step(&self, step: usize, values: &mut [Option<DispatchTensor>]) {
        let (step, last) = &self.steps[step];
        let operands = step.inputs.iter().zip(last).map(|(&slot, &last)| {
            let value = if last {
                values[slot].take()
            } else {
                values[slot].clone()
            };
            value.unwrap_or_else(|| unreachable!("lowering orders values before their uses"))
        });
        let operands: Operands = operands.collect();
        let result = run(&step.op, operands);
        // Steps that make floats of integers, or of tests, make f32.
        let is_wide = self.floats != FloatDType::F32 && result.dtype() == DType::F32;
        values[step.output] = Some(if is_wide {
            Dispatch::float_cast(result, self.floats)
        } else {
            result
        });
    }
}

fn stored(tensor: Option<&DispatchTensor>) -> Stored {
    tensor.map_or_else(Stored::default, |tensor| Stored {
        shape: tensor.shape().to_vec(),
        element_bytes: tensor.dtype().size() as u64,
    })
}

#[cfg(test)]
mod tests {
    use super::super::program::Op;
    use super::*;

    #[test]
    fn values_are_dropped_at_their_last_use() {
        let step = |inputs: &[Slot], output| Step {
            op: Op::Add,
            inputs: inputs.to_vec(),
            output,
            node: 0,
        };
        // Slot 0 is a constant, slot 3 the output.
        let steps = vec![step(&[0, 1], 2), step(&[2, 2], 3), step(&[1, 0], 4)];
        let schedule = Schedule::new(steps, 5, &[0, 3], FloatDType::F32);
        let last: Vec<Vec<bool>> = schedule.steps.iter().map(|(_, last)| last.clone()).collect();
        assert_eq!(last, [vec![false, false], vec![false, true], vec![true, false]]);
    }
}
