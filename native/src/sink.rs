//! Keeps records on disk as they grow, and tells what came of every cell.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tare_core::stats::rounds_estimate;
use tare_core::{NamedTensor, Sink, Turn, run_lengths_ns};
use tare_record::{Cell, CellRequest, Progress, Record, Stage, Status};
use tare_report::{duration, rung};

use crate::progress_line::ProgressLine;
use crate::selection::write_npy;

/// Writes the record after every cell, tensors if asked to, and progress to standard error.
pub(crate) struct FileSink {
    path: PathBuf,
    tensors: Option<PathBuf>,
    turn: Option<Turn>,
    progress: ProgressLine,
    error: Option<anyhow::Error>,
}

impl FileSink {
    /// Fails at once if the record or the folder for tensors cannot be written: not after an hour of measuring.
    pub(crate) fn new(path: &Path, tensors: Option<&PathBuf>, record: &Record) -> Result<Self> {
        if let Some(folder) = tensors {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
        }
        write_record(path, record)?;
        Ok(Self {
            path: path.to_owned(),
            tensors: tensors.cloned(),
            turn: None,
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

impl Sink for FileSink {
    fn save(&mut self, record: &Record) {
        if let Err(error) = write_record(&self.path, record) {
            self.error.get_or_insert(error);
        }
    }

    fn ended(&mut self, cell: &Cell) {
        self.progress.clear();
        eprintln!("{}", cell_line(cell));
    }

    fn turn(&mut self, turn: Turn) {
        self.turn = Some(turn);
    }

    fn progress(&mut self, request: &CellRequest, progress: &Progress, cell: &Cell) {
        self.progress
            .show(&tare_report::progress(self.turn, request, progress, cell));
    }

    fn tensors(&mut self, request: &CellRequest, inputs: &[NamedTensor], outputs: &[NamedTensor]) {
        let Some(folder) = &self.tensors else { return };
        let model = request.model.display_name();
        let of = if request.stage == Stage::Reference {
            "reference"
        } else {
            request.engine.as_str()
        };
        // The reference was fed the same inputs as all engines.
        let inputs = if request.stage == Stage::Reference { inputs } else { &[] };
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
                how.extend(request.vector_limit.iter().map(|limit| format!(".{limit}")));
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

pub(crate) fn cell_line(cell: &Cell) -> String {
    let subject = format!("{} on {} ({})", cell.model.name, cell.engine.name, rung(cell));
    match &cell.status {
        Status::Measured => {
            let median = rounds_estimate(&run_lengths_ns(cell));
            format!(
                "{subject}: {} a run, {} samples in {} round{}",
                median.map_or_else(String::new, |median| duration(median.value)),
                cell.samples_ns.len(),
                cell.rounds.len(),
                if cell.rounds.len() == 1 { "" } else { "s" }
            )
        }
        Status::Failed(failure) => format!("{subject}: failed: {}", failure.message),
        Status::TimedOut(failure) => format!("{subject}: timed out: {}", failure.message),
        Status::Cancelled => format!("{subject}: cancelled"),
    }
}

/// Tells what a record says, and where it is.
pub(crate) fn tell(record: &Record, path: &Path) {
    print!("{}", tare_report::terminal(std::slice::from_ref(record)));
    eprintln!("record: {}", path.display());
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
