//! Keeps the record on disk up to date, and prints progress.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tare_core::{NamedTensor, PlanObserver, PlanProgress};
use tare_record::{Cell, CellRequest, Progress, Record, RequestKind};
use tare_report::{ended_line, progress_line};

use crate::npy::write_npy;
use crate::progress_line::ProgressLine;

/// Writes the record after every cell, tensors if asked to, and progress to standard error.
pub(crate) struct RecordWriter {
    path: PathBuf,
    tensors: Option<PathBuf>,
    plan: Option<PlanProgress>,
    progress: ProgressLine,
    error: Option<anyhow::Error>,
}

impl RecordWriter {
    /// Fails at once if the record or the folder for tensors cannot be written: not after an hour of measuring.
    pub(crate) fn new(path: &Path, tensors: Option<&PathBuf>, record: &Record) -> Result<Self> {
        if let Some(folder) = tensors {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
        }
        write_record(path, record)?;
        Ok(Self {
            path: path.to_owned(),
            tensors: tensors.cloned(),
            plan: None,
            progress: ProgressLine::default(),
            error: None,
        })
    }

    /// What could not be written, if anything.
    pub(crate) fn finish(mut self) -> Result<()> {
        self.progress.clear();
        self.error.map_or(Ok(()), Err)
    }
}

impl PlanObserver for RecordWriter {
    fn record_updated(&mut self, record: &Record) {
        if let Err(error) = write_record(&self.path, record) {
            self.error.get_or_insert(error);
        }
    }

    fn round_started(&mut self, progress: PlanProgress) {
        self.plan = Some(progress);
    }

    fn cell_progress(&mut self, request: &CellRequest, progress: &Progress, cell: &Cell) {
        self.progress.show(&progress_line(self.plan, request, progress, cell));
    }

    fn cell_ended(&mut self, cell: &Cell) {
        self.progress.clear();
        eprintln!("{}", ended_line(cell));
    }

    fn tensors(&mut self, request: &CellRequest, inputs: &[NamedTensor], outputs: &[NamedTensor]) {
        let Some(folder) = &self.tensors else { return };
        let model = request.model.display_name();
        let of = if request.kind == RequestKind::Reference {
            "reference"
        } else {
            request.engine.as_str()
        };
        // The reference was fed the same inputs as all engines.
        let inputs = if request.kind == RequestKind::Reference {
            inputs
        } else {
            &[]
        };
        let named = inputs
            .iter()
            .map(|t| ("input", t))
            .chain(outputs.iter().map(|t| (of, t)));
        for (part, named) in named {
            let mut how = String::new();
            if part != "input" {
                if request.threads > 1 {
                    how = format!(".{}threads", request.threads);
                }
                how.extend(request.vector_limit().map(|limit| format!(".{limit}")));
            }
            let file = format!("{}.{part}{how}.{}.npy", safe(model), safe(&named.name));
            if let Err(error) = write_npy(&folder.join(&file), &named.tensor) {
                self.error.get_or_insert(error.context(format!("cannot write {file}")));
            }
        }
    }
}

/// A name without characters that folders or shells take for something else.
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

/// Prints what a record says, and where it is.
pub(crate) fn print_record(record: &Record, path: &Path) {
    print_report(std::slice::from_ref(record));
    eprintln!("record: {}", path.display());
}

/// Prints a report as wide as the terminal is.
pub(crate) fn print_report(records: &[Record]) {
    print!("{}", tare_report::terminal(records, terminal_width()));
}

/// Columns of the terminal on standard output; enough for most tables where there is none.
pub(crate) fn terminal_width() -> u16 {
    const WITHOUT_TERMINAL: u16 = 160;
    terminal_size::terminal_size().map_or(WITHOUT_TERMINAL, |(width, _)| width.0)
}

/// Writes a record so that at every moment the file holds a whole one: beside it first, then over it.
pub(crate) fn write_record(path: &Path, record: &Record) -> Result<()> {
    let write = || -> Result<()> {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let mut beside = tempfile::NamedTempFile::new_in(folder)?;
        beside.write_all(record.to_json()?.as_bytes())?;
        beside.as_file().sync_all()?;
        beside.persist(path)?;
        Ok(())
    };
    write().with_context(|| format!("cannot write the record {}", path.display()))
}
