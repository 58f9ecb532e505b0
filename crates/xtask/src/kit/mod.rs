//! A folder that measures on Linux machines where nothing can be installed: the program, a browser, and the libraries of both.

mod browser;
mod libraries;
mod parts;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use xshell::{Shell, cmd};

use crate::build::{self, Profile};
use crate::dist;
use crate::step::step;

/// Name of the folder, in the folder that was asked for.
const NAME: &str = "tare-kit";

/// The script that measures.
const RUN: &str = "run.sh";

/// What goes into a kit.
pub(crate) struct Options<'a> {
    /// The folder to write.
    pub(crate) out: &'a Path,
    pub(crate) browser: bool,
    /// The largest part, as `split` takes it: `60M`.
    pub(crate) parts: Option<&'a str>,
    /// The program of everyday instead of the one that ships.
    pub(crate) everyday: bool,
}

/// Writes a kit.
pub(crate) fn kit(sh: &Shell, options: &Options<'_>) -> Result<()> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        bail!("kits are for Linux on x86-64, and are built there");
    }
    if let Some(size) = options.parts {
        parts::check(size)?;
    }
    let profile = Profile::dist_if(!options.everyday);
    let program = dist::one_file(sh, profile)?;

    step("gathering the kit");
    let folder = options.out.join(NAME);
    if folder.join(RUN).is_file() {
        sh.remove_path(&folder)?;
    } else if folder.exists() {
        bail!(
            "{} exists and is no kit\nhint: choose another folder with -o",
            folder.display()
        );
    }
    sh.create_dir(&folder)?;
    sh.copy_file(&program, folder.join("tare"))?;
    script(sh, &folder)?;
    // The one that the file unpacks.
    let mut programs = vec![build::native_binary(profile)];
    if options.browser {
        programs.extend(browser::copy(sh, &folder)?);
    }
    libraries::copy(sh, &programs, &folder.join("lib"))?;
    parts::write_manifest(sh, &folder)?;
    println!("kit: {}", folder.display());
    if let Some(size) = options.parts {
        step("packing the parts");
        let parts = options.out.join("parts");
        parts::split(sh, options.out, &parts, size)?;
        script(sh, &parts)?;
        cmd!(sh, "ls -l {parts}").quiet().run()?;
    }
    Ok(())
}

/// Writes the script that measures.
fn script(sh: &Shell, folder: &Path) -> Result<PathBuf> {
    let path = folder.join(RUN);
    sh.write_file(&path, include_str!("run.sh"))?;
    cmd!(sh, "chmod 755 {path}").quiet().run()?;
    Ok(path)
}
