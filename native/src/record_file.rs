//! Files of records: complete at any time, and never in place of something else.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use tare_record::Record;

/// What a record holds near its beginning, without spaces.
const MARK: &str = "\"schema\":\"tare.record/";

/// Writes a record so that the file is complete at any time: first to a temporary file in the same folder, which then
/// replaces the file. A link is followed to its file. Anything but a regular file, such as a pipe, is written to directly.
/// Returns the file, to which no run that starts later writes as long as it is open.
pub(crate) fn write_record(path: &Path, record: &Record) -> Result<File> {
    let write = || -> Result<File> {
        let text = record.to_json()?;
        let path = real(path);
        if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
            let mut file = OpenOptions::new().write(true).open(&path)?;
            file.write_all(text.as_bytes())?;
            return Ok(file);
        }
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let mut temporary = new_file().tempfile_in(folder)?;
        temporary.write_all(text.as_bytes())?;
        temporary.as_file().sync_all()?;
        // Not every file system has locks. On Windows, a locked file could not be read.
        if cfg!(unix) {
            let _ = temporary.as_file().try_lock();
        }
        let file = temporary.persist(&path)?;
        // Not every system can: the record is there without it, too, unless the power fails now.
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
        Ok(file)
    };
    write().with_context(|| format!("cannot write the record {}", path.display()))
}

/// Writes a record to a new file in the folder for temporary files.
pub(crate) fn rescue_record(name: &str, record: &Record) -> Result<PathBuf> {
    let mut file = new_file().prefix(&format!("tare-{name}-")).suffix(".json").tempfile()?;
    file.write_all(record.to_json()?.as_bytes())?;
    file.as_file().sync_all()?;
    Ok(file.keep()?.1)
}

/// Others may read it like any file: only what the user's own mask takes away is missing.
pub(crate) fn new_file() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder
}

/// The path without links. They may lead to a file that is not there yet.
fn real(path: &Path) -> PathBuf {
    const MAX_LINKS: usize = 40;
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    let mut real = path.to_owned();
    for _ in 0..MAX_LINKS {
        match real.read_link() {
            Ok(target) => real = real.parent().unwrap_or(Path::new("")).join(target),
            Err(_) => break,
        }
    }
    real
}

/// Refuses to write where a record is that holds something measured. The hint says what to do instead.
pub(crate) fn refuse_record(output: &Path, hint: &str) -> Result<()> {
    // Reading from a pipe or a terminal would wait.
    if !output.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Ok(());
    }
    let mut beginning = Vec::new();
    let read = File::open(output).and_then(|file| file.take(200).read_to_end(&mut beginning));
    let mut beginning = String::from_utf8_lossy(&beginning).into_owned();
    beginning.retain(|c| !c.is_whitespace());
    let is_record = read.is_ok() && beginning.contains(MARK);
    if is_record && !is_empty(output) {
        bail!(
            "{} is a record, which cannot be measured again\nhint: {hint}",
            output.display()
        );
    }
    Ok(())
}

/// Refuses to write where another run writes its record.
pub(crate) fn refuse_taken(output: &Path) -> Result<()> {
    if !output.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Ok(());
    }
    let locked = File::open(output).map(|file| file.try_lock_shared());
    if matches!(locked, Ok(Err(TryLockError::WouldBlock))) {
        bail!(
            "another run of tare is writing the record {}\nhint: wait until it ends, or write to another file",
            output.display()
        );
    }
    Ok(())
}

/// Whether nothing was measured yet, as in a run that was ended at once.
fn is_empty(record: &Path) -> bool {
    let read = std::fs::read_to_string(record).ok();
    let record = read.and_then(|text| Record::from_json(&text).ok());
    record.is_some_and(|record| record.cells.iter().all(|cell| cell.samples_ns.is_empty()))
}
