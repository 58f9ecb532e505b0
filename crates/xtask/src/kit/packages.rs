//! Debian packages that go into a kit without being installed here.

use std::path::PathBuf;

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

use super::libraries::OPENED_BY_NAME;
use crate::paths::target;

/// The package of the browser's font.
const FONT: &str = "fonts-dejavu-core";

/// Downloads the packages and unpacks them. Returns the folder that stands for the system's root.
pub(super) fn unpack(sh: &Shell) -> Result<PathBuf> {
    let folder = target().join("kit-packages");
    sh.remove_path(&folder)?;
    sh.create_dir(&folder)?;
    let packages = OPENED_BY_NAME.iter().map(|(package, _)| *package).chain([FONT]);
    let _folder = sh.push_dir(&folder);
    cmd!(sh, "apt-get -q download {packages...}")
        .quiet()
        .run()
        .context("cannot download Debian packages\nhint: apt-get update")?;
    for package in sh.read_dir(&folder)? {
        if package.extension().is_some_and(|extension| extension == "deb") {
            cmd!(sh, "dpkg -x {package} root").quiet().run()?;
        }
    }
    Ok(folder.join("root"))
}
