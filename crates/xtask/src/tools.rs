//! The tools that a build needs: uses what is there, installs what is missing where it may, and otherwise says what to
//! install.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use xshell::{Shell, cmd};

use crate::step;
use crate::wasm::Toolchain;

const BINARYEN: &str = "132";
const CARGO_FUZZ: &str = "0.13.2";

/// Where everything is.
pub(crate) struct Tools {
    pub(crate) wasm: Toolchain,
    /// Programs that cargo installed.
    bin: PathBuf,
    /// Folder of wasm-opt.
    wasm_opt: PathBuf,
}

/// Top folder of the repository.
pub(crate) fn root() -> PathBuf {
    // Asked at run time: clones that share a target folder also share the compiled program.
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| "crates/xtask".into());
    // Two levels above this crate's manifest.
    Path::new(&manifest)
        .ancestors()
        .nth(2)
        .map_or_else(|| ".".into(), Path::to_path_buf)
}

/// Folder for tools that outlives clones.
fn cache() -> Result<PathBuf> {
    let home = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = home.or_else(|| {
        Some(PathBuf::from(std::env::var_os("HOME").or_else(|| std::env::var_os("USERPROFILE"))?).join(".cache"))
    });
    Ok(home.context("neither HOME nor XDG_CACHE_HOME is set")?.join("tare"))
}

/// Folder of build results: cargo's own.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

impl Tools {
    /// Makes sure that everything is there.
    pub(crate) fn prepare(sh: &Shell) -> Result<Self> {
        let tools = cache()?.join("tools");
        sh.create_dir(&tools)?;
        let wasm = Toolchain::prepare(sh)?;
        let wasm_bindgen = locked_version("wasm-bindgen")?;
        cargo_tool(sh, &tools, "wasm-bindgen", "wasm-bindgen-cli", &wasm_bindgen)?;
        let wasm_opt = wasm_opt(sh, &tools)?;
        browser(sh)?;
        vulkan_loader(sh)?;
        Ok(Self {
            wasm,
            bin: tools.join("bin"),
            wasm_opt,
        })
    }

    /// A program that cargo installed.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    pub(crate) fn wasm_opt(&self) -> PathBuf {
        self.wasm_opt.join("wasm-opt")
    }
}

/// The version of a package in Cargo.lock.
fn locked_version(package: &str) -> Result<String> {
    let lock: toml::Table = std::fs::read_to_string(root().join("Cargo.lock"))
        .context("cannot read Cargo.lock")?
        .parse()?;
    let packages = lock
        .get("package")
        .and_then(toml::Value::as_array)
        .context("Cargo.lock lists no packages")?;
    packages
        .iter()
        .find(|entry| entry.get("name").and_then(toml::Value::as_str) == Some(package))
        .and_then(|entry| entry.get("version")?.as_str())
        .map(str::to_owned)
        .with_context(|| format!("Cargo.lock has no {package}"))
}

/// The program that builds and runs fuzzers.
pub(crate) fn cargo_fuzz(sh: &Shell) -> Result<PathBuf> {
    let tools = cache()?.join("tools");
    cargo_tool(sh, &tools, "cargo-fuzz", "cargo-fuzz", CARGO_FUZZ)?;
    Ok(tools.join("bin").join("cargo-fuzz"))
}

fn cargo_tool(sh: &Shell, tools: &Path, program: &str, package: &str, version: &str) -> Result<()> {
    let installed = tools.join("bin").join(program);
    let found = cmd!(sh, "{installed} --version")
        .quiet()
        .ignore_stderr()
        .read()
        .unwrap_or_default();
    if found.split_whitespace().any(|word| word == version) {
        return Ok(());
    }
    step(&format!("installing {package} {version} (once, some minutes)"));
    // Kept apart, and without the settings that a caller may have made for wasm.
    let build = target().join("tools");
    cmd!(sh, "cargo install {package} --version {version} --root {tools}")
        .env("CARGO_TARGET_DIR", build)
        .env("CARGO_PROFILE_RELEASE_LTO", "false")
        // Tools that run for seconds need no more.
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
        .run()
        .with_context(|| format!("cannot install {package}"))
}

/// wasm-opt from npm; a system's own is often too old. Returns its folder.
fn wasm_opt(sh: &Shell, tools: &Path) -> Result<PathBuf> {
    let npm = tools.join("npm");
    let bin = npm.join("node_modules").join(".bin");
    let program = bin.join("wasm-opt");
    let found = cmd!(sh, "{program} --version")
        .quiet()
        .ignore_stderr()
        .read()
        .unwrap_or_default();
    if found.split_whitespace().any(|word| word == BINARYEN) {
        return Ok(bin);
    }
    if cmd!(sh, "npm --version").quiet().ignore_stderr().read().is_err() {
        debian(sh, &["nodejs", "npm"], "Node.js with npm")?;
    }
    step("installing wasm-opt from npm's binaryen");
    sh.create_dir(&npm)?;
    cmd!(
        sh,
        "npm install --no-audit --no-fund --prefix {npm} binaryen@{BINARYEN}"
    )
    .run()
    .context("cannot install wasm-opt")?;
    Ok(bin)
}

fn browser(sh: &Shell) -> Result<()> {
    let there = |name: &str| which(name).is_some();
    let chromium = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
        .into_iter()
        .any(there);
    let firefox = ["firefox", "firefox-esr"].into_iter().any(there);
    if (chromium && there("chromedriver")) || (firefox && there("geckodriver")) {
        return Ok(());
    }
    debian(
        sh,
        &["chromium", "chromium-driver"],
        "a browser with its WebDriver (Chromium with chromedriver, or Firefox with geckodriver)",
    )
}

/// What finds Vulkan drivers, that of the browser for machines without a GPU too. Without it OpenGL is what is left.
fn vulkan_loader(sh: &Shell) -> Result<()> {
    let libraries = cmd!(sh, "ldconfig -p")
        .quiet()
        .ignore_stderr()
        .read()
        .unwrap_or_default();
    // Other systems bring theirs with the graphics driver, or have none.
    if !cfg!(target_os = "linux") || libraries.contains("libvulkan.so.1") {
        return Ok(());
    }
    debian(sh, &["libvulkan1"], "the Vulkan loader (libvulkan.so.1)")
}

/// Installs Debian packages where that is possible.
pub(crate) fn debian(sh: &Shell, packages: &[&str], what: &str) -> Result<()> {
    let root = cmd!(sh, "id -u")
        .quiet()
        .ignore_stderr()
        .read()
        .is_ok_and(|id| id == "0");
    if which("apt-get").is_none() || !root {
        bail!(
            "{what} is missing\nhint: install it; on Debian and Ubuntu: sudo apt-get install {}",
            packages.join(" ")
        );
    }
    step(&format!("installing {}", packages.join(", ")));
    let quiet = ["-o", "Dpkg::Use-Pty=0"];
    cmd!(sh, "apt-get -q {quiet...} update")
        .run()
        .context("cannot update the list of packages")?;
    cmd!(
        sh,
        "apt-get -q {quiet...} install -y --no-install-recommends {packages...}"
    )
    .env("DEBIAN_FRONTEND", "noninteractive")
    .run()
    .with_context(|| format!("cannot install {}", packages.join(", ")))
}

/// A program on the search path.
pub(crate) fn which(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
}
