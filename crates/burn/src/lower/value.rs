//! Values during lowering.

use crate::lower::host_tensor::HostTensor;
use crate::runtime::program::Slot;

/// A value during lowering.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Host(HostTensor),
    /// `f32`.
    Device(DeviceValue),
    /// `i32`, which ONNX's integers become: browsers have no 64-bit integers on the GPU.
    Integers(DeviceValue),
    /// Truth values, as `f32` of 0 and 1.
    Truths(DeviceValue),
}

impl Value {
    pub(crate) fn slot(&self) -> Option<Slot> {
        match self {
            Self::Host(_) => None,
            Self::Device(x) | Self::Integers(x) | Self::Truths(x) => Some(x.slot),
        }
    }
}

/// A tensor on the device; a scalar is stored with one dimension.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DeviceValue {
    pub(crate) slot: Slot,
    /// Dimensions as ONNX sees them, outermost first.
    pub(crate) shape: Vec<usize>,
}
