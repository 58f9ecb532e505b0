//! Folding: nodes of constants are computed when the model is loaded. Shapes and indices come from
//! them, and a run need not compute what is known.

use onnx_ir::{Argument, Node};

use super::host_tensor::{HostTensor, MAX_COMPUTED_ELEMENTS};
use super::lowerer::Lowerer;
use super::op_spec::OpSpec;
use super::shared_weights::is_large;
use super::value::Value;

/// Larger constants are left to the device.
const MAX_FOLDED_ELEMENTS: usize = 1 << 20;

/// The output of a node of constants. `None` if it is left to the device.
pub(super) fn fold(cx: &Lowerer, spec: &OpSpec, node: &Node) -> Option<Value> {
    let fold = spec.fold?;
    let inputs = constants_of(cx, node.inputs())?;
    fold(cx, node, &inputs).map(Value::Host)
}

/// The inputs that are present, if all of them are constants small enough to fold.
fn constants_of(cx: &Lowerer, inputs: &[Argument]) -> Option<Vec<HostTensor>> {
    let present = inputs.iter().filter(|argument| !argument.is_optional());
    // Each is copied, and one may be meant a thousand times.
    let mut total = 0;
    let constants = present.map(|argument| {
        // Reading a weight copies it, so large ones are not read.
        if !cx.values.contains_key(&argument.name) && is_large(argument) {
            return None;
        }
        match cx.value(argument).ok()? {
            Value::Host(host) if host.len() <= MAX_FOLDED_ELEMENTS => {
                total += host.len();
                (total <= MAX_COMPUTED_ELEMENTS).then_some(host)
            }
            _ => None,
        }
    });
    constants.collect()
}

/// Folds a function of one tensor of floats.
pub(crate) fn fold_floats(inputs: &[HostTensor], floats: fn(f32) -> f32) -> Option<HostTensor> {
    inputs.first()?.map_floats(floats)
}

/// Folds a function of one tensor of floats or integers.
pub(crate) fn fold_numbers(
    inputs: &[HostTensor],
    floats: fn(f32) -> f32,
    integers: fn(i64) -> Option<i64>,
) -> Option<HostTensor> {
    inputs.first()?.map_numbers(floats, integers)
}

/// Folds a function of the first two inputs.
pub(crate) fn fold_pair(
    inputs: &[HostTensor],
    combine: impl Fn(&HostTensor, &HostTensor) -> Option<HostTensor>,
) -> Option<HostTensor> {
    combine(inputs.first()?, inputs.get(1)?)
}

/// Folds a function of two inputs over all of them.
pub(crate) fn fold_all(
    inputs: &[HostTensor],
    combine: impl Fn(&HostTensor, &HostTensor) -> Option<HostTensor>,
) -> Option<HostTensor> {
    let (first, rest) = inputs.split_first()?;
    rest.iter()
        .try_fold(first.clone(), |so_far, next| combine(&so_far, next))
}
