//! Results: the report on the page, and the files that a user saves.

use tare_core::Clock;
use tare_record::Record;
use tare_report::Report;

use super::state::{TakenRecords, page};
use super::{browser_info, query, view};
use crate::clock::PerformanceClock;

/// The report of more cells takes more than a moment.
const MANY_CELLS: usize = 2_000;

/// Takes the newest state of a record, without a report: that would be drawn while the page measures.
pub(super) fn update(record: &Record) {
    page(|page| page.record = Some(record.clone()));
    view::publish(record);
}

/// Shows a record, together with the records to compare it with.
pub(super) fn show(record: Record) {
    update(&record);
    // Who draws already will draw this one, too.
    if let Some(records) = TakenRecords::take() {
        view::report(&Report::new(&records).fragment());
    }
}

/// Shows further records to compare with. The answer comes first if there are many cells.
pub(super) async fn show_others(others: Vec<Record>) {
    page(|page| page.others.extend(others));
    while let Some(records) = TakenRecords::take() {
        let report = Report::new(&records);
        if records.iter().map(|record| record.cells.len()).sum::<usize>() > MANY_CELLS {
            view::report(&report.answer());
            view::drawn().await;
        }
        view::report(&report.fragment());
        if records.are_all() {
            break;
        }
    }
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
    loop {
        if let Some(records) = TakenRecords::take() {
            return Ok(tare_report::html_with(
                &records,
                &query::url(),
                &String::from_utf8_lossy(&methodology),
                &String::from_utf8_lossy(&script),
            ));
        }
        // A report is being drawn.
        PerformanceClock.sleep(10_000_000).await;
    }
}
