//! Nodes of constants alone, computed when the model is loaded: shapes and positions come from such, and what is known need not be computed
//! in every run.

use onnx_ir::node::clip::ClipNode;
use onnx_ir::node::reduce::{ReduceAxes, ReduceConfig};
use onnx_ir::{Argument, Node};

use super::{Lowerer, Lowering, Value};
use crate::lower::host_tensor::{HostData, HostTensor};
use crate::ops::layout::resolve_axes;

/// Larger constants are left to the device.
const MOST_FOLDED: usize = 1 << 20;

impl Lowerer {
    /// What a node of constants gives, if it is one of those that shapes are computed with; `None` is for the device.
    pub(crate) fn folded(&self, node: &Node) -> Lowering<Option<Value>> {
        let Some(inputs) = self.constants_of(node.inputs()) else {
            return Ok(None);
        };
        let one = || inputs.first();
        let two = || Some((inputs.first()?, inputs.get(1)?));
        let folded = match node {
            Node::Ceil(_) => one().and_then(|x| x.mapped(f32::ceil)),
            Node::Floor(_) => one().and_then(|x| x.mapped(f32::floor)),
            Node::Round(_) => one().and_then(|x| x.mapped(f32::round_ties_even)),
            Node::Sqrt(_) => one().and_then(|x| x.mapped(f32::sqrt)),
            Node::Exp(_) => one().and_then(|x| x.mapped(f32::exp)),
            Node::Log(_) => one().and_then(|x| x.mapped(f32::ln)),
            Node::Sin(_) => one().and_then(|x| x.mapped(f32::sin)),
            Node::Cos(_) => one().and_then(|x| x.mapped(f32::cos)),
            Node::Reciprocal(_) => one().and_then(|x| x.mapped(f32::recip)),
            Node::Abs(_) => one().and_then(|x| x.mapped_any(f32::abs, i64::checked_abs)),
            Node::Neg(_) => one().and_then(|x| x.mapped_any(|x| -x, i64::checked_neg)),
            // Of floats the sign of 0 is 0, and NaN stays.
            Node::Sign(_) => one().and_then(|x| {
                let sign = |x: f32| if x == 0.0 || x.is_nan() { x } else { x.signum() };
                x.mapped_any(sign, |x| Some(x.signum()))
            }),
            Node::Not(_) => one().and_then(|x| match &x.data {
                HostData::Bool(values) => Some(HostTensor {
                    shape: x.shape.clone(),
                    data: HostData::Bool(values.iter().map(|value| !value).collect()),
                }),
                _ => None,
            }),
            Node::And(_) => two().and_then(|(a, b)| a.combined(b, |a, b| a && b)),
            Node::Or(_) => two().and_then(|(a, b)| a.combined(b, |a, b| a || b)),
            Node::Xor(_) => two().and_then(|(a, b)| a.combined(b, |a, b| a != b)),
            Node::Max(_) => all(&inputs, |a, b| a.zipped(b, larger, |a, b| Some(a.max(b)))),
            Node::Min(_) => all(&inputs, |a, b| a.zipped(b, smaller, |a, b| Some(a.min(b)))),
            Node::Mod(n) => two().and_then(|(a, b)| match n.config.fmod {
                true => a.zipped(b, |a, b| a % b, i64::checked_rem),
                false => a.zipped(b, floored_remainder, floored_remainder_of_integers),
            }),
            Node::Pow(_) => two().and_then(|(a, b)| power(a, b)),
            Node::Clip(n) => one().and_then(|x| self.clipped(x, n)),
            Node::ReduceSum(n) => self.folded_along(&n.config, &n.inputs, |a, b| a + b, i64::checked_add),
            Node::ReduceProd(n) => self.folded_along(&n.config, &n.inputs, |a, b| a * b, i64::checked_mul),
            Node::ReduceMax(n) => self.folded_along(&n.config, &n.inputs, larger, |a, b| Some(a.max(b))),
            Node::ReduceMin(n) => self.folded_along(&n.config, &n.inputs, smaller, |a, b| Some(a.min(b))),
            _ => None,
        };
        Ok(folded.map(Value::Host))
    }

    /// The inputs that are there, if all are constants that are worth to be computed with here.
    fn constants_of(&self, inputs: &[Argument]) -> Option<Vec<HostTensor>> {
        let there = inputs.iter().filter(|argument| !argument.is_optional());
        let constants = there.map(|argument| {
            // Weights are looked at only where they are small: their data is copied.
            if !self.values.contains_key(&argument.name) && crate::lower::shared_weights::is_large(argument) {
                return None;
            }
            match self.value(argument).ok()? {
                Value::Host(host) if host.len() <= MOST_FOLDED => Some(host),
                _ => None,
            }
        });
        constants.collect()
    }

