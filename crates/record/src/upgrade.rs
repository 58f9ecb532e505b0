//! Reads records of earlier builds by dropping fields that never held information.

use serde_json::Value;

/// Fields that no longer exist: the part of a cell that held the field, and the field.
const REMOVED: [(&str, &str); 2] = [("rung", "precision"), ("load", "in_flight")];

/// Removes fields that no longer exist. Returns whether the record had any.
pub(crate) fn upgrade(record: &mut Value) -> bool {
    let mut changed = false;
    for cell in record
        .get_mut("cells")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        for (part, field) in REMOVED {
            let removed = cell
                .get_mut(part)
                .and_then(Value::as_object_mut)
                .and_then(|part| part.remove(field));
            changed |= removed.is_some();
        }
    }
    changed
}
