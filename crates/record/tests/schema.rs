//! Checks the committed JSON Schema and the golden record against the types.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use tare_record::{Record, RecordError};

// Tests run in the folder of the package.
const SCHEMA_FILE: &str = "tare.record.1.schema.json";
const GOLDEN: &str = include_str!("golden.json");

fn generated() -> String {
    format!("{:#}\n", schemars::schema_for!(Record).to_value())
}

/// After an intended change of the types, run `UPDATE_SCHEMA=1 cargo test -p tare-record`.
#[test]
fn the_schema_file_matches_the_types() {
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(SCHEMA_FILE, generated()).unwrap();
    }
    let committed = std::fs::read_to_string(SCHEMA_FILE).unwrap();
    assert!(
        committed == generated(),
        "the types changed: check that old records still read, then run `UPDATE_SCHEMA=1 cargo test -p tare-record`"
    );
}

#[test]
fn a_record_of_an_earlier_build_follows_the_schema_when_it_is_written_again() {
    let schema = schemars::schema_for!(Record).to_value();
    let record = Record::from_json(GOLDEN).unwrap();
    let written = record.to_json().unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let value: serde_json::Value = serde_json::from_str(&written).unwrap();
    let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(Record::from_json(&written).unwrap(), record);
}

#[test]
fn invalid_records_are_explained() {
    for (text, expected) in [
        ("", "not a complete JSON file"),
        (&GOLDEN[..GOLDEN.len() / 2], "may have been cut off"),
        ("[1, 2]", "found no such field"),
        ("{\"schema\": \"tare.record/2\"}", "another version of tare wrote it"),
        ("{\"schema\": 7}", "expected \"schema\": \"tare.record/1\", found 7"),
        ("{\"schema\": \"tare.record/1\"}", "missing field"),
        (
            &GOLDEN.replacen("\"complete\"", "\"compleet\"", 1),
            "unknown field `compleet`",
        ),
        (
            &GOLDEN.replacen("\"runs_per_sample\": 1", "\"runs_per_sample\": -1", 1),
            "does not follow tare.record/1",
        ),
    ] {
        let error = Record::from_json(text).unwrap_err();
        assert!(
            error.to_string().contains(expected),
            "{error} does not contain {expected}"
        );
        assert!(matches!(
            error,
            RecordError::Json(_) | RecordError::Schema { .. } | RecordError::Field(_)
        ));
    }
}

#[test]
fn a_truncated_record_is_an_error() {
    for length in (0..GOLDEN.trim_end().len()).step_by(97) {
        assert!(Record::from_json(&GOLDEN[..length]).is_err(), "cut at {length}");
    }
}
