//! Values during lowering.

use super::host_tensor::{HostData, HostTensor};
use crate::runtime::program::Slot;

/// A value of the graph during lowering.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    /// Known when the model is loaded.
    Host(HostTensor),
    /// `f32`.
    Floats(DeviceValue),
    /// `i32`, which all integers of ONNX become: WebGPU has no 64-bit integers.
    Integers(DeviceValue),
    /// Booleans, as `f32` of 0 and 1.
    Bools(DeviceValue),
}

impl Value {
    /// A constant without dimensions.
    pub(crate) fn scalar(value: f64) -> Self {
        Self::Host(HostTensor::scalar(value))
    }

    /// Dimensions as ONNX sees them, outermost first.
    pub(crate) fn shape(&self) -> &[usize] {
        match self {
            Self::Host(host) => &host.shape,
            Self::Floats(x) | Self::Integers(x) | Self::Bools(x) => &x.shape,
        }
    }

    /// Its place on the device.
    pub(crate) fn slot(&self) -> Option<Slot> {
        match self {
            Self::Host(_) => None,
            Self::Floats(x) | Self::Integers(x) | Self::Bools(x) => Some(x.slot),
        }
    }

    /// Whether it holds integers, on the device or on the host.
    pub(crate) fn is_integers(&self) -> bool {
        match self {
            Self::Integers(_) => true,
            Self::Host(host) => matches!(host.data, HostData::I64(_)),
            Self::Floats(_) | Self::Bools(_) => false,
        }
    }
}

/// A tensor on the device. A scalar is stored with one dimension.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DeviceValue {
    pub(crate) slot: Slot,
    /// Dimensions as ONNX sees them, outermost first.
    pub(crate) shape: Vec<usize>,
}
