//! Moving tensors between host and device, and converting between the types of both.

use burn_backend::ops::{FloatTensorOps, IntTensorOps};
use burn_backend::{DType as DataType, FloatDType};
use burn_dispatch::{Dispatch, DispatchDevice, DispatchTensor};
use burn_tensor::TensorData;
use half::f16;
use tare_core::{NamedTensor, Tensor};
use tare_record::{DType, Failure, FailureKind};

use crate::lower::host_tensor::{HostData, HostTensor};

/// How the elements of a value are stored on the device.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stored {
    /// `f32`, or `f16`.
    Floats,
    /// `i32`.
    Integers,
    /// 0 and 1, in the type of floats.
    Bools,
}

/// Reads the elements of a value from the device.
pub(crate) async fn download(value: DispatchTensor, stored: Stored) -> Result<HostData, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    Ok(match stored {
        Stored::Floats | Stored::Bools => {
            let data = Dispatch::float_into_data(value).await.map_err(|error| text(&error))?;
            // Not burn's own conversion: it brings code for every pair of types, which every visitor would download.
            HostData::F32(match data.dtype() {
                DataType::F16 => {
                    let halves: Vec<f16> = data.try_into_vec().map_err(|error| text(&error))?;
                    halves.into_iter().map(f16::to_f32).collect()
                }
                _ => data.try_into_vec().map_err(|error| text(&error))?,
            })
        }
        Stored::Integers => {
            let data = Dispatch::int_into_data(value).await.map_err(|error| text(&error))?;
            let elements: Vec<i32> = data.try_into_vec().map_err(|error| text(&error))?;
            HostData::I64(elements.into_iter().map(i64::from).collect())
        }
    })
}

/// Converts elements to the type in which they leave the engine.
pub(crate) fn in_type(data: HostData, dtype: DType) -> Result<tare_core::TensorData, String> {
    use tare_core::TensorData as Core;
    fn narrow<T: TryFrom<i64>>(values: Vec<i64>, dtype: DType) -> Result<Vec<T>, String> {
        let narrow = values.into_iter().map(|value| T::try_from(value).map_err(|_| value));
        narrow
            .collect::<Result<_, _>>()
            .map_err(|value| format!("{value} does not fit {dtype}"))
    }
    Ok(match (data, dtype) {
        (HostData::F32(values), DType::F16) => Core::F16(values.into_iter().map(f16::from_f32).collect()),
        (HostData::F32(values), DType::Bool) => Core::Bool(values.into_iter().map(|x| u8::from(x > 0.5)).collect()),
        (HostData::F32(values), _) => Core::F32(values),
        (HostData::I64(values), DType::I32) => Core::I32(narrow(values, dtype)?),
        (HostData::I64(values), DType::I8) => Core::I8(narrow(values, dtype)?),
        (HostData::I64(values), DType::U8) => Core::U8(narrow(values, dtype)?),
        (HostData::I64(values), _) => Core::I64(values),
        (HostData::Bool(values), _) => Core::Bool(values.into_iter().map(u8::from).collect()),
    })
}

/// Uploads an input. 16-bit floats are widened, and integers must fit 32 bits.
pub(crate) fn upload_input(
    input: &NamedTensor,
    floats: FloatDType,
    device: &DispatchDevice,
) -> Result<DispatchTensor, Failure> {
    use tare_core::TensorData as Core;
    let shape = input.tensor.shape();
    let upload = |elements| upload(elements, shape, floats, device);
    Ok(match input.tensor.data() {
        Core::F32(elements) => upload(elements.clone()),
        Core::F16(elements) => upload(elements.iter().map(|x| x.to_f32()).collect()),
        Core::Bool(elements) => {
            let elements = elements.iter().map(|&element| f32::from(u8::from(element != 0)));
            upload(elements.collect())
        }
        Core::I32(elements) => upload_integers(elements.clone(), shape, device),
        Core::I8(elements) => upload_integers(elements.iter().copied().map(i32::from).collect(), shape, device),
        Core::U8(elements) => upload_integers(elements.iter().copied().map(i32::from).collect(), shape, device),
        Core::I64(elements) => {
            let narrow = elements
                .iter()
                .map(|&element| i32::try_from(element).map_err(|_| element));
            let elements: Result<Vec<i32>, i64> = narrow.collect();
            let elements = elements.map_err(|element| {
                Failure::new(
                    FailureKind::Input,
                    format!(
                        "input {:?} holds {element}, which does not fit the 32-bit integers that burn computes with",
                        input.name
                    ),
                )
            })?;
            upload_integers(elements, shape, device)
        }
        Core::F64(_) => {
            return Err(Failure::new(
                FailureKind::Input,
                format!("input {:?}: expected a type of at most 32 bits, found f64", input.name),
            ));
        }
    })
}

fn upload_integers(elements: Vec<i32>, shape: &[usize], device: &DispatchDevice) -> DispatchTensor {
    // A scalar is stored with one dimension.
    let stored = if shape.is_empty() { vec![1] } else { shape.to_vec() };
    Dispatch::int_from_data(TensorData::new(elements, stored), device)
}

/// Uploads a constant, whose integers fit 32 bits.
pub(crate) fn upload_constant(host: HostTensor, floats: FloatDType, device: &DispatchDevice) -> DispatchTensor {
    match host.data {
        HostData::F32(values) => upload(values, &host.shape, floats, device),
        HostData::Bool(values) => {
            let values = values.into_iter().map(|value| f32::from(u8::from(value)));
            upload(values.collect(), &host.shape, floats, device)
        }
        #[allow(
            clippy::cast_possible_truncation,
            reason = "lowering refuses integers that do not fit"
        )]
        HostData::I64(values) => {
            let values = values.into_iter().map(|value| value as i32);
            upload_integers(values.collect(), &host.shape, device)
        }
    }
}

fn upload(elements: Vec<f32>, shape: &[usize], floats: FloatDType, device: &DispatchDevice) -> DispatchTensor {
    // A scalar is stored with one dimension.
    let stored = if shape.is_empty() { vec![1] } else { shape.to_vec() };
    let data = match floats {
        FloatDType::F16 => TensorData::new(elements.into_iter().map(nearest_f16).collect::<Vec<_>>(), stored),
        _ => TensorData::new(elements, stored),
    };
    Dispatch::float_from_data(data, device)
}

/// Finite numbers beyond the largest f16 become that one. As infinity, the mask of an attention would make NaN of zeros.
fn nearest_f16(value: f32) -> f16 {
    let most = f16::MAX.to_f32();
    f16::from_f32(if value.is_finite() {
        value.clamp(-most, most)
    } else {
        value
    })
}

/// A value on the host as it leaves the engine.
pub(crate) fn to_core(host: HostTensor, dtype: DType) -> Result<Tensor, Failure> {
    let data = in_type(host.data, dtype).map_err(|error| Failure::new(FailureKind::Model, error))?;
    Ok(Tensor::new(host.shape, data).unwrap_or_else(|_| unreachable!("host tensors hold what their shapes say")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_keep_within_f16() {
        for (value, expected) in [
            (1.0, 1.0),
            (1e5, 65504.0),
            (f32::MIN, -65504.0),
            (2049.0, 2048.0),
            // Denormals, and what is too small even for them.
            (6e-8, 5.960_464_5e-8),
            (1e-8, 0.0),
            (f32::INFINITY, f32::INFINITY),
        ] {
            assert_eq!(nearest_f16(value).to_f32(), expected, "{value}");
        }
        assert!(nearest_f16(f32::NAN).is_nan());
    }
}
