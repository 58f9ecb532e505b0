//! What the page and its workers weigh, and what is in them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use wasmparser::{KnownCustom, Name, Parser, Payload, TypeRef};
use xshell::{Shell, cmd};

use crate::build::{MODULES, Profile, page};
use crate::step;
use crate::tools::Tools;

/// The most bytes that a module may have.
struct Limit {
    module: &'static str,
    /// Of what ships, compressed by brotli as well as it can: what a visitor waits for.
    shipped_brotli: u64,
    /// Of an everyday build, compressed by gzip: what every test sees.
    everyday_gzip: u64,
}

const fn limit(module: &'static str, shipped_brotli: u64, everyday_gzip: u64) -> Limit {
    Limit {
        module,
        shipped_brotli,
        everyday_gzip,
    }
}

const LIMITS: [Limit; 7] = [
    limit("page", 500_000, 570_000),
    limit("tract", 3_000_000, 3_800_000),
    limit("tract-relaxed", 3_000_000, 3_800_000),
    limit("tract-threads", 3_000_000, 3_800_000),
    limit("burn-flex", 3_000_000, 1_700_000),
    limit("burn-flex-threads", 3_000_000, 1_900_000),
    limit("burn-wgpu", 4_500_000, 6_000_000),
];

/// So many crates of a module are listed.
const LISTED: usize = 12;

/// Node compresses, because no smaller tool is there on every machine. Prints what the workers tell of their module.
const COMPRESS: &str = "const {gzipSync, brotliCompressSync} = require('node:zlib'); \
    const bytes = require('node:fs').readFileSync(process.argv[1]); \
    const brotli_bytes = process.argv[2] === 'brotli' ? brotliCompressSync(bytes).length : null; \
    console.log(JSON.stringify({raw_bytes: bytes.length, gzip_bytes: gzipSync(bytes, {level: 9}).length, brotli_bytes}))";

/// What a module weighs, as the JSON that its worker tells. Brotli takes a minute where gzip takes a second.
pub(crate) fn weigh(sh: &Shell, module: &Path, with_brotli: bool) -> Result<String> {
    let how = if with_brotli { "brotli" } else { "gzip" };
    Ok(cmd!(sh, "node -e {COMPRESS} {module} {how}").quiet().read()?)
}

/// Builds what ships, or takes what was built every day, and prints what it weighs. Fails past a limit of what ships.
pub(crate) fn size(sh: &Shell, profile: Profile) -> Result<()> {
    let tools = Tools::prepare(sh)?;
    page(sh, &tools, profile)?;
    step("compressing");
    let mut heavy = Vec::new();
    for module in MODULES {
        let name = module.name;
        // What ships was weighed when it was built.
        let told = match profile {
            Profile::Dist => sh.read_file(module.size_path())?,
            Profile::Release => weigh(sh, &module.path(), true)?,
        };
        let [raw, gzip, brotli] = numbers(&told)?[..] else {
            bail!("node printed {told:?}");
        };
        println!("{name:<17} {raw:>10} bytes, gzip {gzip:>9}, brotli {brotli:>9}");
        let limit = limit_of(name)?.shipped_brotli;
        if profile == Profile::Dist && brotli > limit {
            heavy.push(format!("{name}: {brotli} bytes of at most {limit}"));
        }
    }
    for module in MODULES {
        let bytes = std::fs::read(module.seen_path(profile))?;
        println!("\n{}, as cargo built it:", module.name);
        for (part, size) in contents(&bytes).with_context(|| format!("cannot read the module {}", module.name))? {
            println!("{size:>10} {part}");
        }
    }
    if !heavy.is_empty() {
        bail!("too heavy, compressed by brotli: {}", heavy.join("; "));
    }
    Ok(())
}

/// Fails if a module that was built every day is heavier than recorded.
pub(crate) fn check_everyday(sh: &Shell) -> Result<()> {
    let mut heavy = Vec::new();
    for module in MODULES {
        let told = sh.read_file(module.size_path())?;
        let [_, gzip, ..] = numbers(&told)?[..] else {
            bail!("{} holds {told:?}", module.size_path().display());
        };
        let limit = limit_of(module.name)?.everyday_gzip;
        if gzip > limit {
            heavy.push(format!("{}: {gzip} bytes of at most {limit}", module.name));
        }
    }
    if !heavy.is_empty() {
        bail!(
            "too heavy, compressed by gzip: {}\nhint: `cargo xtask size` tells what is in them",
            heavy.join("; ")
        );
    }
    Ok(())
}

fn limit_of(module: &str) -> Result<&'static Limit> {
    let limit = LIMITS.iter().find(|limit| limit.module == module);
    limit.with_context(|| format!("no limit is recorded for the module {module}"))
}

/// The numbers in a text, in order.
fn numbers(text: &str) -> Result<Vec<u64>> {
    let digits = text.split(|c: char| !c.is_ascii_digit());
    let numbers = digits.filter(|digits| !digits.is_empty()).map(str::parse);
    Ok(numbers.collect::<Result<_, _>>()?)
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
