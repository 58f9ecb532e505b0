//! The one file that ships: a launcher that holds the program, which holds the page.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use xshell::{Shell, cmd};

use crate::build::{self, Profile, worker_modules};
use crate::docs::ship_licenses;
use crate::paths::{dist as page_folder, root, target};
use crate::setup::Tools;
use crate::step::step;

/// The most that the file may weigh.
const LIMIT_BYTES: u64 = 60_000_000;

/// The most that the program of an everyday build may weigh, with the names of its functions.
const EVERYDAY_LIMIT_BYTES: u64 = 225_000_000;

/// Where the sizes are kept that `docs/results.md` shows.
const SIZES: &str = "records/program-size.json";

/// What the file that ships weighs.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProgramSize {
    /// The revision that was built.
    pub(crate) revision: String,
    pub(crate) target: String,
    pub(crate) file_bytes: u64,
    /// The program, unpacked and with the page inside.
    pub(crate) unpacked_bytes: u64,
    /// Parts of the page, compressed, as they are in the program.
    pub(crate) page: BTreeMap<String, u64>,
}

impl ProgramSize {
    /// The committed sizes.
    pub(crate) fn committed() -> Result<Self> {
        let text = std::fs::read_to_string(root().join(SIZES)).with_context(|| format!("cannot read {SIZES}"))?;
        serde_json::from_str(&text).with_context(|| format!("in {SIZES}"))
    }

    /// The file without the page.
    pub(crate) fn code_bytes(&self) -> u64 {
        self.file_bytes.saturating_sub(self.page.values().sum())
    }

    pub(crate) fn check(&self) -> Result<()> {
        if self.file_bytes > LIMIT_BYTES {
            bail!(
                "the file is too large: {} bytes of at most {LIMIT_BYTES}",
                self.file_bytes
            );
        }
        Ok(())
    }
}

/// Builds the file that ships, and writes down what its parts weigh.
pub(crate) fn dist(sh: &Shell) -> Result<()> {
    let file = one_file(sh, Profile::Dist)?;
    let size = weigh(sh, &file)?;
    println!("{:>10} bytes in all: {}", size.file_bytes, file.display());
    println!("{:>10} program with all engines, compressed", size.code_bytes());
    for (part, bytes) in &size.page {
        println!("{bytes:>10} {part}");
    }
    size.check()?;
    let text = serde_json::to_string_pretty(&size)?;
    sh.write_file(root().join(SIZES), text + "\n")?;
    println!("written to {SIZES}; `cargo xtask docs` shows it in docs/results.md");
    Ok(())
}

/// Fails if the program of an everyday build is larger than its limit.
pub(crate) fn check_everyday() -> Result<()> {
    let program = build::native_binary(Profile::Release);
    let bytes = program
        .metadata()
        .with_context(|| format!("found no {}", program.display()))?
        .len();
    if bytes > EVERYDAY_LIMIT_BYTES {
        bail!("the program is too large: {bytes} bytes of at most {EVERYDAY_LIMIT_BYTES}");
    }
    Ok(())
}

/// Builds program and page, and packs both into one file.
pub(crate) fn one_file(sh: &Shell, profile: Profile) -> Result<PathBuf> {
    let tools = Tools::prepare(sh)?;
    build::page(sh, &tools, profile)?;
    step("compressing the page");
    let page = compressed_page(profile);
    compress_folder(sh, &page_folder(), &page, profile)?;
    let program = {
        let _page_inside = sh.push_env("TARE_EMBEDDED_PAGE", &page);
        build::native(sh, profile)?
    };
    step("packing the program");
    let name = profile.name();
    let folder = target().join(format!("one-file-{name}"));
    sh.create_dir(&folder)?;
    let compressed = folder.join("program.br");
    let quality = if profile == Profile::Dist { 9 } else { FAST };
    compress(sh, &program, &compressed, quality)?;
    cmd!(sh, "cargo build --profile {name} -p tare-launcher")
        .env("TARE_PROGRAM", &compressed)
        .run()?;
    let suffix = std::env::consts::EXE_SUFFIX;
    let file = folder.join(format!("tare{suffix}"));
    sh.copy_file(program.with_file_name(format!("tare-launcher{suffix}")), &file)?;
    ship_licenses(sh, &folder)?;
    Ok(file)
}

