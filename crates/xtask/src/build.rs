//! Building the workers, the page and the native binary.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;

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

/// A wasm module: the page, or an engine's worker compiled for some instructions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Module {
    pub(crate) name: &'static str,
    /// `None` is the page.
    engine: Option<&'static str>,
    relaxed_simd: bool,
    threads: bool,
}

/// All modules that ship. Only tract has other kernels for relaxed SIMD, and WebGPU's objects stay in one thread.
pub(crate) const MODULES: [Module; 7] = [
    Module::of("tract", "tract"),
    Module {
        relaxed_simd: true,
        ..Module::of("tract-relaxed", "tract")
    },
    Module {
        relaxed_simd: true,
        threads: true,
        ..Module::of("tract-threads", "tract")
    },
    Module::of("burn-flex", "burn-flex"),
    Module {
        threads: true,
        ..Module::of("burn-flex-threads", "burn-flex")
    },
    Module::of("burn-wgpu", "burn-wgpu"),
    // Last, because what it refers to must be there.
    Module {
        name: "page",
        engine: None,
        relaxed_simd: false,
        threads: false,
    },
];

impl Module {
    const fn of(name: &'static str, engine: &'static str) -> Self {
        Self {
            name,
            engine: Some(engine),
            relaxed_simd: false,
            threads: false,
        }
    }

    /// The built module.
    pub(crate) fn path(self) -> PathBuf {
        self.folder().join(format!("{}_bg.wasm", self.name))
    }

    /// What its worker tells of its weight.
    pub(crate) fn size_path(self) -> PathBuf {
        self.folder().join(format!("{}.size.json", self.name))
    }

    /// As cargo built it, with the names of its functions.
    pub(crate) fn seen_path(self, profile: Profile) -> PathBuf {
        wasm_target().join(format!("{}.{}.seen.wasm", self.name, profile.name()))
    }

    fn folder(self) -> PathBuf {
        let dist = root().join("dist");
        if self.engine.is_some() {
            dist.join("workers")
        } else {
            dist
        }
    }

    /// Flags for rustc beside those in `.cargo/config.toml`.
    fn rustflags(self) -> Vec<&'static str> {
        let mut flags = Vec::new();
        if self.relaxed_simd {
            flags.push("-Ctarget-feature=+relaxed-simd");
        }
        if self.threads {
            flags.extend(THREADS);
        }
        flags
    }
}

/// Memory that workers share, and what wasm-bindgen needs to start them on it.
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
    for file in [
        "worker.js",
        "boundary.js",
        "boundary-worker.js",
        "occupant.js",
        "occupant.html",
    ] {
        sh.copy_file(web.join("workers").join(file), workers.join(file))?;
    }
    for built in MODULES {
        step(&format!(
            "building the module {} (that of an engine the first time 5 to 20 minutes on two cores)",
            built.name
        ));
        module(sh, tools, profile, built)?;
    }
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

/// Builds a module and its JavaScript.
fn module(sh: &Shell, tools: &Tools, profile: Profile, module: Module) -> Result<()> {
    let cargo_profile = profile.name();
    let program = if module.engine.is_some() {
        "tare-worker"
    } else {
        "tare-page"
    };
    let features = module
        .engine
        .map(|engine| ["--no-default-features", "--features", engine]);
    // cargo keeps apart what it compiled with other flags.
    let config = format!("target.wasm32-unknown-unknown.rustflags={:?}", module.rustflags());
    let flags = (!module.rustflags().is_empty()).then_some(["--config", &config]);
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
    let arguments: Vec<&str> = arguments
        .into_iter()
        .chain(features.into_iter().flatten())
        .chain(flags.into_iter().flatten())
        .collect();
    tools.wasm.cargo(sh, &arguments, module.threads).run()?;
    let built = wasm_target()
        .join("wasm32-unknown-unknown")
        .join(cargo_profile)
        .join(format!("{program}.wasm"));

    // Only if the module is another one than last time.
    let (path, size, seen) = (module.path(), module.size_path(), module.seen_path(profile));
    if path.is_file() && size.is_file() && std::fs::read(&built)? == std::fs::read(&seen).unwrap_or_default() {
        return Ok(());
    }
    let (wasm_bindgen, name, folder) = (tools.program("wasm-bindgen"), module.name, module.folder());
    cmd!(
        sh,
        "{wasm_bindgen} --target web --no-typescript --remove-name-section --out-name {name} --out-dir {folder} {built}"
    )
    .run()?;
    // wasm-opt works for ten minutes and more on an engine: what ships is worth it, an everyday build is not.
    if profile == Profile::Dist {
        let wasm_opt = tools.wasm_opt();
        let bound = folder.join(format!("{name}.bound.wasm"));
        std::fs::rename(&path, &bound)?;
        let relaxed = module.relaxed_simd.then_some("--enable-relaxed-simd");
        let threads = module.threads.then_some("--enable-threads");
        let features = WASM_FEATURES.iter().chain(&relaxed).chain(&threads);
        cmd!(sh, "{wasm_opt} -O3 {features...} {bound} -o {path}").run()?;
        sh.remove_path(bound)?;
    }
    let told = weigh(sh, &path, profile == Profile::Dist)?;
    sh.write_file(size, told)?;
    sh.copy_file(&built, &seen)?;
    // What the other profile made has been written over.
    for other in [Profile::Release, Profile::Dist]
        .into_iter()
        .filter(|other| *other != profile)
    {
        sh.remove_path(module.seen_path(other))?;
    }
    Ok(())
}
