//! Results: the report on the page, and the files that a user saves.

use tare_record::Record;

use super::state::{page, records};
use super::{query, view};

/// Shows a record, together with the records to compare it with.
pub(super) fn show(record: Record) {
    let records = page(|page| {
        page.record = Some(record.clone());
        records(page)
    });
    view::publish(&record);
    view::report(&tare_report::fragment(&records));
}

/// Shows further records to compare with.
pub(super) fn show_others(others: Vec<Record>) {
    let records = page(|page| {
        page.others.extend(others);
        records(page)
    });
    view::report(&tare_report::fragment(&records));
}

/// What this page measured, as files to save: the newest record first.
pub(super) fn own_records() -> Vec<String> {
    page(|page| {
        let own = page.record.iter().chain(page.earlier.iter().rev());
        own.filter_map(|record| record.to_json().ok()).collect()
    })
}

/// The report as a file to save.
pub(super) fn report_file() -> String {
    tare_report::html(&page(|page| records(page)), &query::url())
}
