//! Comparisons that an experiment repeats.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tare_record::Record;
use xshell::{Shell, cmd};

use crate::build::{Profile, native_binary};
use crate::paths::target;

/// The folder of an experiment, emptied.
pub(super) fn folder(sh: &Shell, name: &str) -> Result<PathBuf> {
    let folder = target().join("experiments").join(name);
    sh.remove_path(&folder)?;
    sh.create_dir(&folder)?;
    Ok(folder)
}

/// Measures a model natively and in a browser, in turn, and returns both records.
pub(super) fn bench(sh: &Shell, out: &Path, options: &[&str]) -> Result<Vec<Record>> {
    let tare = native_binary(Profile::Release);
    cmd!(sh, "{tare} bench {options...} -o {out}")
        .quiet()
        .ignore_stdout()
        .ignore_stderr()
        .run()
        .with_context(|| format!("see {}", out.display()))?;
    ["native", "browser"]
        .map(|name| read(&out.join(format!("{name}.json"))))
        .into_iter()
        .collect()
}

fn read(path: &Path) -> Result<Record> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Record::from_json(&text).with_context(|| path.display().to_string())
}
