//! The shared libraries of a kit's programs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use xshell::{Shell, cmd};

/// Packages with libraries that are opened by name: the Vulkan loader, what graphics drivers want, and NSS's modules.
pub(super) const OPENED_BY_NAME: [(&str, &[&str]); 8] = [
    ("libvulkan1", &["libvulkan.so.1"]),
    ("libegl1", &["libEGL.so.1"]),
    ("libgl1", &["libGL.so.1"]),
    ("libgles2", &["libGLESv2.so.2"]),
    ("libglx0", &["libGLX.so.0"]),
    ("libglvnd0", &["libGLdispatch.so.0"]),
    ("libopengl0", &["libOpenGL.so.0"]),
    (
        "libnss3",
        &["libsoftokn3.so", "libfreebl3.so", "libfreeblpriv3.so", "libnssckbi.so"],
    ),
];

/// Parts of the C library, which a kit cannot bring: the machine's loader belongs to its own.
const C_LIBRARY: [&str; 9] = [
    "ld-linux",
    "libc.so",
    "libm.so",
    "libpthread.so",
    "libdl.so",
    "librt.so",
    "libresolv.so",
    "libutil.so",
    "libnss_",
];

/// Copies the libraries of `programs`, and those that are opened by name, into `folder`.
pub(super) fn copy(sh: &Shell, programs: &[PathBuf], packages: &Path, folder: &Path) -> Result<()> {
    let mut opened = Vec::new();
    for (package, names) in OPENED_BY_NAME {
        for name in names {
            let found = cmd!(sh, "find {packages} -name {name}").quiet().read()?;
            let path = found
                .lines()
                .next()
                .with_context(|| format!("{package} holds no {name}"))?;
            opened.push((name.to_string(), PathBuf::from(path)));
        }
    }
    let mut libraries: BTreeMap<String, PathBuf> = BTreeMap::new();
    for program in programs.iter().chain(opened.iter().map(|(_, path)| path)) {
        libraries.extend(needed(sh, program, packages)?);
    }
    libraries.extend(opened);
    libraries.retain(|name, _| !C_LIBRARY.iter().any(|part| name.starts_with(part)));
    sh.create_dir(folder)?;
    for (name, path) in libraries {
        // The file that a link leads to, under the name that programs ask for.
        let to = folder.join(name);
        cmd!(sh, "cp -L {path} {to}").quiet().run()?;
    }
    Ok(())
}

/// The libraries that the loader finds for a program or library, by name.
fn needed(sh: &Shell, program: &Path, packages: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let path = packages.join("usr/lib/x86_64-linux-gnu");
    let output = cmd!(sh, "ldd {program}").env("LD_LIBRARY_PATH", path).quiet().read()?;
    parse(&output).with_context(|| format!("{} would not start here", program.display()))
}

/// Reads what ldd prints.
fn parse(output: &str) -> Result<BTreeMap<String, PathBuf>> {
    let mut libraries = BTreeMap::new();
    for line in output.lines() {
        let Some((name, place)) = line.trim().split_once(" => ") else {
            continue;
        };
        let path = place.split(" (").next().unwrap_or_default();
        if path == "not found" {
            bail!("{name} is not installed");
        }
        libraries.insert(name.to_owned(), PathBuf::from(path));
    }
    Ok(libraries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_read_from_ldd() {
        let output = "\tlinux-vdso.so.1 (0x1)\n\tlibgcc_s.so.1 => /lib/libgcc_s.so.1 (0x2)\n\t/lib64/ld-linux-x86-64.so.2 (0x3)\n";
        let libraries = parse(output).unwrap();
        assert_eq!(
            libraries,
            BTreeMap::from([("libgcc_s.so.1".into(), "/lib/libgcc_s.so.1".into())])
        );
        let error = parse("\tlibnss3.so => not found\n").unwrap_err().to_string();
        assert_eq!(error, "libnss3.so is not installed");
    }
}