    fn clipped(&self, x: &HostTensor, node: &ClipNode) -> Option<HostTensor> {
        let bound = |bound| self.clip_bound(bound, &node.inputs).ok();
        let (min, max) = (
            bound(node.config.min.as_ref())?.unwrap_or(f64::NEG_INFINITY),
            bound(node.config.max.as_ref())?.unwrap_or(f64::INFINITY),
        );
        #[allow(clippy::cast_possible_truncation, reason = "floats are f32, and integers saturate")]
        // ONNX: where min is greater than max, every element becomes max.
        x.mapped_any(
            |x| x.max(min as f32).min(max as f32),
            |x| Some(x.max(min as i64).min(max as i64)),
        )
    }

    fn folded_along(
        &self,
        config: &ReduceConfig,
        inputs: &[Argument],
        floats: fn(f32, f32) -> f32,
        integers: fn(i64, i64) -> Option<i64>,
    ) -> Option<HostTensor> {
        let Value::Host(x) = self.value(&inputs[0]).ok()? else {
            return None;
        };
        let rank = x.shape.len();
        let mut axes = match &config.axes {
            ReduceAxes::Static(axes) => axes.clone(),
            ReduceAxes::Runtime(reference) => {
                resolve_axes(&self.host_integers(&inputs[reference.input_index]).ok()?, rank).ok()?
            }
        };
        if axes.is_empty() {
            if config.noop_with_empty_axes {
                return Some(x);
            }
            axes = (0..rank).collect();
        }
        axes.iter()
            .try_fold(x, |x, &axis| x.reduced(axis, floats, integers))
            .map(|reduced| {
                if config.keepdims {
                    return reduced;
                }
                let kept = (0..rank).filter(|axis| !axes.contains(axis));
                let shape = kept.map(|axis| reduced.shape[axis]).collect();
                reduced.reshaped(shape)
            })
    }
}

fn all(inputs: &[HostTensor], combine: impl Fn(&HostTensor, &HostTensor) -> Option<HostTensor>) -> Option<HostTensor> {
    let (first, rest) = inputs.split_first()?;
    rest.iter().try_fold(first.clone(), |best, next| combine(&best, next))
}

/// ONNX: NaN if either is.
fn larger(a: f32, b: f32) -> f32 {
    if a.is_nan() || b.is_nan() { f32::NAN } else { a.max(b) }
}

fn smaller(a: f32, b: f32) -> f32 {
    -larger(-a, -b)
}

/// With the sign of the divisor.
fn floored_remainder(a: f32, b: f32) -> f32 {
    a - b * (a / b).floor()
}

fn floored_remainder_of_integers(a: i64, b: i64) -> Option<i64> {
    let rest = a.checked_rem(b)?;
    if rest != 0 && (rest < 0) != (b < 0) {
        rest.checked_add(b)
    } else {
        Some(rest)
    }
}

/// In the type of the base.
#[allow(
    clippy::cast_possible_truncation,
    reason = "ONNX: integers become what fits of the power"
)]
fn power(base: &HostTensor, exponent: &HostTensor) -> Option<HostTensor> {
    let floats = |host: &HostTensor| -> Option<HostTensor> {
        let data = match &host.data {
            HostData::I64(values) => HostData::F32(values.iter().map(|&value| value as f32).collect()),
            HostData::F32(_) => host.data.clone(),
            HostData::Bool(_) => return None,
        };
        Some(HostTensor {
            shape: host.shape.clone(),
            data,
        })
    };
    match (&base.data, &exponent.data) {
        (HostData::I64(_), HostData::I64(_)) => base.zipped(exponent, f32::powf, |base, exponent| {
            base.checked_pow(u32::try_from(exponent).ok()?)
        }),
        (HostData::I64(_), _) => {
            let power = floats(base)?.zipped(exponent, f32::powf, |_, _| None)?;
            let whole = power.as_floats()?.iter().map(|&value| value as i64).collect();
            Some(HostTensor {
                shape: power.shape.clone(),
                data: HostData::I64(whole),
            })
        }
        _ => base.zipped(&floats(exponent)?, f32::powf, |_, _| None),
    }
}
