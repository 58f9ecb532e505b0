//! Tensors of tare and of rten, which has no floats but those of 32 bits, no integers of 64 bits and no booleans.

use rten::{Value, ValueOrView, ValueView};
use rten_tensor::Layout;
use tare_core::{Tensor, TensorData};
use tare_record::DType;

/// A tensor as an input: where it is if rten has its type, and else in the type that rten computes it in.
pub(crate) fn to_rten(tensor: &Tensor) -> Result<ValueOrView<'_>, String> {
    let shape = tensor.shape();
    let in_32_bits = |values: Vec<i32>| Value::from_shape(shape, values).map(ValueOrView::from);
    let value = match tensor.data() {
        TensorData::F32(values) => return view(shape, values),
        TensorData::I8(values) => return view(shape, values),
        TensorData::I32(values) => return view(shape, values),
        TensorData::U8(values) => return view(shape, values),
        TensorData::I64(values) => {
            let narrow = |&value: &i64| {
                i32::try_from(value).map_err(|_| format!("rten has no integers of 64 bits, and {value} needs them"))
            };
            in_32_bits(values.iter().map(narrow).collect::<Result<_, _>>()?)
        }
        TensorData::Bool(values) => in_32_bits(values.iter().map(|&value| i32::from(value)).collect()),
        TensorData::F16(_) | TensorData::F64(_) => {
            return Err(format!("rten has no tensors of {}", tensor.dtype()));
        }
    };
    value.map_err(|error| error.to_string())
}

fn view<'a, T>(shape: &[usize], values: &'a [T]) -> Result<ValueOrView<'a>, String>
where
    ValueView<'a>: From<rten_tensor::TensorView<'a, T>>,
{
    let view = ValueView::from_shape(shape, values).map_err(|error| error.to_string())?;
    Ok(view.into())
}

/// An output, in the type that the model says it has.
pub(crate) fn from_rten(value: Value, dtype: Option<DType>) -> Result<Tensor, String> {
    let (shape, data) = match value {
        Value::FloatTensor(tensor) => {
            let (shape, values) = (tensor.shape().to_vec(), tensor.into_data());
            let data = match dtype {
                Some(DType::F64) => TensorData::F64(values.into_iter().map(f64::from).collect()),
                _ => TensorData::F32(values),
            };
            (shape, data)
        }
        Value::Int32Tensor(tensor) => {
            let (shape, values) = (tensor.shape().to_vec(), tensor.into_data());
            let data = match dtype {
                Some(DType::I64) => TensorData::I64(values.into_iter().map(i64::from).collect()),
                Some(DType::Bool) => TensorData::Bool(values.into_iter().map(|value| u8::from(value != 0)).collect()),
                _ => TensorData::I32(values),
            };
            (shape, data)
        }
        Value::Int8Tensor(tensor) => (tensor.shape().to_vec(), TensorData::I8(tensor.into_data())),
        Value::UInt8Tensor(tensor) => (tensor.shape().to_vec(), TensorData::U8(tensor.into_data())),
        _ => return Err("an output of rten is no tensor".into()),
    };
    Tensor::new(shape, data).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_come_back_as_they_were() {
        for data in [
            TensorData::F32(vec![0.5, -1.0]),
            TensorData::I8(vec![-128, 127]),
            TensorData::I32(vec![i32::MIN, i32::MAX]),
            TensorData::I64(vec![-2_147_483_648, 7]),
            TensorData::U8(vec![0, 255]),
            TensorData::Bool(vec![0, 1]),
        ] {
            let tensor = Tensor::new(vec![1, 2], data).unwrap();
            let value = to_rten(&tensor).unwrap().into_owned();
            assert_eq!(from_rten(value, Some(tensor.dtype())), Ok(tensor));
        }
    }

    #[test]
    fn what_rten_cannot_hold_is_refused() {
        for (data, expected) in [
            (TensorData::I64(vec![1 << 40]), "64 bits, and 1099511627776 needs"),
            (TensorData::F64(vec![0.5]), "no tensors of f64"),
        ] {
            let error = to_rten(&Tensor::new(vec![1], data).unwrap()).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
