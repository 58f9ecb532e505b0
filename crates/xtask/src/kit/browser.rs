//! Debian's Chromium with its driver, as it is installed here.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use xshell::{Shell, cmd};

/// Where Debian's package puts the program and what belongs to it.
const CHROMIUM: &str = "/usr/lib/chromium";
const DRIVER: &str = "/usr/bin/chromedriver";

/// What a browser without a window does not need: layers that check Vulkan programs, and a driver that does nothing.
const LEFT_OUT: [&str; 5] = [
    "libVkLayer_khronos_validation.so",
    "libVkICD_mock_icd.so",
    ".TOC",
    "extensions",
    "locales",
];

/// A font, because a browser without any ends.
const FONT: &str = "usr/share/fonts/truetype/dejavu/DejaVuSans.ttf";

/// Looks for what is copied.
pub(super) fn check() -> Result<()> {
    if !Path::new(CHROMIUM).join("chromium").is_file() || !Path::new(DRIVER).is_file() {
        bail!(
            "found no {CHROMIUM} and {DRIVER}\nhint: a kit holds Debian's Chromium: sudo apt-get install chromium chromium-driver"
        );
    }
    Ok(())
}

/// Copies browser, driver and a font. Returns the programs and libraries whose libraries a kit needs too.
pub(super) fn copy(sh: &Shell, kit: &Path, packages: &Path) -> Result<Vec<PathBuf>> {
    let installed = Path::new(CHROMIUM);
    let folder = kit.join("browser");
    sh.create_dir(&folder)?;
    for path in sh.read_dir(installed)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if LEFT_OUT.iter().any(|left_out| name.ends_with(left_out)) {
            continue;
        }
        let to = folder.join(&name);
        cmd!(sh, "cp -r {path} {to}").quiet().run()?;
    }
    let locales = folder.join("locales");
    sh.create_dir(&locales)?;
    sh.copy_file(installed.join("locales/en-US.pak"), &locales)?;
    sh.copy_file(DRIVER, folder.join("chromedriver"))?;
    let fonts = kit.join("fonts");
    sh.create_dir(&fonts)?;
    sh.copy_file(packages.join(FONT), &fonts)?;
    let files = sh.read_dir(&folder)?;
    let linked = |path: &PathBuf| path.is_file() && is_elf(path);
    Ok(files.into_iter().filter(linked).collect())
}

/// Whether a file is a program or a library.
fn is_elf(path: &Path) -> bool {
    use std::io::Read as _;
    let mut magic = [0; 4];
    std::fs::File::open(path).is_ok_and(|mut file| file.read_exact(&mut magic).is_ok()) && magic == *b"\x7fELF"
}
