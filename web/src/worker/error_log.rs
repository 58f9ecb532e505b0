//! Keeps the first error that a library logs. In browsers, log messages are the only way in which
//! burn reports shader errors.

use std::cell::RefCell;

use tare_record::{Cell, Failure, Status};
use wasm_bindgen::JsValue;

struct ErrorLog;

thread_local! {
    static LOGGED: RefCell<Option<String>> = const { RefCell::new(None) };
}

impl log::Log for ErrorLog {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Error
    }

    fn log(&self, record: &log::Record<'_>) {
        let line = format!("{}: {}", record.target(), record.args());
        web_sys::console::error_1(&JsValue::from_str(&line));
        LOGGED.with(|logged| {
            logged.borrow_mut().get_or_insert(line);
        });
    }

    fn flush(&self) {}
}

/// Installs the logger.
pub(super) fn install() {
    // Cannot fail, because no other logger is set.
    let _ = log::set_logger(&ErrorLog);
    log::set_max_level(log::LevelFilter::Error);
}

/// Adds the first logged error to the failure of a cell, if it failed.
pub(super) fn add_to(cell: &mut Cell) {
    if let Status::Failed(failure) | Status::TimedOut(failure) = &mut cell.status {
        add_to_failure(failure);
    }
}

/// Adds the first logged error to a failure.
pub(super) fn add_to_failure(failure: &mut Failure) {
    if let Some(logged) = LOGGED.with(|logged| logged.borrow_mut().take()) {
        failure.add_log(&logged);
    }
}
