//! Tensors of tare and of the library.

use js_sys::Uint8Array;
use tare_core::{NamedTensor, Tensor};
use tare_record::{DType, Failure, FailureKind};
use wasm_bindgen::prelude::*;

#[wasm_bindgen(raw_module = "./onnxruntime.js")]
extern "C" {
    /// A name with the library's tensor.
    pub(crate) type LibraryTensor;

    #[wasm_bindgen(js_name = tensor)]
    fn library_tensor(name: &str, dtype: &str, dims: Vec<u32>, bytes: Uint8Array) -> LibraryTensor;

    #[wasm_bindgen(method, getter, structural)]
    fn name(this: &LibraryTensor) -> String;

    #[wasm_bindgen(method, getter, structural, js_name = type)]
    fn dtype(this: &LibraryTensor) -> String;

    #[wasm_bindgen(method, getter, structural)]
    fn dims(this: &LibraryTensor) -> Vec<u32>;

    #[wasm_bindgen(method, getter, structural)]
    fn bytes(this: &LibraryTensor) -> Uint8Array;
}

/// The library's names of element types.
const TYPES: [(DType, &str); 8] = [
    (DType::F16, "float16"),
    (DType::F32, "float32"),
    (DType::F64, "float64"),
    (DType::I8, "int8"),
    (DType::I32, "int32"),
    (DType::I64, "int64"),
    (DType::U8, "uint8"),
    (DType::Bool, "bool"),
];

/// A copy of an input.
pub(crate) fn to_library(input: &NamedTensor) -> Result<LibraryTensor, Failure> {
    let tensor = &input.tensor;
    let mut bytes = Vec::with_capacity(tensor.data().len() * tensor.dtype().size_bytes());
    tensor.for_each_le_bytes(|piece| bytes.extend_from_slice(piece));
    let dims = tensor.shape().iter().map(|&dim| u32::try_from(dim));
    let dims: Vec<u32> = dims.collect::<Result<_, _>>().map_err(|error| {
        let message = format!("input {:?} is too large for onnxruntime-web: {error}", input.name);
        Failure::new(FailureKind::Input, message)
    })?;
    let named = TYPES.iter().find(|(dtype, _)| *dtype == tensor.dtype());
    let dtype = named.map_or("float32", |(_, text)| *text);
    Ok(library_tensor(&input.name, dtype, dims, Uint8Array::from(&bytes[..])))
}

/// A copy of an output.
pub(crate) fn from_library(output: &LibraryTensor) -> Result<Tensor, Failure> {
    let (name, text) = (output.name(), output.dtype());
    let failed = |message: String| {
        Failure::new(
            FailureKind::Run,
            format!("output {name:?} of onnxruntime-web {message}"),
        )
    };
    let known = TYPES.iter().find(|(_, known)| *known == text);
    let (dtype, _) = known.ok_or_else(|| failed(format!("has elements of {text}, which tare does not compare")))?;
    let shape = output.dims().into_iter().map(|dim| dim as usize).collect();
    Tensor::from_bytes(shape, *dtype, &output.bytes().to_vec()).map_err(|error| failed(error.to_string()))
}
