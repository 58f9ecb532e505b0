use tare_core::Attachments;
use tare_record::CellRequest;
use wasm_bindgen::JsValue;

use crate::message::Message;

/// The message that sends a request to a worker.
pub(super) fn to_worker(request: &CellRequest, attachments: &Attachments) -> Result<Message, JsValue> {
    let mut message = Message::new("request", request)?;
    for (key, bytes) in [
        ("model", &attachments.model),
        ("inputs", &attachments.inputs),
        ("reference", &attachments.reference),
    ] {
        if let Some(bytes) = bytes {
            message.attach(key, bytes)?;
        }
    }
    Ok(message)
}
