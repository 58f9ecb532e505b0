//! Keeps the records on disk up to date and prints progress.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context, Result};
use tare_core::{NamedTensor, PlanObserver, PlanProgress};
use tare_record::{Cell, CellRequest, Progress, Record, RequestKind};
use tare_report::{ended_line, printable, progress_line};

use crate::npy::write_npy;
use crate::progress_line::ProgressLine;
use crate::record_file::{refuse_taken, rescue_record, write_record};

/// Writes records after every round of a cell, tensors if requested, and progress to standard
/// error. Clones share their state.
#[derive(Clone)]
pub(crate) struct Recorder {
    state: Rc<RefCell<State>>,
    plan: Option<PlanProgress>,
}

#[derive(Default)]
struct State {
    /// Files of the records, by the name of the environment.
    paths: BTreeMap<String, PathBuf>,
    /// The same files, open and locked, so that no other run writes to them.
    held: BTreeMap<String, File>,
    /// Folder for tensors.
    tensors: Option<PathBuf>,
    progress: ProgressLine,
    quiet: bool,
    /// Records that could not be written when they were last changed, by the name of the environment.
    unwritten: BTreeMap<String, Record>,
    /// Whether some tensor could not be written.
    lost_tensors: bool,
}

impl Recorder {
    /// Records into files that are added later.
    pub(crate) fn new(tensors: Option<&PathBuf>, quiet: bool) -> Result<Self> {
        if let Some(folder) = tensors {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("cannot create the folder {}", folder.display()))?;
        }
        let state = State {
            tensors: tensors.cloned(),
            quiet,
            ..State::default()
        };
        Ok(Self {
            state: Rc::new(RefCell::new(state)),
            plan: None,
        })
    }

    /// Keeps the record of an environment in this file. Writes it before anything is measured, so
    /// that a wrong path fails at once and not after an hour.
    pub(crate) fn add(&self, environment: &str, path: &Path, record: &Record) -> Result<()> {
        refuse_taken(path)?;
        let file = write_record(path, record)?;
        let mut state = self.state.borrow_mut();
        state.held.insert(environment.to_owned(), file);
        state.paths.insert(environment.to_owned(), path.to_owned());
        Ok(())
    }

    /// Prints a line.
    pub(crate) fn say(&self, line: &str) {
        self.state.borrow_mut().progress.clear();
        eprintln!("{}", printable(line));
    }

    /// Tries again to write what could not be written, and puts it into the folder for temporary files if it still cannot be. Returns whether all is
    /// where it belongs.
    pub(crate) fn finish(&self) -> bool {
        let unwritten = std::mem::take(&mut self.state.borrow_mut().unwritten);
        let mut is_complete = !self.state.borrow().lost_tensors;
        self.state.borrow_mut().progress.clear();
        for (lane, record) in &unwritten {
            let path = self.state.borrow().paths[lane].clone();
            if let Err(error) = write_record(&path, record) {
                is_complete = false;
                self.say(&format!("{error:#}"));
                match rescue_record(&safe(lane), record) {
                    Ok(elsewhere) => self.say(&format!("the record of {lane} is in {}", elsewhere.display())),
                    Err(error) => self.say(&format!("{error:#}: the report below is all that is left of it")),
                }
            }
        }
        is_complete
    }
}

impl PlanObserver for Recorder {
    fn record_updated(&mut self, lane: &str, record: &Record) {
        let Some(path) = self.state.borrow().paths.get(lane).cloned() else {
            return;
        };
        let written = write_record(&path, record);
        let mut state = self.state.borrow_mut();
        let (earlier, written) = match written {
            Ok(file) => {
                state.held.insert(lane.to_owned(), file);
                (state.unwritten.remove(lane), Ok(()))
            }
            Err(error) => (state.unwritten.insert(lane.to_owned(), record.clone()), Err(error)),
        };
        drop(state);
        match written {
            Err(error) if earlier.is_none() => {
                self.say(&format!(
                    "{error:#}\nmeasuring goes on, and tare tries again after each round"
                ));
            }
            Ok(()) if earlier.is_some() => self.say(&format!("the record {} is written again", path.display())),
            _ => {}
        }
    }

    fn round_started(&mut self, progress: PlanProgress) {
        self.plan = Some(progress);
    }

    fn cell_progress(&mut self, _: &str, request: &CellRequest, progress: &Progress, cell: &Cell) {
        let mut state = self.state.borrow_mut();
        if state.quiet {
            return;
        }
        let percent = self.plan.map(|plan| plan.percent_of_plan(progress.percent));
        let line = progress_line(self.plan, request, progress, cell);
        state.progress.show(percent, &line);
    }

    fn cell_ended(&mut self, _: &str, cell: &Cell) {
        let quiet = self.state.borrow().quiet;
        if !quiet {
            self.say(&ended_line(cell));
        }
    }

    fn note(&mut self, lane: &str, text: &str) {
        self.say(&format!("{lane}: {text}"));
    }

