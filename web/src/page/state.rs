//! What the page knows.

use std::cell::RefCell;
use std::collections::BTreeMap;

use bytes::Bytes;
use tare_core::OfferedPlan;
use tare_record::Record;
use web_sys::AbortController;

use super::executor::WorkerExecutor;

/// The state of the page.
#[derive(Default)]
pub(super) struct Page {
    /// The last record that this page measured.
    pub(super) record: Option<Record>,
    /// Records that it measured before.
    pub(super) earlier: Vec<Record>,
    /// Records to compare with, which the user opened.
    pub(super) others: Vec<Record>,
    /// Records of earlier visits that the user was offered, oldest first.
    pub(super) kept: Vec<Record>,
    /// Models that the user opened or fetched, by name.
    pub(super) models: BTreeMap<String, Bytes>,
    /// The experiments that the page offers.
    pub(super) plans: Vec<OfferedPlan>,
    /// The running executor, for canceling.
    pub(super) executor: Option<WorkerExecutor>,
    /// Aborts the download of a model.
    pub(super) fetching: Option<AbortController>,
    /// Time from the start of the navigation until the form was usable.
    pub(super) ready_ns: Option<u64>,
    /// Whether a service worker gives the page shared memory, because the host does not.
    pub(super) isolated_by_service_worker: bool,
    /// Why WebGPU cannot be used, or `None` if it can.
    pub(super) no_webgpu: Option<String>,
    /// Why the default engine runs on the CPU, or `None` if it uses WebGPU.
    pub(super) fallback: Option<String>,
}

thread_local! {
    static PAGE: RefCell<Page> = RefCell::default();
}

/// Calls `with` with the state of the page, which must not be borrowed across an await.
pub(super) fn page<T>(with: impl FnOnce(&mut Page) -> T) -> T {
    PAGE.with_borrow_mut(with)
}

/// Calls `with` with all records that the report is about: those to compare with, and the page's own, oldest first.
pub(super) fn with_records<T>(with: impl FnOnce(&[Record]) -> T) -> T {
    page(|page| {
        // Moved together and back: a copy of large records would take longer than the report.
        let (others, earlier) = (page.others.len(), page.earlier.len());
        let mut all = std::mem::take(&mut page.others);
        all.append(&mut page.earlier);
        all.extend(page.record.take());
        let result = with(&all);
        let mut own = all.split_off(others);
        if own.len() > earlier {
            page.record = own.pop();
        }
        page.earlier = own;
        page.others = all;
        result
    })
}