fn compressed_page(profile: Profile) -> PathBuf {
    target().join(format!("page-{}", profile.name()))
}

/// A quality of brotli that takes seconds. The best, 11, takes a minute for a large module and more for a program.
const FAST: u8 = 5;

/// Compresses a file by brotli, unless the compressed one is newer.
fn compress(sh: &Shell, from: &Path, to: &Path, quality: u8) -> Result<()> {
    const BROTLI: &str = "const [from, to, quality] = process.argv.slice(1); \
        const {constants: c, brotliCompressSync} = require('node:zlib'); const fs = require('node:fs'); \
        const params = {[c.BROTLI_PARAM_QUALITY]: +quality, [c.BROTLI_PARAM_LGWIN]: 24}; \
        fs.writeFileSync(to, brotliCompressSync(fs.readFileSync(from), {params}))";
    if modified(to) < modified(from) {
        // Under its name only when it is whole.
        let (quality, unfinished) = (quality.to_string(), to.with_extension("unfinished"));
        cmd!(sh, "node -e {BROTLI} {from} {unfinished} {quality}")
            .quiet()
            .run()?;
        if std::fs::read(&unfinished)? == std::fs::read(to).unwrap_or_default() {
            // As old as it is: the program would be linked again, which takes a quarter of an hour.
            std::fs::remove_file(unfinished)?;
        } else {
            std::fs::rename(unfinished, to)?;
        }
    }
    Ok(())
}

/// Makes `to` hold the compressed files of `from`, and nothing else.
fn compress_folder(sh: &Shell, from: &Path, to: &Path, profile: Profile) -> Result<()> {
    let quality = if profile == Profile::Dist { 11 } else { FAST };
    sh.create_dir(to)?;
    let mut kept = Vec::new();
    for path in sh.read_dir(from)? {
        let name = path.file_name().unwrap_or_default().to_owned();
        if path.is_dir() {
            compress_folder(sh, &path, &to.join(&name), profile)?;
            kept.push(to.join(&name));
            continue;
        }
        let mut compressed = to.join(&name).into_os_string();
        compressed.push(".br");
        let compressed = PathBuf::from(compressed);
        compress(sh, &path, &compressed, quality)?;
        kept.push(compressed);
    }
    for path in sh.read_dir(to)? {
        if !kept.contains(&path) {
            sh.remove_path(path)?;
        }
    }
    Ok(())
}

fn modified(path: &Path) -> Option<SystemTime> {
    path.metadata().and_then(|metadata| metadata.modified()).ok()
}

fn weigh(sh: &Shell, file: &Path) -> Result<ProgramSize> {
    let mut page = BTreeMap::new();
    add_sizes(sh, &compressed_page(Profile::Dist), &mut page)?;
    Ok(ProgramSize {
        revision: cmd!(sh, "git rev-parse --short=12 HEAD").quiet().read()?,
        target: cmd!(sh, "rustc --print host-tuple").quiet().read()?,
        file_bytes: file.metadata()?.len(),
        unpacked_bytes: build::native_binary(Profile::Dist).metadata()?.len(),
        page,
    })
}

/// Adds the sizes of compressed files: modules of workers by their names, and all other files as the page.
fn add_sizes(sh: &Shell, folder: &Path, page: &mut BTreeMap<String, u64>) -> Result<()> {
    for path in sh.read_dir(folder)? {
        if path.is_dir() {
            add_sizes(sh, &path, page)?;
            continue;
        }
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let module = worker_modules().find(|(_, module)| file == format!("{}_bg.wasm.br", module.name));
        let part = module.map_or_else(
            || "page and scripts".to_owned(),
            |(_, module)| format!("worker {}", module.name),
        );
        *page.entry(part).or_default() += path.metadata()?.len();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ships_is_within_its_limit() {
        ProgramSize::committed().unwrap().check().unwrap();
    }

    #[test]
    fn a_program_past_the_limit_is_refused() {
        let size = ProgramSize {
            revision: String::new(),
            target: String::new(),
            file_bytes: LIMIT_BYTES + 1,
            unpacked_bytes: 0,
            page: BTreeMap::from([("tract".into(), LIMIT_BYTES)]),
        };
        assert_eq!(size.code_bytes(), 1);
        assert!(
            size.check()
                .unwrap_err()
                .to_string()
                .contains("60000001 bytes of at most 60000000")
        );
    }
}
