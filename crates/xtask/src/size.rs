//! What the page and its workers weigh, and what is in them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use tare_record::{ModuleSize, SizeLimits};
use wasmparser::{KnownCustom, Name, Parser, Payload, TypeRef};
use xshell::Shell;

use crate::build::{self, PAGE, Profile, built_worker, weigh, worker_modules};
use crate::setup::Tools;
use crate::step::step;

/// The most that the page's own module may weigh: as it ships, and as it is built every day.
const PAGE_LIMITS: SizeLimits = SizeLimits {
    dist_brotli_bytes: 500_000,
    release_gzip_bytes: 500_000,
};

/// A module with what it weighs.
struct Weighed {
    name: &'static str,
    raw_bytes: u64,
    gzip_bytes: u64,
    /// Of modules as they ship.
    brotli_bytes: Option<u64>,
    limits: SizeLimits,
    /// As cargo built it, with the names of its functions.
    as_built: PathBuf,
}

/// All modules of a build.
fn weigh_all(sh: &Shell, profile: Profile, with_brotli: bool) -> Result<Vec<Weighed>> {
    let mut all = Vec::new();
    for (_, module) in worker_modules() {
        let built = built_worker(module, profile);
        // What ships was weighed with brotli when it was built.
        let text = if with_brotli && profile == Profile::Release {
            weigh(sh, &[built.module], true)?
        } else {
            sh.read_file(&built.size)?
        };
        all.push(weighed(module.name, &text, module.limits, built.as_built)?);
    }
    let text = PAGE.weight(sh, with_brotli)?;
    all.push(weighed("page", &text, PAGE_LIMITS, PAGE.as_built(profile))?);
    Ok(all)
}

fn weighed(name: &'static str, text: &str, limits: SizeLimits, as_built: PathBuf) -> Result<Weighed> {
    let size: ModuleSize = serde_json::from_str(text).with_context(|| format!("what {name} weighs cannot be read"))?;
    Ok(Weighed {
        name,
        raw_bytes: size.raw_bytes,
        gzip_bytes: size.gzip_bytes.context("no size with gzip")?,
        brotli_bytes: size.brotli_bytes,
        limits,
        as_built,
    })
}

/// Crates of a module that are listed.
const LISTED: usize = 12;

/// Builds what ships, or takes what was built every day, and prints what it weighs. Fails past a limit of what ships.
pub(crate) fn size(sh: &Shell, profile: Profile) -> Result<()> {
    let tools = Tools::prepare(sh)?;
    build::page(sh, &tools, profile)?;
    step("compressing");
    let modules = weigh_all(sh, profile, true)?;
    let mut too_large = Vec::new();
    for module in &modules {
        let (name, limit) = (module.name, module.limits.dist_brotli_bytes);
        let brotli = module.brotli_bytes.context("no size with brotli")?;
        println!(
            "{name:<17} {:>10} bytes, gzip {:>9}, brotli {brotli:>9}",
            module.raw_bytes, module.gzip_bytes
        );
        if profile == Profile::Dist && brotli > limit {
            too_large.push(format!("{name}: {brotli} bytes of at most {limit}"));
        }
    }
    for module in &modules {
        let bytes =
            std::fs::read(&module.as_built).with_context(|| format!("cannot read {}", module.as_built.display()))?;
        println!("\n{}, as cargo built it:", module.name);
        for (part, size) in contents(&bytes).with_context(|| format!("cannot read the module {}", module.name))? {
            println!("{size:>10} {part}");
        }
    }
    if !too_large.is_empty() {
        bail!("too large, compressed by brotli: {}", too_large.join("; "));
    }
    Ok(())
}

/// Fails if a module of an everyday build is larger than its limit.
pub(crate) fn check_everyday(sh: &Shell) -> Result<()> {
    let too_large: Vec<String> = weigh_all(sh, Profile::Release, false)?
        .iter()
        .filter(|module| module.gzip_bytes > module.limits.release_gzip_bytes)
        .map(|module| {
            let limit = module.limits.release_gzip_bytes;
            format!("{}: {} bytes of at most {limit}", module.name, module.gzip_bytes)
        })
        .collect();
    if !too_large.is_empty() {
        bail!(
            "too large, compressed by gzip: {}\nhint: `cargo xtask size --release` says what is in them",
            too_large.join("; ")
        );
    }
    Ok(())
}

/// Bytes of data, and of code by crate, largest first.
fn contents(module: &[u8]) -> Result<Vec<(String, usize)>> {
    let (mut imported, mut bodies, mut data) = (0, Vec::new(), 0);
    let mut names = BTreeMap::new();
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    imported += usize::from(matches!(import?.ty, TypeRef::Func(_)));
                }
            }
            Payload::CodeSectionEntry(body) => bodies.push(body.range().len()),
            Payload::DataSection(section) => data = section.range().len(),
            Payload::CustomSection(section) => {
                let KnownCustom::Name(subsections) = section.as_known() else {
                    continue;
                };
                for subsection in subsections {
                    let Name::Function(map) = subsection? else { continue };
                    for naming in map {
                        let naming = naming?;
                        names.insert(usize::try_from(naming.index)?, crate_of(naming.name));
                    }
                }
            }
            _ => {}
        }
    }
    let mut parts = BTreeMap::from([("data".to_owned(), data)]);
    for (position, size) in bodies.into_iter().enumerate() {
        let name = names.get(&(imported + position)).cloned();
        *parts
            .entry(name.unwrap_or_else(|| "without a name".into()))
            .or_default() += size;
    }
    let mut parts: Vec<(String, usize)> = parts.into_iter().collect();
    parts.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    let rest: usize = parts
        .split_off(parts.len().min(LISTED))
        .iter()
        .map(|(_, size)| size)
        .sum();
    parts.push(("the rest".into(), rest));
    Ok(parts)
}

/// The crate that a function's mangled name begins with.
fn crate_of(name: &str) -> String {
    let plain = format!("{:#}", rustc_demangle::demangle(name));
    let start = plain.trim_start_matches(|c: char| !c.is_alphanumeric());
    let start = start.strip_prefix("dyn ").unwrap_or(start);
    start
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .next()
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_belong_to_the_crate_that_they_begin_with() {
        for (name, expected) in [
            ("_ZN12tract_linalg5frame3mmm4kern17h0123456789abcdefE", "tract_linalg"),
            (
                "_ZN58_$LT$tract_core..ops..Conv$u20$as$u20$core..fmt..Debug$GT$3fmt17h0123456789abcdefE",
                "tract_core",
            ),
            ("memcpy", "memcpy"),
        ] {
            assert_eq!(crate_of(name), expected);
        }
    }
}
