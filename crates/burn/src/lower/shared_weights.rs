//! Large constants, which are in memory once where that is possible.

use onnx_ir::Argument;

use super::{Lowerer, Lowering, Value};
use crate::lower::host_tensor::HostData;

/// Constants of more elements are weights.
const SETTING_ELEMENTS: usize = 4096;

impl Lowerer {
    pub(crate) fn is_output(&self, argument: &Argument) -> bool {
        self.outputs.contains(&argument.name)
    }

    /// The value of an argument; on the device if it is a large constant that several nodes read, uploaded once for all: weights that
    /// are tied would be in memory twice.
    pub(crate) fn shared_or_own(&mut self, argument: &Argument) -> Lowering<Value> {
        if self.has_bodies {
            return self.value(argument);
        }
        if let Some(shared) = self.shared.get(&argument.name) {
            return Ok(Value::Device(shared.clone()));
        }
        let value = self.value(argument)?;
        let several = self.uses.get(&argument.name).is_some_and(|&uses| uses > 1);
        match value {
            Value::Host(host) if several && is_large(argument) && matches!(host.data, HostData::F32(_)) => {
                let shared = self.constant(host);
                self.shared.insert(argument.name.clone(), shared.clone());
                Ok(Value::Device(shared))
            }
            own => Ok(own),
        }
    }
}

/// Whether a constant is no setting of a node but a weight.
pub(crate) fn is_large(argument: &Argument) -> bool {
    let shape = argument.ty.static_shape().map(Vec::as_slice).unwrap_or_default();
    let elements = shape.iter().try_fold(1usize, |count, size| count.checked_mul((*size)?));
    elements.is_some_and(|elements| elements > SETTING_ELEMENTS)
}
