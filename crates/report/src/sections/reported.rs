use std::collections::BTreeSet;

use tare_record::{Record, Reported};

use crate::section::{Section, Table, Value};

/// What others reported about the same experiment.
pub(super) fn section<'a>(records: &[Record]) -> Option<Section<'a>> {
    let mut table = Table::new(
        "Figures that others reported about the same experiment, on other machines with other software. Nothing here was measured by tare, and nothing is \
         compared with it.",
        &[("what", "what"), ("value", "reported"), ("on", "on")],
    );
    let mut seen: BTreeSet<[&str; 3]> = BTreeSet::new();
    for reported in records.iter().flat_map(|record| &record.plan.reported) {
        let Reported { what, value, place, .. } = reported;
        if seen.insert([what, value, place]) {
            table.push(vec![
                Value::text(&reported.what),
                Value::text(&reported.value),
                Value::text(&reported.place),
            ]);
        }
    }
    Some(Section::reason(
        "reported-elsewhere",
        "Reported elsewhere",
        vec![table.block()?],
    ))
}
