//! Keeps the record on disk up to date and prints progress.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tare_core::{NamedTensor, PlanObserver, PlanProgress};
use tare_record::{Cell, CellRequest, Progress, Record, RequestKind};
use tare_report::{ended_line, progress_line};

use crate::npy::write_npy;
use crate::progress_line::ProgressLine;

/// Writes the record after every round of a cell, tensors if requested, and progress to standard
/// error.
pub(crate) struct RecordWriter {
    path: PathBuf,
    tensors: Option<PathBuf>,
    plan: Option<PlanProgress>,
    progress: ProgressLine,
    error: Option<anyhow::Error>,
}

impl RecordWriter {
    /// Writes the record once before anything is measured, so that a wrong path fails at once and
    /// not after an hour.
    pub(crate) fn new(path: &Path, tensors: Option<&PathBuf>, record: &Record) -> Result<Self> {
        if let Some(folder) = tensors {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("cannot create the folder {}", folder.display()))?;
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

    /// Returns the first error of writing, if there was one.
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
        // Written once, because all engines get the same inputs as the reference.
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
            let mut configuration = String::new();
            if part != "input" {
                if request.threads > 1 {
                    configuration = format!(".{}threads", request.threads);
                }
                configuration.extend(request.vector_limit().map(|limit| format!(".{limit}")));
            }
            let file = format!("{}.{part}{configuration}.{}.npy", safe(model), safe(&named.name));
            if let Err(error) = write_npy(&folder.join(&file), &named.tensor) {
                self.error.get_or_insert(error.context(format!("cannot write {file}")));
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
pub(crate) fn print_record(record: &Record, path: &Path) {
    print_report(std::slice::from_ref(record));
    eprintln!("record: {}", path.display());
}

/// Prints a report that fits the width of the terminal.
pub(crate) fn print_report(records: &[Record]) {
    print!("{}", tare_report::terminal(records, terminal_width()));
}

/// Number of columns of the terminal on standard output. Without a terminal, enough for most
/// tables.
pub(crate) fn terminal_width() -> u16 {
    const WITHOUT_TERMINAL: u16 = 160;
    terminal_size::terminal_size().map_or(WITHOUT_TERMINAL, |(width, _)| width.0)
}

/// Writes a record so that the file is complete at any time: first to a temporary file in the same
/// folder, which then replaces the file.
pub(crate) fn write_record(path: &Path, record: &Record) -> Result<()> {
    let write = || -> Result<()> {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
        temporary.write_all(record.to_json()?.as_bytes())?;
        temporary.as_file().sync_all()?;
        temporary.persist(path)?;
        Ok(())
    };
    write().with_context(|| format!("cannot write the record {}", path.display()))
}
