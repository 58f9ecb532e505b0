//! Programs and packages of the system.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use xshell::{Shell, cmd};

use crate::step::step;

/// Installs Debian packages where that is possible.
pub(super) fn debian(sh: &Shell, packages: &[&str], what: &str) -> Result<()> {
    let root = cmd!(sh, "id -u")
        .quiet()
        .ignore_stderr()
        .read()
        .is_ok_and(|id| id == "0");
    if which("apt-get").is_none() || !root {
        bail!(
            "{what} is missing\nhint: install it; on Debian and Ubuntu: sudo apt-get install {}",
            packages.join(" ")
        );
    }
    step(&format!("installing {}", packages.join(", ")));
    let quiet = ["-o", "Dpkg::Use-Pty=0"];
    cmd!(sh, "apt-get -q {quiet...} update")
        .run()
        .context("cannot update the list of packages")?;
    cmd!(
        sh,
        "apt-get -q {quiet...} install -y --no-install-recommends {packages...}"
    )
    .env("DEBIAN_FRONTEND", "noninteractive")
    .run()
    .with_context(|| format!("cannot install {}", packages.join(", ")))
}

/// A program on the search path.
pub(super) fn which(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
}
