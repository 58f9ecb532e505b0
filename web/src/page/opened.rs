//! Files that the user dropped, chose or fetched: models, and records to compare with.

use tare_core::Clock;
use tare_record::Record;

use super::choices::{add_model, remove_model};
use super::results::show_others;
use super::state::page;
use super::view;
use crate::clock::PerformanceClock;

/// What the files that the user opened together hold.
#[derive(Default)]
pub(super) struct Opened {
    records: Vec<Record>,
    messages: Vec<String>,
}

impl Opened {
    /// Takes a file: an ONNX model, or a record. Returns whether it is a model that can be run.
    pub(super) fn take(&mut self, name: &str, bytes: Vec<u8>) -> bool {
        let is_record = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
        if is_record {
            self.take_record(name, &bytes);
            return false;
        }
        match tare_models::signature(&bytes) {
            Ok(signature) => {
                // A model with the same name replaces the first.
                if page(|page| page.models.insert(name.to_owned(), bytes.into())).is_some() {
                    remove_model(name);
                }
                add_model(name, &signature);
                true
            }
            Err(error) => {
                self.say(view::with_hint(&format!("{name}: {error}"), error.hint()));
                false
            }
        }
    }

    fn take_record(&mut self, name: &str, bytes: &[u8]) {
        let Ok(text) = std::str::from_utf8(bytes) else {
            return self.say(format!("{name} is not text: a record is JSON in UTF-8."));
        };
        match Record::from_json(text) {
            Ok(record) => {
                let cells = match record.cells.len() {
                    1 => "1 cell".to_owned(),
                    count => format!("{count} cells"),
                };
                self.say(format!(
                    "{name}: a {} record with {cells} to compare with.",
                    record.machine.kind
                ));
                self.records.push(record);
            }
            Err(error) => self.say(format!("{name}: {error}")),
        }
    }

    /// Tells the user something about a file.
    pub(super) fn say(&mut self, message: String) {
        self.messages.push(message);
    }

    /// Shows what was said, and then the report of all records, which takes a moment if they are large.
    pub(super) async fn show(self) {
        let has_records = !self.records.is_empty();
        view::set_report_busy(has_records);
        if !self.messages.is_empty() {
            view::note(&self.messages.join(" "));
        }
        if has_records {
            PerformanceClock.sleep(0).await;
            show_others(self.records).await;
            view::set_report_busy(false);
            // The chooser may fill the screen.
            view::scroll_to_note();
        }
    }
}
