//! The workers' modules: one for each row of the registry of engines and each set of instructions.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use tare_record::{ENGINES, EngineSpec, ModuleSpec};
use xshell::{Shell, cmd};

use super::profile::Profile;
use crate::paths::{root, wasm_target};
use crate::setup::Tools;
use crate::step::step;

/// Scripts that go next to the modules.
const SCRIPTS: [&str; 9] = [
    "busy-loop.html",
    "busy-loop.js",
    "interop-worker.js",
    "interop.js",
    "loader.js",
    "node-worker.js",
    "onnxruntime.js",
    "package.json",
    "worker.js",
];

/// What shared memory between workers needs, for rustc and for wasm-bindgen.
const THREADS: [&str; 8] = [
    "-Ctarget-feature=+atomics,+bulk-memory,+mutable-globals",
    "-Clink-arg=--shared-memory",
    "-Clink-arg=--import-memory",
    "-Clink-arg=--max-memory=4294967296",
    "-Clink-arg=--export=__wasm_init_tls",
    "-Clink-arg=--export=__tls_size",
    "-Clink-arg=--export=__tls_align",
    "-Clink-arg=--export=__tls_base",
];

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

/// Node compresses, because no smaller tool is there on every machine. Prints a `ModuleSize` as JSON.
const COMPRESS: &str = "const {gzipSync, brotliCompressSync} = require('node:zlib'); \
    const [how, ...paths] = process.argv.slice(1); \
    const files = paths.map((path) => require('node:fs').readFileSync(path)); \
    const sum = (size) => files.map(size).reduce((a, b) => a + b); \
    const brotli_bytes = how === 'brotli' ? sum((file) => brotliCompressSync(file).length) : null; \
    const gzip_bytes = sum((file) => gzipSync(file, {level: 9}).length); \
    console.log(JSON.stringify({raw_bytes: sum((file) => file.length), gzip_bytes, brotli_bytes}))";

/// All modules of workers, with their engines.
pub(crate) fn worker_modules() -> impl Iterator<Item = (&'static EngineSpec, &'static ModuleSpec)> {
    ENGINES
        .iter()
        .flat_map(|engine| engine.modules.iter().map(move |module| (engine, module)))
}

/// The files of a built worker.
pub(crate) struct BuiltWorker {
    /// The module.
    pub(crate) module: PathBuf,
    /// What it weighs: a `ModuleSize` as JSON.
    pub(crate) size: PathBuf,
    /// The module as cargo built it, with the names of its functions.
    pub(crate) as_built: PathBuf,
}

/// Where a worker is built.
pub(crate) fn built_worker(module: &ModuleSpec, profile: Profile) -> BuiltWorker {
    let (folder, name) = (folder(profile), module.name);
    BuiltWorker {
        module: folder.join(format!("{name}_bg.wasm")),
        size: folder.join(format!("{name}.size.json")),
        as_built: folder.with_extension("as-built").join(format!("{name}.wasm")),
    }
}

fn folder(profile: Profile) -> PathBuf {
    wasm_target().join(format!("workers-{}", profile.name()))
}

/// Builds all workers that are not up to date, and gathers them with their scripts.
pub(crate) fn workers(sh: &Shell, tools: &Tools, profile: Profile) -> Result<()> {
    let folder = folder(profile);
    sh.create_dir(&folder)?;
    sh.create_dir(folder.with_extension("as-built"))?;
    for (engine, module) in worker_modules() {
        worker(sh, tools, profile, engine, module)?;
    }
    for script in SCRIPTS {
        sh.copy_file(root().join("web/workers").join(script), folder.join(script))?;
    }
    let library = folder.join("onnxruntime");
    sh.create_dir(&library)?;
    for file in worker_modules().flat_map(|(_, module)| module.library) {
        sh.copy_file(onnxruntime(tools).join(file), library.join(file))?;
    }
    Ok(())
}

/// The folder of npm's package onnxruntime-web with its files.
fn onnxruntime(tools: &Tools) -> PathBuf {
    tools.npm().join("node_modules/onnxruntime-web/dist")
}

/// Copies the built workers to `to`.
pub(super) fn copy(sh: &Shell, profile: Profile, to: &Path) -> Result<()> {
    copy_folder(sh, &folder(profile), to)
}

/// Copies a folder.
pub(crate) fn copy_folder(sh: &Shell, from: &Path, to: &Path) -> Result<()> {
    sh.create_dir(to)?;
    for path in sh.read_dir(from)? {
        let name = path.file_name().unwrap_or_default();
        if path.is_dir() {
            copy_folder(sh, &path, &to.join(name))?;
        } else {
            // A link where the file system has them: modules are large.
            let target = to.join(name);
            std::fs::hard_link(&path, &target).or_else(|_| std::fs::copy(&path, &target).map(|_| ()))?;
        }
    }
    Ok(())
}

