//! A folder that measures on Linux machines where nothing can be installed: the program, a browser, and the libraries of both.

mod browser;
mod libraries;
mod packages;
mod parts;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use xshell::{Shell, cmd};

use crate::build::{self, Profile};
use crate::dist;
use crate::docs::ship_licenses;
use crate::setup::{self, Tools};
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
    /// The everyday build of the program instead of the one that ships.
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
    let (folder, parts) = (options.out.join(NAME), options.out.join("parts"));
    // Before the build, which takes long.
    check_folders(&folder, &parts)?;
    if options.browser {
        // Installs a browser where there is none.
        Tools::prepare(sh)?;
        browser::check()?;
    }
    let profile = Profile::dist_if(!options.everyday);
    let program = dist::one_file(sh, profile)?;

    step("gathering the kit");
    let packages = packages::unpack(sh)?;
    sh.remove_path(&folder)?;
    sh.create_dir(&folder)?;
    sh.copy_file(&program, folder.join("tare"))?;
    script(sh, &folder)?;
    // The one that the file unpacks.
    let mut programs = vec![build::native_binary(profile)];
    if options.browser {
        programs.extend(browser::copy(sh, &folder, &packages)?);
    }
    programs.push(onnxruntime(sh, &folder)?);
    libraries::copy(sh, &programs, &packages, &folder.join("lib"))?;
    ship_licenses(sh, &folder)?;
    parts::write_manifest(sh, &folder)?;
    println!("kit: {}", folder.display());
    if let Some(size) = options.parts {
        step("packing the parts");
        parts::split(sh, options.out, &parts, size)?;
        script(sh, &parts)?;
        cmd!(sh, "ls -l {parts}").quiet().run()?;
    }
    Ok(())
}

/// Copies onnxruntime with its licenses. Returns its library.
fn onnxruntime(sh: &Shell, kit: &Path) -> Result<PathBuf> {
    let library = setup::onnxruntime(sh, setup::ONNXRUNTIME_WEBGPU)?.context(
        "a kit holds onnxruntime, which cannot be installed here\nhint: python3 -m pip has to reach a registry",
    )?;
    let folder = kit.join("onnxruntime");
    sh.create_dir(&folder)?;
    // PACKAGES/onnxruntime/capi/libonnxruntime.so.1
    let package = library
        .parent()
        .and_then(Path::parent)
        .context("onnxruntime is in no package")?;
    for text in ["LICENSE", "ThirdPartyNotices.txt"] {
        sh.copy_file(package.join(text), &folder)?;
    }
    let copy = folder.join("libonnxruntime.so");
    sh.copy_file(library, &copy)?;
    Ok(copy)
}

/// Refuses to delete anything but an earlier kit.
fn check_folders(folder: &Path, parts: &Path) -> Result<()> {
    let out = folder.join("out");
    if out.exists() {
        bail!("{} holds records\nhint: move them away first", out.display());
    }
    for earlier in [folder, parts] {
        if earlier.exists() && !earlier.join(RUN).is_file() {
            bail!(
                "{} exists and is no kit\nhint: choose another folder with -o",
                earlier.display()
            );
        }
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

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::process::Command;

    use super::*;

    /// Runs the script in a folder with these files. Returns its last line.
    fn last_line(files: &[(&str, &str)], arguments: &[&str]) -> String {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files.iter().chain([&(RUN, include_str!("run.sh"))]) {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let script = folder.path().join(RUN);
        let output = Command::new("sh").arg(script).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let text = String::from_utf8(output.stderr).unwrap();
        text.lines().last().unwrap_or_default().to_owned()
    }

    #[test]
    fn only_an_earlier_kit_is_replaced() {
        let root = tempfile::tempdir().unwrap();
        let (kit, parts) = (root.path().join("kit"), root.path().join("parts"));
        check_folders(&kit, &parts).unwrap();
        std::fs::create_dir(&parts).unwrap();
        let refused = |expected: &str| {
            let error = check_folders(&kit, &parts).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        refused("parts exists and is no kit");
        std::fs::write(parts.join(RUN), "").unwrap();
        check_folders(&kit, &parts).unwrap();
        std::fs::create_dir_all(kit.join("out")).unwrap();
        refused("out holds records");
    }

    #[test]
    fn the_script_refuses_wrong_options() {
        for (arguments, expected) in [
            (
                &["--minutes", "1"][..],
                "error: --minutes 1: too few to start a browser and measure; give at least 2",
            ),
            (&["--minutes", "ten"], "error: --minutes ten: expected a whole number"),
            (&["--minutes"], "error: --minutes: expected a value after it"),
            (&["--fast"], "error: --fast: unknown option; --help lists them"),
            (
                &["--plan", "gpu", "--engines", "ort-cuda"],
                "error: --engines ort-cuda: a plan names its own; leave out --plan or --engines",
            ),
        ] {
            assert_eq!(last_line(&[], arguments), expected);
        }
    }

    #[test]
    fn the_script_names_parts_that_are_missing_or_damaged() {
        // SHA-256 of nothing.
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let sums = format!("{empty}  ./tare-kit.tar.gz.00\n");
        let manifest = ("SHA256SUMS", sums.as_str());
        for (files, expected) in [
            (vec![], "holds neither the kit nor its parts: SHA256SUMS is missing"),
            (
                vec![manifest],
                "error: part tare-kit.tar.gz.00 is missing: copy it next to run.sh",
            ),
            (
                vec![manifest, ("tare-kit.tar.gz.00", "x")],
                "error: part tare-kit.tar.gz.00 is damaged (expected SHA-256 e3b0c44",
            ),
            (
                vec![manifest, ("tare-kit.tar.gz.00", "")],
                "error: the kit cannot be unpacked into ",
            ),
        ] {
            let line = last_line(&files, &[]);
            assert!(line.contains(expected), "{line}");
        }
    }
}
