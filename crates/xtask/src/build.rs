//! Building the workers, the page and the native binary.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::Result;
use xshell::{Shell, cmd};

use crate::size::weigh;
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
    pub(crate) fn dist_if(dist: bool) -> Self {
        if dist { Profile::Dist } else { Profile::Release }
    }

    fn name(self) -> &'static str {
        match self {
            Profile::Release => "release",
            Profile::Dist => "dist",
        }
    }
}

/// Name of the page's module.
pub(crate) const PAGE: &str = "page";

/// Modules of workers: of every engine, and of those with other kernels for it one with relaxed SIMD.
pub(crate) const WORKERS: [&str; 4] = ["tract", "tract-relaxed", "burn-flex", "burn-wgpu"];

/// What the names of modules with relaxed SIMD end with.
const RELAXED: &str = "-relaxed";

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

/// Added to what `.cargo/config.toml` says.
const RELAXED_CONFIG: &str = "target.wasm32-unknown-unknown.rustflags=['-Ctarget-feature=+relaxed-simd']";

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
    let (dist, web) = (root().join("dist"), root().join("web"));
    let workers = dist.join("workers");
    sh.create_dir(&workers)?;
    for worker in WORKERS {
        step(&format!(
            "building the worker of {worker} (the first time 5 to 20 minutes on two cores)"
        ));
        module(sh, tools, profile, worker, &workers)?;
    }
    for script in ["worker.js", "boundary.js", "boundary-worker.js"] {
        sh.copy_file(web.join("workers").join(script), workers.join(script))?;
    }
    step("building the page");
    module(sh, tools, profile, PAGE, &dist)?;
    sh.copy_file(web.join("page.css"), dist.join("page.css"))?;
    // Browsers keep files by their addresses: other contents, another address.
    let mut hasher = DefaultHasher::new();
    for file in ["page.css", "page.js", "page_bg.wasm"] {
        std::fs::read(dist.join(file))?.hash(&mut hasher);
    }
    let index = sh.read_file(web.join("index.html"))?;
    let build = format!("{:016x}", hasher.finish());
    sh.write_file(dist.join("index.html"), index.replace("BUILD", &build))?;
    Ok(())
}

/// The module of the page or of an engine's worker as cargo built it, with the names of its functions.
pub(crate) fn bound_from(name: &str, profile: Profile) -> PathBuf {
    wasm_target().join(format!("{name}.{}.seen.wasm", profile.name()))
}

/// Builds a module and its JavaScript into a folder: the page or a worker.
fn module(sh: &Shell, tools: &Tools, profile: Profile, name: &str, folder: &Path) -> Result<()> {
    let cargo_profile = profile.name();
    let (program, features): (&str, &[&str]) = match name.strip_suffix(RELAXED).unwrap_or(name) {
        PAGE => ("tare-page", &[]),
        engine => ("tare-worker", &["--no-default-features", "--features", engine]),
    };
    // cargo keeps apart what it compiled with other instructions.
    let instructions: &[&str] = if name.ends_with(RELAXED) {
        &["--config", RELAXED_CONFIG]
    } else {
        &[]
    };
    let arguments = [
        "build",
        "--profile",
        cargo_profile,
        "--target",
        "wasm32-unknown-unknown",
        "-p",
        "tare-web",
        "--bin",
        program,
    ];
    let arguments = [&arguments, features, instructions].concat();
    tools.wasm.cargo(sh, &arguments).run()?;
    let built = wasm_target()
        .join("wasm32-unknown-unknown")
        .join(cargo_profile)
        .join(format!("{program}.wasm"));

    // Only if the module is another one than last time.
    let module = folder.join(format!("{name}_bg.wasm"));
    let (seen, size) = (bound_from(name, profile), folder.join(format!("{name}.size.json")));
    if module.is_file() && size.is_file() && std::fs::read(&built)? == std::fs::read(&seen).unwrap_or_default() {
        return Ok(());
    }
    let wasm_bindgen = tools.program("wasm-bindgen");
    cmd!(
        sh,
        "{wasm_bindgen} --target web --no-typescript --remove-name-section --out-name {name} --out-dir {folder} {built}"
    )
    .run()?;
    // wasm-opt works for ten minutes and more on an engine: what ships is worth it, an everyday build is not.
    if profile == Profile::Dist {
        let wasm_opt = tools.wasm_opt();
        let bound = folder.join(format!("{name}.bound.wasm"));
        std::fs::rename(&module, &bound)?;
        let relaxed = name.ends_with(RELAXED).then_some("--enable-relaxed-simd");
        let features = WASM_FEATURES.iter().chain(&relaxed);
        cmd!(sh, "{wasm_opt} -O3 {features...} {bound} -o {module}").run()?;
        sh.remove_path(bound)?;
    }
    let told = weigh(sh, &module, profile == Profile::Dist)?;
    sh.write_file(size, told)?;
    sh.copy_file(&built, &seen)?;
    // What the other profile made has been written over.
    for other in [Profile::Release, Profile::Dist]
        .into_iter()
        .filter(|other| *other != profile)
    {
        sh.remove_path(bound_from(name, other))?;
    }
    Ok(())
}
