use tare_core::{NamedTensor, WASM_MEMORY_BYTES, Workload, check_memory_budget, tensor_codec};
use tare_record::{CellRequest, Failure, FailureKind, ModelSource};
use wasm_bindgen::JsValue;

use crate::message;

/// Prepares the workload of a request, with the model and inputs attached to the message.
pub(super) fn workload(request: &CellRequest, data: &JsValue) -> Result<Workload, Failure> {
    let failed = |message: String| Failure::new(FailureKind::Model, message);
    let given: Vec<NamedTensor> = match message::bytes(data, "inputs") {
        Some(inputs) => {
            tensor_codec::decode(&inputs).map_err(|error| failed(format!("cannot decode the inputs: {error}")))?
        }
        None => vec![],
    };
    let name = request.model.display_name();
    let built_in = match &request.model {
        ModelSource::BuiltIn { name } => tare_models::built_in_bytes(name),
        ModelSource::File { .. } | ModelSource::Attached { .. } => None,
    };
    let size = built_in.unwrap_or_else(|| message::byte_length(data, "model"));
    check_memory_budget(name, size, WASM_MEMORY_BYTES)?;
    let (name, data) = (name.to_owned(), data.clone());
    tare_models::workload(request, &given, move || {
        let bytes = message::bytes(&data, "model");
        bytes.ok_or_else(|| {
            let message = format!("the bytes of model {name:?} are missing");
            Failure::new(FailureKind::Model, message)
        })
    })
}
