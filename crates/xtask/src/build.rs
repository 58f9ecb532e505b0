//! Building the workers, the page and the native binary.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

use crate::step;
use crate::tools::{Tools, root, target};
use crate::wasm::wasm_target;

/// How to build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Every day and in tests.
    Release,
    /// As it ships.
    Dist,
}

impl Profile {
    fn name(self) -> &'static str {
        match self {
            Profile::Release => "release",
            Profile::Dist => "dist",
        }
    }
}

/// Engines that have a worker module.
pub(crate) const WORKERS: [&str; 3] = ["tract", "burn-flex", "burn-wgpu"];

/// What rustc enables for wasm by default, and simd128, which `.cargo/config.toml` adds.
const WASM_FEATURES: [&str; 7] = [
    "--enable-simd",
    "--enable-bulk-memory",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-reference-types",
    "--enable-multivalue",
];

/// Builds everything; returns the tools and the native binary.
pub(crate) fn all(sh: &Shell, profile: Profile) -> Result<(Tools, PathBuf)> {
    let tools = Tools::prepare(sh)?;
    page(sh, &tools, profile)?;
    let binary = native(sh, profile)?;
    Ok((tools, binary))
}

/// Builds the native binary.
pub(crate) fn native(sh: &Shell, profile: Profile) -> Result<PathBuf> {
    step("building the native binary (the first time 20 minutes and more on two cores)");
    let name = profile.name();
    cmd!(sh, "cargo build --profile {name} -p tare -p tare-burn -p tare-tract").run()?;
    Ok(target()
        .join(name)
        .join(format!("tare{}", std::env::consts::EXE_SUFFIX)))
}

/// Builds the workers and the page into `dist`.
pub(crate) fn page(sh: &Shell, tools: &Tools, profile: Profile) -> Result<()> {
    let workers = root().join("web/built/workers");
    sh.create_dir(&workers)?;
    for engine in WORKERS {
        worker(sh, tools, profile, engine, &workers)?;
    }
    sh.copy_file(root().join("web/workers/worker.js"), workers.join("worker.js"))?;
    step("building the page");
    let path = tools.path()?;
    let path = match tools.wasm.cargo_folder()? {
        Some(folder) => std::env::join_paths(std::iter::once(folder).chain(std::env::split_paths(&path)))?,
        None => path,
    };
    let trunk = tools.program("trunk");
    let name = profile.name();
    // Trunk takes NO_COLOR for a boolean and refuses "1".
    let mut command = cmd!(sh, "{trunk} build --release --cargo-profile {name}")
        .env("PATH", path)
        .env_remove("NO_COLOR");
    for (key, value) in tools.wasm.environment() {
        command = command.env(key, value);
    }
    command.run().context("trunk failed")
}

fn worker(sh: &Shell, tools: &Tools, profile: Profile, engine: &str, workers: &Path) -> Result<()> {
    step(&format!(
        "building the worker of {engine} (the first time 10 to 30 minutes on two cores)"
    ));
    let name = profile.name();
    let arguments = [
        "build",
        "--profile",
        name,
        "--target",
        "wasm32-unknown-unknown",
        "-p",
        "tare-web",
        "--bin",
        "tare-worker",
        "--no-default-features",
        "--features",
        engine,
    ];
    tools.wasm.cargo(sh, &arguments).run()?;
    let built = wasm_target()
        .join("wasm32-unknown-unknown")
        .join(name)
        .join("tare-worker.wasm");

    // Only if the module is another one than last time.
    let module = workers.join(format!("{engine}_bg.wasm"));
    let seen = wasm_target().join(format!("{engine}.{name}.seen.wasm"));
    if module.is_file() && std::fs::read(&built)? == std::fs::read(&seen).unwrap_or_default() {
        return Ok(());
    }
    let wasm_bindgen = tools.program("wasm-bindgen");
    cmd!(sh, "{wasm_bindgen} --target web --no-typescript --remove-name-section --out-name {engine} --out-dir {workers} {built}").run()?;
    // wasm-opt works for ten minutes and more on an engine: what ships is worth it, an everyday build is not.
    if profile == Profile::Dist {
        let wasm_opt = tools.wasm_opt();
        let bound = workers.join(format!("{engine}.bound.wasm"));
        std::fs::rename(&module, &bound)?;
        let features = WASM_FEATURES;
        cmd!(sh, "{wasm_opt} -O3 {features...} {bound} -o {module}").run()?;
        sh.remove_path(bound)?;
    }
    sh.copy_file(&built, &seen)?;
    Ok(())
}
