//! Records of earlier builds: fields that never said anything, and are gone.

use serde_json::Value;

/// Parts of a cell, and the field that they had.
const GONE: [(&str, &str); 2] = [("rung", "precision"), ("load", "in_flight")];

/// Removes what today's types no longer have. Returns whether anything was there.
pub(crate) fn upgrade(record: &mut Value) -> bool {
    let mut changed = false;
    for cell in record
        .get_mut("cells")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        for (part, field) in GONE {
            let removed = cell
                .get_mut(part)
                .and_then(Value::as_object_mut)
                .and_then(|part| part.remove(field));
            changed |= removed.is_some();
        }
    }
    changed
}
