//! Real records with some values changed, which get further than changed bytes.

use serde_json::{Value, json};
use tare_record::Record;

use crate::decisions::Decisions;
use crate::record::show;
use crate::target::Target;

pub(crate) const TARGET: Target = Target {
    name: "changed-record",
    run,
    seeds: || vec![vec![0], vec![1, 0, 9, 3], vec![2, 1, 1, 7, 0, 40, 2]],
    words: &[],
    longest: 256,
    runs_of_test: 1_000,
};

const RECORDS: [&str; 3] = [
    include_str!("../../record/tests/golden.json"),
    include_str!("../../report/tests/records/node.json"),
    include_str!("../../report/tests/records/browser.json"),
];

/// What takes the place of a value.
fn replacements() -> [Value; 16] {
    [
        json!(0),
        json!(1),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(u32::MAX),
        json!(1e308),
        json!(-0.0),
        json!(5e-324),
        json!(""),
        json!("</script><script>alert(1)</script>"),
        json!("\u{1b}[2J\u{0}\u{202e}|`*_[x](javascript:y)"),
        json!("x".repeat(3000)),
        json!([]),
        json!({}),
        Value::Null,
        json!(true),
    ]
}

fn run(bytes: &[u8]) {
    let mut decisions = Decisions(bytes);
    let text = RECORDS[decisions.below(RECORDS.len())];
    let mut record: Value = serde_json::from_str(text).expect("a record is JSON");
    // Few enough that some changes pass the types.
    for _ in 0..=decisions.below(3) {
        change(&mut record, &mut decisions);
        if decisions.is_empty() {
            break;
        }
    }
    if let Ok(record) = Record::from_json_unchecked(&record.to_string()) {
        show(record);
    }
}

/// Goes down from the top until a decision to stop, and changes what is there.
fn change(value: &mut Value, decisions: &mut Decisions<'_>) {
    let is_leaf = match &*value {
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => true,
    };
    if is_leaf || decisions.byte() < 24 {
        *value = match (&*value, decisions.byte() % 4) {
            // Numbers near the one that is there pass more checks.
            (Value::Number(number), 0) => json!(number.as_u64().unwrap_or(0).saturating_mul(1 << decisions.below(40))),
            (Value::Number(number), 1) => json!(number.as_u64().unwrap_or(0) / (1 + decisions.below(1000) as u64)),
            (Value::Array(items), 0) => items.iter().rev().cloned().collect(),
            (Value::Array(items), 1) => items.iter().chain(items).cloned().collect(),
            (Value::Array(items), 2) => items.iter().step_by(2).cloned().collect(),
            _ => decisions.choice(&replacements()).clone(),
        };
        return;
    }
    let inner = match value {
        Value::Array(items) => {
            let index = decisions.below(items.len());
            items.get_mut(index)
        }
        Value::Object(fields) => {
            let index = decisions.below(fields.len());
            fields.values_mut().nth(index)
        }
        _ => None,
    };
    if let Some(inner) = inner {
        change(inner, decisions);
    }
}
