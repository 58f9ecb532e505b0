//! Normalisation over the elements of one item.

use onnx_ir::node::instance_norm::InstanceNormalizationNode;
use onnx_ir::node::layer_norm::LayerNormalizationNode;

use super::{DeviceValue, Lowerer, Lowering, Unsupported, Value};
use crate::plan::Op;

impl Lowerer {
    /// (x - mean) / sqrt(variance + epsilon) * scale + shift over the last dimension.
    pub(super) fn layer_norm(&mut self, node: &LayerNormalizationNode) -> Lowering<Value> {
        let x = self.floats(&node.inputs[0])?;
        let last = x.shape.len().saturating_sub(1);
        let axis = node.config.axis;
        if axis != -1 && usize::try_from(axis) != Ok(last) {
            return Err(Unsupported::new(format!("axis {axis} of shape {:?}", x.shape)));
        }
        let width = x.shape.get(last..).unwrap_or_default().to_vec();
        let mut operands = vec![x, self.floats(&node.inputs[1])?];
        operands.extend(self.optional_floats(node.inputs.get(2))?);
        if let Some(odd) = operands[1..].iter().find(|weight| weight.shape != width) {
            return Err(Unsupported::new(format!(
                "weights of shape {:?}, expected {width:?}",
                odd.shape
            )));
        }
        let epsilon = node.config.epsilon;
        let shape = operands[0].shape.clone();
        Ok(self.step(Op::LayerNorm { epsilon }, &operands.iter().collect::<Vec<_>>(), shape))
    }

    /// The same over all positions of a channel: x [n, c, ..], scale and shift [c].
    pub(super) fn instance_norm(&mut self, node: &InstanceNormalizationNode) -> Lowering<Value> {
        let x = self.floats(&node.inputs[0])?;
        let &[n, c, ref positions @ ..] = x.shape.as_slice() else {
            return Err(Unsupported::new(format!("an input of shape {:?}", x.shape)));
        };
        let flat = vec![n, c, positions.iter().product()];
        let one = vec![n, c, 1];
        let mut per_channel = |input: usize| -> Lowering<DeviceValue> {
            let host = self.host(&node.inputs[input])?;
            if host.shape != [c] {
                return Err(Unsupported::new(format!(
                    "weights of shape {:?}, expected [{c}]",
                    host.shape
                )));
            }
            Ok(self.constant(host.reshaped(vec![1, c, 1])))
        };
        let (scale, shift) = (per_channel(1)?, per_channel(2)?);
        let flat_x = self.computed(Op::Reshape(flat.clone()), &[&x], flat.clone());
        let mean = self.computed(Op::MeanDim(2), &[&flat_x], one.clone());
        let centred = self.computed(Op::Sub, &[&flat_x, &mean], flat.clone());
        let squares = self.computed(Op::Mul, &[&centred, &centred], flat.clone());
        let variance = self.computed(Op::MeanDim(2), &[&squares], one.clone());
        let steadied = self.computed(Op::AddScalar(node.config.epsilon), &[&variance], one.clone());
        let spread = self.computed(Op::Sqrt, &[&steadied], one);
        let normal = self.computed(Op::Div, &[&centred, &spread], flat.clone());
        let scaled = self.computed(Op::Mul, &[&normal, &scale], flat.clone());
        let shifted = self.computed(Op::Add, &[&scaled, &shift], flat);
        Ok(self.step(Op::Reshape(x.shape.clone()), &[&shifted], x.shape.clone()))
    }
}
