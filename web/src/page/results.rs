//! Results: the report on the page, and the files that a user saves.

use tare_record::Record;

use super::state::{page, with_records};
use super::{browser_info, query, view};

/// Takes the newest state of a record, without a report: that would be drawn while the page measures.
pub(super) fn update(record: &Record) {
    page(|page| page.record = Some(record.clone()));
    view::publish(record);
}

/// Shows a record, together with the records to compare it with.
pub(super) fn show(record: Record) {
    update(&record);
    draw();
}

/// Shows further records to compare with.
pub(super) fn show_others(others: Vec<Record>) {
    page(|page| page.others.extend(others));
    draw();
}

fn draw() {
    view::report(&with_records(tare_report::fragment));
}

/// What this page measured, as files to save: the newest record first.
pub(super) fn own_records() -> Vec<String> {
    page(|page| {
        let own = page.record.iter().chain(page.earlier.iter().rev());
        own.filter_map(|record| record.to_json().ok()).collect()
    })
}

/// The report as a file to save.
///
/// # Errors
/// If a file that the report holds cannot be fetched.
pub(super) async fn report_file() -> Result<String, String> {
    let methodology = browser_info::fetch("methodology.html").await?;
    let script = browser_info::fetch("report.js").await?;
    Ok(with_records(|records| {
        tare_report::html_with(
            records,
            &query::url(),
            &String::from_utf8_lossy(&methodology),
            &String::from_utf8_lossy(&script),
        )
    }))
}