    fn tensors(&mut self, lane: &str, request: &CellRequest, inputs: &[NamedTensor], outputs: &[NamedTensor]) {
        let mut state = self.state.borrow_mut();
        let Some(folder) = state.tensors.clone() else { return };
        let model = request.model.display_name();
        let is_reference = request.kind == RequestKind::Reference;
        let of = if is_reference {
            "reference"
        } else {
            request.engine.as_str()
        };
        // Written once, because all engines get the same inputs as the reference.
        let inputs = if is_reference { inputs } else { &[] };
        let named = inputs
            .iter()
            .map(|t| ("input", t))
            .chain(outputs.iter().map(|t| (of, t)));
        for (part, named) in named {
            let mut configuration = String::new();
            if part != "input" {
                if !is_reference && state.paths.len() > 1 {
                    configuration = format!(".{}", safe(lane));
                }
                if request.threads > 1 {
                    configuration += &format!(".{}threads", request.threads);
                }
                configuration.extend(request.vector_limit().map(|limit| format!(".{limit}")));
            }
            let file = format!("{}.{part}{configuration}.{}.npy", safe(model), safe(&named.name));
            if let Err(error) = write_npy(&folder.join(&file), &named.tensor) {
                state.lost_tensors = true;
                state.progress.clear();
                eprintln!("cannot write {file}: {error:#}");
            }
        }
    }
}

/// Replaces the characters of a name that have a meaning in paths or shells.
fn safe(name: &str) -> String {
    name.chars()
        .map(|c| {
            if c.is_alphanumeric() || "._-".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect()
}

/// Prints the report of a record, and the record's path.
pub(crate) fn print_record(record: &Record, path: &Path, json: bool) {
    print_report(std::slice::from_ref(record), json);
    eprintln!("record: {}", path.display());
}

/// Prints a report that fits the width of the terminal, or one for programs.
pub(crate) fn print_report(records: &[Record], json: bool) {
    if json {
        println!("{}", tare_report::json(records).trim_end());
    } else {
        print!("{}", tare_report::terminal(records, terminal_width()));
    }
}

/// Number of columns of the terminal on standard output. Without a terminal, enough for most
/// tables.
pub(crate) fn terminal_width() -> u16 {
    const WITHOUT_TERMINAL: u16 = 160;
    terminal_size::terminal_size().map_or(WITHOUT_TERMINAL, |(width, _)| width.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine;

    #[test]
    fn a_record_that_cannot_be_written_is_not_lost() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("in").join("native.json");
        let plan = tare_core::plan::built_in("smoke", tare_core::plan::PlanSetting { cores: 1, quick: false }).unwrap();
        let clock = tare_record::ClockInfo {
            source: "simulated".into(),
            granularity_ns: 1,
            read_cost_ns: 1,
        };
        let mut record = Record::new(
            machine::build_info(),
            machine::now(),
            "test".into(),
            machine::machine(),
            clock,
            plan,
        );
        let mut recorder = Recorder::new(None, true).unwrap();
        // No other test has this name.
        let lane = crate::server::token::token();
        let lane = lane.as_str();
        std::fs::create_dir(folder.path().join("in")).unwrap();
        recorder.add(lane, &path, &record).unwrap();

        // Another run stays away, and may write when this one has ended.
        if cfg!(unix) {
            let other = Recorder::new(None, true).unwrap().add(lane, &path, &record);
            assert!(
                other
                    .unwrap_err()
                    .to_string()
                    .starts_with("another run of tare is writing")
            );
            let first = Recorder::new(None, true).unwrap();
            let beside = folder.path().join("beside.json");
            first.add(lane, &beside, &record).unwrap();
            drop(first);
            Recorder::new(None, true).unwrap().add(lane, &beside, &record).unwrap();
        }

        // The disk comes back: the next write makes up for the one that failed.
        std::fs::remove_dir_all(folder.path().join("in")).unwrap();
        recorder.record_updated(lane, &record);
        std::fs::create_dir(folder.path().join("in")).unwrap();
        record.complete = true;
        recorder.record_updated(lane, &record);
        assert!(recorder.finish() && crate::commands::report::read(&path).unwrap().complete);

        // It comes back only after the last write.
        std::fs::remove_dir_all(folder.path().join("in")).unwrap();
        recorder.record_updated(lane, &record);
        std::fs::create_dir(folder.path().join("in")).unwrap();
        assert!(recorder.finish() && path.is_file());

        // It does not come back: the record is elsewhere.
        std::fs::remove_dir_all(folder.path().join("in")).unwrap();
        recorder.record_updated(lane, &record);
        let copies = || {
            let entries = std::fs::read_dir(std::env::temp_dir()).unwrap().flatten();
            let is_copy = |path: &PathBuf| path.to_string_lossy().contains(&format!("tare-{lane}-"));
            entries.map(|entry| entry.path()).filter(is_copy).collect::<Vec<_>>()
        };
        assert!(!recorder.finish());
        let new = copies();
        assert_eq!(new.len(), 1);
        assert_eq!(crate::commands::report::read(&new[0]).unwrap(), record);
        std::fs::remove_file(&new[0]).unwrap();
    }
}
