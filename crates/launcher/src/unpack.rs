//! Unpacking the program.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};

/// How long a version is kept after it was started for the last time.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// The program in `cache`, where it is unpacked if it is not there yet. Another process may do the same at the same time.
pub(crate) fn into_cache(cache: &Path, hash: &str, mut compressed: &[u8]) -> Result<PathBuf> {
    let folder = cache.join(hash);
    let program = folder.join(format!("tare{}", std::env::consts::EXE_SUFFIX));
    if program.is_file() {
        mark_as_used(&folder);
        return Ok(program);
    }
    let cannot_write = || format!("cannot write to {}", cache.display());
    fs::create_dir_all(&folder).with_context(cannot_write)?;
    let mut file = tempfile::NamedTempFile::new_in(&folder).with_context(cannot_write)?;
    brotli_decompressor::BrotliDecompress(&mut compressed, &mut file).with_context(cannot_write)?;
    file.flush().with_context(cannot_write)?;
    make_executable(file.path()).with_context(cannot_write)?;
    // Closed before it gets its name: Linux starts no program that is open for writing.
    file.into_temp_path().persist(&program).with_context(cannot_write)?;
    delete_unused(cache);
    Ok(program)
}

#[cfg(unix)]
fn make_executable(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn make_executable(_path: &Path) -> std::io::Result<()> {
    Ok(())
}

/// Remembers that a version was started. Without it, the version is unpacked again some day.
fn mark_as_used(folder: &Path) {
    let _ = fs::File::open(folder).and_then(|folder| folder.set_modified(SystemTime::now()));
}

/// Deletes versions that nobody has started for a while. A run of one starts further processes of it, so the others stay.
fn delete_unused(cache: &Path) {
    let Ok(entries) = fs::read_dir(cache) else { return };
    for entry in entries.flatten().filter(|entry| is_hash(&entry.file_name())) {
        let age = entry
            .metadata()
            .and_then(|metadata| metadata.modified())
            .map(|used| used.elapsed());
        if matches!(age, Ok(Ok(age)) if age > KEPT) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Whether a folder's name is one that the launcher gives.
fn is_hash(name: &OsStr) -> bool {
    name.len() == 32 && name.to_string_lossy().chars().all(|c| c.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `#!/bin/sh` and `exit 7`, compressed by brotli.
    const SCRIPT: &[u8] = &[
        11, 8, 128, 35, 33, 47, 98, 105, 110, 47, 115, 104, 10, 101, 120, 105, 116, 32, 55, 10, 3,
    ];

    #[test]
    #[cfg(unix)]
    fn a_program_is_unpacked_once_and_runs() {
        let cache = tempfile::tempdir().unwrap();
        let long = KEPT + Duration::from_secs(60);
        let [unused, used, another] =
            ["0".repeat(32), "f".repeat(32), "not of tare".to_owned()].map(|name| cache.path().join(name));
        for (folder, age) in [(&unused, long), (&used, Duration::ZERO), (&another, long)] {
            fs::create_dir(folder).unwrap();
            fs::File::open(folder)
                .unwrap()
                .set_modified(SystemTime::now() - age)
                .unwrap();
        }
        let program = into_cache(cache.path(), "hash", SCRIPT).unwrap();
        assert_eq!(fs::read_to_string(&program).unwrap(), "#!/bin/sh\nexit 7\n");
        let status = std::process::Command::new(&program).status().unwrap();
        assert_eq!(status.code(), Some(7));
        assert!(!unused.exists() && used.exists() && another.exists());
        // It is not unpacked again.
        assert_eq!(into_cache(cache.path(), "hash", b"not brotli").unwrap(), program);
    }

    #[test]
    fn a_damaged_program_is_an_error_and_leaves_nothing() {
        let cache = tempfile::tempdir().unwrap();
        assert!(into_cache(cache.path(), "hash", b"not brotli").is_err());
        assert_eq!(fs::read_dir(cache.path().join("hash")).unwrap().count(), 0);
    }

    #[test]
    fn a_file_in_place_of_the_cache_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let error = into_cache(&file, "hash", SCRIPT).unwrap_err();
        assert!(format!("{error:#}").starts_with("cannot write to "), "{error:#}");
    }
}
