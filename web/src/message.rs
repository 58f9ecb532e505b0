//! Messages between the page and its workers: typed objects, which the browser clones, with bytes,
//! which it transfers.
//!
//! `messages.d.ts` holds their types for JavaScript. A test of `tare-record` generates it.

use js_sys::{Array, ArrayBuffer, Object, Reflect, Uint8Array};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::{JsCast, JsValue};

/// Converts a value to a plain JavaScript object like JSON: maps become objects, and `None` becomes
/// `null`.
pub(crate) fn to_js<T: Serialize>(value: &T) -> Result<JsValue, serde_wasm_bindgen::Error> {
    value.serialize(&serde_wasm_bindgen::Serializer::json_compatible())
}

/// Converts a plain JavaScript object to a value.
pub(crate) fn from_js<T: DeserializeOwned>(value: JsValue) -> Result<T, serde_wasm_bindgen::Error> {
    serde_wasm_bindgen::from_value(value)
}

/// A message, and the buffers that are transferred with it.
pub(crate) struct Message {
    pub(crate) object: Object,
    pub(crate) buffers: Array,
}

impl Message {
    /// A message that holds `value` under `key`.
    pub(crate) fn new<T: Serialize>(key: &str, value: &T) -> Result<Self, JsValue> {
        Self::of(&to_js(value).map_err(JsValue::from)?, key)
    }

    /// A message that holds an object under `key`.
    pub(crate) fn of(value: &JsValue, key: &str) -> Result<Self, JsValue> {
        let object = Object::new();
        Reflect::set(&object, &key.into(), value)?;
        Ok(Self {
            object,
            buffers: Array::new(),
        })
    }

    /// Adds bytes under `key`. They are copied once, out of this module's memory, and then
    /// transferred.
    pub(crate) fn attach(&mut self, key: &str, bytes: &[u8]) -> Result<(), JsValue> {
        let buffer = Uint8Array::from(bytes).buffer();
        Reflect::set(&self.object, &key.into(), &buffer)?;
        self.buffers.push(&buffer);
        Ok(())
    }
}

/// The value under `key`.
///
/// # Errors
///
/// If it has another type.
pub(crate) fn field<T: DeserializeOwned>(message: &JsValue, key: &str) -> Result<T, String> {
    let value = Reflect::get(message, &key.into()).unwrap_or_default();
    from_js(value).map_err(|error| error.to_string())
}

/// The bytes under `key`, if there are any.
pub(crate) fn bytes(message: &JsValue, key: &str) -> Option<Vec<u8>> {
    Some(Uint8Array::new(buffer(message, key)?.as_ref()).to_vec())
}

/// The number of bytes under `key`.
#[cfg(feature = "worker")]
pub(crate) fn byte_length(message: &JsValue, key: &str) -> u64 {
    buffer(message, key).map_or(0, |buffer| u64::from(buffer.byte_length()))
}

fn buffer(message: &JsValue, key: &str) -> Option<ArrayBuffer> {
    Reflect::get(message, &key.into()).ok()?.dyn_into().ok()
}
