//! Large constants, which are held once if possible.

use onnx_ir::Argument;

use super::host_tensor::HostData;
use super::lowerer::Lowerer;
use super::unsupported::Lowering;
use super::value::Value;

/// Constants with more elements are weights, others are settings.
const MAX_SETTING_ELEMENTS: usize = 4096;

impl Lowerer {
    /// The value of an argument. If it is a large constant of floats that several nodes read, it is
    /// on the device, uploaded once for all of them: tied weights would otherwise be in memory
    /// twice.
    pub(crate) fn shared_weight(&mut self, argument: &Argument) -> Lowering<Value> {
        if self.has_subgraphs {
            return self.value(argument);
        }
        if let Some(shared) = self.shared_weights.get(&argument.name) {
            return Ok(Value::Floats(shared.clone()));
        }
        let value = self.value(argument)?;
        let several = self.uses.get(&argument.name).is_some_and(|&uses| uses > 1);
        match value {
            Value::Host(host) if several && is_large(argument) && matches!(host.data, HostData::F32(_)) => {
                let shared = self.constant(host);
                self.shared_weights.insert(argument.name.clone(), shared.clone());
                Ok(Value::Floats(shared))
            }
            own => Ok(own),
        }
    }

    /// Whether the value is an output of a graph.
    pub(super) fn is_output(&self, argument: &Argument) -> bool {
        self.output_names.contains(&argument.name)
    }
}

/// Whether a constant is a weight, not a setting of a node.
pub(super) fn is_large(argument: &Argument) -> bool {
    let shape = argument.ty.static_shape().map(Vec::as_slice).unwrap_or_default();
    let elements = shape.iter().try_fold(1usize, |count, size| count.checked_mul((*size)?));
    elements.is_some_and(|elements| elements > MAX_SETTING_ELEMENTS)
}
