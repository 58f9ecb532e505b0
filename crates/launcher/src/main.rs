//! The one file that ships. It holds the program, compressed to a third, because the kernels of three engines make a large one:
//! it unpacks the program into the user's cache the first time, and becomes it.

mod unpack;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, anyhow, bail};

/// The program, compressed by brotli. Empty where no program was given to the build.
static PROGRAM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/program.br"));

/// The beginning of its SHA-256: programs of several versions stay apart.
const HASH: &str = env!("PROGRAM_HASH");

fn main() -> ExitCode {
    match launch() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn launch() -> Result<ExitCode> {
    if PROGRAM.is_empty() {
        bail!("this launcher holds no program\nhint: build it with `cargo xtask dist`");
    }
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let error = match cache().map(|cache| unpack::into_cache(&cache, HASH, PROGRAM)) {
        Some(Ok(program)) => return become_program(&program, &arguments),
        Some(Err(error)) => error,
        None => anyhow!("found no cache folder of this system"),
    };
    // The cache of the user cannot be written to: this time only, then.
    let folder = tempfile::tempdir().with_context(|| {
        format!("cannot unpack the program: {error:#}\nhint: set TARE_CACHE or TMPDIR to a writable folder")
    })?;
    let program = unpack::into_cache(folder.path(), HASH, PROGRAM).with_context(|| {
        format!("cannot unpack the program: {error:#}\nhint: set TARE_CACHE or TMPDIR to a folder with 200 MB of space")
    })?;
    let status = run(&program, &arguments)?;
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from))
}

/// The folder for programs: in the folder `TARE_CACHE`, or in the system's cache folder.
fn cache() -> Option<PathBuf> {
    let folder = std::env::var_os("TARE_CACHE").map(PathBuf::from);
    let folder = folder.or_else(|| Some(dirs::cache_dir()?.join("tare")))?;
    Some(folder.join("programs"))
}

fn run(program: &Path, arguments: &[OsString]) -> Result<std::process::ExitStatus> {
    let status = Command::new(program).args(arguments).status();
    status.with_context(|| format!("cannot start {}", program.display()))
}

#[cfg(unix)]
fn become_program(program: &Path, arguments: &[OsString]) -> Result<ExitCode> {
    use std::os::unix::process::CommandExt as _;
    let error = Command::new(program).args(arguments).exec();
    Err(error).with_context(|| format!("cannot start {}", program.display()))
}

#[cfg(not(unix))]
fn become_program(program: &Path, arguments: &[OsString]) -> Result<ExitCode> {
    let status = run(program, arguments)?;
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from))
}