fn worker(sh: &Shell, tools: &Tools, profile: Profile, engine: &EngineSpec, module: &ModuleSpec) -> Result<()> {
    let BuiltWorker {
        module: path,
        size,
        as_built,
    } = built_worker(module, profile);
    if !path.is_file() {
        let name = module.name;
        step(&format!(
            "building the worker {name} (the first time 5 to 20 minutes on two cores)"
        ));
    }
    cargo_build(sh, tools, profile, engine, module)?;
    let built = wasm_target()
        .join("wasm32-unknown-unknown")
        .join(profile.name())
        .join("tare-worker.wasm");
    // Only if it is not the module of last time.
    let unchanged = || std::fs::read(&built).ok() == std::fs::read(&as_built).ok();
    if path.is_file() && size.is_file() && unchanged() {
        return Ok(());
    }
    refuse_commands(&built, module.name)?;
    let (wasm_bindgen, name, folder) = (tools.program("wasm-bindgen"), module.name, folder(profile));
    // What trunk has gathered may be a link to the file.
    let _ = std::fs::remove_file(&path);
    cmd!(
        sh,
        "{wasm_bindgen} --target web --no-typescript --remove-name-section --out-name {name} --out-dir {folder} {built}"
    )
    .run()?;
    if profile == Profile::Dist {
        let relaxed = module.relaxed_simd.then_some("--enable-relaxed-simd");
        let threads = module.threads.then_some("--enable-threads");
        let features: Vec<&str> = relaxed.into_iter().chain(threads).collect();
        optimize(sh, tools, &path, &features)?;
    }
    // What is downloaded: with the library that it calls, if there is one.
    let library = module.library.iter().map(|file| onnxruntime(tools).join(file));
    let files: Vec<PathBuf> = [path].into_iter().chain(library).collect();
    let weight = weigh(sh, &files, profile == Profile::Dist)?;
    let _ = std::fs::remove_file(&size);
    sh.write_file(size, weight)?;
    sh.copy_file(&built, &as_built)?;
    Ok(())
}

/// Refuses a module that the linker took for a command: every call into it would first run all that registers itself.
fn refuse_commands(module: &Path, name: &str) -> Result<()> {
    const WRAPPER: &[u8] = b".command_export";
    if std::fs::read(module)?
        .windows(WRAPPER.len())
        .any(|part| part == WRAPPER)
    {
        bail!("the worker {name} is linked as a command\nhint: web/src/bin/worker.rs has to call __wasm_call_ctors");
    }
    Ok(())
}

fn cargo_build(sh: &Shell, tools: &Tools, profile: Profile, engine: &EngineSpec, module: &ModuleSpec) -> Result<()> {
    let relaxed = module.relaxed_simd.then_some("-Ctarget-feature=+relaxed-simd");
    let threads = module.threads.then_some(THREADS).into_iter().flatten();
    let flags: Vec<&str> = relaxed.into_iter().chain(threads).collect();
    // cargo keeps apart what it compiled with other flags.
    let config = format!("target.wasm32-unknown-unknown.rustflags={flags:?}");
    let config = (!flags.is_empty()).then_some(["--config", &config]);
    let arguments = [
        "build",
        "--quiet",
        "--profile",
        profile.name(),
        "--target",
        "wasm32-unknown-unknown",
        "-p",
        "tare-web",
        "--bin",
        "tare-worker",
        "--no-default-features",
        "--features",
        engine.text,
    ];
    let arguments: Vec<&str> = arguments.into_iter().chain(config.into_iter().flatten()).collect();
    tools.wasm.cargo(sh, &arguments, module.threads).run()?;
    Ok(())
}

/// Runs wasm-opt on a module that ships. It takes ten minutes and more for an engine, which everyday builds are not worth.
pub(super) fn optimize(sh: &Shell, tools: &Tools, module: &Path, features: &[&str]) -> Result<()> {
    let wasm_opt = tools.wasm_opt();
    let features = WASM_FEATURES.iter().chain(features);
    let optimized = module.with_extension("optimized");
    cmd!(sh, "{wasm_opt} -O3 {features...} {module} -o {optimized}").run()?;
    std::fs::rename(&optimized, module)?;
    Ok(())
}

/// What the files of a module weigh: a `ModuleSize` as JSON. Brotli takes a minute where gzip takes a second.
pub(crate) fn weigh(sh: &Shell, files: &[PathBuf], with_brotli: bool) -> Result<String> {
    let how = if with_brotli { "brotli" } else { "gzip" };
    Ok(cmd!(sh, "node -e {COMPRESS} {how} {files...}").quiet().read()?)
}
