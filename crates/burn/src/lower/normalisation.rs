//! Normalisation over the elements of one item.

use onnx_ir::node::instance_norm::InstanceNormalizationNode;
use onnx_ir::node::layer_norm::LayerNormalizationNode;

use super::movement::resolve_axes;
use super::{DeviceValue, Lowerer, Lowering, Unsupported, Value};
use crate::plan::Op;

impl Lowerer {
    /// (x - mean) / sqrt(variance + epsilon) * scale + shift over the dimensions from `axis` on.
    pub(super) fn layer_norm(&mut self, node: &LayerNormalizationNode) -> Lowering<Value> {
        let x = self.floats(&node.inputs[0])?;
        let shape = x.shape.clone();
        let axis = resolve_axes(&[node.config.axis], shape.len())?;
        let axis = axis.first().copied().unwrap_or(0);
        let mut operands = vec![x, self.floats(&node.inputs[1])?];
        operands.extend(self.optional_floats(node.inputs.get(2))?);
        if let Some(odd) = operands[1..].iter().find(|weight| weight.shape != shape[axis..]) {
            return Err(Unsupported::new(format!(
                "weights of shape {:?}, expected {:?}",
                odd.shape,
                &shape[axis..]
            )));
        }
        // burn normalises the last dimension.
        let width: usize = shape[axis..].iter().product();
        for (position, operand) in operands.iter_mut().enumerate() {
            let kept = if position == 0 { &shape[..axis] } else { &[] };
            let flat = [kept, &[width]].concat();
            if operand.shape != flat {
                *operand = self.computed(Op::Reshape(flat.clone()), &[operand], flat);
            }
        }
        let epsilon = node.config.epsilon;
        let flat = operands[0].shape.clone();
        let normal = self.step(Op::LayerNorm { epsilon }, &operands.iter().collect::<Vec<_>>(), flat);
        Ok(self.reshaped(normal, shape))
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
