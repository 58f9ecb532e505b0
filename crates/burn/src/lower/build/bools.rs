//! Booleans on the device, held as `f32` of 0 and 1: burn's backends store their own booleans
//! differently.

use onnx_ir::Argument;

use crate::lower::host_tensor::HostData;
use crate::lower::lowerer::Lowerer;
use crate::lower::unsupported::{Lowering, Unsupported};
use crate::lower::value::{DeviceValue, Value};

impl Lowerer {
    /// The value of an argument, which must be booleans, on the device.
    pub(crate) fn bools(&mut self, argument: &Argument) -> Lowering<DeviceValue> {
        match self.value(argument)? {
            Value::Bools(device) => Ok(device),
            Value::Host(host) if matches!(host.data, HostData::Bool(_)) => Ok(self.constant(host)),
            _ => Err(Unsupported::new(format!(
                "the value {:?}, which does not hold booleans,",
                argument.name
            ))),
        }
    }

    /// A value on the device as `f32`, which booleans are too.
    pub(crate) fn floats_or_bools(&mut self, value: Value) -> Lowering<DeviceValue> {
        match value {
            Value::Bools(device) => Ok(device),
            other => self.device_floats(other),
        }
    }
}
