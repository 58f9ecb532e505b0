//! Checksums, and parts of a limited size.

use std::path::Path;

use anyhow::{Result, bail};
use xshell::{Shell, cmd};

use super::NAME;

/// The checksums of a kit's files, and of its parts.
const MANIFEST: &str = "SHA256SUMS";

/// Refuses a size that `split` does not take.
pub(super) fn check(size: &str) -> Result<()> {
    let digits = size.strip_suffix(['K', 'M', 'G']).unwrap_or(size);
    match digits.parse::<u64>() {
        Ok(number) if number > 0 => Ok(()),
        _ => bail!("--parts {size}: expected a size like 60M or 2G"),
    }
}

/// Writes the checksums of all files below a folder into it.
pub(super) fn write_manifest(sh: &Shell, folder: &Path) -> Result<()> {
    let sums = format!("find . -type f ! -name {MANIFEST} | LC_ALL=C sort | xargs -d '\\n' sha256sum > {MANIFEST}");
    let _folder = sh.push_dir(folder);
    cmd!(sh, "sh -c {sums}").quiet().run()?;
    Ok(())
}

/// Packs the kit that is in `out` into parts, with their checksums. gzip, because a bare machine has no other.
pub(super) fn split(sh: &Shell, out: &Path, parts: &Path, size: &str) -> Result<()> {
    sh.remove_path(parts)?;
    sh.create_dir(parts)?;
    let pack = "set -o pipefail; tar --sort=name --owner=0 --group=0 -C \"$1\" -cf - \"$2\" | gzip -9 | split -b \"$3\" -d - \"$4/$2.tar.gz.\"";
    cmd!(sh, "bash -c {pack} pack {out} {NAME} {size} {parts}")
        .quiet()
        .run()?;
    write_manifest(sh, parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_parts() {
        for size in ["60M", "2G", "700", "64K"] {
            check(size).unwrap();
        }
        for size in ["", "M", "0M", "60MB", "-1", "sixty"] {
            assert!(
                check(size)
                    .unwrap_err()
                    .to_string()
                    .contains("expected a size like 60M"),
                "{size}"
            );
        }
    }
}
