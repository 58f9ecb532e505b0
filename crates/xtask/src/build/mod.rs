//! Building the workers, the page and the native binary.

mod background_build;
mod module;
mod policy;
mod profile;
mod workers;

use std::path::PathBuf;

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

use crate::paths::{TARGET_VARIABLE, target};
use crate::setup::Tools;
use crate::step::step;

pub(crate) use background_build::BackgroundBuild;
pub(crate) use module::PAGE;
pub(crate) use profile::Profile;
pub(crate) use workers::{built_worker, copy_folder, weigh, worker_modules, workers};

/// Packages with engines: all but those that need none, run elsewhere or train. Always selected together, because cargo unifies features
/// over a selection.
pub(crate) const HEAVY: &[&str] = &[
    "--workspace",
    "--exclude=bench-codegen",
    "--exclude=tare-core",
    "--exclude=tare-findings",
    "--exclude=tare-regression",
    "--exclude=tare-fuzz",
    "--exclude=tare-launcher",
    "--exclude=tare-models",
    "--exclude=tare-ort-web",
    "--exclude=tare-record",
    "--exclude=tare-report",
    "--exclude=tare-web",
    "--exclude=train-digits",
    "--exclude=xtask",
];

/// Tells the hook that trunk calls which profile trunk was called for.
const PROFILE_VARIABLE: &str = "TARE_PROFILE";

/// Builds everything; returns the tools and the native binary.
pub(crate) fn all(sh: &Shell, profile: Profile) -> Result<(Tools, PathBuf)> {
    // In the background, because it takes as long as all modules of wasm.
    let build = [&["build", "--profile", profile.name()][..], HEAVY].concat();
    let native = BackgroundBuild::start(&build, &[])?;
    let tools = Tools::prepare(sh)?;
    page(sh, &tools, profile)?;
    native.finish()?;
    Ok((tools, native_binary(profile)))
}

/// Builds the native binary.
pub(crate) fn native(sh: &Shell, profile: Profile) -> Result<PathBuf> {
    step("building the native binary (the first time 20 minutes and more on two cores, as it ships 45)");
    let name = profile.name();
    cmd!(sh, "cargo build --profile {name} {HEAVY...}").run()?;
    Ok(native_binary(profile))
}

/// Where the native binary is built.
pub(crate) fn native_binary(profile: Profile) -> PathBuf {
    let program = format!("tare{}", std::env::consts::EXE_SUFFIX);
    target().join(profile.name()).join(program)
}

/// Builds everything, and serves the page until Ctrl-C.
pub(crate) fn serve(sh: &Shell) -> Result<()> {
    let (_, tare) = all(sh, Profile::Release)?;
    cmd!(sh, "{tare} serve").run()?;
    Ok(())
}

/// Builds workers and page into `dist`, by trunk.
pub(crate) fn page(sh: &Shell, tools: &Tools, profile: Profile) -> Result<()> {
    // Before trunk, whose hook then only copies them: its output would hide theirs.
    workers(sh, tools, profile)?;
    step("building the page");
    let (trunk, cargo_profile) = (tools.program("trunk"), profile.of_page());
    let mut command = cmd!(sh, "{trunk} build --skip-version-check --cargo-profile {cargo_profile}")
        .env(PROFILE_VARIABLE, profile.name())
        .env(TARGET_VARIABLE, target())
        // Colors and progress of a terminal do no good in a log.
        .env("NO_COLOR", "true");
    for (key, value) in tools.wasm.environment() {
        command = command.env(key, value);
    }
    command.run().context("trunk cannot build the page")?;
    PAGE.finish(sh, tools, profile)
}

/// Builds the workers that are not up to date, and copies them to where trunk gathers the page if trunk called this, with the plans that the page offers.
pub(crate) fn workers_hook(sh: &Shell, dist_asked: bool) -> Result<()> {
    let from_trunk = std::env::var(PROFILE_VARIABLE).is_ok_and(|name| name == Profile::Dist.name());
    let profile = Profile::dist_if(dist_asked || from_trunk);
    let tools = Tools::find(sh)?;
    workers(sh, &tools, profile)?;
    let Some(staging) = std::env::var_os("TRUNK_STAGING_DIR") else {
        return Ok(());
    };
    let staging = PathBuf::from(staging);
    // The page has no reader of TOML.
    let plans = serde_json::to_string(&tare_core::offered_plans()?)?;
    sh.write_file(staging.join("plans.json"), plans)?;
    workers::copy(sh, profile, &staging.join("workers"))
}
