//! What the page knows.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Deref;

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
    /// Whether these records are out for a report.
    pub(super) are_taken: bool,
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

/// All records that the report is about: those to compare with, and the page's own, oldest first. They are taken from the page, and go back when this is
/// dropped: a copy of large records would take longer than the report.
pub(super) struct TakenRecords {
    all: Vec<Record>,
    /// How many of them are to compare with.
    others: usize,
    has_newest: bool,
}

impl TakenRecords {
    /// `None` while they are taken already.
    pub(super) fn take() -> Option<Self> {
        page(|page| {
            if std::mem::replace(&mut page.are_taken, true) {
                return None;
            }
            let mut all = std::mem::take(&mut page.others);
            let others = all.len();
            all.append(&mut page.earlier);
            let newest = page.record.take();
            let has_newest = newest.is_some();
            all.extend(newest);
            Some(Self {
                all,
                others,
                has_newest,
            })
        })
    }

    /// Whether no other record came since.
    pub(super) fn are_all(&self) -> bool {
        page(|page| page.others.is_empty() && page.earlier.is_empty() && page.record.is_none())
    }
}

impl Deref for TakenRecords {
    type Target = [Record];

    fn deref(&self) -> &[Record] {
        &self.all
    }
}

impl Drop for TakenRecords {
    fn drop(&mut self) {
        let mut others = std::mem::take(&mut self.all);
        let mut own = others.split_off(self.others);
        let newest = if self.has_newest { own.pop() } else { None };
        page(|page| {
            // What came meanwhile is newer.
            others.append(&mut page.others);
            page.others = others;
            own.append(&mut page.earlier);
            match page.record {
                Some(_) => own.extend(newest),
                None => page.record = newest,
            }
            page.earlier = own;
            page.are_taken = false;
        });
    }
}
