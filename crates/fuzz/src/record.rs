//! Records, and everything that shows them.

use tare_record::{Record, inconsistencies};

use crate::target::Target;

pub(crate) const TARGET: Target = Target {
    name: "record",
    run,
    seeds,
    words: &[
        "\"cells\": [",
        "\"samples_ns\": [",
        "\"rounds\": [",
        "18446744073709551615",
        "-1",
        "1e308",
        "null",
        "true",
        "\\u0000",
        "<script>",
        "\"state\": \"measured\"",
        "\"state\": \"failed\"",
        "\"load_rounds\": [",
        "\"profile\": {",
        "\"boundary\": [",
        "{}",
        "[]",
    ],
    longest: 40_000,
    runs_of_test: 1_500,
};

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    vec![
        include_bytes!("../../record/tests/golden.json").to_vec(),
        include_bytes!("../../report/tests/records/node.json").to_vec(),
    ]
}

fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(record) = Record::from_json_unchecked(text) else {
        return;
    };
    let _ = inconsistencies(&record);
    show(record);
}

/// Writes a record again and shows it in every format.
pub(crate) fn show(record: Record) {
    let written = record.to_json().expect("a record can be written");
    let again = Record::from_json_unchecked(&written).expect("what was written can be read");
    // Not equal: the last bit of a number may change when it is read.
    assert_eq!(again.cells.len(), record.cells.len());
    // Next to another, so that there is something to compare.
    let other = Record::from_json_unchecked(include_str!("../../record/tests/golden.json")).expect("it is a record");
    for records in [vec![record.clone()], vec![record, other]] {
        let _ = tare_report::markdown(&records);
        let _ = tare_report::csv(&records);
        let _ = tare_report::json(&records);
        let _ = tare_report::trace(&records);
        let text = tare_report::terminal(&records, 80);
        let is_harmless = |c: char| c == '\n' || !c.is_control();
        assert!(text.chars().all(is_harmless), "no control characters reach a terminal");
        let html = tare_report::html(&records, "tare report");
        // The report's own, and none of a record.
        assert!(html.matches("<script").count() <= 2, "no markup comes from a record");
    }
}
