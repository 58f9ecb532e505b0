//! The folder of a run: a record for each environment, the report, and what is needed to repeat or
//! resume the run.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tare_record::Record;

use crate::commands::report::read;
use crate::server::token::token;

/// What the folder knows about its run.
const RUN: &str = "run.json";
/// The command that repeats the run.
const COMMAND: &str = "command.txt";
/// The report.
const REPORT: &str = "report.html";

/// The folder of a run that is in progress. No other run can use it meanwhile.
#[derive(Debug)]
pub(crate) struct RunFolder {
    pub(crate) path: PathBuf,
    /// Identifies the run.
    pub(crate) run: String,
    /// Whether its records are continued.
    is_resumed: bool,
    /// Held until the run ends.
    _lock: File,
}

impl RunFolder {
    /// Starts a run in a new or empty folder.
    pub(crate) fn create(path: &Path, command: &str) -> Result<Self> {
        std::fs::create_dir_all(path).with_context(|| format!("cannot create the folder {}", path.display()))?;
        let hint = "pass another folder with -o, or go on with that run: tare bench --resume FOLDER";
        if path.join(RUN).exists() {
            bail!("the folder {} holds a run already\nhint: {hint}", path.display());
        }
        let mut entries =
            std::fs::read_dir(path).with_context(|| format!("cannot read the folder {}", path.display()))?;
        let is_record = |path: &Path| path.extension().is_some_and(|extension| extension == "json");
        if let Some(entry) = entries.find_map(|entry| entry.ok().filter(|entry| is_record(&entry.path()))) {
            bail!(
                "the folder {} holds {:?}, which may be a record of another run\nhint: pass another folder with -o",
                path.display(),
                entry.file_name()
            );
        }
        let run = token()[..16].to_owned();
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        let directory = std::env::current_dir().context("cannot read the current folder")?;
        let known = json!({ "run": run, "arguments": arguments, "directory": directory });
        let file = path.join(RUN);
        std::fs::write(&file, format!("{known:#}\n")).with_context(|| format!("cannot write {}", file.display()))?;
        let lock = lock(&file)?;
        std::fs::write(path.join(COMMAND), format!("{command}\n"))
            .with_context(|| format!("cannot write to the folder {}", path.display()))?;
        Ok(Self {
            path: path.to_owned(),
            run,
            is_resumed: false,
            _lock: lock,
        })
    }

    /// Goes on with the run in a folder. Returns the arguments of its command, too.
    pub(crate) fn resume(path: &Path) -> Result<(Self, Vec<String>)> {
        let path = std::path::absolute(path).with_context(|| format!("cannot find {}", path.display()))?;
        let file = path.join(RUN);
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("{} is not the folder of a run: cannot read its {RUN}", path.display()))?;
        let known: Value = serde_json::from_str(&text).with_context(|| format!("cannot read {}", file.display()))?;
        let lock = lock(&file)?;
        let (Some(run), Some(arguments), Some(directory)) = (
            known["run"].as_str(),
            known["arguments"].as_array(),
            known["directory"].as_str(),
        ) else {
            bail!("{} does not describe a run", file.display());
        };
        std::env::set_current_dir(directory)
            .with_context(|| format!("the run was started in {directory}, which is not there"))?;
        let arguments = arguments
            .iter()
            .filter_map(|argument| argument.as_str().map(str::to_owned));
        let folder = Self {
            run: run.to_owned(),
            path,
            is_resumed: true,
            _lock: lock,
        };
        Ok((folder, arguments.collect()))
    }

    /// The file of an environment's record.
    pub(crate) fn record(&self, environment: &str) -> PathBuf {
        self.path.join(format!("{environment}.json"))
    }

    /// The record of an environment that this run goes on with, if there is one.
    ///
    /// # Errors
    ///
    /// If it is that of another run or of another build of this program.
    pub(crate) fn earlier(&self, environment: &str, new: &Record) -> Result<Option<Record>> {
        let path = self.record(environment);
        if !self.is_resumed || !path.exists() {
            return Ok(None);
        }
        let record = read(&path)?;
        if record.run.as_deref() != Some(&self.run) {
            bail!("{} is of another run\nhint: move it out of the folder", path.display());
        }
        let same = |record: &Record| {
            (
                record.build.version.clone(),
                record.build.git_revision.clone(),
                record.plan.clone(),
            )
        };
        if same(&record) != same(new) {
            bail!(
                "{} was measured by another build of tare or with another plan\nhint: start a new run",
                path.display()
            );
        }
        Ok(Some(record))
    }

    /// Removes what [`Self::create`] wrote if no record was written: the run can then be started again.
    pub(crate) fn discard_if_unused(&self) {
        let entries = std::fs::read_dir(&self.path).into_iter().flatten().flatten();
        if entries
            .into_iter()
            .all(|entry| entry.file_name() == RUN || entry.file_name() == COMMAND)
        {
            // What cannot be removed does no harm.
            let _ = std::fs::remove_file(self.path.join(RUN));
            let _ = std::fs::remove_file(self.path.join(COMMAND));
            let _ = std::fs::remove_dir(&self.path);
        }
    }

    /// Writes the report.
    pub(crate) fn report(&self, records: &[Record], command: &str) -> Result<PathBuf> {
        let path = self.path.join(REPORT);
        std::fs::write(&path, tare_report::html(records, command))
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }
}

fn lock(file: &Path) -> Result<File> {
    let opened = File::options().write(true).open(file);
    let opened = opened.with_context(|| format!("cannot open {}", file.display()))?;
    match opened.try_lock() {
        Ok(()) => Ok(opened),
        Err(TryLockError::WouldBlock) => {
            let folder = file.parent().unwrap_or(file).display();
            bail!("another run is using the folder {folder}\nhint: wait for it, or pass another folder with -o")
        }
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("cannot lock {}", file.display())),
    }
}
