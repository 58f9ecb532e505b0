//! Element types of ONNX, and what they become on the device: 16-bit floats are computed in 32
//! bits unless f16 is asked for, integers of all widths are `i32`. Outputs get their own types again when they are read.

use burn_tensor::DType as OnnxType;
use onnx_ir::{ArgType, Argument};
use tare_record::DType;

use super::host_tensor::{HostData, HostTensor};

/// The type of a tensor outside the engine. `None` for types that tensors cannot have there.
pub(crate) fn supported_type(dtype: OnnxType) -> Option<DType> {
    Some(match dtype {
        OnnxType::F16 => DType::F16,
        OnnxType::F32 => DType::F32,
        OnnxType::I8 => DType::I8,
        OnnxType::I32 => DType::I32,
        OnnxType::I64 => DType::I64,
        OnnxType::U8 => DType::U8,
        OnnxType::Bool(_) => DType::Bool,
        _ => return None,
    })
}

/// The element type of a value. onnx-ir has none for shapes, which are 64-bit integers, and panics
/// if asked (UPSTREAM.md: "the element type of a shape panics").
pub(crate) fn element_type(argument: &Argument) -> OnnxType {
    match argument.ty {
        ArgType::Shape(_) => OnnxType::I64,
        _ => argument.ty.elem_type(),
    }
}

/// Wraps integers around to the width of a type. Other elements stay as they are.
pub(super) fn wrap_host(mut host: HostTensor, to: OnnxType) -> HostTensor {
    if let HostData::I64(values) = &mut host.data {
        values.iter_mut().for_each(|value| *value = wrap(*value, to));
    }
    host
}

/// Wraps an integer around to the width of a type.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "ONNX Cast keeps the low bits"
)]
pub(crate) fn wrap(value: i64, to: OnnxType) -> i64 {
    match to {
        OnnxType::I8 => i64::from(value as i8),
        OnnxType::I16 => i64::from(value as i16),
        OnnxType::I32 => i64::from(value as i32),
        OnnxType::U8 => i64::from(value as u8),
        OnnxType::U16 => i64::from(value as u16),
        OnnxType::U32 => i64::from(value as u32),
        _ => value,
    }
}
