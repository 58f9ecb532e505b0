//! Sums, means and maxima over dimensions.

use onnx_ir::Argument;
use onnx_ir::node::reduce::{ReduceAxes, ReduceConfig};

use super::movement::resolve_axes;
use super::{DeviceValue, Lowerer, Lowering, Unsupported, Value};
use crate::plan::Op;

impl Lowerer {
    /// Reduces one dimension after the other by `op`, which keeps each with length 1.
    pub(super) fn reduce(
        &mut self,
        op: fn(usize) -> Op,
        config: &ReduceConfig,
        inputs: &[Argument],
    ) -> Lowering<Value> {
        let x = self.floats(&inputs[0])?;
        self.reduced(x, op, config, inputs)
    }

    /// The sum of the squares.
    pub(super) fn reduce_squares(&mut self, config: &ReduceConfig, inputs: &[Argument]) -> Lowering<Value> {
        let x = self.floats(&inputs[0])?;
        let squares = self.computed(Op::Mul, &[&x, &x], x.shape.clone());
        self.reduced(squares, Op::SumDim, config, inputs)
    }

    /// The sum of what `before` makes of each element.
    pub(super) fn reduce_mapped(&mut self, before: Op, config: &ReduceConfig, inputs: &[Argument]) -> Lowering<Value> {
        let x = self.floats(&inputs[0])?;
        let mapped = self.computed(before, &[&x], x.shape.clone());
        self.reduced(mapped, Op::SumDim, config, inputs)
    }

    /// What `after` makes of a reduced value.
    pub(super) fn then(&mut self, reduced: Value, after: Op) -> Lowering<Value> {
        let x = self.device(reduced)?;
        Ok(self.step(after, &[&x], x.shape.clone()))
    }

    fn reduced(
        &mut self,
        mut x: DeviceValue,
        op: fn(usize) -> Op,
        config: &ReduceConfig,
        inputs: &[Argument],
    ) -> Lowering<Value> {
        if x.shape.contains(&0) {
            return Err(Unsupported::new(format!("shape {:?}, which has no elements,", x.shape)));
        }
        let rank = x.shape.len();
        let mut axes = match &config.axes {
            ReduceAxes::Static(axes) => axes.clone(),
            ReduceAxes::Runtime(reference) => resolve_axes(&self.host_integers(&inputs[reference.input_index])?, rank)?,
        };
        if axes.is_empty() {
            if config.noop_with_empty_axes {
                return Ok(Value::Device(x));
            }
            axes = (0..rank).collect();
        }
        if let Some(axis) = axes.iter().find(|&&axis| axis >= rank) {
            return Err(Unsupported::new(format!("dimension {axis} of shape {:?}", x.shape)));
        }
        let mut shape = x.shape.clone();
        for &axis in &axes {
            shape[axis] = 1;
            x = self.computed(op(axis), &[&x], shape.clone());
        }
        if !config.keepdims {
            let kept = (0..rank).filter(|axis| !axes.contains(axis));
            shape = kept.map(|axis| shape[axis]).collect();
        }
        Ok(self.reshaped(Value::Device(x), shape))
    }
}
