//! Fuzzers: looks for bytes that do harm, and counts how many did none.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use tare_fuzz::{TARGETS, Target};
use xshell::{Shell, cmd};

use crate::paths::{root, target};
use crate::setup::cargo_fuzz;
use crate::step::step;

/// Where the counts are kept that `docs/reliability.md` shows.
const COUNTS: &str = "records/fuzzing.json";

/// Packages with targets: a fast one, and one that contains the engines and takes half an hour to build.
const LIGHT: &str = "crates/fuzz/libfuzzer";
const ENGINES: &str = "crates/burn/fuzz";

/// Targets with engines: damaged files on burn, and generated ones on tract and burn, which have to agree.
const WITH_ENGINES: [&str; 2] = ["load", "agree"];

/// How often a target ran without harm.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Count {
    pub(crate) executions: u64,
    pub(crate) seconds: u64,
}

/// The counts so far, by target.
pub(crate) fn counts(sh: &Shell) -> Result<BTreeMap<String, Count>> {
    let path = root().join(COUNTS);
    if !path.is_file() {
        return Ok(BTreeMap::new());
    }
    serde_json::from_str(&sh.read_file(path)?).with_context(|| format!("in {COUNTS}"))
}

/// Runs one target, or all, for some seconds each. With `keep`, what they found interesting joins the inputs that tests run.
pub(crate) fn fuzz(sh: &Shell, only: Option<&str>, seconds: u64, keep: bool) -> Result<()> {
    let light = TARGETS.iter().map(|target| (target.name, LIGHT));
    let all: Vec<_> = light.chain(WITH_ENGINES.map(|name| (name, ENGINES))).collect();
    let chosen: Vec<_> = all
        .iter()
        .filter(|(name, _)| only.is_none_or(|only| only == *name))
        .collect();
    if chosen.is_empty() {
        let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
        bail!("there is no such target: expected one of {}", names.join(", "));
    }
    let fuzz = cargo_fuzz(sh)?;
    for (name, package) in chosen {
        let found = run(sh, &fuzz, name, package, seconds, keep)?;
        let mut counts = counts(sh)?;
        let count = counts.entry((*name).to_owned()).or_default();
        count.executions += found;
        count.seconds += seconds;
        sh.write_file(root().join(COUNTS), serde_json::to_string_pretty(&counts)? + "\n")?;
        println!(
            "{name}: {found} executions without harm, {} in all",
            counts[*name].executions
        );
    }
    println!("counted in {COUNTS}; `cargo xtask docs` shows them in docs/reliability.md");
    Ok(())
}

/// Runs one target. Returns the number of executions.
fn run(sh: &Shell, fuzz: &Path, name: &str, package: &str, seconds: u64, keep: bool) -> Result<u64> {
    let folder = target().join("fuzz");
    let (corpus, kept) = (folder.join("corpus").join(name), kept(name));
    sh.create_dir(&corpus)?;
    sh.create_dir(&kept)?;
    let mut options = vec![
        format!("-max_total_time={seconds}"),
        "-print_final_stats=1".into(),
        "-timeout=30".into(),
        "-malloc_limit_mb=1024".into(),
        "-rss_limit_mb=4096".into(),
    ];
    let known = TARGETS.iter().find(|known| known.name == name);
    let seeds = match known {
        Some(known) => {
            options.push(format!("-max_len={}", known.longest));
            options.extend(dictionary(sh, known, &folder)?.map(|file| format!("-dict={}", file.display())));
            seeds(sh, known, &folder)?
        }
        None => {
            options.push("-max_len=2000000".into());
            let models = TARGETS.iter().find(|known| known.name == "model");
            seeds(sh, models.context("there is no target of models")?, &folder)?
        }
    };
    step(&format!("looking for inputs that crash a reader: {name}"));
    let build = folder.join(if package == LIGHT { "light" } else { "engines" });
    // Sanitizers are not stable yet; this lets a stable compiler have them.
    let _bootstrap = sh.push_env("RUSTC_BOOTSTRAP", "1");
    let log = folder.join(format!("{name}.log"));
    let command = cmd!(
        sh,
        "{fuzz} run --fuzz-dir {package} --target-dir {build} {name} {corpus} {kept} {seeds} -- {options...}"
    );
    let output = command.ignore_status().output()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    sh.write_file(&log, &text)?;
    if !output.status.success() {
        let end: Vec<&str> = text.lines().rev().take(40).collect();
        eprintln!("{}", end.into_iter().rev().collect::<Vec<_>>().join("\n"));
        bail!(
            "{name}: what did harm is in {package}/artifacts/{name}; the whole output is in {}",
            log.display()
        );
    }
    if let (true, Some(known)) = (keep, known) {
        let limits = ["-merge=1".to_owned(), format!("-max_len={}", known.longest)];
        cmd!(
            sh,
            "{fuzz} run --fuzz-dir {package} --target-dir {build} {name} {kept} {corpus} -- {limits...}"
        )
        .ignore_stderr()
        .run()?;
    }
    executions(&text).with_context(|| format!("libFuzzer printed no statistics: {}", log.display()))
}

/// Inputs that are kept for a target.
fn kept(name: &str) -> PathBuf {
    root().join("crates/fuzz/corpus").join(name)
}

/// What libFuzzer prints at its end.
fn executions(text: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))?;
    line.trim().parse().ok()
}

/// Writes the inputs to start from, a file each.
fn seeds(sh: &Shell, target: &Target, folder: &Path) -> Result<PathBuf> {
    let folder = folder.join("seeds").join(target.name);
    for (index, seed) in (target.seeds)().iter().enumerate() {
        sh.write_file(folder.join(index.to_string()), seed)?;
    }
    Ok(folder)
}

/// Writes the words of a target as libFuzzer reads them.
fn dictionary(sh: &Shell, target: &Target, folder: &Path) -> Result<Option<PathBuf>> {
    if target.words.is_empty() {
        return Ok(None);
    }
    let path = folder.join(format!("{}.dict", target.name));
    sh.write_file(&path, in_dictionary(target.words))?;
    Ok(Some(path))
}

fn in_dictionary(words: &[&str]) -> String {
    let mut text = String::new();
    for word in words {
        text.push('"');
        for byte in word.bytes() {
            // Writing to a string cannot fail.
            let _ = write!(text, "\\x{byte:02X}");
        }
        text += "\"\n";
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executions_are_read_from_what_libfuzzer_prints() {
        let text = "Done 12 runs\nstat::number_of_executed_units: 4711\nstat::average_exec_per_sec:     12\n";
        assert_eq!(executions(text), Some(4711));
        assert_eq!(executions("==1== ERROR"), None);
    }

    #[test]
    fn words_are_written_as_libfuzzer_reads_them() {
        assert_eq!(in_dictionary(&["a\"", "\n"]), "\"\\x61\\x22\"\n\"\\x0A\"\n");
    }
}
