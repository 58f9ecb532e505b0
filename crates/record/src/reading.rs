//! Reads records.

use crate::inconsistency::inconsistencies;
use crate::upgrade::upgrade;
use crate::{Record, SCHEMA};

/// Why a text is not a valid record.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Not JSON, or cut off.
    #[error(
        "not a complete JSON file: {0}\nhint: the file may have been cut off: copy it again, or measure again (a run that is stopped leaves a complete file)"
    )]
    Json(serde_json::Error),
    /// JSON, but not a record of this version.
    #[error("not a tare record: expected \"schema\": \"{SCHEMA}\", found {found}\nhint: {hint}")]
    Schema {
        /// The schema that the file names.
        found: String,
        /// What to do.
        hint: &'static str,
    },
    /// The right schema, but a field is wrong.
    #[error("the record does not follow {SCHEMA}: {0}")]
    Field(serde_json::Error),
    /// What it says twice does not agree.
    #[error("the record contradicts itself: {first}{}\nhint: it may have been changed after it was measured: use the original file, or measure again; if it is the original, please report this", and_more(*.others))]
    Inconsistent {
        /// The first of [`inconsistencies`].
        first: String,
        /// How many there are besides.
        others: usize,
    },
}

fn and_more(others: usize) -> String {
    match others {
        0 => String::new(),
        1 => "; `tare check` shows another".into(),
        _ => format!("; `tare check` shows {others} more"),
    }
}

/// Reads a record of the newest schema. Not inlined: the reader of all types is large.
#[inline(never)]
fn read(text: &str) -> Result<Record, serde_json::Error> {
    serde_json::from_str(text)
}

impl Record {
    /// Reads a record from JSON.
    ///
    /// # Errors
    ///
    /// If the text is not JSON or names another schema, if a field is missing, unknown or of the
    /// wrong type, or if the record contradicts itself.
    pub fn from_json(text: &str) -> Result<Self, RecordError> {
        let record = Self::from_json_unchecked(text)?;
        let mut found = inconsistencies(&record).into_iter();
        match found.next() {
            None => Ok(record),
            Some(first) => Err(RecordError::Inconsistent {
                first,
                others: found.len(),
            }),
        }
    }

    /// Reads a record that may contradict itself, to find out how.
    ///
    /// # Errors
    ///
    /// Those of [`Record::from_json`], but for the last.
    pub fn from_json_unchecked(text: &str) -> Result<Self, RecordError> {
        match read(text) {
            Ok(record) if record.schema == SCHEMA => Ok(record),
            Ok(_) | Err(_) => Self::from_other_json(text),
        }
    }

    /// Reads a record of an earlier build, or finds out what is wrong with the text.
    fn from_other_json(text: &str) -> Result<Self, RecordError> {
        let mut value: serde_json::Value = serde_json::from_str(text).map_err(RecordError::Json)?;
        match value.get("schema") {
            Some(schema) if schema == SCHEMA => {}
            Some(schema) => {
                let newer = schema.as_str().is_some_and(|name| name.starts_with("tare.record/"));
                return Err(RecordError::Schema {
                    found: schema.to_string(),
                    hint: if newer {
                        "another version of tare wrote it; use that version"
                    } else {
                        "pass a file that `tare run` or `tare browser` wrote"
                    },
                });
            }
            None => {
                return Err(RecordError::Schema {
                    found: "no such field".into(),
                    hint: "pass a file that `tare run` or `tare browser` wrote",
                });
            }
        }
        // Read from text, because serde_json then reports line and column. Not from the value: that would be another reader of
        // all types, 150 kB of the page.
        let upgraded = upgrade(&mut value).then(|| format!("{value:#}"));
        read(upgraded.as_deref().unwrap_or(text)).map_err(RecordError::Field)
    }
}
