//! The largest elements, and classes as vectors.

use burn_backend::ops::IntTensorOps;
use burn_dispatch::Dispatch;
use onnx_ir::node::modulo::ModNode;
use onnx_ir::node::one_hot::{OneHotDepthInput, OneHotNode, OneHotValuesInput};
use onnx_ir::node::topk::{TopKInput, TopKNode};

use crate::lower::element_types::element_type;
use crate::lower::host_tensor::{HostData, HostTensor};
use crate::lower::{Lowerer, Lowering, Unsupported, Value};
use crate::ops::choice::number;
use crate::ops::integers::are_integers;
use crate::ops::layout::shape_of;
use crate::ops::logical::EQUAL;
use crate::runtime::program::{IntegerOp, Op};

/// Elements are found one after the other, because graphics backends of burn sort on the host, which no browser can wait for.
const MOST_RANKED: usize = 512;

impl Lowerer {
    /// The k largest or smallest elements along a dimension, best first, and their positions. Of equal elements the first comes first.
    pub(crate) fn top_k(&mut self, node: &TopKNode) -> Lowering<Vec<Value>> {
        let config = &node.config;
        let k = match &config.k {
            TopKInput::Static(k) => *k,
            TopKInput::Runtime(reference) => {
                let k = self.host_integers(&node.inputs[reference.input_index])?;
                let k = k.first().and_then(|&k| usize::try_from(k).ok());
                k.ok_or_else(|| Unsupported::new("a k that is no number of elements"))?
            }
        };
        let value = self.value(&node.inputs[0])?;
        if are_integers(&value) {
            return Err(Unsupported::new("integers to be ranked"));
        }
        let mut x = self.device(value)?;
        let (axis, own) = (config.axis, x.shape.clone());
        let size = *own
            .get(axis)
            .ok_or_else(|| Unsupported::new(format!("dimension {axis} of shape {own:?}")))?;
        if k == 0 || k > size || k > MOST_RANKED {
            return Err(Unsupported::new(format!(
                "the first {k} of {size} elements (at most {MOST_RANKED} are found)"
            )));
        }
        let mut along = vec![1; own.len()];
        along[axis] = size;
        let places = Value::Host(HostTensor::from_dims(0..size).reshaped(along));
        let worst = if config.largest {
            f64::NEG_INFINITY
        } else {
            f64::INFINITY
        };
        let mut one = own.clone();
        one[axis] = 1;
        let (mut values, mut positions) = (Vec::with_capacity(k), Vec::with_capacity(k));
        // What was taken already may be as bad as what is left.
        let mut free = number(1.0);
        for rank in 0..k {
            let best = if config.largest {
                Op::MaxDim(axis)
            } else {
                Op::MinDim(axis)
            };
            let best = self.computed(best, &[&x], one.clone());
            values.push(Value::Device(best.clone()));
            let equal = self.compared_values(&EQUAL, [Value::Device(x.clone()), Value::Device(best)])?;
            let equal = self.floats_or_truths(equal)?;
            let equal = match &free {
                Value::Device(free) => self.both(Op::Mul, &equal, free),
                _ => equal,
            };
            let place = self.computed(Op::ArgMax(axis), &[&equal], one.clone());
            positions.push(Value::Integers(place.clone()));
            if rank + 1 < k {
                let Value::Truths(taken) = self.compared_values(&EQUAL, [Value::Integers(place), places.clone()])?
                else {
                    unreachable!("what is computed is compared on the device")
                };
                free = self.choose(taken.clone(), number(0.0), free)?;
                let rest = self.choose(taken, number(worst), Value::Device(x))?;
                x = self.device(rest)?;
            }
        }
        Ok(vec![
            self.joined_values(values, axis)?,
            self.joined_values(positions, axis)?,
        ])
    }

    /// A new dimension with one value at the position that an element names, and another elsewhere.
    pub(crate) fn one_hot(&mut self, node: &OneHotNode) -> Lowering<Value> {
        let depth = match &node.config.depth {
            OneHotDepthInput::Static(depth) => *depth,
            OneHotDepthInput::Runtime(reference) => {
                let host = self.host(&node.inputs[reference.input_index])?;
                let depth = host.as_scalar().filter(|depth| *depth >= 1.0 && *depth < 1e9);
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
                let depth = depth.map(|depth| depth as usize);
                depth.ok_or_else(|| Unsupported::new("a depth that is no number of classes"))?
            }
        };
        let values = match &node.config.values {
            OneHotValuesInput::Static(values) => {
                // In the type that the file has them in.
                match self.value(&node.inputs[2])? {
                    Value::Host(host) => host,
                    _ => HostTensor {
                        shape: vec![2],
                        data: HostData::F32(values.to_vec()),
                    },
                }
            }
            OneHotValuesInput::Runtime(reference) => self.host(&node.inputs[reference.input_index])?,
        };
        let parts = [0, 1].map(|at| values.gathered(0, &HostTensor::from_dims([at]).reshaped(vec![])));
        let [Some(off), Some(on)] = parts else {
            return Err(Unsupported::new("values that are not two"));
        };
        let classes = self.value(&node.inputs[0])?;
        let classes = self.integers(classes)?;
        let rank = classes.shape.len();
        let axis = node.config.axis;
        let axis = usize::try_from(if axis < 0 { axis + rank as i64 + 1 } else { axis });
        let axis = axis.ok().filter(|&axis| axis <= rank);
        let axis = axis.ok_or_else(|| Unsupported::new(format!("dimension {} of {rank}", node.config.axis)))?;
        let positive = Op::Integers(IntegerOp::FromEnd(depth));
        let classes = self.computed(positive, &[&classes], classes.shape.clone());
        let mut wide = classes.shape.clone();
        wide.insert(axis, 1);
        let classes = self.reshaped(Value::Integers(classes), wide);
        let mut along = vec![1; rank + 1];
        along[axis] = depth;
        let all = Value::Host(HostTensor::from_dims(0..depth).reshaped(along));
        let Value::Truths(hot) = self.compared_values(&EQUAL, [classes, all])? else {
            unreachable!("what is computed is compared on the device")
        };
        self.choose(hot, Value::Host(on), Value::Host(off))
    }

    /// The rest of a division: of floats and with `fmod` it has the sign of the dividend, otherwise that of the divisor.
    pub(crate) fn remainder(&mut self, node: &ModNode) -> Lowering<Value> {
        let values = [self.value(&node.inputs[0])?, self.value(&node.inputs[1])?];
        let dtype = element_type(&node.inputs[0]);
        match (values.iter().any(are_integers), node.config.fmod) {
            (true, false) => self.combined(Dispatch::int_remainder, values, dtype),
            (true, true) => self.combined(
                |a, b| {
                    let times = Dispatch::int_div(a.clone(), b.clone());
                    Dispatch::int_sub(a, Dispatch::int_mul(times, b))
                },
                values,
                dtype,
            ),
            (false, true) => {
                let ([a, b], shape) = self.alike(values)?;
                let (a, b) = (self.device(a)?, self.device(b)?);
                let op = Op::Combine(|a, b| {
                    use burn_backend::ops::FloatTensorOps;
                    let times = Dispatch::float_trunc(Dispatch::float_div(a.clone(), b.clone()));
                    Dispatch::float_sub(a, Dispatch::float_mul(times, b))
                });
                Ok(self.step(op, &[&a, &b], shape))
            }
            (false, false) => {
                let shapes = values.each_ref().map(|value| shape_of(value).to_vec());
                Err(Unsupported::new(format!("floats of shapes {shapes:?} without fmod")))
            }
        }
    }
}
